"""One participant, as everybody sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from klopf.neuron import Standing

__all__ = ["Participant", "Role"]


class Role(IntEnum):
    """What a participant does."""

    NONE = 0
    NEURON = 1
    AUDITOR = 2
    REQUESTER = 3


@dataclass(frozen=True)
class Participant:
    """One participant as it is registered now."""

    id: int
    role: Role
    standing: Standing
    owner: str
    key: str
    endpoint: str
    fingerprint: bytes
    """SHA-256 of the certificate, 32 bytes."""
    certificate: bytes
    """DER."""
    model: str
    commitment: bytes
    """Hash of the model snapshot that answers, 32 bytes; zeros before the first post."""
    utility: float
    """Bias-corrected, as of the last closed epoch."""
    age: int
    """In epochs."""
    passed: bool
    """Outcome of the last audit."""
    failed: int
    """Audits failed in a row."""
    stake: int
    accounted: int
    """Epochs of its age that its utility contains; the others nobody has collected yet."""
    born: int = 0
    """The epoch of its admission; it counts from the next one on."""
