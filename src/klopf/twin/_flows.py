"""What one sector gives another, node by node, and why less came than was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Good", "Happening", "Record"]


@dataclass(frozen=True)
class Happening:
    """Something that changed, and the happening it came of."""

    id: int
    step: int
    when: str
    sector: str
    what: str
    cause: int
    """``id`` of the happening that this one came of; -1 for none inside the world."""


@dataclass
class Record:
    """What happened, in order; the oldest are dropped beyond ``most``, so that memory is flat."""

    most: int = 20_000
    happenings: list[Happening] = field(default_factory=list)
    first: int = 0

    def add(self, step: int, when: str, sector: str, what: str, cause: int = -1) -> int:
        """Note it; the number that others name as their cause."""
        one = Happening(self.first + len(self.happenings), step, when, sector, what, int(cause))
        self.happenings.append(one)
        if len(self.happenings) > self.most:
            gone = self.most // 4
            del self.happenings[:gone]
            self.first += gone
        return one.id

    def chain(self, id: int) -> list[Happening]:
        """From a happening back to the first cause that is still kept."""
        found: list[Happening] = []
        while self.first <= id < self.first + len(self.happenings):
            found.append(self.happenings[id - self.first])
            id = found[-1].cause
        return found

    def __iter__(self) -> Iterator[Happening]:
        return iter(self.happenings)

    def __len__(self) -> int:
        return len(self.happenings)


@dataclass
class Good:
    """Something that flows: what each node asks for, which share of it is served, and the happening to blame."""

    asked: NDArray[np.float64]
    share: NDArray[np.float64]
    cause: NDArray[np.int64]

    @classmethod
    def at(cls, nodes: int) -> Good:
        return cls(np.zeros(nodes), np.ones(nodes), np.full(nodes, -1, np.int64))

    def clear(self) -> None:
        self.asked[:] = 0.0
        self.share[:] = 1.0
        self.cause[:] = -1
