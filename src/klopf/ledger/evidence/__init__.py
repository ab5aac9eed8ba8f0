"""Whoever says what it counted in an audit can be asked for any single question of it."""

from klopf.ledger import _pack
from klopf.ledger.evidence._statement import Said, Statement, answer_hash, contrary
from klopf.ledger.evidence.challenges import Challenges, Opening, Place

__all__ = ["Challenges", "Evidence", "Opening", "Place", "Said", "Statement", "answer_hash", "contrary"]


class Evidence(_pack.Pack):
    """See this module's text."""

    name = "evidence"
    contracts = (Challenges,)
    requires = ("core", "audit")
