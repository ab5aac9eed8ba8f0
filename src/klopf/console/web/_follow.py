"""A network, followed event by event: what is new since the last look goes to whoever has the page open."""

from __future__ import annotations

import json
import math
import secrets
import time
from threading import Lock
from typing import Any, NamedTuple

from klopf import ledger
from klopf.console.web import _reading
from klopf.console.web._coins import Coins
from klopf.console.web._memory import Memory
from klopf.console.web._news import News
from klopf.console.web._present import present
from klopf.console.web._reading import Reading
from klopf.console.web._source import Source
from klopf.console.web._text import clean
from klopf.errors import KlopfError
from klopf.ledger import events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Follower"]

_PHASES = {phase.value: phase.name.lower() for phase in ledger.Phase}
BLOCKS = 500
"""That are read at once at most: so a long history comes in pieces, and the page shows how far they are."""
FEW = 64
"""Blocks of a history that is read at once, without a look at the present before."""
PIECE = 0.2
"""Seconds that one piece should take: reading it half of them, counting it the rest."""


class _Piece(NamedTuple):
    """Events that were read, and whose they are; they count once all of them are there."""

    reading: Reading
    events: list[events.Event]
    last: int
    hash: str


class Follower:
    """Shows the present first and reads the history behind it. Reads from one thread; what it gives out is text that
    any thread may ask for."""

    def __init__(self, source: Source) -> None:
        self.source, self.name = source, source.name
        self.version = 0
        self.memory, self.news = Memory(), News()
        self.trouble = ""
        """Why the ledger cannot be read at the moment; empty where it can."""
        self.behind = True
        """Whether there is more to read at once."""
        self.halted = False
        """Whether the ledger said what no ledger of Klopf can say; then nothing more is taken from it."""
        self._book: ledger.Ledger | None = None
        self._place: object = None
        self._lock = Lock()  # held while what is known changes, and never while a ledger is waited for
        self._begin()

    def _begin(self) -> None:
        self.blocks = 16
        self.life = secrets.token_hex(8)
        """Tells this reading of the history from any other: news of one say nothing to whoever knows another."""
        self.memory.clear()
        self._said: tuple[int, bytes] = (-1, b"")
        self.coins = Coins()
        self.history = Reading(self.name, self.named, before=self._epoch_ends, coin=self.coins.named)
        """All events, as far as they have been read;"""
        self.present: Reading | None = None
        """and the network as it stands, until all have been."""
        self.tip, self.epochs, self._looks = 0, 0, 0
        self._before: Reading | None = None
        """What was shown until now, where that is another reading than what is;"""
        self.known: set[int] = set()

    @property
    def shown(self) -> Reading:
        """What the page shows."""
        return self.present or self.history

    def named(self, id: int) -> str:
        return str(clean(self.source.names.get(id) or f"#{id}"))

    def tick(self) -> bool:
        """Take what is new, and read one more piece of the history; whether there was any news. A ledger that is away
        is no error: it is told, and read on when it is back."""
        if self.halted:
            return False
        began = time.monotonic()
        try:
            pieces = self._read()
        except (KlopfError, OSError) as error:
            self._close()
            changed = self.trouble != str(error)
            with self._lock:
                self.trouble = clean(str(error))
                return self._publish({}) if changed else False
        with self._lock:
            back, self.trouble = bool(self.trouble), ""
            if not pieces:
                return self._publish({}) if back else False
            try:
                fresh = self._take(pieces)
            except Exception as error:  # what a stranger's contract says can be anything
                self.halted, self.behind = True, False
                self.trouble = (
                    f"after block {self.history.height} the ledger says what cannot be ({type(error).__name__}): is it "
                    "a network of Klopf, and of this version? Nothing more of it is shown"
                )
                fresh = {}
            took = time.monotonic() - began
            self.blocks = max(1, self.blocks // 2) if took > PIECE else min(BLOCKS, self.blocks * 2)
            return self._publish(fresh)

    def _read(self) -> list[_Piece]:
        """What comes next of the present and of the history; nothing where both are at the last block."""
        book = self._connected()
        self.tip = tip = book.rpc.height()
        shown = self.shown
        if shown.height >= 0 and (tip < shown.height or book.rpc.block_hash(shown.height) != shown.hash):
            with self._lock:
                self._begin()  # a reorganisation, or another chain in the same place: all is read again
                self.tip = tip
                self._publish({})
        if self._looks < 2 and tip - book.deployment.block > FEW:
            self._looks += 1  # first who takes part, then what happened lately
            found = self._look(book, tip, lately=self._looks == 2)
            if found is None:
                self._looks = 2
            else:
                with self._lock:
                    self._before, self.present = self.present, found
                return [_Piece(found, [], tip, found.hash)]
        self._looks = 2
        pieces = [] if self.present is None else self._piece(book, self.present, tip)
        until = tip if self.present is None else pieces[-1].last if pieces else self.present.height
        more = self._piece(book, self.history, until)
        last = more[-1].last if more else self.history.height
        self.behind = last < tip
        return pieces + more

    def _connected(self) -> ledger.Ledger:
        if self._book is None or self._place != self.source.place():
            self._close()
            self._place = self.source.place()
            self.source = self.source.again()
            self._book = self.source.connect()
        return self._book

    def _look(self, book: ledger.Ledger, tip: int, lately: bool) -> Reading | None:
        """The network as it stands; None where that cannot be had: a node may not have kept the state of a block, and
        what is odd in a stranger's contract is told when its events are read."""
        try:
            return present(book, tip, self.name, self.named, lately)
        except OSError:
            raise
        except Exception:
            book.rpc.height()  # a node that is away is no node that kept nothing
            return None

    def _piece(self, book: ledger.Ledger, reading: Reading, until: int) -> list[_Piece]:
        first = max(reading.height + 1, book.deployment.block)
        last = min(until, first + min(self.blocks, BLOCKS) - 1)
        if last <= reading.height:
            return []
        digest = book.rpc.block_hash(last)
        read, over = list[events.Event](), time.monotonic() + PIECE / 2
        for event in ledger.history(book, first, last):
            if read and event.block > read[-1].block and time.monotonic() > over:
                before = event.block - 1  # a busy stretch: what is behind it is for another piece
                ended, same = book.rpc.block_hash(before), book.rpc.block_hash(last) == digest
                if same:
                    return [_Piece(reading, read, before, ended)]
                over = math.inf  # of another chain by now, which is found when this piece is looked at again
            self.coins.learn(book, event)
            read.append(event)
        return [_Piece(reading, read, last, digest)]

    def _take(self, pieces: list[_Piece]) -> _reading.News:
        """What is new by ``pieces``."""
        fresh: _reading.News = {}
        for reading, read, last, digest in pieces:
            reading.take(read)
            reading.height, reading.hash = last, digest
            new = reading.collect()
            if reading is self.history:
                self.memory.keep_payments(reading.tally.payments.values())
            reading.tally.payments.clear()
            if reading is self.shown:
                fresh = new
        if self.present is not None and self.history.height == self.present.height:
            self._before, self.present = self.present, None
        if self._before is not None:
            for key, rows in self.shown.instead_of(self._before).items():
                fresh[key] = fresh.get(key, {}) | rows
            self._before = None
        return fresh

    def _epoch_ends(self, event: events.Event) -> None:
        tally = self.history.tally
        if isinstance(event, events.clock.Opened) and event.epoch > tally.epoch > 0:
            self.memory.keep_epoch(tally.epoch, self.history.standing())
            self.epochs = tally.epoch

    def _publish(self, fresh: _reading.News) -> bool:
        self.version += 1
        everybody = self.shown.tally.everybody.keys()
        names = {str(id): self.named(id) for id in everybody - self.known}
        self.known |= everybody
        said = {**self.head(), "names": names, "views": fresh}
        self.news.put(self.life, self.version, json.dumps(said, separators=(",", ":")))
        return True

    def head(self) -> dict[str, Any]:
        """Where the network stands; the figures are those of ``klopf status``. What only the whole history tells is
        None until it has been read."""
        shown = self.shown
        tally = shown.tally
        return {
            "life": self.life, "version": self.version, "block": shown.height, "tip": self.tip,
            "read": self.history.height, "whole": shown.whole, "epochs": self.epochs, "epoch": tally.epoch,
            "phase": _PHASES.get(tally.phase, f"{tally.phase}"),
            "transactions": tally.transactions if shown.whole else None, "supply": plain(klp(tally.supply)),
            "behind": self.behind, "trouble": self.trouble, "broken": shown.broken,
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Everything that a page that was just opened shows."""
        shown = self.shown
        views = {
            name: {
                "title": view.title, "lead": view.lead, "lately": view.lately,
                "columns": [{"title": column.title, "kind": column.kind} for column in view.columns],
                "rows": dict(shown.rows[name]),
            }
            for name, view in shown.views.items()
        }  # fmt: skip
        names = {str(id): self.named(id) for id in shown.tally.everybody.keys() | self.source.names.keys()}
        about = {"name": clean(self.name), "names": names, "adversaries": sorted(self.source.adversaries)}
        return {**self.head(), **about, "views": views}

    def said(self) -> bytes:
        """The state as JSON, made once however many ask; from any thread."""
        with self._lock:
            if self._said[0] != self.version:
                self._said = (self.version, json.dumps(self.state(), separators=(",", ":")).encode())
            return self._said[1]

    def _close(self) -> None:
        if self._book is not None:
            self._book.close()
            self._book = None

    def close(self) -> None:
        """Let go of the ledger and of what was kept."""
        self._close()
        self.memory.close()
