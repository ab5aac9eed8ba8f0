"""What a door is: one protocol, at places of its own under one address; and which there are."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from klopf.extensions import Point

if TYPE_CHECKING:  # the extra `agents`, which whoever only looks at this class need not have
    from starlette.routing import BaseRoute

    from klopf.doors._desk import Desk

__all__ = ["DOORS", "Door"]


class Door(ABC):
    """One protocol. A recipe: :class:`~klopf.doors.Desk` has the questions, prices and sales, and a door the words::

        from starlette.responses import JSONResponse
        from starlette.routing import Route

        from klopf.doors import Desk, Door
        from klopf.errors import KlopfError

        class Query(Door):
            path = "/query"

            def __init__(self, desk: Desk) -> None:
                self.desk = desk

            def routes(self):
                return [Route(self.path, self.ask)]

            async def ask(self, request):
                try:
                    question = self.desk.question({"samples": [dict(request.query_params)]})
                except KlopfError as error:  # it cannot be answered, and costs nothing
                    return JSONResponse({"error": str(error)}, 400)
                ...  # no payment: desk.offer; a payment: desk.prices.read, then desk.sell

    and in ``pyproject.toml``, under a name of its own::

        [project.entry-points."klopf.doors"]
        query = "my_package:Query"

    ``examples/plugin`` has it whole. What a payment is for is bound, settled and answered by ``desk.sell`` alone, so a
    door can neither answer unpaid nor lose a payment; ``klopf.checks.check_door`` tries that and what else is promised.
    Bodies of requests are read before: JSON of 1 MiB and 64 levels at most.
    """

    path: ClassVar[str]
    """Where it is knocked at."""

    @abstractmethod
    def __init__(self, desk: Desk) -> None:
        """Behind it stands ``desk``."""

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """Its places: those of Starlette, each at ``path`` or under it, or one that its protocol fixes."""

    def running(self) -> AbstractAsyncContextManager[object]:
        """What must be entered while it serves."""
        return contextlib.nullcontext()

    def services(self) -> Sequence[dict[str, Any]]:
        """How ERC-8004's registration file names it: ``name``, ``endpoint`` and, where there is one, ``version``."""
        return ()


DOORS = Point(
    "klopf.doors",
    "door",
    "klopf.doors._door:Door",
    {"http": "klopf.doors._http:Http", "mcp": "klopf.doors._mcp:Mcp", "a2a": "klopf.doors._a2a:A2a"},
)
"""Every protocol that is spoken; each is one file. Klopf's own are always open, those of other packages where they are
named."""
