"""From a root to everything below it: walking a graph of blocks, and the file or folder that it is.

Names and depth are a stranger's: a walk never goes round, and no name leads out of the folder that is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from klopf.errors import StoreError
from klopf.store._cid import CBOR, NODE, Cid
from klopf.store._node import FILE, FOLDER, SHARD, Link, Node

__all__ = ["Entry", "Fetch", "content", "entries", "walk"]

Fetch = Callable[[Cid], bytes]
"""Gives the block of an identifier, hashed."""
_DEEPEST = 64
"""Folders in folders, or levels of a tree: ours have at most four for a tebibyte."""


def walk(root: Cid, fetch: Fetch) -> Iterator[tuple[Cid, bytes]]:
    """Every block from ``root`` down, each once, parents before children and children in order: as ``ipfs dag export``.

    Raises:
        StoreError: a block is missing, damaged, or no node.
    """
    seen, ahead = set(), [(root, 0)]
    while ahead:
        cid, depth = ahead.pop()
        if cid in seen:
            continue
        if depth > _DEEPEST:
            raise StoreError(f"the graph below {root} is more than {_DEEPEST} levels deep: it is none of files")
        seen.add(cid)
        block = fetch(cid)
        yield cid, block
        if cid.codec == NODE:
            ahead += [(link.cid, depth + 1) for link in reversed(Node.read(block).links)]


@dataclass(frozen=True)
class Entry:
    """A file or a folder below a root: its path, ``""`` for the root itself."""

    path: str
    cid: Cid
    is_folder: bool


def entries(root: Cid, fetch: Fetch, path: str = "", depth: int = 0) -> Iterator[Entry]:
    """The files and folders from ``root`` down, folders before what is in them.

    Raises:
        StoreError: as :func:`walk`, or a name that leads elsewhere.
    """
    node = Node.read(fetch(root)) if root.codec == NODE else None
    if root.codec == CBOR:
        raise StoreError(f"{root} is a record of adding, not a file: `klopf store trace` shows it")
    is_folder = node is not None and node.kind in (FOLDER, SHARD)
    yield Entry(path, root, is_folder)
    if node is None or not is_folder:
        return
    if depth >= _DEEPEST:
        raise StoreError(f"folders lie in more than {_DEEPEST} others: get a smaller part")
    names = set()
    for link in _named(node, fetch, 0):
        if link.name in ("", ".", "..") or any(c in "/\\" or not c.isprintable() for c in link.name):
            raise StoreError(f"a file in the folder {root} is called {link.name[:80]!r}, which may lead elsewhere")
        if link.name in names:
            raise StoreError(f"two files in the folder {root} are called {link.name[:80]!r}")
        names.add(link.name)
        yield from entries(link.cid, fetch, f"{path}/{link.name}" if path else link.name, depth + 1)


def _named(node: Node, fetch: Fetch, depth: int) -> Iterator[Link]:
    """A folder's entries; those of one in shards are gathered from them."""
    if node.kind == FOLDER:
        yield from node.links
        return
    if depth > 8:
        raise StoreError("a folder's shards are deeper than any: they are damaged")
    if not node.links and depth:  # empty ones in one another could be without number
        raise StoreError("a folder has an empty shard: it is damaged")
    for link in node.links:
        if len(link.name) == 2:
            yield from _named(Node.read(fetch(link.cid)), fetch, depth + 1)
        else:
            yield Link(link.cid, link.size, link.name[2:])


def content(root: Cid, fetch: Fetch, depth: int = 0) -> Iterator[bytes]:
    """The bytes of the file ``root``, a leaf at a time.

    Raises:
        StoreError: as :func:`walk`, it is a folder, or its parts have another length than it says.
    """
    block = fetch(root)
    if root.codec != NODE:
        yield block
        return
    node = Node.read(block)
    if node.kind != FILE or depth > _DEEPEST:
        raise StoreError(f"{root} is no file")
    done = len(node.content)
    if node.content:
        yield node.content
    for link in node.links:
        before = done
        for piece in content(link.cid, fetch, depth + 1):
            done += len(piece)
            if done > node.length:
                break
            yield piece
        if done == before or done > node.length:  # parts without bytes could be without number
            break
    if done != node.length:
        raise StoreError(f"the file {root} says it has {node.length:,} bytes, and its parts have {done:,}")
