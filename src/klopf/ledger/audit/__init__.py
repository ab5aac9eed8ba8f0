"""Know Your AI: audits by auditors who are drawn by stake."""

from klopf.ledger import _pack
from klopf.ledger.audit.audit_terms import AuditTerms
from klopf.ledger.audit.audits import Audits
from klopf.ledger.audit.marks import Marks
from klopf.ledger.audit.seats import Seats

__all__ = ["Audit", "AuditTerms", "Audits", "Marks", "Seats"]


class Audit(_pack.Pack):
    """See this module's text."""

    name = "audit"
    contracts = (Marks, AuditTerms, Seats, Audits)
