"""Whoever says what it counted in an audit can be asked for any single question of it."""

from klopf.ledger import _pack
from klopf.ledger.evidence.challenges import Challenges

__all__ = ["Challenges", "Evidence"]


class Evidence(_pack.Pack):
    """See this module's text."""

    name = "evidence"
    contracts = (Challenges,)
    requires = ("core", "audit")
