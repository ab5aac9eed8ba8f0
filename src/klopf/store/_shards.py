"""Folders too large for one block: a hash array mapped trie over the names, 256 ways a level, as UnixFS has it.

A name's place is read from the 64-bit half of murmur3 (x64, 128 bits, seed 0) of it, most significant byte first, a
byte a level. A link's name is the place as two hexadecimal digits, then the entry's own name, which shards lack.
Source: specs.ipfs.tech/unixfs, "HAMTDirectory".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from klopf.errors import StoreError
from klopf.store._node import SHARD, Link, write

__all__ = ["murmur", "shards"]

_FANOUT = 256
_MASK = (1 << 64) - 1
_C1, _C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F


def shards(links: Sequence[Link], keep: Callable[[bytes, Sequence[Link]], Link]) -> Link:
    """The root of the trie over ``links``; ``keep`` takes each shard's block with its links, and gives a link to it."""
    return _level([(murmur(link.name.encode()), link) for link in links], 0, keep)


def _level(entries: Sequence[tuple[bytes, Link]], depth: int, keep: Callable[[bytes, Sequence[Link]], Link]) -> Link:
    if depth == 8:
        raise StoreError("two names of the folder have the same hash: rename one")
    places: dict[int, list[tuple[bytes, Link]]] = {}
    for entry in entries:
        places.setdefault(entry[0][depth], []).append(entry)
    below, bits = [], 0
    for place in sorted(places):
        bits |= 1 << place
        here = places[place]
        if len(here) == 1:
            below.append(replace(here[0][1], name=f"{place:02X}{here[0][1].name}"))
        else:
            below.append(replace(_level(here, depth + 1, keep), name=f"{place:02X}"))
    field = bits.to_bytes(_FANOUT // 8, "big").lstrip(b"\0")
    return keep(write(SHARD, below, content=field, fanout=_FANOUT), below)


def murmur(data: bytes) -> bytes:
    """The first half of murmur3 of ``data``, 8 bytes.

    >>> murmur(b"hello").hex()
    'cbd8a7b341bd9b02'
    """
    h1 = h2 = 0
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        h1 ^= _mix1(int.from_bytes(data[at : at + 8], "little"))
        h1 = (_turn(h1, 27) + h2) * 5 + 0x52DCE729 & _MASK
        h2 ^= _mix2(int.from_bytes(data[at + 8 : at + 16], "little"))
        h2 = (_turn(h2, 31) + h1) * 5 + 0x38495AB5 & _MASK
    rest = data[whole:]
    h2 ^= _mix2(int.from_bytes(rest[8:], "little"))
    h1 ^= _mix1(int.from_bytes(rest[:8], "little"))
    h1, h2 = h1 ^ len(data), h2 ^ len(data)
    h1 = h1 + h2 & _MASK
    h2 = h2 + h1 & _MASK
    return (_last(h1) + _last(h2) & _MASK).to_bytes(8, "big")


def _turn(value: int, by: int) -> int:
    return (value << by | value >> 64 - by) & _MASK


def _mix1(k: int) -> int:
    return _turn(k * _C1 & _MASK, 31) * _C2 & _MASK


def _mix2(k: int) -> int:
    return _turn(k * _C2 & _MASK, 33) * _C1 & _MASK


def _last(k: int) -> int:
    k = (k ^ k >> 33) * 0xFF51AFD7ED558CCD & _MASK
    k = (k ^ k >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return k ^ k >> 33
