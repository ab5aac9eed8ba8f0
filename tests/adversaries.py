"""Conduct that networks are tried with, given to a participant from outside like any operator's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from klopf import ledger
from klopf.peers import Conduct, Task

T = TypeVar("T")

ANOTHER_ROOT = bytes(32)
"""The root of no receipts."""


class Perjurer(Conduct):
    """As a listener it signs a receipt for everybody, so as to be answered, and then posts a root with none of them:
    its rivals cannot claim that it listened to them, and its own part of the reward grows.

    Args:
        hears: names of everybody.
    """

    def __init__(self, task: Task, seed: int, ids: Mapping[str, int], hears: Sequence[str] = ()) -> None:
        super().__init__(task, seed, ids)
        self._hears = [ids[name] for name in hears]

    async def listen(
        self,
        learned: Callable[[], Awaitable[Mapping[int, int]]],
        ask: Callable[[Sequence[int], int], Awaitable[Any]],
    ) -> Mapping[int, int]:
        if not self._hears:
            return await learned()
        await ask(self._hears, 1)
        return dict.fromkeys(self._hears, 65_535 // len(self._hears))

    def post(self, root: bytes) -> bytes:
        return ANOTHER_ROOT


class Litigant(Conduct):
    """As a speaker it leaves the receipt of its first listener out of its claim and disputes it instead, in the hope
    that this one sleeps through the time to answer and loses its reward."""

    def claim(self, receipts: dict[int, T]) -> dict[int, T]:
        return {listener: receipt for listener, receipt in receipts.items() if listener != min(receipts)}

    def grievance(self, found: str) -> str:
        return found or "it may be asleep"


class Padder(Conduct):
    """An auditor that says of every neuron that it got three more questions right: too little to stand out."""

    def report(self, results: list[ledger.Result]) -> list[ledger.Result]:
        return [replace(r, scores={task: _padded(c) for task, c in r.counts.items()}) for r in results]


def _padded(c: ledger.Counts) -> ledger.Counts:
    """Questions score 10,000 or 0 here."""
    more = min(3, c.asked - c.sum // 10_000) * 10_000
    return replace(c, sum=c.sum + more, squares=c.squares + more * 10_000)


class Fickle(Conduct):
    """As a speaker it is less sure when an auditor asks again: another answer, though it decides for the same class."""

    def signed(self, auditor, said, answer):
        return answer if said is None else 0.8 * said + 0.2 * said.mean()


class TwoFaced(Conduct):
    """As a speaker it tells one auditor the contrary of what it tells all others, and each of them always the same: no
    auditor alone can see it, and that with the number ``misled`` stands out."""

    def __init__(self, task, seed, ids, misled):
        super().__init__(task, seed, ids)
        self.misled = misled

    def signed(self, auditor, said, answer):
        return answer[::-1] if auditor == self.misled else answer
