"""One round: a grid whose numbers were renamed, covered cell by cell, of which a few cells can be uncovered.

The 81 covers are the leaves of a tree with three branches at each node: bands, their boxes, a box's rows, their cells.
The secret of each cover comes from a tree of secrets of the same shape. So a group of cells that is a branch is
uncovered by one secret, and a branch of which nothing is uncovered is one hash. Hashes have 32 bytes (SHA-256), secrets
16; each hash is of its round and node, too, so that none stands for another.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from klopf.errors import NotProven

__all__ = ["SECRET", "Board", "renaming", "uncovered"]

SECRET, _HASH = 16, 32
_LEAF = tuple(27 * (r // 3) + 9 * (c // 3) + 3 * (r % 3) + c % 3 for r in range(9) for c in range(9))
"""The place of each cell among the leaves."""
_FIRST = (81 - 1) // 2
"""The first leaf's node: the root is 0, the children of n are 3 n + 1 to 3 n + 3."""
_NODES = _FIRST + 81
_TAGS = tuple(bytes([kind, node]) for kind in range(3) for node in range(_NODES))


def renaming(seed: bytes) -> tuple[int, ...]:
    """Nine colours for the numbers 1 to 9, evenly drawn from all 9! orders (but for 2⁻⁴⁹³) by ``seed``."""
    rank = int.from_bytes(hashlib.sha512(b"klopf renaming" + seed).digest(), "big") % math.factorial(9)
    left, colours = list(range(1, 10)), []
    for count in range(9, 0, -1):
        rank, place = divmod(rank, count)
        colours.append(left.pop(place))
    return tuple(colours)


class Board:
    """A covered grid.

    Args:
        colours: 81 numbers below 256.
        seed: 16 secret bytes that no other board has.
        name: what makes this round's hashes differ from any other's; public.
    """

    def __init__(self, colours: Sequence[int], seed: bytes, name: bytes) -> None:
        self._name = name
        self._secrets = [seed, *[b""] * (_NODES - 1)]
        self._colours = bytearray(81)
        for cell, leaf in enumerate(_LEAF):
            self._colours[leaf] = colours[cell]
        _spread(self._secrets, 0, name)
        self._hashes = [b""] * _NODES
        for leaf in range(81):
            self._hashes[_FIRST + leaf] = _cover(name, _FIRST + leaf, self._secrets[_FIRST + leaf], self._colours[leaf])
        for node in range(_FIRST - 1, -1, -1):
            self._hashes[node] = _joined(name, node, self._hashes[3 * node + 1 : 3 * node + 4])

    @property
    def root(self) -> bytes:
        """What commits to the whole grid: 32 bytes."""
        return self._hashes[0]

    def open(self, cells: Sequence[int]) -> bytes:
        """Uncover ``cells``: their colours in order, then secrets and hashes as the tree needs them."""
        wanted = _counts(cells)
        parts = [bytes(self._colours[_LEAF[cell]] for cell in cells)]
        ahead = [0]
        while ahead:
            node = ahead.pop()
            if wanted[node] == 0:
                parts.append(self._hashes[node])
            elif wanted[node] == _size(node):
                parts.append(self._secrets[node])
            else:
                ahead += (3 * node + 3, 3 * node + 2, 3 * node + 1)
        return b"".join(parts)


def uncovered(cells: Sequence[int], said: memoryview, name: bytes) -> tuple[tuple[int, ...], bytes, int]:
    """The other side of :meth:`Board.open`: the colours of ``cells``, the root, and how many bytes of ``said`` it took.

    Raises:
        NotProven: ``said`` is too short.
    """
    wanted = _counts(cells)
    colours = tuple(said[: len(cells)])
    at = len(cells)
    if len(colours) < len(cells):
        raise NotProven("the proof ends too early")
    of = {_FIRST + _LEAF[cell]: colour for cell, colour in zip(cells, colours, strict=True)}
    hashes = [b""] * _NODES
    secrets = [b""] * _NODES
    ahead = [0]
    joins = []
    while ahead:
        node = ahead.pop()
        whole = wanted[node] == _size(node)
        if not wanted[node]:
            hashes[node] = bytes(said[at : at + _HASH])
            at += _HASH
        elif whole:
            secrets[node] = bytes(said[at : at + SECRET])
            at += SECRET
            _spread(secrets, node, name)
            joins += _below(node)
        else:
            joins.append(node)
            ahead += (3 * node + 3, 3 * node + 2, 3 * node + 1)
    if at > len(said):
        raise NotProven("the proof ends too early")
    for node in sorted(joins, reverse=True):
        if node >= _FIRST:
            hashes[node] = _cover(name, node, secrets[node], of[node])
        else:
            hashes[node] = _joined(name, node, hashes[3 * node + 1 : 3 * node + 4])
    return colours, hashes[0], at


def _size(node: int) -> int:
    """Leaves below a node."""
    return 81 if node == 0 else 27 if node < 4 else 9 if node < 13 else 3 if node < 40 else 1


def _below(node: int) -> list[int]:
    """A node and all below it."""
    found = [node]
    for one in found:
        if one < _FIRST:
            found += (3 * one + 1, 3 * one + 2, 3 * one + 3)
    return found


def _counts(cells: Sequence[int]) -> list[int]:
    """How many of ``cells`` are below each node."""
    counts = [0] * _NODES
    for cell in cells:
        node = _FIRST + _LEAF[cell]
        counts[node] += 1
        while node:
            node = (node - 1) // 3
            counts[node] += 1
    return counts


def _spread(secrets: list[bytes], top: int, name: bytes) -> None:
    """Each secret below ``top``, from the one above it."""
    for node in _below(top) if top else range(_FIRST):
        if node < _FIRST:
            made = hashlib.sha512(name + _TAGS[node] + secrets[node]).digest()
            secrets[3 * node + 1 : 3 * node + 4] = made[:16], made[16:32], made[32:48]


def _cover(name: bytes, node: int, secret: bytes, colour: int) -> bytes:
    return hashlib.sha256(name + _TAGS[_NODES + node] + secret + bytes((colour,))).digest()


def _joined(name: bytes, node: int, below: Sequence[bytes]) -> bytes:
    return hashlib.sha256(name + _TAGS[2 * _NODES + node] + b"".join(below)).digest()
