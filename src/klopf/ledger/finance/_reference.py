"""The exchange's arithmetic, written a second time in Python from its documentation, in whole numbers and fractions.

A pool of x and y takes d of the one and gives ⌊y·d' / (x + d')⌋ of the other, d' being d less the fee: so x·y never
falls. An average of a price is made of sums of price times seconds, in both directions: the arithmetic mean of one
direction and, as the inverse of the other's, the harmonic mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt

__all__ = ["LOCKED", "PERIOD", "Bounds", "Mark", "PoolModel"]

PERIOD = 1800
LOCKED = 1000
_WORD, _HALF = 2**256, 2**112


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


@dataclass(frozen=True)
class Bounds:
    """What one unit of a token is worth in units of another, with 36 decimals: to lend by, and to sell off by."""

    low: int
    high: int


@dataclass(frozen=True)
class Mark:
    """What the sums of both prices (of fractions of 112 bits times seconds) had come to at ``time``."""

    up: int
    down: int
    time: int


@dataclass
class PoolModel:
    """A pool of two tokens. Times in seconds, amounts in the smallest units."""

    fee_bps: int
    reserves: tuple[int, int] = (0, 0)
    supply: int = 0
    time: int = 0
    sums: tuple[int, int] = (0, 0)
    marks: list[Mark] = field(default_factory=list)
    """The latest three, in order."""

    def accrue(self, now: int) -> bool:
        """Let the price have stood until ``now``; whether that made a mark."""
        passed, self.time = now - self.time, now
        if not self.supply or not passed:
            return False
        x, y = self.reserves
        up, down = self.sums
        self.sums = ((up + y * _HALF // x * passed) % _WORD, (down + x * _HALF // y * passed) % _WORD)
        if now - self.marks[-1].time < PERIOD:
            return False
        self._mark()
        return True

    def _mark(self) -> None:
        self.marks = [*self.marks[-2:], Mark(*self.sums, self.time)]

    def quote(self, first: bool, amount: int) -> int:
        """What ``amount`` of the first or the second token brings of the other."""
        x, y = self.reserves if first else self.reserves[::-1]
        kept = Fraction(amount * (10_000 - self.fee_bps), 10_000)
        return int(y * kept / (x + kept))

    def swap(self, first: bool, amount: int) -> int:
        """Do that; the pool must have been accrued."""
        out = self.quote(first, amount)
        x, y = self.reserves
        self.reserves = (x + amount, y - out) if first else (x - out, y + amount)
        return out

    def fitting(self, most: tuple[int, int]) -> tuple[tuple[int, int], int]:
        """What of the two amounts is taken, and the shares for it."""
        if not self.supply:
            return most, max(0, isqrt(most[0] * most[1]) - LOCKED)
        x, y = self.reserves
        wanted = _ceil(Fraction(most[0] * y, x))
        amounts = (most[0], wanted) if wanted <= most[1] else (min(most[0], _ceil(Fraction(most[1] * x, y))), most[1])
        return amounts, min(amounts[0] * self.supply // x, amounts[1] * self.supply // y)

    def add(self, amounts: tuple[int, int]) -> int:
        """Take both amounts; the shares that are made for whoever brings them. The pool must have been accrued."""
        shares = self.fitting(amounts)[1]
        first = not self.supply
        self.supply += shares + (LOCKED if first else 0)
        self.reserves = (self.reserves[0] + amounts[0], self.reserves[1] + amounts[1])
        if first:
            self._mark()
        return shares

    def share(self, shares: int) -> tuple[int, int]:
        """What shares are of both tokens."""
        x, y = self.reserves
        return (x * shares // self.supply, y * shares // self.supply) if self.supply else (0, 0)

    def remove(self, shares: int) -> tuple[int, int]:
        """Give that out. The pool must have been accrued."""
        a, b = self.share(shares)
        self.reserves, self.supply = (self.reserves[0] - a, self.reserves[1] - b), self.supply - shares
        return a, b

    def bounds(self, first: bool, now: int) -> Bounds | None:
        """The bounds of the first token's price in the second, or the other way round; None while too young."""
        marks = self.marks if self.marks and now - self.marks[-1].time >= PERIOD else self.marks[:-1]
        if len(marks) < 2:
            return None
        x, y = self.reserves
        passed = now - self.time
        end = Mark(self.sums[0] + y * _HALF // x * passed, self.sums[1] + x * _HALF // y * passed, now)

        def grown(a: Mark, b: Mark, forward: bool) -> Fraction:
            """The mean of a price between two marks, and one fraction more, which rounding may have left out."""
            of = (b.up - a.up) if forward else (b.down - a.down)
            return Fraction(of % _WORD, _HALF * (b.time - a.time)) + Fraction(1, _HALF)

        old, mid = marks[-2:]
        low = min(10**36 / grown(mid, end, not first), 10**36 / grown(old, mid, not first))
        return Bounds(int(low), _ceil(10**36 * grown(mid, end, first)))
