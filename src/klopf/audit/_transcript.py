"""From the arrays of an audit to its transcript on the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from eth_hash.auto import keccak
from numpy.typing import NDArray

from klopf import ledger

__all__ = ["transcript"]


def transcript(
    questions: NDArray[Any], answers: NDArray[Any], targets: NDArray[Any], each: Sequence[int]
) -> ledger.Transcript:
    """Of one task: ``n`` questions, the answers to them, what is right, and the score of each in 1/10,000."""
    classes = targets.dtype.kind == "i" and targets.ndim == 1
    return ledger.Transcript(
        [
            ledger.Answered(_hash(question), _hash(answer), int(target) + 1 if classes else 0, score)
            for question, answer, target, score in zip(questions, answers, targets, each, strict=True)
        ]
    )


def _hash(one: Any) -> bytes:
    """Of one sample: its text, or its numbers little endian."""
    return bytes(keccak(str(one).encode() if isinstance(one, str) else np.ascontiguousarray(one).tobytes()))
