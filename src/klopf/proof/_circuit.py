"""A network's answer as equations and products, for :mod:`klopf.proof._argument`.

Layers after the first multiply weights that nobody sees with numbers that nobody sees. Not each of these products is
proven: after all sums were said, random numbers a are drawn, and both sides are multiplied with them (Freivalds 1979).
Then u = a W is linear, and u times what the layer hears one product for each input. This, and the lookups by which
numbers are bytes and units say what a table has (:mod:`klopf.proof._pieces`), is done three times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from klopf.proof import _field as field
from klopf.proof._argument import Coefficients
from klopf.proof._field import Words
from klopf.proof._hashed import Draw, Transcript
from klopf.proof._pieces import Combination, Lookups, Parts, Piece, factors_apart, run, total, value
from klopf.proof._quantised import LARGEST_INPUT, Layers, Whole
from klopf.proof._shape import REPEATS

__all__ = ["Asked", "Circuit"]


@dataclass(frozen=True)
class Asked:
    """What is drawn once the sums were said, for one repetition: ``sums``, one for each unit of each layer that hears
    units; ``x`` and ``pair`` of the lookups."""

    sums: tuple[Words, ...]
    x: int
    pair: int


class Circuit:
    """Args:
    sizes: inputs, units of each layer.
    activation: of all layers but the last.
    hidden: the input stands in a segment of its own, and is not shown.
    count: how many inputs are answered at once; one if it is hidden.
    """

    def __init__(self, sizes: Sequence[int], activation: str, hidden: bool = False, count: int = 1) -> None:
        self.sizes, self.activation, self.hidden, self.count = tuple(sizes), activation, hidden, count
        self.rows: list[list[Piece]] = []
        self.digits: Parts = [(run(i * self.sizes[0], self.sizes[0]), 256**i) for i in range(3 * hidden)]
        at = len(self.digits) * self.sizes[0]
        for _ in range(count):
            self.rows.append([])
            for units in self.sizes[1:-1]:
                self.rows[-1].append(Piece(units, activation, at))
                at = self.rows[-1][-1].end
        self.pieces = [piece for row in self.rows for piece in row]
        bytes_: Parts = [(at, 1) for at, _ in self.digits]
        if hidden:  # inputs have 21 bits: of their last byte five
            bytes_.append((self.digits[2][0], 8))
        self.looked_up = Lookups(at, bytes_, self.pieces)
        self.first, self.lookups = self.looked_up.end, self.looked_up.count
        self.model = sum(n * (m + 1) for m, n in zip(self.sizes[:-1], self.sizes[1:], strict=True))
        self.mixed = range(0 if hidden else 1, len(self.sizes) - 1)
        self.heard = count * sum(self.sizes[layer] for layer in self.mixed)
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
        self.looked_up.fill(made)
        return field.unsigned(made)

    def factors(self, layers: Layers, first: Words, asked: list[Asked]) -> tuple[Words, Words, Words]:
        """Left and right factors, and products."""
        left, right = factors_apart(self.pieces, first)
        for one in asked:
            mixed = [field.combined(a, field.unsigned(layers.weights[layer]))
                     for a, layer in zip(one.sums, self.mixed, strict=True)]  # fmt: skip
            for row in self.rows:
                left += mixed
                for layer in self.mixed:
                    heard = value(row[layer - 1].said() if layer else self.digits, first)
                    right.append(heard if layer else field.sub(heard, np.uint64(LARGEST_INPUT)))
            inverses, looked = self.looked_up.factors(first, one.x, one.pair)
            left, right = left + inverses, right + looked
        x, y = (np.concatenate(part) if part else np.zeros(0, np.uint64) for part in (left, right))
        return x, y, np.asarray(field.mul(x, y))

    # --- the equations ----------------------------------------------------------------------------------------------

    def equations(self, inputs: Whole, answer: Whole, asked: list[Asked], draw: Draw) -> Coefficients:
        """All equations, each multiplied with a number that is drawn for it. ``inputs`` and ``answer`` are (count,
        numbers)."""
        made = Combination(self.model, self.first, self.products)
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
                summed, r, s = np.zeros(m, np.uint64), draw(self.count * m).reshape(-1, m), draw(self.count)
                for b, row in enumerate(self.rows):
                    mine = self._mine(i, b, layer)
                    made.left[mine] = r[b]
                    summed = field.add(summed, r[b])
                    made.product[mine] = field.add(made.product[mine], s[b])
                    weighed = field.mul(a, s[b])
                    made.model[biases] = field.add(made.model[biases], weighed)
                    self._less_sums(made, b, layer, weighed, answer)
                    parts, constant = (row[layer - 1].said(), 0) if layer else (self.digits, -LARGEST_INPUT)
                    made.equal(mine, parts, 1, constant, draw(m))
                made.model[weights] = field.sub(made.model[weights], field.outer(a, summed).ravel())
        if self.hidden:  # the bytes are those of the input that was committed
            made.inputs = draw(self.sizes[0])
            for at, c in self.digits:
                made.add(at, -c, made.inputs)
            made.target -= LARGEST_INPUT * total(made.inputs)
        made.bounded(self.pieces, draw)
        for i, one in enumerate(asked):
            start = self.apart + i * (self.heard + self.lookups) + self.heard
            self.looked_up.equations(made, start, one.x, one.pair, draw)
        return made.coefficients

    def _mine(self, i: int, b: int, layer: int) -> slice:
        """Where the products of a repetition, an input and a layer stand."""
        start = self.apart + i * (self.heard + self.lookups) + b * self.heard // self.count
        start += sum(self.sizes[one] for one in self.mixed if one < layer)
        return slice(start, start + self.sizes[layer])

    def _less_sums(self, made: Combination, b: int, layer: int, r: Words, answer: Whole) -> None:
        if layer == len(self.sizes) - 2:
            made.target += int(field.dot(r, field.unsigned(answer[b])))
            return
        parts, constant = self.rows[b][layer].sum()
        for at, c in parts:
            made.add(at, -c, r)
        made.target += constant * total(r)
