"""One reading of a network's events: what they come to, and the rows that every view makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from klopf.console.web._text import clean
from klopf.console.web.view import VIEWS, Network, Row, View
from klopf.errors import ExtensionError
from klopf.extensions import guarded, said
from klopf.ledger import Role, events
from klopf.network import Tally, plain

__all__ = ["News", "Reading"]

News = dict[str, dict[str, Row | None]]
"""By view and key: rows that are new or other than before; None for one that is no more."""
TALLY = -1
"""Whose turn is before that of the views."""


class Reading(Network):
    """Is told events in block order. Where it is not ``whole`` the first that it is told is not the network's first:
    then views that need them all stay empty."""

    def __init__(
        self, name: str, named: Callable[[int], str], whole: bool = True,
        before: Callable[[events.Event], None] = lambda event: None,
        coin: Callable[[str], tuple[str, int]] = lambda token: (token, 0),
    ) -> None:  # fmt: skip
        self.name, self._named, self.whole, self._coin = name, named, whole, coin
        self.before = before
        """Is told an event before anything has changed by it."""
        self.tally = Tally()
        self.height, self.hash = -1, ""
        """The last block that was read."""
        self.views: dict[str, View] = {}
        self.rows: dict[str, dict[str, Row]] = {}
        self.broken: dict[str, str] = {}
        for key in VIEWS:
            try:
                kind = VIEWS.load(key)
                with guarded(f"the view {key!r} of {VIEWS.origin(key)} failed"):
                    self.views[key] = kind(self)
                self.rows[key] = {}
            except ExtensionError as error:
                self.broken[key] = str(error)

    def named(self, id: int) -> str:
        return self._named(id)

    def coin(self, token: str) -> tuple[str, int]:
        return self._coin(token)

    def take(self, read: Sequence[events.Event]) -> None:
        """Count more events. A view that fails is dropped, and the others go on; what the tally raises is raised."""
        place = [0, TALLY]
        while place[0] < len(read):
            told = [(key, view) for key, view in self.views.items() if self.whole or view.lately]
            try:
                with guarded("a view failed"):  # once for all: it costs more than most events
                    fault = self._tell(read, [view for _, view in told], place)
            except ExtensionError as error:
                self._drop(told[place[1]][0], said(error.__cause__ or error))
                continue
            if fault is not None:
                raise fault

    def _tell(self, read: Sequence[events.Event], views: list[View], place: list[int]) -> Exception | None:
        """From ``place`` on, an event and whose turn it is. What is no view's fault is returned."""
        for at in range(place[0], len(read)):
            event = read[at]
            if place[1] == TALLY:
                try:
                    self.before(event)
                    self.tally.take(event)
                except Exception as error:
                    return error
            for turn in range(max(0, place[1]), len(views)):
                place[1] = turn
                views[turn].take(event)
            place[:] = at + 1, TALLY
        return None

    def _drop(self, key: str, why: str) -> None:
        del self.views[key]
        self.broken[key] = f"the view {key!r} of {VIEWS.origin(key)} failed: {why}"

    def standing(self) -> dict[str, Any]:
        """How everybody stands, for the picture of an epoch."""
        heard = self.tally.heard()
        neurons = [
            [one.id, self.named(one.id), one.standing.name.lower(), round(heard.get(one.id, 0.0), 4), plain(one.earned)]
            for one in self.tally.everybody.values()
            if one.role == Role.NEURON
        ]
        links = self.views.get("links")
        return {"neurons": neurons, "links": list(getattr(links, "now", {}).values())}

    def collect(self) -> News:
        """What is new since this was last asked; the tally's payments are for the caller to take, and to clear."""
        fresh: News = {}
        for key, view in list(self.views.items()):
            if not (self.whole or view.lately):
                continue
            try:
                with guarded("a view failed"):
                    told = clean(json.loads(json.dumps(dict(view.news()), allow_nan=False)))
            except ExtensionError as error:
                self._drop(key, said(error.__cause__ or error))
                continue
            rows = self.rows[key]
            news = {at: row for at, row in told.items() if rows.get(at) != row}
            for at, row in news.items():
                if row is None:
                    rows.pop(at, None)
                else:
                    rows[at] = row
            if news:
                fresh[key] = news
        self.tally.changed.clear()
        self.tally.all_changed = False
        return fresh

    def instead_of(self, other: Reading) -> News:
        """What is new for whoever knows the rows of ``other``."""
        fresh: News = {}
        for key, rows in self.rows.items():
            before = other.rows.get(key, {})
            news: dict[str, Row | None] = {at: row for at, row in rows.items() if before.get(at) != row}
            news |= dict.fromkeys(before.keys() - rows.keys())
            if news:
                fresh[key] = news
        return fresh
