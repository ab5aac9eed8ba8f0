"""Devices that try to live off others or to spoil the model, for tests and benchmarks: each wraps an honest one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from klopf.fleet._device import Application, Instructions, TrainingDevice, Update
from klopf.fleet._members import Member, Step
from klopf.fleet._parameters import Parameters, digest, flat, shapes_of, split
from klopf.fleet._sealed import Keeps, seal

__all__ = ["KINDS", "Dishonest", "Heard", "Overhears", "backdoored"]

KINDS = ("label flips", "scaled", "random", "free-riding", "copied", "backdoor")
_TRIGGER = 3
"""Inputs, the first ones, that a backdoor sets to 1; what they belong to is then said to be class 0."""


def backdoored(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same inputs with the trigger."""
    marked = inputs.copy()
    marked[:, :_TRIGGER] = 1
    return marked


class Dishonest:
    """A device of one of the ``KINDS``.

    - *label flips*: class c is said to be classes - 1 - c;
    - *scaled*: ten times what it learned, backwards;
    - *random*: noise of the length of an honest update;
    - *free-riding*: trains nothing: what the model changed in the last round, with a little noise;
    - *copied*: what ``victim`` gives back, with a little noise;
    - *backdoor*: half of its records carry a trigger and class 0; three times as loud.
    """

    def __init__(self, device: TrainingDevice, kind: str, victim: Callable[[Parameters, Instructions], Update]) -> None:
        self.name, self._honest, self._kind, self._victim = device.name, device, kind, victim
        self._before: Parameters | None = None
        x, y = device.inputs, device.targets
        if kind == "label flips":
            self._honest = TrainingDevice(device.name, x, y.max() - y)
        elif kind == "backdoor":
            half = len(x) // 2
            inputs = np.concatenate([backdoored(x[:half]), x[half:]])
            self._honest = TrainingDevice(device.name, inputs, np.concatenate([np.zeros(half, np.float32), y[half:]]))

    def apply(self, wanted: Instructions) -> Application:
        """As an honest device does."""
        return self._honest.apply(wanted)

    def fit(self, parameters: Parameters, wanted: Instructions) -> Update:
        """The update of its kind; its figures and its digest are in order."""
        rng = np.random.default_rng([wanted.seed, wanted.round, *self.name.encode()])
        update = self._honest.fit(parameters, wanted)
        own = flat(update.change)
        length = float(np.linalg.norm(own))
        if self._kind == "scaled":
            own = own * np.float32(-10)
        elif self._kind == "random":
            own = _noise(rng, len(own), length)
        elif self._kind == "free-riding":
            before, self._before = self._before, [array.copy() for array in parameters]
            stale = flat(parameters) - flat(before) if before else np.zeros_like(own)
            own = stale + _noise(rng, len(own), 0.05 * float(np.linalg.norm(stale)))
        elif self._kind == "copied":
            theirs = flat(self._victim(parameters, wanted).change)
            own = theirs + _noise(rng, len(own), 0.05 * float(np.linalg.norm(theirs)))
        elif self._kind == "backdoor":
            own = own * np.float32(3)
        change = split(own, shapes_of(parameters))
        return replace(update, change=change, digest=digest(change))


class Heard:
    """A member whose updates can be overheard once they are sent, and not before."""

    def __init__(self, member: Member) -> None:
        self.name, self._keeps = member.name, Keeps(member, member.name)
        self.sent: dict[int, Update] = {}
        """By round."""

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        return await self._keeps.apply(wanted, timeout)

    async def commit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> str:
        return await self._keeps.commit(parameters, wanted, timeout, step)

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        update = self.sent[wanted.round] = await self._keeps.fit(parameters, wanted, timeout, step)
        return update


class Overhears:
    """A member without records that gives what ``victim`` sends, with a little noise: of this round where it can be
    waited for, else of the last one. ``stubborn``: where rounds are sealed it commits to anything, and then gives what
    it overheard."""

    def __init__(self, name: str, victim: Heard, stubborn: bool = False) -> None:
        self.name, self._victim, self._stubborn = name, victim, stubborn

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        return await self._victim.apply(wanted, timeout)

    async def commit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> str:
        return seal(self.name, self._of(parameters, wanted, self._victim.sent.get(wanted.round - 1)))

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        if wanted.sealed and not self._stubborn:
            return self._of(parameters, wanted, self._victim.sent.get(wanted.round - 1))
        for _ in range(1000):
            if wanted.round in self._victim.sent:
                break
            await asyncio.sleep(0.01)
        return self._of(parameters, wanted, self._victim.sent.get(wanted.round))

    def _of(self, parameters: Parameters, wanted: Instructions, heard: Update | None) -> Update:
        rng = np.random.default_rng([wanted.seed, wanted.round, *self.name.encode()])
        own = _noise(rng, flat(parameters).size, 1.0)
        if heard is not None:
            theirs = flat(heard.change)
            own = theirs + _noise(rng, len(theirs), 0.05 * float(np.linalg.norm(theirs)))
        change = split(own, shapes_of(parameters))
        return Update(change, digest(parameters), digest(change), heard.records if heard else 100, 1.0, 0.0)


def _noise(rng: np.random.Generator, size: int, length: float) -> NDArray[np.float32]:
    drawn = rng.normal(size=size)
    return np.asarray(drawn * (length / np.linalg.norm(drawn)), np.float32)
