"""A problem that learners are compared on: its base class with the recipe, and which problems there are."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from klopf.errors import KlopfError, MindError
from klopf.extensions import Point, said
from klopf.mind.problems import Block, Stream

__all__ = [
    "COUNTS",
    "PROBLEMS",
    "Problem",
    "blocks_of",
    "no_block",
    "no_stream",
    "problem_called",
    "stream_of",
    "tests_of",
    "undeclared",
]


class Problem(ABC):
    """A stream for each setting, seed and length.

    To add one, write a subclass, in a file of its own::

        from klopf.mind import Problem
        from klopf.mind.problems import Stream

        class Seasons(Problem):
            settings = ("slow", "fast")                  # the default first
            hidden = (20,)                               # hidden units of its learners

            def stream(self, setting, seed, steps):      # -> Stream
                def blocks():                            # called anew for every pass
                    ...
                    yield X, y                           # the next samples, all of one task
                return Stream("seasons", sensors=3, outputs=1, output="linear", samples=steps, task=1000, blocks=blocks)

    and give it a name: in this package a line in ``PROBLEMS``, elsewhere an entry point in your package's
    ``pyproject.toml``::

        [project.entry-points."klopf.problems"]
        seasons = "my_package.seasons:Seasons"

    ``klopf.checks.check_problem`` tells whether it keeps its promises; ``klopf bench problem seasons --steps 100000``
    then compares learners on it, and so do ``klopf.mind.bench.run`` and ``sweep``.

    What a sample is, the stream says: ``sensors`` finite numbers (``X``, float32, ``(n, sensors)``), and by ``output``
    a class below ``outputs`` ("softmax": int64, ``(n,)``), numbers ("linear": float32) or yes and no as 1 and 0
    ("logistic": float32); both ``(n, outputs)``, or ``(n,)`` where there is one. Blocks may have any length from 1.
    Everything random is drawn from ``seed`` within ``blocks``, so that every pass gives the same samples, and a block
    that was given is not written to again. How many blocks there will be follows from ``task`` and ``samples``: one a
    task, or one in all where ``task`` is 0, no tasks. Where they are shorter, the stream says how many: ``parts``.
    Where ``steps`` counts samples or tasks, a longer stream begins with the shorter one.
    """

    settings: ClassVar[tuple[str, ...]] = ("usual",)
    """What it may be asked for, the default first."""
    counts: ClassVar[str] = "samples"
    """What ``steps`` counts: "samples", "tasks" (a block is a task), or "rounds" of whatever the problem repeats."""
    hidden: ClassVar[tuple[int, ...]] = (100, 100, 100)
    """Hidden units of a learner by layer, unless a run names its own."""

    def __init__(self, data: str = "", samples: int = 0) -> None:
        self.data = data
        """Where the user has data for it, in its own words; empty for what it brings."""
        self.samples = samples
        """Samples a task, where that may be chosen; 0 for all."""

    @abstractmethod
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        """The stream of one of ``settings``, from 1 step, drawn from ``seed`` (from 0) alone.

        Raises:
            MindError: ``data`` cannot be used.
        """


PROBLEMS = Point(
    "klopf.problems", "problem", "klopf.mind._problem:Problem",
    {
        "regression": "klopf.mind._shipped_problems:Regression",
        "permuted": "klopf.mind._shipped_problems:Permuted",
        "binary-tasks": "klopf.mind._shipped_problems:BinaryTasks",
        "class-incremental": "klopf.mind._shipped_problems:ClassIncremental",
        "growth": "klopf.mind._shipped_problems:Growth",
    },
)  # fmt: skip
"""Every problem that ``klopf bench`` can run. A line in this table makes one of Klopf's own known."""


COUNTS = ("samples", "tasks", "rounds")
TARGETS = {"softmax": np.dtype(np.int64), "linear": np.dtype(np.float32), "logistic": np.dtype(np.float32)}
"""What a stream's targets are, by its output."""


def undeclared(kind: type[Problem]) -> str:
    """What is wrong with what a problem declares of itself, as the end of a line; "" if nothing."""
    words, counts, units = kind.settings, kind.counts, kind.hidden
    fine = isinstance(words, tuple) and words and all(type(word) is str and word for word in words)
    if not fine or len(set(words)) != len(words):
        return f"settings must be a tuple of different words, not {words!r:.80}"
    if "both" in words:
        return "settings has 'both', which means the first two of them: use another word"
    if type(counts) is not str or counts not in COUNTS:
        return f"counts is {counts!r:.80}, not one of {', '.join(COUNTS)}"
    if not (isinstance(units, tuple) and units and all(type(n) is int and 0 < n <= 10**6 for n in units)):
        return f"hidden must be a tuple of whole numbers from 1, not {units!r:.80}"
    return ""


