"""What needs somebody: each with what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from klopf.console.web.view import Column, Network, Row, View
from klopf.ledger import KLP, Parameters, Role, events

__all__ = ["WHAT", "Alarms"]

AWAY = 3
"""Epochs without a post after which a neuron stays away."""
MOST = 500
"""Alarms at once: of more, the first are said."""


class Alarms(View):
    title = "Alarms"
    lead = "What needs somebody, whoever of the network that is, and by when."
    columns = (
        Column("what"), Column("participant", "neuron"), Column("epoch", "epoch"), Column("until", "time"),
        Column("to do", "act"),
    )  # fmt: skip

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.now: dict[str, Row] = {}
        self.fresh: dict[str, Row | None] = {}
        self.floors: dict[int, int] = {}
        self.seen: dict[int, int] = {}
        self.markets: dict[bytes, int] = {}
        self.owed: dict[str, int] = {}
        """Shares of debt, by the key of a call."""

    def take(self, event: events.Event) -> None:
        told = _TAKES.get(type(event))
        if told is not None:
            told(self, event)

    def put(self, key: str, what: str, id: int, epoch: int | None, until: int | None = None, act: str = "") -> None:
        if key in self.now or len(self.now) < MOST:
            self.now[key] = self.fresh[key] = [what, id, epoch, until, act]

    def drop(self, key: str) -> None:
        if self.now.pop(key, None) is not None:
            self.fresh[key] = None

    def news(self) -> Mapping[str, Row | None]:
        tally = self.network.tally
        for id in tally.changed & tally.everybody.keys():
            known = tally.everybody[id]
            floor = self.floors.get(known.role, 0)
            if known.gone or known.staked >= floor:
                self.drop(f"floor:{id}")
            else:
                act = f"stake?id={id}&amount={-(-(floor - known.staked) // KLP)}"
                self.put(f"floor:{id}", STAKE, id, None, None, act)
            if known.gone:
                self.drop(f"away:{id}")
                self.drop(f"audit:{id}")
        found, self.fresh = self.fresh, {}
        return found

    def _rules(self, e: events.rules.Adopted) -> None:
        if len(e.parameters) != len(fields(Parameters)):  # another version's
            return
        rules = Parameters.from_tuple(e.parameters)
        self.floors = {Role.NEURON: rules.neuron_stake, Role.AUDITOR: rules.auditor_stake}

    def _registered(self, e: events.registry.Registered) -> None:
        if e.role == Role.NEURON:
            self.seen[e.id] = self.network.tally.epoch

    def _posted(self, e: events.settlement.Posted) -> None:
        self.seen[e.id] = e.epoch
        self.drop(f"away:{e.id}")

    def _gone(self, e: events.registry.Gone) -> None:
        self.seen.pop(e.id, None)

    def _opened(self, e: events.clock.Opened) -> None:
        everybody = self.network.tally.everybody
        for id, last in self.seen.items():
            if e.epoch - last > AWAY and id in everybody and everybody[id].role == Role.NEURON:
                self.put(f"away:{id}", STAYS_AWAY, id, last)

    def _disputed(self, e: events.disputes.Disputed) -> None:
        which = f"epoch={e.epoch}&listener={e.listener}&speaker={e.speaker}"
        self.put(f"dispute:{which}", DISPUTE, e.listener, e.epoch, e.answer_by, f"answer?{which}")

    def _ended(self, e: events.disputes.DisputeEnded) -> None:
        self.drop(f"dispute:epoch={e.epoch}&listener={e.listener}&speaker={e.speaker}")

    def _concluded(self, e: events.audits.Concluded) -> None:
        if e.medians and e.passed:
            self.drop(f"audit:{e.neuron}")
        elif e.medians:
            self.put(f"audit:{e.neuron}", AUDIT, e.neuron, e.epoch)

    def _doubted(self, e: events.challenges.Doubted) -> None:
        self.put(f"doubt:{e.id.hex()}", DOUBT, e.place.auditor, e.place.epoch, e.answer_by)

    def _doubt_over(self, e: events.challenges.Shown | events.challenges.Upheld) -> None:
        self.drop(f"doubt:{e.id.hex()}")

    def _proposed(self, e: events.governance.ProposalCreated) -> None:
        self.put(f"vote:{e.proposal}", VOTE, 0, None, e.vote_end, f"vote?proposal={e.proposal}")

    def _extended(self, e: events.governance.ProposalExtended) -> None:
        if f"vote:{e.proposal}" in self.now:
            self.put(f"vote:{e.proposal}", VOTE, 0, None, e.deadline, f"vote?proposal={e.proposal}")

    def _vote_over(self, e: events.governance.ProposalQueued) -> None:
        self.drop(f"vote:{e.proposal}")

    def _thawing(self, e: events.stake.Thawing) -> None:
        self.put(f"thaw:{e.id}", THAWED, e.id, None, e.ready_at, f"withdraw?id={e.id}")

    def _withdrawn(self, e: events.stake.Withdrawn) -> None:
        self.drop(f"thaw:{e.id}")

    def _opened_job(self, e: events.jobs.Opened) -> None:
        self.put(f"job:{e.id}", JOB, 0, None, e.report_by, f"approve?job={e.id}")

    def _reported(self, e: events.jobs.Reported) -> None:
        self.put(f"job:{e.id}", REPORT, 0, None, e.final_at, f"object?job={e.id}")

    def _market(self, e: events.loans.Opened) -> None:
        if len(self.markets) < MOST:
            self.markets[e.id] = len(self.markets) + 1

    def _called(self, e: events.loans.Called) -> None:
        if e.id in self.markets:
            self.put(f"call:{e.id.hex()}:{e.owner}", CALLED, 0, None, None, f"repay?market={self.markets[e.id]}")

    def _call_over(self, e: events.loans.CallCleared) -> None:
        self.drop(f"call:{e.id.hex()}:{e.owner}")

    def _borrowed(self, e: events.loans.Borrowed) -> None:
        key = f"call:{e.id.hex()}:{e.owner}"
        if key in self.owed or len(self.owed) < MOST:
            self.owed[key] = self.owed.get(key, 0) + e.shares

    def _less_owed(self, e: events.loans.Repaid | events.loans.Liquidated) -> None:
        key = f"call:{e.id.hex()}:{e.owner}"
        left = self.owed.pop(key, 0) - e.shares
        if left > 0:
            self.owed[key] = left
        if left <= 0 or isinstance(e, events.loans.Liquidated):
            self.drop(key)

    def _job_over(self, e: events.jobs.WorkerPaid | events.jobs.Returned) -> None:
        self.drop(f"job:{e.id}")


STAKE, STAYS_AWAY, AUDIT = "its stake is under the least", "it stays away", "it lost its audit"
DISPUTE, DOUBT = "a dispute is to be answered", "an answer that it gave on is doubted"
VOTE, THAWED = "a vote is open", "stake thaws, and can be withdrawn then"
JOB, REPORT = "a job is to be reported on", "a job's report can be objected to"
CALLED = "a loan's margin is called: what is locked may be sold after the notice"
WHAT = (STAKE, STAYS_AWAY, AUDIT, DISPUTE, DOUBT, VOTE, THAWED, JOB, REPORT, CALLED)

_TAKES: dict[type[events.Event], Any] = {
    events.rules.Adopted: Alarms._rules, events.registry.Registered: Alarms._registered,
    events.registry.Gone: Alarms._gone, events.settlement.Posted: Alarms._posted, events.clock.Opened: Alarms._opened,
    events.disputes.Disputed: Alarms._disputed, events.disputes.DisputeEnded: Alarms._ended,
    events.audits.Concluded: Alarms._concluded, events.challenges.Doubted: Alarms._doubted,
    events.challenges.Shown: Alarms._doubt_over, events.challenges.Upheld: Alarms._doubt_over,
    events.governance.ProposalCreated: Alarms._proposed, events.governance.ProposalExtended: Alarms._extended,
    events.governance.ProposalQueued: Alarms._vote_over, events.governance.ProposalCanceled: Alarms._vote_over,
    events.governance.ProposalExecuted: Alarms._vote_over, events.stake.Thawing: Alarms._thawing,
    events.stake.Withdrawn: Alarms._withdrawn, events.jobs.Opened: Alarms._opened_job,
    events.jobs.Reported: Alarms._reported, events.jobs.WorkerPaid: Alarms._job_over,
    events.jobs.Returned: Alarms._job_over, events.jobs.Lapsed: Alarms._job_over,
    events.loans.Opened: Alarms._market, events.loans.Called: Alarms._called,
    events.loans.CallCleared: Alarms._call_over, events.loans.Borrowed: Alarms._borrowed,
    events.loans.Repaid: Alarms._less_owed, events.loans.Liquidated: Alarms._less_owed,
}  # fmt: skip
