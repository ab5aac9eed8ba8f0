"""Audits that were concluded, and what every auditor did."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Column, Network, Row, View
from klopf.console.web.views._lately import Lately
from klopf.ledger import Role, events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Auditors", "Audits"]


class Audits(Lately):
    title = "Audits"
    lead = "The last two hundred that were concluded: medians of what the auditors who were drawn found."
    columns = (
        Column("epoch", "epoch"), Column("neuron", "neuron"), Column("outcome"), Column("audit", "scores"),
        Column("results", "number"),
    )  # fmt: skip

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.audits.Concluded):
            scores = {task: median / 10_000 for task, median in event.medians.items()}
            outcome = "not scored" if not scores else "passed" if event.passed else "failed"
            self.put(f"{event.epoch}:{event.neuron}", [event.epoch, event.neuron, outcome, scores, event.results])


class Auditors(View):
    title = "Auditors"
    lead = "How often each kept its word, was absent, or scored far from the others; and what it lost."
    columns = (
        Column("auditor", "neuron"), Column("committed", "number"), Column("revealed", "number"),
        Column("absent", "number"), Column("outliers", "number"), Column("slashed", "money"),
    )  # fmt: skip

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.counts: dict[int, list[int]] = {}
        self.fresh: set[int] = set()

    def take(self, event: events.Event) -> None:
        said = {
            events.audits.Committed: 0, events.audits.Revealed: 1, events.audits.Absent: 2, events.audits.Outlier: 3,
        }.get(type(event))  # fmt: skip
        if said is not None:
            id = getattr(event, "auditor", 0)
            self.counts.setdefault(id, [0, 0, 0, 0])[said] += 1
            self.fresh.add(id)

    def news(self) -> Mapping[str, Row | None]:
        tally = self.network.tally
        changed = {id for id in tally.changed & tally.everybody.keys() if tally.everybody[id].role == Role.AUDITOR}
        found, self.fresh = self.fresh | changed, set()
        return {str(id): self._row(id) for id in sorted(found)}

    def _row(self, id: int) -> Row:
        known = self.network.tally.everybody.get(id)
        return [id, *self.counts.get(id, [0, 0, 0, 0]), plain(klp(known.slashed if known else 0))]
