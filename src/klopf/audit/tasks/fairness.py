"""Whether it is as good for one group as for another."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import CONFIDENCE, Examination, Score
from klopf.errors import AuditError

__all__ = ["Fairness"]

_FEWEST, _DRAWN = 20, 200


class Fairness(Examination):
    """One less the greatest gap between declared groups, of how often it is right and, where there are two classes,
    also of its rates of true and of false positives (equalised odds: Hardt, Price and Srebro, NeurIPS 2016); for
    numbers, of how near it comes and of how far it is off on average, in spreads of the targets. Groups with under 20
    samples are left out.

    The largest of several gaps is above zero by chance: what it is on average where groups are dealt anew is taken off.
    The control is that figure for one such deal: groups that mean nothing.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    fewest: ClassVar[int] = 2 * _FEWEST
    needs: ClassVar[tuple[str, ...]] = ("groups",)
    asks: ClassVar[str] = "whether it is as good for one declared group as for another"
    fault: ClassVar[float | None] = 0.85

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        answers = subject.ask(case.inputs)
        right, said = case.right(answers, case.targets), self.task.decide(answers)
        found: list[tuple[float, str]] = []
        scores: dict[str, Score] = {}
        for name, labels in case.groups.items():
            kinds, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
            kept = np.isin(codes, np.flatnonzero(counts >= _FEWEST))
            if len(np.unique(codes[kept])) < 2:
                continue
            rows = np.flatnonzero(kept)
            rates = _rates(right, said, case, rows)
            chance = np.array([_gap(rates, rng.permutation(codes[rows])) for _ in range(_DRAWN)])
            gap = max(0.0, _gap(rates, codes[rows]) - float(chance.mean()))
            again = [rng.integers(0, len(rows), len(rows)) for _ in range(_DRAWN)]
            spread = float(np.std([_gap(rates[:, i], codes[rows][i]) for i in again]))
            reach = -float(_quantile()) * spread
            value = 1 - min(1.0, gap)
            control = 1 - max(0.0, float(chance[0] - chance.mean()))
            worst = kinds[min(np.unique(codes[rows]), key=lambda c: float(right[rows][codes[rows] == c].mean()))]
            scores[name] = Score(
                value, max(0.0, value - reach), min(1.0, value + reach), control,
                note=f"by {name}: worst for {worst}, {len(np.unique(codes[rows]))} groups",
            )  # fmt: skip
            found.append((value, name))
        if not found:
            raise AuditError(f"no two groups have {_FEWEST} held-out samples each: give more samples, or wider groups")
        return scores[min(found)[1]]


def _quantile() -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 - CONFIDENCE) / 2))


def _rates(right: NDArray[np.float64], said: NDArray[Any], case: Case, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """What is compared, a row each, NaN where a sample has no part in it, ``(1 to 3, n)``."""
    if case.task.kind == "numbers":
        off = (np.asarray(said, np.float64) - case.targets) / np.maximum(case.targets.std(axis=0), 1e-12)
        return np.stack([right[rows], np.clip(off.mean(axis=1), -2, 2)[rows]])
    if len(case.task.names) != 2:
        return right[None, rows]
    positive, truth = (said == 1).astype(np.float64)[rows], case.targets[rows]
    return np.stack([right[rows], np.where(truth == 1, positive, np.nan), np.where(truth == 0, positive, np.nan)])


def _gap(rates: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    """The greatest difference between any two groups in any of ``rates``."""
    worst = 0.0
    for row in rates:
        known = ~np.isnan(row)
        count = np.bincount(codes[known])
        mean = np.bincount(codes[known], row[known])[count >= 10] / count[count >= 10]
        worst = max(worst, float(mean.max() - mean.min())) if len(mean) else worst
    return worst
