"""What a view of the page is, and which there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from klopf.extensions import Point
from klopf.ledger import events
from klopf.network import Tally

__all__ = ["VIEWS", "Cell", "Column", "Network", "Row", "View"]

Cell = str | int | float | bool | None | dict[str, float]
Row = list[Cell]
"""A value for each of a view's columns."""
Kind = Literal[
    "text", "number", "share", "money", "amount", "paid", "standing", "scores", "neuron", "epoch", "time", "proposal",
    "act",
]  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column: its heading, in English as the message catalogues have it, and how its values are shown. ``share`` is
    in [0, 1]; ``money`` is KLP as text, exact; ``paid`` is that of the neuron and the epoch in the same row, and opens
    why; ``scores`` is a dict of shares; ``neuron`` is a participant's id; ``time`` is in seconds since 1970;
    ``proposal`` is a proposal's whole number as text; ``act`` names an act of the page and what it is about, such as
    ``stake?id=3&amount=50``."""

    title: str
    kind: Kind = "text"


class Network(ABC):
    """The network that the page is about, as far as it has been read."""

    name: str
    tally: Tally
    """What the events so far come to; every view of the page shares it, and none changes it."""
    whole = True
    """Whether the tally was told every event from the network's first. Where it was not, who takes part, its role,
    model, standing and stake are right all the same, and no sum is: a row has None for what is not known yet."""

    @abstractmethod
    def named(self, id: int) -> str:
        """What a participant is called: where it has no name, its number."""

    def coin(self, token: str) -> tuple[str, int]:
        """What a token's address is called, and how many decimals it has; where nobody knows, its address and none."""
        return token, 0


class View(ABC):
    """One table of the page, which is told every event once and says which of its rows are new. A recipe::

        from klopf.console.web import Column, Network, View
        from klopf.ledger import events

        class Moves(View):
            title = "Moves"
            lead = "Who changed its address, and how often."
            columns = (Column("neuron", "neuron"), Column("moves", "number"))

            def __init__(self, network: Network) -> None:
                super().__init__(network)
                self.moves: dict[int, int] = {}
                self.fresh: set[int] = set()

            def take(self, event: events.Event) -> None:
                if isinstance(event, events.registry.Moved):
                    self.moves[event.id] = self.moves.get(event.id, 0) + 1
                    self.fresh.add(event.id)

            def news(self):
                found = {str(id): [id, self.moves[id]] for id in self.fresh}
                self.fresh.clear()
                return found

    and in ``pyproject.toml``, under a name of its own::

        [project.entry-points."klopf.views"]
        moves = "my_package:Moves"

    It is then part of every page. What it keeps must not grow with the events, and what it says is data: the page shows
    it, and runs nothing of it. ``klopf.checks.check_view`` tries what it promises.
    """

    title: ClassVar[str]
    """Its heading, in English."""
    lead: ClassVar[str] = ""
    """A sentence or two on how to read it, in English."""
    columns: ClassVar[tuple[Column, ...]]
    lately: ClassVar[bool] = False
    """Whether its rows are right, though there may be fewer, where it is told only of the last epochs: such a view is
    shown while the history before is still being read. Others are empty until then."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @abstractmethod
    def take(self, event: events.Event) -> None:
        """Take the next event; the network's tally has taken it already."""

    @abstractmethod
    def news(self) -> Mapping[str, Row | None]:
        """The rows that are new or other than when this was last asked, by a key of their own; None for one that is no
        more."""


VIEWS = Point(
    "klopf.views",
    "view",
    "klopf.console.web.view:View",
    {
        "alarms": "klopf.console.web.views.alarms:Alarms",
        "neurons": "klopf.console.web.views.neurons:Neurons",
        "links": "klopf.console.web.views.links:Links",
        "payments": "klopf.console.web.views.payments:Payments",
        "money": "klopf.console.web.views.money:Money",
        "underway": "klopf.console.web.views.underway:UnderWay",
        "audits": "klopf.console.web.views.audits:Audits",
        "auditors": "klopf.console.web.views.audits:Auditors",
        "disputes": "klopf.console.web.views.disputes:Disputes",
        "doubts": "klopf.console.web.views.underway:Doubts",
        "jobs": "klopf.console.web.views.jobs:Jobs",
        "ventures": "klopf.console.web.views.ventures:Ventures",
        "offers": "klopf.console.web.views.offers:Offers",
        "pools": "klopf.console.web.views.pools:Pools",
        "lending": "klopf.console.web.views.lending:Markets",
        "loans": "klopf.console.web.views.lending:Positions",
        "rewards": "klopf.console.web.views.rewards:Rewards",
        "devices": "klopf.console.web.views.devices:Devices",
        "nodes": "klopf.console.web.views.devices:Nodes",
        "votes": "klopf.console.web.views.votes:Votes",
        "models": "klopf.console.web.views.models:Models",
        "news": "klopf.console.web.views.happened:Happened",
    },
)
"""Every view in the order of the page; each needs one line here, or an entry point in a package of its own."""
