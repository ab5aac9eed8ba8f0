"""Finance: an exchange of tokens whose averages of prices nobody pushes in a moment, loans against collateral, and
money that can only be spent on data and compute, whose models pay those who brought it."""

from klopf.ledger import _pack
from klopf.ledger.finance._coin import Coin
from klopf.ledger.finance._lending import MarketTerms
from klopf.ledger.finance.circulation import Circulation
from klopf.ledger.finance.exchange import Exchange
from klopf.ledger.finance.liquidity import Liquidity
from klopf.ledger.finance.loans import Loans
from klopf.ledger.finance.models import Deed, Models
from klopf.ledger.finance.trades import Kind, Offer, Thing, Trades, Want
from klopf.ledger.finance.ventures import Lot, Use, Venture, Ventures, VentureTerms

__all__ = [
    "Circulation", "Coin", "Deed", "Exchange", "Finance", "Kind", "Liquidity", "Loans", "Lot", "MarketTerms", "Models",
    "Offer", "Thing", "Trades", "Use", "Venture", "VentureTerms", "Ventures", "Want",
]  # fmt: skip


class Finance(_pack.Pack):
    """See this module's text."""

    name = "finance"
    contracts = (Exchange, Loans, Ventures, Models, Liquidity, Circulation, Trades)
    requires = ("core", "market", "fleet")
