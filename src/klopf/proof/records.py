"""That a record was, or was not, in a set that was declared beforehand: in the data that a network was trained on, say.

The set's root is that of a tree in which the place of each record follows from its hash: the hash's bits, first to
last, lead down, left or right, until a record is alone. So a record has one place, and what stands there (itself,
another record that shares the bits so far, or nothing) is shown by the hashes beside the way. Nobody, not even
who declared the set, can show both that a record is in it and that it is not.

>>> declared = Declared([b"anna,7", b"bo,8", b"cy,9"])
>>> declared.count, check(declared.root, b"bo,8", declared.prove(b"bo,8"))
(3, True)
>>> check(declared.root, b"dee,1", declared.prove(b"dee,1"))
False
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable

from klopf.errors import NotProven

__all__ = ["Declared", "check"]

_MAGIC = b"klopf record 1\n"
_NOTHING = bytes(32)
_DEEPEST = 256


class Declared:
    """A set of records; which came twice is in it once.

    Args:
        records: bytes of any length, in any order; the order says nothing.
    """

    def __init__(self, records: Iterable[bytes]) -> None:
        self._keys = sorted({_key(record) for record in records})
        self._hashes: dict[tuple[int, int], bytes] = {}
        self.root = self._hash(0, len(self._keys), 0)
        """32 bytes that are declared."""

    @property
    def count(self) -> int:
        """Different records."""
        return len(self._keys)

    def prove(self, record: bytes) -> bytes:
        """A proof that ``record`` is in the set or, if it is not, that it is not."""
        key, beside = _key(record), []
        start, end, depth = 0, len(self._keys), 0
        while end - start > 1:
            middle = self._middle(start, end, depth)
            low, high = (start, middle), (middle, end)
            (start, end), other = (high, low) if _bit(key, depth) else (low, high)
            beside.append(self._hash(*other, depth + 1))
            depth += 1
        found = self._keys[start] if end > start else b""
        return b"".join([_MAGIC, len(beside).to_bytes(2, "big"), *beside, found])

    def _middle(self, start: int, end: int, depth: int) -> int:
        """Where, among keys that share ``depth`` bits, those begin whose next bit is 1."""
        first = int.from_bytes(self._keys[start], "big") >> (256 - depth) if depth else 0
        return bisect_left(self._keys, ((first << 1 | 1) << (255 - depth)).to_bytes(32, "big"), start, end)

    def _hash(self, start: int, end: int, depth: int) -> bytes:
        if end == start:
            return _NOTHING
        if end - start == 1:
            return _leaf(self._keys[start])
        # those with a branch of their own: a way on which two records go together has nothing beside it
        found = self._hashes.get((start, depth))
        if found is None:
            middle = self._middle(start, end, depth)
            found = _join(self._hash(start, middle, depth + 1), self._hash(middle, end, depth + 1))
            self._hashes[start, depth] = found
        return found


def check(root: bytes, record: bytes, proof: bytes) -> bool:
    """Whether ``record`` is in the set that was declared as ``root``.

    Raises:
        NotProven: the proof shows neither.
    """
    start = len(_MAGIC) + 2
    if len(proof) < start or proof[: len(_MAGIC)] != _MAGIC:
        raise NotProven("this is no proof of a record: klopf proof records prove makes one")
    depth = int.from_bytes(proof[start - 2 : start], "big")
    end = start + 32 * depth
    found = proof[end:]
    if depth > _DEEPEST or len(proof) < end or len(found) not in (0, 32):
        raise NotProven("the proof has too few bytes, or too many")
    key = _key(record)
    if found and any(_bit(found, i) != _bit(key, i) for i in range(depth)):
        raise NotProven("what the proof shows does not stand in this record's way")
    made = _leaf(found) if found else _NOTHING
    for i in range(depth - 1, -1, -1):
        other = proof[start + 32 * i : start + 32 * i + 32]
        made = _join(other, made) if _bit(key, i) else _join(made, other)
    if made != root:
        raise NotProven("the proof is of another set")
    return found == key


def _key(record: bytes) -> bytes:
    return hashlib.sha256(b"klopf record" + record).digest()


def _bit(key: bytes, place: int) -> int:
    return key[place >> 3] >> (7 - (place & 7)) & 1


def _leaf(key: bytes) -> bytes:
    return hashlib.sha256(b"\0" + key).digest()


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
