"""A network in whole numbers, which is what is proven: every answer is exact, the same on every machine.

Inputs and what units say are whole numbers of 2⁻¹², weights of 2⁻¹⁶, sums and so answers of 2⁻²⁸. ReLU: a sum is
rounded to 2⁻¹² and what is below zero is zero. tanh and sigmoid: a sum is rounded to 2⁻⁸, bounded to [-8, 8), and
looked up in a table of 4,096.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import ProofError

__all__ = [
    "ACTIVATIONS",
    "LARGEST_INPUT",
    "LARGEST_SUM",
    "OF_INPUTS",
    "OF_SUMS",
    "OF_WEIGHTS",
    "TABLE",
    "Layers",
    "Whole",
    "table",
    "units_say",
    "whole_inputs",
]

OF_INPUTS, OF_WEIGHTS = 12, 16
OF_SUMS = OF_INPUTS + OF_WEIGHTS
ACTIVATIONS = ("relu", "tanh", "sigmoid")
TABLE = 4096
_STEP = 8
"""What is looked up are whole numbers of 2⁻⁸."""
LARGEST_INPUT = 2**20
LARGEST_SUM = 2**62

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Layers:
    """``weights``: one (units, inputs) for each layer; ``biases``: one (units); ``activation`` of all but the last."""

    weights: tuple[Whole, ...]
    biases: tuple[Whole, ...]
    activation: str

    @classmethod
    def of(cls, weights: list[NDArray[Any]], biases: list[NDArray[Any]], activation: str) -> Layers:
        """The nearest network in whole numbers to one with these weights (units, inputs) and biases.

        Raises:
            ProofError: an activation that is not proven, shapes that do not fit, or weights too large.
        """
        if activation not in ACTIVATIONS and len(weights) > 1:
            raise ProofError(f"units with {activation} are not proven: one of {', '.join(ACTIVATIONS)}")
        if not weights or any(w.ndim != 2 or b.shape != w.shape[:1] for w, b in zip(weights, biases, strict=True)):
            raise ProofError("a network is layers, each with weights (units, inputs) and a bias for each unit")
        if any(a.shape[0] != b.shape[1] for a, b in pairwise(weights)):
            raise ProofError("each layer must have as many inputs as the one before has units")
        if any(not np.isfinite(one).all() or np.abs(one).max(initial=0) >= 2**11 for one in (*weights, *biases)):
            raise ProofError("weights and biases must be finite and below 2,048")
        return cls(
            tuple(np.rint(w.astype(np.float64) * 2**OF_WEIGHTS).astype(np.int64) for w in weights),
            tuple(np.rint(b.astype(np.float64) * 2**OF_SUMS).astype(np.int64) for b in biases),
            activation if len(weights) > 1 else "relu",
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.weights[0].shape[1], *(len(w) for w in self.weights))

    def flat(self) -> Whole:
        """All numbers in one row: each layer's weights, unit by unit, then its biases."""
        return np.concatenate([part.ravel() for pair in zip(self.weights, self.biases, strict=True) for part in pair])

    def run(self, inputs: Whole) -> tuple[list[Whole], list[Whole]]:
        """The sums of every layer, and what every layer hears, for ``inputs`` (n) or (rows, n).

        Raises:
            ProofError: a sum is too large for what is proven.
        """
        sums: list[Whole] = []
        heard = [inputs]
        for i, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            most = int(np.abs(heard[-1]).max(initial=0)) * int(np.abs(w).sum(1).max(initial=0))
            if most >= 2**61:
                raise ProofError("an answer is too large to be proven: scale the inputs down")
            sums.append(heard[-1] @ w.T + b)
            if i < len(self.weights) - 1:
                heard.append(units_say(sums[-1], self.activation))
        return sums, heard


def table(activation: str) -> Whole:
    """What a unit says for each of the 4,096 sums that are looked up, from -8 upwards."""
    x = (np.arange(TABLE) - TABLE // 2) / 2.0**_STEP
    y = np.tanh(x) if activation == "tanh" else 1 / (1 + np.exp(-x))
    made: Whole = np.rint(y * 2**OF_INPUTS).astype(np.int64)
    return made


def shift(activation: str) -> int:
    """Bits that rounding a sum takes away."""
    return OF_SUMS - OF_INPUTS if activation in ("relu", "linear") else OF_SUMS - _STEP


def units_say(sums: Whole, activation: str) -> Whole:
    """What units say that hear ``sums``, in whole numbers of 2⁻¹²; linear ones say the sum itself, rounded.

    Raises:
        ProofError: one hears 4,096 or more.
    """
    bits = shift(activation)
    rounded = (sums + (1 << (bits - 1))) >> bits
    if np.abs(rounded).max(initial=0) >= 2**24:
        raise ProofError("a unit hears too much to be proven: scale the inputs down")
    if activation == "linear":
        return rounded
    if activation == "relu":
        made: Whole = np.maximum(rounded, 0)
    else:
        made = table(activation)[np.clip(rounded + TABLE // 2, 0, TABLE - 1)]
    return made


def whole_inputs(inputs: Any) -> Whole:
    """Inputs as whole numbers of 2⁻¹².

    Raises:
        ProofError: they are no numbers, or 256 and more.
    """
    try:
        given = np.asarray(inputs, np.float64)
    except (TypeError, ValueError):
        raise ProofError("an input is a row of numbers") from None
    scaled = np.rint(np.where(np.isfinite(given), given, np.inf) * 2**OF_INPUTS)
    if np.abs(scaled).max(initial=0) > LARGEST_INPUT:
        raise ProofError("inputs must be finite and between -256 and 256: scale them")
    made: Whole = scaled.astype(np.int64)
    return made
