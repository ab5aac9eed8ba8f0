"""Jobs of any number of workers; disputes cost something and delay a bounded time; nobody is its own verifier."""

from __future__ import annotations

import pytest
from ledger_helpers import KLP, Net, Role, secret

from klopf import ledger
from klopf.errors import Reverted
from tests.ledger.cycles import DAY
from tests.ledger.farm import MOST_GAS, network


def opened(net: Net, window: int = 3600) -> tuple[int, ledger.Ledger, ledger.Ledger]:
    payer, verifier = (net.clients[net.join(Role.REQUESTER)] for _ in range(2))
    now = net.admin.clock.now().time
    return payer.jobs.open(verifier.me.address, 100 * KLP, now + 1000, window, bytes(32)), payer, verifier


@pytest.mark.parametrize("workers", [1, 151, 300, 701])
def test_any_number_of_workers_is_paid_within_a_transactions_gas(workers: int) -> None:
    net = network()
    job, payer, verifier = opened(net)
    split = {secret(10_000 + i).address: KLP // 10 for i in range(workers)}
    gas = [verifier.jobs.report(job, split).gas]
    net.pass_time(3600)
    before = net.admin.token.balance(payer.me.address)
    gas.append(net.admin.jobs.give_back(job).gas)
    assert net.admin.token.balance(payer.me.address) - before == 100 * KLP - sum(split.values())
    gas += [sent.gas for sent in net.admin.jobs.pay_all(job, list(split))]
    assert all(net.admin.token.balance(worker) == KLP // 10 for worker in split)
    assert net.admin.jobs.held() == 0 and max(gas) < MOST_GAS
    net.admin.jobs.pay_all(job, list(split)[:3])  # again: nothing


def test_who_cannot_be_paid_is_not_reported() -> None:
    net = network()
    job, payer, verifier = opened(net)
    for nobody in ("0x" + "00" * 20, net.admin.jobs.address):
        with pytest.raises(Reverted, match="WrongReport"):
            verifier.jobs.report(job, {nobody: KLP})
    for wrong in (payer.me.address, "0x" + "00" * 20):
        with pytest.raises(Reverted, match="WrongVerifier"):
            payer.jobs.open(wrong, KLP, net.admin.clock.now().time + 9, 3600, bytes(32))


@pytest.mark.parametrize("price", [1, 19, 20, 10**18 + 1, 100 * KLP])
def test_a_report_that_stands_burns_the_bond(net: Net, price: int) -> None:
    payer, verifier, stranger = (net.clients[net.join(Role.REQUESTER)] for _ in range(3))
    now = net.admin.clock.now().time
    job = payer.jobs.open(verifier.me.address, price, now + 1000, 3600, bytes(32))
    verifier.jobs.report(job, {verifier.me.address: price})
    bond = stranger.jobs.bond(job)
    assert bond == -(-price // 20) > 0
    before = net.admin.token.balance(stranger.me.address)
    stranger.jobs.dispute(job)
    assert net.admin.token.balance(stranger.me.address) == before - bond
    assert net.admin.jobs.bonded(job) == (stranger.me.address, bond)
    net.pass_time(14 * DAY - 10)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.pay(job, verifier.me.address)
    net.pass_time(20)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.report(job, {})  # too late to decide
    net.admin.jobs.pay(job, verifier.me.address)
    assert net.admin.token.burnt() == bond and net.admin.jobs.held() == 0
    assert ledger.verify(net.admin, []) == []


def test_a_worker_who_was_left_out_disputes_and_has_its_bond_back(net: Net) -> None:
    """A payer whose friend verifies and reports nobody; whoever decides may need several pages."""
    job, payer, verifier = opened(net)
    worker = net.clients[net.join(Role.NEURON)]
    verifier.jobs.report(job, {})
    worker.jobs.dispute(job)
    with pytest.raises(Reverted, match="WrongState"):
        payer.jobs.dispute(job)
    net.admin.jobs._write("draft", job, [worker.me.address], [60 * KLP])
    net.admin.jobs.report(job, {secret(7).address: KLP})
    before = net.admin.token.balance(worker.me.address)
    net.admin.jobs.pay_all(job, [worker.me.address, secret(7).address])
    net.admin.jobs.give_back(job)
    assert net.admin.token.balance(worker.me.address) - before == 60 * KLP
    assert net.admin.token.burnt() == 0 and net.admin.jobs.held() == 0
    assert ledger.verify(net.admin, []) == []


def test_a_decision_that_confirms_the_report_burns_the_bond(net: Net) -> None:
    job, payer, verifier = opened(net)
    split = {secret(7).address: 3 * KLP, secret(8).address: 4 * KLP}
    verifier.jobs.report(job, split)
    payer.jobs.dispute(job)
    net.admin.jobs.report(job, split)
    assert net.admin.token.burnt() == 5 * KLP
    assert ledger.verify(net.admin, []) == []
