"""Everybody in the registry, kept for all who look from one process: what no event told of is not read again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from klopf.ledger._rpc import Rpc

T = TypeVar("T")

Change = Callable[[T], T] | None
"""Of a row: what it makes of it; None where that is not known."""

_MOST = 8
"""Networks that are kept."""


@dataclass
class Watched(Generic[T]):
    """What was read of one registry, and in which block. One thread reads at a time, and the others wait for it."""

    lock: Lock = field(default_factory=Lock)
    epoch: int = -1
    height: int = -1
    hash: str = ""
    """Of the block ``height``. Another one there means that the chain was reorganised: all is read again."""
    rows: dict[int, T] = field(default_factory=dict)

    def read(
        self, rpc: Rpc, epoch: Callable[[], int], everybody: Callable[[], Iterable[tuple[int, T]]],
        told: Callable[[int, int], Mapping[int, Change[T]]], one: Callable[[int], T],
    ) -> list[T]:  # fmt: skip
        """The rows by id, as they are now: of ``everybody`` in another epoch, by which age and utility go; else only
        those of which events of the blocks since have ``told``: by what that changes, or read anew where it is None."""
        with self.lock:
            runs, height = epoch(), rpc.height()
            new, hash = self._new(rpc, runs, height, told), rpc.block_hash(height)
            if new is None:
                self.rows = dict(everybody())
            else:
                self.rows |= {id: change(self.rows[id]) if change else one(id) for id, change in new.items()}
            self.epoch, self.height, self.hash = (
                runs,
                height,
                hash,
            )  # as they were before: what came since is read again
            return [self.rows[id] for id in sorted(self.rows)]

    def _new(
        self, rpc: Rpc, epoch: int, height: int, told: Callable[[int, int], Mapping[int, Change[T]]]
    ) -> Mapping[int, Change[T]] | None:
        """What has changed, by id; None: everybody is to be read again."""
        if epoch != self.epoch or height < self.height or rpc.block_hash(self.height) != self.hash:
            return None
        fresh = told(self.height + 1, height) if height > self.height else {}
        return fresh if 2 * sum(change is None for change in fresh.values()) <= len(self.rows) else None


_kept: OrderedDict[tuple[str, str], Watched[object]] = OrderedDict()
_keeping = Lock()


def watched(where: str, directory: str) -> Watched[object]:
    """That of the network of ``directory`` on the chain at ``where``."""
    with _keeping:
        found = _kept.setdefault((where, directory), Watched())
        _kept.move_to_end((where, directory))
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    return found
