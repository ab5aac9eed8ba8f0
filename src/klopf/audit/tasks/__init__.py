"""What audits ask, a task a file, and how they are found."""

from klopf.audit.tasks._examination import CONFIDENCE, Examination, Score, interval_of_mean
from klopf.audit.tasks._found import AUDIT_TASKS, USUAL, audit_tasks, marks
from klopf.audit.tasks._task import AuditTask

__all__ = [
    "AUDIT_TASKS",
    "CONFIDENCE",
    "USUAL",
    "AuditTask",
    "Examination",
    "Score",
    "audit_tasks",
    "interval_of_mean",
    "marks",
]
