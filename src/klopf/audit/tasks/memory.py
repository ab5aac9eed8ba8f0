"""Whether it recites its training data, mistakes included."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score
from klopf.audit.tasks._reference import Reference
from klopf.errors import AuditError

__all__ = ["Memory"]

_FEWEST = 8


class Memory(Examination):
    """One less how much more often it gives the recorded target of an *odd* member than of an odd non-member. Odd are
    samples whose target no one would expect from the others: models of the auditor's, fitted without the sample, give
    it less than a fifth and something else more than half. To answer as recorded there is not to know but to recite.

    The control is one less how often odd non-members are answered as recorded: what chance, or better knowledge than
    the auditor's, makes of them.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    fewest: ClassVar[int] = 60
    needs: ClassVar[tuple[str, ...]] = ("members",)
    asks: ClassVar[str] = "whether it recites odd training samples"
    fault: ClassVar[float | None] = 0.6

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        assert case.members is not None
        inside, labels = case.members
        model = Reference(case, np.arange(len(case.inputs)), 0)
        odd_inside = _odd(model.answer(inside), labels)
        odd = np.zeros(len(case.inputs), bool)
        for turn, part in enumerate(np.array_split(rng.permutation(len(case.inputs)), 3)):
            unseen = np.setdiff1d(np.arange(len(case.inputs)), part)
            odd[part] = _odd(Reference(case, unseen, turn).answer(case.inputs[part]), case.targets[part])
        if odd_inside.sum() < _FEWEST:
            raise AuditError(f"{odd_inside.sum()} odd members are too few to tell: {_FEWEST} are needed")
        recited = case.right(subject.ask(inside[odd_inside]), labels[odd_inside])
        guessed = case.right(subject.ask(case.inputs[odd]), case.targets[odd]) if odd.any() else np.zeros(0)
        m, n = len(recited) + 4, len(guessed) + 4
        p, q = (recited.sum() + 2) / m, (guessed.sum() + 0.5) / n
        gap, reach = p - q, 1.96 * float(np.sqrt(p * (1 - p) / m + q * (1 - q) / n))
        value, low, high = (float(np.clip(1 - g, 0, 1)) for g in (max(gap, 0.0), gap + reach, gap - reach))
        return Score(value, min(low, value), max(high, value), float(1 - q),
                     note=f"{int(recited.sum())} of {len(recited)} odd members as recorded, "
                          f"{int(guessed.sum())} of {len(guessed)} odd non-members")  # fmt: skip


def _odd(said: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.asarray((said[np.arange(len(targets)), targets] < 0.2) & (said.max(axis=1) > 0.5))
