"""What a run was worth, to all and to each: welfare, who gains and who loses, and what would make it good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import TwinError
from klopf.twin._world import World

__all__ = ["Outcome", "compensation", "gini", "outcome", "pareto", "welfare"]

_Array = NDArray[np.float64]


def gini(values: ArrayLike) -> float:
    """Gini's coefficient of what each has, (n,): 0 where all have alike, near 1 where one has all. Below 0 counts as 0.

    Source: the mean absolute difference of two, by half the mean (Gini 1912); the ordered sum.

    >>> gini([1.0, 1.0, 1.0]), gini([0.0, 0.0, 0.0, 1.0])
    (0.0, 0.75)
    """
    x = np.sort(np.maximum(np.asarray(values, np.float64), 0.0))
    total = float(x.sum())
    if not len(x) or total <= 0.0:
        return 0.0
    n = len(x)
    return float(((2.0 * np.arange(1, n + 1) - n - 1.0) * x).sum() / (n * total))


def welfare(values: ArrayLike, equality: float = 1.0) -> float:
    """``mean * (equality * (1 - gini) + 1 - equality)`` of what each has, (n,); ``equality`` in [0, 1] is what a
    community votes: 0 asks for the mean alone, 1 for (1 - Gini) times the mean.

    Source: equality times productivity with a weight, Zheng et al., *Science Advances* 8 (2022).

    Raises:
        TwinError: a weight beyond [0, 1], or nobody.

    >>> welfare([1.0, 3.0]), welfare([1.0, 3.0], equality=0.0)
    (1.5, 2.0)
    """
    x = np.asarray(values, np.float64)
    if not 0.0 <= equality <= 1.0 or x.ndim != 1 or not len(x):
        raise TwinError("welfare is of somebody's values, with a weight of equality from 0 to 1")
    return float(x.mean() * (equality * (1.0 - gini(x)) + 1.0 - equality))


def compensation(before: ArrayLike, after: ArrayLike) -> tuple[_Array, float]:
    """What each would get (below 0: pay), (n,), so that nobody is worse off than before, and what is lacking for it.

    Losers get what they lost, winners pay it in proportion to their gain; where all gains are less than all losses, all
    of them are paid out, in proportion to the losses, and the rest is lacking.

    >>> transfers, lacking = compensation([1.0, 1.0, 1.0], [4.0, 2.0, 0.0])
    >>> transfers.tolist(), lacking
    ([-0.75, -0.25, 1.0], 0.0)
    """
    change = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    gain, loss = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    moved = min(float(gain.sum()), float(loss.sum()))
    paid = gain * (moved / gain.sum()) if gain.sum() > 0 else np.zeros_like(gain)
    got = loss * (moved / loss.sum()) if loss.sum() > 0 else np.zeros_like(loss)
    return got - paid, float(loss.sum() - moved)


def pareto(costs: ArrayLike) -> NDArray[np.bool_]:
    """Which rows of (points, aims), all to be small, no other row beats in one aim without being worse in another.

    >>> pareto([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0]]).tolist()
    [True, True, False]
    """
    x = np.asarray(costs, np.float64)
    worse = np.all(x[:, None, :] >= x[None, :, :], axis=-1) & np.any(x[:, None, :] > x[None, :, :], axis=-1)
    return np.asarray(~np.any(worse, axis=1))


@dataclass(frozen=True)
class Outcome:
    """What came of a run; sums over its households and hours."""

    policy: str
    seed: int
    cost: float
    """The households' bills, money."""
    carbon: float
    """Of what they drew, kg."""
    comfort: float
    """Share of the best that homes could be: warm, lit, with water."""
    cold: float
    """Kelvin hours too cold, a household."""
    outages: float
    """Customer hours without grid."""
    dark: float
    """Customer hours in which something lacked: less than ``outages`` where sun and batteries served."""
    stood: float
    """Hours of shifts in which the factory could not work."""
    dry: float
    """Hours without enough water."""
    welfare: float
    """(1 - Gini) x mean of what each household has."""
    least: float
    """What the worst off has; and the tenth, half and nine tenths."""
    tenth: float
    half: float
    nine_tenths: float
    breaches: float
    """All that was broken of the constraints, in their own units."""
    has: tuple[float, ...]
    """What each household has: income and comfort, less its bill."""


def outcome(world: World, policy: str = "", equality: float = 1.0) -> Outcome:
    """What came of ``world`` so far."""
    n, hours = world.plan.households, max(world.step, 1) * world.plan.hours
    sums = world.sums()

    def of(sector: str, what: str) -> _Array:
        return sums.get(sector, {}).get(what, np.zeros(1))

    bill, comfort = of("households", "cost"), of("people", "comfort")
    has = np.broadcast_to(of("people", "income") + comfort - bill, n)
    least, tenth, half, most = (float(q) for q in np.quantile(has, (0.0, 0.1, 0.5, 0.9)))
    return Outcome(
        policy or (world.lived[-1][0] if world.lived else "rules"), world.seed, float(bill.sum()),
        float(of("households", "carbon").sum()), float(comfort.sum()) / (n * hours),
        float(of("households", "cold").sum()) / n, float(of("power", "outages").sum()),
        float(of("households", "dark").sum()), float(of("factory", "stood").sum()), float(of("water", "dry").sum()),
        welfare(has, equality), least, tenth, half, most, sum(world.breaches().values()), tuple(has.tolist()),
    )  # fmt: skip
