"""Whoever says what it counted in an audit can be asked for any single question of it."""

from klopf.ledger import _pack
from klopf.ledger.evidence._statement import Said, Statement, answer_hash, contrary
from klopf.ledger.evidence.audit_pay import AuditPay, drawn_question
from klopf.ledger.evidence.challenges import Challenges, Opening, Place

__all__ = [
    "AuditPay",
    "Challenges",
    "Evidence",
    "Opening",
    "Place",
    "Said",
    "Statement",
    "answer_hash",
    "contrary",
    "drawn_question",
]


class Evidence(_pack.Pack):
    """See this module's text."""

    name = "evidence"
    contracts = (Challenges, AuditPay)
    requires = ("core", "market", "audit")
