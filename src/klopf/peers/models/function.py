"""A function of a package outside: ``model = "package.module:function"``.

It takes inputs of the task (float32 ``(n, features)``, or for text an array of ``n`` texts) and gives what
:func:`~klopf.peers.models._frozen.as_answers` takes. It does not learn here, and answers the same question alike.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers.models._frozen import Frozen, taken
from klopf.peers.tasks import Task

__all__ = ["FunctionModel"]


class FunctionModel(Frozen):
    """``settings``: ``version``, what its owner calls this state of it.

    Its commitment names the function, the version, and the hash of the file in which it is written; what that file
    imports or reads is in the version alone.
    """

    function: ClassVar[Callable[..., Any]]
    """The function, which the operator's settings name."""

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        return cls.opened(task, settings, Path())

    @classmethod
    def opened(cls, task: Task, settings: Mapping[str, Any], folder: Path) -> Self:
        made = cls(task, taken(settings, {"version": ""}, f"the function {cls.variant}"))
        if inspect.iscoroutinefunction(cls.function):
            raise PeersError(
                f"{cls.variant} is a coroutine function: write a klopf.peers.Model, whose answer may be one"
            )
        return made

    def says(self, inputs: NDArray[Any]) -> Any:
        return type(self).function(inputs.copy())

    def identity(self) -> Mapping[str, Any]:
        return {"function": self.variant, "source": _source(type(self).function)}


def _source(function: Callable[..., Any]) -> str:
    """The hash of the file in which it is written, "" where that is none."""
    try:
        return hashlib.sha256(Path(inspect.getsourcefile(inspect.unwrap(function)) or "").read_bytes()).hexdigest()
    except (OSError, TypeError):
        return ""
