"""What a saved life, and an agent of rollouts, must be before anything is believed: files come from strangers, too."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.mind.rl._course import MOST, Course
from klopf.mind.rl._kernels import batch_layout as at

__all__ = ["refuse_damaged", "refuse_strange", "whole"]

_WHOLE_COUNTS = (at.STEPS, at.BIRTHS, at.SEEN, at.REWARDS)


def whole(value: Any, what: str, least: int = 0, most: float = math.inf) -> int:
    """``value``, where it is a whole number in these bounds. Raises: MindError, where it is not."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        bounds = f"from {least}" + (f" to {most:,.0f}" if most < math.inf else "")
        raise MindError(f"the saved {what} is {str(value)[:40]}, not a whole number {bounds}; restore it from a copy")
    return value


def refuse_strange(
    header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], actions: int, choices: int, acts: bool
) -> None:
    """Of a life's file, all that is not its agent's and cannot be.

    Raises:
        MindError: what is said of steps, returns and the next action is of none.
    """
    whole(header["steps"], "life's number of steps")
    whole(header["length"], "episode's length")
    earned, since = header.get("stretch", (0.0, 0))
    whole(since, "stretch's number of steps")
    for name, value in (("seconds", header["seconds"]), ("total", header["total"]), ("stretch", earned)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise MindError(f"the saved life's {name} are no finite number; restore it from a copy")
    if header["seconds"] < 0 or not isinstance(header["between"], bool) or not isinstance(header["world"], dict):
        raise MindError("the saved life says nothing of its world, or lived for less than no time; restore it from a "
                        "copy")  # fmt: skip
    for name in ("curve", "rewards"):
        points = arrays.get(name, np.zeros((0, 4)))
        if points.ndim != 2 or points.shape[1] != 4 or not np.isfinite(points).all() or (points[:, 0] < 1).any():
            raise MindError(f"the saved life's {name} are no returns of episodes; restore it from a copy")
    action = arrays["next action"]
    fine = action.ndim == 1 and bool(np.isfinite(action).all()) and (len(action) > 0) != header["between"]
    if fine and acts and len(action):
        fine = len(action) == (actions or 1) and not (choices and (action[0] not in range(choices)))
    if not fine:
        raise MindError("the saved life's next action is none of this agent's; restore it from a copy")


def refuse_damaged(
    header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], own: Mapping[str, NDArray[Any]], choices: int
) -> None:
    """All of a file whose checksum is right and whose numbers are none that an agent can come to.

    Args:
        own: the arrays of an agent that was just made with the file's settings: names, shapes and types.
        choices: how many the agent has, or 0.

    Raises:
        MindError: one is missing, of another shape or type, or holds what cannot be.
    """
    for name, mine in own.items():
        kept = arrays.get(name)
        if kept is None or kept.dtype != mine.dtype or (name != "course" and kept.shape != mine.shape):
            raise MindError(f"the saved agent's {name} do not fit its settings: it is another agent's, or damaged")
        if not np.isfinite(kept).all():
            raise MindError(f"the saved agent's {name} are not all finite; restore it from a copy")
    course = arrays["course"]
    if course.ndim != 2 or course.shape[1] != len(Course.NAMES) or len(course) >= MOST:
        raise MindError(f"the saved agent's course has the shape {course.shape}; restore it from a copy")
    whole(header["now"], "step of its rollout", 0, len(own["rollout"]) - 1)
    whole(header["every"], "number of rollouts between two rows", 1)
    whole(header["rollouts"], "number of rollouts")
    for name, line, fine in _LINES:
        if not fine(arrays[name]):
            raise MindError(f"the saved agent's {name} {line}; restore it from a copy")
    done, noise = arrays["done"], arrays["noise"]
    if choices and not (_are_whole(done) and done.max() < choices):
        raise MindError(f"the saved agent has done what is none of its {choices} choices; restore it from a copy")
    if choices and not ((noise >= 0) & (noise < 1)).all():
        raise MindError("the saved agent's noise is not from 0 to under 1; restore it from a copy")


def _are_whole(values: NDArray[Any]) -> bool:
    return bool(((values >= 0) & (values == np.floor(values))).all())


_LINES: tuple[tuple[str, str, Callable[[NDArray[Any]], bool]], ...] = (
    ("weights", "have a negative mean of squares", lambda a: bool((a[at.SECOND] >= 0).all())),
    ("units", "have an age that is no whole number from 0", lambda a: _are_whole(a[at.AGE])),
    ("units", "have a negative utility", lambda a: bool((a[at.UTILITY] >= 0).all())),
    ("units", "are neither born with their network nor later", lambda a: bool(np.isin(a[at.BORN], (0, 1)).all())),
    ("senses", "have a negative sum of squares", lambda a: bool((a[at.S_SQUARES] >= 0).all())),
    ("counts", "are not whole numbers from 0", lambda a: _are_whole(a[list(_WHOLE_COUNTS)])),
    ("counts", "have a negative sum of squares", lambda a: bool(a[at.TRACE_SQUARES] >= 0)),
    ("counts", "have a part of clipped ratios beyond 0 to 1", lambda a: bool(0 <= a[at.CLIPPED] <= 1)),
    ("rollout", "has steps that are neither an end nor none", lambda a: bool(np.isin(a[:, at.ENDS], (0, 1)).all())),
)
"""Of each array what must hold of it, and what is said where it does not."""
