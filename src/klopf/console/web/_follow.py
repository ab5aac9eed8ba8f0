"""A network, followed event by event: what is new since the last look goes to whoever has the page open."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from klopf import ledger
from klopf.console.web._memory import Memory
from klopf.console.web._source import Source
from klopf.console.web.view import VIEWS, Network, Row, View
from klopf.errors import ExtensionError, KlopfError
from klopf.extensions import guarded
from klopf.ledger import Role, events
from klopf.network import Tally, plain
from klopf.network._summary import tokens as klp

__all__ = ["Follower"]

BLOCKS = 500
"""That are read at once: so a long history comes in pieces, and the page shows each."""
NEWS = 512
"""Pieces of news that are kept for readers who were away."""


class Follower(Network):
    """Reads from one thread; what it gives out is text that any thread may have."""

    def __init__(self, source: Source) -> None:
        self.source, self.name = source, source.name
        self.version = 0
        self.trouble = ""
        """Why the ledger cannot be read at the moment; empty where it can."""
        self.news: deque[tuple[int, str]] = deque(maxlen=NEWS)
        """(version, JSON) of what came last."""
        self.behind = True
        self._book: ledger.Ledger | None = None
        self._begin()

    def _begin(self) -> None:
        self.tally, self.memory = Tally(), Memory()
        self.height, self.hash, self.tip = -1, "", 0
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
        return self.source.names.get(id) or f"#{id}"

    def tick(self) -> bool:
        """Read one more piece of the history; whether there was any news. A ledger that is away is no error: it
        is told, and read on when it is back."""
        try:
            fresh = self._read()
        except (KlopfError, OSError) as error:
            self._close()
            changed = self.trouble != str(error)
            self.trouble = str(error)
            return self._publish({}) if changed else False
        back, self.trouble = bool(self.trouble), ""
        return self._publish(fresh or {}) if fresh is not None or back else False

    def _read(self) -> dict[str, Any] | None:
        book = self._book = self._book or self.source.connect()
        self.tip = book.rpc.height()
        if self.height >= 0 and (self.tip < self.height or book.rpc.block_hash(self.height) != self.hash):
            self.memory.close()
            self._begin()  # a reorganisation, or another chain in the same place: all is read again
            self.tip = book.rpc.height()
            self.news.clear()
        if self.tip == self.height:
            self.behind = False
            return None
        first = max(self.height + 1, book.deployment.block)
        last = min(self.tip, first + BLOCKS - 1)
        digest = book.rpc.block_hash(last)
        for event in ledger.history(book, first, last):
            self._take(event)
        self.height, self.hash, self.behind = last, digest, last < self.tip
        return self._collect()

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
                    said = json.loads(json.dumps(dict(view.news()), allow_nan=False))
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
        self.news.append((self.version, json.dumps(said, separators=(",", ":"))))
        return True

    def head(self) -> dict[str, Any]:
        """Where the network stands; the figures are those of ``klopf status``."""
        tally = self.tally
        return {
            "version": self.version, "block": self.height, "tip": self.tip, "epoch": tally.epoch,
            "phase": ledger.Phase(tally.phase).name.lower(), "transactions": tally.transactions,
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
        about = {"name": self.name, "names": names, "adversaries": sorted(self.source.adversaries)}
        return {**self.head(), **about, "views": views}

    def _close(self) -> None:
        if self._book is not None:
            self._book.close()
            self._book = None

    def close(self) -> None:
        """Let go of the ledger and of what was kept."""
        self._close()
        self.memory.close()
