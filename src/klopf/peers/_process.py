"""A life as a process: one line where it cannot go on, and an orderly end on SIGTERM and Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from klopf.errors import KlopfError, PeersError
from klopf.peers._shown import LOG, log

__all__ = ["LIFELINE", "live_as_process"]

LIFELINE = "KLOPF_LIFELINE"
"""Names, in the environment, a pipe's number; it is open as long as whoever started this process is there."""
PARTING_SECONDS = 5.0
"""Within which whoever is asked to stop has answered what it was asked; then it ends all the same."""


def live_as_process(live: Callable[[Path], Awaitable[None]], folder: Path, *more: Path) -> int:
    """Live in ``folder``, and in ``more`` at the same time, each with a log of its own. Returns the exit status: 0 when
    the life is over, 2 if it cannot be lived, and 128 and the
    signal's number where one ended it. After a signal the process is gone at once, whatever its threads wait for: all
    that counts is on the disk."""
    try:
        stopped = asyncio.run(_until_stopped(partial(_all, live, (folder, *more)) if more else live, folder))
    except KlopfError as error:
        print(f"klopf: {error}", file=sys.stderr, flush=True)
        return 2
    except OSError as error:
        line = f"klopf: {error.filename or folder}: {error.strerror or error}; make room there"
        print(line, file=sys.stderr, flush=True)
        return 2
    if stopped:
        sys.stdout.flush()
        os._exit(128 + stopped)
    return 0


async def _all(live: Callable[[Path], Awaitable[None]], folders: Sequence[Path], _: Path) -> None:
    """All lives side by side. One that cannot be lived ends with a line in its log, and the others go on.

    Raises:
        PeersError: some ended so, when all are over.
    """

    async def one(folder: Path) -> bool:
        with (folder / "log.txt").open("a", encoding="utf-8") as file:
            LOG.set(file)
            try:
                await live(folder)
            except KlopfError as error:
                print(f"klopf: {error}", file=file, flush=True)
                return False
        return True

    lives = await asyncio.gather(*(one(folder) for folder in folders))
    if not all(lives):
        raise PeersError(f"{lives.count(False)} of {len(folders)} ended before their time: their log.txt files say why")


async def _until_stopped(live: Callable[[Path], Awaitable[None]], folder: Path) -> int:
    loop, life = asyncio.get_running_loop(), asyncio.ensure_future(live(folder))
    told: list[int] = []
    lifeline = os.environ.get(LIFELINE)

    def stop(number: int) -> None:
        if not told:
            log(f"stopped by {signal.Signals(number).name}")
            if lifeline:
                loop.remove_reader(int(lifeline))
            loop.call_later(PARTING_SECONDS, os._exit, 128 + number)
        told.append(number)
        life.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    if lifeline:
        loop.add_reader(int(lifeline), stop, signal.SIGTERM)  # nothing is ever written: it has been closed
    try:
        await life
    except asyncio.CancelledError:
        if not told:
            raise
    return told[0] if told else 0
