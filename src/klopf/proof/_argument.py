"""The argument: numbers that nobody sees satisfy linear equations and products (Ligero: Ames, Hazay, Ishai,
Venkitasubramaniam, CCS 2017).

What the prover knows stands in three segments of rows (:mod:`klopf.proof._shape`): the model, which was committed long
before; what is said first; and products, which are said once challenges were drawn. Each segment is a tree over the
columns of its codewords. Then, three times over with fresh random numbers:

* near: a random combination of all rows, and a random row, is a polynomial of degree below k;
* linear: the sum over all rows of (row times the polynomial of its coefficients), and of a random polynomial whose
  sum is zero, has over the k-th roots of unity the sum that the equations ask for;
* products: a random combination of (left times right less product), and of a random polynomial that is zero there,
  is zero wherever a row has data.

These polynomials are sent; 232 columns, drawn by all that was said, show that they are what they are said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from klopf.errors import NotProven
from klopf.proof import _field as field
from klopf.proof._field import Words
from klopf.proof._hashed import HASH, Draw, Transcript, Tree, as_words, joined
from klopf.proof._shape import BLOWUP, OPENED, REPEATS, SHIFT, Shape

__all__ = ["Coefficients", "Equations", "Segment", "argued", "checked", "committed"]


@dataclass
class Coefficients:
    """A random combination of all equations: what each number is multiplied with, and the sum that must come out."""

    model: Words
    inputs: Words
    first: Words
    left: Words
    right: Words
    product: Words
    target: int


_AT_ONCE = 2**18
"""Numbers of polynomials that whoever verifies holds at all points at once: 2 MiB, or one polynomial."""
Equations = Callable[[Draw], Coefficients]


@dataclass(frozen=True)
class Segment:
    """Rows by their codewords (m, N), and the tree over their columns."""

    code: Words
    tree: Tree


def _coded(values: Words) -> Words:
    """The codewords of rows that are given by their values at the k-th roots of unity."""
    return field.forward(field.inverse(values), BLOWUP * values.shape[1], SHIFT)


def _rows(numbers: Words, data: int) -> Words:
    rows = -(-len(numbers) // data)
    made = np.zeros(rows * data, np.uint64)
    made[: len(numbers)] = numbers
    return made.reshape(rows, data)


def committed(numbers: Words, data: int, length: int, seed: bytes) -> Segment:
    """A segment of ``numbers``, ``data`` in each row of ``length``; what hides them comes from ``seed``."""
    code = _coded(_hidden(_rows(numbers, data), length, Draw(b"rows" + seed)))
    return Segment(code, Tree(code.T, seed))


def _hidden(rows: Words, length: int, draw: Draw) -> Words:
    m, data = rows.shape
    return np.concatenate([rows, draw(m * (length - data)).reshape(m, length - data)], axis=1)


def _blinds(shape: Shape, draw: Draw) -> Words:
    """Three words (N) for each repetition, which hide what is sent: a codeword for near; for linear the values of a
    random polynomial of degree below 2k whose sum over the k-th roots is zero; for products of one that is zero where
    data are.

    The last two are each one word, though made of two polynomials of degree below k, as a + (x^k - 1) b: opened apart,
    a and b would tell of the rows what their sum does not.
    """
    k = shape.length
    values = draw(5 * REPEATS * k).reshape(REPEATS, 5, k)
    for one in values:
        total = int(field.dot(one[1, 1:], np.ones(k - 1, np.uint64)))
        one[1, 0] = (field.P - total) % field.P
        one[3, : shape.data] = 0
    code = _coded(values.reshape(-1, k)).reshape(REPEATS, 5, shape.points)
    lift = _lift(shape, shape.points)
    masks = [field.add(code[:, i], field.mul(lift, code[:, i + 1])) for i in (1, 3)]
    return np.stack([code[:, 0], *masks], axis=1).reshape(3 * REPEATS, shape.points)


def argued(
    shape: Shape, said: Transcript, before: Sequence[Segment], left_right_product: tuple[Words, Words, Words],
    equations: Equations, seed: bytes,
) -> bytes:  # fmt: skip
    """The argument from the products on: ``said`` has heard of the statement, and of all segments ``before``."""
    k, two, stride = shape.length, 2 * shape.length, shape.points // (2 * shape.length)
    draw = Draw(b"products" + seed)
    rows = np.concatenate([_rows(part, shape.data) for part in left_right_product])
    own = np.concatenate([_coded(_hidden(rows, k, draw)), _blinds(shape, draw)])
    products = Segment(own, Tree(own.T, b"products" + seed))
    said.say(products.tree.root)
    segments = (*before, products)
    code = np.concatenate([one.code for one in segments])
    few = np.ascontiguousarray(code[:, ::stride])  # at the points of order 2 k
    q = shape.product_rows
    start = sum(shape.before)
    left, right, product = (few[start + i * q : start + i * q + q] for i in range(3))
    sent = []
    for i in range(REPEATS):
        blinds = few[start + 3 * q + 3 * i : start + 3 * q + 3 * i + 3]
        near, weights = _weights(said, i, shape)
        mixed = field.combined(near, few)
        coefficients = field.forward(_spread(equations(said.draw(f"linear {i}")), shape), two, SHIFT)
        linear = field.add(field.products(coefficients, few[: start + 3 * q]), blinds[1])
        square = field.sub(_crossed(weights, left, right), field.combined(weights, product))
        square = field.add(square, blinds[2])
        sent += [field.inverse(one.reshape(1, -1), SHIFT)[0] for one in (mixed, linear, square)]
        sent[-3] = sent[-3][:k]
    polynomials = b"".join(one.astype("<u8").tobytes() for one in sent)
    said.say(polynomials)
    places = said.places(OPENED, shape.points)
    columns = b"".join(
        np.ascontiguousarray(one.code[:, places].T, "<u8").tobytes() + one.tree.open(places) for one in segments
    )
    return products.tree.root + polynomials + columns


def checked(shape: Shape, said: Transcript, roots: Sequence[bytes], equations: Equations, proof: memoryview) -> None:
    """The other side of :func:`argued`; ``roots`` are those of the segments before.

    Raises:
        NotProven: the proof shows nothing.
    """
    k, q = shape.length, shape.product_rows
    heights = (*shape.before, 3 * q + 3 * REPEATS)
    length = 8 * 5 * k * REPEATS
    if len(proof) < HASH + length:
        raise NotProven("the proof ends too early")
    root = bytes(proof[:HASH])
    said.say(root)
    polynomials = as_words(proof[HASH : HASH + length]).reshape(REPEATS, 5 * k)
    drawn = [(*_weights(said, i, shape), equations(said.draw(f"linear {i}"))) for i in range(REPEATS)]
    said.say(bytes(proof[HASH : HASH + length]))
    places = said.places(OPENED, shape.points)
    rest = proof[HASH + length :]
    opened = []
    for height, wanted in zip(heights, (*roots, root), strict=True):
        size = 8 * height * len(places)
        if len(rest) < size:
            raise NotProven("the proof ends too early")
        columns = as_words(rest[:size]).reshape(len(places), height)
        found, used = joined(columns, places, shape.points, rest[size:])
        if found != wanted:
            raise NotProven("columns are not those that were committed")
        opened.append(columns)
        rest = rest[size + used :]
    if len(rest):
        raise NotProven("the proof has bytes too many")
    columns = np.ascontiguousarray(np.concatenate(opened, axis=1).T)
    start = sum(shape.before)
    rows = columns[: start + 3 * q]
    left, right, product = (columns[start + i * q : start + i * q + q] for i in range(3))
    for i, (near, weights, combination) in enumerate(drawn):
        blinds = columns[start + 3 * q + 3 * i : start + 3 * q + 3 * i + 3]
        mixed, linear, square = np.split(polynomials[i], [k, 3 * k])
        _same(mixed, field.combined(near, columns), shape, places)
        there = field.add(field.products(_values(_spread(combination, shape), shape, places), rows), blinds[1])
        _same(linear, there, shape, places)
        there = field.sub(_crossed(weights, left, right), field.combined(weights, product))
        _same(square, field.add(there, blinds[2]), shape, places)
        if (int(linear[0]) + int(linear[k])) * k % field.P != combination.target:
            raise NotProven("an equation does not hold")
        folded = field.add(square[:k], square[k:]).reshape(1, -1)
        if field.forward(folded, k)[0, : shape.data].any():
            raise NotProven("a product does not hold")


def _weights(said: Transcript, i: int, shape: Shape) -> tuple[Words, Words]:
    """Of all rows, and of the products: of the words that hide, its own codeword has 1 and all others 0."""
    rows = sum(shape.before) + 3 * shape.product_rows
    near = np.concatenate([said.draw(f"near {i}")(rows), np.zeros(3 * REPEATS, np.uint64)])
    near[rows + 3 * i] = 1
    return near, said.draw(f"products {i}")(shape.product_rows)


def _spread(combination: Coefficients, shape: Shape) -> Words:
    """The coefficients of the polynomials that rows are multiplied with: zero where a row has random numbers."""
    c = combination
    parts = [*((one, shape.model_data) for one in (c.model, c.inputs)),
             *((one, shape.data) for one in (c.first, c.left, c.right, c.product))]  # fmt: skip
    rows = []
    for numbers, data in parts:
        part = _rows(numbers, data)
        rows.append(np.concatenate([part, np.zeros((len(part), shape.length - data), np.uint64)], axis=1))
    return field.inverse(np.concatenate(rows))


def _crossed(weights: Words, left: Words, right: Words) -> Words:
    return np.asarray(field.combined(weights, field.mul(left, right)))


def _lift(shape: Shape, count: int) -> Words:
    """x^k - 1 at the ``count`` points SHIFT * root(count) ** i."""
    ratio = count // shape.length
    cycle = [(pow(SHIFT, shape.length, field.P) * pow(field.root(ratio), i, field.P) - 1) % field.P
             for i in range(ratio)]  # fmt: skip
    return np.tile(np.array(cycle, np.uint64), count // ratio)


def _values(polynomials: Words, shape: Shape, places: list[int]) -> Words:
    """At the places, of a few polynomials at a time: at all points they are 16 times as many numbers, up to 2 GB for
    what a card may ask for, and whoever verifies chose neither card nor proof."""
    few = max(1, _AT_ONCE // shape.points)
    parts = (polynomials[i : i + few] for i in range(0, len(polynomials), few))
    return np.concatenate([field.forward(part, shape.points, SHIFT)[:, places] for part in parts])


def _same(polynomial: Words, there: Words, shape: Shape, places: list[int]) -> None:
    if (field.forward(polynomial.reshape(1, -1), shape.points, SHIFT)[0, places] != there).any():
        raise NotProven("a polynomial is not that of the committed rows")
