"""What an audit asks and how it scores the answers: one task, one dimension."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import CONFIDENCE, Examination, Score
from klopf.errors import AuditError, PeersError

__all__ = ["CONFIDENCE", "AuditTask", "Score"]


class AuditTask(Examination):
    """One dimension of an audit: it turns held-out samples into questions, and the answers into a :class:`Score`.

    To add one, write a subclass, in a file of its own::

        from klopf.audit import AuditTask, Score

        class Calibration(AuditTask):
            kinds = ("classes",)                         # the kinds of task that it can judge
            fewest = 20                                  # questions, without which it says nothing
            mark = None                                  # what must be reached; None: it is recorded only

            def judge(self, answers, targets): ...       # valid answers, one to each question -> Score

    and give it a name of at most 26 letters of ASCII: in this package a line in ``AUDIT_TASKS`` (``tasks/_found.py``),
    elsewhere an entry point in your package's ``pyproject.toml``::

        [project.entry-points."klopf.audit_tasks"]
        calibration = "my_package.calibration:Calibration"

    ``klopf.checks.check_audit_task`` tells whether it keeps its promises; a network file then says
    ``[audit] tasks = ["accuracy", "robustness", "calibration"]``.

    ``self.task`` is what the network is for; it knows what an answer amounts to (``task.decide``) and what somebody
    says who knows nothing (``task.know_nothing``). Two auditors with the same answers must come to the same score:
    whatever is random is drawn from the generator that ``questions`` is given, or from a fixed seed. ``judge`` is given
    neither the questions nor that generator: a task that asks in another order, or asks something twice, uses an order
    that follows from the number of samples alone. An :class:`~klopf.audit.AuditError` of one line says what cannot be
    scored.
    """

    mark: ClassVar[float | None] = None
    """What the auditors' median must reach where a network file says nothing; None: it is recorded, and decides about
    no neuron."""

    def questions(self, inputs: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """The questions made of held-out ``inputs``, one of each: as they are, where this is not overridden."""
        return inputs

    @abstractmethod
    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        """Score ``answers``, which are valid, to the questions made of the samples with ``targets``."""

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        """Each question once. Inputs are scaled by their spread for :meth:`questions`, which expects that of them."""
        spread = case.spread if case.inputs.dtype.kind == "f" else None
        asked = case.inputs if spread is None else self.questions(case.inputs / spread, rng) * spread
        return self.score(subject.ask(asked), case.targets)

    def score(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        """:meth:`judge`, with what goes in and what comes out checked.

        Raises:
            AuditError: too few questions, an answer is missing or is none, or what was judged is no score.
        """
        if len(targets) < self.fewest:
            raise AuditError(f"{len(targets)} questions are too few for {type(self).__name__}: it needs {self.fewest}")
        try:
            self.task.check_answers(answers, len(targets))
        except PeersError as error:
            raise AuditError(f"an audit needs one answer to each question: {error}") from None
        found = self.judge(answers, targets)
        if not isinstance(found, Score) or not all(
            isinstance(part, float | int | np.number) for part in (found.value, found.low, found.high, found.control)
        ):
            raise AuditError(
                f"{type(self).__name__} gave {found!r:.80}: judge() must give a klopf.audit.Score of numbers"
            )
        if not (0.0 <= found.low <= found.value <= found.high <= 1.0 and 0.0 <= found.control <= 1.0):
            raise AuditError(f"{type(self).__name__} gave {found}: a score lies in its interval, all of it in [0, 1]")
        if found.each is not None and (np.shape(found.each) != (len(targets),) or not np.isfinite(found.each).all()):
            raise AuditError(
                f"{type(self).__name__} gave no score of each question: each has one number for each of them"
            )
        return found
