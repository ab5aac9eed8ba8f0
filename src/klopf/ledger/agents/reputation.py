"""ERC-8004's reputation registry, as a view of how neurons were heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._replay import Replay
from klopf.ledger.market.settlement import Settlement

__all__ = ["AgentReputation", "AgentReputationReplay", "FeedbackRevoked", "NewFeedback", "ResponseAppended"]


@dataclass(frozen=True)
class NewFeedback(Event):
    agent_id: int
    client_address: str
    feedback_index: int
    value: int
    value_decimals: int
    indexed_tag1: bytes
    """Its hash."""
    tag1: str
    tag2: str
    endpoint: str
    feedback_uri: str
    feedback_hash: bytes


@dataclass(frozen=True)
class FeedbackRevoked(Event):
    agent_id: int
    client_address: str
    feedback_index: int


@dataclass(frozen=True)
class ResponseAppended(Event):
    agent_id: int
    client_address: str
    feedback_index: int
    responder: str
    response_uri: str
    response_hash: bytes


class AgentReputationReplay(Replay):
    """A view says nothing: whatever is said is a difference."""

    def on_NewFeedback(self, e: NewFeedback) -> None:
        self.differ(self.where(e), "never said", e.agent_id)

    def on_FeedbackRevoked(self, e: FeedbackRevoked) -> None:
        self.differ(self.where(e), "never said", e.agent_id)

    def on_ResponseAppended(self, e: ResponseAppended) -> None:
        self.differ(self.where(e), "never said", e.agent_id)


class AgentReputation(Contract):
    """ERC-8004's reputation registry: one client, the network, and one feedback an epoch, the share of all rank."""

    name = "AgentReputation"
    events = (NewFeedback, FeedbackRevoked, ResponseAppended)
    replay = AgentReputationReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.addresses["AgentIdentity"]

    def summary(self, id: int) -> tuple[int, float]:
        """The epochs that count, and the corrected utility."""
        settlement = self._ledger.client(Settlement).address
        count, value, decimals = self._read("getSummary", id, [settlement], "share", "")
        return int(count), int(value) / 10**decimals

    def feedback(self, id: int) -> dict[int, float]:
        """By epoch, of the last 256: the neuron's share of all rank."""
        _, epochs, values, decimals, *_ = self._read("readAllFeedback", id, [], "", "", False)
        return {e: value / 10**d for e, value, d in zip(epochs, values, decimals, strict=True)}
