"""Audits that are not concluded yet, and answers that somebody doubts."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Column, Network, Row, View
from klopf.console.web.views._lately import Lately
from klopf.ledger import events

__all__ = ["Doubts", "UnderWay"]

EPOCHS = 2
"""In which an audit is concluded, or was not held."""


class UnderWay(View):
    title = "Audits under way"
    lead = (
        "Who is auditing in this epoch and in the one before, and how far it is: scores are sealed first, then shown."
    )
    columns = (
        Column("epoch", "epoch"), Column("auditor", "neuron"), Column("step"), Column("scored neurons", "number"),
    )  # fmt: skip
    lately = True

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.now: dict[str, Row] = {}
        self.fresh: dict[str, Row | None] = {}

    def take(self, event: events.Event) -> None:
        a = events.audits
        if isinstance(event, a.Committed | a.Revealed | a.Absent):
            done = event.results if isinstance(event, a.Revealed) else ()
            row: Row = [event.epoch, event.auditor, STEPS[type(event)], len({result.neuron for result in done})]
            key = f"{event.epoch}:{event.auditor}"
            self.now[key] = self.fresh[key] = row
        elif isinstance(event, a.Concluded):
            self._drop(event.epoch)
        elif isinstance(event, events.clock.Opened):
            self._drop(event.epoch - EPOCHS)

    def _drop(self, epoch: int) -> None:
        """Audits up to an epoch are over."""
        for key in [key for key, row in self.now.items() if int(str(row[0])) <= epoch]:
            del self.now[key]
            self.fresh[key] = None

    def news(self) -> Mapping[str, Row | None]:
        found, self.fresh = self.fresh, {}
        return found


STEPS: dict[type[events.Event], str] = {
    events.audits.Committed: "sealed its scores", events.audits.Revealed: "showed its scores",
    events.audits.Absent: "did not show them",
}  # fmt: skip


class Doubts(Lately):
    title = "Doubted answers"
    lead = "Somebody doubts what an auditor says that a neuron answered. Who does not show it in time loses stake."
    columns = (
        Column("epoch", "epoch"), Column("auditor", "neuron"), Column("neuron", "neuron"), Column("task"),
        Column("answer by", "time"), Column("outcome"),
    )  # fmt: skip

    def take(self, event: events.Event) -> None:
        c = events.challenges
        if isinstance(event, c.Doubted):
            at = event.place
            self.put(event.id.hex(), [at.epoch, at.auditor, at.neuron, at.task, event.answer_by, "open"])
        elif isinstance(event, c.Shown | c.Upheld) and (row := self.now.get(event.id.hex())):
            self.put(event.id.hex(), [*row[:5], "answered" if isinstance(event, c.Shown) else "upheld"])
