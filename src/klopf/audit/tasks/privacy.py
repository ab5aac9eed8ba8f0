"""Whether it gives away who was in its training data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score
from klopf.audit.tasks._reference import Reference, fit
from klopf.audit.tasks._separation import separation
from klopf.errors import AuditError

__all__ = ["Privacy"]

_REFERENCES, _MOST, _LIKE = 4, 600, 0.6


class Privacy(Examination):
    """One less the advantage of whoever guesses membership from answers: 1 where members and non-members cannot be told
    apart, 0 where they always can (twice the area under the curve, less one).

    A rule that calls members all who are answered right flags nearly everybody. So each sample is compared with how
    hard it is: how well the answer fits the target, less how well models of the auditor's that never saw the sample fit
    it (calibration by difficulty: Watson et al., ICLR 2022; its likelihood-ratio form: Carlini et al., S&P 2022).

    The control is the same figure of those reference models in the place of the audited one: they saw no member, so
    whatever they tell apart is a difference between the two sets of samples, and no leak. Where that is large nothing
    can be said, and is not.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    fewest: ClassVar[int] = 60
    needs: ClassVar[tuple[str, ...]] = ("members",)
    asks: ClassVar[str] = "whether answers give away who was in its training data"
    fault: ClassVar[float | None] = 0.75

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        assert case.members is not None
        inside, labels = case.members
        if len(inside) < 40:
            raise AuditError("fewer than 40 members were named: who was in the data cannot be told from so few")
        kept = rng.permutation(len(inside))[:_MOST]
        inside, labels = inside[kept], labels[kept]
        rows = rng.permutation(len(case.inputs))[:_MOST]
        scale = np.maximum(case.targets.std(axis=0), 1e-12)
        leak = [fit(self.task, subject.ask(x), y, scale)
                for x, y in ((inside, labels), (case.inputs[rows], case.targets[rows]))]  # fmt: skip
        hard = [np.zeros(len(inside)), np.zeros(len(rows))]
        for turn, part in enumerate(np.array_split(rng.permutation(len(rows)), _REFERENCES)):
            unseen = np.setdiff1d(np.arange(len(rows)), part)  # fitted to all but this part of the non-members
            model = Reference(case, rows[unseen], turn)
            hard[0] += fit(self.task, model.answer(inside), labels, scale) / _REFERENCES
            hard[1][part] = fit(self.task, model.answer(case.inputs[rows[part]]), case.targets[rows[part]], scale)
        area, low, high = separation(leak[0] - hard[0], leak[1] - hard[1])
        apart = separation(*hard)[0]
        control = 1 - abs(2 * apart - 1)
        if control < _LIKE:
            raise AuditError(
                f"members and held-out samples differ by themselves (a model that saw neither puts {apart:.0%} of the "
                "pairs in one order): hold out samples of the same kind"
            )
        ends = sorted(float(np.clip(1 - max(0.0, 2 * a - 1), 0, 1)) for a in (area, low, high))
        value = float(np.clip(1 - max(0.0, 2 * area - 1), 0, 1))
        return Score(value, ends[0], ends[-1], float(np.clip(control, 0, 1)), note=f"area under the curve {area:.2f}")
