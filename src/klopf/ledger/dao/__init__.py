"""The DAO that may own the rules, and snapshots of the network's graph as tokens."""

from klopf.ledger._pack import Pack
from klopf.ledger.dao.governance import Governance
from klopf.ledger.dao.snapshots import Snapshots
from klopf.ledger.dao.timelock import Timelock

__all__ = ["Dao"]


class Dao(Pack):
    """See this module's text."""

    name = "dao"
    contracts = (Snapshots, Timelock, Governance)
