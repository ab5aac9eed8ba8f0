"""Knowing what one does not know: a neuron that has never met some of the classes says so where a question is strange.

A model that was shown two classes of ten answers every question with one of the two, as surely as if there were no
others, and nobody can tell when it is out of its depth. But its owner knows which inputs it learned from. Let
``d(x)`` be the mean distance of a question to the three nearest of those, and ``m`` and ``s`` the mean and spread of
``log d`` among them, each without itself. The neuron then counts as familiar with ``x`` by

    f(x) = 1 / (1 + exp((log d(x) - m) / s - 1)),

answers ``f(x)`` times what its model says, and gives what is left to the classes it has never seen, all alike. So
whoever listens hears a specialist where it knows something, and a network of specialists tells apart what none of them
has ever seen together. Nothing but the owner's own stream is needed, and who has met every class answers as its model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.peers.tasks import Task

__all__ = ["Familiar"]

MOST = 1_000
"""Inputs that are remembered; of more, so many are drawn."""
NEAREST = 3
_NARROWEST = 0.05


@dataclass(frozen=True)
class Familiar:
    """What a neuron has met, and what it has not.

    Args:
        met: inputs it learned from, ``(m, features)``.
        unseen: which outputs no sample of its own had, ``(outputs,)`` of bool; at least one, not all.
    """

    met: NDArray[np.float32]
    unseen: NDArray[np.bool_]

    @classmethod
    def of(cls, task: Task, inputs: NDArray[Any], targets: NDArray[Any]) -> Self | None:
        """From a neuron's own stream; None where it has met every output, or the task has none that could be unmet."""
        unseen = task.unseen(targets)
        if not unseen.any():
            return None
        if len(inputs) > MOST:
            inputs = inputs[np.sort(np.random.default_rng(0).permutation(len(inputs))[:MOST])]
        return cls(np.ascontiguousarray(inputs, np.float32), unseen)

    def hedged(self, inputs: NDArray[Any], answers: NDArray[Any]) -> NDArray[np.float32]:
        """``answers`` to ``inputs``, ``(n, outputs)``, as far as the neuron is familiar with these inputs."""
        met = np.where(self.unseen, 0.0, np.asarray(answers, np.float64) + 1e-12)  # even of who names only the unmet
        known = met / met.sum(axis=1, keepdims=True)
        familiar = self.familiarity(inputs)[:, None]
        return np.asarray(np.where(self.unseen, (1 - familiar) / self.unseen.sum(), familiar * known), np.float32)

    def familiarity(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """``f`` of each input, in [0, 1]; 0 for who has met one sample only and cannot tell what is near."""
        if len(self.met) < 2:
            return np.zeros(len(inputs))
        among = _distances(self.met, self.met, apart=True)
        least = 0.01 * float(np.median(among)) or 1e-6  # the same sample twice says nothing of what is near
        usual = np.log(np.maximum(among, least))
        strange = np.log(np.maximum(_distances(np.asarray(inputs, np.float32), self.met), least)) - usual.mean()
        return np.asarray(1 / (1 + np.exp(np.minimum(strange / max(float(usual.std()), _NARROWEST) - 1, 500.0))))

    def bind(self, commitment: bytes) -> bytes:
        """The commitment of a model that answers with this: 32 bytes that name both."""
        digest = hashlib.sha256(b"klopf familiar" + commitment)
        digest.update(str(self.met.shape).encode() + self.met.tobytes() + self.unseen.tobytes())
        return digest.digest()


def _distances(one: NDArray[np.float32], other: NDArray[np.float32], apart: bool = False) -> NDArray[np.float64]:
    """The mean distance of each row of ``one`` to the nearest of ``other``; ``apart``: to the nearest but itself."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    if apart:
        np.fill_diagonal(squares, np.inf)
    k = min(NEAREST, len(b) - apart)
    return np.asarray(np.sqrt(np.maximum(np.partition(squares, k - 1, axis=1)[:, :k], 0)).mean(axis=1))
