"""How far somebody has heard of the chain: a block, and a position among its logs."""

from __future__ import annotations

from klopf.chain.state._store import Store

__all__ = ["Cursor"]


class Cursor:
    """The first block and log that has not been told. Where blocks were undone, it goes back to those made anew."""

    __slots__ = ("_rewinds", "_store", "block", "log")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rewinds = store.rewinds()
        self.block = store.height() + 1
        self.log = 0

    def look(self) -> int:
        """The newest block's number, with the cursor at what has not been told of the blocks there are now."""
        if (count := self._store.rewinds()) != self._rewinds:
            lowest = self._store.lowest_since(self._rewinds)
            self._rewinds = count
            if lowest is not None and lowest < self.block:
                self.move(min(self.block, lowest + 1))
        return self._store.height()

    def move(self, block: int, log: int = 0) -> None:
        """All before that has been told."""
        self.block, self.log = block, log
