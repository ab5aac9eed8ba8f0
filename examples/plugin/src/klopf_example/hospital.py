"""A hospital in the twin's world: it needs power and water, and its own generator bridges some hours."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from klopf.twin import Good, Now, Sector


class Hospital(Sector):
    """Fifty kilowatts at the end of the last feeder; diesel for twelve hours."""

    needs = ("power", "water")
    sums = ("dark",)
    final = True

    def begin(self) -> None:
        self.bus = self.plan.buses - 1
        self.state = {"diesel": np.full(1, 12.0), "dark": np.zeros(1), "why": np.full(1, -1)}

    def ask(self, now: Now, goods: Mapping[str, Good], act: NDArray[np.float64]) -> None:
        goods["power"].asked[self.bus] += 50.0
        goods["water"].asked[0] += 0.3

    def settle(self, now: Now, goods: Mapping[str, Good]) -> None:
        power = goods["power"]
        if power.share[self.bus] >= 1.0:
            self.state["why"][0] = -1
        elif self.state["diesel"][0] > 0:
            self.state["diesel"] -= now.hours
        else:
            self.state["dark"] += now.hours
            if self.state["why"][0] < 0:
                self.state["why"][0] = self.note(now, "the hospital is dark", int(power.cause[self.bus]))

    def breaches(self) -> dict[str, float]:
        return {"hours of the hospital in the dark": float(self.state["dark"][0])}
