"""The terms of cases, and their change by the owner of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klopf.ledger import _parameters
from klopf.ledger._pack import Deploying
from klopf.ledger.audit import _versions

__all__ = ["CaseTerms", "CaseTermsReplay", "Proposed"]


@dataclass(frozen=True)
class Proposed(_versions.Proposed):
    """The terms of cases about answers from epoch ``since`` on."""


class CaseTermsReplay(_versions.VersionedReplay[_parameters.CaseTerms]):
    """The terms of each epoch: cases about its answers go by them."""

    kind = _parameters.CaseTerms

    def compare(self) -> None:
        self.differ("the contract's terms of cases", self.now, self.client(CaseTerms).current())


class CaseTerms(_versions.Versioned[_parameters.CaseTerms]):
    """How often an answer must be shown to be a network's, and what it costs not to."""

    name = "CaseTerms"
    events = (Proposed,)
    replay = CaseTermsReplay
    kind = _parameters.CaseTerms

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        terms = deploying.settings.get("cases") or _parameters.CaseTerms()
        return deploying.directory, terms.as_tuple()
