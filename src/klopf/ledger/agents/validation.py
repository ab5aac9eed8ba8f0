"""ERC-8004's validation registry, as a view of the audits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._replay import Replay
from klopf.ledger.keys import checksum

__all__ = ["AgentValidation", "AgentValidationReplay", "Validation", "ValidationRequest", "ValidationResponse"]


@dataclass(frozen=True)
class ValidationRequest(Event):
    validator_address: str
    agent_id: int
    request_uri: str
    request_hash: bytes


@dataclass(frozen=True)
class ValidationResponse(Event):
    validator_address: str
    agent_id: int
    request_hash: bytes
    response: int
    response_uri: str
    response_hash: bytes
    tag: str


@dataclass(frozen=True)
class Validation:
    """One task of an audit."""

    validator: str
    """The auditor's key."""
    agent: int
    response: int
    """The score, from 0 to 100."""
    commitment: bytes
    """What the auditor committed to."""
    tag: str
    """The task's name."""
    time: int
    """When it was revealed, in seconds since 1970."""


class AgentValidationReplay(Replay):
    """A view says nothing: whatever is said is a difference."""

    def on_ValidationRequest(self, e: ValidationRequest) -> None:
        self.differ(self.where(e), "never said", e.agent_id)

    def on_ValidationResponse(self, e: ValidationResponse) -> None:
        self.differ(self.where(e), "never said", e.agent_id)


class AgentValidation(Contract):
    """ERC-8004's validation registry: a validation is one task of what an auditor revealed about a neuron."""

    name = "AgentValidation"
    events = (ValidationRequest, ValidationResponse)
    replay = AgentValidationReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.addresses["AgentIdentity"]

    def of(self, id: int) -> list[Validation]:
        """What the audits of the last 64 epochs found about a neuron, the newest first."""
        return [self.get(which) for which in self._read("getAgentValidations", id)]

    def get(self, which: bytes) -> Validation:
        """One of them by what identifies it. Reverted (``UnknownRequest``) where nobody revealed it."""
        validator, agent, response, commitment, tag, time = self._read("getValidationStatus", which)
        return Validation(checksum(validator), agent, response, commitment, tag, time)

    def summary(self, id: int, validators: Sequence[str] = (), tag: str = "") -> tuple[int, int]:
        """How many there are, of these auditors and this task where some are named, and their mean from 0 to 100."""
        count, mean = self._read("getSummary", id, list(validators), tag)
        return int(count), int(mean)
