"""A device at work: hears, watches, stores by each source's policy, and signs what it has stored."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from klopf import files, store
from klopf.errors import FleetError, MissingExtra, StoreError, TableError
from klopf.fleet.device._folder import alone
from klopf.fleet.device._heard import Heard
from klopf.fleet.device._sources import Source, sources, topic_of
from klopf.fleet.device._spool import Spool
from klopf.fleet.device._thing import Topic
from klopf.fleet.device._watch import Watch

if TYPE_CHECKING:
    from klopf.fleet.device._mqtt import Hearer, Message

__all__ = ["Signs", "digest_of", "serve", "stored"]

_PAUSE = 0.2
_COMPLAINTS = 20
"""Lines about records that a source tells wrongly; after that they are only counted."""
_QUIET = 2.0
_LATER = 30.0
_PASSES = ("no room to write", "another process is writing")
"""What a store says when it may take the same records later."""


class Signs(Protocol):
    """A device's key: a :class:`klopf.fleet.trusted.Signer`, or a :class:`klopf.ledger.keys.Key`."""

    address: str

    def sign(self, digest: bytes) -> bytes: ...


def digest_of(record: str) -> bytes:
    """What a device signs of a record of adding: 32 bytes from the record's content identifier."""
    return hashlib.sha256(f"klopf device record {record}".encode()).digest()


def stored(device: Path, said: Callable[[str], None] = lambda line: None) -> list[dict[str, Any]]:
    """What ``device`` has stored: ``root``, ``record`` (its record of adding), ``name``, ``time``, ``signature``. Lines
    that a crash damaged are passed over, and ``said`` is told; :func:`serve` signs what they were about again."""
    place, found = device / "stored.jsonl", []
    for line in files.json_lines(place, said):
        if all(isinstance(line.get(name), str) for name in ("root", "record", "name", "time", "signature")):
            found.append(line)
        else:
            said(f"{place}: a line lacks what each has, and is passed over")
    return found


def serve(
    device: Path, key: Signs, *, said: Callable[[str], None] = print, stop: threading.Event | None = None,
    once: bool = False, quiet: float = _QUIET,
) -> int:  # fmt: skip
    """Listen to all that has joined ``device`` until ``stop`` is set; returns how many files were stored.

    What was acknowledged is on the disk, and what is on the disk is stored once, whatever ends this process. ``said``
    is told a line for whatever an owner should know. ``once``: store what lies in the folders and the spool, and
    return. ``quiet``: seconds for which a file in a watched folder must have rested.

    Raises:
        FleetError, StoreError: nothing has joined, or another process serves the device, or something in it is damaged.
    """
    stop = stop or threading.Event()
    with alone(device):
        work = _Work(device, key, said, quiet)
        if not once:
            said(f"listens to {', '.join(work.listens)}, and signs what it stores as {key.address}")
        try:
            work.turn(closing=once)
            while not once and not stop.wait(_PAUSE):
                work.turn(closing=False)
            if once:
                stop.wait(quiet + _PAUSE)
                work.turn(closing=True)
        finally:
            work.close()
        return work.count


