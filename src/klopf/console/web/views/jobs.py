"""Jobs whose price is locked first and paid out by what was contributed."""

from __future__ import annotations

from klopf.console.web.view import Column
from klopf.console.web.views._lately import Lately
from klopf.ledger import events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Jobs"]


class Jobs(Lately):
    title = "Jobs"
    lead = "What was ordered of devices, what is locked for it, and how far it is."
    columns = (
        Column("job", "number"),
        Column("payer"),
        Column("price", "money"),
        Column("state"),
        Column("workers", "number"),
    )

    def take(self, event: events.Event) -> None:
        e = events.jobs
        if isinstance(event, e.Opened):
            self.put(str(event.id), [event.id, event.payer, plain(klp(event.price)), "open", 0])
            return
        state = STATES.get(type(event))
        row = self.now.get(str(getattr(event, "id", "")))
        if state and row is not None:
            workers = len(event.workers) if isinstance(event, e.Reported) else row[4]
            self.put(str(row[0]), [*row[:3], state, workers])


STATES = {
    events.jobs.Reported: "reported", events.jobs.Disputed: "disputed", events.jobs.WorkerPaid: "paid",
    events.jobs.Returned: "closed", events.jobs.Lapsed: "lapsed",
}  # fmt: skip
