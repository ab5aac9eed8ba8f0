"""From the arrays of an audit to its transcript on the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from klopf import ledger
from klopf.peers import pairs_of

__all__ = ["transcript"]


def transcript(
    questions: NDArray[Any],
    answers: NDArray[Any],
    targets: NDArray[Any],
    each: Sequence[int],
    said: Sequence[bytes] | None = None,
) -> ledger.Transcript:
    """Of one task: ``n`` questions, the answers to them, what is right, the score of each in 1/10,000, and the root of
    what the neuron signed with each answer, where it signs. A question that is there twice counts once."""
    classes = targets.dtype.kind == "i" and targets.ndim == 1
    roots = said or [bytes(32)] * len(targets)
    pairs = pairs_of(questions, answers)
    return ledger.Transcript(
        [
            ledger.Answered(*pair, int(target) + 1 if classes else 0, score, root)
            for pair, target, score, root in zip(pairs, targets, each, roots, strict=True)
        ]
    )
