"""When a learner is lost: its numbers are no longer finite, which no sample can mend. It is said, never passed over."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.mind._effective import effective
from klopf.mind._settings import Settings

__all__ = ["EVERY", "first_lost", "line"]

EVERY = 256
"""Samples between two looks at all weights: a unit may be lost that no output hears now. What is said and what is wrong
is looked at with every sample."""


def first_lost(errors: NDArray[Any], out: NDArray[Any]) -> int | None:
    """The first row whose prediction or error is no finite number, or None."""
    fine = np.isfinite(errors) & np.isfinite(out).all(1)
    return None if fine.all() else int(np.argmin(fine))


def line(settings: Settings, output: str, what: str, when: str) -> str:
    """What is said of a learner with these settings that is lost."""
    mend = []
    if output == "linear" and not getattr(settings, "scale_targets", False):
        mend.append("scale the targets (scale_targets=True)")
    if not settings.normalise_inputs:
        mend.append("say normalise_inputs=True")
    matters = effective(settings)
    if settings.rule == "kalman":
        mend.append(f"lower prior ({settings.prior:g})")
    elif "step_size" in matters:
        mend.append(f"lower step_size ({settings.step_size:g})")
    return f"the learner diverged {when}: {what} is no finite number any more; begin anew and {', or '.join(mend)}"
