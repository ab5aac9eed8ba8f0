"""The DAO that may own the rules."""

from klopf.ledger._pack import Pack
from klopf.ledger.dao.governance import Governance
from klopf.ledger.dao.timelock import Timelock

__all__ = ["Dao"]


class Dao(Pack):
    """See this module's text."""

    name = "dao"
    contracts = (Timelock, Governance)
