"""A verifier that never reports: what it noted stands, and workers that it noted can have the whole price."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from ledger_helpers import KLP, Net, Role

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Ledger, _migrate
from klopf.ledger.market.jobs import Lapsed
from tests.ledger.cycles import DAY
from tests.ledger.farm import network

WINDOW, REPORT_IN = 3600, 1000


class Work(NamedTuple):
    id: int
    payer: Ledger
    verifier: Ledger
    workers: tuple[Ledger, ...]


@pytest.fixture(scope="module")
def net() -> Net:
    return network()


def begun(net: Net, *noted: int, price: int = 100 * KLP) -> Work:
    """A job of which as much is noted for each worker; a third worker is noted with nothing."""
    payer, verifier, *workers = (net.clients[net.join(Role.REQUESTER)] for _ in range(5))
    job = payer.jobs.open(verifier.me.address, price, net.admin.clock.now().time + REPORT_IN, WINDOW, bytes(32))
    verifier.jobs.note(job, {w.me.address: amount for w, amount in zip(workers, noted, strict=False) if amount})
    return Work(job, payer, verifier, tuple(workers))


def gains(net: Net, work: Work) -> list[int]:
    return [net.admin.token.balance(x.me.address) - 10_000 * KLP for x in (work.payer, *work.workers)]


def addresses(work: Work) -> list[str]:
    return [w.me.address for w in work.workers]


def is_empty(net: Net) -> None:
    assert net.admin.jobs.held() == 0 == net.admin.token.balance(net.admin.jobs.address)


def test_nobody_hurries_who_may_object(net: Net) -> None:
    payer, verifier = (net.clients[net.join(Role.REQUESTER)] for _ in range(2))
    for seconds in (0, 1, 3599, 30 * DAY + 1):
        with pytest.raises(Reverted, match="WrongTimes"):
            payer.jobs.open(verifier.me.address, KLP, net.admin.clock.now().time + 9, seconds, bytes(32))


def test_what_was_noted_is_paid_when_no_report_comes(net: Net) -> None:
    work = begun(net, 30 * KLP, 10 * KLP)
    assert net.admin.jobs.due(work.id, addresses(work)[0]) == 30 * KLP
    net.pass_time(REPORT_IN + 1)
    for call in (lambda: net.admin.jobs.give_back(work.id), lambda: net.admin.jobs.pay_all(work.id, addresses(work))):
        with pytest.raises(Reverted, match="WrongState"):  # workers may still object
            call()
    net.pass_time(WINDOW)
    with pytest.raises(Reverted, match="WrongState"):
        work.workers[0].jobs.dispute(work.id)  # too late
    net.admin.jobs.give_back(work.id)
    net.admin.jobs.pay_all(work.id, addresses(work))
    assert gains(net, work) == [-40 * KLP, 30 * KLP, 10 * KLP, 0]
    is_empty(net)


@pytest.mark.parametrize(
    ("noted", "price"),
    [((1, 1), 100 * KLP + 1), ((3, 10 * KLP), 10 * KLP + 4), ((7 * KLP, 93 * KLP), 100 * KLP), ((2, 3), 101)],
)
def test_a_verifier_that_stays_silent_costs_its_payer_the_price(net: Net, noted: tuple[int, int], price: int) -> None:
    work = begun(net, *noted, price=price)
    net.pass_time(REPORT_IN + 1)
    for stranger in (work.payer, work.verifier, work.workers[2]):
        with pytest.raises(Reverted, match="NotAllowed"):
            stranger.jobs.dispute(work.id)
    before = net.admin.token.balance(addresses(work)[1])
    work.workers[1].jobs.dispute(work.id)
    assert net.admin.token.balance(addresses(work)[1]) == before  # for nothing
    with pytest.raises(Reverted, match="WrongState"):
        work.workers[0].jobs.dispute(work.id)  # one is enough
    net.pass_time(14 * DAY - 10)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.give_back(work.id)
    net.pass_time(20)
    with pytest.raises(Reverted, match="WrongState"):
        work.verifier.jobs.report(work.id, {addresses(work)[0]: price})  # too late
    assert _migrate.holdings(net.admin)[work.payer.me.address] == 10_000 * KLP - price  # if the network moves now, too
    net.admin.jobs.pay(work.id, addresses(work)[0])
    with pytest.raises(Reverted, match="NothingDue"):
        net.admin.jobs.give_back(work.id)  # nothing returns, whatever is paid first
    held = _migrate.holdings(net.admin)
    net.admin.jobs.pay_all(work.id, addresses(work))
    first = price * noted[0] // sum(noted)
    assert gains(net, work) == [-price, first, price - first, 0]
    assert held[addresses(work)[1]] == 10_000 * KLP + price - first
    is_empty(net)


def test_an_objection_makes_the_verifier_report_or_the_owner_of_the_rules(net: Net) -> None:
    late, decided = begun(net, 5 * KLP, 0), begun(net, 1, 1)
    net.pass_time(REPORT_IN + 1)
    for work in (late, decided):
        work.workers[0].jobs.dispute(work.id)
    with pytest.raises(Reverted, match="NotAllowed"):
        late.payer.jobs.report(late.id, {})
    with pytest.raises(LedgerError, match="stand"):
        late.verifier.jobs.report(late.id, {addresses(late)[0]: 4 * KLP})
    late.verifier.jobs.report(late.id, {addresses(late)[0]: 5 * KLP, addresses(late)[1]: 20 * KLP})
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.give_back(late.id)
    late.payer.jobs.dispute(late.id)  # what is reported late is objected to as any report is
    net.admin.jobs.report(late.id, {addresses(late)[1]: 20 * KLP})
    net.admin.jobs._write("draft", decided.id, addresses(decided)[:1], [KLP])
    net.admin.jobs.report(decided.id, {addresses(decided)[1]: 2 * KLP})
    for work in (late, decided):
        net.admin.jobs.pay_all(work.id, addresses(work))
        net.admin.jobs.give_back(work.id)
    assert gains(net, late) == [-20 * KLP, 0, 20 * KLP, 0]  # and its bond is its own again
    assert gains(net, decided) == [-3 * KLP, KLP, 2 * KLP, 0]
    is_empty(net)


def test_who_noted_nobody_has_nobody_to_wait_for(net: Net) -> None:
    work = begun(net)
    net.pass_time(REPORT_IN + 1)
    with pytest.raises(Reverted, match="WrongState"):
        work.workers[0].jobs.dispute(work.id)
    net.admin.jobs.give_back(work.id)
    *_, told = [e for e in ledger.history(net.admin) if isinstance(e, Lapsed)]
    assert (told.due, told.split) == (0, False) and gains(net, work) == [0, 0, 0, 0]
    is_empty(net)


def test_a_report_says_what_is_due_in_all_and_goes_on_where_it_was_stopped(net: Net) -> None:
    """300 workers, of whom a page was sent before the verifier was killed."""
    work = begun(net, 2 * KLP, KLP)
    others = {f"0x{n + 2**80:040x}": KLP // 10 for n in range(300)}
    split = {addresses(work)[0]: 9 * KLP, addresses(work)[1]: KLP, **others}
    work.verifier.jobs.note(work.id, dict(list(others.items())[:150]))
    work.verifier.jobs.report(work.id, split)
    net.pass_time(WINDOW)
    assert {worker: net.admin.jobs.due(work.id, worker) for worker in split} == split
    net.admin.jobs.give_back(work.id)
    net.admin.jobs.pay_all(work.id, list(split))
    assert gains(net, work)[:3] == [-40 * KLP, 9 * KLP, KLP]
    is_empty(net)
    assert ledger.verify(net.admin, []) == []  # of all that these tests did
