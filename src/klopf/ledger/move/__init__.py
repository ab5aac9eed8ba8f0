"""What a network has that moved from another chain: everybody's claims to what it had there."""

from klopf.ledger import _pack
from klopf.ledger.move.claims import Claims

__all__ = ["Claims", "Move"]


class Move(_pack.Pack):
    """See this module's text."""

    name = "move"
    contracts = (Claims,)
