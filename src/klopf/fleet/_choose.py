"""Whom to ask in a round, where not everybody is: who has much to learn from and answers in time, and some to try
(Oort, Lai et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Oort"]

_FAR = 1e18


class Oort:
    """Utility = records x mean loss or, where the server measures what updates are worth, that; times (preferred /
    taken) ^ alpha where an answer took longer than preferred; the preferred time is the median. Seats are drawn by
    utility; a part of them goes to those never asked, and later to any.

    Records and the loss are what a device says itself: neither counts for more than twice the median, nor do both
    together, so that who exaggerates is asked at most some twice as often as the usual one.

    Of who was never asked the application tells as much: half of the seats for trying go by it, half to any of them.

    Args:
        explore: the part of the seats for trying, at first; it shrinks by 2 % a round down to a fifth of that.
    """

    def __init__(self, explore: float = 0.3, alpha: float = 2.0) -> None:
        self._explore, self._alpha = explore, alpha
        self._known: dict[str, tuple[float, float, float]] = {}
        self._worth: dict[str, float] = {}
        self._applied: dict[str, tuple[float, float, float]] = {}

    def applied(self, name: str, records: int, loss: float, seconds: float) -> None:
        """What ``name`` applied with: its records, its mean loss on them before it trained, and the seconds of a
        round."""
        self._applied[name] = float(min(max(records, 0), _FAR)), float(min(max(loss, 0.0), _FAR)), max(seconds, 0.0)

    def note(self, name: str, records: int, loss: float, seconds: float, worth: float | None = None) -> None:
        """What came of asking ``name``; ``worth``: of its update, where that was measured."""
        self._known[name] = float(min(max(records, 0), _FAR)), float(min(max(loss, 0.0), _FAR)), seconds
        if worth is not None:
            before = self._worth.get(name, worth)
            self._worth[name] = (before + worth) / 2

    def missed(self, name: str, seconds: float) -> None:
        """It gave nothing that can be used within ``seconds``."""
        records, loss, _ = self._known.get(name, (1.0, 0.0, 0.0))
        self._known[name] = records, loss, 2 * seconds
        if name in self._worth:
            self._worth[name] = self._worth[name] / 2

    def choose(self, names: Sequence[str], many: int, number: int, rng: np.random.Generator) -> list[str]:
        """``many`` of ``names`` for round ``number``, in the order of names."""
        many = min(many, len(names))
        part = self._explore * max(0.2, 0.98**number)
        fresh = [name for name in names if name not in self._known]
        rated = [name for name in names if name in self._known]
        utility = self._utilities(rated)
        useful = [name for name in rated if utility[name] > 0]
        seats = min(len(useful), many - min(many, round(part * many)))
        chance = np.array([utility[name] for name in useful])
        best = rng.choice(np.array(useful), seats, replace=False, p=chance / chance.sum()).tolist() if seats else []
        pool = fresh if len(fresh) >= many - len(best) else [name for name in names if name not in best]
        tried = self._drawn(pool, many - len(best), rng) if many > len(best) else []
        return sorted({*best, *tried})

    def _drawn(self, pool: Sequence[str], many: int, rng: np.random.Generator) -> list[str]:
        """To try: half by what those of ``pool`` applied with, half any of them."""
        told = [name for name in pool if name in self._applied and name not in self._known]
        told = told if self._told(told, self._applied).any() else []
        chance = np.full(len(pool), 1.0 / len(pool))
        if told:
            offered = dict(zip(told, self._told(told, self._applied) * self._prompt(told, self._applied), strict=True))
            usual = float(np.median([*offered.values()])) or max(offered.values())
            by_offer = np.array([offered.get(name, usual) for name in pool])
            chance = (chance + by_offer / by_offer.sum()) / 2
        drawn: list[str] = rng.choice(np.array(pool), many, replace=False, p=chance).tolist()
        return drawn

    def _utilities(self, names: Sequence[str]) -> dict[str, float]:
        """By name, none above twice the median of those that have one."""
        if not names:
            return {}
        told = self._told(names, self._known)
        if any(name in self._worth for name in names):
            usual = float(np.median([self._worth[name] for name in names if name in self._worth]))
            told = _capped(np.array([max(self._worth.get(name, usual), 0.0) for name in names]))
        return dict(zip(names, (told * self._prompt(names, self._known)).tolist(), strict=True))

    def _told(self, names: Sequence[str], by: Mapping[str, tuple[float, float, float]]) -> NDArray[np.float64]:
        """Records x loss, ``(names,)``."""
        if not names:
            return np.zeros(0)
        records, losses, _ = np.array([by[name] for name in names]).T
        return _capped(_capped(records) * _capped(losses))

    def _prompt(self, names: Sequence[str], by: Mapping[str, tuple[float, float, float]]) -> NDArray[np.float64]:
        """1 where the time is no longer than the median, less where it is, ``(names,)``."""
        seconds = np.array([by[name][2] for name in names])
        preferred = float(np.median(seconds))
        return np.array([(preferred / s) ** self._alpha if s > preferred > 0 else 1.0 for s in seconds])


def _capped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    above = values[values > 0]
    return np.minimum(values, 2 * float(np.median(above)) if len(above) else 0.0)
