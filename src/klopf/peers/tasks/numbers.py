"""Numbers: a model answers with numbers in stated units, and is more or less far off.

A listener knows the mean ``m`` and the variance ``v`` of the targets, and of every neighbour ``k`` its mean squared
error ``e[k]``, each by output and over the last samples. What a neighbour knows beyond the mean is its extra precision,
and by its share of that it is listened to:

    w[k] = g[k] * max(0, 1/e[k] - 1/v),        a[k] = w[k] / (1/v + sum of w),
    combined answer = m + sum over k of a[k] * (p[k] - m).

That is how independent observations of one number are combined by least squares (Bates and Granger 1969; with what is
known without them, Deisenroth and Ng 2015). So nobody is heard who errs as much as the mean does, however loud he is,
and units cancel out. ``g[k]`` is the step-size that the neighbour has earned (R5) as a fraction of the largest, so a
newcomer is heard little at first; its utility (R1) is how far it moves the answer, in standard deviations of the
targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers._listening import Answers, Listener, Neighbour
from klopf.peers.tasks._task import Task, Tensors, check_vectors

__all__ = ["Numbers", "NumbersListener"]

_PRIOR = 8.0
"""A neighbour begins as if it had erred as the mean does on so many samples."""


@dataclass(frozen=True)
class Numbers(Task):
    """The value of each of ``names``, in ``units``.

    Inputs are float32 ``(n, features)``, targets and answers float32 ``(n, outputs)``.

    >>> task = Numbers(features=("area",), names=("rent",), units=("EUR",))
    >>> task.output_shape
    (1,)
    """

    kind: ClassVar[str] = "numbers"
    measure: ClassVar[str] = "variance explained"

    def check_targets(self, targets: NDArray[Any], n: int) -> None:
        self._check("targets", targets, n)

    def check_answers(self, answers: NDArray[Any], n: int) -> None:
        self._check("answers", answers, n)

    def _check(self, what: str, given: NDArray[Any], n: int) -> None:
        check_vectors(what, given, len(self.names))
        if len(given) != n:
            raise PeersError(f"{len(given)} {what} to {n} questions: one to each is needed")
        if not np.isfinite(given).all():
            raise PeersError(f"{what} must be finite numbers: some are not")

    def pack_answers(self, answers: NDArray[Any]) -> Tensors:
        return {"numbers": answers}

    def unpack_answers(self, tensors: Tensors, n: int) -> NDArray[Any]:
        answers = tensors.get("numbers")
        if answers is None:
            raise PeersError("an answer needs a tensor called numbers")
        self.check_answers(answers, n)
        return answers

    def decide(self, answers: NDArray[Any]) -> NDArray[Any]:
        return answers.astype(np.float32)

    def score(self, decisions: NDArray[Any], targets: NDArray[Any]) -> float:
        """The fraction of the targets' variance that is explained, averaged over the outputs: 0 for who says the mean,
        below 0 for who errs more than that."""
        if len(targets) == 0:
            return 0.0
        right = targets.astype(np.float64)
        missed = ((decisions.astype(np.float64) - right) ** 2).sum(axis=0)
        spread = ((right - right.mean(axis=0)) ** 2).sum(axis=0)
        return float(np.mean(np.where(spread > 0, 1.0 - missed / np.where(spread > 0, spread, 1.0), 0.0)))

    def know_nothing(self, targets: NDArray[Any], n: int) -> NDArray[Any]:
        """The mean."""
        mean = targets.astype(np.float64).mean(axis=0) if len(targets) else np.zeros(len(self.names))
        return np.tile(mean, (n, 1)).astype(np.float32)

    def listener(self) -> Listener:
        return NumbersListener(len(self.names))

    def read_listener(self, saved: Mapping[str, Any]) -> Listener:
        return NumbersListener.from_json(saved)


@dataclass
class NumbersListener(Listener):
    """Listens by precision; a neighbour's ``weight`` is its decayed sum of squared errors, shape ``(outputs,)``."""

    seen: float = 0.0
    """How many targets ``mean`` and ``spread`` are of, decayed."""
    mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    spread: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Decayed sum of squared deviations of the targets from their mean, shape ``(outputs,)``."""

    def __post_init__(self) -> None:
        if len(self.mean) == 0:
            self.mean, self.spread = np.zeros(self.outputs), np.zeros(self.outputs)

    def unheard(self) -> NDArray[np.float64]:
        return np.zeros(self.outputs)

    def combine(self, answers: Answers) -> NDArray[Any]:
        """The combined answer, shape ``(n, outputs)``: the mean of the targets, moved by those who know more."""
        ids = [k for k in answers if k in self.neighbours]
        n = len(next(iter(answers.values()))) if answers else 0
        said = np.tile(self.mean, (n, 1))
        for k, listening in zip(ids, self._listening([self.neighbours[k] for k in ids]), strict=True):
            said += listening * (answers[k].astype(np.float64) - self.mean)
        return said

    def learn(self, answers: Answers, targets: NDArray[Any]) -> float:
        """Learn from the right numbers; the loss is the squared error in variances of the targets so far."""
        if not answers or len(targets) == 0:
            return 0.0
        ids = sorted(answers)
        neighbours = [self.known(k) for k in ids]
        voices = np.stack([np.asarray(answers[k], dtype=np.float64) for k in ids], axis=1)  # (n, neighbours, outputs)
        loss = 0.0
        for voice, target in zip(voices, targets.astype(np.float64), strict=True):
            listening = self._listening(neighbours)
            moved = listening * (voice - self.mean)
            variance = self._variance()
            scale = np.where(variance > 0, variance, 1.0)
            loss += float(np.mean((self.mean + moved.sum(axis=0) - target) ** 2 / scale))
            for one, said, activity in zip(neighbours, voice, np.abs(moved / np.sqrt(scale)).mean(axis=1), strict=True):
                one.weight = self.decay * one.weight + (said - target) ** 2
                self.hear(one, float(activity))
            self._meet(target)
        return loss / len(targets)

    def _meet(self, target: NDArray[np.float64]) -> None:
        """One target more in the mean and the spread."""
        self.seen = self.decay * self.seen + 1.0
        before = target - self.mean
        self.mean = self.mean + before / self.seen
        self.spread = self.decay * self.spread + before * (target - self.mean)

    def _variance(self) -> NDArray[np.float64]:
        return self.spread / max(self.seen, 1.0)

    def _listening(self, neighbours: Sequence[Neighbour]) -> NDArray[np.float64]:
        """Weights ``a`` of the module's equation, shape ``(neighbours, outputs)``."""
        if not neighbours:
            return np.zeros((0, self.outputs))
        variance = self._variance()
        heard = np.array([(1.0 - self.decay**one.age) / (1.0 - self.decay) for one in neighbours])[:, None]
        error = (_PRIOR * variance + np.stack([one.weight for one in neighbours])) / (_PRIOR + heard)
        known = np.where((error > 0) & (variance > 0), variance / np.where(error > 0, error, 1.0) - 1.0, 0.0)
        gains = (self.step_sizes(neighbours) / self.largest)[:, None] * np.maximum(0.0, known)
        shares: NDArray[np.float64] = gains / (1.0 + gains.sum(axis=0))
        return shares

    def own_state(self) -> dict[str, Any]:
        return {"seen": self.seen, "mean": self.mean.tolist(), "spread": self.spread.tolist()}

    def take_own_state(self, saved: Mapping[str, Any]) -> None:
        self.seen, self.mean, self.spread = saved["seen"], np.array(saved["mean"]), np.array(saved["spread"])
