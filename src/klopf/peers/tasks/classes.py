"""Classes: a model answers with the probability of each, and is right or wrong.

A listener is one layer of Klopf units, one unit a class. The voice of neighbour ``k`` for class ``c`` is the
probability ``p[k, c]`` that it answered; the unit for ``c`` gives it a weight ``a[k, c] >= 0`` and says

    z[c] = b[c] + sum over k of a[k, c] * p[k, c],        combined answer = softmax(z).

Weights follow the gradient of the cross-entropy, one sample at a time. They cannot go below zero: to listen to
somebody because he is always wrong would pay him for lying. A newcomer starts at weight zero with a small step-size
(R5); its step-size grows only with its utility (R1), which is also what it is paid by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers._listening import Answers, Listener, Neighbour
from klopf.peers.tasks._task import Task, Tensors, check_vectors

__all__ = ["Classes", "ClassesListener"]


_MOST_OFTEN = 100
"""Times that a sample of a rare class is learned from in one go."""


@dataclass(frozen=True)
class Classes(Task):
    """Which of ``names`` a sample belongs to.

    Inputs are float32 ``(n, features)``, targets int64 ``(n,)`` (places in ``names``), answers float32 ``(n, classes)``
    that are not negative and sum to 1.

    >>> task = Classes(features=("length", "width"), names=("setosa", "virginica"))
    >>> task.decide(np.array([[0.2, 0.8]], np.float32))
    array([1])
    """

    kind: ClassVar[str] = "classes"

    frequencies: tuple[float, ...] = ()
    """How frequent each class is, where all classes count alike however frequent; empty where all samples do."""

    @property
    def measure(self) -> str:
        return "balanced accuracy" if self.frequencies else "accuracy"

    def check_targets(self, targets: NDArray[Any], n: int) -> None:
        if targets.shape != (n,) or not np.issubdtype(targets.dtype, np.integer):
            raise PeersError(f"targets must be {n} whole numbers, not {targets.dtype} of shape {targets.shape}")
        if n and not (targets.min() >= 0 and targets.max() < len(self.names)):
            raise PeersError(f"targets must be from 0 to {len(self.names) - 1}, one for each of the classes")

    def check_answers(self, answers: NDArray[Any], n: int) -> None:
        check_vectors("answers", answers, len(self.names))
        if len(answers) != n:
            raise PeersError(f"{len(answers)} answers to {n} questions: one to each is needed")
        if not np.isfinite(answers).all() or (answers < 0).any() or not np.allclose(answers.sum(axis=1), 1, atol=1e-3):
            raise PeersError("answers are no probabilities: none may be negative, and every row must sum to 1")

    def pack_answers(self, answers: NDArray[Any]) -> Tensors:
        return {"probabilities": answers}

    def unpack_answers(self, tensors: Tensors, n: int) -> NDArray[Any]:
        answers = tensors.get("probabilities")
        if answers is None:
            raise PeersError("an answer needs a tensor called probabilities")
        self.check_answers(answers, n)
        return answers

    def decide(self, answers: NDArray[Any]) -> NDArray[Any]:
        """The likeliest; where classes count alike, that which is likeliest for how frequent it is."""
        said = answers / np.array(self.frequencies) if self.frequencies else answers
        return np.asarray(said.argmax(axis=1), dtype=np.int64)

    def score(self, decisions: NDArray[Any], targets: NDArray[Any]) -> float:
        """The fraction that is right; where classes count alike, the mean of that over the classes that there are."""
        if not len(targets):
            return 0.0
        right = (decisions == targets).astype(np.float64)
        return min(1.0, float((right * self.counting(targets)).mean()))

    def counting(self, targets: NDArray[Any]) -> NDArray[np.float64]:
        """How much each sample counts, ``(n,)``, 1 in the mean: as much as any, or each class as much as any."""
        if not self.frequencies:
            return np.ones(len(targets))
        counts = np.bincount(targets, minlength=len(self.names))
        return np.asarray(len(targets) / (np.count_nonzero(counts) * counts[targets]))

    def loss(self, answers: NDArray[Any], targets: NDArray[Any]) -> float:
        """The cross-entropy in nats, of no answer more than 14."""
        if not len(targets):
            return 0.0
        right = np.asarray(answers, np.float64)[np.arange(len(targets)), targets]
        return float(-np.log(np.maximum(right, 1e-6)).mean())

    def taught(self, answers: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """A class each, drawn by its probability."""
        upto = np.cumsum(np.asarray(answers, np.float64), axis=1)
        drawn = (rng.random((len(answers), 1)) * upto[:, -1:] > upto).sum(axis=1)
        return np.asarray(np.minimum(drawn, len(self.names) - 1), np.int64)

    def know_nothing(self, targets: NDArray[Any], n: int) -> NDArray[Any]:
        """How frequent each class is."""
        counts = np.bincount(targets, minlength=len(self.names))
        return np.tile(counts / max(1, counts.sum()), (n, 1)).astype(np.float32)

    def unseen(self, targets: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(np.bincount(targets, minlength=len(self.names)) == 0)

    def guises(self, answers: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """As they are, and with probabilities raised to 1/2 and 1/4; where classes count alike, as if they were as
        frequent."""
        said = _evened(np.asarray(answers, np.float64), self.frequencies)
        return (said, *(_raised(said, power) for power in (1 / 2, 1 / 4)))

    def together(self, voices: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Their mean with probabilities raised to 4 and 16, nearly and quite a vote; and to each question what the
        surest of them says."""
        mean = voices.mean(axis=0)
        surest = voices[voices.max(axis=2).argmax(axis=0), np.arange(voices.shape[1])]
        return (*(_raised(mean, power) for power in (4, 16)), surest)

    def aim(self, targets: NDArray[Any]) -> NDArray[np.float64]:
        """All of the probability on what is right."""
        return np.asarray(np.eye(len(self.names))[targets])

    def listener(self) -> Listener:
        return ClassesListener(len(self.names), frequencies=self.frequencies)

    def read_listener(self, saved: Mapping[str, Any]) -> Listener:
        return ClassesListener.from_json(saved)


