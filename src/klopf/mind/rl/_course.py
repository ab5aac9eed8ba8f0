"""How a batch learner's networks are doing along the way: a row of numbers now and then, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.mind.diagnostics import effective_rank
from klopf.mind.rl._kernels import batch_layout as at
from klopf.mind.rl._ppo_settings import PPOSettings

__all__ = ["Course"]

MOST = 512
ROWS = 512  # of a rollout, that are looked at
SELDOM = 0.01


class Course:
    """Rows of ``NAMES``, one every ``every`` rollouts; when there are too many, each second one goes."""

    NAMES = ("steps", "births", "dormant", "rank", "value_dormant", "value_rank", "weight", "step_size", "clipped")
    """Steps lived; units reborn so far; of the last hidden layer of the policy, and of the value's: part of the units
    that are dormant (speak for less than one row of a hundred; a tanh unit: says nearly the same to all) and effective
    rank as a part of the units; mean size of all weights; median of Adam's step-sizes, over all weights; part of the
    ratios that were clipped."""

    def __init__(self, rows: NDArray[Any] | None = None, every: int = 8, rollouts: int = 0) -> None:
        self._rows: list[list[float]] = [] if rows is None else [list(map(float, row)) for row in rows]
        self.every, self.rollouts = every, rollouts

    def rollout(
        self, settings: PPOSettings, seen: NDArray[Any], layer: Callable[[int, int], NDArray[Any]], P: NDArray[Any],
        counts: NDArray[Any],
    ) -> None:  # fmt: skip
        """A rollout was learned from: what was ``seen``, the weights of a network's ``layer``, all weights with what
        Adam keeps of them, and the agent's counts."""
        self.rollouts += 1
        if self.rollouts % self.every:
            return
        found = [number for network in range(2) for number in spoken(settings, seen, layer, network)]
        steps = max(counts[at.STEPS], 1.0)
        squares = np.sqrt(P[at.SECOND].astype(np.float64) / (1 - settings.beta2**steps))
        step_size = float(np.median(settings.step_size / (squares + settings.epsilon)))
        size = float(np.abs(P[at.WEIGHT]).mean())
        lived = float(self.rollouts * settings.rollout)
        self._rows.append([lived, counts[at.BIRTHS], *found, size, step_size, counts[at.CLIPPED]])
        if len(self._rows) >= MOST:
            self._rows, self.every = self._rows[1::2], 2 * self.every

    def array(self) -> NDArray[np.float64]:
        """Shape ``(rows, len(NAMES))``."""
        return np.array(self._rows, np.float64).reshape(-1, len(self.NAMES))


def spoken(
    settings: PPOSettings, seen: NDArray[Any], layer: Callable[[int, int], NDArray[Any]], network: int
) -> tuple[float, float]:
    """Of the last hidden layer of a ``network``: part of its units that are dormant, and effective rank as a part."""
    h = seen[:: -(-len(seen) // ROWS)].astype(np.float64)
    relu = settings.activation == "relu"
    for number in range(len(settings.hidden)):
        w = layer(network, number).astype(np.float64)
        z = h @ w[:-1] + w[-1]
        h = np.maximum(z, 0) if relu else np.tanh(z)
    silent = (h > 0).mean(0) < SELDOM if relu else h.std(0) < SELDOM
    return float(silent.mean()), effective_rank(h) / h.shape[1]