class _Work:
    """What :func:`serve` has in hand."""

    def __init__(self, device: Path, key: Signs, said: Callable[[str], None], quiet: float) -> None:
        self._device, self._key, self._said = device, key, said
        self._sources = {one.name: one for one in sources(device)}
        if not self._sources:
            raise FleetError(f"nothing has joined {device}: `klopf device join` lets a folder or a thing in")
        where = device / "store"
        self.listens = sorted(self._sources)
        self._store = store.Store(where) if (where / "format").exists() else store.Store.create(where)
        known = self._store.records()
        self._names = {record.name for record in known}
        self._spool = Spool(device, self._names.__contains__, said)
        signed = {line["record"] for line in stored(device, said)}
        for record in known:
            if str(record.cid) not in signed:  # a crash came between
                self._sign(record)
        self.count = 0
        self._complaints: Counter[str] = Counter()
        self._waits: set[str] = set()
        self._later = 0.0
        self._watches = {one.name: Watch(Path(one.folder), quiet) for one in self._sources.values() if one.folder}
        self._topics = {one.name: topic_of(device, one) for one in self._sources.values() if one.thing}
        self._pending: dict[str, list[Message]] = {}
        self._heard = {name: self._heard_of(self._sources[name], topic) for name, topic in self._topics.items()}
        self._hearers = {name: self._hearer(name, topic) for name, topic in self._topics.items()}

    def turn(self, closing: bool) -> None:
        """Once round; ``closing``: batches that are not full are stored, too."""
        for name in self._hearers:
            self._hear(name)
        for name, watch in self._watches.items():
            with self._waiting(f"the folder of {name}"):
                watch.look(lambda file, name=name: self._spool.take(name, file))  # type: ignore[misc]
        for name, one in self._sources.items():
            with self._waiting("the spool"):
                self._spool.close(name, 1, 0.0) if closing else self._spool.close(name, one.batch, one.seconds)
        for file in list(self._spool.ready()):
            if time.monotonic() < self._later:
                break
            self._add(file)

    def close(self) -> None:
        for hearer in self._hearers.values():
            hearer.close()

    def _hearer(self, name: str, topic: Topic) -> Hearer:
        from klopf.fleet.device._mqtt import Hearer

        return Hearer(topic, f"klopf-{self._key.address[2:12]}-{name}", lambda line: self._said(f"{name}: {line}"))

    def _heard_of(self, one: Source, topic: Topic) -> Heard:
        """What was heard of a thing, by what its policy takes for the same record; what a crash left in the spool
        before it was noted is noted."""
        alike = store.Policy.read(self._device / one.policy).screen.duplicates
        heard = Heard(self._spool.beside(one.name, ".heard"), topic.names, None if alike is False else alike)
        heard.note(heard.new(self._spool.waiting(one.name)))
        return heard

    def _hear(self, name: str) -> None:
        """What came is written, then acknowledged; what cannot be written waits here and at the broker. What came
        before, by what the policy takes for the same record, is left out."""
        topic, messages = self._topics[name], self._pending.pop(name, []) + self._hearers[name].messages()
        arrived = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = []
        for _, _, payload in messages:
            try:
                rows.append(topic.cells(payload, arrived))
            except FleetError as error:
                self._complain(name, str(error))
            except (
                Exception
            ) as error:  # whatever else a message brings about, it ends no device, now or when sent again
                self._complain(name, f"a message cannot be read ({type(error).__name__})")
        with self._waiting("the spool"):
            try:
                fresh = self._heard[name].new(rows)
                if fresh:
                    self._spool.append(name, topic.names, fresh)
                self._heard[name].note(fresh)
            except OSError:
                self._pending[name] = messages
                raise
            if messages:
                self._hearers[name].acknowledge(messages)

    def _add(self, file: Path) -> None:
        one: Source | None = self._sources.get(self._spool.source_of(file))
        if one is None:
            self._complain(file.name, "its source has left; it stays in the spool")
            return
        try:
            added = self._store.add(file, self._device / one.policy)
        except (StoreError, TableError, MissingExtra, OSError) as error:
            if isinstance(error, MissingExtra | OSError) or any(words in str(error) for words in _PASSES):
                self._wait(str(error))
                self._later = time.monotonic() + _LATER
            else:
                self._said(f"{one.name}: refused, and kept at {self._spool.refuse(file)}: {error}")
            return
        except Exception as error:  # no file ends a device, now and at each start
            self._said(f"{one.name}: cannot be stored, and kept at {self._spool.refuse(file)}: {type(error).__name__}")
            return
        self._waits.clear()
        self._names.add(added.record.name)
        self._sign(added.record)
        self._spool.done(file)
        self.count += 1
        self._said(f"{one.name}: {added.root} ({added.new} new blocks of {added.size:,} bytes)")

    def _sign(self, record: store.Record) -> None:
        line = {"root": str(record.root), "record": str(record.cid), "name": record.name, "time": record.time,
                "signature": self._key.sign(digest_of(str(record.cid))).hex()}  # fmt: skip
        files.append_line(self._device / "stored.jsonl", json.dumps(line))

    def _complain(self, name: str, what: str) -> None:
        self._complaints[name] += 1
        if self._complaints[name] <= _COMPLAINTS:
            rest = "; further ones are not told" if self._complaints[name] == _COMPLAINTS else ""
            self._said(f"{name}: {what}{rest}")

    @contextlib.contextmanager
    def _waiting(self, what: str) -> Iterator[None]:
        """What the system refuses now (no room, a folder that is away) is tried again the next time round."""
        try:
            yield
        except OSError as error:
            self._wait(f"{what}: {error.strerror or error}; trying again")

    def _wait(self, line: str) -> None:
        if line not in self._waits:  # once, not five times a second
            self._waits.add(line)
            self._said(line)
