"""Know Your AI: what auditors ask, and how they score it."""

from klopf.extras import require as _require

_require("network", "klopf.audit")

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit._world import World
from klopf.audit.tasks import AUDIT_TASKS, CONFIDENCE, USUAL, AuditTask, Examination, Score, audit_tasks, marks

__all__ = [
    "AUDIT_TASKS",
    "CONFIDENCE",
    "USUAL",
    "AuditTask",
    "Case",
    "Examination",
    "Score",
    "Subject",
    "World",
    "audit_tasks",
    "marks",
]
