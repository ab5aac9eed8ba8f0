"""A market of devices and of models' shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from klopf.errors import LedgerError
from klopf.ledger._abi import FunctionABI
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._replay import Replay
from klopf.ledger.core.token import Token
from klopf.ledger.finance.models import Models
from klopf.ledger.fleet.devices import Devices
from klopf.ledger.keys import checksum

__all__ = [
    "BidCollected", "BidMade", "Kind", "Offer", "OfferOpened", "OfferOver", "OfferSold", "Thing", "Trades",
    "TradesReplay", "Want", "WantFilled", "WantOpened", "WantOver",
]  # fmt: skip

_OPEN = 1
_STEP, _LATE, _PATIENCE = 20, 600, 24 * 3600


class Kind(IntEnum):
    """What is traded."""

    DEVICE = 0
    SHARES = 1


@dataclass(frozen=True)
class Thing:
    """A device, or so many of a model's 1e18 shares; where a device is wanted, ``id`` 0 is any."""

    kind: Kind
    id: int
    amount: int = 1

    def as_tuple(self) -> tuple[int, int, int]:
        """In the contract's order."""
        return int(self.kind), self.id, self.amount

    @classmethod
    def from_tuple(cls, values: Sequence[Any]) -> Thing:
        """Back from :meth:`as_tuple`."""
        kind, id, amount = values
        return cls(Kind(kind), int(id), int(amount))


@dataclass(frozen=True)
class OfferOpened(Event):
    id: int
    seller: str
    thing: tuple[Any, ...]
    rising: bool
    first: int
    last: int
    until: int


@dataclass(frozen=True)
class BidMade(Event):
    id: int
    by: str
    amount: int
    until: int


@dataclass(frozen=True)
class OfferSold(Event):
    id: int
    buyer: str
    price: int


@dataclass(frozen=True)
class OfferOver(Event):
    id: int


@dataclass(frozen=True)
class WantOpened(Event):
    id: int
    by: str
    thing: tuple[Any, ...]
    price: int
    until: int


@dataclass(frozen=True)
class WantFilled(Event):
    id: int
    seller: str
    given: int


@dataclass(frozen=True)
class WantOver(Event):
    id: int


@dataclass(frozen=True)
class BidCollected(Event):
    owner: str
    amount: int


