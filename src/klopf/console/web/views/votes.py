"""What the DAO's members propose and how they vote."""

from __future__ import annotations

from klopf.console.web.view import Column, Network
from klopf.console.web.views._lately import Lately
from klopf.ledger import events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Votes"]

LONGEST = 300
"""Letters of a proposal that are shown."""


class Votes(Lately):
    title = "Votes"
    lead = "What is proposed, and the tokens for and against it."
    columns = (
        Column("proposal", "proposal"), Column("what"), Column("state"), Column("for", "money"),
        Column("against", "money"), Column("abstain", "money"),
    )  # fmt: skip

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.weights: dict[str, list[int]] = {}

    def take(self, event: events.Event) -> None:
        e = events.governance
        if isinstance(event, e.ProposalCreated):
            key = str(event.proposal)
            self.weights[key] = [0, 0, 0]
            self.put(key, [key, event.description[:LONGEST], "proposed", "0", "0", "0"])
            if len(self.weights) > self.most:
                del self.weights[next(iter(self.weights))]
        elif isinstance(event, e.VoteCast | e.VoteCastWithParams) and str(event.proposal) in self.now:
            key = str(event.proposal)
            if 0 <= event.support < 3:
                self.weights.setdefault(key, [0, 0, 0])[event.support] += event.weight
            against, favour, abstain = (plain(klp(weight)) for weight in self.weights[key])
            self.put(key, [*self.now[key][:3], favour, against, abstain])
        elif (state := STATES.get(type(event))) and (key := str(getattr(event, "proposal", ""))) in self.now:
            row = self.now[key]
            self.put(key, [row[0], row[1], state, *row[3:]])


STATES = {
    events.governance.ProposalCanceled: "cancelled",
    events.governance.ProposalQueued: "queued",
    events.governance.ProposalExecuted: "executed",
}
