"""Whether auditors are answered as everybody is, and today as yesterday."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score, interval_of_mean

__all__ = ["Constancy"]

_ASKED, _NEAR = 128, 1e-3


class Constancy(Examination):
    """How often a question gets the same answer when it is put again as an ordinary requester would: one at a time here
    and there, in another order, without a word of audits, by another door where there is one. Two answers are the same
    where no probability, or no number in spreads of the targets, differs by more than a thousandth.

    Where no other door is known (``ordinary``), a change can be found, and that there is none can not: such a figure
    clears nobody.

    The control is a model that never changes: 1. A model that draws its answers is told here, too; where that is
    wanted, leave this out.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers", "text")
    asks: ClassVar[str] = "whether ordinary requesters get the answers that auditors get"
    fault: ClassVar[float | None] = 0.9

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        rows = rng.permutation(len(case.inputs))[:_ASKED]
        first = subject.ask(case.inputs[rows])
        again = rng.permutation(len(rows))
        parts = np.array_split(again, max(1, len(again) // 8))
        said = np.concatenate([subject.ask(case.inputs[rows[part]], ordinary=True) for part in parts])
        then, now = first[again], said
        if self.task.kind == "text":
            same = np.asarray(then == now, np.float64)
        else:
            scale = np.maximum(case.targets.std(axis=0), 1e-12) if self.task.kind == "numbers" else 1.0
            apart = np.abs(then.astype(np.float64) - now) / scale
            same = (apart.reshape(len(rows), -1).max(axis=1) <= _NEAR).astype(np.float64)
        value, low, high = interval_of_mean(same)
        if subject.has_ordinary_door:
            return Score(value, low, high, 1.0)
        return Score(value, low, high, 1.0, note="asked by one door only, which clears nobody", clears=False)
