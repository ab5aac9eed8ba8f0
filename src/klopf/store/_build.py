"""From bytes and folders to blocks and one root: the graph that an IPFS node builds for the same profile.

Profiles are those of IPIP-499, as Kubo has them: file chunks of one size, a balanced tree, folders that become shards
when their one block would be too large. Hashing runs in two threads: OpenSSL's SHA-256 lets go of the interpreter.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import BinaryIO

from klopf.errors import StoreError
from klopf.store._cid import NODE, RAW, Cid
from klopf.store._node import FILE, FOLDER, Link, write
from klopf.store._shards import shards

__all__ = ["PROFILES", "Built", "Profile", "Sink", "build_file", "build_folder", "chunks"]

_THREADS = 2
_AHEAD = 16
"""Pieces in hand at a time: what bounds the memory."""
_FOLDER_BLOCK = 262_144
"""Bytes a folder's one block may have; beyond, it is shards."""


@dataclass(frozen=True)
class Profile:
    """How files become blocks, as IPIP-499 names it."""

    name: str
    version: int
    """Of the content identifiers."""
    chunk: int
    """Bytes a leaf."""
    width: int
    """Links a node."""
    raw: bool
    """Leaves are bytes and nothing else; without, each is wrapped in a node."""


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("unixfs-v1-2025", 1, 1 << 20, 1024, True),
        Profile("unixfs-v0-2015", 0, 1 << 18, 174, False),
    )
}
"""Profiles by name, the one for new data first."""


@dataclass(frozen=True, slots=True)
class Built:
    """A graph that is built."""

    cid: Cid
    length: int
    """Of the file, in bytes; of a folder 0."""
    size: int
    """Bytes of all blocks, those that come twice counted twice."""


Sink = Callable[[Cid, bytes], None]
"""Where blocks go. Called from several threads, and more than once with the same block."""

Piece = Callable[[], bytes]
"""Gives a leaf's bytes, in the thread that hashes them."""


def chunks(handle: BinaryIO, size: int, told: Callable[[int], None] | None = None) -> Iterator[Piece]:
    """The pieces of ``size`` bytes of a file, open until they are read. ``told`` is called with the bytes of each.

    Raises:
        OSError: it cannot be read.
        StoreError: a piece was asked for, and the file had become shorter.
    """
    end = os.fstat(handle.fileno()).st_size

    def piece(at: int) -> bytes:
        wanted, got = min(size, end - at), b""
        while len(got) < wanted:
            more = os.pread(handle.fileno(), wanted - len(got), at + len(got))
            if not more:
                raise StoreError(f"{handle.name} became shorter while it was read: try again when nobody writes to it")
            got = got + more if got else more
        if told:
            told(wanted)
        return got

    for start in range(0, max(end, 1), size):
        yield partial(piece, start)


def build_file(pieces: Iterable[Piece], profile: Profile, sink: Sink) -> Built:
    """The balanced tree over ``pieces``, a leaf each.

    Raises:
        OSError, StoreError: what ``pieces`` and ``sink`` raise.
    """

    def leaf(piece: Piece) -> Built:
        data = piece()
        block = data if profile.raw else write(FILE, (), content=data, length=len(data))
        cid = Cid(sha256(block).digest(), RAW if profile.raw else NODE, profile.version)
        sink(cid, block)
        return Built(cid, len(data), len(block))

    level = list(_in_order(leaf, pieces))
    while len(level) > 1:
        level = [_inner(level[at : at + profile.width], profile, sink) for at in range(0, len(level), profile.width)]
    return level[0]


def build_folder(children: Sequence[tuple[str, Built]], profile: Profile, sink: Sink) -> Built:
    """A folder of ``children``, names with what they lead to; in shards where one block would be too large."""
    links = sorted((Link(built.cid, built.size, name) for name, built in children), key=lambda link: link.name.encode())
    block = write(FOLDER, links)
    named = sum(len(link.name.encode()) + len(link.cid.raw) for link in links)
    if (len(block) if profile.version else named) > _FOLDER_BLOCK:
        return _shard(links, profile, sink)
    return _node(block, links, profile, sink)


def _shard(links: Sequence[Link], profile: Profile, sink: Sink) -> Built:
    def keep(block: bytes, below: Sequence[Link]) -> Link:
        built = _node(block, below, profile, sink)
        return Link(built.cid, built.size)

    root = shards(links, keep)
    return Built(root.cid, 0, root.size)


def _inner(below: Sequence[Built], profile: Profile, sink: Sink) -> Built:
    links = [Link(one.cid, one.size) for one in below]
    length = sum(one.length for one in below)
    block = write(FILE, links, length=length, sizes=[one.length for one in below])
    built = _node(block, links, profile, sink)
    return Built(built.cid, length, built.size)


def _node(block: bytes, links: Sequence[Link], profile: Profile, sink: Sink) -> Built:
    cid = Cid.of(block, NODE, profile.version)
    sink(cid, block)
    return Built(cid, 0, len(block) + sum(link.size for link in links))


def _in_order(work: Callable[[Piece], Built], pieces: Iterable[Piece]) -> Iterator[Built]:
    """What ``work`` makes of each piece, in two threads and in order; an error ends it."""
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting: deque[Future[Built]] = deque()
        try:
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
