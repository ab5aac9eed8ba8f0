"""Group commit: what waits together is done together.

Each thread hands in its items and waits for its turn; whoever's turn comes does all that has been handed in by then, so
that many share one write and one wait for the disk, and a single one waits for nobody.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from klopf.errors import ChainError

__all__ = ["Group"]

MOST = 256  # items at once, so that other processes get their turn

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Entry(Generic[Item, Result]):
    __slots__ = ("done", "item", "result")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.result: Result | Exception | None = None


class Group(Generic[Item, Result]):
    """``work`` is given items and returns a result or an error for each; where it raises, nothing has been done."""

    def __init__(self, work: Callable[[list[Item]], list[Result | Exception]]) -> None:
        self._work = work
        self._waiting: deque[_Entry[Item, Result]] = deque()
        self._turn = threading.Lock()

    def do(self, items: list[Item]) -> list[Result | Exception]:
        """Returns when all ``items`` are done, with what became of each."""
        entries = [_Entry[Item, Result](item) for item in items]
        self._waiting.extend(entries)
        while not all(entry.done for entry in entries):
            with self._turn:
                if not all(entry.done for entry in entries):
                    self._do_waiting()
        return [entry.result for entry in entries]  # type: ignore[misc]

    def _do_waiting(self) -> None:
        taken = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            self._do(taken)
        except BaseException as error:  # an interrupt: those who wait must not wait for ever
            for entry in taken:
                if not entry.done:
                    entry.result, entry.done = ChainError(f"interrupted ({type(error).__name__}); send again"), True
            raise

    def _do(self, taken: list[_Entry[Item, Result]]) -> None:
        try:
            results = self._work([entry.item for entry in taken])
        except Exception as error:
            if len(taken) > 1:  # whose fault it is shows one by one
                for entry in taken:
                    self._do([entry])
                return
            results = [error]
        for entry, result in zip(taken, results, strict=True):
            entry.result, entry.done = result, True
