"""Votes that nobody can read until a conversation closes: a seal first, what it hides afterwards.

A seal is the hash of the conversation, the member, the statement, the number, the vote and a salt; so what somebody
else sealed cannot be opened as one's own, here or elsewhere. The salt is the hash of a signature that is shown to
nobody: who has the key can open what it sealed, and keeps nothing besides. The founder closes: it names the seals that
count, so that none is made after the first is opened. Where it closes twice, those count that are in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from eth_hash.auto import keccak

__all__ = ["Sealed", "Seals", "salt_of", "seal_of"]


class Sealed(Protocol):
    """What a line of a conversation has (``talk.Line``)."""

    @property
    def kind(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def statement(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def said(self) -> int: ...
    @property
    def seal(self) -> str: ...
    @property
    def salt(self) -> str: ...
    @property
    def seals(self) -> str: ...


def seal_of(talk: bytes, by: str, statement: str, number: int, said: int, salt: str) -> str:
    """64 hexadecimal digits that hide a vote."""
    parts = (by, statement, str(number), str(said), salt)
    return bytes(keccak(b"klopf seal 1" + talk + "|".join(parts).encode())).hex()


def salt_of(sign: Callable[[bytes], bytes], talk: bytes, statement: str, number: int) -> str:
    """64 hexadecimal digits that only who has the key can make."""
    hidden = bytes(keccak(b"klopf salt 1" + talk + f"{statement}|{number}".encode()))
    return bytes(keccak(sign(hidden))).hex()


@dataclass(frozen=True)
class Seals:
    """The seals of a conversation and what became of them."""

    closed: frozenset[str] | None
    """The seals that count; None before the conversation is closed."""
    latest: dict[tuple[str, str], Sealed]
    """Of each member on each statement the seal of the highest number that counts, or would if it closed now."""
    opened: dict[tuple[str, str], int]
    """Votes that count: of the latest seal, opened as it was sealed."""

    @classmethod
    def of(cls, talk: bytes, founder: str, lines: Iterable[Sealed]) -> Seals:
        all_ = list(lines)
        closings = [frozenset(one.seals.split()) for one in all_ if one.kind == "closed" and one.by == founder]
        closed = frozenset.intersection(*closings) if closings else None
        latest: dict[tuple[str, str], Sealed] = {}
        for one in all_:
            if one.kind == "sealed" and (closed is None or one.seal in closed):
                before = latest.get((one.by, one.statement))
                if before is None or (one.number, one.seal) > (before.number, before.seal):
                    latest[one.by, one.statement] = one
        opened: dict[tuple[str, str], int] = {}
        for one in all_ if closed is not None else ():
            mine = latest.get((one.by, one.statement)) if one.kind == "opened" else None
            if mine and seal_of(talk, one.by, one.statement, one.number, one.said, one.salt) == mine.seal:
                opened[one.by, one.statement] = one.said
        return cls(closed, latest, opened)

    def withheld(self) -> int:
        """Seals that count and were not opened: they are no votes."""
        return len(self.latest) - len(self.opened) if self.closed is not None else 0