@dataclass
class ClassesListener(Listener):
    """One unit a class; a neighbour's ``weight`` is its listening weights, shape ``(classes,)``, never negative."""

    bias: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    frequencies: tuple[float, ...] = ()
    """Of the classes, where they count alike: answers are heard as if all classes were as frequent, and the samples of
    rare ones are learned from as often as those of others. What is said is for how frequent they are."""

    OUTPUTS: ClassVar[str] = "classes"

    def __post_init__(self) -> None:
        if len(self.bias) == 0:
            self.bias = np.zeros(self.outputs)

    def unheard(self) -> NDArray[np.float64]:
        return np.zeros(self.outputs)

    def _fade(self, one: Neighbour, part: float) -> None:
        """Weights that are no sums over samples stay."""

    def combine(self, answers: Answers, about: NDArray[Any] | None = None) -> NDArray[Any]:
        """The combined answer, shape ``(n, classes)``: gating by the listening weights."""
        n = len(next(iter(answers.values()))) if answers else 0
        drive = np.tile(self.bias, (n, 1))
        for k, voice in answers.items():
            if k in self.neighbours:
                drive += self.neighbours[k].weight * _evened(voice, self.frequencies)
        said = _softmax(drive)
        if not self.frequencies:
            return said
        uneven = said * np.array(self.frequencies)
        return np.asarray(uneven / uneven.sum(axis=1, keepdims=True))

    def learn(self, answers: Answers, targets: NDArray[Any], about: NDArray[Any] | None = None) -> float:
        """Learn from the classes of the samples answered; the loss is in nats."""
        if not answers or len(targets) == 0:
            return 0.0
        ids = sorted(answers)
        neighbours = [self.known(k) for k in ids]
        voices = np.stack([_evened(answers[k], self.frequencies) for k in ids], axis=1)  # (n, neighbours, classes)
        order = self._as_often(targets)
        voices, targets = voices[order], targets[order]
        weights = np.stack([one.weight for one in neighbours])
        loss = 0.0
        for voice, target in zip(voices, targets, strict=True):
            said = _softmax(self.bias + (weights * voice).sum(axis=0))
            loss -= float(np.log(max(said[target], 1e-12)))
            error = -said
            error[target] += 1.0
            step = self.step_sizes(neighbours)
            weights = np.maximum(0.0, weights + step[:, None] * voice * error)
            self.bias += self.smallest * error
            contribution = (weights * voice).sum(axis=1)
            for one, activity in zip(neighbours, contribution, strict=True):
                # The voice's classes are heard by one unit each: |activity| * |listening|, summed over them.
                self.hear(one, float(activity))
        for one, weight in zip(neighbours, weights, strict=True):
            one.weight = weight
        return loss / len(targets)

    def _as_often(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        """The places of the samples to learn from, in their order; where classes count alike, those of rare ones more
        than once, mixed."""
        if not self.frequencies:
            return np.arange(len(targets))
        often = np.rint(max(self.frequencies) / np.array(self.frequencies)).astype(np.int64)
        places = np.repeat(np.arange(len(targets)), np.minimum(often, _MOST_OFTEN)[targets])
        return np.random.default_rng(len(targets)).permutation(places)

    def own_state(self) -> dict[str, Any]:
        own = {"frequencies": list(self.frequencies)} if self.frequencies else {}
        return {"bias": self.bias.tolist(), **own}

    def take_own_state(self, saved: Mapping[str, Any]) -> None:
        self.bias = np.array(saved["bias"])
        self.frequencies = tuple(float(one) for one in saved.get("frequencies", ()))


def _evened(said: NDArray[Any], frequencies: tuple[float, ...]) -> NDArray[np.float64]:
    """Probabilities as they would be were all classes as frequent."""
    wide = np.asarray(said, np.float64)
    if not frequencies:
        return wide
    even = np.maximum(wide, 1e-9) / np.array(frequencies)
    return np.asarray(even / even.sum(axis=1, keepdims=True))


def _raised(said: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    raised = np.maximum(said, 1e-6) ** power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _softmax(drive: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(drive - drive.max(axis=-1, keepdims=True))
    result: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return result
