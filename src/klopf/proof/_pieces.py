"""What circuits are made of: units' sums by their bytes, what is looked up, and equations while they are added.

That numbers are bytes, and that what units say is what a table has, is shown by lookups: for a random x, the sum of
1 / (x - v) over what is looked up is the sum of m / (x - t) over the table, with m how often (logUp: Haboeck 2022).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from klopf.proof import _field as field
from klopf.proof._argument import Coefficients
from klopf.proof._field import Words
from klopf.proof._hashed import Draw
from klopf.proof._quantised import TABLE, Whole, shift, table

__all__ = ["At", "Combination", "Lookups", "Parts", "Piece", "factors_apart", "run", "total", "value"]

_BYTES = 256
At = NDArray[np.int64]
"""Places in what is said first, or among products."""
Parts = list[tuple[At, int]]
"""A number by its parts: where they stand, and what each is multiplied with."""


class Piece:
    """A hidden layer's numbers in what is said first: where they stand, and what they mean."""

    def __init__(self, units: int, activation: str, start: int) -> None:
        self.units, self.activation, self.start = units, activation, start
        names = ("low0 low1 over0 over1 over2 under0 under1 under2" if activation == "relu" else
                 "low0 low1 low2 over0 over1 over2 under0 under1 under2 index said").split()  # fmt: skip
        self.at = {name: run(start + i * units, units) for i, name in enumerate(names)}
        self.end = start + len(names) * units
        limbs = [name for name in names if name[-1].isdigit()]
        self.looked_up = [(self.at[name], 1) for name in limbs]
        if activation != "relu":  # four bits are left of its last byte
            self.looked_up.append((self.at["low2"], 16))

    def digits(self, name: str) -> Parts:
        """The parts of a number, with what each is multiplied with."""
        return [(self.at[f"{name}{i}"], 256**i) for i in range(3) if f"{name}{i}" in self.at]

    def sum(self) -> tuple[Parts, int]:
        """A unit's sum, by its parts and a constant."""
        bits = shift(self.activation)
        parts = [*self.digits("low"), *((at, c << bits) for at, c in self.digits("over")),
                 *((at, -(c << bits)) for at, c in self.digits("under"))]  # fmt: skip
        constant = -(1 << (bits - 1))
        if self.activation != "relu":
            parts.append((self.at["index"], 1 << bits))
            constant -= TABLE // 2 << bits
        return parts, constant

    def said(self) -> Parts:
        return self.digits("over") if self.activation == "relu" else [(self.at["said"], 1)]

    def fill(self, into: Whole, sums: Whole, said: Whole) -> None:
        bits = shift(self.activation)
        high, low = np.divmod(sums + (1 << (bits - 1)), 1 << bits)
        if self.activation != "relu":
            index = np.clip(high + TABLE // 2, 0, TABLE - 1)
            into[self.at["index"]], into[self.at["said"]] = index, said
            high = high + TABLE // 2 - index
        for name, number in (("low", low), ("over", np.maximum(high, 0)), ("under", np.maximum(-high, 0))):
            for i, (at, _) in enumerate(self.digits(name)):
                into[at] = number >> 8 * i & 255


class Lookups:
    """What is looked up, and the tables' counts, which stand in what is said first from ``start`` on.

    Args:
        bytes_: places whose numbers, each times its factor, are below 256.
        pieces: units, whose bytes are looked up, and what they say in their table.
    """

    def __init__(self, start: int, bytes_: Parts, pieces: list[Piece]) -> None:
        self.activation = pieces[0].activation if pieces else "relu"
        self.bytes = [*bytes_, *(one for piece in pieces for one in piece.looked_up)]
        tabled = self.activation != "relu"
        self.pairs = [(piece.at["index"], piece.at["said"]) for piece in pieces] if tabled else []
        self.bytes_at = run(start, _BYTES if self.bytes else 0)
        self.table_at = run(start + len(self.bytes_at), TABLE if self.pairs else 0)
        self.end = start + len(self.bytes_at) + len(self.table_at)
        self.count = sum(len(at) for at, _ in self.bytes) + sum(len(at) for at, _ in self.pairs)

    def fill(self, made: Whole) -> None:
        """How often each entry of the tables is looked up."""
        if self.bytes:
            counts = np.bincount(np.concatenate([made[at] * c for at, c in self.bytes]), minlength=_BYTES)
            made[self.bytes_at] = counts[:_BYTES]  # what is in no table is counted nowhere, and no proof of it holds
        if self.pairs:
            made[self.table_at] = np.bincount(np.concatenate([made[at] for at, _ in self.pairs]), minlength=TABLE)

    def factors(self, first: Words, x: int, pair: int) -> tuple[list[Words], list[Words]]:
        """Left factors, which are inverses, and right ones."""
        looked = [field.mul(first[at], np.uint64(c)) for at, c in self.bytes]
        looked += [field.add(first[at], field.mul(first[said], np.uint64(pair))) for at, said in self.pairs]
        if not looked:
            return [], []
        right = np.asarray(field.sub(np.uint64(x), np.concatenate(looked)))
        return [field.inverses(right)], [right]

    def equations(self, made: Combination, start: int, x: int, pair: int, draw: Draw) -> None:
        """Of the products from ``start`` on."""
        if not self.bytes:
            return
        at = start
        for places, c in self.bytes:
            made.equal(run(at, len(places)), [(places, c)], -1, x, draw(len(places)))
            at += len(places)
        middle = at
        for index, said in self.pairs:
            made.equal(run(at, len(index)), [(index, 1), (said, pair)], -1, x, draw(len(index)))
            at += len(index)
        r = draw(at - start)
        made.product[start:at] = field.add(made.product[start:at], r)  # number times its inverse is 1
        made.target += total(r)
        weights = [int(number) for number in draw(2)]
        made.balance(slice(start, middle), self.bytes_at, np.arange(_BYTES, dtype=np.uint64), x, weights[0])
        if self.pairs:
            entries = field.add(
                np.arange(TABLE, dtype=np.uint64),
                field.mul(field.unsigned(table(self.activation)), np.uint64(pair)),
            )
            made.balance(slice(middle, at), self.table_at, entries, x, weights[1])


def factors_apart(pieces: list[Piece], first: Words) -> tuple[list[Words], list[Words]]:
    """Factors of the products that are zero: a number and its negative are never both there."""
    left, right = [], []
    for piece in pieces:
        over, under = (value(piece.digits(name), first) for name in ("over", "under"))
        if piece.activation == "relu":
            left.append(over)
            right.append(under)
        else:
            index = first[piece.at["index"]]
            left += [over, under]
            right += [np.asarray(field.sub(np.uint64(TABLE - 1), index)), index]
    return left, right


class Combination:
    """Coefficients while equations are added: of ``model`` numbers of the first segment, of ``inputs`` of the second
    where there is one, of what is said first, and of products."""

    def __init__(self, model: int, first: int, products: int) -> None:
        self.inputs = np.zeros(0, np.uint64)
        self.model, self.first = np.zeros(model, np.uint64), np.zeros(first, np.uint64)
        self.left, self.right, self.product = (np.zeros(products, np.uint64) for _ in range(3))
        self.target = 0

    @property
    def coefficients(self) -> Coefficients:
        """As they are, once all equations were added."""
        return Coefficients(
            self.model, self.inputs, self.first, self.left, self.right, self.product, self.target % field.P
        )

    def add(self, at: At, c: int, r: Words) -> None:
        """``r * c`` times what was said first at ``at``."""
        field.scatter(self.first, at, field.mul(r, np.uint64(c % field.P)))

    def equal(self, where: slice | At, parts: Parts, sign: int, constant: int, r: Words) -> None:
        """The right factors at ``where`` are ``constant`` plus ``sign`` times the sum of ``parts``."""
        self.right[where] = field.add(self.right[where], r)
        for at, c in parts:
            self.add(at, -sign * c, r)
        self.target += constant * total(r)

    def alike(self, where: At, parts: Parts, r: Words) -> None:
        """The left factors at ``where`` are the sum of ``parts``."""
        self.left[where] = field.add(self.left[where], r)
        for at, c in parts:
            self.add(at, -c, r)

    def vanish(self, where: At, r: Words) -> None:
        """The products at ``where`` are zero."""
        self.product[where] = field.add(self.product[where], r)

    def balance(self, where: slice, counts: At, entries: Words, x: int, r: int) -> None:
        """The inverses at ``where`` sum to the table's, each as often as it is counted."""
        self.left[where] = field.add(self.left[where], np.uint64(r))
        shares = field.inverses(field.sub(np.uint64(x), entries))
        self.first[counts] = field.sub(self.first[counts], field.mul(shares, np.uint64(r)))

    def bounded(self, pieces: list[Piece], draw: Draw) -> None:
        """The first products: a number and its negative are never both there; what is cut off is cut off at the
        table's end."""
        at = 0
        for piece in pieces:
            places = run(at, piece.units)
            if piece.activation == "relu":
                self.alike(places, piece.digits("over"), draw(piece.units))
                self.equal(places, piece.digits("under"), 1, 0, draw(piece.units))
                self.vanish(places, draw(piece.units))
                at += piece.units
                continue
            more = places + piece.units
            index: Parts = [(piece.at["index"], 1)]
            self.alike(places, piece.digits("over"), draw(piece.units))
            self.equal(places, index, -1, TABLE - 1, draw(piece.units))
            self.alike(more, piece.digits("under"), draw(piece.units))
            self.equal(more, index, 1, 0, draw(piece.units))
            self.vanish(np.concatenate([places, more]), draw(2 * piece.units))
            at += 2 * piece.units


def value(parts: Parts, first: Words) -> Words:
    made = np.zeros(len(parts[0][0]), np.uint64)
    for at, c in parts:
        made = field.add(made, field.mul(first[at], np.uint64(c % field.P)))
    return made


def run(start: int, count: int) -> At:
    return np.arange(start, start + count, dtype=np.int64)


def total(r: Words) -> int:
    return int(field.dot(r, np.ones(len(r), np.uint64)))
