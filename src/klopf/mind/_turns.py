"""Whose turn it is: many threads may read a learner and learn by it, and each finds it between two learning steps.

Kernels let go of the interpreter, so without this two threads would be inside the same arrays at once. A learner has
one lock. Whoever reads or learns holds it for that call; a long stream is learned in slices with a pause in which
whoever waits gets its turn. The lock is re-entrant, so that a signal handler may save a learner that is learning.

A fork waits for all learners' turns, so that the child finds each of them whole, and free.
"""

from __future__ import annotations

import copy
import functools
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from klopf.mind._memory import owned

__all__ = ["Kept", "Turns", "in_turn", "slices"]

MANY, FEW = 50_000_000, 2_000_000
"""Numbers that a slice goes through while nobody waits (about 10 ms), and after somebody did."""
PAUSE = 50e-6
"""Seconds for who waits to wake up."""
PATIENCE = 1.0
"""Seconds that a fork waits for one learner; a thread that holds one for longer must not stop it."""

F = TypeVar("F", bound=Callable[..., Any])


class Turns:
    """One learner's lock, as a context manager. A copy has its own."""

    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock: Any = threading.RLock()
        _ALL.add(self)

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *error: object) -> None:
        self.lock.release()

    def __reduce__(self) -> tuple[type[Turns], tuple[()]]:
        return (Turns, ())

    def pause(self) -> bool:
        """Let go for a moment, which who waits takes; returns whether somebody did."""
        self.lock.release()
        try:
            time.sleep(PAUSE)
            taken = not self.lock.acquire(blocking=False)
        except BaseException:
            self.lock.acquire()
            raise
        if taken:
            self.lock.acquire()
        return taken


_ALL: weakref.WeakSet[Turns] = weakref.WeakSet()


def slices(turns: Turns, rows: int, size: int) -> Iterator[slice]:
    """The rows of a stream in slices, for who holds ``turns``; between two, others get theirs.

    ``size`` is how many numbers one row goes through.
    """
    at, budget = 0, MANY
    while at < rows:
        end = min(rows, at + max(1, budget // size))
        yield slice(at, end)
        at = end
        if at < rows:
            budget = FEW if turns.pause() else MANY


class Kept:
    """What has turns and may be copied and pickled: a copy is of one moment, owns its arrays, and has its own turns."""

    _turns: Turns
    _fleeting: tuple[str, ...] = ()
    """Attributes that a copy makes for itself, and what they are until then: None."""

    def __getstate__(self) -> dict[str, Any]:
        with self._turns:
            state = {name: value for name, value in self.__dict__.items() if name not in ("_turns", *self._fleeting)}
            return copy.deepcopy(state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(owned(state))
        self.__dict__.update(dict.fromkeys(self._fleeting))
        self._turns = Turns()


def in_turn(method: F) -> F:
    """A method of what is ``Kept``, that waits for its turn."""

    @functools.wraps(method)
    def waited(self: Kept, *args: Any, **kwargs: Any) -> Any:
        with self._turns.lock:  # the bare lock: half the time of going through ``Turns``
            return method(self, *args, **kwargs)

    return cast(F, waited)


_HELD: dict[int, list[Turns]] = {}
"""By the thread that is forking, whose turn it has taken."""


def _all() -> list[Turns]:
    while True:
        try:
            return list(_ALL)
        except RuntimeError:  # another thread made one meanwhile
            continue


def _before_fork() -> None:
    _HELD[threading.get_ident()] = [turns for turns in _all() if turns.lock.acquire(timeout=PATIENCE)]


def _after_fork_in_parent() -> None:
    for turns in _HELD.pop(threading.get_ident(), []):
        turns.lock.release()


def _after_fork_in_child() -> None:
    held = _HELD.pop(threading.get_ident(), [])
    for turns in _all():
        if not any(turns is other for other in held):  # whoever has it does not exist here
            turns.lock = threading.RLock()
    for turns in held:
        turns.lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
