"""What every network has: the token, members, stake, the rules and the clock."""

from klopf.ledger._pack import Pack
from klopf.ledger.core.clock import Clock
from klopf.ledger.core.keeper import Keeper
from klopf.ledger.core.lens import Lens
from klopf.ledger.core.registry import Registry
from klopf.ledger.core.rules import Rules
from klopf.ledger.core.stake import Stake
from klopf.ledger.core.token import Token

__all__ = ["Core"]


class Core(Pack):
    """See this module's text."""

    name = "core"
    contracts = (Token, Rules, Clock, Registry, Stake, Lens, Keeper)
    requires = ()
