"""A neuron answers a requester when it is paid for sure, and says in one line why not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from klopf import wire
from klopf.errors import Unanswered
from klopf.ledger import KLP, Role
from klopf.peers._vouchers import Purse, Till
from tests.ledger.conftest import Net, embedded

PRICE = KLP // 100


@pytest.fixture
def net() -> Net:
    """Neurons 1 and 2, and requester 3 with 10 KLP deposited."""
    made = embedded()
    for role in (Role.NEURON, Role.NEURON, Role.REQUESTER):
        made.join(role)
    made.clients[3].vouchers.deposit(3, 10 * KLP)
    made.admin.clock.start()
    return made


def who(net: Net, id: int, folder: Path) -> Any:
    """What the two ends need of a participant."""

    async def on_ledger(call: Any, *arguments: Any) -> Any:
        return call(*arguments)

    others = {p.id: p for p in net.admin.registry.all()}
    known = SimpleNamespace(reserves={})
    return SimpleNamespace(away=False, neighbours=known, thaw_seconds=60,
                           id=id, book=net.clients[id], folder=folder, others=others, on_ledger=on_ledger,
                           attempt=lambda what, call, *arguments: on_ledger(call, *arguments),
                           speakers=lambda: [1, 2])  # fmt: skip


def peer(net: Net, id: int) -> Any:
    return SimpleNamespace(id=id, key=net.clients[id].me.address)


def ask(till: Till, net: Net, samples: int, offer: int, record: Any, by: int = 3) -> None:
    """A question that was answered."""
    paid = asyncio.run(till.check(peer(net, by), samples, offer, record))
    if paid is not None:
        till.keep(paid)


def refused(till: Till, net: Net, samples: int, offer: int, record: Any, why: str, by: int = 3) -> None:
    with pytest.raises(wire.Decline, match=why) as caught:
        ask(till, net, samples, offer, record, by)
    assert "\n" not in str(caught.value)


def test_a_question_is_answered_once_it_is_reserved_and_promised(net: Net, tmp_path: Path) -> None:
    (tmp_path / "asks").mkdir()
    (tmp_path / "answers").mkdir()
    purse = asyncio.run(Purse.open(who(net, 3, tmp_path / "asks")))
    till = Till.open(who(net, 1, tmp_path / "answers"), PRICE)
    refused(till, net, 5, PRICE, purse.promise(1, 0), "are owed with this question")
    assert asyncio.run(purse.reserve({1: 4 * KLP, 2: 4 * KLP})) == [1, 2]
    for _ in range(3):
        ask(till, net, 100, PRICE, purse.promise(1, 100 * PRICE))
    asyncio.run(till.redeem())
    assert net.admin.vouchers.reserved(3, 1).redeemed == 3 * KLP
    again = asyncio.run(Purse.open(who(net, 3, tmp_path / "asks")))  # both ends go on where they were
    till = Till.open(who(net, 1, tmp_path / "answers"), PRICE)
    ask(till, net, 100, PRICE, again.promise(1, 100 * PRICE))
    refused(till, net, 1, PRICE, again.promise(1, PRICE), "the reserve is good for")
    asyncio.run(till.redeem())
    assert net.admin.vouchers.reserved(3, 1).redeemed == 4 * KLP
    assert asyncio.run(again.reserve({1: 100 * KLP, 2: 100 * KLP})) == []


def test_who_does_not_pay_is_told_why(net: Net, tmp_path: Path) -> None:
    own = net.clients[3].vouchers
    own.reserve(3, {1: 2 * KLP})
    till = Till.open(who(net, 1, tmp_path), PRICE)
    ask(till, net, 5, 0, None, by=2)  # neurons ask one another for nothing
    refused(till, net, 5, 0, None, "an answer costs")
    refused(till, net, 5, PRICE - 1, None, "an answer costs")
    refused(till, net, 5, PRICE, None, "without a voucher")
    refused(till, net, 5, PRICE, {"total": "5"}, "no valid voucher")
    refused(till, net, 5, PRICE, own.sign(3, 2, KLP).to_json(), "between others")
    refused(till, net, 5, PRICE, net.clients[2].vouchers.sign(3, 1, KLP).to_json(), "no valid voucher")
    ask(till, net, 100, PRICE, own.sign(3, 1, KLP).to_json())
    refused(till, net, 100, PRICE, own.sign(3, 1, KLP).to_json(), "are owed with this question")  # replayed
    refused(till, net, 100, PRICE, own.sign(3, 1, KLP // 2).to_json(), "are owed with this question")  # lower
    refused(till, net, 100, PRICE, own.sign(3, 1, 3 * KLP).to_json(), "the reserve is good for")


def test_what_thaws_pays_for_nothing_and_what_was_answered_before_is_paid(net: Net, tmp_path: Path) -> None:
    own = net.clients[3].vouchers
    own.reserve(3, {1: 2 * KLP})
    till = Till.open(who(net, 1, tmp_path), PRICE)
    ask(till, net, 100, PRICE, own.sign(3, 1, KLP).to_json())
    own.thaw(3, 1, 2 * KLP)
    refused(till, net, 200, PRICE, own.sign(3, 1, 3 * KLP).to_json(), "the reserve is good for 0")
    asyncio.run(till.redeem())
    assert net.admin.vouchers.reserved(3, 1).redeemed == KLP


def test_while_the_ledger_is_away_what_was_reserved_pays_and_no_more(net: Net, tmp_path: Path) -> None:
    (tmp_path / "asks").mkdir()
    (tmp_path / "answers").mkdir()
    buyer, seller = who(net, 3, tmp_path / "asks"), who(net, 1, tmp_path / "answers")
    purse, till = asyncio.run(Purse.open(buyer)), Till.open(seller, PRICE)
    assert asyncio.run(purse.reserve({1: 100 * PRICE}, ahead=50 * PRICE)) == [1]
    ask(till, net, 10, PRICE, purse.promise(1, 10 * PRICE))

    async def away(call: Any, *arguments: Any) -> Any:
        raise Unanswered("the node is away")

    buyer.on_ledger = seller.on_ledger = buyer.attempt = away
    buyer.away = True
    till._good_for.clear()  # as at the end of an epoch
    assert asyncio.run(purse.reserve({1: 140 * PRICE})) == [1]
    assert asyncio.run(purse.reserve({1: 141 * PRICE})) == []
    ask(till, net, 140, PRICE, purse.promise(1, 140 * PRICE))
    refused(till, net, 1, PRICE, purse.promise(1, PRICE), "the reserve is good for")
    till._good_for.clear()
    seller.thaw_seconds = 0
    refused(till, net, 1, PRICE, purse.promise(1, PRICE), "the ledger is away")
