"""Conduct that lives off others, for networks that are to be tried with it: the demo's, and your own.

Nobody else in Klopf knows these: a run file gives one to a participant, as it could give any class::

    [[neuron]]
    name = "lars"
    conduct = "klopf.network.adversaries:Liar"
    conduct_settings = { favours = "fred" }
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf import ledger
from klopf.errors import PeersError
from klopf.peers import Classes, Conduct, Model, Numbers, Task

__all__ = ["Colluder", "FreeRider", "Guesser", "Inflater", "Liar", "Reseller"]


def _number_of(name: str, ids: Mapping[str, int]) -> int:
    """The number of the participant called ``name``."""
    if name not in ids:
        raise PeersError(f"no participant is called {name!r}: one of {', '.join(ids)}")
    return ids[name]


def _drawn_for(seed: int, inputs: NDArray[Any]) -> np.random.Generator:
    """Randomness that depends on the question only, so that a run can be reproduced."""
    digest = hashlib.sha256(np.ascontiguousarray(inputs).tobytes()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])


class Colluder(Conduct):
    """Gives all its attention to a friend, whatever it has heard; without one it learns whom to listen to.

    Args:
        favours: name of the friend.
    """

    def __init__(self, task: Task, seed: int, ids: Mapping[str, int], favours: str = "") -> None:
        super().__init__(task, seed, ids)
        self._friend = _number_of(favours, ids) if favours else 0

    async def listen(
        self,
        learned: Callable[[], Awaitable[Mapping[int, int]]],
        ask: Callable[[Sequence[int], int], Awaitable[Any]],
    ) -> Mapping[int, int]:
        if not self._friend:
            return await learned()
        await ask([self._friend], 1)
        return {self._friend: 65_535}


class FreeRider(Colluder):
    """Learns nothing and answers at random, as if it had thought."""

    def model(self, name: str, settings: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return f"{__name__}:Guesser", {}

    def answer(self, inputs: NDArray[Any], answers: NDArray[Any]) -> NDArray[Any]:
        """At random, whatever it has met: to be familiar with a question would be to have learned something."""
        return Guesser(self.task, self.seed).answer(inputs)


class Liar(Colluder):
    """Learns like an honest neuron and then says, with confidence, what it holds to be wrong."""

    CONFIDENCE = 0.97

    def answer(self, inputs: NDArray[Any], answers: NDArray[Any]) -> NDArray[Any]:
        if isinstance(self.task, Classes):
            n, classes = answers.shape
            wrong = (answers.argmax(axis=1) + _drawn_for(self.seed, inputs).integers(1, classes, n)) % classes
            lie = np.full((n, classes), (1.0 - self.CONFIDENCE) / (classes - 1), dtype=np.float32)
            lie[np.arange(n), wrong] = self.CONFIDENCE
            return lie
        if isinstance(self.task, Numbers):
            return -answers
        return np.array([str(text)[::-1] for text in answers], dtype=np.str_)


class Reseller(Conduct):
    """Asks everybody whatever it is asked, averages what it is told and says that; what was said to questions of before
    it remembers. Where it is not told in time, it says what its own model answers.

    Args:
        patience: seconds that it waits to be told.
        learns: with its own model; without, that guesses.
    """

    def __init__(
        self, task: Task, seed: int, ids: Mapping[str, int], patience: float = 1.5, learns: bool = False
    ) -> None:
        super().__init__(task, seed, ids)
        self._patience, self._learns = patience, learns
        self._told: dict[bytes, Any] = {}
        """By question, the average of what everybody said."""
        self._asking: dict[bytes, asyncio.Task[None]] = {}

    def model(self, name: str, settings: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return (name, settings) if self._learns else (f"{__name__}:Guesser", {})

    async def consult(
        self, inputs: NDArray[Any], answers: NDArray[Any],
        ask: Callable[[NDArray[Any]], Awaitable[Mapping[int, NDArray[Any]]]],
    ) -> NDArray[Any]:  # fmt: skip
        keys = [_key(question) for question in inputs]
        new = [i for i, key in enumerate(keys) if key not in self._told and key not in self._asking]
        if new:  # or it was asked what it is asking about
            asking = asyncio.create_task(self._learn_of(inputs[new], ask))
            self._asking |= {keys[i]: asking for i in new}
            await asyncio.wait([asking], timeout=self._patience)
        return np.array([self._told.get(key, own) for key, own in zip(keys, answers, strict=True)])

    async def _learn_of(
        self, inputs: NDArray[Any], ask: Callable[[NDArray[Any]], Awaitable[Mapping[int, NDArray[Any]]]]
    ) -> None:
        said = list((await ask(inputs)).values())
        for i, key in enumerate(map(_key, inputs)):
            if said:
                text = said[0].dtype.kind == "U"
                self._told[key] = said[0][i] if text else np.mean([one[i] for one in said], axis=0).astype(np.float32)
            self._asking.pop(key, None)


def _key(question: Any) -> bytes:
    """What is remembered of a question."""
    text = question.encode() if isinstance(question, str) else np.ascontiguousarray(question).tobytes()
    return hashlib.sha256(text).digest()


class Inflater(Conduct):
    """An auditor that invents the scores of one neuron: brilliant, and sure of it.

    Args:
        inflates: name of the neuron.
    """

    def __init__(self, task: Task, seed: int, ids: Mapping[str, int], inflates: str) -> None:
        super().__init__(task, seed, ids)
        self._friend = _number_of(inflates, ids)

    def report(self, results: list[ledger.Result]) -> list[ledger.Result]:
        return [_inflated(result) if result.neuron == self._friend else result for result in results]


def _inflated(result: ledger.Result) -> ledger.Result:
    return replace(result, scores=dict.fromkeys(result.scores, ledger.Score(9_700, 9_600, 9_800)))


class Guesser(Model):
    """Learns nothing and answers at random, the same to the same question."""

    def __init__(self, task: Task, seed: int) -> None:
        self.task = task
        self._seed = seed

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        if settings:
            raise PeersError(f"a guesser takes no settings: leave out {', '.join(settings)}")
        return cls(task, seed)

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        pass

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        rng = _drawn_for(self._seed, inputs)
        if isinstance(self.task, Classes):
            return rng.dirichlet(np.full(len(self.task.names), 0.3), len(inputs)).astype(np.float32)
        if isinstance(self.task, Numbers):
            return rng.normal(size=(len(inputs), len(self.task.names))).astype(np.float32)
        return rng.integers(0, 10, len(inputs)).astype(np.str_)

    def commitment(self) -> bytes:
        return hashlib.sha256(f"free-rider {len(self.task.names)} {self._seed}".encode()).digest()

    def save(self, folder: Path) -> None:
        (folder / "guesser.json").write_text(json.dumps({"seed": self._seed}))

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        return cls(task, **json.loads((folder / "guesser.json").read_text()))
