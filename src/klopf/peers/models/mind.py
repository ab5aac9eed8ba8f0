"""A Klopf mind: one network of units, learning one sample at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers.models._model import Model, absorb
from klopf.peers.models._scale import Scale
from klopf.peers.tasks import Classes, Numbers, Task

__all__ = ["MindModel"]


class MindModel(Model):
    """Classes by a softmax, numbers by linear outputs; ``settings`` are the arguments and options of ``mind.Mind``."""

    def __init__(self, task: Task, mind: Any, scale: Scale | None = None) -> None:
        self.task = task
        self._mind = mind
        self._scale = scale

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        from klopf.mind import Mind

        features, outputs = len(task.features), len(task.names)
        if isinstance(task, Classes):
            return cls(task, Mind(features, outputs, seed=seed, **settings))
        if isinstance(task, Numbers):
            made = {"scale_targets": False, **settings}  # they are, outside: the scale is part of what is committed to
            return cls(task, Mind(features, outputs, seed=seed, output="linear", **made), Scale.of(outputs))
        raise PeersError(f"a mind learns classes or numbers, not {task.kind}: choose another model")

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        if self._scale is not None:
            self.task.check_targets(targets, len(inputs))
            self._scale.meet(targets)
            targets = self._scale.small(targets)
        self._mind.learn(inputs, targets)

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        if self._scale is not None:
            return self._scale.large(self._mind.predict(inputs).reshape(len(inputs), -1))
        return np.asarray(self._mind.predict_proba(inputs), dtype=np.float32)

    def commitment(self) -> bytes:
        own = bytes(self._mind.commitment())
        if self._scale is None:
            return own
        digest = hashlib.sha256(own)
        absorb(digest, self._scale)
        return digest.digest()

    def save(self, folder: Path) -> None:
        self._mind.save(folder / "mind.npz")
        if self._scale is not None:
            self._scale.save(folder / "scale.json")

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        from klopf.mind import Mind

        scale = folder / "scale.json"
        return cls(task, Mind.load(folder / "mind.npz"), Scale.load(scale) if scale.exists() else None)
