"""What is hashed: randomness from a seed, trees over columns, and the transcript that asks in the verifier's place.

Everything is SHA-2 and SHA-3 of Python's own library. Each leaf of a tree has 16 secret bytes of salt, so that a
column that is not opened stays hidden though its numbers follow from others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from klopf.errors import NotProven
from klopf.proof._field import P, Words

__all__ = ["HASH", "SALT", "Draw", "Transcript", "Tree", "joined"]

HASH, SALT = 32, 16


class Draw:
    """Numbers modulo p, each exactly as likely as any other, one after another from a seed."""

    def __init__(self, seed: bytes) -> None:
        self._seed, self._part = seed, 0

    def __call__(self, count: int) -> Words:
        made = np.empty(0, np.uint64)
        while len(made) < count:
            said = hashlib.shake_256(self._seed + self._part.to_bytes(8, "big")).digest(8 * (count - len(made)))
            words = np.frombuffer(said, "<u8").astype(np.uint64)
            made = np.concatenate([made, words[words < P]])
            self._part += 1
        return made


class Transcript:
    """All that was said so far, as one hash; what the verifier would ask at random is drawn from it (Fiat and Shamir,
    CRYPTO 1986)."""

    def __init__(self, about: bytes) -> None:
        self._state = hashlib.sha256(b"klopf proof model 1" + hashlib.sha256(about).digest()).digest()

    def say(self, *what: bytes) -> None:
        for one in what:
            self._state = hashlib.sha256(self._state + hashlib.sha256(one).digest()).digest()

    def draw(self, name: str) -> Draw:
        return Draw(self._state + name.encode())

    def places(self, count: int, of: int) -> list[int]:
        """``count`` numbers below ``of``, a power of two, drawn with replacement; in order, each once."""
        said = hashlib.shake_256(self._state + b"places").digest(4 * count)
        return sorted({int(word) % of for word in np.frombuffer(said, "<u4")})


class Tree:
    """Commits to columns: ``columns`` (n, m), n a power of two."""

    def __init__(self, columns: Words, seed: bytes) -> None:
        n = len(columns)
        salts = hashlib.shake_256(b"salts" + seed).digest(SALT * n)
        self._salts = [salts[i : i + SALT] for i in range(0, len(salts), SALT)]
        data = memoryview(np.ascontiguousarray(columns, "<u8").tobytes())
        size = 8 * columns.shape[1]
        level = [_leaf(salt, data[i * size : i * size + size]) for i, salt in enumerate(self._salts)]
        self._levels = [level]
        while len(level) > 1:
            level = [_node(level[i], level[i + 1]) for i in range(0, len(level), 2)]
            self._levels.append(level)

    @property
    def root(self) -> bytes:
        return self._levels[-1][0]

    def open(self, places: Sequence[int]) -> bytes:
        """Salts of ``places``, and the hashes without which their root cannot be had."""
        parts = [self._salts[place] for place in places]
        known = list(places)
        for level in self._levels[:-1]:
            have = set(known)
            parts += [level[place ^ 1] for place in known if place ^ 1 not in have]
            known = sorted({place >> 1 for place in known})
        return b"".join(parts)


def joined(columns: Words, places: Sequence[int], n: int, said: memoryview) -> tuple[bytes, int]:
    """The root of the tree of ``n`` leaves that has ``columns`` at ``places``, and how many bytes of ``said`` it took.

    Raises:
        NotProven: ``said`` is too short.
    """
    data = memoryview(np.ascontiguousarray(columns, "<u8").tobytes())
    size, at = 8 * columns.shape[1], SALT * len(places)
    known = {
        place: _leaf(said[i * SALT : i * SALT + SALT], data[i * size : i * size + size])
        for i, place in enumerate(places)
    }
    while n > 1:
        above: dict[int, bytes] = {}
        for place in sorted(known):
            if place >> 1 in above:
                continue
            other = known.get(place ^ 1)
            if other is None:
                other = bytes(said[at : at + HASH])
                at += HASH
            above[place >> 1] = _node(other, known[place]) if place & 1 else _node(known[place], other)
        known, n = above, n >> 1
    if at > len(said):
        raise NotProven("the proof ends too early")
    return known[0], at


def _leaf(salt: bytes | memoryview, column: memoryview) -> bytes:
    made = hashlib.sha256(b"\0")
    made.update(salt)
    made.update(column)
    return made.digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def as_words(said: NDArray[np.uint8] | memoryview) -> Words:
    """Numbers as they are written: eight bytes each, the lowest first.

    Raises:
        NotProven: one is not below p.
    """
    words = np.frombuffer(said, "<u8").astype(np.uint64)
    if (words >= P).any():
        raise NotProven("the proof holds a number that is not below p")
    return words
