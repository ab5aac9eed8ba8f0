"""Features with names: a place for each of the bounded number that a mind hears, and who gives way to a new one.

The rule is that of units (R6): who is heard least goes, and whoever comes in its place is as at birth. Names that
came in one sample only are the fringe. Where all places are taken, the one on the fringe that was seen longest ago
gives way; if the fringe has no more than an eighth of the places, the one among the others does. So a stream of one-
off names costs no feature that comes again, and no memory.

What a sample lacks is missing, or 0 where that is what leaving it out says: see ``kernels.absent``.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.mind._checked import is_missing, no_number, shown
from klopf.mind._direct import direct
from klopf.mind._file import seen_before
from klopf.mind._memory import Owner
from klopf.mind._mind import Mind
from klopf.mind._rows import roomy
from klopf.mind._stage import Stage
from klopf.mind._targets import Scale, named
from klopf.mind._usual import Usual
from klopf.mind.kernels.state import MOST, S_COUNT, S_MEAN, S_VARIANCE

__all__ = ["Named", "Places", "number"]


Numbers = dict[Hashable, float] | tuple[float, ...]
"""A sample that was checked: its numbers by name, or by place where it names what the last one did."""


class Places:
    """Names to places from 0, at most ``most`` at a time."""

    def __init__(self, most: int, what: str) -> None:
        if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 2:
            raise MindError(f"the most {_many(what)} must be a whole number from 2, not {most!r}")
        self._most, self._what = int(most), what
        self.at: dict[Hashable, int] = {}
        self._fringe: OrderedDict[Hashable, None] = OrderedDict()  # seen in one sample, the longest ago first
        self._known: OrderedDict[Hashable, None] = OrderedDict()
        self.last: list[Hashable] | None = None
        """The names of the last sample, where seeing them once more changes nothing, in whatever order."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        state.pop("_last_at", None)  # of a time when their places were kept here
        self.__dict__.update({"last": None, **state})

    def __len__(self) -> int:
        return len(self.at)

    def check(self, names: Iterable[Hashable]) -> None:
        """Raises: MindError, where ``names`` are more than there are places, or one is none."""
        found = names.keys() if isinstance(names, dict) else set(names)
        if list(found) == self.last or found <= self.at.keys():  # as is usual: nobody is new
            return
        if len(found) > self._most:
            many = _many(self._what)
            raise MindError(f"one sample has {len(found)} {many} where {self._most} are kept at most; raise max_{many}")
        if any(name != name for name in found):
            raise MindError(f"a {self._what} is called NaN, which does not even equal itself; give it a name")

    def see(self, names: Iterable[Hashable], as_they_come: bool = False) -> list[int]:
        """These come in one sample: each has a place from now on, new ones in their names' order or ``as_they_come``.
        Returns the places that others had before."""
        new: list[Hashable] = []
        freed: list[int] = []
        names, last = list(names), self.last
        if names == last or (last and len(names) == len(last) > 1 and set(names) == set(last)):
            return freed
        for name in names:
            if name in self._known:
                self._known.move_to_end(name)
            elif name in self._fringe:
                del self._fringe[name]
                self._known[name] = None
            else:
                new.append(name)
        self.last = None if new else names
        if not new:
            return freed
        keep = set(names) if len(self.at) + len(new) > self._most else set()
        for name in new if as_they_come else sorted(new, key=str):
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


def _many(what: str) -> str:
    return what + ("es" if what.endswith("s") else "s")


