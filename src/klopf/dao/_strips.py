"""The example of a pipeline: sums in strips of handwriting, which no neuron can tell alone.

A question is a strip of four handwritten digits (256 numbers), half of them white on black and half black on white, and
asks how many fives there are in the sum of the first two, or of the last two. Retrievers take two of the four images
out, judges read one image, combiners make one number of two readings, and actors an answer of that. Some of each are
wrong: nobody says which. The digits are scikit-learn's; those that judges learn from, those that questions are made of
and those of the questions held out are different ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import DaoError

__all__ = ["digits", "example", "questions"]

Array = NDArray[Any]
KINDS = ("first", "last")
_POOLS = {"upright": (0, 300), "inverted": (300, 600), "learned": (600, 1200), "held out": (1200, 1797)}
_FEW = 60


def digits(pool: str) -> tuple[Array, Array]:
    """Images (n, 64) from 0 to 1 and what they show: those of one of the judges (``upright``, ``inverted``), of the
    questions, ``learned`` or ``held out``."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))[slice(*_POOLS[pool])]
    images = (found.data[order] / 16.0).astype(np.float32)
    return (1.0 - images if pool == "inverted" else images), found.target[order].astype(np.int64)


def questions(n: int, seed: int, pool: str = "learned") -> tuple[Array, Array, list[str], Array]:
    """``n`` strips (n, 256), the right answers, their kinds, and which are inverted."""
    images, shown = digits(pool)
    rng = np.random.default_rng(seed)
    four = rng.integers(0, len(images), (n, 4))
    inverted, last = rng.random(n) < 0.5, rng.random(n) < 0.5
    strips = images[four].reshape(n, 256)
    strips = np.where(inverted[:, None], 1.0 - strips, strips).astype(np.float32)
    pair = np.where(last[:, None], shown[four[:, 2:]], shown[four[:, :2]])
    return strips, (pair.sum(axis=1) // 5).astype(np.int64), [KINDS[int(one)] for one in last], inverted


def first(strips: Array) -> Array:
    """The first two images."""
    return strips[:, :128]


def last(strips: Array) -> Array:
    """The last two images."""
    return strips[:, 128:]


def middle(strips: Array) -> Array:
    """The two in the middle: nobody asks for these."""
    return strips[:, 64:192]


def add(two: Array) -> Array:
    """Of two readings, ten probabilities each, those of the sums 0 to 18."""
    return _each(two, lambda a, b: a + b)


def differ(two: Array) -> Array:
    """Those of the differences, without sign."""
    return _each(two, lambda a, b: abs(a - b))


def larger(two: Array) -> Array:
    """Those of the larger one."""
    return _each(two, max)


def fives(sums: Array) -> Array:
    """How many fives are in the number: 0 to 3."""
    return _told(sums, lambda one: one // 5)


def backwards(sums: Array) -> Array:
    """The same, the wrong way round."""
    return _told(sums, lambda one: 3 - one // 5)


def remainder(sums: Array) -> Array:
    """What is left of the number after fours."""
    return _told(sums, lambda one: one % 4)


def _each(two: Array, make: Callable[[int, int], int]) -> Array:
    made = np.zeros((len(two), 19), np.float32)
    for a in range(10):
        for b in range(10):
            made[:, make(a, b)] += two[:, a] * two[:, 10 + b]
    return made


def _told(sums: Array, make: Callable[[int], int]) -> Array:
    made = np.zeros((len(sums), 4), np.float32)
    for one in range(19):
        made[:, make(one)] += sums[:, one]
    return made


_TOML = """# Sums in strips of handwriting: nobody says which neuron belongs where.
stages = ["retrieve", "judge", "combine", "act"]

[questions]
learn = "learn.csv"        # a column for each number of a question, one for its right answer
held_out = "held_out.csv"
answer = "fives"           # which column is the answer; its values are the classes
kind = "asks"              # which column says what kind of question it is; may be left out
epoch = 200                # questions

# A neuron: any model (docs/models.md) and a file that it learns from by itself,
[[neurons]]
name = "ada"
model = "sklearn:LogisticRegression"
settings = { max_iter = 300 }
learns = "upright.csv"
answer = "digit"

[[neurons]]
name = "bela"
model = "sklearn:LogisticRegression"
settings = { max_iter = 300 }
learns = "inverted.csv"
answer = "digit"

[[neurons]]
name = "carl"
model = "sklearn:LogisticRegression"
settings = { max_iter = 300 }
learns = "few.csv"
answer = "digit"

# or a function, and how many numbers it takes and gives.
"""
_FUNCTIONS = (("first", 256, 128), ("last", 256, 128), ("middle", 256, 128), ("add", 20, 19), ("differ", 20, 19),
              ("larger", 20, 19), ("fives", 19, 4), ("backwards", 19, 4), ("remainder", 19, 4))  # fmt: skip
_FORECASTER = """
# A forecaster of context learns who is good at which questions; any model of numbers.
[[forecasters]]
name = "nora"
model = "sklearn:KNeighborsRegressor"
settings = { n_neighbors = 25, window = 1000 }
"""


def example(folder: Path, learn: int = 1600, held_out: int = 500) -> Path:
    """Write the example with its data into a folder that is not there yet; returns the pipeline's file.

    Raises:
        DaoError: there is something.
    """
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise DaoError(f"{folder} cannot be made ({error.strerror}): choose another folder") from None
    pixels = [f"p{i}" for i in range(256)]
    for name, n, seed, pool in (("learn", learn, 0, "learned"), ("held_out", held_out, 1, "held out")):
        strips, right, kinds, _ = questions(n, seed, pool)
        rows = [[*one, kind, answer] for one, kind, answer in zip(_short(strips), kinds, right.tolist(), strict=True)]
        _write(folder / f"{name}.csv", [*pixels, "asks", "fives"], rows)
    for name, pool, count in (("upright", "upright", None), ("inverted", "inverted", None), ("few", "upright", _FEW)):
        images, shown = digits(pool)
        rows = [[*one, digit] for one, digit in zip(_short(images[:count]), shown[:count].tolist(), strict=True)]
        _write(folder / f"{name}.csv", [*pixels[:64], "digit"], rows)
    functions = "".join(
        f'\n[[neurons]]\nname = "{name}"\nmodel = "klopf.dao._strips:{name}"\ntakes = {takes}\ngives = {gives}\n'
        for name, takes, gives in _FUNCTIONS
    )
    file = folder / "pipeline.toml"
    file.write_text(_TOML + functions + _FORECASTER)
    return file


def _short(images: Array) -> list[list[str]]:
    return [[f"{one:.4g}" for one in row] for row in images.tolist()]


def _write(file: Path, header: list[str], rows: list[list[Any]]) -> None:
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    file.write_text("\n".join(lines) + "\n")
