"""Audits that somebody asked for: one after the other, each with an end, every card kept."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from klopf.audit.desk import Card, read_card
from klopf.errors import AuditError, KlopfError

__all__ = ["Asked", "Queue"]

KEPT = 1_000
"""Audits that are listed, the newest."""
Audit = Callable[[str, tuple[Card, ...], Callable[[str], None]], Card]
"""Of a model, with its earlier cards; told in a few words how far it is."""


@dataclass
class Asked:
    """One audit."""

    number: int
    model: str
    state: str = "waits"
    """``waits``, ``runs``, ``done`` or ``failed``."""
    said: str = ""
    """How far it is; of one that failed, why, in one line."""


class Queue:
    """``audit`` is called by one thread. Cards are written into ``folder``, by number, and are there again after a
    restart; at most ``most`` audits wait."""

    def __init__(self, folder: Path, audit: Audit, most: int) -> None:
        self.folder, self._audit, self._most = folder, audit, most
        self._lock, self._waiting = threading.Lock(), queue.Queue[Asked]()
        self.asked: dict[int, Asked] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in sorted(folder.glob("*.json"))[-KEPT:]:
            if re.fullmatch("[0-9]{6}", file.stem):
                self.asked[int(file.stem)] = self._found(file)
        self._last = max(self.asked, default=0)
        threading.Thread(target=self._work, name="audits", daemon=True).start()

    def _found(self, file: Path) -> Asked:
        try:
            card = read_card(file)
        except AuditError as error:
            return Asked(int(file.stem), file.name, "failed", str(error))
        return Asked(int(file.stem), str(card.more.get("asked for", card.subject)), "done")

    def ask(self, model: str) -> Asked:
        """Put an audit into the queue; where the same model waits or runs, that one is meant.

        Raises:
            AuditError: too many wait.
        """
        with self._lock:
            open_ = [one for one in self.asked.values() if one.state in ("waits", "runs")]
            for one in open_:
                if one.model == model:
                    return one
            if len(open_) > self._most:
                raise AuditError(f"{self._most} audits wait already: come again when some are done")
            self._last += 1
            one = self.asked[self._last] = Asked(self._last, model)
            while len(self.asked) > KEPT:  # the oldest, whose card stays in the folder
                self.asked.pop(next(iter(self.asked)))
            self._waiting.put(one)
            return one

    def card(self, number: int) -> Card | None:
        """Of an audit that is done."""
        one = self.asked.get(number)
        return read_card(self._file(number)) if one is not None and one.state == "done" else None

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06d}.json"

    def _work(self) -> None:
        while True:
            one = self._waiting.get()
            one.state = "runs"
            try:
                card = self._audit(one.model, self._earlier(one.model), lambda said, one=one: self._tell(one, said))  # type: ignore[misc]
                card.write(self._file(one.number))
                one.state, one.said = "done", ""
            except KlopfError as error:
                one.state, one.said = "failed", str(error)
            except Exception as error:  # a bug here, or a stranger's model in a way nobody foresaw: the next one is due
                one.state, one.said = "failed", f"the audit broke off ({type(error).__name__})"

    def _tell(self, one: Asked, said: str) -> None:
        one.said = said

    def _earlier(self, model: str) -> tuple[Card, ...]:
        """The last card of the same model, which holds those before it."""
        done = [n for n, one in self.asked.items() if one.state == "done" and one.model == model]
        return (read_card(self._file(max(done))),) if done else ()