class Named(Owner):
    """A mind whose sensors have names; it is widened when they no longer fit."""

    def __init__(
        self, hidden: Any, learner: str, output: str, seed: int, most: int, options: dict[str, Any],
        stage: Stage | None = None,
    ) -> None:  # fmt: skip
        hidden = tuple(hidden) if isinstance(hidden, Iterable) else (hidden,)
        self._make = {"hidden": hidden, "learner": learner, "output": output, "seed": seed, **options}
        self._stage = stage
        self._most = most = max(stage.sensors, 2) if stage else most
        self.gaps = bool(options.get("normalise_inputs"))
        """Whether a number may be missing: where inputs are normalised."""
        self.features = Places(most, "feature")
        self.mind: Mind | None = None
        self._kept: Any = None  # of each sensor, whether absence is 0 or a gap; see ``kernels.absent``
        self._usual: Usual | None = None  # how a sample is read that names what the last one did

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Also of a time when absence was 0: what is known of the features' values is then what the mind knows."""
        before = {"_stage": None, "gaps": bool(state["_make"].get("normalise_inputs")), "_kept": None, "_usual": None}
        super().__setstate__({**before, **state})
        if "_kept" not in state and self.gaps and self.mind is not None:
            S, at = self.mind._net.S, list(self.places.values())
            count = S[S_COUNT, at].astype(np.float64)
            self._kept = np.zeros((5, self.mind.sensors))
            self._kept[:4, at] = count, S[S_MEAN, at], S[S_VARIANCE, at] * count, count

    @property
    def places(self) -> dict[Hashable, int]:
        """Of each name that has one."""
        return self.features.at

    def scale_inside(self, scales: list[Scale]) -> None:
        """A mind whose targets were scaled outside, each by one of ``scales``, does it itself from now on."""
        old = self.mind
        self._make = {**self._make, "scale_targets": True}
        if old is None or old.settings.scale_targets:
            return
        made = {**old.settings.as_dict(), "scale_targets": True}
        mind = Mind(old.sensors, old.outputs, old.hidden, old.learner, old.output, old.seed, **made)
        mind._fill({"targets": mind._net.T, **old._tables.arrays()})
        for k, scale in enumerate(scales):
            usual = seen_before(mind._net.T[:, k], scale.mean, scale.deviation**2, scale.count)
            mind._net.T[:, k] = usual
        self.mind = mind

    def check(self, names: Iterable[Hashable]) -> None:
        """Raises: MindError, where a sample that has these names cannot be learned from."""
        stage, known = self._stage, self.features.at
        if stage is not None:
            found = list(names)
            if not known and len(found) != stage.sensors:
                raise MindError(
                    f"the first sample has {len(found)} features where {stage} hears {stage.sensors} numbers; name all "
                    "of them in it, in their order"
                )
            new = [name for name in found if known and name not in known]
            if new:
                raise MindError(f"feature {shown(new[0])} is none of the {stage.sensors} that {stage} hears")
        self.features.check(names)

    def numbers(self, x: Mapping[Hashable, Any]) -> Numbers:
        """A sample's features, checked; nothing is changed.

        Raises:
            MindError: it cannot be learned from.
        """
        values = self._usual.values(x) if self._usual else None
        if values is not None:
            return values
        found = named("a sample's features", x)
        numbers: Any = found if _usual(found) else {k: number(k, v, self.gaps) for k, v in found.items()}
        self.check(numbers)
        return numbers  # type: ignore[no-any-return]

    def names(self, numbers: Numbers) -> list[Hashable]:
        """The features of a sample that was checked."""
        return list(numbers) if type(numbers) is dict else self.features.last or []

    def learn(self, x: Numbers, y: float, outputs: int, weight: float = 1.0) -> tuple[Any, Any]:
        """Learn one sample that was checked, as ``y`` and ``weight`` were: a class's number below ``outputs``, or the
        one target. New features get their places in the order of their names.

        Returns:
            the sample as the mind heard it, and what was predicted of it before, ``(outputs,)``.
        """
        mind = self.mind
        if mind is None or type(x) is dict or outputs > mind.outputs:
            mind = self.ready(self.names(x), outputs)
        rows = self.heard(mind, x, weight)
        wanted = np.array([y] if mind.output == "softmax" else [[y]], None if mind.output == "softmax" else mind._said)
        weights = _ONCE[mind._dtype.char] if weight == 1.0 else np.array([weight], mind._dtype)
        _, out, _ = mind._learn_checked(_given(mind, rows), wanted, weights)
        return rows[0], out[0]

    def ready(self, names: list[Hashable], outputs: int) -> Mind:
        """The mind, with a place for each of those names, which come in one sample, and at least so many outputs."""
        known = self.mind
        if known is not None and names == self.features.last and outputs <= known.outputs:  # as is usual: nobody is new
            if self._usual is None:
                at = {name: self.places[name] for name in names}
                self._usual = Usual(at, known.sensors, self._absence)
            return known
        if names != self.features.last:
            self._usual = None
        new = len(set(names) - self.places.keys())
        needed = min(len(self.features) + new, self._most)
        mind = self.mind
        if mind is None:
            mind = Mind(self._stage or min(roomy(max(needed, 1)), self._most), outputs, **self._make)
        elif needed > mind.sensors or outputs > mind.outputs:
            sensors = mind.sensors if needed <= mind.sensors else min(roomy(needed), self._most)
            mind = mind.widened(max(sensors, mind.sensors), max(outputs, mind.outputs))
        self.mind = mind
        if self.gaps and (self._kept is None or self._kept.shape[1] < mind.sensors):
            kept = np.zeros((5, mind.sensors))
            if self._kept is not None:
                kept[:, : self._kept.shape[1]] = self._kept
            self._kept = kept
        for place in self.features.see(names, self._stage is not None):
            mind._tables.forget_sensor(place)
            if self.gaps:
                self._kept[:, place] = 0.0
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
        rows = self.rows(mind, names, X, weights)
        _, out, _ = mind._learn(rows, y, weights)
        return rows, out

    def predicted(self, mind: Mind, x: Mapping[Hashable, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """``x`` by place, as the mind hears it, and what is predicted of it, ``(outputs,)``."""
        rows = self._asked(mind, x)
        out: NDArray[Any] = mind._predict_checked(_given(mind, rows))[0]
        return rows[0], out

    def vector(self, mind: Mind, x: Mapping[Hashable, Any]) -> NDArray[Any]:
        """``x`` by place, as the mind hears it; features that were never learned from are left out."""
        row: NDArray[Any] = self._asked(mind, x)[0]
        return row

    def _asked(self, mind: Mind, x: Mapping[Hashable, Any]) -> NDArray[Any]:
        values = self._usual.values(x) if self._usual else None
        if values is not None:
            return self.heard(mind, values, 0.0)
        found = named("a sample's features", x)
        places, gaps = self.places, self.gaps
        known: Any = found if _usual(found) else {k: number(k, v, gaps) for k, v in found.items() if k in places}
        return self.heard(mind, known, 0.0)

    def heard(self, mind: Mind, x: Numbers, weight: float) -> NDArray[Any]:
        """A sample that was checked as the mind hears it, ``(1, sensors)``. With a ``weight`` it is about to be
        learned."""
        weights = _ONCE["d"] if weight else _NEVER
        if isinstance(x, tuple):
            assert self._usual is not None
            return self._heard(self._usual.row(x), weights)
        rows = self._absent(mind, 1)
        row, places = rows[0], self.places
        for name, value in x.items():
            place = places.get(name)
            if place is not None:
                row[place] = value
        return self._heard(rows, weights)

    def rows(
        self, mind: Mind, names: list[Hashable], X: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """The columns of ``X`` by place, as the mind hears them; features that were never learned from are left out.
        With ``weights`` they are about to be learned."""
        out = self._absent(mind, len(X))
        for k, name in enumerate(names):
            if name in self.places:
                out[:, self.places[name]] = X[:, k]
        return self._heard(out, np.zeros(len(X)) if weights is None else weights)

    def _absent(self, mind: Mind, rows: int) -> NDArray[Any]:
        """Rows in which nothing stands yet."""
        out = np.empty((rows, mind.sensors))
        out.fill(self._absence)  # for one row half the time of numpy's ``full``
        return out

    @property
    def _absence(self) -> float:
        return math.inf if self.gaps else 0.0

    def _heard(self, rows: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        if self.gaps:
            hear = _loaded[0] if _loaded else _hear(self._kept, rows, weights)
            hear(self._kept, rows, weights)
            if self._stage:  # it hears no gaps: what is missing is as it usually is
                rows = np.where(np.isnan(rows), self._kept[_MEAN], rows)
        return rows


_loaded: list[Any] = []


def _hear(*given: NDArray[Any]) -> Any:
    """The kernel ``hear``, for arguments of the types of ``given``, which are always the same."""
    from klopf.mind.kernels.absent import hear  # compiled code is loaded late: importing stays quick

    _loaded.append(direct(hear, *given))
    return _loaded[0]


def _given(mind: Mind, rows: NDArray[np.float64]) -> NDArray[Any]:
    """``rows`` as the mind takes them."""
    return rows if mind._given is rows.dtype else rows.astype(mind._given, copy=False)


_ONCE = {kind: np.ones(1, kind) for kind in "fd"}
_NEVER = np.zeros(1)
"""Weights of a sample: only read, and quicker than new ones. Where absences are counted, all above 0 are alike."""
_MEAN = 1
"""Row of what is kept of a feature (``kernels.absent``)."""
_USUAL = frozenset({float, int, bool, np.float64})


def _usual(x: Mapping[Hashable, Any]) -> bool:
    """Whether ``x`` is a dict of plain numbers within bounds: all are looked at in one call, for a third of the time of
    one after another. NaN is not."""
    try:
        return type(x) is dict and _USUAL.issuperset(map(type, x.values())) and math.hypot(*x.values()) <= MOST
    except OverflowError:  # a whole number that is none of a float's
        return False


def number(name: Hashable, value: Any, gaps: bool = True) -> float:
    """A feature's value; NaN where it is missing: None, NaN or what pandas calls so.

    Raises:
        MindError: it is none that can be learned from; without ``gaps``, it is missing.
    """
    kind = type(value)
    try:
        if kind is not float and kind is not int and no_number(value):
            raise TypeError("a date, a duration or complex")
        found = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        if not gaps or not is_missing(value):
            raise MindError(f"feature {shown(name)} is {shown(value)}; encode it as a number first") from error
        found = math.nan
    if not (abs(found) <= MOST or (gaps and found != found)):
        what, mend = ("", "drop or scale") if gaps else ("NaN, ", "drop, fill or scale")
        raise MindError(f"feature {shown(name)} is {shown(value)}: {what}infinite or beyond {MOST:g}; {mend} it first")
    return found
