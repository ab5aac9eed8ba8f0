"""People: what they earn, and how well they live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.twin._flows import Good
from klopf.twin._kernels import drawn
from klopf.twin._sector import Now, Sector
from klopf.twin.sectors.factory import Factory

__all__ = ["People"]

_WAGE, _FIXED, _AT_WORK = 12.0, 1.6, 0.35
_FULL = 1.0
"""What an hour of a home that is warm and lit, with water, is worth in money."""


class People(Sector):
    """One to a household. About a third are paid by the factory's hour, and not where it stands still; the others have
    a fixed income. An hour at home is worth most where it is warm and lit and has water."""

    needs: ClassVar[tuple[str, ...]] = ("home", "water", "work")
    sums: ClassVar[tuple[str, ...]] = ("income", "comfort", "lost")
    final: ClassVar[bool] = True

    def begin(self) -> None:
        n = self.plan.households
        self.works = np.array([drawn(self.seed, 20, i, 0) < _AT_WORK for i in range(n)])
        self.fixed = _FIXED * np.array([0.6 + 0.8 * drawn(self.seed, 21, i, 0) for i in range(n)])
        self.state = {
            "income": np.zeros(n),
            "comfort": np.zeros(n),
            "lost": np.zeros(n),  # of wages and comfort, to what failed
            "idle": np.full(1, -1, np.int64),
        }

    def ask(self, now: Now, goods: Mapping[str, Good], act: NDArray[np.float64]) -> None:
        pass

    def settle(self, now: Now, goods: Mapping[str, Good]) -> None:
        s = self.state
        work = goods["work"].share[0] if Factory.shift(now.clock) else 1.0
        paid = _WAGE * 0.5 * now.hours if Factory.shift(now.clock) else 0.0
        wage = np.where(self.works, paid * work, self.fixed * now.hours)
        full = _FULL * now.hours
        comfort = full * goods["home"].share * (0.6 + 0.4 * goods["water"].share[0])
        s["income"] += wage
        s["comfort"] += comfort
        s["lost"] += np.where(self.works, paid * (1.0 - work), 0.0) + full - comfort
        if work < 1.0 and s["idle"][0] < 0:
            s["idle"][0] = self.note(now, f"{int(self.works.sum())} people have no work", int(goods["work"].cause[0]))
        elif work >= 1.0 and Factory.shift(now.clock) and s["idle"][0] >= 0:
            self.note(now, "people work again", int(s["idle"][0]))
            s["idle"][0] = -1
