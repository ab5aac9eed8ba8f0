"""What a neuron signed for one auditor in an epoch, as arrays: on the auditor's disk, and on their way to another one.

Pairs are hashes, so nobody learns a question by it; the numbers of the answers go with them, since only numbers can be
contrary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import AuditError
from klopf.ledger.evidence import Said, Statement, answer_hash, contrary

__all__ = ["MOST_BYTES", "MOST_SAID", "Told", "conflict"]

MOST_SAID = 64
"""Statements of one neuron for one auditor in an epoch that are kept and taken."""
MOST_BYTES = 2**24
"""Of these, all together."""
LARGEST = 1e70
"""No number of an answer, in millionths, is larger: a word of the contract holds it."""


@dataclass(frozen=True)
class Told:
    """``said`` are statements with their signatures, ``values`` the numbers of their answers in millionths, ``(n, w)``:
    of all pairs, one statement after the other."""

    said: tuple[tuple[Said, bytes], ...]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, said: Sequence[tuple[Said, bytes]], values: Sequence[NDArray[np.float64]]) -> Told | None:
        """As many of the first statements as may be kept; None where there is none, or answers are no numbers."""
        size, fit = 0, 0
        for (one, _), numbers in zip(said, values, strict=True):
            size += len(one.pairs) * 64 + numbers.nbytes
            if size > MOST_BYTES or fit == MOST_SAID or numbers.shape[1:] != values[0].shape[1:]:
                break
            fit += 1
        return cls(tuple(said[:fit]), np.concatenate(values[:fit])) if fit else None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The same, to be written or sent."""
        pairs = b"".join(question + answer for said, _ in self.said for question, answer in said.pairs)
        return {
            "pairs": np.frombuffer(pairs, np.uint8).reshape(-1, 64),
            "values": self.values,
            "counts": np.array([len(said.pairs) for said, _ in self.said], np.int64),
            "models": np.array([list(said.model) for said, _ in self.said], np.uint8),
            "signatures": np.array([list(signature) for _, signature in self.said], np.uint8),
        }

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]], epoch: int, neuron: int, auditor: int) -> Told:
        """From :meth:`arrays`, which somebody else may have written. Signatures are left to whoever believes one.

        Raises:
            AuditError: it is none, or more than anybody keeps.
        """
        try:
            pairs, values, counts = arrays["pairs"], arrays["values"], arrays["counts"]
            models, signatures = arrays["models"], arrays["signatures"]
        except KeyError as error:
            raise AuditError(f"what a neuron signed has no {error.args[0]}") from None
        n, m = pairs.shape[:1], counts.shape  # a stranger's arrays may have no length
        shapes = (pairs.shape, models.shape, signatures.shape) == ((*n, 64), (*m, 32), (*m, 65))
        shapes = shapes and len(n) == len(m) == 1 and values.ndim == 2 and values.shape[:1] == n and values.shape[1] > 0
        kinds = {pairs.dtype, models.dtype, signatures.dtype} == {np.dtype(np.uint8)}
        if not (shapes and kinds and counts.dtype == np.int64 and values.dtype == np.float64):
            raise AuditError("what a neuron signed has the wrong shape")
        if not 0 < len(counts) <= MOST_SAID or pairs.nbytes + values.nbytes > MOST_BYTES:
            raise AuditError("what a neuron signed is more than anybody keeps, or nothing")
        if counts.min() < 1 or counts.max() > len(pairs) or counts.sum() != len(pairs):
            raise AuditError("what a neuron signed does not add up")
        if not (np.abs(values) <= LARGEST).all() or (values != np.rint(values)).any():
            raise AuditError("what a neuron signed has numbers that are no millionths")
        rows = [(row[:32].tobytes(), row[32:].tobytes()) for row in pairs]
        ends = np.cumsum(counts)
        said = [
            (Said(epoch, neuron, auditor, models[i].tobytes(), tuple(rows[end - count : end])), signatures[i].tobytes())
            for i, (end, count) in enumerate(zip(ends, counts, strict=True))
        ]
        return cls(tuple(said), values)

    def answers(self) -> dict[bytes, tuple[bytes, int, int]]:
        """By question the hash of the first answer, and where it stands: the statement and the place in it."""
        found: dict[bytes, tuple[bytes, int, int]] = {}
        for which, (said, _) in enumerate(self.said):
            for place, (question, answer) in enumerate(said.pairs):
                found.setdefault(question, (answer, which, place))
        return found

    def statement(self, which: int, place: int) -> Statement:
        """One of the answers."""
        said, signature = self.said[which]
        row = sum(len(before.pairs) for before, _ in self.said[:which]) + place
        return Statement(said, signature, place, tuple(int(value) for value in self.values[row]))


def conflict(mine: Told, theirs: Told) -> tuple[Statement, Statement] | None:
    """Two contrary answers to one question, by one model; None where there are none that anybody could show."""
    first = mine.answers()
    for question, (answer, which, place) in theirs.answers().items():
        if question not in first or first[question][0] == answer:
            continue
        then, now = mine.statement(*first[question][1:]), theirs.statement(which, place)
        alike = then.said.model == now.said.model and answer_hash(now.values) == answer
        if alike and contrary(then.values, now.values):
            return then, now
    return None
