"""Whatever people offer, bid, buy and want in whatever order: nobody's thing goes without its price and nobody's price
without its thing, and all bids come back. Each check is shown to catch a planted bug.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from ledger_helpers import KLP

from klopf.errors import LedgerError, Reverted
from klopf.ledger import Ledger
from klopf.ledger.finance import Kind, Thing
from klopf.ledger.finance.models import SHARES
from tests.ledger.finance.company import DAY
from tests.ledger.finance.test_trades import Fair
from tests.ledger.test_invariants import planted, play

WHO, NUMBER = st.integers(0, 2), st.integers(1, 3)
PRICE = st.integers(1, 100)
REFUSED = {
    "NotTraded", "NotYours", "WrongPrice", "SoldSince", "WrongTerms", "Nothing", "ERC721IncorrectOwner",
    "ERC721InsufficientApproval", "ERC721NonexistentToken", "ERC6909InsufficientBalance",
    "ERC6909InsufficientAllowance", "ERC721InvalidApprover",
}  # fmt: skip


class Trading(RuleBasedStateMachine):
    """Three people who have shares of a model, and one of them a device."""

    fair: Fair
    logs: ClassVar[list[dict[str, Any]]]

    def __init__(self) -> None:
        super().__init__()
        self.fair.rpc.back()
        self.fair.rpc._logs.extend(self.logs)
        self.book = self.fair.owner.trades

    def person(self, who: int) -> Ledger:
        return self.fair.people[who]

    def thing(self, device: bool) -> Thing:
        return Thing(Kind.DEVICE, self.fair.device) if device else Thing(Kind.SHARES, 1, SHARES // 8)

    @rule(who=WHO, device=st.booleans(), price=PRICE, way=st.integers(0, 2))
    def offer(self, who: int, device: bool, price: int, way: int) -> None:
        last = price * KLP // 2 if way == 1 else None
        self._try(lambda: self.person(who).trades.offer(
            self.thing(device), price * KLP, self.fair.now + DAY, last=last, rising=way == 2))  # fmt: skip

    @rule(who=WHO, id=NUMBER)
    def withdraw(self, who: int, id: int) -> None:
        self._try(lambda: self.person(who).trades.withdraw(id))

    @rule(who=WHO, id=NUMBER, part=st.integers(3, 5))
    def buy(self, who: int, id: int, part: int) -> None:
        """For three quarters of its price, for that, and for more."""
        if 0 < id <= self.book.offers():
            offer, one = self.book.offer_of(id), self.person(who)
            price, had, before = self.book.price(id), self._has(one, offer.thing), self._money(one)
            if self._try(lambda: one.trades.buy(id, price * part // 4)):
                itself = offer.seller == one.me.address
                assert part > 3 and not offer.rising and offer.open, "bought what was not to be had"
                assert self._has(one, offer.thing) - had == (0 if itself else offer.thing.amount)
                assert before - self._money(one) == (0 if itself else price)

    @rule(who=WHO, id=NUMBER, more=st.integers(-1, 3))
    def bid(self, who: int, id: int, more: int) -> None:
        if 0 < id <= self.book.offers():
            least = self.book.price(id)
            if self._try(lambda: self.person(who).trades.bid(id, least + more)):
                assert more >= 0, "less than the least bid"

    @rule(who=WHO, id=NUMBER)
    def settle(self, who: int, id: int) -> None:
        if 0 < id <= self.book.offers():
            offer = self.book.offer_of(id)
            if self._try(lambda: self.person(who).trades.settle(id)):
                assert self.fair.now > offer.until and self._owner_has(offer.bidder, offer.thing)

    @rule(id=NUMBER)
    def release(self, id: int) -> None:
        self._try(lambda: self.book.release(id))

    @rule(who=WHO, device=st.booleans(), price=PRICE)
    def want(self, who: int, device: bool, price: int) -> None:
        thing = Thing(Kind.DEVICE, 0) if device else self.thing(False)
        self._try(lambda: self.person(who).trades.want(thing, price * KLP, self.fair.now + DAY))

    @rule(who=WHO, id=NUMBER)
    def fill(self, who: int, id: int) -> None:
        if 0 < id <= self.book.wants():
            self._try(lambda: self.person(who).trades.fill(id, 1))

    @rule(who=WHO, id=NUMBER)
    def cancel(self, who: int, id: int) -> None:
        self._try(lambda: self.person(who).trades.cancel(id))

    @rule(who=WHO)
    def collect(self, who: int) -> None:
        self._try(lambda: self.person(who).trades.collect())

    @rule(seconds=st.sampled_from([60, 3600, DAY - 60, DAY + 60]))
    def wait(self, seconds: int) -> None:
        self.fair.wait(seconds)

    # several moves at once, each the shortest way to what must not be

    @rule()
    def sell(self) -> None:
        """At a price that falls, below it, at it, again; and what its seller has no more."""
        self.offer(0, False, 40, 1)
        self.offer(0, True, 40, 0)
        self.offer(0, False, 9, 0)
        self.wait(3600)
        for part in (3, 4, 4):
            for id in (1, 2, 3):
                self.buy(1, id, part)
        self.wait(DAY)
        self.buy(2, 2, 5)

    @rule()
    def auction(self) -> None:
        self.offer(0, True, 10, 2)
        for who, more in ((1, -1), (1, 0), (2, -1), (2, 0), (1, 3)):
            self.bid(who, 1, more)
        self.withdraw(0, 1)
        self.settle(2, 1)
        self.wait(DAY - 60)
        self.bid(2, 1, 0)
        self.wait(60)
        self.bid(1, 1, 0)
        self.wait(3600)
        self.bid(2, 1, 0)
        for who in (1, 1, 2, 2):
            self.collect(who)
        self.settle(2, 1)
        self.settle(2, 1)

    @rule()
    def cheat(self) -> None:
        """What is auctioned is sold elsewhere; the bid is let go after a day, once."""
        self.offer(0, True, 10, 2)
        self.bid(1, 1, 0)
        self.want(2, True, 7)
        for who in (1, 0, 0):
            self.fill(who, 2)  # the first brought the device here
        assert not self.book.want_of(2).open
        self.wait(DAY + 60)
        self.settle(1, 1)
        self.release(1)
        self.wait(DAY)
        self.release(1)
        self.release(1)
        self.collect(1)
        self.collect(1)

    @rule()
    def ask(self) -> None:
        self.want(0, False, 5)
        self.want(0, False, 6)
        for who in (1, 0, 0):
            self.cancel(who, 2)
        self.wait(DAY + 60)
        self.fill(1, 3)
        self.cancel(1, 3)

    def _money(self, one: Ledger) -> int:
        return one.token.balance(one.me.address)

    def _has(self, one: Ledger, thing: Thing) -> int:
        if thing.kind is Kind.DEVICE:
            return int(self.fair.owner.devices.owner(thing.id) == one.me.address)
        return one.models.shares(thing.id, one.me.address)

    def _owner_has(self, owner: str, thing: Thing) -> bool:
        return thing.kind is Kind.SHARES or self.fair.owner.devices.owner(thing.id) == owner

    def _try(self, move: Callable[[], Any]) -> bool:
        done = True
        try:
            move()
        except Reverted as error:
            assert error.name in REFUSED, error
            done = False
        self.check()
        return done

    def check(self) -> None:
        offers = [self.book.offer_of(id) for id in range(1, self.book.offers() + 1)]
        wants = [self.book.want_of(id) for id in range(1, self.book.wants() + 1)]
        here = sum(o.bid for o in offers if o.open) + sum(w.price for w in wants if w.open)
        here += sum(self.book.owed(one.me.address) for one in self.fair.people)
        assert self.fair.owner.token.balance(self.book.address) == here, "money is nowhere, or nobody's"

    def teardown(self) -> None:
        """All is over, and everybody has their money back."""
        self.fair.wait(3 * DAY)
        for id in range(1, self.book.offers() + 1):
            if self.book.offer_of(id).open and self.book.offer_of(id).bid:
                self._try(lambda id=id: self.book.release(id))  # type: ignore[misc]
        for id in range(1, self.book.wants() + 1):
            if self.book.want_of(id).open:
                self.book.cancel(id)
        for one in self.fair.people:
            if self.book.owed(one.me.address):
                one.trades.collect()
        assert self.fair.owner.token.balance(self.book.address) == 0, "something stays"
        self.fair.agrees()


WAYS = ("sell", "auction", "cheat", "ask")
"""The moves that are several at once."""


def run(sequences: int, hunting: bool = False) -> None:
    fair = Fair()
    fair.maker.trades.fill(fair.people[0].trades.want(Thing(Kind.DEVICE, 0), KLP, fair.now + DAY), fair.device)
    fair.rpc.keep()
    Trading.fair, Trading.logs = fair, list(fair.rpc._logs)
    for way in WAYS:  # each alone, from the beginning
        one = Trading()
        getattr(one, way)()
        one.teardown()
    if sequences:
        play(sequences, 12, hunting, Trading)  # type: ignore[arg-type]


@pytest.mark.timeout(300)
def test_trades_add_up() -> None:
    run(3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_trades_add_up_in_500_sequences() -> None:
    run(500)


BUGS = {
    "sold again and again": (
        "o.state = State.Done;\n        // EMIT\n        emit OfferSold(id, msg.sender",
        "// EMIT\n        emit OfferSold(id, msg.sender",
    ),
    "settled again and again": (
        "o.state = State.Done;\n        // EMIT\n        emit OfferSold(id, o.bidder",
        "// EMIT\n        emit OfferSold(id, o.bidder",
    ),
    "at whatever price": ("if (price > most) revert WrongPrice(price, most);", "if (price > most) price = most;"),
    "a price that is not paid": (
        "token.safeTransferFrom(msg.sender, address(this), price);\n        token.safeTransfer(o.seller, price);\n",
        "",
    ),
    "a thing that is not given": (
        "token.safeTransfer(o.seller, o.bid);\n        _give(o.thing, o.thing.id, o.seller, o.bidder, o.sales);",
        "token.safeTransfer(o.seller, o.bid);",
    ),
    "a bid that is outbid and lost": ("if (o.bid != 0) owed[o.bidder] += o.bid;", ""),
    "collected again and again": ("owed[msg.sender] = 0;", ""),
    "a bid below the least": ("if (amount < least) revert WrongPrice(least, amount);", ""),
    "settled before the end": (
        "if (o.state != State.Open || o.bid == 0 || block.timestamp <= o.until) revert",
        "if (o.state != State.Open || o.bid == 0) revert",
    ),
    "let go and kept": ("o.state = State.Over;\n        owed[o.bidder] += o.bid;", "owed[o.bidder] += o.bid;"),
    "withdrawn with a bid": ("if (o.state != State.Open || o.bid != 0) revert", "if (o.state != State.Open) revert"),
    "another price falls": ("uint256(o.first - o.last) * passed", "uint256(o.first) * passed"),
    "given again and again": ("w.state = State.Done;", ""),
    "given for nothing": ("token.safeTransfer(msg.sender, w.price);", ""),
    "cancelled again and again": ("w.state = State.Over;", ""),
    "cancelled by anybody": (
        "if (w.by != msg.sender && block.timestamp <= w.until) revert NotYours(msg.sender);",
        "w.by = msg.sender;",
    ),
    "too late to bid": (
        "if (o.state != State.Open || !o.rising || block.timestamp > o.until) revert",
        "if (o.state != State.Open || !o.rising) revert",
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caught = pytest.raises((AssertionError, LedgerError))
    with planted("Trades", *BUGS[bug], contracts, tmp_path, monkeypatch), caught:
        run(20, hunting=True)
