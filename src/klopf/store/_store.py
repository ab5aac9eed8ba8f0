"""A store: a folder with blocks under their identifiers, what was added when, what is pinned, and the owner's secrets.

::

    STORE/
      format          of this layout
      blocks/         a file a block
      adds/           a record of each adding, under its own identifier
      pins/           an empty file under the identifier of each root that is to stay
      private/        the key of pseudonyms and what noise has cost, its owner's alone
      lock            held by who writes
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from klopf import files
from klopf.errors import DamagedBlock, StoreError
from klopf.store import _car
from klopf.store._blocks import Blocks, Draft
from klopf.store._budget import Cost, Ledger
from klopf.store._build import PROFILES, Built, build_file, build_folder, chunks
from klopf.store._cid import NODE, Cid
from klopf.store._graph import Entry, content, entries, walk
from klopf.store._node import Node
from klopf.store._policy import Policy, policy_text
from klopf.store._record import Record
from klopf.store._records import add_records
from klopf.store._slices import PACKED, SLICED, unpack

__all__ = ["Added", "Store"]

_FORMAT = "klopf store 1\n"
_MOST_FILES = 100_000
_KEY = 32

Told = Callable[[int], None]
"""Called with the bytes that were done since the last call."""


@dataclass(frozen=True)
class Added:
    """What came of adding."""

    root: Cid
    record: Record
    new: int
    """Blocks that were not there before."""
    size: int
    """Their bytes."""
    known: int
    """Blocks that were there already."""


class Store:
    """The store in ``folder``, which :meth:`create` makes.

    Raises:
        StoreError: there is none.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            written = (self.folder / "format").read_text()
        except FileNotFoundError:
            raise StoreError(
                f"there is no store in {folder}: name one with --store, or `klopf store add` makes it"
            ) from None
        except (OSError, UnicodeDecodeError):
            raise StoreError(f"{folder} is no store, or cannot be read") from None
        if written != _FORMAT:
            raise StoreError(f"{folder} was written by another version of Klopf")
        self.blocks = Blocks(self.folder / "blocks")
        self.ledger = Ledger(self.folder / "private/budget.json")

    @classmethod
    def create(cls, folder: str | os.PathLike[str]) -> Store:
        """Make one where nothing is yet, with a new key of its owner's.

        Raises:
            StoreError: something is there already.
            OSError: it cannot be made.
        """
        place = Path(folder)
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise StoreError(f"{folder} is there already and is no store: choose another folder")
        with files.replaced_folder(place) as draft:
            for name in ("blocks", "adds", "pins"):
                (draft / name).mkdir()
            (draft / "private").mkdir(mode=0o700)
            files.create(draft / "private/key", secrets.token_bytes(_KEY).hex(), private=True)
            Ledger(draft / "private/budget.json").start()
            files.create(draft / "format", _FORMAT)
        return cls(place)

    # ---- adding

    def add(self, source: Path, policy: Path, told: Told | None = None) -> Added:
        """Store the records of a CSV or Parquet file, or of a folder of them, as ``policy`` says. Pins what it adds.

        Raises:
            StoreError, TableError, MissingExtra: the policy, the records or the store cannot be used; nothing is added.
            OSError: no room, no permission; nothing is added.
        """
        text = policy_text(policy)
        rules = Policy.parse(text, policy.name)

        def build(draft: Draft) -> tuple[Built, Cid | None, dict[str, Any] | None]:
            if rules.noised:
                self.ledger.agrees(rules, self._given(rules.device))
            said_by = Cid.of(text.encode())
            draft(said_by, text.encode())
            built, said = add_records(source, rules, self._key(), self.ledger, draft, told)
            return built, said_by, said

        return self._add(source, SLICED, rules.device, build)

    def add_as_it_is(self, source: Path, profile: str = "unixfs-v1-2025", told: Told | None = None) -> Added:
        """Store the bytes of a file, or of all files of a folder, with nothing taken out: the identifier is the one
        that ``ipfs add`` gives with the same profile. Links are not followed but refused.

        Raises:
            StoreError, OSError: as :meth:`add`.
        """
        if profile not in PROFILES:
            raise StoreError(f"there is no profile {profile!r}: it is one of {', '.join(PROFILES)}")
        rule = PROFILES[profile]

        def build(draft: Draft) -> tuple[Built, Cid | None, dict[str, Any] | None]:
            def one(place: Path, depth: int) -> Built:
                if place.is_symlink() or not (place.is_dir() or place.is_file()):
                    raise StoreError(f"{place} is neither file nor folder: leave links and devices out")
                if place.is_dir():
                    if depth > 32:
                        raise StoreError(f"{place} lies in more than 32 folders")
                    inside = sorted(place.iterdir())
                    if len(inside) > _MOST_FILES:
                        raise StoreError(f"{place} has {len(inside):,} files: {_MOST_FILES:,} are the most")
                    return build_folder([(child.name, one(child, depth + 1)) for child in inside], rule, draft)
                with place.open("rb") as handle:
                    return build_file(chunks(handle, rule.chunk, told), rule, draft)

            return one(source, 0), None, None

        return self._add(source, profile, "", build)

    def _add(self, source: Path, profile: str, device: str, build: Callable[[Draft], Any]) -> Added:
        if not source.exists():
            raise StoreError(f"there is no {source}")
        _is_no_store(source)
        with self._writing(), self._room():
            with self.blocks.draft() as draft:
                built, policy, said = build(draft)
            time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            record = Record(built.cid, source.resolve().name, profile, time, device, policy, said)
            files.replace(self.folder / "adds" / str(record.cid), record.block())
            self._pin(built.cid)
        return Added(built.cid, record, draft.count, draft.size, draft.known)

    # ---- reading

    def records(self) -> list[Record]:
        """Everything that was added, oldest first.

        Raises:
            DamagedBlock: a record is not what its name says.
        """
        found = []
        for file in (self.folder / "adds").iterdir():
            if not file.name.startswith("."):
                block = file.read_bytes()
                if not Cid.parse(file.name).fits(block):
                    raise DamagedBlock(f"the record {file.name} is damaged: bring it back from a copy", file.name)
                found.append(Record.read(block))
        return sorted(found, key=lambda record: (record.time, str(record.cid)))

    def _given(self, device: str) -> Cost:
        """What the noise of everything that was added for ``device`` cost."""
        given: Counter[str] = Counter()
        for record in self.records():
            if record.device == device:
                for said in (record.said or {}).values():
                    given.update(said["spent"])
        return dict(given)

    def trace(self, cid: Cid) -> list[Record]:
        """What added ``cid``: as a root, as a block of a graph, as a policy or as a record. Oldest first."""
        known = self.records()
        return [record for record in known if cid in (record.root, record.policy, record.cid)] or [
            record for record in known if _reaches(record.root, cid, self.blocks)
        ]

    def get(self, cid: Cid, out: Path, *, packed: bool = False, told: Told | None = None) -> None:
        """Write what ``cid`` is, a file or a folder, to ``out``, where nothing may be yet. Every block is hashed.
        Slices of records are unpacked, unless ``packed``.

        Raises:
            StoreError: a block is missing or damaged, or it is no file; nothing is left at ``out``.
            OSError: it cannot be written; nothing is left over.
        """
        if out.exists():
            raise StoreError(f"{out} is there already: choose another place")
        sliced = not packed and any(record.profile == SLICED for record in self.trace(cid))
        with self._room():
            tree = list(self._entries(cid))
            self._fits(out, tree)
            if not tree[0].is_folder:
                files.replace(out, self._pieces(cid, sliced, told))
                return
            with files.replaced_folder(out) as draft:
                for entry in tree[1:]:
                    if entry.is_folder:
                        (draft / entry.path).mkdir()
                    else:
                        path = entry.path.removesuffix(PACKED) if sliced else entry.path
                        with (draft / path).open("xb") as file:
                            file.writelines(self._pieces(entry.cid, sliced, told))

    def _entries(self, cid: Cid) -> Iterator[Entry]:
        for count, entry in enumerate(entries(cid, self.blocks.get)):
            if count > _MOST_FILES:
                raise StoreError(f"{cid} has more than {_MOST_FILES:,} files: get a part of it")
            yield entry

    def _fits(self, out: Path, tree: Sequence[Entry]) -> None:
        """A file can be much longer than its blocks: what is larger than the room is refused before it is written."""
        nodes = (Node.read(self.blocks.get(one.cid)) for one in tree if one.cid.codec == NODE and not one.is_folder)
        wanted, free = sum(node.length for node in nodes), shutil.disk_usage(_nearest(out)).free
        if wanted > free:
            raise StoreError(f"there is no room for {wanted:,} bytes at {out}: {free:,} are free")

    def _pieces(self, cid: Cid, sliced: bool, told: Told | None) -> Iterator[bytes]:
        for piece in content(cid, self.blocks.get):
            whole = unpack(piece) if sliced else piece
            if told:
                told(len(whole))
            yield whole

    def verify(self, told: Told | None = None) -> tuple[int, list[str]]:
        """Hash every block, and look whether all that pinned roots need is there: the number of blocks, and a line for
        each that is missing or damaged."""
        wrong: dict[str, str] = {}
        count = 0
        for cid in self.blocks:
            count += 1
            try:
                block = self.blocks.get(cid)
                if told:
                    told(len(block))
            except DamagedBlock as error:
                wrong[error.cid] = str(error)
        for root in self.pins():
            for line, name in _missing(root, self.blocks):
                wrong.setdefault(name, line)
        try:
            self.records()
        except DamagedBlock as error:
            wrong[error.cid] = str(error)
        return count, list(wrong.values())

    # ---- archives

    def export(self, cid: Cid, out: Path, told: Told | None = None) -> int:
        """Write everything from ``cid`` down as an archive (CARv1), as ``ipfs dag export`` orders it; how many blocks.

        Raises:
            StoreError, OSError: as :meth:`get`.
        """
        if out.exists():
            raise StoreError(f"{out} is there already: choose another place")
        count = 0

        def blocks() -> Iterator[tuple[Cid, bytes]]:
            nonlocal count
            for one, block in walk(cid, self.blocks.get):
                count += 1
                if told:
                    told(len(block))
                yield one, block

        with self._room():
            files.replace(out, _car.pieces([cid], blocks()))
        return count

    def load(self, archive: Path, told: Told | None = None) -> list[Cid]:
        """Take in an archive (CARv1), each block of it hashed, and pin its roots.

        Raises:
            StoreError: it is cut short, damaged, or lacks blocks of its roots; nothing is taken in.
        """
        with self._writing(), self._room():
            roots, blocks = _car.read(archive)
            with self.blocks.draft() as draft:
                for cid, block in blocks:
                    draft(cid, block)
                    if told:
                        told(len(block))
                for root in roots:
                    for line, _ in _missing(root, draft):
                        raise StoreError(f"{archive}: {line}")
            for root in roots:
                self._pin(root)
        return roots

    # ---- pins

    def pins(self) -> list[Cid]:
        """The roots that stay."""
        return [Cid.parse(file.name) for file in sorted((self.folder / "pins").iterdir()) if file.name[0] != "."]

    def pin(self, cid: Cid) -> None:
        """Keep everything from ``cid`` down when the store is swept.

        Raises:
            StoreError: some of it is not here.
        """
        with self._writing():
            for line, _ in _missing(cid, self.blocks):
                raise StoreError(line)
            self._pin(cid)

    def _pin(self, cid: Cid) -> None:
        files.replace(self.folder / "pins" / str(cid), b"")

    def unpin(self, cid: Cid) -> None:
        """
        Raises:
            StoreError: it is not pinned.
        """
        with self._writing():
            try:
                (self.folder / "pins" / str(cid)).unlink()
            except FileNotFoundError:
                raise StoreError(f"{cid} is not pinned: `klopf store pin` shows what is") from None

    def sweep(self) -> tuple[int, int]:
        """Remove the blocks that no pinned root needs; how many, and their bytes. Records of adding stay."""
        with self._writing():
            needed = {record.policy for record in self.records()}
            for root in self.pins():
                needed |= {cid for cid, _ in walk(root, self.blocks.get)}
            count = size = 0
            for cid in self.blocks:
                if cid not in needed:
                    size += self.blocks.path(cid).stat().st_size
                    self.blocks.remove(cid)
                    count += 1
            return count, size

    # ---- inside

    def _key(self) -> bytes:
        file = self.folder / "private/key"
        try:
            mode = file.stat().st_mode & 0o777
            key = bytes.fromhex(file.read_text())
        except (OSError, ValueError):
            raise StoreError(f"{file} is gone or damaged: bring it back from a copy") from None
        if mode & 0o077:
            raise StoreError(f"{file} can be read by others than its owner: chmod 600 {file}")
        if len(key) != _KEY:
            raise StoreError(f"{file} is damaged: bring it back from a copy")
        return key

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock; what killed writers left is removed first."""
        try:
            handle = files.lock(self.folder / "lock")
        except BlockingIOError:
            raise StoreError(f"another process is writing to {self.folder}: wait until it is done") from None
        try:
            self.blocks.sweep()
            for left in (*(self.folder / "adds").glob(".*.unfinished"), *(self.folder / "pins").glob(".*.unfinished")):
                left.unlink()
            yield
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise StoreError(
                    f"there is no room to write ({error.strerror}): nothing was added; make room and try again"
                ) from None
            raise


def _is_no_store(source: Path) -> None:
    """StoreError where ``source`` is, holds or lies in a store: its owner's key would be among the blocks."""
    whole = source.resolve()
    above = next((place for place in (whole, *whole.parents) if (place / "private/key").exists()), None)
    beneath = next(whole.rglob("private/key"), None) if whole.is_dir() else None
    if above or beneath:
        place = above or beneath.parents[1]  # type: ignore[union-attr]
        raise StoreError(f"{place} is a store, with its owner's key: name what lies outside it")


def _nearest(path: Path) -> Path:
    """The first folder from ``path`` up that is there."""
    return next(folder for folder in path.absolute().parents if folder.is_dir())


def _reaches(root: Cid, cid: Cid, blocks: Blocks) -> bool:
    """Whether ``cid`` is below ``root``; only nodes are read, and leaves are known by the links to them."""
    seen, ahead = {root}, [root]
    while ahead:
        here = ahead.pop()
        if here.codec == NODE and here in blocks:
            for link in Node.read(blocks.get(here)).links:
                if link.cid == cid:
                    return True
                if link.cid not in seen:
                    seen.add(link.cid)
                    ahead.append(link.cid)
    return False


def _missing(root: Cid, blocks: Blocks | Draft) -> Iterator[tuple[str, str]]:
    """A line and a name for each block that ``root`` needs and that is not there."""
    seen, ahead = {root}, [root]
    while ahead:
        here = ahead.pop()
        if here not in blocks:
            yield f"the block {here} is missing, which {root} needs", str(here)
        elif here.codec == NODE:
            try:
                below = [link.cid for link in Node.read(blocks.get(here)).links]
            except StoreError:
                continue  # named already, by its hash
            ahead += [cid for cid in below if cid not in seen]
            seen.update(below)
