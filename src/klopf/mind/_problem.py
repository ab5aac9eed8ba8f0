"""A problem that learners are compared on: its base class with the recipe, and which problems there are."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from klopf.errors import KlopfError, MindError
from klopf.extensions import Point, said
from klopf.mind.kernels.state import MOST
from klopf.mind.problems import Block, Stream

__all__ = [
    "COUNTS",
    "PROBLEMS",
    "Declared",
    "Problem",
    "blocks_of",
    "no_block",
    "no_stream",
    "problem_called",
    "stream_of",
    "tests_of",
    "unasked",
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
_LARGEST = 2**31
"""Bytes of a block's inputs or targets."""
_END: Any = object()


class Declared(NamedTuple):
    """What a problem declared of itself when it was read, which its class may not do again."""

    settings: tuple[str, ...]
    counts: str
    hidden: tuple[int, ...]


def undeclared(kind: type[Problem] | Declared) -> str:
    """What is wrong with what a problem declares of itself, as the end of a line; "" if nothing."""
    words, counts, units = kind.settings, kind.counts, kind.hidden
    fine = type(words) is tuple and 0 < len(words) <= 100 and all(map(_is_word, words))
    if not fine or len(set(words)) != len(words):
        return f"settings must be a tuple of different words, not {words!r:.80}"
    if "both" in words:
        return "settings has 'both', which means the first two of them: use another word"
    if type(counts) is not str or counts not in COUNTS:
        return f"counts is {counts!r:.80}, not one of {', '.join(COUNTS)}"
    if not (type(units) is tuple and units and all(type(n) is int and 0 < n <= 10**6 for n in units)):
        return f"hidden must be a tuple of whole numbers from 1, not {units!r:.80}"
    return ""


def _is_word(word: object) -> bool:
    """Whether it can be written after ``--setting``, and in a line."""
    return type(word) is str and 0 < len(word) <= 64 and word.isprintable() and " " not in word


def no_stream(made: object) -> str:
    """What is wrong with a stream before any of it is drawn; "" if nothing."""
    if type(made) is not Stream:  # one derived from it may answer otherwise each time it is asked
        return f"gives a {type(made).__name__!r:.80}, not a klopf.mind.problems.Stream"
    if type(made.output) is not str or made.output not in TARGETS:
        return f"the stream's output is {made.output!r:.80}, not one of {', '.join(TARGETS)}"
    for name in ("sensors", "outputs", "samples", "task", "parts"):
        value, (least, most) = getattr(made, name), (1, 10**7) if name in ("sensors", "outputs") else (0, 2**62)
        if type(value) is not int or not least <= value <= most:
            return f"the stream's {name} is {value!r:.80}, not a whole number from {least} to {most}"
    if type(made.fresh_outputs) is not bool:
        return "the stream's fresh_outputs is neither True nor False"
    if not callable(made.blocks) or not (made.tests is None or callable(made.tests)):
        return "the stream's blocks and tests must be functions"
    return ""


def unasked(stream: Stream, counts: str, steps: int) -> str:
    """What is wrong with the length that a stream of ``steps`` declares; "" if nothing."""
    if counts == "samples" and stream.samples not in (0, steps):
        return f"the stream declares {stream.samples} samples where {steps} were asked for"
    if counts == "samples" and stream.number > steps:
        return f"the stream declares {stream.number} blocks of {steps} samples"
    if counts == "tasks" and stream.number != steps:
        return f"the stream declares {stream.number} blocks for {steps} tasks: one a task"
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
    if max(X.nbytes, y.nbytes) > _LARGEST:
        return f"a block of {n:,} samples is larger than 2 GiB: give smaller ones"
    if X.dtype != np.float32:
        return f"inputs are {X.dtype}, not float32"
    if not (np.abs(X) <= MOST).all():  # as NaN is not
        return f"an input is NaN, infinite or beyond {MOST:g}: leave the sample out, or scale it to about 1"
    numbers = stream.output != "softmax"
    shapes = ([(n, width)] if numbers else []) + ([(n,)] if width == 1 or not numbers else [])
    if y.shape not in shapes:
        return f"targets of shape {y.shape} where {' or '.join(map(str, shapes))} is declared"
    if y.dtype != TARGETS[stream.output]:
        return f"targets are {y.dtype}, not {TARGETS[stream.output]} as output={stream.output!r} wants"
    if numbers and not (np.abs(y) <= MOST).all():
        return f"a target is NaN, infinite or beyond {MOST:g}: leave the sample out, or scale it to about 1"
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
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, KlopfError) and name in PROBLEMS.shipped:
            raise
        raise MindError(f"{_whose(name)} breaks off: {said(error)}") from error


def _whose(name: str) -> str:
    return f"the problem {name!r} of {PROBLEMS.origin(name)}"


def problem_called(name: str) -> Declared:
    """What the problem called ``name`` declares of itself.

    Raises:
        ExtensionError: there is none, or its package cannot be loaded.
        MindError: what it declares of itself cannot be used; its package is named.
    """
    kind: type[Problem] = PROBLEMS.load(name)
    with _border(name):
        declared = Declared(kind.settings, kind.counts, kind.hidden)
        wrong = undeclared(declared)
    if wrong:
        raise MindError(f"{_whose(name)} cannot be used: {wrong}")
    return declared


def stream_of(name: str, setting: str, seed: int, steps: int, data: str = "", samples: int = 0) -> Stream:
    """The stream of the problem called ``name``.

    Raises:
        MindError: there is no such problem or setting, or it cannot make its stream; its package is named.
        ExtensionError: its package cannot be loaded.
    """
    if name not in PROBLEMS or setting not in (declared := problem_called(name)).settings:
        raise MindError(f"there is no problem {name} with setting {setting}")
    with _border(name):
        stream: Stream = PROBLEMS.load(name)(data, samples).stream(setting, seed, steps)
        wrong = no_stream(stream) or unasked(stream, declared.counts, steps)
    if wrong:
        raise MindError(f"{_whose(name)} cannot be used: {wrong}")
    return replace(stream)  # nobody else has this one


def blocks_of(name: str, stream: Stream) -> Generator[Block]:
    """One pass of the problem called ``name``, each block held to what the stream declares.

    Raises:
        MindError: it breaks off, or gives what it does not declare; its package is named.
    """
    with _border(name):
        given = iter(stream)
    try:
        for number in range(stream.number + 1):
            with _border(name):
                block = next(given, _END)
                wrong = "" if block is _END else no_block(stream, block)
            if wrong:
                raise MindError(f"{_whose(name)}, block {number}: {wrong}")
            if (block is _END) != (number == stream.number):
                ends = f"ends after {number} of" if block is _END else "does not end after"
                raise MindError(f"{_whose(name)} {ends} the {stream.number} blocks that it declares")
            if block is not _END:
                yield block
    finally:
        with _border(name):
            if callable(close := getattr(given, "close", None)):
                close()


def tests_of(name: str, stream: Stream, number: int) -> Block | None:
    """The held-out samples of task ``number``; None where the problem has none. Raises as :func:`blocks_of`."""
    if stream.tests is None:
        return None
    with _border(name):
        block = stream.tests(number)
        wrong = no_block(stream, block)
    if wrong:
        raise MindError(f"{_whose(name)}, tests of task {number}: {wrong}")
    return block
