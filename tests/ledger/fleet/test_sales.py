"""A sale: what is sold and its price change hands together, or neither does."""

from __future__ import annotations

import pytest
from ledger_helpers import KLP, Net, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Ledger

DAY = 24 * 3600
WHAT = b"w" * 32


def people(net: Net) -> tuple[Ledger, Ledger, Ledger, int]:
    """A maker, a buyer with 100 KLP, somebody else with as much, and the maker's device."""
    found = []
    for number in (70, 71, 72):
        net.admin.fund(secret(number).address, tokens=100 * KLP)
        found.append(ledger.connect(net.admin.rpc.where, secret(number), net.admin.deployment))
    maker, buyer, other = found
    return maker, buyer, other, maker.devices.mint(secret(80), 4, 1, 1024, b"d" * 32)


def test_a_device_and_its_price_change_hands_in_one_transaction(net: Net) -> None:
    maker, buyer, other, device = people(net)
    until = net.admin.clock.now().time + DAY
    offer = maker.sales.offer(30 * KLP, until, device=device, buyer=buyer.me.address)
    with pytest.raises(Reverted, match="NotForYou"):
        other.sales.buy(offer)
    buyer.sales.buy(offer)
    assert net.admin.devices.owner(device) == buyer.me.address
    assert [net.admin.token.balance(one.me.address) for one in (maker, buyer)] == [130 * KLP, 70 * KLP]
    said = net.admin.sales.offered(offer)
    assert (said.state, said.buyer, said.device) == ("sold", buyer.me.address, device)
    for again in (buyer, other):
        with pytest.raises(Reverted, match="NotOffered"):
            again.sales.buy(offer)
    assert ledger.verify(net.admin, []) == []


def test_where_one_of_the_two_cannot_be_neither_is(net: Net) -> None:
    maker, buyer, _, device = people(net)
    until = net.admin.clock.now().time + DAY
    dear = maker.sales.offer(101 * KLP, until, device=device)
    with pytest.raises(Reverted, match="ERC20InsufficientBalance"):
        buyer.sales.buy(dear)  # the price is not there: the device stays
    assert net.admin.devices.owner(device) == maker.me.address
    fair = maker.sales.offer(20 * KLP, until, device=device)
    maker.devices.approve("0x" + "00" * 20, device)
    with pytest.raises(Reverted, match="ERC721InsufficientApproval"):
        buyer.sales.buy(fair)  # the device cannot be handed over: the price stays
    assert net.admin.token.balance(buyer.me.address) == 100 * KLP
    assert net.admin.token.balance(net.admin.address("Sales")) == 0
    assert ledger.verify(net.admin, []) == []


def test_an_offer_ends_by_time_by_its_seller_or_by_another_sale(net: Net) -> None:
    maker, buyer, other, device = people(net)
    now = net.admin.clock.now().time
    late, back, stale = (maker.sales.offer(KLP, now + seconds, device=device) for seconds in (100, DAY, DAY))
    with pytest.raises(Reverted, match="NotForYou"):
        buyer.sales.withdraw(back)
    maker.sales.withdraw(back)
    net.pass_time(200)
    maker.devices.transfer(device, other.me.address)
    other.devices.transfer(device, maker.me.address)
    maker.devices.approve(net.admin.address("Sales"), device)  # for another offer, at another price
    for gone in (late, back, stale, 99):
        with pytest.raises(Reverted, match="NotOffered"):
            buyer.sales.buy(gone)
    assert net.admin.sales.offered(back).state == "withdrawn"
    assert ledger.verify(net.admin, []) == []


def test_a_right_is_sold_without_a_device(net: Net) -> None:
    maker, buyer, _, device = people(net)
    until = net.admin.clock.now().time + DAY
    with pytest.raises(Reverted, match="NotYours"):
        maker.sales.offer(KLP, until)  # nothing is named
    with pytest.raises(Reverted, match="ERC721InvalidApprover"):
        buyer.sales.offer(KLP, until, device=device)
    with pytest.raises(Reverted, match="NotYours"):
        buyer.sales._write("offer", maker.me.address, KLP, until, device, WHAT)
    with pytest.raises(Reverted, match="WrongTimes"):
        maker.sales.offer(KLP, until - DAY - 5, what=WHAT)
    offer = maker.sales.offer(2 * KLP, until, what=WHAT)
    buyer.sales.buy(offer)
    assert net.admin.sales.offered(offer).what == WHAT and net.admin.sales.offered(offer).buyer == buyer.me.address
    assert ledger.verify(net.admin, []) == []
