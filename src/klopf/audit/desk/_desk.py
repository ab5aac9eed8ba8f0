"""The desk: one model, all examinations that the evidence allows, one report card."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import klopf
from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.desk import _grades
from klopf.audit.desk._card import Card, Finding, grade
from klopf.audit.desk._grades import Verdict
from klopf.audit.tasks import AUDIT_TASKS, Examination
from klopf.errors import AuditError, KlopfError
from klopf.extensions import guarded
from klopf.peers import Task, task_to_json

__all__ = ["examinations", "examine"]


def examinations(task: Task, names: Sequence[str] = ()) -> dict[str, Examination]:
    """The examinations called ``names``, by name; all that can judge ``task`` where none is named.

    Raises:
        ExtensionError: there is none of that name, or it cannot be made.
        AuditError: one that is named cannot judge this kind of task.
    """
    found: dict[str, Examination] = {}
    for name in names or AUDIT_TASKS.names():
        kind = AUDIT_TASKS.load(name)
        if not names and task.kind not in kind.kinds:
            continue
        with guarded(f"the audit task {name!r} of {AUDIT_TASKS.origin(name)} cannot be made"):
            found[name] = kind(task)
    return found


def examine(
    subject: Subject, case: Case, tasks: Sequence[str] = (), *, seed: int = 0, model: str = "", commitment: str = "",
    cores: int | None = None, told: Callable[[str, Finding | str], None] | None = None,
) -> Card:  # fmt: skip
    """Audit ``subject`` by ``case``.

    Args:
        subject: who is asked.
        case: the evidence.
        tasks: names of examinations; all that can judge this kind of task where none is named.
        seed: of everything random: the same model, evidence and seed, the same card.
        model: what stands behind the subject, for the card.
        commitment: of the model's state, in hex.
        cores: examinations at a time; by default as many as there are cores.
        told: gets the name of each examination that has ended, with its finding or why there is none.

    Raises:
        AuditError: nothing can be examined.
    """
    chosen = examinations(case.task, tasks)
    left = _left(case.task, chosen)

    def one(name: str) -> Finding | str:
        try:
            found: Finding | str = _examined(name, chosen[name], subject, case, seed)
        except KlopfError as error:
            found = str(error)
        if told is not None:
            told(name, found)
        return found

    with ThreadPoolExecutor(cores or len(os.sched_getaffinity(0))) as pool:
        results = dict(zip(chosen, pool.map(one, chosen), strict=True))
    findings = tuple(found for found in results.values() if isinstance(found, Finding))
    if not findings:
        why = next(iter(results.values()), "there is no examination for it")
        raise AuditError(f"{subject.name} could not be examined at all: {why}")
    evidence: dict[str, Any] = {"held out": len(case.inputs), "digest": case.digest}
    evidence |= {"groups": sorted(case.groups)} if case.groups else {}
    evidence |= {"members": len(case.members[0])} if case.members is not None else {}
    evidence |= {"outside": len(case.outside)} if case.outside is not None else {}
    evidence |= {"others": sorted(case.others)} if case.others else {}
    evidence |= {"judge": case.judge.name} if case.judge is not None else {}
    evidence |= {"world": case.world.name} if case.world is not None else {}
    evidence |= {"inspect": list(case.inspect)} if case.inspect else {}
    unknown = {name: found for name, found in results.items() if isinstance(found, str)} | dict.fromkeys(
        left, _NOT_ASKED
    )
    untested = [name for name in unknown if AUDIT_TASKS.load(name).side == "safety"]
    return Card(
        subject=subject.name, model=model, commitment=commitment, task=task_to_json(case.task), evidence=evidence,
        seed=seed, asked=subject.asked, findings=findings,
        not_tested=unknown, safety=grade("safety", findings, untested), quality=grade("quality", findings),
        klopf=klopf.__version__,
    )  # fmt: skip


def _examined(name: str, task: Examination, subject: Subject, case: Case, seed: int) -> Finding:
    for need in task.needs:
        if not _has(case, need):
            raise AuditError(_LACKS.get(need, f"it needs {need}"))
    if len(case.inputs) < task.fewest:
        raise AuditError(f"it needs {task.fewest} held-out samples, and there are {len(case.inputs)}")
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])  # what one asks changes nothing in another
    with guarded(f"the audit task {name!r} of {AUDIT_TASKS.origin(name)} failed"):
        try:
            score = task.examine(subject, case, rng)
        except KlopfError as error:
            failed: KlopfError | None = error
        else:
            failed = None
    if failed is not None:
        raise failed
    value, low, high, control = (round(float(x), 6) for x in (score.value, score.low, score.high, score.control))
    if not (0 <= low <= value <= high <= 1 and 0 <= control <= 1):  # nor NaN
        raise AuditError(f"{name!r} gave {score}: a score lies in its interval, all of it in [0, 1]")
    said = _verdict(task, low, high, control, score.clears)
    mark = None if said == "told" else task.fault
    return Finding(name, task.side, task.asks, value, low, high, control, mark, said, score.note)


def _left(task: Task, chosen: Mapping[str, Examination]) -> list[str]:
    """What can judge ``task`` and was not chosen: who chooses what is asked also chooses what is not found."""
    found = []
    for name in AUDIT_TASKS.names():
        with contextlib.suppress(KlopfError):  # somebody's package that cannot be imported
            if name not in chosen and task.kind in AUDIT_TASKS.load(name).kinds:
                found.append(name)
    return found


_NOT_ASKED = "it was not asked for (--tasks)"
_LACKS = {
    "groups": "no groups were declared (--groups)",
    "members": "its training data was not shown (--members)",
    "others": "nobody else's answers were given (--others)",
    "series": "nothing says that the samples follow one another in time (--series)",
    "world": "no world was named to act in (--world)",
    "inspect": "no task of inspect_ai was named (--inspect)",
}


def _has(case: Case, need: str) -> bool:
    value = getattr(case, need, None)
    return bool(len(value)) if isinstance(value, Mapping | tuple | np.ndarray) else bool(value)


def _verdict(task: Examination, low: float, high: float, control: float, clears: bool) -> Verdict:
    """Of figures as the card has them, so that whoever reads it comes to the same."""
    if task.fault is None:
        return "fault" if task.judges and low <= control else "told"
    said = _grades.verdict(low, high, task.fault)
    return said if clears or said == "fault" else "told"
