"""Listening and its pay: receipts, disputes, vouchers, what the reserve emits, and jobs whose price is locked first."""

from klopf.ledger import _pack
from klopf.ledger.market.batch import Batch
from klopf.ledger.market.disputes import Disputes
from klopf.ledger.market.economy import Economy
from klopf.ledger.market.emission import Emission
from klopf.ledger.market.jobs import Jobs
from klopf.ledger.market.settlement import Settlement
from klopf.ledger.market.vouchers import Vouchers

__all__ = ["Batch", "Disputes", "Economy", "Emission", "Jobs", "Market", "Settlement", "Vouchers"]


class Market(_pack.Pack):
    """See this module's text."""

    name = "market"
    contracts = (Economy, Emission, Settlement, Disputes, Vouchers, Jobs, Batch)
