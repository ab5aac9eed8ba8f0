"""What a device listens to, written in ``sources.json``: folders of files, and things that tell records over MQTT."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from klopf import files, store
from klopf.errors import FleetError
from klopf.fleet.device._folder import alone, own
from klopf.fleet.device._thing import Thing, Topic

__all__ = ["Source", "change", "join", "leave", "sources", "topic_of"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MOST = 64


@dataclass(frozen=True)
class Source:
    """One of them.

    folder: where files appear; empty for a thing. thing: its description's file in the device's folder; empty for a
    folder. policy: the file in the device's folder that says what becomes of each field. batch: records that are
    stored together, at most; seconds: how long the first of them waits for the others, at most.
    """

    name: str
    folder: str = ""
    thing: str = ""
    policy: str = ""
    batch: int = 1000
    seconds: float = 3600.0


def sources(device: Path) -> list[Source]:
    """What ``device`` listens to.

    Raises:
        FleetError: the file of it is damaged.
    """
    place = device / "sources.json"
    try:
        found = [Source(**one) for one in json.loads(place.read_text())] if place.exists() else []
        if all(_NAME.fullmatch(one.name) and bool(one.folder) != bool(one.thing) for one in found):
            return found
    except (OSError, ValueError, TypeError):
        pass
    raise FleetError(f"{place} is damaged: bring it back from a copy, or remove it and join again")


def join(
    device: Path, policy: Path, *, folder: Path | None = None, thing: Path | None = None, name: str = "",
    batch: int = 1000, seconds: float = 3600.0,
) -> Source:  # fmt: skip
    """Let ``device`` listen to a folder of CSV and Parquet files, or to a thing by its description. Both files are
    checked against each other, and copies of them kept in the device's folder.

    Raises:
        FleetError, StoreError: what is given does not fit together; nothing is changed.
    """
    own(device)
    if not (device / "pairing").exists():
        raise FleetError(f"{device} is no device's folder: `klopf device new` makes one")
    if (folder is None) == (thing is None):
        raise FleetError("say what joins: a folder of files with --data, or a thing with --thing")
    name = name or (folder or thing or device).stem
    if not _NAME.fullmatch(name):
        raise FleetError(f"{name!r} is no name: give one of letters, digits, and . _ - with --name")
    there = sources(device)
    if name in [one.name for one in there] or len(there) >= _MOST:
        raise FleetError(f"{name} has joined already, or {_MOST} others have: choose another --name")
    rules = store.Policy.read(policy)
    if folder is not None and not folder.is_dir():
        raise FleetError(f"there is no folder {folder}")
    if folder is not None and device.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise FleetError(f"{folder} lies in the device's own folder: watch one outside it")
    if thing is not None:
        _fits(Thing.read(thing), rules, policy.name)
    one = Source(
        name,
        str(folder.resolve()) if folder else "",
        f"{name}.td.json" if thing else "",
        f"{name}.policy.toml",
        batch,
        seconds,
    )
    _copy(policy, device / one.policy)
    if thing is not None:
        _copy(thing, device / one.thing)
    _write(device, [*there, one])
    return one


def change(
    device: Path, name: str, *, policy: Path | None = None, thing: Path | None = None, batch: int | None = None,
    seconds: float | None = None,
) -> Source:  # fmt: skip
    """Give what has joined as ``name`` another policy or description, or other batches, while nobody serves the
    device. What waits in the spool is stored by the new policy.

    Raises:
        FleetError, StoreError: nothing has joined by this name, or what is given does not fit; nothing is changed.
    """
    with alone(device):
        there = sources(device)
        before = _named(device, there, name)
        if thing is not None and not before.thing:
            raise FleetError(f"{name} is a folder of files: only a thing has a description")
        rules = store.Policy.read(policy or device / before.policy)
        if before.thing:
            said = Thing.read(thing or device / before.thing)
            _fits(said, rules, (policy or device / before.policy).name)
            if thing is not None and _one_topic(said).names != topic_of(device, before).names:
                raise FleetError(f"{name} would tell other fields than before: let it leave, and join by another name")
        after = replace(before, batch=batch or before.batch, seconds=seconds or before.seconds)
        if policy is not None:
            _copy(policy, device / before.policy)
        if thing is not None:
            _copy(thing, device / before.thing)
        _write(device, [after if one.name == name else one for one in there])
        return after


def leave(device: Path, name: str) -> None:
    """Listen no more to what has joined as ``name``; what was stored stays.

    Raises:
        FleetError: nothing has joined by this name, or some of its records wait to be stored.
    """
    with alone(device):
        there = sources(device)
        one = _named(device, there, name)
        spool = device / "spool"
        if (spool / "open" / f"{name}.csv").exists() or list((spool / "ready").glob(f"{name}-*")):
            raise FleetError(f"records of {name} wait to be stored: `klopf device serve {device} --once` first")
        _write(device, [other for other in there if other.name != name])
        for file in (one.policy, one.thing, f"spool/{name}.heard"):
            if file:
                (device / file).unlink(missing_ok=True)


def _named(device: Path, there: list[Source], name: str) -> Source:
    for one in there:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in there) or "nothing"
    raise FleetError(f"nothing has joined {device} as {name!r}; what has: {known}")


def _copy(source: Path, to: Path) -> None:
    """Whole or not at all, in place of whatever has that name, links too."""
    files.replace(to, source.read_bytes())


def topic_of(device: Path, source: Source) -> Topic:
    """Where the thing of a source tells its records.

    Raises:
        FleetError: its description was changed, and is none any more.
    """
    return _one_topic(Thing.read(device / source.thing))


def _one_topic(thing: Thing) -> Topic:
    topics = thing.topics()
    if len(topics) > 1:
        names = ", ".join(f"{topic.name} ({topic.filter})" for topic in topics[:4])
        raise FleetError(f"{thing.title} tells records of several kinds, {names}: give a description for each")
    return topics[0]


def _fits(thing: Thing, rules: store.Policy, name: str) -> None:
    """The policy names exactly the columns that will come: else the first record would be refused, at night."""
    told = _one_topic(thing).names
    if lacking := [column for column in told if column not in rules.fields]:
        raise FleetError(f"{name} does not say what becomes of {lacking[0]!r}, which {thing.title} tells")
    if strange := [field for field in rules.fields if field not in told]:
        raise FleetError(f"{name} names {strange[0]!r}, which {thing.title} does not tell")


def _write(device: Path, all_: list[Source]) -> None:
    plain: list[dict[str, Any]] = [asdict(one) for one in all_]
    files.replace(device / "sources.json", json.dumps(plain, indent=1) + "\n")