def no_stream(made: object) -> str:
    """What is wrong with a stream before any of it is drawn; "" if nothing."""
    if not isinstance(made, Stream):
        return f"gives a {type(made).__name__}, not a klopf.mind.problems.Stream"
    if type(made.output) is not str or made.output not in TARGETS:
        return f"the stream's output is {made.output!r:.80}, not one of {', '.join(TARGETS)}"
    for name in ("sensors", "outputs", "samples", "task", "parts"):
        value, least = getattr(made, name), 1 if name in ("sensors", "outputs") else 0
        if type(value) is not int or not least <= value < 2**31:
            return f"the stream's {name} is {value!r:.80}, not a whole number from {least}"
    if not callable(made.blocks) or not (made.tests is None or callable(made.tests)):
        return "the stream's blocks and tests must be functions"
    return ""


def no_block(stream: Stream, block: object) -> str:
    """What is wrong with samples that are not what ``stream`` says they are; "" if nothing."""
    if not (isinstance(block, tuple) and len(block) == 2 and all(type(p) in (np.ndarray, np.memmap) for p in block)):
        return "a block must be a tuple of two NumPy arrays, inputs and targets"
    X, y = block
    n, width = (len(X) if X.ndim else 0), stream.outputs
    if X.shape != (n, stream.sensors):
        return f"inputs of shape {X.shape} where ({n}, {stream.sensors}) is declared"
    if not n:
        return "a block without samples: leave it out"
    if X.dtype != np.float32:
        return f"inputs are {X.dtype}, not float32"
    if not np.isfinite(X).all():
        return "an input is NaN or infinite"
    numbers = stream.output != "softmax"
    shapes = ([(n, width)] if numbers else []) + ([(n,)] if width == 1 or not numbers else [])
    if y.shape not in shapes:
        return f"targets of shape {y.shape} where {' or '.join(map(str, shapes))} is declared"
    if y.dtype != TARGETS[stream.output]:
        return f"targets are {y.dtype}, not {TARGETS[stream.output]} as output={stream.output!r} wants"
    if numbers and not np.isfinite(y).all():
        return "a target is NaN or infinite"
    if not numbers and not 0 <= (low := int(y.min())) <= (high := int(y.max())) < width:
        return f"classes from {low} to {high} where 0 to {width - 1} are declared"
    if stream.output == "logistic" and not ((y == 0) | (y == 1)).all():
        return "a yes/no target is neither 0 nor 1"
    return ""


@contextlib.contextmanager
def _border(name: str) -> Iterator[None]:
    """Whatever the problem called ``name`` raises is said in one line that names its package."""
    try:
        yield
    except (KeyboardInterrupt, KlopfError):
        raise
    except BaseException as error:
        raise MindError(f"{_whose(name)} breaks off: {said(error)}") from error


def _whose(name: str) -> str:
    return f"the problem {name!r} of {PROBLEMS.origin(name)}"


def problem_called(name: str) -> type[Problem]:
    """The problem called ``name``.

    Raises:
        ExtensionError: there is none, or its package cannot be loaded.
        MindError: what it declares of itself cannot be used; its package is named.
    """
    kind: type[Problem] = PROBLEMS.load(name)
    with _border(name):
        wrong = undeclared(kind)
    if wrong:
        raise MindError(f"{_whose(name)} cannot be used: {wrong}")
    return kind


def stream_of(name: str, setting: str, seed: int, steps: int, data: str = "", samples: int = 0) -> Stream:
    """The stream of the problem called ``name``.

    Raises:
        MindError: there is no such problem or setting, or it cannot make its stream; its package is named.
        ExtensionError: its package cannot be loaded.
    """
    if name not in PROBLEMS or setting not in (kind := problem_called(name)).settings:
        raise MindError(f"there is no problem {name} with setting {setting}")
    with _border(name):
        stream = kind(data, samples).stream(setting, seed, steps)
        wrong = no_stream(stream)
    if wrong:
        raise MindError(f"{_whose(name)} cannot be used: {wrong}")
    return stream


def blocks_of(name: str, stream: Stream) -> Iterator[Block]:
    """One pass of the problem called ``name``, each block held to what the stream declares.

    Raises:
        MindError: it breaks off, or gives what it does not declare; its package is named.
    """
    with _border(name):
        for number, block in enumerate(stream):
            if number >= stream.number:
                raise MindError(f"{_whose(name)} does not end after the {stream.number} blocks that it declares")
            if wrong := no_block(stream, block):
                raise MindError(f"{_whose(name)}, block {number}: {wrong}")
            yield block


def tests_of(name: str, stream: Stream, number: int) -> Block | None:
    """The held-out samples of task ``number``; None where the problem has none. Raises as :func:`blocks_of`."""
    if stream.tests is None:
        return None
    with _border(name):
        block = stream.tests(number)
        if wrong := no_block(stream, block):
            raise MindError(f"{_whose(name)}, tests of task {number}: {wrong}")
        return block
