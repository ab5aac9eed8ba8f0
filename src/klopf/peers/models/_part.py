"""A model that sees a part of each input: what its owner has a column for."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers.models._model import Model
from klopf.peers.tasks import Task, Text

__all__ = ["SEES", "Part"]

SEES = "sees"
"""The setting of any model that names the places of the inputs that it sees, and the file that keeps them."""


class Part(Model):
    """Another model, which is given the inputs at the places ``sees`` and knows of no others."""

    def __init__(self, task: Task, inner: Model, sees: Sequence[int]) -> None:
        self.task = task
        self.learns = inner.learns
        self.portion = inner.portion
        self._inner = inner
        self._sees = list(sees)

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        raise NotImplementedError  # whoever knows the inner model makes it

    @classmethod
    def around(cls, task: Task, sees: Any, make: Callable[[Task], Model]) -> Self:
        """Around the model that ``make`` makes for what is seen of ``task``.

        Raises:
            PeersError: ``sees`` are no places of inputs.
        """
        places = isinstance(sees, list) and all(type(k) is int and 0 <= k < len(task.features) for k in sees)
        if not places or not sees or len(set(sees)) < len(sees) or isinstance(task, Text):
            raise PeersError(f"{SEES} must be places of inputs, from 0 to {len(task.features) - 1}, each once")
        return cls(task, make(replace(task, features=tuple(task.features[k] for k in sees))), sees)

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> Awaitable[None] | None:
        return self._inner.learn(self._part(inputs), targets)

    def answer(self, inputs: NDArray[Any]) -> Awaitable[NDArray[Any]] | NDArray[Any]:
        return self._inner.answer(self._part(inputs))

    def _part(self, inputs: NDArray[Any]) -> NDArray[Any]:
        self.task.check_inputs(inputs)
        return np.ascontiguousarray(inputs[:, self._sees])

    def commitment(self) -> Awaitable[bytes] | bytes:
        own = self._inner.commitment()
        return self._awaited(own) if inspect.isawaitable(own) else self._bound(own)

    async def _awaited(self, own: Awaitable[bytes]) -> bytes:
        return self._bound(await own)

    def _bound(self, own: Any) -> bytes:
        return hashlib.sha256(bytes(own) + json.dumps(self._sees).encode()).digest()

    def save(self, folder: Path) -> None:
        self._inner.save(folder)
        (folder / f"{SEES}.json").write_text(json.dumps(self._sees))

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        raise NotImplementedError  # as create
