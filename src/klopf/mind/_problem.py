"""A problem that learners are compared on: its base class with the recipe, and which problems there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from klopf.errors import KlopfError, MindError
from klopf.extensions import Point
from klopf.mind.problems import Stream

__all__ = ["PROBLEMS", "Problem", "stream_of"]


class Problem(ABC):
    """A stream for each setting, seed and length.

    To add one, write a subclass, in a file of its own::

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
    that was given is not written to again. Where ``steps`` counts samples or tasks, a longer stream begins with the
    shorter one.
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


def stream_of(name: str, setting: str, seed: int, steps: int, data: str = "", samples: int = 0) -> Stream:
    """The stream of the problem called ``name``.

    Raises:
        MindError: there is no such problem or setting, or it cannot make its stream; its package is named.
        ExtensionError: its package cannot be loaded.
    """
    if name not in PROBLEMS or setting not in PROBLEMS.load(name).settings:
        raise MindError(f"there is no problem {name} with setting {setting}")
    try:
        stream = PROBLEMS.load(name)(data, samples).stream(setting, seed, steps)
    except KlopfError:
        raise
    except Exception as error:  # whatever a stranger's module does
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise MindError(f"the problem {name!r} of {PROBLEMS.origin(name)} makes no stream: {said}") from error
    if not isinstance(stream, Stream):
        raise MindError(f"the problem {name!r} of {PROBLEMS.origin(name)} gives no klopf.mind.problems.Stream")
    return stream
