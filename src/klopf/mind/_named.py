"""Features with names: a place for each of the bounded number that a mind hears, and who gives way to a new one.

The rule is that of units (R6): who is heard least goes, and whoever comes in its place is as at birth. Names that
came in one sample only are the fringe. Where all places are taken, the one on the fringe that was seen longest ago
gives way; if the fringe has no more than an eighth of the places, the one among the others does. So a stream of one-
off names costs no feature that comes again, and no memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.mind._mind import Mind
from klopf.mind._rows import roomy
from klopf.mind.kernels.state import MOST

__all__ = ["Named", "Places", "number"]


class Places:
    """Names to places from 0, at most ``most`` at a time."""

    def __init__(self, most: int, what: str) -> None:
        if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 2:
            raise MindError(f"the most {what}s must be a whole number from 2, not {most!r}")
        self._most, self._what = int(most), what
        self.at: dict[Hashable, int] = {}
        self._fringe: OrderedDict[Hashable, None] = OrderedDict()  # seen in one sample, the longest ago first
        self._known: OrderedDict[Hashable, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.at)

    def check(self, names: Iterable[Hashable]) -> None:
        """Raises: MindError, where ``names`` are more than there are places."""
        count = len(set(names))
        if count > self._most:
            raise MindError(
                f"one sample has {count} {self._what}s where {self._most} are kept at most; raise max_{self._what}s"
            )

    def see(self, names: Iterable[Hashable]) -> list[int]:
        """These come in one sample: each has a place from now on. Returns the places that others had before."""
        new, freed = [], []
        for name in names:
            if name in self._known:
                self._known.move_to_end(name)
            elif name in self._fringe:
                del self._fringe[name]
                self._known[name] = None
            else:
                new.append(name)
        keep = set(names) if len(self.at) + len(new) > self._most else set()
        for name in sorted(new, key=str):
            if len(self.at) < self._most:
                self.at[name] = len(self.at)
            else:
                place = self._freed(keep)
                freed.append(place)
                self.at[name] = place
            self._fringe[name] = None
        return freed

    def _freed(self, keep: set[Hashable]) -> int:
        """The place of the one that gives way; not of those that this sample has."""
        first, second = self._fringe, self._known
        if len(first) <= self._most // 8:
            first, second = second, first
        gone = next((name for names in (first, second) for name in names if name not in keep), None)
        for names in (first, second):
            names.pop(gone, None)
        return self.at.pop(gone)


class Named:
    """A mind whose sensors have names; it is widened when they no longer fit."""

    def __init__(self, hidden: Any, learner: str, output: str, seed: int, most: int, options: dict[str, Any]) -> None:
        hidden = (hidden,) if isinstance(hidden, int | np.integer) else hidden
        self._make = {"hidden": hidden, "learner": learner, "output": output, "seed": seed, **options}
        self._most = most
        self.features = Places(most, "feature")
        self.mind: Mind | None = None

    @property
    def places(self) -> dict[Hashable, int]:
        """Of each name that has one."""
        return self.features.at

    def numbers(self, x: Mapping[Hashable, Any]) -> dict[Hashable, float]:
        """A sample's features, checked; nothing is changed.

        Raises:
            MindError: it cannot be learned from.
        """
        found = {name: number(name, value) for name, value in x.items()}
        self.features.check(found)
        return found

    def learn(self, x: dict[Hashable, float], y: Any, outputs: int, weight: float = 1.0) -> tuple[Any, Any]:
        """Learn one sample that was checked, ``y`` as a mind with ``outputs`` takes it. New features get their places
        in the order of their names.

        Returns:
            the sample as the mind heard it, and what was predicted of it before, ``(outputs,)``.
        """
        mind = self.ready(list(x), outputs)
        row = self._row(mind, x)
        _, out, _ = mind._learn(row[None], np.asarray(y)[None], np.asarray([weight]))
        return row, out[0]

    def ready(self, names: list[Hashable], outputs: int) -> Mind:
        """The mind, with a place for each of those names, which come in one sample, and at least so many outputs."""
        new = sum(name not in self.places for name in names)
        needed = min(len(self.features) + new, self._most)
        mind = self.mind
        if mind is None:
            mind = Mind(min(roomy(max(needed, 1)), self._most), outputs, **self._make)
        elif needed > mind.sensors or outputs > mind.outputs:
            sensors = min(roomy(max(needed, mind.sensors)), self._most)
            mind = mind.widened(max(sensors, mind.sensors), max(outputs, mind.outputs))
        self.mind = mind
        for place in self.features.see(names):
            mind._tables.forget_sensor(place)
        return mind

    def learn_rows(
        self, names: list[Hashable], X: NDArray[Any], y: Any, outputs: int, weights: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The same for rows of a frame that were checked, ``(n, len(names))``: one call for all of them.

        Returns:
            the rows as the mind heard them, and the predictions ``(n, outputs)``.
        """
        for _ in range(min(len(X), 2)):  # more than two samples tell no more about who is on the fringe
            mind = self.ready(names, outputs)
        rows = self.rows(mind, names, X)
        _, out, _ = mind._learn(rows, y, weights)
        return rows, out

    def vector(self, mind: Mind, x: Mapping[Hashable, Any]) -> NDArray[Any]:
        """``x`` by place; features that were never learned from are left out."""
        return self._row(mind, {name: number(name, value) for name, value in x.items() if name in self.places})

    def _row(self, mind: Mind, numbers: dict[Hashable, float]) -> NDArray[Any]:
        row = self.absent(mind)
        for name, value in numbers.items():
            if name in self.places:
                row[self.places[name]] = value
        return row

    def absent(self, mind: Mind) -> NDArray[Any]:
        """What a mind hears of features that a sample does not have."""
        return np.zeros(mind.sensors)

    def rows(self, mind: Mind, names: list[Hashable], X: NDArray[Any]) -> NDArray[Any]:
        """The columns of ``X`` by place; features that were never learned from are left out."""
        out = np.repeat(self.absent(mind)[None], len(X), 0)
        for k, name in enumerate(names):
            if name in self.places:
                out[:, self.places[name]] = X[:, k]
        return out


def number(name: Hashable, value: Any) -> float:
    """A feature's value.

    Raises:
        MindError: it is none that can be learned from.
    """
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise MindError(f"feature {name!r} is {value!r}; encode it as a number first") from error
    if not abs(found) <= MOST:
        raise MindError(
            f"feature {name!r} is {value!r}: NaN, infinite or beyond {MOST:g}; drop, fill or scale it first"
        )
    return found
