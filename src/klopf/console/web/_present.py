"""A network as it stands, without its history: from what the contracts hold now, and the events of the last epochs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from klopf import ledger
from klopf.console.web._reading import Reading
from klopf.errors import LedgerError
from klopf.ledger import Phase, events
from klopf.ledger.core.lens import Lens
from klopf.ledger.keys import checksum
from klopf.neuron import Standing

__all__ = ["present"]

EPOCHS = 4
"""The last ones, whose events are read."""
LONGEST = 0.3
"""Seconds that reading events should take: somebody waits for a first look."""
FIRST, MOST = 4, 500
"""Blocks that are asked for at once: at first, and at most."""
PAGE, EVERYBODY = 200, 100_000
"""Participants in one call, and in all: a node that lies could name more and more."""


def present(book: ledger.Ledger, tip: int, name: str, named: Callable[[int], str], lately: bool = True) -> Reading:
    """The network as of block ``tip``. Sums over the whole history are not in it (it is not ``whole``), and where it is
    to have what happened ``lately``, the events of an epoch only if all of them can be read soon. LedgerError where the
    node does not answer, or has not kept that block."""
    digest = book.rpc.block_hash(tip)
    there = book.at(tip)
    epoch, phase = there.clock.turn()
    everybody = _everybody(there)
    reading = Reading(name, named, whole=False)
    if lately:
        reading.take(_lately(book, tip))
    tally = reading.tally
    tally.epoch, tally.phase, tally.supply = max(0, epoch), int(phase) if epoch >= 0 else 0, there.token.supply()
    for id, seen, staked in everybody:
        known = tally._of(id)
        known.owner, known.role, known.model = checksum(seen[0]), seen[1], seen[12]
        known.standing, known.staked = Standing(seen[2]), staked
    tally.all_changed = True
    reading.height, reading.hash = tip, digest
    return reading


def _everybody(there: ledger.Ledger) -> list[tuple[int, Any, int]]:
    """Of each participant: id, the registry's record, what it has at stake."""
    found: list[tuple[int, Any, int]] = []
    while page := there.client(Lens).page(len(found) + 1, PAGE):
        found += [(id, seen, staked) for id, seen, _, _, staked in page]
        if len(found) > EVERYBODY:
            raise LedgerError(f"{there.rpc.where} names more than {EVERYBODY:,} participants: use another node")
    return found


def _lately(book: ledger.Ledger, tip: int) -> list[events.Event]:
    """The events of the last epochs, from the first of them that is read as a whole; none where that takes too long."""
    began, first = time.monotonic(), book.deployment.block
    found: list[events.Event] = []
    last, blocks, opened, start = tip, FIRST, 0, 0
    while last >= first and opened < EPOCHS:
        since = max(first, last - blocks + 1)
        piece = list(ledger.history(book, since, last))
        starts = [at for at, event in enumerate(piece) if _opens(event)]
        start = starts[0] if starts else start + len(piece)
        opened += len(starts)
        found, last = piece + found, since - 1
        took = time.monotonic() - began
        if took > LONGEST:
            break
        # as many as should fit into half of what is left
        each = took / (tip - last)
        blocks = max(1, min(MOST, 2 * blocks, int((LONGEST - took) / 2 / max(each, 1e-6))))
    return found[start:]


def _opens(event: events.Event) -> bool:
    return isinstance(event, events.clock.Opened) and event.phase == Phase.LISTEN
