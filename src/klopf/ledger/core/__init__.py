"""What every network has: directory, token, members, stake, rules, clock, beacon and snapshots of its graph."""

from klopf.ledger import _pack
from klopf.ledger.core.beacon import Beacon
from klopf.ledger.core.clock import Clock
from klopf.ledger.core.directory import Directory
from klopf.ledger.core.lens import Lens
from klopf.ledger.core.registry import Registry
from klopf.ledger.core.reserves import Reserves
from klopf.ledger.core.rules import Rules
from klopf.ledger.core.snapshots import Snapshots
from klopf.ledger.core.stake import Stake
from klopf.ledger.core.token import Token

__all__ = [
    "Beacon", "Clock", "Core", "Directory", "Lens", "Registry", "Reserves", "Rules", "Snapshots", "Stake",
    "Token",
]  # fmt: skip


class Core(_pack.Pack):
    """See this module's text."""

    name = "core"
    contracts = (Directory, Rules, Token, Reserves, Clock, Registry, Stake, Beacon, Lens, Snapshots)
    requires = ()
