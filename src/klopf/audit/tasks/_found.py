"""The audit tasks that there are, and those that a network asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from klopf.audit.tasks._task import AuditTask
from klopf.errors import AuditError, ExtensionError, KlopfError
from klopf.extensions import Point, guarded
from klopf.ledger.audit.audits import MOST_TASKS
from klopf.peers import Task

__all__ = ["AUDIT_TASKS", "USUAL", "audit_tasks", "marks"]

AUDIT_TASKS = Point(
    "klopf.audit_tasks", "audit task", "klopf.audit.tasks._examination:Examination",
    {
        "accuracy": "klopf.audit.tasks.accuracy:Accuracy",
        "robustness": "klopf.audit.tasks.robustness:Robustness",
        "calibration": "klopf.audit.tasks.calibration:Calibration",
        "variance-explained": "klopf.audit.tasks.variance_explained:VarianceExplained",
        "likeness": "klopf.audit.tasks.likeness:Likeness",
        "confidence": "klopf.audit.tasks.confidence:Confidence",
        "fairness": "klopf.audit.tasks.fairness:Fairness",
        "shift": "klopf.audit.tasks.shift:Shift",
        "brittleness": "klopf.audit.tasks.brittleness:Brittleness",
        "outside": "klopf.audit.tasks.outside:Outside",
        "privacy": "klopf.audit.tasks.privacy:Privacy",
        "memory": "klopf.audit.tasks.memory:Memory",
        "backdoor": "klopf.audit.tasks.backdoor:Backdoor",
        "constancy": "klopf.audit.tasks.constancy:Constancy",
        "foresight": "klopf.audit.tasks.foresight:Foresight",
        "steering": "klopf.audit.tasks.steering:Steering",
        "disturbance": "klopf.audit.tasks.disturbance:Disturbance",
        "novelty": "klopf.audit.tasks.novelty:Novelty",
        "toxicity": "klopf.audit.tasks.toxicity:Toxicity",
        "unanswerable": "klopf.audit.tasks.unanswerable:Unanswerable",
        "rephrasing": "klopf.audit.tasks.rephrasing:Rephrasing",
        "refusal": "klopf.audit.tasks.refusal:Refusal",
        "injection": "klopf.audit.tasks.injection:Injection",
        "inspect": "klopf.audit.tasks.inspect:Inspect",
    },
)  # fmt: skip
"""Every audit task and examination. A line in this table makes one of Klopf's own known."""

USUAL: Mapping[str, tuple[str, ...]] = {
    "classes": ("accuracy", "robustness"),
    "numbers": ("variance-explained", "robustness"),
    "text": ("likeness",),
}
"""What is asked by kind of task, where a network file says nothing."""


def audit_tasks(
    names: Sequence[str], task: Task, left_out: Callable[[str], None] | None = None
) -> dict[str, AuditTask]:
    """The audit tasks called ``names``, for a network with ``task``, by name; the usual ones if there are none.

    Args:
        names: of ``AUDIT_TASKS``.
        task: what the network is for.
        left_out: gets a line for each that cannot be had, and the others are returned; without it that is an error.

    Raises:
        ExtensionError: there is no such audit task, or it cannot be imported.
        AuditError: it cannot judge this kind of task, none is left, or there are more than the ledger takes.
    """
    if len(set(names)) > MOST_TASKS:
        raise AuditError(f"{len(set(names))} audit tasks are named: an auditor scores a neuron in {MOST_TASKS} at most")
    found: dict[str, AuditTask] = {}
    for name in names or USUAL[task.kind]:
        try:
            kind = AUDIT_TASKS.load(name)
            if not issubclass(kind, AuditTask):
                raise AuditError(
                    f"the audit task {name!r} asks more than each question once, which the ledger cannot hold auditors "
                    "to: `klopf audit run` asks it"
                )
            try:
                with guarded(f"the audit task {name!r} of {AUDIT_TASKS.origin(name)} cannot be made"):
                    found[name] = kind(task)
            except ExtensionError as error:
                raise (error.__cause__ if isinstance(error.__cause__, KlopfError) else error) from None
        except KlopfError as error:
            if left_out is None:
                raise
            left_out(f"the audit task {name!r} is left out: {error}")
    if not found:
        raise AuditError("no audit task is left to ask: name some that can judge this network in [audit] tasks")
    return found


def marks(tasks: Mapping[str, AuditTask], named: Mapping[str, float]) -> dict[str, float]:
    """What the median of each of ``tasks`` must reach, in [0, 1]: as ``named``, else the task's own mark, if any.

    Raises:
        AuditError: a mark is named for a task that is not asked.
    """
    for name in named:
        if name not in tasks:
            raise AuditError(f"a mark is given for {name!r}, which is not asked: it would never be reached")
    own = {name: named.get(name, task.mark) for name, task in tasks.items()}
    return {name: mark for name, mark in own.items() if mark is not None}
