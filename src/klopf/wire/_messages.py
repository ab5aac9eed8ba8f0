"""What handlers and askers hold in their hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from klopf.wire._directory import Peer

__all__ = ["Answer", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """An authentic request, as a handler gets it.

    peer: the registered sender. tensors: read-only arrays by name. payload: bytes, a JSON value or None.
    digest: 32 bytes, what the sender signed. issued_at, expires_at: seconds since 1970, by the sender's clock.
    """

    peer: Peer
    method: str
    tensors: Mapping[str, npt.NDArray[np.generic]]
    payload: Any
    digest: bytes
    issued_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns (tensors and payload), and what an asker gets (with all the rest).

    peer: who answered. request_digest: of the request it answers. digest: 32 bytes that the speaker signed, over
    ``header``, which binds the request and the body; ``signature``: 65 bytes. Header and signature prove the answer
    to a third party. answered_at: seconds since 1970, by the speaker's clock.
    """

    tensors: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    payload: Any = None
    peer: Peer | None = None
    request_digest: bytes = b""
    digest: bytes = b""
    header: bytes = field(default=b"", repr=False)
    signature: bytes = field(default=b"", repr=False)
    answered_at: float = 0.0
