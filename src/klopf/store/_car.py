"""Archives of blocks, CARv1: a header with the roots, then each block behind its identifier (ipld.io/specs/transport).

What is read is a stranger's: every length is bounded, every block is hashed, and where it ends is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import libipld

from klopf.errors import DamagedBlock, StoreError
from klopf.store._blocks import LARGEST
from klopf.store._cid import NODE, Cid
from klopf.store._node import Node, number

__all__ = ["pieces", "read", "verify"]

_LONGEST_HEADER = 1 << 16


def pieces(roots: list[Cid], blocks: Iterable[tuple[Cid, bytes]]) -> Iterator[bytes]:
    """The archive's bytes, a block at a time."""
    header = libipld.encode_dag_cbor({"roots": [root.raw for root in roots], "version": 1})
    yield number(len(header)) + header
    for cid, block in blocks:
        yield number(len(cid.raw) + len(block)) + cid.raw + block


def read(path: Path) -> tuple[list[Cid], Iterator[tuple[Cid, bytes]]]:
    """The roots of an archive, and its blocks one after another, each hashed as it comes.

    Raises:
        StoreError: it is no CARv1; also while the blocks are read, where it is cut short.
        DamagedBlock: while the blocks are read: one is not what its identifier says.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        roots, start = _header(file, path)
    return roots, _blocks(path, start)


def verify(path: Path, told: Callable[[int], None] | None = None) -> tuple[int, list[str]]:
    """Read an archive through: the number of blocks, and a line for each thing that is wrong with it. What is cut short
    or damaged ends the reading.

    Raises:
        StoreError: it is no archive.
        OSError: it cannot be read.
    """
    roots, blocks = read(path)
    here, needed = set[Cid](), set(roots)
    wrong = []
    try:
        for cid, block in blocks:
            here.add(cid)
            if cid.codec == NODE:
                needed |= {link.cid for link in Node.read(block).links}
            if told:
                told(len(block))
    except StoreError as error:
        wrong.append(str(error))
    else:
        wrong += sorted(f"the block {cid} is missing" for cid in needed - here)
    return len(here), wrong


def _header(file: BinaryIO, path: Path) -> tuple[list[Cid], int]:
    size = _length(file, path, _LONGEST_HEADER)
    data = file.read(size or 0)
    try:
        header = libipld.decode_dag_cbor(data)
        if header["version"] != 1:
            raise StoreError(f"{path} is an archive of version {header['version']}: only CARv1 is read here")
        return [Cid.read(root) for root in header["roots"]], file.tell()
    except StoreError:
        raise
    except Exception:  # what a stranger's bytes make the decoder raise is no short list
        raise StoreError(f"{path} is no archive of blocks (CARv1), or its beginning is damaged") from None


def _blocks(path: Path, start: int) -> Iterator[tuple[Cid, bytes]]:
    with path.open("rb") as file:
        file.seek(start)
        while (size := _length(file, path, LARGEST + 36)) is not None:
            data = file.read(size)
            if len(data) < size:
                raise StoreError(f"{path} is cut short: its last block lacks {size - len(data):,} bytes")
            at = 34 if data[:2] == b"\x12\x20" else 36
            cid = Cid.read(data[:at])
            if not cid.fits(data[at:]):
                raise DamagedBlock(f"{path}: the block {cid} is damaged: get the archive again", str(cid))
            yield cid, data[at:]


def _length(file: BinaryIO, path: Path, most: int) -> int | None:
    """The number that a section begins with; None at the file's end."""
    value = shift = 0
    while byte := file.read(1):
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            if not 0 < value <= most:
                raise StoreError(f"{path} is damaged: a part of it would have {value:,} bytes")
            return value
        if shift > 35:
            raise StoreError(f"{path} is no archive of blocks, or damaged")
    if shift:
        raise StoreError(f"{path} is cut short")
    return None
