"""Numbers: a model answers with numbers in stated units, and is more or less far off.

A listener knows the mean ``m`` and the variance ``v`` of the targets, and of every neighbour ``k`` its mean squared
error ``e[k]``, each by output and over the last samples. What a neighbour knows beyond the mean is its extra precision,
and by its share of that it is listened to:

    w[k] = g[k] * max(0, 1/e[k] - 1/v),        c = sum over k of w[k] / (sum of w) * (p[k] - m),
    combined answer = m + f * c.

So nobody is heard who errs as much as the mean does, however loud he is, and units cancel out (Bates and Granger 1969).
``g[k]`` is a tenth until the neighbour is mature, then 1. Its utility (R1) is how far it moves the answer, in standard
deviations of the targets.

How loud all are together, ``f``, is learned: the slope of ``y - m`` on ``c`` by least squares. Were each answer what is
right with noise of its own, it would be ``sum of w / (1/v + sum of w)``; from that it starts, as if seen on 8 samples.
But whoever was fitted to data has come nearer to the mean by itself, and would so be held back twice. Of ``f`` only the
part ``s / (s + 8/n)`` counts, ``s`` being the sum of ``w * v`` and ``n`` the samples on which those who are heard were
judged: after few of them whoever is right by chance has little of it.

Errors are of the last 200 samples or so (``decay``), so that who turns is soon heard for it. ``m``, ``v`` and ``f`` are
of no single neighbour, and nobody turns while samples are learned in one go, since the answers to them were given by
the same models: those three remember at least as many samples as that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf import neuron
from klopf.errors import PeersError
from klopf.peers._listening import Answers, Listener, Neighbour
from klopf.peers.tasks._task import Task, Tensors, check_vectors

__all__ = ["Numbers", "NumbersListener"]

_PRIOR = 8.0
"""A neighbour begins as if it had erred as the mean does on so many samples, and all together as if they had been as
loud on as many as independent ones should be."""
_LOUDEST = 2.0
"""All together are made no louder than this: where they hardly leave the mean a slope says little."""


@dataclass(frozen=True)
class Numbers(Task):
    """The value of each of ``names``, in ``units``.

    Inputs are float32 ``(n, features)``, targets and answers float32 ``(n, outputs)``.

    >>> task = Numbers(features=("area",), names=("rent",), units=("EUR",))
    >>> task.output_shape
    (1,)
    """

    kind: ClassVar[str] = "numbers"

    @property
    def measure(self) -> str:
        return "variance explained"

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
    """How many targets ``mean`` and ``spread`` are of, decayed (``_kept``)."""
    mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    spread: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Decayed sum of squared deviations of the targets from their mean, shape ``(outputs,)``."""
    said: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Decayed sum of squares of what all together said, ``c``, shape ``(outputs,)``."""
    agreed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Decayed sum of ``c`` times the deviation of the target, shape ``(outputs,)``."""

    def __post_init__(self) -> None:
        if len(self.mean) == 0:
            self.mean, self.spread, self.said, self.agreed = (np.zeros(self.outputs) for _ in range(4))

    def unheard(self) -> NDArray[np.float64]:
        return np.zeros(self.outputs)

    def combine(self, answers: Answers, about: NDArray[Any] | None = None) -> NDArray[Any]:
        """The combined answer, shape ``(n, outputs)``: the mean of the targets, moved by those who know more."""
        ids = [k for k in answers if k in self.neighbours]
        n = len(next(iter(answers.values()))) if answers else 0
        said = np.tile(self.mean, (n, 1))
        shares, loudness = self._listening([self.neighbours[k] for k in ids])
        for k, share in zip(ids, shares, strict=True):
            said += loudness * share * (answers[k].astype(np.float64) - self.mean)
        return said

    def learn(self, answers: Answers, targets: NDArray[Any], about: NDArray[Any] | None = None) -> float:
        """Learn from the right numbers; the loss is the squared error in variances of the targets so far."""
        if not answers or len(targets) == 0:
            return 0.0
        ids, kept = sorted(answers), self._kept(len(targets))
        neighbours = [self.known(k) for k in ids]
        voices = np.stack([np.asarray(answers[k], dtype=np.float64) for k in ids], axis=1)  # (n, neighbours, outputs)
        loss = 0.0
        for voice, target in zip(voices, targets.astype(np.float64), strict=True):
            shares, loudness = self._listening(neighbours)
            heard = shares * (voice - self.mean)
            moved, together = loudness * heard, heard.sum(axis=0)
            variance = self._variance()
            scale = np.where(variance > 0, variance, 1.0)
            loss += float(np.mean((self.mean + moved.sum(axis=0) - target) ** 2 / scale))
            for one, said, activity in zip(neighbours, voice, np.abs(moved / np.sqrt(scale)).mean(axis=1), strict=True):
                one.weight = self.decay * one.weight + (said - target) ** 2
                self.hear(one, float(activity))
            self.said = kept * self.said + together**2
            self.agreed = kept * self.agreed + together * (target - self.mean)
            self._meet(target, kept)
        return loss / len(targets)

    def _kept(self, samples: int) -> float:
        """What is kept at each of so many samples, learned in one go, of the targets and of how loud all are."""
        return max(self.decay, 1.0 - 1.0 / samples)

    def _meet(self, target: NDArray[np.float64], kept: float) -> None:
        """One target more in the mean and the spread."""
        self.seen = kept * self.seen + 1.0
        before = target - self.mean
        self.mean = self.mean + before / self.seen
        self.spread = kept * self.spread + before * (target - self.mean)

    def _variance(self) -> NDArray[np.float64]:
        return self.spread / max(self.seen, 1.0)

    def _listening(self, neighbours: Sequence[Neighbour]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Each one's share, ``(neighbours, outputs)``, and the loudness ``f`` of all, ``(outputs,)``."""
        if not neighbours:
            return np.zeros((0, self.outputs)), np.zeros(self.outputs)
        variance = self._variance()
        heard = np.array([self._heard_on(one.age) for one in neighbours])[:, None]
        error = (_PRIOR * variance + np.stack([one.weight for one in neighbours])) / (_PRIOR + heard)
        known = np.where((error > 0) & (variance > 0), variance / np.where(error > 0, error, 1.0) - 1.0, 0.0)
        young = np.array([not neuron.is_mature(one.age, self.maturity) for one in neighbours])[:, None]
        known = np.maximum(0.0, known)
        gains = np.where(young, self.smallest / self.largest, 1.0) * known
        total = gains.sum(axis=0)
        shares = gains / np.where(total > 0, total, 1.0)
        sure = total / (total + _PRIOR / np.maximum((shares * heard).sum(axis=0), 1.0))
        return shares, self._loudness(total) * sure

    def _loudness(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """``f`` of the module's equation, where all know ``total`` beyond the mean, in parts of its precision."""
        expected = total / (1.0 + total)
        before = _PRIOR * self.said / max(self.seen, 1.0)
        spoke = self.said > 0
        slope = (self.agreed + before * expected) / np.where(spoke, self.said + before, 1.0)
        return np.clip(np.where(spoke, slope, expected), 0.0, _LOUDEST)

    def _fade(self, one: Neighbour, part: float) -> None:
        """Squared errors fade with the samples that they are of: who was not asked for long errs no more by that."""
        one.weight = one.weight * part

    def own_state(self) -> dict[str, Any]:
        kept = {"mean": self.mean, "spread": self.spread, "said": self.said, "agreed": self.agreed}
        return {"seen": self.seen, **{name: value.tolist() for name, value in kept.items()}}

    def take_own_state(self, saved: Mapping[str, Any]) -> None:
        self.seen, self.mean, self.spread = saved["seen"], np.array(saved["mean"]), np.array(saved["spread"])
        silent = [0.0] * self.outputs  # in what was saved before loudness was learned
        self.said, self.agreed = np.array(saved.get("said", silent)), np.array(saved.get("agreed", silent))
