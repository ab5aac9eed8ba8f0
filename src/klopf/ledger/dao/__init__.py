"""The DAO that may own the rules."""

from klopf.ledger import _pack
from klopf.ledger.dao.governance import Governance
from klopf.ledger.dao.timelock import Timelock

__all__ = ["Dao", "Governance", "Timelock"]


class Dao(_pack.Pack):
    """See this module's text."""

    name = "dao"
    contracts = (Timelock, Governance)
