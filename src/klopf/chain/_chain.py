"""The chain as its users hold it: sending and reading, its past, and web3.py over it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from klopf.chain._development import DevelopmentChain

if TYPE_CHECKING:
    from klopf.chain.web3._provider import ChainProvider

__all__ = ["Chain"]


class Chain(DevelopmentChain):
    """An open chain. Threads may share it; other processes may open the same file at the same time.

    Use it as a context manager, or :meth:`close` it.
    """

    def provider(self) -> ChainProvider:
        """A web3.py provider over this chain, in this process: ``Web3(chain.provider())``."""
        from klopf.chain.web3._provider import ChainProvider

        return ChainProvider(self)

    def verify(
        self,
        *,
        machine: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        jobs: int | None = None,
        checkpoint: bytes | None = None,
    ) -> int:
        """Run the whole chain again from its genesis and compare every hash, account, slot, event and code.

        ``machine`` names another executor to run it with; ``jobs`` is in how many processes (None: as many as there are
        cores, where the chain is long); ``progress`` is called with (blocks done, newest block). ``checkpoint`` is the
        hash of a block that is known to be right: up to there no transaction is run, but all that is kept is held
        against what the hash commits to. Returns the number of the newest block compared. Raises
        :class:`~klopf.errors.DamagedFile` naming what differs first.
        """
        from klopf.chain._verify import verify

        return verify(self, machine or self._machine_name, progress, jobs, checkpoint)

    def export(self, target: str | os.PathLike[str]) -> int:
        """Write the chain as text, a JSON line a block, for :func:`klopf.chain.rebuild`; returns the newest number."""
        from klopf.chain._history import export

        return export(self, target)

    def snapshot(self, target: str | os.PathLike[str]) -> None:
        """Copy the chain as it is now to a new file, whole or not at all, while others go on writing."""
        self._store.copy(Path(target))
