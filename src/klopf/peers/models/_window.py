"""The last samples that a model learned, where they are its whole state: all else is made from them again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import PeersError
from klopf.peers.tasks import Classes, Task

__all__ = ["Window", "window_of"]

LARGEST = 1_000_000
"""Samples that a window may have."""


@dataclass
class Window:
    """Inputs ``(n, features)`` and targets ``(n, ...)``, the oldest first."""

    inputs: NDArray[np.float32]
    targets: NDArray[Any]

    @classmethod
    def of(cls, task: Task) -> Self:
        """An empty one."""
        plain = isinstance(task, Classes)
        targets: NDArray[Any] = np.zeros(0, np.int64) if plain else np.zeros((0, len(task.names)), np.float32)
        return cls(np.zeros((0, len(task.features)), np.float32), targets)

    def __len__(self) -> int:
        return len(self.inputs)

    def add(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        """Put samples behind the others."""
        self.inputs = np.concatenate([self.inputs, inputs.astype(np.float32)])
        self.targets = np.concatenate([self.targets, targets.astype(self.targets.dtype)])

    def add_new(self, inputs: NDArray[Any], targets: NDArray[Any], most: int) -> bool:
        """Put those samples behind the others that are not among them, and keep the last ``most``. Whether any was."""
        known = {self._key(x, y) for x, y in zip(self.inputs, self.targets, strict=True)}
        new = []
        for i, (x, y) in enumerate(zip(inputs, targets.astype(self.targets.dtype), strict=True)):
            if (key := self._key(x, y)) not in known:
                known.add(key)
                new.append(i)
        self.add(inputs[new], targets[new])
        self.keep_last(most)
        return bool(new)

    def keep_last(self, most: int) -> None:
        self.inputs, self.targets = self.inputs[-most:].copy(), self.targets[-most:].copy()

    @staticmethod
    def _key(x: NDArray[Any], y: Any) -> bytes:
        return bytes(x.tobytes() + np.asarray(y).tobytes())

    def save(self, file: Path) -> None:
        np.savez(file, inputs=self.inputs, targets=self.targets)

    @classmethod
    def load(cls, file: Path, task: Task) -> Self:
        kept = files.arrays(file)
        loaded = cls(kept["inputs"], kept["targets"])
        task.check_inputs(loaded.inputs)
        task.check_targets(loaded.targets, len(loaded))
        return loaded


def window_of(settings: dict[str, Any], usual: int) -> int:
    """Takes the setting ``window`` out of ``settings``. PeersError where it is none."""
    window = settings.pop("window", usual)
    if type(window) is not int or not 2 <= window <= LARGEST:
        raise PeersError(f"a window is a whole number of samples from 2 to {LARGEST:,}, not {window!r:.40}")
    return window
