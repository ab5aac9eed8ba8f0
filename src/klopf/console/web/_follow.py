"""A network, followed event by event: what is new since the last look goes to whoever has the page open."""

from __future__ import annotations

import json
import secrets
import time
from threading import Lock
from typing import Any

from klopf import ledger
from klopf.console.web._memory import Memory
from klopf.console.web._news import News
from klopf.console.web._source import Source
from klopf.console.web._text import clean
from klopf.console.web.view import VIEWS, Network, Row, View
from klopf.errors import ExtensionError, KlopfError
from klopf.extensions import guarded
from klopf.ledger import Role, events
from klopf.network import Tally, plain
from klopf.network._summary import tokens as klp

__all__ = ["Follower"]

_PHASES = {phase.value: phase.name.lower() for phase in ledger.Phase}
BLOCKS = 500
"""That are read at once at most: so a long history comes in pieces, and the page shows each."""
PIECE = 0.25
"""Seconds that one piece should take."""


class Follower(Network):
    """Reads from one thread; what it gives out is text that any thread may ask for."""

    def __init__(self, source: Source) -> None:
        self.source, self.name = source, source.name
        self.version = 0
        self.memory, self.news = Memory(), News()
        self.trouble = ""
        """Why the ledger cannot be read at the moment; empty where it can."""
        self.behind = True
        self.halted = False
        """Whether the ledger said what no ledger of Klopf can say; then nothing more is taken from it."""
        self._book: ledger.Ledger | None = None
        self._place: object = None
        self._lock = Lock()  # held while what is known changes, and never while a ledger is waited for
        self._begin()

    def _begin(self) -> None:
        self.tally, self.blocks = Tally(), 16
        self.life = secrets.token_hex(8)
        """Tells this reading of the history from any other: news of one say nothing to whoever knows another."""
        self.memory.clear()
        self._said: tuple[int, bytes] = (-1, b"")
        self.height, self.hash, self.tip, self._before = -1, "", 0, -1
        self.views: dict[str, View] = {}
        self.rows: dict[str, dict[str, Row]] = {}
        self.broken: dict[str, str] = {}
        self.known: set[int] = set()
        for name in VIEWS:
            try:
                kind = VIEWS.load(name)
                with guarded(f"the view {name!r} of {VIEWS.origin(name)} failed"):
                    self.views[name] = kind(self)
                self.rows[name] = {}
            except ExtensionError as error:
                self.broken[name] = str(error)

    def named(self, id: int) -> str:
        return str(clean(self.source.names.get(id) or f"#{id}"))

    def tick(self) -> bool:
        """Read one more piece of the history; whether there was any news. A ledger that is away is no error: it
        is told, and read on when it is back."""
        if self.halted:
            return False
        began = time.monotonic()
        try:
            read = self._read()
        except (KlopfError, OSError) as error:
            self._close()
            changed = self.trouble != str(error)
            with self._lock:
                self.trouble = clean(str(error))
                return self._publish({}) if changed else False
        with self._lock:
            back, self.trouble = bool(self.trouble), ""
            if read is None:
                return self._publish({}) if back else False
            try:
                for event in read:
                    self._take(event)
                fresh = self._collect()
            except Exception as error:  # what a stranger's contract says can be anything
                self.halted, self.behind = True, False
                self.trouble = (
                    f"after block {self._before} the ledger says what cannot be ({type(error).__name__}): is it a "
                    "network of Klopf, and of this version? Nothing more of it is shown"
                )
                fresh = {}
            took = time.monotonic() - began
            self.blocks = max(1, self.blocks // 2) if took > PIECE else min(BLOCKS, self.blocks * 2)
            return self._publish(fresh)

    def _read(self) -> list[events.Event] | None:
        """The next piece, whole: one that breaks off has not been taken. None where there is nothing new."""
        if self._book is None or self._place != self.source.place():
            self._close()
            self._place = self.source.place()
            self.source = self.source.again()
            self._book = self.source.connect()
        book = self._book
        tip = book.rpc.height()
        if self.height >= 0 and (tip < self.height or book.rpc.block_hash(self.height) != self.hash):
            with self._lock:
                self._begin()  # a reorganisation, or another chain in the same place: all is read again
                self._publish({})
        self.tip = tip
        if tip == self.height:
            self.behind = False
            return None
        first = max(self.height + 1, book.deployment.block)
        last = min(tip, first + min(self.blocks, BLOCKS) - 1)
        digest = book.rpc.block_hash(last)
        read = list(ledger.history(book, first, last))
        self._before = self.height
        self.height, self.hash, self.behind = last, digest, last < tip
        return read

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.clock.Opened) and event.epoch > self.tally.epoch > 0:
            self.memory.keep_epoch(self.tally.epoch, self._standing())
        self.tally.take(event)
        for name, view in list(self.views.items()):
            try:
                with guarded(f"the view {name!r} of {VIEWS.origin(name)} failed"):
                    view.take(event)
            except ExtensionError as error:
                self._drop(name, str(error))

    def _drop(self, name: str, why: str) -> None:
        del self.views[name]
        self.broken[name] = why

    def _standing(self) -> dict[str, Any]:
        """How everybody stands, for the picture of an epoch."""
        heard = self.tally.heard()
        neurons = [
            [one.id, self.named(one.id), one.standing.name.lower(), round(heard.get(one.id, 0.0), 4), plain(one.earned)]
            for one in self.tally.everybody.values()
            if one.role == Role.NEURON
        ]
        links = self.views.get("links")
        return {"neurons": neurons, "links": list(getattr(links, "now", {}).values())}

    def _collect(self) -> dict[str, Any]:
        fresh: dict[str, Any] = {}
        for name, view in list(self.views.items()):
            try:
                with guarded(f"the view {name!r} of {VIEWS.origin(name)} failed"):
                    said = clean(json.loads(json.dumps(dict(view.news()), allow_nan=False)))
            except ExtensionError as error:
                self._drop(name, str(error))
                continue
            rows = self.rows[name]
            news = {key: row for key, row in said.items() if rows.get(key) != row}
            for key, row in news.items():
                if row is None:
                    rows.pop(key, None)
                else:
                    rows[key] = row
            if news:
                fresh[name] = news
        fresh["names"] = {str(id): self.named(id) for id in self.tally.everybody.keys() - self.known}
        self.known |= self.tally.everybody.keys()
        self.memory.keep_payments(self.tally.payments.values())
        self.tally.payments.clear()
        self.tally.changed.clear()
        self.tally.all_changed = False
        return fresh

    def _publish(self, fresh: dict[str, Any]) -> bool:
        self.version += 1
        names = fresh.pop("names", {})
        said = {**self.head(), "names": names, "views": fresh}
        self.news.put(self.life, self.version, json.dumps(said, separators=(",", ":")))
        return True

    def head(self) -> dict[str, Any]:
        """Where the network stands; the figures are those of ``klopf status``."""
        tally = self.tally
        return {
            "life": self.life, "version": self.version, "block": self.height, "tip": self.tip, "epoch": tally.epoch,
            "phase": _PHASES.get(tally.phase, f"{tally.phase}"), "transactions": tally.transactions,
            "supply": plain(klp(tally.supply)), "behind": self.behind, "trouble": self.trouble, "broken": self.broken,
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Everything that a page that was just opened shows."""
        views = {
            name: {
                "title": view.title, "lead": view.lead,
                "columns": [{"title": column.title, "kind": column.kind} for column in view.columns],
                "rows": dict(self.rows[name]),
            }
            for name, view in self.views.items()
        }  # fmt: skip
        names = {str(id): self.named(id) for id in self.tally.everybody.keys() | self.source.names.keys()}
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
