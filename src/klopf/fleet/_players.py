"""Who counts as one in a round: whoever gives nearly what somebody else gives shares with him, whoever came first.

What tells a copy is not that two updates are near (all honest ones may be), but that they miss the middle of the round
in the same direction: what a device's own records and its own order of them add is its own. Directions are compared as
they lie around the middle, and near is what is far above the usual of this round: in a model of few numbers, where two
may well miss alike by chance, only what is all but equal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from klopf.fleet._check import judged
from klopf.fleet._device import Update
from klopf.fleet._parameters import Parameters

__all__ = ["Near", "Player", "repeated", "stale", "unfolded"]

NEAREST, NEAR = 0.99, 0.4
"""From the first cosine on, around the middle, two are always one; below the second never."""
_USUAL = 3.5
"""Standard deviations above the median of all pairs, as the lower sixth of them tells it."""
_EQUAL = 0.9995
"""Cosine of the updates themselves from which two are one, also where the middle cannot tell."""
_SURE = 3
"""Rounds after which it is sure that two are near, so that they share what they earned before, too."""
_UNLIKE = 0.1
"""Standard deviation of the logarithms of weights above which what goes with them is taken away."""
_SEEN = 0.7
"""From which cosine on an update is of the span of what everybody has seen, around the middle."""
_STRAIGHT = 0.9
"""Which it must reach as it is, too: 0.97 with a quarter of its length in noise."""
_AGAIN, _MANY = 0.8, 100
"""From which cosine on, around the middle of the last round, an update is what somebody else gave in it; in a model of
at least so many numbers, for in fewer it may well be chance."""
_ANGLE, _PART = 0.2, 0.2
"""To the last change itself: an angle below the first, and below the second part of the round's median angle."""


class Player(NamedTuple):
    """Who counts as one in a round: a name, a change, a weight, and each member's part of it."""

    name: str
    change: NDArray[np.float32]
    weight: float
    members: Mapping[str, float]


def unfolded(
    good: Mapping[str, Update], now: Parameters, enrolled: Mapping[str, Collection[str]]
) -> tuple[dict[str, Update], dict[str, str], dict[str, str]]:
    """Updates by whom they are of, whose member each is, and why others are left out.

    Of a node that shows what its devices gave, these, as ``node/device``, and nothing else of it. enrolled: which
    devices a node may show; of whoever is no node, what it shows is not looked at."""
    found: dict[str, Update] = {}
    whose: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for member, update in sorted(good.items()):
        shown = {name: part for name, part in update.parts.items() if name in enrolled.get(member, ())}
        parts, wrong = judged(shown, now)
        left_out |= {f"{member}/{name}": why for name, why in wrong.items()}
        each = {f"{member}/{name}": part for name, part in sorted(parts.items())} or {member: update}
        found |= each
        whose |= dict.fromkeys(each, member)
    return found, whose, left_out


def _around(changes: Mapping[str, NDArray[np.float32]], seen: Sequence[NDArray[np.float32]]) -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]
]:  # fmt: skip
    """Directions of the changes, the same around their middle, and those of what everybody has seen around it."""
    rows = np.stack([changes[name] for name in sorted(changes)]).astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1), 1e-300)[:, None]
    middle = np.median(rows, axis=0)
    old = np.stack([np.zeros_like(middle), *(one.astype(np.float64) for one in seen)])[1:]
    old /= np.maximum(np.linalg.norm(old, axis=1), 1e-300)[:, None]
    return rows, rows - middle, old - middle


def _bound(usual: NDArray[np.float64]) -> float:
    """From which cosine on one is far above these."""
    if not len(usual):
        return NEAREST
    median = float(np.median(usual))
    below = median - float(np.quantile(usual, 0.16))  # copies are above: they do not widen this side
    return min(NEAREST, max(NEAR, median + _USUAL * below))


