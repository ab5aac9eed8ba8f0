"""Does an audit task keep its promises?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import ledger
from klopf.audit import AUDIT_TASKS, AuditTask, Examination, Score
from klopf.checks._examination import check_examination
from klopf.checks._promise import derived, promise
from klopf.errors import AuditError, LedgerError
from klopf.extensions import said
from klopf.peers import KINDS, Classes, Numbers, Task, Text

__all__ = ["check_audit_task"]

_EXAMPLES: dict[str, Task] = {
    "classes": Classes(("a", "b", "c"), ("x", "y", "z", "w")),
    "numbers": Numbers(("a", "b", "c"), ("rent", "deposit"), ("EUR", "EUR")),
    "text": Text(("question",), ("answer",)),
}
_MOST = 10_000
"""Questions that the check can put."""


def check_audit_task(audit: str | type[Examination]) -> None:
    """Try with ``audit``, a name of ``AUDIT_TASKS`` or a class, all that an auditor does with it, for every kind of
    task that it says it can judge: of an :class:`~klopf.audit.AuditTask` what the ledger wants of it, of any
    :class:`~klopf.audit.Examination` what the desk does.

    Raises:
        AssertionError: a promise of one of these two is broken; one line says which.
    """
    with promise(f"the audit task {audit!r}"):
        kind = AUDIT_TASKS.load(audit) if isinstance(audit, str) else audit
    derived(kind, Examination, "check_audit_task")
    name = audit if isinstance(audit, str) else kind.__qualname__
    with promise(name, kind):
        _check(audit, kind, name)


def _check(audit: str | type[Examination], kind: type[Examination], name: str) -> None:
    judged = getattr(kind, "kinds", ())
    assert isinstance(judged, tuple) and judged and set(judged) <= set(KINDS), (
        f"{name}.kinds must name some of {', '.join(KINDS)}, not {judged}"
    )
    fewest = kind.fewest
    assert type(fewest) is int and 1 <= fewest <= _MOST, (
        f"{name}.fewest is {fewest!r:.80}: give a whole number of questions from 1 to {_MOST:,}"
    )
    mark = getattr(kind, "mark", None)
    assert mark is None or (type(mark) in (int, float) and 0 <= mark <= 1), (
        f"{name}.mark is {mark!r}: give a figure from 0 to 1, or None"
    )
    if isinstance(audit, str):
        try:
            ledger.Marks({audit: 0}).as_tuple()
        except LedgerError as error:
            raise AssertionError(f"the ledger cannot keep this name: {error}") from None
    for one, task in _EXAMPLES.items():
        if one not in judged:
            _refused(name, partial(kind, task), f"to judge {one}, which is not among its kinds")
            continue
        made = kind(task)
        where = f"{name} ({one})"
        if isinstance(made, AuditTask):
            _asks(where, made)
            _scores(where, made)
            _knows_nothing(where, made)
            _is_monotonic(where, made)
            _needs_no_more(where, made)
            _survives(where, made)
        check_examination(where, kind, task)


def _asks(name: str, audit: AuditTask) -> None:
    """Valid questions, one of each input, that depend on the generator only and leave the inputs alone."""
    inputs = _inputs(audit.task, 30)
    kept = inputs.copy()
    asked = audit.questions(inputs, np.random.default_rng(1))
    try:
        audit.task.check_inputs(asked)
    except Exception as error:
        raise AssertionError(f"{name}.questions() makes no questions of its task: {error}") from None
    assert len(asked) == len(inputs), (
        f"{name}.questions() makes {len(asked)} questions of {len(inputs)} inputs: one each"
    )
    again = audit.questions(inputs, np.random.default_rng(1))
    assert np.array_equal(asked, again), f"{name}.questions() draws from elsewhere: use the generator that it is given"
    assert np.array_equal(inputs, kept), f"{name}.questions() changed its inputs: copy what it works on"


def _scores(name: str, audit: AuditTask) -> None:
    """A score in its interval, the same each time; with more questions the interval does not widen."""
    few = max(audit.fewest, 40)
    widths = []
    for n in (few, 16 * few):
        targets = _targets(audit.task, n)
        answers = _answers(audit.task, targets, wrong=0.3)
        given = answers.copy(), targets.copy()
        judged = audit.judge(*given)
        for mine, before in zip(given, (answers, targets), strict=True):
            assert np.array_equal(mine, before), f"{name}.judge() changes what it is given: copy what it works on"
        assert isinstance(judged, Score), f"{name}.judge() gives {judged!r:.80}: give a klopf.audit.Score"
        one, again = audit.score(answers, targets), audit.score(answers.copy(), targets.copy())
        _in_range(name, one)
        assert one.low < one.high or one.value in (0.0, 1.0), (
            f"{name} gives {one.value:.3f} of {n} questions an interval without width: say how sure it is"
        )
        assert one == again, f"{name} scores the same answers {one.value} and then {again.value}: fix its seed"
        widths.append(one.high - one.low)
    assert widths[1] <= widths[0], (
        f"{name} is less sure with more questions: its interval grew from {widths[0]:.3f} to {widths[1]:.3f}"
    )


def _knows_nothing(name: str, audit: AuditTask) -> None:
    """Who does not know which question he is asked scores what the control says."""
    targets = _targets(audit.task, max(audit.fewest, 400))
    nothing = audit.score(audit.task.know_nothing(targets, len(targets)), targets)
    assert nothing.low - 0.02 <= nothing.control <= nothing.high + 0.02, (
        f"{name} gives {nothing.value:.3f} to somebody who knows nothing, and its control is {nothing.control:.3f}: "
        "the control is his score"
    )


def _is_monotonic(name: str, audit: AuditTask) -> None:
    """Worse answers do not score better, and the worst score less than the best."""
    targets = _targets(audit.task, max(audit.fewest, 200))
    found = [audit.score(_answers(audit.task, targets, wrong), targets).value for wrong in (0.0, 0.25, 0.5, 1.0)]
    said = ", ".join(f"{value:.3f}" for value in found)
    assert all(a >= b for a, b in pairwise(found)), (
        f"{name} scores worse answers better: {said} for none, a quarter, half and all of them wrong"
    )
    assert found[0] > found[-1], f"{name} scores all answers alike ({said}): it says nothing"


def _needs_no_more(name: str, audit: AuditTask) -> None:
    """As many questions as ``fewest`` says are enough, and so is one more: a network may put just so many."""
    for n in (audit.fewest, audit.fewest + 1):
        targets = _targets(audit.task, n)
        try:
            score = audit.score(_answers(audit.task, targets, wrong=0.3), targets)
        except Exception as error:
            raise AssertionError(
                f"{name} fails on {n} questions, and its fewest is {audit.fewest}: name a higher one ({said(error)})"
            ) from None
        _in_range(name, score)


def _survives(name: str, audit: AuditTask) -> None:
    """What cannot be scored is refused in one line; what is merely odd is scored or refused."""
    n = max(audit.fewest, 40)
    targets = _targets(audit.task, n)
    answers = _answers(audit.task, targets, wrong=0.3)
    _refused(name, lambda: audit.score(answers[:-1], targets), "to score answers of which one is missing")
    _refused(name, lambda: audit.score(answers[:0], targets[:0]), "to score no answers at all")
    if answers.dtype.kind == "f":
        broken = answers.copy()
        broken[3] = np.nan
        _refused(name, lambda: audit.score(broken, targets), "to score answers that are no numbers")
        _refused(name, lambda: audit.score(answers[:, :1], targets), "to score answers of the wrong shape")
    alike = np.repeat(targets[:1], n, axis=0)
    for odd in (_answers(audit.task, alike, wrong=0.0), _answers(audit.task, alike, wrong=1.0)):
        try:
            _in_range(name, audit.score(odd, alike))
        except AuditError as error:
            assert "\n" not in str(error), f"{name} refuses targets that are all alike in more than one line"
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(
                f"{name} fails on targets that are all alike: {type(error).__name__}: {error}"
            ) from None


def _in_range(name: str, score: Score) -> None:
    inside = 0.0 <= score.low <= score.value <= score.high <= 1.0 and 0.0 <= score.control <= 1.0
    assert inside, f"{name} gives {score}: a score lies in its interval, all of it in [0, 1]"


def _refused(name: str, call: Callable[[], Any], what: str) -> None:
    try:
        call()
    except AuditError as error:
        assert str(error) and "\n" not in str(error), (
            f"{name} refuses {what} with {str(error)!r:.80}: say it in one line"
        )
    except Exception as error:
        raise AssertionError(f"{name} refuses {what} with {type(error).__name__}: raise an AuditError") from None
    else:
        raise AssertionError(f"{name} does not refuse {what}: call super() where you override, and raise an AuditError")


# ---- examples by kind of task


def _inputs(task: Task, n: int) -> NDArray[Any]:
    if not task.input_shape:
        return np.array([f"question {i % 7}" for i in range(n)])
    return np.random.default_rng(0).normal(size=(n, *task.input_shape)).astype(np.float32)


def _targets(task: Task, n: int) -> NDArray[Any]:
    if isinstance(task, Classes):
        return np.arange(n, dtype=np.int64) % len(task.names)
    if isinstance(task, Numbers):
        return np.random.default_rng(2).normal(50.0, 9.0, (n, *task.output_shape)).astype(np.float32)
    return np.array(["red", "green", "a kind of blue", "none"])[np.arange(n) % 4]


def _answers(task: Task, targets: NDArray[Any], wrong: float) -> NDArray[Any]:
    """Answers as sure as can be, of which the fraction ``wrong`` is as wrong as can be."""
    n = len(targets)
    miss = np.random.default_rng(3).permutation(n) < round(wrong * n)
    if isinstance(task, Classes):
        said = np.where(miss, (targets + 1) % len(task.names), targets)
        return np.eye(len(task.names), dtype=np.float32)[said]
    if isinstance(task, Numbers):
        return np.where(miss[:, None], -targets, targets).astype(np.float32)
    return np.where(miss, "zyx", targets)
