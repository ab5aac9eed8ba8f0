"""Know Your AI: what auditors ask, and how they score it."""

from klopf.extras import require as _require

_require("network", "klopf.audit")

from klopf.audit._tasks import CONFIDENCE, TASKS, Accuracy, AuditTask, NoiseRobustness, Score

__all__ = ["CONFIDENCE", "TASKS", "Accuracy", "AuditTask", "NoiseRobustness", "Score"]
