"""Blocks in a folder, a file each under its identifier. What has its name is whole, whenever a writer is killed."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from klopf import files
from klopf.errors import DamagedBlock, StoreError
from klopf.store._cid import Cid

__all__ = ["LARGEST", "Blocks", "Draft"]

LARGEST = 4 << 20
"""Bytes a block may have: nodes of IPFS pass on 2 MiB."""
_DRAFT = ".unfinished"


class Blocks:
    """The blocks below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, cid: Cid) -> Path:
        name = str(cid)
        return self.folder / name[-3:-1].lower() / name

    def __contains__(self, cid: Cid) -> bool:
        return self.path(cid).is_file()

    def __iter__(self) -> Iterator[Cid]:
        for file in sorted(self.folder.glob("??/*")):
            yield Cid.parse(file.name)

    def get(self, cid: Cid) -> bytes:
        """
        Raises:
            DamagedBlock: it is not there, or not what its name says.
        """
        try:
            with self.path(cid).open("rb") as file:
                block = file.read(LARGEST + 1)
        except FileNotFoundError:
            raise DamagedBlock(f"there is no block {cid} here: add the file again, or its archive", str(cid)) from None
        if not cid.fits(block):
            raise DamagedBlock(f"the block {cid} is damaged: add the file again, or its archive", str(cid))
        return block

    def remove(self, cid: Cid) -> None:
        self.path(cid).unlink(missing_ok=True)

    def draft(self) -> Draft:
        """A place for new blocks, which are here when its ``with`` block ends well, and else nowhere."""
        return Draft(self)

    def sweep(self) -> None:
        """Remove what killed writers left; nobody may be writing."""
        for left in self.folder.glob(f"*{_DRAFT}"):
            shutil.rmtree(left, ignore_errors=True)


class Draft:
    """New blocks on their way; can be called from several threads."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._folder = blocks.folder / f"{secrets.token_hex(4)}{_DRAFT}"
        self._new: dict[Cid, int] = {}
        self._lock = threading.Lock()
        self.known = 0
        """Blocks that were there already."""

    @property
    def count(self) -> int:
        return len(self._new)

    @property
    def size(self) -> int:
        """Bytes of the new blocks."""
        return sum(self._new.values())

    def __call__(self, cid: Cid, block: bytes) -> None:
        with self._lock:
            if cid in self._new:
                self.known += 1
                return
            self._new[cid] = len(block)
        if self._is_there(cid, block):
            with self._lock:
                del self._new[cid]
                self.known += 1
            return
        if len(block) > LARGEST:
            raise StoreError(f"a block of {len(block):,} bytes is more than the {LARGEST:,} that one may have")
        with open(self._folder / str(cid), "wb") as file:
            file.write(block)
            file.flush()
            os.fsync(file.fileno())

    def _is_there(self, cid: Cid, block: bytes) -> bool:
        """Whether the block is there already and whole: a damaged one is written anew."""
        try:
            return self._blocks.path(cid).read_bytes() == block
        except FileNotFoundError:
            return False

    def __contains__(self, cid: Cid) -> bool:
        return cid in self._new or cid in self._blocks

    def get(self, cid: Cid) -> bytes:
        """A block, drafted or there before, as :meth:`Blocks.get`."""
        return (self._folder / str(cid)).read_bytes() if cid in self._new else self._blocks.get(cid)

    def __enter__(self) -> Draft:
        self._folder.mkdir(parents=True)
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        try:
            if not failed:
                places = set()
                for cid in self._new:
                    place = self._blocks.path(cid)
                    if place.parent not in places:
                        place.parent.mkdir(exist_ok=True)
                        places.add(place.parent)
                    os.replace(self._folder / str(cid), place)
                for folder in (*places, self._blocks.folder):
                    files.sync(folder)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
