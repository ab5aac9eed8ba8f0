"""A network's answer as equations and products, for :mod:`klopf.proof._argument`.

Layers after the first multiply weights that nobody sees with numbers that nobody sees. Not each of these products is
proven: after all sums were said, random numbers a are drawn, and both sides are multiplied with them (Freivalds 1979).
Then u = a W is linear, and u times what the layer hears one product for each input. That numbers are bytes, and that
what units say is what a table has, is shown by lookups: for a random x, the sum of 1 / (x - v) over what is looked up
is the sum of m / (x - t) over the table, with m how often (logUp: Haboeck 2022). All this is done three times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klopf.proof import _field as field
from klopf.proof._argument import Coefficients
from klopf.proof._field import Words
from klopf.proof._hashed import Draw, Transcript
from klopf.proof._quantised import LARGEST_INPUT, TABLE, Layers, Whole, shift, table
from klopf.proof._shape import REPEATS

__all__ = ["Asked", "Circuit"]

_BYTES = 256
At = NDArray[np.int64]
"""Places in what is said first, or among products."""
Parts = list[tuple[At, int]]
"""A number by its parts: where they stand, and what each is multiplied with."""


@dataclass(frozen=True)
class Asked:
    """What is drawn once the sums were said, for one repetition: ``sums``, one for each unit of each layer that hears
    units; ``x`` and ``pair`` of the lookups."""

    sums: tuple[Words, ...]
    x: int
    pair: int


class _Piece:
    """A hidden layer's numbers in what is said first: where they stand, and what they mean."""

    def __init__(self, units: int, activation: str, start: int) -> None:
        self.units, self.activation, self.start = units, activation, start
        names = ("low0 low1 over0 over1 over2 under0 under1 under2" if activation == "relu" else
                 "low0 low1 low2 over0 over1 over2 under0 under1 under2 index said").split()  # fmt: skip
        self.at = {name: _run(start + i * units, units) for i, name in enumerate(names)}
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


