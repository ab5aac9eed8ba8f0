"""A neuron does not end LISTEN before those who pay it have posted; nobody else holds it up, and nobody for long."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from klopf.ledger import Role
from klopf.peers import _buyers
from klopf.peers._buyers import Buyers
from tests.ledger.conftest import Net, embedded

NEURON, REQUESTER = 1, 2


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    """Neuron 1 and requester 2, both there as LISTEN of epoch 1 begins, which lasts 60 seconds at most."""
    made = embedded()
    for role in (Role.NEURON, Role.REQUESTER):
        made.join(role)
    made.admin.clock.start()
    monkeypatch.setattr(_buyers, "POLL", 0.01)
    return made


def buyers_of(net: Net) -> Buyers:
    async def on_ledger(call: Any, *arguments: Any) -> Any:
        return call(*arguments)

    async def now() -> Any:
        return net.admin.clock.now()

    return Buyers(SimpleNamespace(on_ledger=on_ledger, now=now, book=net.clients[NEURON]))  # type: ignore[arg-type]


def waits(buyers: Buyers, epoch: int, meanwhile: Any = None) -> bool:
    """Whether it still waits after a while; what happens ``meanwhile`` may end that."""

    async def both() -> bool:
        waiting = asyncio.create_task(buyers.have_posted(epoch))
        await asyncio.sleep(0.05)
        if meanwhile is not None:
            assert not waiting.done()
            meanwhile()
        done, _ = await asyncio.wait([waiting], timeout=0.2 if meanwhile is None else 5)
        waiting.cancel()
        return not done

    return asyncio.run(both())


def test_who_pays_is_waited_for_until_it_has_posted(net: Net) -> None:
    buyers = buyers_of(net)
    assert not waits(buyers, 1)  # nobody has paid
    buyers.paid(REQUESTER, 1)
    assert waits(buyers, 1)
    assert not waits(buyers, 1, lambda: net.clients[REQUESTER].settlement.post(REQUESTER, bytes(32), bytes(32)))
    assert not waits(buyers, 1)


def test_who_has_nothing_to_post_says_so(net: Net) -> None:
    buyers = buyers_of(net)
    buyers.paid(REQUESTER, 1)
    assert not waits(buyers, 1, lambda: net.clients[REQUESTER].clock.arrive(REQUESTER))


def test_who_paid_in_the_epoch_before_is_waited_for_though_it_has_not_asked_yet_and_who_went_is_not(net: Net) -> None:
    buyers = buyers_of(net)
    buyers.paid(REQUESTER, 1)
    net.clients[REQUESTER].settlement.post(REQUESTER, bytes(32), bytes(32))
    net.advance()  # it was too late for CLAIM
    net.advance()
    assert waits(buyers, 2)
    net.advance()
    net.advance()
    buyers.paid(REQUESTER, 3)  # from a buyer who was away for an epoch, or who buys once
    assert not waits(buyers, 3)


def test_nobody_is_waited_for_longer_than_half_of_listen_or_into_the_next_phase(net: Net) -> None:
    buyers = buyers_of(net)
    buyers.paid(REQUESTER, 1)
    seconds = net.admin.rules.current().listen_seconds
    net.pass_time(seconds // 2 - 10)
    assert waits(buyers, 1)
    net.pass_time(11)
    assert not waits(buyers, 1)
    net.advance()
    assert not waits(buyers, 1)
