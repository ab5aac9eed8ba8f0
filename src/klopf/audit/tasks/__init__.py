"""What audits ask, a task a file, and how they are found."""

from klopf.audit.tasks._found import AUDIT_TASKS, USUAL, audit_tasks, marks
from klopf.audit.tasks._task import CONFIDENCE, AuditTask, Score

__all__ = ["AUDIT_TASKS", "CONFIDENCE", "USUAL", "AuditTask", "Score", "audit_tasks", "marks"]
