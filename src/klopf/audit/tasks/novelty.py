"""What it adds to those who are heard already."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score

__all__ = ["Novelty"]

_SHARE = 0.5


class Novelty(Examination):
    """By how much the loss of a combination of all who are heard already falls when this one is heard, too: 0 for who
    adds nothing, 1 for who leaves no loss. Combinations are linear in the logarithms of probabilities, or in numbers,
    and fitted to one half of the held-out samples; losses are of the other half.

    The control is a copy of the first of the others.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    fewest: ClassVar[int] = 80
    needs: ClassVar[tuple[str, ...]] = ("others",)
    side: ClassVar[Literal["quality", "safety"]] = "quality"
    asks: ClassVar[str] = "what it adds to those who are heard already"

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        rows = rng.permutation(len(case.inputs))
        fitted, judged = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        others = [np.asarray(said, np.float64).reshape(len(rows), -1) for said in case.others.values()]
        own = np.asarray(subject.ask(case.inputs), np.float64).reshape(len(rows), -1)
        without = self._losses(case, others, fitted, judged)
        value, low, high = _saved(without, self._losses(case, [*others, own], fitted, judged))
        copied = _saved(without, self._losses(case, [*others, others[0]], fitted, judged))[0]
        return Score(value, low, high, copied)

    def _losses(self, case: Case, said: list[np.ndarray], fitted: np.ndarray, judged: np.ndarray) -> np.ndarray:
        from sklearn.linear_model import LogisticRegression, Ridge

        if self.task.kind == "numbers":
            x = np.concatenate(said, axis=1)
            model = Ridge(1.0).fit(x[fitted], case.targets[fitted])
            missed = model.predict(x[judged]).reshape(case.targets[judged].shape) - case.targets[judged]
            return np.asarray((missed**2).mean(axis=1))
        x = np.concatenate([np.log(np.clip(one, 1e-4, 1)) for one in said], axis=1)
        model = LogisticRegression(C=0.1, max_iter=300).fit(x[fitted], case.targets[fitted])
        p = np.full((len(judged), len(self.task.names)), 1e-6)
        p[:, model.classes_] += model.predict_proba(x[judged])
        return np.asarray(-np.log(p[np.arange(len(judged)), case.targets[judged]]))


def _saved(without: np.ndarray, with_: np.ndarray) -> tuple[float, float, float]:
    """The part of a loss that is saved, with the interval of a ratio by the delta method."""
    base = max(float(without.mean()), 1e-12)
    value = float((without - with_).mean()) / base
    influence = ((without - with_) - value * without) / base
    reach = 1.96 * float(influence.std(ddof=1)) / np.sqrt(len(without))
    value, low, high = (float(np.clip(v, 0, 1)) for v in (value, value - reach, value + reach))
    return value, low, high
