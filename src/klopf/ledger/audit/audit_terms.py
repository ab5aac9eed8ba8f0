"""The terms of audits, and their change by the owner of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klopf.ledger import _parameters
from klopf.ledger._pack import Deploying
from klopf.ledger.audit import _versions

__all__ = ["AuditTerms", "AuditTermsReplay", "Proposed"]


@dataclass(frozen=True)
class Proposed(_versions.Proposed):
    """The terms of audits from epoch ``since`` on."""


class AuditTermsReplay(_versions.VersionedReplay[_parameters.AuditTerms]):
    """The terms of each epoch: its audits are judged by them."""

    kind = _parameters.AuditTerms

    def compare(self) -> None:
        self.differ("the contract's terms of audits", self.now, self.client(AuditTerms).current())


class AuditTerms(_versions.Versioned[_parameters.AuditTerms]):
    """How many questions an audit has, and what it costs to doubt one."""

    name = "AuditTerms"
    events = (Proposed,)
    replay = AuditTermsReplay
    kind = _parameters.AuditTerms

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["audit"].as_tuple()
