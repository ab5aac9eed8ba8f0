"""Know Your AI: audits by auditors who are drawn by stake."""

from klopf.ledger._pack import Pack
from klopf.ledger.audit.audits import Audits
from klopf.ledger.audit.marks import Marks

__all__ = ["Audit"]


class Audit(Pack):
    """See this module's text."""

    name = "audit"
    contracts = (Marks, Audits)
