"""Models of the auditor's own, fitted to samples that the model under audit never saw: what anybody could know of them.

They say how hard a sample is, and how an innocent model takes a trick: without them a hard sample looks like a secret,
and what tricks everybody looks like a fault.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.peers import Classes

__all__ = ["Reference", "fit"]


class Reference:
    """The average of a linear model and a forest, fitted to samples.

    Args:
        case: whose task it is, and whose spread scales the columns.
        rows: which of the held-out samples it is fitted to.
        many: for classes, more kinds of model beside these two: linear ones held back more and less, and naive
            Bayes.
    """

    def __init__(self, case: Case, rows: NDArray[np.int64], seed: int, *, many: bool = False) -> None:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.naive_bayes import GaussianNB

        self._task, self._spread = case.task, case.spread
        x, y = case.inputs[rows] / self._spread, case.targets[rows]
        self._middle = x.mean(axis=0)
        x = x - self._middle
        if isinstance(case.task, Classes):
            self._classes = np.unique(y)
            if len(self._classes) == 1:
                self._parts: list[Any] = []
                return
            models = [
                LogisticRegression(max_iter=300),
                RandomForestClassifier(60, min_samples_leaf=2, random_state=seed),
            ]
            if many:
                models += [LogisticRegression(C=c, max_iter=300) for c in (0.01, 0.1, 10)]
                models.append(GaussianNB(var_smoothing=1e-3))
        else:
            y = y[:, 0] if y.shape[1] == 1 else y
            models = [Ridge(1.0), RandomForestRegressor(60, min_samples_leaf=2, random_state=seed)]
        self._parts = [model.fit(x, y) for model in models]

    def parts(self) -> list[Callable[[NDArray[Any]], NDArray[np.float64]]]:
        """Each of its models by itself: inputs to probabilities ``(n, classes)``."""

        def one(part: Any) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
            return lambda inputs: self._placed(part.predict_proba(inputs / self._spread - self._middle))

        return [one(part) for part in self._parts] or [lambda inputs: self._placed(np.ones((len(inputs), 1)))]

    def answer(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """The average of what they say: probabilities ``(n, classes)``, or numbers ``(n, outputs)``."""
        if isinstance(self._task, Classes):
            return np.asarray(np.mean([part(inputs) for part in self.parts()], axis=0))
        x = inputs / self._spread - self._middle
        said = [np.asarray(part.predict(x), np.float64).reshape(len(x), -1) for part in self._parts]
        return np.asarray(np.mean(said, axis=0))

    def _placed(self, said: NDArray[Any]) -> NDArray[np.float64]:
        found = np.full((len(said), len(self._task.names)), 1e-3)
        found[:, self._classes] += said
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def fit(task: Any, answers: NDArray[Any], targets: NDArray[Any], scale: Any) -> NDArray[np.float64]:
    """How well answers fit the targets, as the logarithm of odds or of a density up to a constant, ``(n,)``. ``scale``
    is the spread of the targets."""
    if isinstance(task, Classes):
        p = np.clip(np.asarray(answers, np.float64)[np.arange(len(targets)), targets], 1e-6, 1 - 1e-6)
        return np.asarray(np.log(p / (1 - p)))
    return np.asarray(-(np.abs(np.asarray(answers, np.float64) - targets) / scale).mean(axis=1))
