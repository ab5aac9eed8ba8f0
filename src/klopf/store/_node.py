"""Nodes of a graph of blocks: dag-pb with UnixFS in it, as IPFS writes files and folders.

Protobuf by hand, because the bytes must be one node's own: links before data, every link with a name, sizes unpacked
(ipld.io/specs/codecs/dag-pb, specs.ipfs.tech/unixfs). What is read is bounded, and refused unless it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from klopf.errors import StoreError
from klopf.store._cid import Cid

__all__ = ["FILE", "FOLDER", "SHARD", "Link", "Node", "number", "read_number", "write"]

FOLDER, FILE, SHARD = 1, 2, 5
_BYTES = 0  # a leaf that only holds bytes: older writers'


@dataclass(frozen=True, slots=True)
class Link:
    cid: Cid
    size: int
    """Bytes of all blocks below, that one's own included."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """What a block of codec dag-pb says."""

    kind: int
    links: tuple[Link, ...]
    content: bytes
    """What it holds itself, before what its links lead to."""
    length: int
    """Of the file that begins here, in bytes."""

    @classmethod
    def read(cls, block: bytes) -> Node:
        """
        Raises:
            StoreError: it is no such node.
        """
        links, inner = [], None
        for field, value in _fields(block):
            if field == 2 and isinstance(value, bytes):
                links.append(_link(value))
            elif field == 1 and isinstance(value, bytes):
                inner = value
            else:
                raise _damaged()
        kind, content, length = -1, b"", 0
        for field, value in _fields(inner or b""):
            if field == 1 and isinstance(value, int):
                kind = value
            elif field == 2 and isinstance(value, bytes):
                content = value
            elif field == 3 and isinstance(value, int):
                length = value
        if kind not in (_BYTES, FOLDER, FILE, SHARD):
            raise StoreError("a block is neither file nor folder: only these can be got")
        return cls(FILE if kind == _BYTES else kind, tuple(links), content, length)


def write(
    kind: int,
    links: Sequence[Link],
    *,
    content: bytes = b"",
    length: int | None = None,
    sizes: Sequence[int] = (),
    fanout: int = 0,
) -> bytes:
    """The block of a node: of a file with the ``sizes`` of what its links lead to, a folder, or a folder's shard."""
    inner = bytearray(b"\x08" + number(kind))
    if content:
        inner += b"\x12" + number(len(content)) + content
    if length is not None:
        inner += b"\x18" + number(length)
    for size in sizes:
        inner += b"\x20" + number(size)
    if fanout:
        inner += b"\x28\x22\x30" + number(fanout)  # the hash of names: murmur3, 64 bits
    out = bytearray()
    for link in links:
        cid, name = link.cid.raw, link.name.encode()
        body = b"\x0a" + number(len(cid)) + cid + b"\x12" + number(len(name)) + name + b"\x18" + number(link.size)
        out += b"\x12" + number(len(body)) + body
    out += b"\x0a" + number(len(inner)) + inner
    return bytes(out)


def number(value: int) -> bytes:
    """``value`` as an unsigned varint.

    >>> number(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """The varint at ``at``, and where it ends.

    Raises:
        StoreError: it is cut short, or has more than 63 bits.
    """
    value = shift = 0
    while at < len(data) and shift < 63:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise _damaged()


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = read_number(data, at)
        if key & 7 == 0:
            value, at = read_number(data, at)
            yield key >> 3, value
        elif key & 7 == 2:
            size, at = read_number(data, at)
            if size > len(data) - at:
                raise _damaged()
            yield key >> 3, data[at : at + size]
            at += size
        else:
            raise _damaged()


def _link(data: bytes) -> Link:
    cid, name, size = None, "", 0
    for field, value in _fields(data):
        if field == 1 and isinstance(value, bytes):
            cid = Cid.read(value)
        elif field == 2 and isinstance(value, bytes):
            try:
                name = value.decode()
            except UnicodeDecodeError:
                raise _damaged() from None
        elif field == 3 and isinstance(value, int):
            size = value
    if cid is None:
        raise _damaged()
    return Link(cid, size, name)


def _damaged() -> StoreError:
    return StoreError("a block is no node of files and folders: it is damaged, or something else")