class Circuit:
    """Args:
    sizes: inputs, units of each layer.
    activation: of all layers but the last.
    hidden: the input stands in a segment of its own, and is not shown.
    count: how many inputs are answered at once; one if it is hidden.
    """

    def __init__(self, sizes: Sequence[int], activation: str, hidden: bool = False, count: int = 1) -> None:
        self.sizes, self.activation, self.hidden, self.count = tuple(sizes), activation, hidden, count
        self.rows: list[list[_Piece]] = []
        self.digits: Parts = [(_run(i * self.sizes[0], self.sizes[0]), 256**i) for i in range(3 * hidden)]
        at = len(self.digits) * self.sizes[0]
        for _ in range(count):
            self.rows.append([])
            for units in self.sizes[1:-1]:
                self.rows[-1].append(_Piece(units, activation, at))
                at = self.rows[-1][-1].end
        self.pieces = [piece for row in self.rows for piece in row]
        self.tabled = activation != "relu" and bool(self.pieces)
        self.bytes_at = _run(at, _BYTES if self.pieces or hidden else 0)
        self.table_at = _run(at + len(self.bytes_at), TABLE if self.tabled else 0)
        self.first = at + len(self.bytes_at) + len(self.table_at)
        self.model = sum(n * (m + 1) for m, n in zip(self.sizes[:-1], self.sizes[1:], strict=True))
        self.bytes = [(at, 1) for at, _ in self.digits] + [one for piece in self.pieces for one in piece.looked_up]
        if hidden:  # inputs have 21 bits: of their last byte five
            self.bytes.append((self.digits[2][0], 8))
        self.mixed = range(0 if hidden else 1, len(self.sizes) - 1)
        self.pairs = [(piece.at["index"], piece.at["said"]) for piece in self.pieces] if self.tabled else []
        self.heard = count * sum(self.sizes[layer] for layer in self.mixed)
        self.lookups = sum(len(at) for at, _ in self.bytes) + sum(len(at) for at, _ in self.pairs)
        self.apart = count * sum(self.sizes[1:-1]) * (1 if activation == "relu" else 2)
        self.products = self.apart + REPEATS * (self.heard + self.lookups)

    def asked(self, said: Transcript) -> list[Asked]:
        drawn = []
        for i in range(REPEATS):
            draw = said.draw(f"circuit {i}")
            sums = tuple(draw(self.sizes[layer + 1]) for layer in self.mixed)
            x, pair = (int(one) for one in draw(2))
            drawn.append(Asked(sums, x, pair))
        return drawn

    # --- the prover's numbers ---------------------------------------------------------------------------------------

    def said_first(self, sums: list[Whole], heard: list[Whole]) -> Words:
        """What the prover says first: the sums of hidden layers by their bytes, and how often each table's entry is
        looked up. ``sums`` and ``heard`` are (count, units)."""
        made = np.zeros(self.first, np.int64)
        for i, (at, _) in enumerate(self.digits):
            made[at] = heard[0][0] + LARGEST_INPUT >> 8 * i & 255
        for b, row in enumerate(self.rows):
            for piece, z, a in zip(row, sums[:-1], heard[1:], strict=True):
                piece.fill(made, z[b], a[b])
        if self.bytes:
            counts = np.bincount(np.concatenate([made[at] * c for at, c in self.bytes]), minlength=_BYTES)
            made[self.bytes_at] = counts[:_BYTES]  # what is in no table is counted nowhere, and no proof of it holds
        if self.tabled:
            made[self.table_at] = np.bincount(np.concatenate([made[at] for at, _ in self.pairs]), minlength=TABLE)
        return field.unsigned(made)

    def factors(self, layers: Layers, first: Words, asked: list[Asked]) -> tuple[Words, Words, Words]:
        """Left and right factors, and products."""
        left, right = [], []
        for piece in self.pieces:
            over, under = (_value(piece.digits(name), first) for name in ("over", "under"))
            if self.activation == "relu":
                left.append(over)
                right.append(under)
            else:
                index = first[piece.at["index"]]
                left += [over, under]
                right += [field.sub(np.uint64(TABLE - 1), index), index]
        for one in asked:
            mixed = [field.combined(a, field.unsigned(layers.weights[layer]))
                     for a, layer in zip(one.sums, self.mixed, strict=True)]  # fmt: skip
            for row in self.rows:
                left += mixed
                for layer in self.mixed:
                    heard = _value(row[layer - 1].said() if layer else self.digits, first)
                    right.append(heard if layer else field.sub(heard, np.uint64(LARGEST_INPUT)))
            looked = [field.mul(first[at], np.uint64(c)) for at, c in self.bytes]
            looked += [field.add(first[at], field.mul(first[said], np.uint64(one.pair))) for at, said in self.pairs]
            if looked:
                right.append(field.sub(np.uint64(one.x), np.concatenate(looked)))
                left.append(field.inverses(right[-1]))
        x, y = (np.concatenate(part) if part else np.zeros(0, np.uint64) for part in (left, right))
        return x, y, np.asarray(field.mul(x, y))

    # --- the equations ----------------------------------------------------------------------------------------------

    def equations(self, inputs: Whole, answer: Whole, asked: list[Asked], draw: Draw) -> Coefficients:
        """All equations, each multiplied with a number that is drawn for it. ``inputs`` and ``answer`` are (count,
        numbers)."""
        made = _Combination(self, draw)
        x = field.unsigned(inputs)
        start = 0
        for layer, (m, n) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            weights, biases = slice(start, start + m * n), slice(start + m * n, start + m * n + n)
            start += m * n + n
            if layer not in self.mixed:  # what it hears is known to both
                for b in range(self.count):
                    r = draw(n)
                    made.model[weights] = field.add(made.model[weights], field.outer(r, x[b]).ravel())
                    made.model[biases] = field.add(made.model[biases], r)
                    self._less_sums(made, b, layer, r, answer)
                continue
            for i, one in enumerate(asked):
                a = one.sums[layer - self.mixed[0]]
                total, r, s = np.zeros(m, np.uint64), draw(self.count * m).reshape(-1, m), draw(self.count)
                for b, row in enumerate(self.rows):
                    mine = made.mine(i, b, layer)
                    made.left[mine] = r[b]
                    total = field.add(total, r[b])
                    made.product[mine] = field.add(made.product[mine], s[b])
                    weighed = field.mul(a, s[b])
                    made.model[biases] = field.add(made.model[biases], weighed)
                    self._less_sums(made, b, layer, weighed, answer)
                    parts, constant = (row[layer - 1].said(), 0) if layer else (self.digits, -LARGEST_INPUT)
                    made.equal(mine, parts, 1, constant, draw(m))
                made.model[weights] = field.sub(made.model[weights], field.outer(a, total).ravel())
        if self.hidden:  # the bytes are those of the input that was committed
            made.inputs = draw(self.sizes[0])
            for at, c in self.digits:
                made.add(at, -c, made.inputs)
            made.target -= LARGEST_INPUT * _total(made.inputs)
        self._bounded(made, draw)
        for i, one in enumerate(asked):
            self._looked_up(made, i, one, draw)
        return Coefficients(
            made.model, made.inputs, made.first, made.left, made.right, made.product, made.target % field.P
        )  # fmt: skip

    def _less_sums(self, made: _Combination, b: int, layer: int, r: Words, answer: Whole) -> None:
        if layer == len(self.sizes) - 2:
            made.target += int(field.dot(r, field.unsigned(answer[b])))
            return
        parts, constant = self.rows[b][layer].sum()
        for at, c in parts:
            made.add(at, -c, r)
        made.target += constant * _total(r)

    def _bounded(self, made: _Combination, draw: Draw) -> None:
        """A number and its negative are never both there; what is cut off is cut off at the table's end."""
        at = 0
        for piece in self.pieces:
            places = _run(at, piece.units)
            if self.activation == "relu":
                made.alike(places, piece.digits("over"), draw(piece.units))
                made.equal(places, piece.digits("under"), 1, 0, draw(piece.units))
                made.vanish(places, draw(piece.units))
                at += piece.units
                continue
            more = places + piece.units
            index: Parts = [(piece.at["index"], 1)]
            made.alike(places, piece.digits("over"), draw(piece.units))
            made.equal(places, index, -1, TABLE - 1, draw(piece.units))
            made.alike(more, piece.digits("under"), draw(piece.units))
            made.equal(more, index, 1, 0, draw(piece.units))
            made.vanish(np.concatenate([places, more]), draw(2 * piece.units))
            at += 2 * piece.units

    def _looked_up(self, made: _Combination, i: int, one: Asked, draw: Draw) -> None:
        if not self.bytes:
            return
        at = made.looked_up(i)
        start = at
        for places, c in self.bytes:
            here = _run(at, len(places))
            made.equal(here, [(places, c)], -1, one.x, draw(len(places)))
            at += len(places)
        middle = at
        for index, said in self.pairs:
            here = _run(at, len(index))
            made.equal(here, [(index, 1), (said, one.pair)], -1, one.x, draw(len(index)))
            at += len(index)
        r = draw(at - start)
        made.product[start:at] = field.add(made.product[start:at], r)  # number times its inverse is 1
        made.target += _total(r)
        weights = [int(number) for number in draw(2)]
        made.balance(slice(start, middle), self.bytes_at, np.arange(_BYTES, dtype=np.uint64), one.x, weights[0])
        if self.tabled:
            entries = field.add(
                np.arange(TABLE, dtype=np.uint64),
                field.mul(field.unsigned(table(self.activation)), np.uint64(one.pair)),
            )
            made.balance(slice(middle, at), self.table_at, entries, one.x, weights[1])


