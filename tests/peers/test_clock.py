"""One look at the ledger's clock does for all who live in a process."""

import threading
import time
from types import SimpleNamespace

from klopf import ledger
from klopf.peers._clock import SharedClock, shared_clock

NOW = ledger.Now(5, ledger.Phase.LISTEN, 1_000, 1, 3, 900)


def test_who_looks_at_the_same_time_waits_for_the_one_who_reads():
    read = []

    def now():
        read.append(1)
        time.sleep(0.05)
        return NOW

    clock, seen = SharedClock(), []
    looks = [threading.Thread(target=lambda: seen.append(clock.look(SimpleNamespace(now=now), 60))) for _ in range(8)]
    for one in looks:
        one.start()
    for one in looks:
        one.join()
    assert len(read) == 1 and seen == [NOW] * 8 and clock.within(60) == NOW


def test_what_is_too_old_is_read_again_and_what_is_old_counts_from_before_it_was_asked_for():
    clock = SharedClock()
    assert clock.within(60) is None
    slow = SimpleNamespace(now=lambda: time.sleep(0.05) or NOW)
    clock.look(slow, 60)
    assert clock.within(0.04) is None and clock.within(60) == NOW


def test_each_network_on_each_chain_has_its_own():
    assert shared_clock("a", "0x1") is shared_clock("a", "0x1")
    assert len({id(shared_clock(where, one)) for where in ("a", "b") for one in ("0x1", "0x2")}) == 4
