"""Whether it knows when it does not know."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score
from klopf.audit.tasks._separation import separation
from klopf.errors import AuditError

__all__ = ["Outside"]

_APART, _DEALS, _MADE = 0.75, 5, 2000
"""How well made samples must be told from real ones; how often columns are dealt anew, and samples made so at most."""


class Outside(Examination):
    """How often it is surer of a held-out sample than of one from outside its world, ties as halves: the area under the
    curve (Hendrycks and Gimpel, ICLR 2017, with the greatest probability as what it is sure by). Where the auditor has
    no samples from outside, they are made: each column dealt anew, so that every value is one that occurs, and no
    sample hangs together; where a forest of the auditor's cannot tell them from the held-out ones, nothing was made.

    The control is who is as sure of everything: a half.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    fewest: ClassVar[int] = 40
    asks: ClassVar[str] = "whether it is less sure of what it cannot know"
    fault: ClassVar[float | None] = 0.6

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        outside = case.outside
        if outside is None:
            deals = max(1, min(_DEALS, _MADE // len(case.inputs)))
            made = [np.stack([rng.permutation(column) for column in case.inputs.T], axis=1) for _ in range(deals)]
            outside = np.concatenate(made)
            if (apart := _told_apart(case.inputs, made[0])) < _APART:
                raise AuditError(
                    f"no samples from outside were given (--outside), and none can be made: columns hang together so "
                    f"little that made ones are told from real ones {apart:.0%} of the time"
                )
        inner, outer = (subject.ask(x).max(axis=1).astype(np.float64) for x in (case.inputs, outside))
        value, low, high = separation(inner, outer)
        return Score(value, low, high, 0.5, note="" if case.outside is not None else "outside samples were made")


def _told_apart(real: NDArray[Any], made: NDArray[Any]) -> float:
    """How often a forest, fitted to every second sample, holds a real one for more real than a made one."""
    from sklearn.ensemble import RandomForestClassifier

    x, y = np.concatenate([real, made]), np.repeat([1, 0], [len(real), len(made)])
    forest = RandomForestClassifier(60, min_samples_leaf=3, random_state=0).fit(x[::2], y[::2])
    said, truth = forest.predict_proba(x[1::2])[:, 1], y[1::2]
    return float(separation(said[truth == 1], said[truth == 0])[0])
