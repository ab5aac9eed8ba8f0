"""Input stages: features made of an image, or of what came before, which the network hears in their place.

A stage has settings, which are its fields, and a state, a few arrays that lie in the mind's file with everything else.
It learns without being told what is right, a sample at a time, in the mind's turn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.extensions import Point
from klopf.mind._settings import plain

__all__ = ["MOST", "STAGES", "Stage", "State"]

MOST = 2**24
"""Sensors or features of a stage: more is a slip, and would not fit beside the network that hears them."""

State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Stage(ABC):
    """What stands in the place of ``sensors`` in ``Mind(...)``: what an input is, and the features made of it.

    To add one, write a subclass, in a file of its own; its fields are what a user chooses: numbers, texts, True, False
    or None::

        from dataclasses import dataclass

        import numpy as np
        from klopf.mind import Stage

        @dataclass(frozen=True)
        class Changes(Stage):
            width: int
            kind = "changes"                             # the name that it is registered by
            ordered = True                               # each row is the next moment of one stream

            def check(self):
                self.whole("width")

            @property
            def sensors(self):
                return self.width

            @property
            def features(self):
                return 2 * self.width

            @property
            def cost(self):
                return 2 * self.width

            def state(self, seed, dtype):
                return {"last": np.zeros((1, self.width), dtype)}

            def learn(self, state, x, weights):
                made = self.sense(state, x)
                state["last"][...] = x[-1:]              # written into, never replaced
                return made

            def sense(self, state, x):
                return np.concatenate([x, x - np.concatenate([state["last"], x[:-1]])], 1)

    and give it its name: in this package a line in ``STAGES``, elsewhere an entry point in your package's
    ``pyproject.toml``, called as its ``kind`` is::

        [project.entry-points."klopf.stages"]
        changes = "my_package.changes:Changes"

    ``klopf.checks.check_stage(Changes(3))`` tells whether it keeps its promises; ``Mind(Changes(3), 2)`` then hears
    the world through it, and ``Mind.load`` finds it by its name.

    Wherever a stream is cut, features and state are the same: those of a row follow from the rows before it. They are
    made before the row is learned, so that they know nothing of its target, and a row of weight 0 changes nothing but
    the time that passes where rows are ``ordered``. All that is learned lies in ``state``, everything random in it is
    drawn from the seed, and the rows of ``x`` are only read.
    """

    kind: ClassVar[str]
    """Its name in a saved mind."""
    ordered: ClassVar[bool] = False
    """Whether rows follow each other, so that each is the next moment, learned from or not; rows that are only sensed
    follow the last that was learned, and are forgotten again."""

    scaled: ClassVar[bool] = False
    """Whether features have a scale of about 1 already, so that nobody needs to normalise them."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, plain(value))
        self.check()
        for name, count in (("sensors", self.sensors), ("features", self.features)):
            if count > MOST:
                raise MindError(f"{self} has {count} {name}; at most {MOST} are possible: make it smaller")

    def whole(self, *names: str) -> None:
        """Those fields are whole numbers from 1.

        Raises:
            MindError: one is not.
        """
        for name in names:
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise MindError(f"{name}={value!r} must be a whole number from 1")

    @abstractmethod
    def check(self) -> None:
        """Raise ``MindError`` for fields that make no sense."""

    @property
    @abstractmethod
    def sensors(self) -> int:
        """Numbers that one input has."""

    @property
    @abstractmethod
    def features(self) -> int:
        """Numbers that the network hears in their place."""

    @property
    @abstractmethod
    def cost(self) -> int:
        """Numbers that it goes through for a sample, about."""

    @property
    def gains(self) -> NDArray[np.float64] | None:
        """How loud each feature is heard where ``normalise_inputs`` scales them, ``(features,)``: its deviation then,
        from .001 to 1,000. What is heard less loudly is learned more slowly, and costs less where it tells nothing.
        None is 1 for all."""
        return None

    @abstractmethod
    def state(self, seed: int, dtype: Any) -> State:
        """All that it learns, as at birth: arrays of float32, float64, int32, int64 or uint64, by name."""

    @abstractmethod
    def learn(self, state: State, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        """The features of the rows of ``x``, ``(n, features)``, each made before its row is learned by the network;
        finite and of the type of ``x``, float32 or float64. ``state`` follows them: its arrays are written into. A row
        of weight 0 is not learned from."""

    @abstractmethod
    def sense(self, state: State, x: NDArray[Any]) -> NDArray[Any]:
        """The same for who only predicts; ``state`` stays as it is."""

    def saved(self) -> dict[str, Any]:
        """For a header: an equal one is made of it."""
        return {"kind": self.kind, **asdict(self)}


STAGES = Point(
    "klopf.stages", "input stage", "klopf.mind._stage:Stage",
    {"images": "klopf.mind._shipped_stages:Images", "sequences": "klopf.mind._shipped_stages:Sequences"},
)  # fmt: skip
"""Every input stage that a saved mind may have. A line in this table makes one of Klopf's own known."""
