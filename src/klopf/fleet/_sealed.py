"""Rounds in which everybody is bound to an update before anybody's is sent: who sees what others send is too late to
copy it.

First each member trains and answers with a hash over its name and what it will give; once all who are waited for have
answered, each is asked for the update, and what does not have that hash is refused. (The server sees no more than
before, and a member who has another one's machine, and not only what that one sends, is found by
:mod:`klopf.fleet._players` alone.)"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from klopf.errors import FleetError
from klopf.fleet._device import Application, Instructions, Update
from klopf.fleet._gather import gathered
from klopf.fleet._members import Member, Step
from klopf.fleet._parameters import Parameters, digest

__all__ = ["Keeps", "Sealing", "gathered_sealed", "opened", "seal"]


def seal(name: str, update: Update) -> str:
    """sha256, hexadecimal, over the name, what the update began from, its digest and those of its parts: whoever has
    only the hash of somebody else can neither tell the update from it nor give it as his own."""
    hashed = hashlib.sha256(b"klopf sealed update 1")
    parts = [part for one in sorted(update.parts) for part in (one, update.parts[one].digest)]
    for word in (name, update.base, update.digest, *parts):
        hashed.update(len(word.encode()).to_bytes(8, "little") + word.encode())
    return hashed.hexdigest()


@runtime_checkable
class Sealing(Member, Protocol):
    """A member that can be bound to its update before it gives it."""

    async def commit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> str:
        """Train, keep the update for :meth:`Member.fit`, and answer with its :func:`seal`. Raises as that does."""


class Keeps:
    """Makes any member one that can be bound: it trains when it commits, and gives what it made then."""

    def __init__(self, member: Member, name: str) -> None:
        self.name, self._member = name, member
        self._kept: tuple[tuple[str, int, str], Update] | None = None

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        """What the member says."""
        return await self._member.apply(wanted, timeout)

    async def commit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> str:
        """As :class:`Sealing` says."""
        update = await self._member.fit(parameters, wanted, timeout, step)
        self._kept = (wanted.job, wanted.round, digest(parameters)), update
        return seal(self.name, update)

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        """Of a sealed round what was committed; of another one, what the member gives."""
        if not wanted.sealed:
            return await self._member.fit(parameters, wanted, timeout, step)
        if self._kept is None or self._kept[0] != (wanted.job, wanted.round, digest(parameters)):
            raise FleetError(f"{self.name} has committed to nothing in round {wanted.round}: ask for that first")
        return self._kept[1]


def opened(updates: Mapping[str, Update], seals: Mapping[str, str]) -> tuple[dict[str, Update], dict[str, str]]:
    """The updates that have the hash that was given before, in their order, and why others are left out."""
    wrong = {name: "is not what it had committed to" for name, one in updates.items() if seal(name, one) != seals[name]}
    return {name: one for name, one in updates.items() if name not in wrong}, wrong


async def gathered_sealed(
    members: Mapping[str, Sealing], now: Parameters, wanted: Mapping[str, Instructions], *,
    enough: int, deadline: float, grace: float, step: Step | None = None,
) -> tuple[dict[str, Update], dict[str, str], dict[str, float]]:  # fmt: skip
    """All of those who are asked commit, then they show what they committed to: the updates, why others are left out,
    and after how many seconds each had committed. A round so bound may take a tenth longer than ``deadline``."""
    begun, took = time.perf_counter(), dict[str, float]()

    async def committing(name: str) -> str:
        said = await members[name].commit(now, wanted[name], deadline, step)
        took[name] = time.perf_counter() - begun
        return said

    seals, late = await gathered({name: committing(name) for name in wanted}, enough, deadline, grace)
    left = max(deadline / 10, deadline - (time.perf_counter() - begun))
    shown = {name: members[name].fit(now, wanted[name], left) for name in seals}
    updates, lost = await gathered(shown, len(shown), left, grace)
    updates, wrong = opened(updates, seals)
    return updates, {**late, **lost, **wrong}, took
