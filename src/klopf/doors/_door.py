"""What a door is: one protocol, at places of its own under one address."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from starlette.routing import BaseRoute

__all__ = ["Door"]


class Door(ABC):
    """One protocol. It is made with a ``Desk``, which says what there is and sells answers."""

    path: ClassVar[str]
    """Where it is knocked at."""

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """Its places."""

    def running(self) -> AbstractAsyncContextManager[object]:
        """What must be entered while it serves."""
        return contextlib.nullcontext()
