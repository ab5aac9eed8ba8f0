"""What a network has that moved from another chain: everybody's claims to what it had there."""

from klopf.ledger._pack import Pack
from klopf.ledger.move.claims import Claims

__all__ = ["Move"]


class Move(Pack):
    """See this module's text."""

    name = "move"
    contracts = (Claims,)
