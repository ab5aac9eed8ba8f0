"""What a page holds grows with who takes part, not with how long it has been open."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from klopf import ledger
from klopf.console.web._follow import Follower, _Piece
from klopf.console.web._memory import Memory
from klopf.ledger import events
from tests.console.web.network import Small


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small(tmp_path_factory.mktemp("small"))
    for _ in range(3):
        made.play()
    return made


def kept(work: Callable[[], object], times: int) -> int:
    """Blocks of memory that Python holds after ``work`` was done so often."""
    for _ in range(times):
        work()
    gc.collect()
    return sys.getallocatedblocks()


def test_ever_more_epochs_leave_no_more_behind(small: Small):
    """One epoch's events, again and again in later ones, each as a piece of news of its own."""
    known = list(ledger.history(small.book))
    again = [event for event in known if getattr(event, "epoch", 0) == 2]
    assert {events.clock.Opened, events.settlement.Heard, events.settlement.Collected} <= {type(e) for e in again}
    follower, shift = Follower(small.source), 0

    def epoch() -> None:
        nonlocal shift
        told = known if shift == 0 else [replace(e, epoch=e.epoch + shift, block=e.block + 100 * shift) for e in again]
        shift += 1
        follower._publish(follower._take([_Piece(follower.history, told, 0, "")]))
        assert follower.said()

    some = kept(epoch, 600)  # more than the pieces of news that are kept, and than the rows of any table
    many = kept(epoch, 900)
    assert follower.epochs > 1_400 and not follower.shown.broken
    assert follower.memory.epoch(2) and follower.memory.epoch(1_400), "and the past is all there"
    assert many - some < 450, "less than half a block of memory for an epoch"
    follower.close()


def test_reading_a_ledger_leaves_nothing_behind(small: Small):
    """As a page does while nothing or little happens: where the ledger is, and the last blocks."""
    follower = Follower(small.source)
    while follower.tick() or follower.behind:
        pass
    book, last = follower._connected(), small.book.rpc.height()

    def look() -> None:
        follower.tick()
        for block in range(last - 12, last, 4):
            book.rpc.block_hash(block)
            assert list(ledger.history(book, block, block + 3))

    some = kept(look, 60)
    assert kept(look, 120) - some < 60
    follower.close()


def test_a_page_that_is_opened_again_and_again_leaves_nothing_behind(small: Small):
    def opened() -> None:
        follower = Follower(small.source)
        while follower.tick() or follower.behind:
            pass
        follower.close()

    some = kept(opened, 4)
    assert kept(opened, 8) - some < 400


def test_the_past_is_in_a_file_and_not_in_memory():
    """What SQLite holds itself Python does not count."""
    sqlite = ctypes.CDLL(ctypes.util.find_library("sqlite3") or "libsqlite3.so.0")
    sqlite.sqlite3_memory_used.restype = ctypes.c_int64
    before = sqlite.sqlite3_memory_used()
    memory, said = Memory(), {"neurons": [[n, "x" * 60] for n in range(200)]}
    if sqlite.sqlite3_memory_used() == before:
        pytest.skip("Python has an SQLite of its own, which cannot be asked")
    for epoch in range(600):
        memory.keep_epoch(epoch, said)
    assert sqlite.sqlite3_memory_used() - before < 600_000
    assert len(memory.epoch(0) or "") > 10_000
    memory.close()
