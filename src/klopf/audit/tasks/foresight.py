"""How much further ahead a neuron of time series sees than who says that all stays as it was."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import CONFIDENCE, Examination, Score

__all__ = ["Foresight"]

_DRAWN = 400


class Foresight(Examination):
    """One less its mean squared error, as a part of that of the best naive forecast: what one column says as it is
    (the last value, or that of a day ago, where the columns are the past), or the mean (the skill score of Murphy,
    Monthly Weather Review 116, 1988). To explain variance is no merit where all stays as it was.

    Squares, since neurons of numbers say means: of a load that is low but for bursts the mean misses by more on
    average, in absolute terms, than who says that all stays low, and is right to be asked all the same.

    Held-out samples are in the order of time, and errors of one hour are like those of the next: the interval is a
    bootstrap of whole stretches of samples (Künsch, Annals of Statistics 17, 1989), as long as the root of their
    number.
    Which naive forecast is best is found out on the same samples, which helps it. It is the control: 0. At fault is who
    is less than a tenth better. Whose interval only reaches that far is not: that of a sound forecast does, in a month
    that is like no other.
    """

    kinds: ClassVar[tuple[str, ...]] = ("numbers",)
    fewest: ClassVar[int] = 60
    needs: ClassVar[tuple[str, ...]] = ("series",)
    side: ClassVar[Literal["quality", "safety"]] = "quality"
    asks: ClassVar[str] = "how much better it foresees than who says that all stays as it was"
    fault: ClassVar[float | None] = 0.1

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        targets, spread = case.targets.astype(np.float64), np.maximum(case.targets.std(axis=0), 1e-12)
        own = (((subject.ask(case.inputs) - targets) / spread) ** 2).mean(axis=1)
        naive, name = self._naive(case, targets, spread)
        if naive.mean() == 0:
            return Score(0.0, 0.0, 1.0, 0.0, note=f"{name} foresees everything: there is nothing to add")
        drawn = _stretches(len(own), rng)
        tried = 1 - own[drawn].mean(axis=1) / np.maximum(naive[drawn].mean(axis=1), 1e-12)
        low, high = np.quantile(tried, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        value, low, high = (float(np.clip(x, 0, 1)) for x in (1 - own.mean() / naive.mean(), low, high))
        return Score(value, min(low, value), max(high, value), 0.0, note=f"the best naive forecast is {name}")

    def _naive(
        self, case: Case, targets: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], str]:
        """The errors of the best one, ``(n,)``, and what it is called."""
        best = (((targets - targets.mean(axis=0)) / spread) ** 2).mean(axis=1)
        name = "the mean"
        for column, called in zip(case.inputs.T, self.task.features, strict=True):
            missed = (((column[:, None] - targets) / spread) ** 2).mean(axis=1)
            if missed.mean() < best.mean():
                best, name = missed, called
        return best, name


def _stretches(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Samples in stretches that begin anywhere, ``(_DRAWN, n)``; what runs over the end goes on at the beginning."""
    long = max(1, round(n**0.5))
    begin = rng.integers(0, n, (_DRAWN, -(-n // long), 1))
    return np.asarray(((begin + np.arange(long)) % n).reshape(_DRAWN, -1)[:, :n])
