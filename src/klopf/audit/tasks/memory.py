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
    """One less how often it gives the recorded target of an *odd* member, beyond what is to be expected of somebody who
    never saw it. Odd are samples whose target no one would expect from the others: for classes, models of the
    auditor's, fitted without the sample, give it less than a fifth and something else more than half; for numbers,
    they are off by more than a spread. To answer as recorded (for numbers, within a fifth of a spread) there is not to
    know but to recite.

    What is to be expected is how many of *all* held-out samples are odd and answered as recorded, in proportion: by
    chance, or because it knows better than the auditor's models. (A comparison with odd held-out samples alone has a
    dozen of them where members have hundreds, and cannot tell.) The control is one less that part of the odd members.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    fewest: ClassVar[int] = 60
    needs: ClassVar[tuple[str, ...]] = ("members",)
    asks: ClassVar[str] = "whether it recites odd training samples"
    fault: ClassVar[float | None] = 0.6

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        assert case.members is not None
        inside, labels = case.members
        n = len(case.inputs)
        odd_inside = _odd(case, Reference(case, np.arange(n), 0).answer(inside), labels)
        odd = np.zeros(n, bool)
        for turn, part in enumerate(np.array_split(rng.permutation(n), 3)):
            unseen = np.setdiff1d(np.arange(n), part)
            said = Reference(case, unseen, turn).answer(case.inputs[part])
            odd[part] = _odd(case, said, case.targets[part])
        if odd_inside.sum() < _FEWEST:
            raise AuditError(f"{odd_inside.sum()} odd members are too few to tell: {_FEWEST} are needed")
        recited = _as_recorded(case, subject.ask(inside[odd_inside]), labels[odd_inside])
        guessed = _as_recorded(case, subject.ask(case.inputs[odd]), case.targets[odd]) if odd.any() else np.zeros(0)
        m = len(recited) + 4
        p, share = (float(recited.sum()) + 2) / m, len(inside) / n / len(recited)
        q = min(1.0, float(guessed.sum()) * share)
        gap, reach = p - q, 1.96 * float(np.sqrt(p * (1 - p) / m + (guessed.sum() + 1) * share**2))
        value, low, high = (float(np.clip(1 - g, 0, 1)) for g in (max(gap, 0.0), gap + reach, gap - reach))
        return Score(value, min(low, value), max(high, value), float(1 - q),
                     note=f"{int(recited.sum())} of {len(recited)} odd members as recorded, "
                          f"{q * len(recited):.1f} to be expected")  # fmt: skip


def _odd(case: Case, said: np.ndarray, targets: np.ndarray) -> np.ndarray:
    if case.task.kind == "numbers":
        return np.asarray(_off(case, said, targets) > 1)
    return np.asarray((said[np.arange(len(targets)), targets] < 0.2) & (said.max(axis=1) > 0.5))


def _as_recorded(case: Case, said: np.ndarray, targets: np.ndarray) -> np.ndarray:
    if case.task.kind == "numbers":
        return np.asarray(_off(case, said, targets) < 0.2, np.float64)
    return case.right(said, targets)


def _off(case: Case, said: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """By how many spreads of the targets, on average over outputs."""
    return np.asarray((np.abs(said - targets) / np.maximum(case.targets.std(axis=0), 1e-12)).mean(axis=1))
