"""Devices and shares change hands together with their price, or not at all; bids rest, and all come back."""

from __future__ import annotations

import pytest
from ledger_helpers import KLP, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Ledger
from klopf.ledger.finance import Kind, Thing
from klopf.ledger.finance.models import SHARES
from tests.ledger.finance.company import DAY, Company


class Fair(Company):
    """A model whose shares three people and the founder have, and a device of the first worker's."""

    def __init__(self) -> None:
        super().__init__()
        id, neuron = self.filled(), self.audited()
        deed = self.founder.models.deed(id, neuron)
        self.model = self.mint(deed, 0, 1)
        self.maker, self.other = self.workers
        self.device = self.maker.devices.mint(secret(70), 4, 1, 1024, bytes(32))

    def half(self) -> Thing:
        return Thing(Kind.SHARES, self.model, SHARES // 8)

    def money(self, who: Ledger) -> int:
        return who.token.balance(who.me.address)


@pytest.fixture
def fair() -> Fair:
    return Fair()


def test_a_share_and_its_price_change_hands_together(fair: Fair) -> None:
    seller, buyer = fair.people[0], fair.other
    id = seller.trades.offer(fair.half(), 100 * KLP, fair.now + DAY)
    before, shares = fair.money(seller), seller.models.shares(1, seller.me.address)
    with pytest.raises(Reverted, match="WrongPrice"):
        buyer.trades.buy(id, 100 * KLP - 1)
    with pytest.raises(Reverted, match="NotTraded"):
        buyer.trades.bid(id, 200 * KLP)
    fair.founder.models.earn(fair.model, 8 * KLP)  # while it is offered: the seller's
    buyer.trades.buy(id, 200 * KLP)
    assert fair.money(seller) == before + 100 * KLP
    assert buyer.models.shares(1, buyer.me.address) == SHARES // 8
    assert seller.models.shares(1, seller.me.address) == shares - SHARES // 8
    assert buyer.models.claimable(1, buyer.me.address) == 0
    with pytest.raises(Reverted, match="NotTraded"):
        buyer.trades.buy(id, 200 * KLP)
    with pytest.raises(Reverted, match="NotYours"):
        buyer.trades.offer(Thing(Kind.SHARES, fair.model, SHARES // 8 + 1), KLP, fair.now + DAY)
    fair.agrees()


def test_two_offers_of_a_model_are_both_good(fair: Fair) -> None:
    """What is allowed for the second is beside what was allowed for the first."""
    seller, buyer = fair.people[0], fair.other
    ids = [seller.trades.offer(Thing(Kind.SHARES, fair.model, n * SHARES // 32), KLP, fair.now + DAY) for n in (3, 1)]
    for id in ids:
        buyer.trades.buy(id, KLP)
    assert buyer.models.shares(1, buyer.me.address) == SHARES // 8


def test_what_is_bought_may_be_given_on_at_once_and_no_offer_is_left_out(fair: Fair) -> None:
    a, buyer = fair.people[0], fair.other
    id = fair.maker.trades.offer(Thing(Kind.DEVICE, fair.device), KLP, fair.now + DAY)
    bought = buyer.trades.buy(id, KLP)
    fair.rpc.join(bought.hash, buyer.devices.transfer(fair.device, a.me.address).hash)
    fair.agrees()
    a.trades.offer(Thing(Kind.DEVICE, fair.device), KLP, fair.now + DAY)
    fair.rpc._logs.pop()
    (line,) = ledger.verify(fair.owner, fair.net.receipts)
    assert str(line) == "the contract's offers and requests: must be (1, 0), is (2, 0)"


def test_a_price_that_falls(fair: Fair) -> None:
    id = fair.maker.trades.offer(Thing(Kind.DEVICE, fair.device), 100 * KLP, fair.now + 100, last=40 * KLP)
    prices = []
    for _ in range(3):
        prices.append(fair.other.trades.price(id) // KLP)
        fair.wait(25)
    before = fair.money(fair.other)
    fair.other.trades.buy(id, 100 * KLP)
    assert prices == [100, 85, 70] and before - fair.money(fair.other) == 55 * KLP
    assert fair.owner.devices.owner(fair.device) == fair.other.me.address
    fair.agrees()


def test_who_bids_most_has_it_and_all_others_their_bids(fair: Fair) -> None:
    a, b, _ = fair.people
    had = [fair.money(one) for one in (a, b)]
    id = fair.maker.trades.offer(Thing(Kind.DEVICE, fair.device), 100 * KLP, fair.now + DAY, rising=True)
    with pytest.raises(Reverted, match="WrongPrice"):
        a.trades.bid(id, 100 * KLP - 1)
    a.trades.bid(id, 100 * KLP)
    with pytest.raises(Reverted, match="WrongPrice"):
        b.trades.bid(id, 105 * KLP - 1)
    with pytest.raises(Reverted, match="NotTraded"):
        fair.maker.trades.withdraw(id)
    fair.wait(DAY - 60)
    b.trades.bid(id, 105 * KLP)  # in the last minute: ten more
    fair.wait(500)
    with pytest.raises(Reverted, match="NotTraded"):
        b.trades.settle(id)
    fair.wait(200)
    with pytest.raises(Reverted, match="NotTraded"):
        a.trades.bid(id, 200 * KLP)
    fair.other.trades.settle(id)
    assert fair.owner.devices.owner(fair.device) == b.me.address
    a.trades.collect()
    with pytest.raises(Reverted, match="Nothing"):
        b.trades.collect()
    assert [fair.money(one) - before for one, before in zip((a, b), had, strict=True)] == [0, -105 * KLP]
    assert fair.owner.token.balance(fair.owner.trades.address) == 0
    fair.agrees()


def test_a_seller_who_does_not_deliver_keeps_nobodys_money(fair: Fair) -> None:
    a = fair.people[0]
    id = fair.maker.trades.offer(Thing(Kind.DEVICE, fair.device), KLP, fair.now + DAY, rising=True)
    fixed = fair.maker.trades.offer(Thing(Kind.DEVICE, fair.device), KLP, fair.now + DAY)
    a.trades.bid(id, 50 * KLP)
    own = fair.maker.trades.want(Thing(Kind.DEVICE, 0), KLP, fair.now + DAY)
    fair.maker.trades.fill(own, fair.device)  # it goes round: not sold, but not what was offered either
    want = fair.other.trades.want(Thing(Kind.DEVICE, 0), 7 * KLP, fair.now + DAY)
    fair.maker.trades.fill(want, fair.device)
    with pytest.raises(Reverted, match="SoldSince"):
        a.trades.buy(fixed, KLP)
    fair.wait(DAY + 1)
    with pytest.raises(Reverted, match="SoldSince"):
        a.trades.settle(id)
    with pytest.raises(Reverted, match="NotTraded"):
        a.trades.release(id)
    fair.wait(DAY)
    fair.owner.trades.release(id)
    assert a.trades.owed(a.me.address) == 50 * KLP
    fair.agrees()
    a.trades.collect()
    fair.agrees()


def test_one_of_a_kind_is_wanted_and_given(fair: Fair) -> None:
    a, b, _ = fair.people
    had, until = fair.money(b), fair.now + DAY
    for wrong in (Thing(Kind.SHARES, 0, 1), Thing(Kind.DEVICE, 0, 2), Thing(Kind.SHARES, 1, 0)):
        with pytest.raises(Reverted, match="WrongTerms"):
            b.trades.want(wrong, KLP, until)
    shares, any_device = (b.trades.want(thing, 9 * KLP, until) for thing in (fair.half(), Thing(Kind.DEVICE, 0)))
    a.trades.fill(shares, fair.model)
    fair.maker.trades.fill(any_device, fair.device)
    assert fair.owner.devices.owner(fair.device) == b.me.address and had - fair.money(b) == 18 * KLP
    with pytest.raises(Reverted, match="NotTraded"):
        a.trades.fill(shares, fair.model)
    third = b.trades.want(fair.half(), 5 * KLP, until)
    with pytest.raises(Reverted, match="NotYours"):
        a.trades.cancel(third)
    with pytest.raises(Reverted):
        fair.other.trades.fill(third, fair.model)  # who has none
    with pytest.raises(Reverted, match="WrongTerms"):
        a.trades.fill(third, fair.model + 1)
    b.trades.cancel(third)
    with pytest.raises(Reverted, match="NotTraded"):
        b.trades.cancel(third)
    assert fair.owner.token.balance(b.trades.address) == 0
    fair.agrees()
