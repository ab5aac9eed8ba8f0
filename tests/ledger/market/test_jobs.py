"""Jobs whose price is locked first: paid by contribution, the rest returned, disputes decided."""

from __future__ import annotations

import pytest
from ledger_helpers import KLP, Net, Role

from klopf import ledger
from klopf.errors import Reverted
from tests.ledger.cycles import DAY


class Work:
    """A job with a payer, a verifier and two workers."""

    def __init__(self, net: Net, price: int = 100 * KLP) -> None:
        self.net = net
        self.payer, self.verifier, *self.workers = (net.clients[net.join(Role.REQUESTER)] for _ in range(4))
        now = net.admin.clock.now().time
        self.id = self.payer.jobs.open(self.verifier.me.address, price, now + 1000, 3600, bytes(32))

    def balances(self) -> list[int]:
        return [self.net.admin.token.balance(x.me.address) // KLP - 10_000 for x in (self.payer, *self.workers)]

    def report(self, *amounts: int, by: ledger.Ledger | None = None) -> None:
        split = {w.me.address: a * KLP for w, a in zip(self.workers, amounts, strict=True)}
        (by or self.verifier).jobs.report(self.id, split)


def test_a_job_is_paid_by_contribution_and_the_rest_returns(net: Net) -> None:
    job = Work(net)
    assert job.balances() == [-100, 0, 0]
    with pytest.raises(Reverted, match="NotAllowed"):
        job.report(50, 20, by=job.payer)
    with pytest.raises(Reverted, match="OverPrice"):
        job.report(50, 51)
    job.report(50, 20)
    a, b = (w.me.address for w in job.workers)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.pay(job.id, a)
    net.pass_time(3601)
    net.admin.jobs.pay(job.id, a)
    with pytest.raises(Reverted, match="NothingDue"):
        net.admin.jobs.pay(job.id, a)
    net.admin.jobs.give_back(job.id)  # what b is due stays
    assert job.balances() == [-70, 50, 0]
    with pytest.raises(Reverted, match="NothingDue"):
        net.admin.jobs.give_back(job.id)
    net.admin.jobs.pay(job.id, b)
    assert job.balances() == [-70, 50, 20]
    assert net.admin.jobs.held() == 0
    assert ledger.verify(net.admin, []) == []


def test_a_job_that_nobody_reports_on_is_the_payers_again(net: Net) -> None:
    job = Work(net)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.give_back(job.id)
    net.pass_time(1001)
    with pytest.raises(Reverted, match="WrongTimes"):
        job.report(1, 1)
    net.admin.jobs.give_back(job.id)
    assert job.balances() == [0, 0, 0]
    assert ledger.verify(net.admin, []) == []


def test_a_dispute_is_decided_by_the_rules_owner_or_by_time(net: Net) -> None:
    first = Work(net)
    first.report(90, 10)
    with pytest.raises(Reverted, match="NotAllowed"):
        first.verifier.jobs.dispute(first.id)
    first.workers[1].jobs.dispute(first.id)
    net.pass_time(3601)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.pay(first.id, first.workers[0].me.address)
    with pytest.raises(Reverted, match="NotAllowed"):
        first.report(100, 0)
    first.report(50, 50, by=net.admin)
    for worker in first.workers:
        net.admin.jobs.pay(first.id, worker.me.address)
    assert first.balances() == [-100, 50, 50]
    second = Work(net)
    second.report(80, 0)
    second.payer.jobs.dispute(second.id)
    net.pass_time(91 * DAY)  # nobody decides: the report stands
    net.admin.jobs.give_back(second.id)
    net.admin.jobs.pay(second.id, second.workers[0].me.address)
    assert second.balances() == [-85, 80, 0]  # and the bond is burnt
    assert net.admin.token.burnt() == 5 * KLP
    assert ledger.verify(net.admin, []) == []


def test_a_report_after_its_window_cannot_be_disputed(net: Net) -> None:
    job = Work(net)
    job.report(10, 0)
    net.pass_time(3601)
    with pytest.raises(Reverted, match="WrongState"):
        job.payer.jobs.dispute(job.id)