@dataclass
class Offer:
    """Something that is offered. Prices are in 1e-18 KLP, times in seconds since 1970."""

    seller: str
    thing: Thing
    rising: bool
    """Who bids most has it."""
    first: int
    last: int
    opens: int
    until: int
    open: bool = True
    bidder: str = ""
    bid: int = 0

    def price(self, now: int) -> int:
        """What it costs now; of an auction, the least bid that counts.

        >>> Offer("", Thing(Kind.DEVICE, 1), False, 100, 40, opens=0, until=60).price(20)
        80
        """
        if self.rising:
            return self.bid + -(-self.bid // _STEP) if self.bid else self.first
        return self.first - (self.first - self.last) * (min(now, self.until) - self.opens) // (self.until - self.opens)


@dataclass
class Want:
    """One of a kind that somebody wants, and has paid for."""

    by: str
    thing: Thing
    price: int
    until: int
    open: bool = True


class TradesReplay(Replay):
    """Every offer, bid and request; the money of bids, and that whoever bought shares has them."""

    holds_tokens = True

    def begin(self) -> None:
        self.offers: dict[int, Offer] = {}
        self.wants: dict[int, Want] = {}
        self.due: defaultdict[str, int] = defaultdict(int)

    def on_OfferOpened(self, e: OfferOpened) -> None:
        now = self.time_of(e.block)
        self.differ(f"id of {self.where(e)}", len(self.offers) + 1, e.id)
        self.differ(f"terms of {self.where(e)}", True, now < e.until and e.last <= e.first and e.first > 0)
        self.offers[e.id] = Offer(e.seller, Thing.from_tuple(e.thing), e.rising, e.first, e.last, now, e.until)

    def _open(self, e: Any, offer: Offer | Want) -> None:
        self.differ(f"open before {self.where(e)}", True, offer.open)

    def on_BidMade(self, e: BidMade) -> None:
        offer, now = self.offers[e.id], self.time_of(e.block)
        self._open(e, offer)
        good = offer.rising and now <= offer.until and e.amount >= offer.price(now)
        self.differ(f"bid of {self.where(e)} high enough, and in time", True, good)
        if offer.bid:
            self.due[offer.bidder] += offer.bid
        offer.bidder, offer.bid, offer.until = e.by, e.amount, max(offer.until, now + _LATE)
        self.differ(f"end after {self.where(e)}", offer.until, e.until)
        self.move(e.by, self.address, e.amount)

    def on_OfferSold(self, e: OfferSold) -> None:
        offer, now = self.offers[e.id], self.time_of(e.block)
        self._open(e, offer)
        expected = (offer.bidder, offer.bid) if offer.rising else (e.buyer, offer.price(now))
        self.differ(self.where(e), expected, (e.buyer, e.price))
        self.differ(f"time of {self.where(e)}", offer.rising, now > offer.until)
        offer.open = False
        if not offer.rising:
            self.move(e.buyer, self.address, e.price)
        self.move(self.address, offer.seller, e.price)
        self._given(offer.thing, offer.thing.id, offer.seller, e.buyer)

    def _given(self, thing: Thing, id: int, seller: str, buyer: str) -> None:
        if thing.kind is Kind.SHARES:
            self.expect("Models.Transfer", seller, buyer, id, thing.amount)
        else:
            self.expect("Devices.Transfer", seller, buyer, id)  # who may give it on at once

    def on_OfferOver(self, e: OfferOver) -> None:
        offer = self.offers[e.id]
        self._open(e, offer)
        late = self.time_of(e.block) > offer.until + _PATIENCE
        self.differ(f"bid of {self.where(e)} kept", True, late or not offer.bid)
        if offer.bid:
            self.due[offer.bidder] += offer.bid
        offer.open = False

    def on_WantOpened(self, e: WantOpened) -> None:
        self.differ(f"id of {self.where(e)}", len(self.wants) + 1, e.id)
        self.wants[e.id] = Want(e.by, Thing.from_tuple(e.thing), e.price, e.until)
        self.move(e.by, self.address, e.price)

    def on_WantFilled(self, e: WantFilled) -> None:
        want = self.wants[e.id]
        self._open(e, want)
        self.differ(f"time of {self.where(e)}", True, self.time_of(e.block) <= want.until)
        self.differ(f"what {self.where(e)} gives", want.thing.id or e.given, e.given)
        want.open = False
        self.move(self.address, e.seller, want.price)
        self._given(want.thing, e.given, e.seller, want.by)

    def on_WantOver(self, e: WantOver) -> None:
        want = self.wants[e.id]
        self._open(e, want)
        want.open = False
        self.move(self.address, want.by, want.price)

    def on_BidCollected(self, e: BidCollected) -> None:
        self.differ(f"amount of {self.where(e)}", self.due[e.owner], e.amount)
        self.due[e.owner] = 0
        self.move(self.address, e.owner, e.amount)

    def owed(self) -> int:
        bids = sum(offer.bid for offer in self.offers.values() if offer.open)
        return bids + sum(want.price for want in self.wants.values() if want.open) + sum(self.due.values())

    def compare(self) -> None:
        trades = self.client(Trades)
        found = (trades.offers(), trades.wants())
        self.differ("the contract's offers and requests", (len(self.offers), len(self.wants)), found)
        for id, offer in self.offers.items():
            self.differ(f"the contract's offer {id}", offer, trades.offer_of(id))
        for id, want in self.wants.items():
            self.differ(f"the contract's request {id}", want, trades.want_of(id))
        for owner, amount in self.due.items():
            self.differ(f"bids that {owner} may collect", amount, trades.owed(owner))


class Trades(Contract):
    """Devices and shares that are offered and wanted."""

    name = "Trades"
    events = (OfferOpened, BidMade, OfferSold, OfferOver, WantOpened, WantFilled, WantOver, BidCollected)
    replay = TradesReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.addresses["Models"]

    def offer(self, thing: Thing, first: int, until: int, *, last: int | None = None, rising: bool = False) -> int:
        """Offer something at a fixed price, at one that falls to ``last``, or to who bids most (``rising``). Lets the
        contract take it; it stays here until it is sold. The offer's number."""
        self._allow(thing)
        end = 0 if rising else first if last is None else last
        return self._made(self._write("offer", thing.as_tuple(), rising, first, end, until), "OfferOpened")

    def withdraw(self, id: int) -> Sent:
        """Offer it no more."""
        return self._write("withdraw", id)

    def buy(self, id: int, most: int) -> Sent:
        """Buy at the price of now, ``most`` at most. Approves by itself."""
        self._ledger.client(Token).ensure_allowance(self.address, most)
        return self._write("buy", id, most)

    def bid(self, id: int, amount: int) -> Sent:
        """Bid. Approves by itself."""
        self._ledger.client(Token).ensure_allowance(self.address, amount)
        return self._write("bid", id, amount)

    def settle(self, id: int) -> Sent:
        """End an auction whose time is over."""
        return self._write("settle", id)

    def release(self, id: int) -> Sent:
        """Let the highest bid go where the seller did not deliver for a day."""
        return self._write("release", id)

    def want(self, thing: Thing, price: int, until: int) -> int:
        """Ask for one of a kind and pay in advance. Approves by itself. The request's number."""
        self._ledger.client(Token).ensure_allowance(self.address, price)
        return self._made(self._write("want", thing.as_tuple(), price, until), "WantOpened")

    def fill(self, id: int, given: int) -> Sent:
        """Give what is wanted. Lets the contract take it."""
        thing = self.want_of(id).thing
        self._allow(Thing(thing.kind, given, thing.amount))
        return self._write("fill", id, given)

    def cancel(self, id: int) -> Sent:
        """Want it no more."""
        return self._write("cancel", id)

    def collect(self) -> Sent:
        """Have one's bids back that were outbid or came to nothing."""
        return self._write("collect")

    def _allow(self, thing: Thing) -> None:
        """To take that thing, and what was offered before."""
        if thing.kind is Kind.DEVICE:
            to, values = self._ledger.client(Devices).address, (("address", self.address), ("uint256", thing.id))
        else:
            models = self._ledger.client(Models)
            to, many = models.address, thing.amount + models.allowance(thing.id, self._ledger.me.address, self.address)
            values = (("address", self.address), ("uint256", thing.id), ("uint256", many))  # type: ignore[assignment]
        approve = FunctionABI("approve", tuple(type_ for type_, _ in values), ())
        self._ledger.send(to, approve.call_data(tuple(value for _, value in values)))

    def offers(self) -> int:
        """How many there are."""
        return int(self._read("offers"))

    def wants(self) -> int:
        """How many requests there are."""
        return int(self._read("wants"))

    def offer_of(self, id: int) -> Offer:
        """An offer. LedgerError where there is none."""
        seller, state, rising, opens, until, first, last, thing, _, bidder, bid = self._read("offerOf", id)
        if not state:
            raise LedgerError(f"there is no offer {id}; `klopf market list` shows those that there are")
        return Offer(checksum(seller), Thing.from_tuple(thing), rising, first, last, opens, until, state == _OPEN,
                     checksum(bidder) if bid else "", bid)  # fmt: skip

    def want_of(self, id: int) -> Want:
        """A request. LedgerError where there is none."""
        by, state, until, price, thing = self._read("wantOf", id)
        if not state:
            raise LedgerError(f"there is no request {id}; `klopf market list` shows those that there are")
        return Want(checksum(by), Thing.from_tuple(thing), price, until, state == _OPEN)

    def price(self, id: int) -> int:
        """What an offer costs now; of an auction, the least bid that counts."""
        return int(self._read("priceUp", id, at="pending"))

    def owed(self, owner: str) -> int:
        """Bids that somebody may collect."""
        return int(self._read("owed", owner))
