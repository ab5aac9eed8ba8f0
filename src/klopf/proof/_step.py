"""A training step as equations and products, for :mod:`klopf.proof._argument`.

The start's weights are known to both, so what units hear of inputs that nobody sees is linear in these. What is not is
the gradient, the sum over samples of (what a unit is off) times (an input). For random u and v, drawn once both were
said, it is u · off times v · input: one product for each sample, whatever the sizes (Freivalds 1979, on both sides).
What rounding takes away of each weight's change stands in bytes, which are looked up. All this is done three times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from klopf.proof import _field as field
from klopf.proof._argument import Coefficients
from klopf.proof._field import Words
from klopf.proof._hashed import Draw, Transcript
from klopf.proof._pieces import Combination, Lookups, Parts, Piece, factors_apart, run, total, value
from klopf.proof._quantised import Whole
from klopf.proof._shape import REPEATS

__all__ = ["LARGEST", "ROUNDED", "Asked", "StepCircuit", "Weights"]

LARGEST = 2**15
"""Inputs and targets are whole numbers of 2⁻¹² below this: two bytes."""
ROUNDED = 24
"""Bits that are taken away of a weight's change."""
_HALF = 1 << (ROUNDED - 1)
Weights = tuple[Whole, Whole]
"""Of one layer: weights (units, inputs) of 2⁻¹⁶, and biases (units) of 2⁻²⁸."""


@dataclass(frozen=True)
class Asked:
    """What is drawn for one repetition: ``units`` (n) and ``inputs`` (m), with which gradients are multiplied; ``x``
    and ``pair`` of the lookups."""

    units: Words
    inputs: Words
    x: int
    pair: int


