"""Not every answer is proven, but any may have to be: pledges, the draw, cases, and votes where one is disputed."""

from klopf.ledger import _pack
from klopf.ledger.proof.case_terms import CaseTerms
from klopf.ledger.proof.cases import Case, Cases, Span, State, Vote

__all__ = ["Case", "CaseTerms", "Cases", "Proof", "Span", "State", "Vote"]


class Proof(_pack.Pack):
    """See this module's text. ``Stake`` obeys only whom it was made with: a network has this pack from the start."""

    name = "proof"
    contracts = (CaseTerms, Cases)
    requires = ("core", "market", "audit", "evidence")
