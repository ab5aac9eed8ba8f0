"""The table of kinds of task, and how a task is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from klopf.errors import PeersError
from klopf.peers.tasks._task import Task
from klopf.peers.tasks.classes import Classes
from klopf.peers.tasks.numbers import Numbers
from klopf.peers.tasks.text import Text

__all__ = ["KINDS", "task_from_json", "task_to_json"]

KINDS: Mapping[str, type[Task]] = {kind.kind: kind for kind in (Classes, Numbers, Text)}
"""A line in this table makes a kind known."""


def task_to_json(task: Task) -> dict[str, Any]:
    """``task`` as JSON holds it.

    >>> task_to_json(Numbers(("area",), ("rent",), ("EUR",)))
    {'kind': 'numbers', 'features': ['area'], 'names': ['rent'], 'units': ['EUR']}
    """
    usual = ("features", "names", "units")
    return {"kind": task.kind, **{k: list(v) for k, v in asdict(task).items() if v or k in usual}}


def task_from_json(saved: Mapping[str, Any]) -> Task:
    """The task that :func:`task_to_json` wrote.

    Raises:
        PeersError: it is none.
    """
    try:
        kind = KINDS[saved["kind"]]
        given: dict[str, Any] = {
            name: tuple(str(one) for one in saved[name]) for name in ("features", "names", "units")
        }
        if "frequencies" in saved:
            given["frequencies"] = tuple(float(one) for one in saved["frequencies"])
        return kind(**given)
    except (KeyError, TypeError, ValueError) as error:
        raise PeersError(f"no task with kind ({', '.join(KINDS)}), features, names and units: {error!r}") from None