class StepCircuit:
    """Args:
    inputs, outputs, samples: numbers of each.
    units: "linear" or "sigmoid".
    """

    def __init__(self, inputs: int, outputs: int, samples: int, units: str) -> None:
        self.inputs, self.outputs, self.samples, self.linear = inputs, outputs, samples, units == "linear"
        width = inputs + outputs
        table = np.arange(samples * width).reshape(samples, width)
        self.x, self.y = table[:, :inputs], table[:, inputs:]
        self.model = samples * width
        self.digits: Parts = [(run(i * self.model, self.model), 256**i) for i in range(2)]
        self.piece = Piece(samples * outputs, "relu" if self.linear else units, 2 * self.model)
        count = inputs * outputs
        self.rest: Parts = [(run(self.piece.end + i * count, count), 256**i) for i in range(ROUNDED // 8)]
        bytes_ = [(at, 1) for at, _ in (*self.digits, *self.rest)]
        self.looked_up = Lookups(self.piece.end + len(self.rest) * count, bytes_, [self.piece])
        self.first, self.lookups = self.looked_up.end, self.looked_up.count
        self.apart = samples * outputs * (1 if self.linear else 2)
        self.products = self.apart + REPEATS * (samples + self.lookups)

    def asked(self, said: Transcript) -> list[Asked]:
        drawn = []
        for i in range(REPEATS):
            draw = said.draw(f"step {i}")
            units, inputs = draw(self.outputs), draw(self.inputs)
            x, pair = (int(one) for one in draw(2))
            drawn.append(Asked(units, inputs, x, pair))
        return drawn

    def _said(self) -> Parts:
        """What units say, as a number with a sign."""
        if not self.linear:
            return self.piece.said()
        return [*self.piece.digits("over"), *((at, -c) for at, c in self.piece.digits("under"))]

    # --- the prover's numbers ---------------------------------------------------------------------------------------

    def said_first(self, batch: Whole, sums: Whole, said: Whole, rest: Whole) -> Words:
        """``batch`` (samples, inputs and targets), ``sums`` and ``said`` (samples, units), ``rest`` (units, inputs)."""
        made = np.zeros(self.first, np.int64)
        for i, (at, _) in enumerate(self.digits):
            made[at] = batch.ravel() + LARGEST >> 8 * i & 255
        self.piece.fill(made, sums.ravel(), said.ravel())
        for i, (at, _) in enumerate(self.rest):
            made[at] = rest.ravel() >> 8 * i & 255
        self.looked_up.fill(made)
        return field.unsigned(made)

    def factors(self, batch: Whole, first: Words, asked: list[Asked]) -> tuple[Words, Words, Words]:
        """Left and right factors, and products."""
        left, right = factors_apart([self.piece], first)
        x, y = (field.unsigned(one) for one in (batch[:, : self.inputs], batch[:, self.inputs :]))
        off = field.sub(value(self._said(), first).reshape(y.shape), y)
        for one in asked:
            left.append(field.combined(one.units, np.ascontiguousarray(off.T)))
            right.append(field.combined(one.inputs, np.ascontiguousarray(x.T)))
            inverses, looked = self.looked_up.factors(first, one.x, one.pair)
            left, right = left + inverses, right + looked
        a, b = np.concatenate(left), np.concatenate(right)
        return a, b, np.asarray(field.mul(a, b))

    # --- the equations ----------------------------------------------------------------------------------------------

    def equations(self, start: Weights, end: Weights, rate: int, asked: list[Asked], draw: Draw) -> Coefficients:
        """All equations, each multiplied with a number that is drawn for it; ``rate`` for each sample, of 2⁻¹⁶."""
        made = Combination(self.model, self.first, self.products)
        made.bounded([self.piece], draw)
        r = draw(self.model)  # the bytes are those of the batch that was committed
        made.model = field.add(made.model, r)
        for at, c in self.digits:
            made.add(at, -c, r)
        made.target -= LARGEST * total(r)
        self._sums(made, start, draw(self.samples * self.outputs))
        self._biases(made, start[1] - end[1], rate, draw(self.outputs))
        for i, one in enumerate(asked):
            place = self.apart + i * (self.samples + self.lookups)
            self._gradient(made, place, start[0] - end[0], rate, one, draw)
            self.looked_up.equations(made, place + self.samples, one.x, one.pair, draw)
        return made.coefficients

    def _sums(self, made: Combination, start: Weights, r: Words) -> None:
        """What units hear is weights times inputs, and the bias."""
        weights, biases = (field.unsigned(one) for one in start)
        each = r.reshape(self.samples, self.outputs)
        for places, one in zip(self.x, each, strict=True):
            made.model[places] = field.add(made.model[places], field.combined(one, weights))
        parts, constant = self.piece.sum()
        for at, c in parts:
            made.add(at, -c, r)
        made.target += constant * total(r) - int(field.dot(r, np.tile(biases, self.samples)))

    def _biases(self, made: Combination, less: Whole, rate: int, r: Words) -> None:
        """A bias falls by what its unit is off, over all samples, times the rate: exactly."""
        self._off(made, field.mul(np.tile(r, self.samples), np.uint64(rate)))
        made.target += int(field.dot(r, field.unsigned(less)))

    def _gradient(self, made: Combination, at: int, less: Whole, rate: int, one: Asked, draw: Draw) -> None:
        """A weight falls by its gradient times the rate, but for what rounding takes away."""
        mine, r = slice(at, at + self.samples), draw(self.samples)
        made.left[mine] = r
        self._off(made, field.sub(np.uint64(0), field.outer(r, one.units).ravel()))
        r = draw(self.samples)
        made.right[mine] = r
        made.model[self.x] = field.sub(made.model[self.x], field.outer(r, one.inputs))
        weight = np.uint64(draw(1)[0])
        made.product[mine] = field.add(made.product[mine], field.mul(weight, np.uint64(rate)))
        both = np.asarray(field.mul(field.outer(one.units, one.inputs).ravel(), weight))
        for places, c in self.rest:
            made.add(places, -c, both)
        made.target += int(field.dot(both, field.unsigned((less.ravel() << ROUNDED) - _HALF)))

    def _off(self, made: Combination, r: Words) -> None:
        """``r`` (samples times units) times what units are off: what they say less their targets."""
        for at, c in self._said():
            made.add(at, c, r)
        places = self.y.ravel()
        made.model[places] = field.sub(made.model[places], r)
