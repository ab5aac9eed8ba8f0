"""A row a neuron, with the figures of ``klopf status``."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Column, Row, View
from klopf.ledger import Role, events
from klopf.network import Known, plain
from klopf.network._summary import tokens as klp

__all__ = ["Neurons"]


class Neurons(View):
    title = "Neurons"
    lead = "Who is heard, how it was judged, and what it earned."
    columns = (
        Column("neuron", "neuron"), Column("model"), Column("standing", "standing"), Column("heard", "share"),
        Column("audit", "scores"), Column("earned", "money"), Column("slashed", "money"), Column("stake", "money"),
    )  # fmt: skip
    lately = True

    def take(self, event: events.Event) -> None:
        """Nothing: the tally has it all."""

    def news(self) -> Mapping[str, Row | None]:
        tally = self.network.tally
        ids = set(tally.everybody) if tally.all_changed else tally.changed & tally.everybody.keys()
        heard = tally.heard() if ids else {}
        neurons = (tally.everybody[id] for id in sorted(ids))
        return {str(one.id): self._row(one, heard.get(one.id, 0.0)) for one in neurons if one.role == Role.NEURON}

    def _row(self, one: Known, heard: float) -> Row:
        audit = {task: round(value, 4) for task, value in one.audit.items()}
        standing, stake = one.standing.name.lower(), plain(klp(one.staked))
        if not self.network.whole:
            return [one.id, one.model, standing, None, audit or None, None, None, stake]
        return [one.id, one.model, standing, round(heard, 4), audit, plain(one.earned), plain(klp(one.slashed)), stake]
