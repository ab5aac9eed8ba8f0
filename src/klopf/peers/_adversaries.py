"""Four ways to live off a network, as models: two that serve badly, two that cheat about receipts. A network is tried
with them in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypeVar

import numpy as np

from klopf.peers._model import Inputs, Labels, MindModel, Model, Probabilities

__all__ = ["ANOTHER_ROOT", "FreeRider", "Liar", "Litigant", "Perjurer", "not_claimed_on_purpose"]

ANOTHER_ROOT = bytes(32)
"""What a perjurer posts instead of the root of the receipts that it gave: that of no receipts."""

T = TypeVar("T")


def not_claimed_on_purpose(held: Mapping[int, T]) -> dict[int, T]:
    """What a litigant claims: all but the receipt of its first listener, which it disputes instead, in the hope that
    this one sleeps through the time to answer and loses its reward.

    >>> not_claimed_on_purpose({7: ["a"], 3: ["b"]})
    {7: ['a']}
    """
    return {listener: receipt for listener, receipt in held.items() if listener != min(held)}


def _fresh(seed: int, inputs: Inputs) -> np.random.Generator:
    """Randomness that depends on the question only, so that a run can be reproduced."""
    digest = hashlib.sha256(np.ascontiguousarray(inputs).tobytes()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])


class FreeRider:
    """Learns nothing and answers at random, as if it had thought."""

    def __init__(self, classes: int, seed: int) -> None:
        self.classes = classes
        self._seed = seed

    def learn(self, inputs: Inputs, labels: Labels) -> None:
        pass

    def answer(self, inputs: Inputs) -> Probabilities:
        return _fresh(self._seed, inputs).dirichlet(np.full(self.classes, 0.3), len(inputs)).astype(np.float32)

    def commitment(self) -> bytes:
        return hashlib.sha256(f"free-rider {self.classes} {self._seed}".encode()).digest()

    def save(self, folder: Path) -> None:
        (folder / "free-rider.json").write_text(json.dumps({"classes": self.classes, "seed": self._seed}))

    @classmethod
    def load(cls, folder: Path) -> FreeRider:
        return cls(**json.loads((folder / "free-rider.json").read_text()))


class Liar:
    """Learns like an honest neuron and then answers, with confidence, a class that it holds to be wrong."""

    CONFIDENCE = 0.97

    def __init__(self, honest: Model, seed: int) -> None:
        self.classes = honest.classes
        self._honest = honest
        self._seed = seed

    def learn(self, inputs: Inputs, labels: Labels) -> None:
        self._honest.learn(inputs, labels)

    def answer(self, inputs: Inputs) -> Probabilities:
        truth = self._honest.answer(inputs).argmax(axis=1)
        wrong = (truth + _fresh(self._seed, inputs).integers(1, self.classes, len(inputs))) % self.classes
        lie = np.full((len(inputs), self.classes), (1.0 - self.CONFIDENCE) / (self.classes - 1), dtype=np.float32)
        lie[np.arange(len(inputs)), wrong] = self.CONFIDENCE
        return lie

    def commitment(self) -> bytes:
        return hashlib.sha256(b"liar" + self._honest.commitment()).digest()

    def save(self, folder: Path) -> None:
        (folder / "liar.json").write_text(json.dumps({"seed": self._seed}))
        (folder / "honest").mkdir()
        self._honest.save(folder / "honest")

    @classmethod
    def load(cls, folder: Path) -> Liar:
        return cls(MindModel.load(folder / "honest"), **json.loads((folder / "liar.json").read_text()))


class _OutwardlyHonest:
    """Learns and answers as a mind does. What it does wrong, it does on the ledger."""

    def __init__(self, honest: Model) -> None:
        self.classes = honest.classes
        self._honest = honest

    def learn(self, inputs: Inputs, labels: Labels) -> None:
        self._honest.learn(inputs, labels)

    def answer(self, inputs: Inputs) -> Probabilities:
        return self._honest.answer(inputs)

    def commitment(self) -> bytes:
        return hashlib.sha256(type(self).__name__.encode() + self._honest.commitment()).digest()

    def save(self, folder: Path) -> None:
        (folder / "honest").mkdir()
        self._honest.save(folder / "honest")

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(MindModel.load(folder / "honest"))


class Perjurer(_OutwardlyHonest):
    """As a listener it signs a receipt for everybody, so as to be answered, and then posts a root with none of them:
    its rivals cannot claim that it listened to them, and its own part of the reward grows."""


class Litigant(_OutwardlyHonest):
    """As a speaker it disputes an honest receipt (:func:`not_claimed_on_purpose`), against a rival that may sleep."""
