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
from klopf.peers._listening import Answers, Listener
from klopf.peers.tasks._task import Task, Tensors, check_vectors

__all__ = ["Classes", "ClassesListener"]


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
    measure: ClassVar[str] = "accuracy"

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
        return np.asarray(answers.argmax(axis=1), dtype=np.int64)

    def score(self, decisions: NDArray[Any], targets: NDArray[Any]) -> float:
        """The fraction that is right."""
        return float((decisions == targets).mean()) if len(targets) else 0.0

    def know_nothing(self, targets: NDArray[Any], n: int) -> NDArray[Any]:
        """How frequent each class is."""
        counts = np.bincount(targets, minlength=len(self.names))
        return np.tile(counts / max(1, counts.sum()), (n, 1)).astype(np.float32)

    def unseen(self, targets: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(np.bincount(targets, minlength=len(self.names)) == 0)

    def guises(self, answers: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """As they are, and with probabilities raised to 1/2 and 1/4."""
        softened = [np.maximum(np.asarray(answers, np.float64), 1e-6) ** (1 / power) for power in (2, 4)]
        return (np.asarray(answers, np.float64), *(one / one.sum(axis=1, keepdims=True) for one in softened))

    def listener(self) -> Listener:
        return ClassesListener(len(self.names))

    def read_listener(self, saved: Mapping[str, Any]) -> Listener:
        return ClassesListener.from_json(saved)


@dataclass
class ClassesListener(Listener):
    """One unit a class; a neighbour's ``weight`` is its listening weights, shape ``(classes,)``, never negative."""

    bias: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    OUTPUTS: ClassVar[str] = "classes"

    def __post_init__(self) -> None:
        if len(self.bias) == 0:
            self.bias = np.zeros(self.outputs)

    def unheard(self) -> NDArray[np.float64]:
        return np.zeros(self.outputs)

    def combine(self, answers: Answers) -> NDArray[Any]:
        """The combined answer, shape ``(n, classes)``: gating by the listening weights."""
        n = len(next(iter(answers.values()))) if answers else 0
        drive = np.tile(self.bias, (n, 1))
        for k, voice in answers.items():
            if k in self.neighbours:
                drive += self.neighbours[k].weight * voice
        return _softmax(drive)

    def learn(self, answers: Answers, targets: NDArray[Any]) -> float:
        """Learn from the classes of the samples answered; the loss is in nats."""
        if not answers or len(targets) == 0:
            return 0.0
        ids = sorted(answers)
        neighbours = [self.known(k) for k in ids]
        voices = np.stack([np.asarray(answers[k], dtype=np.float64) for k in ids], axis=1)  # (n, neighbours, classes)
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

    def own_state(self) -> dict[str, Any]:
        return {"bias": self.bias.tolist()}

    def take_own_state(self, saved: Mapping[str, Any]) -> None:
        self.bias = np.array(saved["bias"])


def _softmax(drive: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(drive - drive.max(axis=-1, keepdims=True))
    result: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return result
