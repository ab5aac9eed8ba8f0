"""How what is proven is laid out: rows of a code, their lengths, and how many columns are opened.

A row has ``data`` numbers that mean something and random ones after them, ``length`` (k) together: a polynomial of
degree below k by its values at the k-th roots of unity. Its codeword are its values at N = 16 k other points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["BITS", "BLOWUP", "OPENED", "REPEATS", "SHIFT", "Shape", "chosen"]

BITS = 128
BLOWUP = 16
"""N / k: a code of rate 1/16."""
_AGREE = 0.36
"""Of polynomials of degree below 2k at most 51 are what any given word is in more than this share of the columns
(Johnson's bound: (a - R) / (a² - R) with R = 1/8). What hides the polynomials that are sent is such a word, of which
nothing else is tested."""
_FAR = (1 - _AGREE) / 2
"""Share of columns, 0.32, in which rows may differ from codewords that are the only ones near them (below 15/32)."""
OPENED = math.ceil((BITS + 1) / -math.log2(1 - _FAR))
"""Columns that are opened: 232. Rows that are further off, and polynomials that are none of theirs, each pass with
probability at most 0.68 to this power, below 2⁻¹²⁹."""
REPEATS = 3
"""Every test by random numbers modulo p is made three times: what one lets pass with 2⁻⁴³ they do with 2⁻¹²⁹."""
SHIFT = 7
"""The N points are SHIFT times the N-th roots of unity, none of which is a k-th root."""


@dataclass(frozen=True)
class Shape:
    """Lengths of one proof.

    ``model``: numbers of the model; ``proofs``: how many proofs may open the model's columns and tell nothing;
    ``first``: numbers that the prover says first; ``products``: products that are proven; ``inputs``: numbers of an
    input that is not shown, whose rows are as the model's.
    """

    length: int
    model: int
    proofs: int
    first: int
    products: int
    inputs: int = 0

    @property
    def points(self) -> int:
        return BLOWUP * self.length

    @property
    def model_data(self) -> int:
        """Numbers in a row of the model."""
        return self.length - self.proofs * OPENED

    @property
    def data(self) -> int:
        """Numbers in any other row."""
        return self.length - OPENED

    @property
    def model_rows(self) -> int:
        return -(-self.model // self.model_data)

    @property
    def input_rows(self) -> int:
        return -(-self.inputs // self.model_data)

    @property
    def before(self) -> tuple[int, ...]:
        """Rows of each segment that is committed before the products."""
        return (self.model_rows, *([self.input_rows] if self.inputs else []), self.first_rows)

    @property
    def first_rows(self) -> int:
        return -(-self.first // self.data)

    @property
    def product_rows(self) -> int:
        """Rows of left factors; as many of right ones, and of products."""
        return -(-self.products // self.data)

    @property
    def size(self) -> int:
        """About the bytes of a proof."""
        rows = sum(self.before) + 3 * self.product_rows + 3 * REPEATS
        paths = (1 + len(self.before)) * OPENED * 32 * max(1, math.log2(self.points / OPENED))
        return int(8 * OPENED * rows + 8 * 5 * REPEATS * self.length + paths)


def chosen(model: int, proofs: int, first: int, products: int) -> Shape | None:
    """The shape with the smallest proof; None where rows would be longer than 2¹⁵."""
    shapes = [Shape(2**i, model, proofs, first, products) for i in range(9, 16) if 2**i > proofs * OPENED + 64]
    return min(shapes, key=lambda shape: shape.size, default=None)