class Near:
    """How near each two were, over the rounds: a single round tells less than all of them."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def clusters(
        self, changes: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float] | None = None
    ) -> list[list[str]]:
        """Names in groups, sorted: whoever is near another one is in his group. The same in whatever order they come.
        weights: who has more records comes further, and so has something in common with others that have.

        >>> rng = np.random.default_rng(0)
        >>> one, two, three, four = (rng.normal(size=99).astype(np.float32) for _ in range(4))
        >>> Near().clusters({"a": one, "b": two, "c": three, "d": four, "e": two * 3})
        [['a'], ['b', 'e'], ['c'], ['d']]
        """
        names = sorted(changes)
        rows, own, _ = _around(changes, ())
        sizes = np.log([(weights or {}).get(name, 1.0) for name in names])
        sizes -= sizes.mean()
        if sizes.std() > _UNLIKE and len(names) > 3:
            own = rows - np.outer(sizes, sizes @ rows / (sizes @ sizes))
            own -= np.median(own, axis=0)
        own = own / np.maximum(np.linalg.norm(own, axis=1), 1e-300)[:, None]
        cosines, equal = own @ own.T, rows @ rows.T >= _EQUAL
        pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
        means = np.array([self._mean(names[i], names[j], float(cosines[i, j])) for i, j in pairs])
        bound = _bound(means)
        place = list(range(len(names)))
        for (i, j), near in zip(pairs, means, strict=True):
            if (near >= bound or equal[i, j]) and place[i] != place[j]:
                old, new = max(place[i], place[j]), min(place[i], place[j])
                place = [new if p == old else p for p in place]
        return [[name for name, p in zip(names, place, strict=True) if p == which] for which in sorted(set(place))]

    def sure(self, group: Collection[str]) -> bool:
        """Whether it was seen in at least three rounds that these are near."""
        names = sorted(group)
        return all(self._seen[names[0], name][1] >= _SURE for name in names[1:])

    def standing(self) -> dict[str, Any]:
        """As JSON can hold it: names, and for each pair of them by place the sum of cosines and how many."""
        names = sorted({name for pair in self._seen for name in pair})
        place = {name: i for i, name in enumerate(names)}
        rows = [[place[one], place[other], *seen] for (one, other), seen in self._seen.items()]
        return {"names": names, "pairs": rows}

    def restore(self, standing: Mapping[str, Any]) -> None:
        """Back from :meth:`standing`."""
        names = standing.get("names", [])
        self._seen = {(names[i], names[j]): (total, count) for i, j, total, count in standing.get("pairs", [])}

    def _mean(self, one: str, other: str, now: float) -> float:
        total, count = self._seen.get((one, other), (0.0, 0))
        self._seen[one, other] = total + now, count + 1
        return (total + now) / (count + 1)


def stale(changes: Mapping[str, NDArray[np.float32]], seen: Sequence[NDArray[np.float32]]) -> dict[str, str]:
    """Whose update is nobody's work: without length, or made of what the model changed before, which everybody has
    seen."""
    found = {name: "changes nothing" for name, change in changes.items() if not np.any(change)}
    left = {name: change for name, change in changes.items() if name not in found}
    seen = [one for one in seen if np.any(one)]
    if not left or not seen:
        return found
    rows, own, old = _around(left, seen)
    base, _ = np.linalg.qr(old.T)
    lengths = np.maximum(np.linalg.norm(own, axis=1), 1e-300)
    part = np.linalg.norm(own @ base, axis=1) / lengths
    known = old.shape[1] > 10 * len(seen)
    bound = max(_SEEN, _bound(part)) if known and len(left) > 3 else 2.0
    last = seen[-1].astype(np.float64) / np.linalg.norm(seen[-1].astype(np.float64))
    whole, _ = np.linalg.qr(np.stack(seen, 1).astype(np.float64))
    straight = np.linalg.norm(rows @ whole, axis=1)  # who alone has rare data pulls the model his way again and again
    angles = np.arccos(np.clip(rows @ last, -1, 1))
    closest = min(_ANGLE, _PART * float(np.median(angles))) if len(left) > 1 else 1e-3
    for name, far, near, angle in zip(sorted(left), part, straight, angles, strict=True):
        if (far >= bound and near >= _STRAIGHT) or angle < closest:
            found[name] = "a copy of what the model changed before"
    return found


def repeated(changes: Mapping[str, NDArray[np.float32]], before: Mapping[str, NDArray[np.float32]]) -> dict[str, str]:
    """Whose update is what somebody else gave in the round before: whoever sees what others send has that.

    >>> rng = np.random.default_rng(0)
    >>> before = {name: rng.normal(size=200).astype(np.float32) for name in "abcd"}
    >>> repeated({"a": before["a"], "x": before["a"] * 2, "y": -before["b"]}, before)
    {'x': 'repeats what a gave in the round before'}
    """
    names = sorted(before)
    if len(names) < 4 or before[names[0]].size < _MANY:
        return {}
    rows, own, _ = _around(before, ())
    own /= np.maximum(np.linalg.norm(own, axis=1), 1e-300)[:, None]
    middle = np.median(rows, axis=0)
    found = {}
    for name, change in sorted(changes.items()):
        row = change.astype(np.float64) / max(float(np.linalg.norm(change)), 1e-300)
        around = (row - middle) / max(float(np.linalg.norm(row - middle)), 1e-300)
        alike = np.where((rows @ row >= _STRAIGHT) & (np.array(names) != name), own @ around, -1.0)
        if alike.max() >= _AGAIN:
            found[name] = f"repeats what {names[int(alike.argmax())]} gave in the round before"
    return found