class _Combination:
    """Coefficients while equations are added."""

    def __init__(self, circuit: Circuit, draw: Draw) -> None:
        self._circuit, self._draw = circuit, draw
        self.inputs = np.zeros(0, np.uint64)
        self.model, self.first = np.zeros(circuit.model, np.uint64), np.zeros(circuit.first, np.uint64)
        self.left, self.right, self.product = (np.zeros(circuit.products, np.uint64) for _ in range(3))
        self.target = 0

    def mine(self, i: int, b: int, layer: int) -> slice:
        """Where the products of a repetition, an input and a layer stand."""
        c = self._circuit
        start = c.apart + i * (c.heard + c.lookups) + b * c.heard // c.count
        start += sum(c.sizes[one] for one in c.mixed if one < layer)
        return slice(start, start + c.sizes[layer])

    def looked_up(self, i: int) -> int:
        c = self._circuit
        return c.apart + i * (c.heard + c.lookups) + c.heard

    def add(self, at: At, c: int, r: Words) -> None:
        """``r * c`` times what was said first at ``at``."""
        field.scatter(self.first, at, field.mul(r, np.uint64(c % field.P)))

    def equal(self, where: slice | At, parts: Parts, sign: int, constant: int, r: Words) -> None:
        """The right factors at ``where`` are ``constant`` plus ``sign`` times the sum of ``parts``."""
        self.right[where] = field.add(self.right[where], r)
        for at, c in parts:
            self.add(at, -sign * c, r)
        self.target += constant * _total(r)

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


def _value(parts: Parts, first: Words) -> Words:
    made = np.zeros(len(parts[0][0]), np.uint64)
    for at, c in parts:
        made = field.add(made, field.mul(first[at], np.uint64(c % field.P)))
    return made


def _run(start: int, count: int) -> At:
    return np.arange(start, start + count, dtype=np.int64)


def _total(r: Words) -> int:
    return int(field.dot(r, np.ones(len(r), np.uint64)))
