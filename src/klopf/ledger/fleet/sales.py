"""Sales: what is sold and its price change hands in one transaction, or neither does."""

from __future__ import annotations

from dataclasses import dataclass

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.core.token import Token
from klopf.ledger.fleet.devices import Devices, DevicesReplay
from klopf.ledger.keys import checksum

__all__ = ["Offer", "Offered", "Sales", "SalesReplay", "Sold", "Withdrawn"]

_STATES = ("none", "open", "withdrawn", "sold")


@dataclass(frozen=True)
class Offer:
    """``buyer``: who alone may buy, or the zero address for anybody; once it is sold, who did. ``state``: none, open,
    withdrawn or sold. ``device`` is 0 where only the right that ``what`` names is sold; ``sales`` is how often the
    device had been sold before. ``until`` is in seconds since 1970."""

    seller: str
    buyer: str
    price: int
    until: int
    state: str
    sales: int
    device: int
    what: bytes


@dataclass(frozen=True)
class Offered(Event):
    id: int
    seller: str
    buyer: str
    price: int
    until: int
    device: int
    what: bytes


@dataclass(frozen=True)
class Withdrawn(Event):
    id: int


@dataclass(frozen=True)
class Sold(Event):
    id: int
    buyer: str


class SalesReplay(Replay):
    """What is offered, and that each price went where its device went."""

    holds_tokens = True  # for no longer than a transaction

    def begin(self) -> None:
        self.offers: dict[int, Offer] = {}
        self._handed: list[Offer] = []  # sold in this transaction

    def on_Offered(self, e: Offered) -> None:
        self.differ(f"id of {self.where(e)}", len(self.offers) + 1, e.id)
        sales = 0
        if e.device:
            devices = self.of(DevicesReplay)
            self.differ(f"owner of what {self.where(e)} offers", devices.owners[e.device], e.seller)
            sales = devices.sales[e.device]
        self.offers[e.id] = Offer(e.seller, e.buyer, e.price, e.until, "open", sales, e.device, e.what)

    def on_Withdrawn(self, e: Withdrawn) -> None:
        self._close(e, "withdrawn", self.offers[e.id].buyer)

    def on_Sold(self, e: Sold) -> None:
        was = self.offers[e.id]
        self.differ(f"buyer of {self.where(e)}", True, was.buyer in (ZERO, e.buyer))
        self.differ(f"time of {self.where(e)}", True, self.time_of(e.block) <= was.until)
        self._close(e, "sold", e.buyer)
        self._handed.append(self.offers[e.id])
        self.move(e.buyer, self.address, was.price)
        self.move(self.address, was.seller, was.price)

    def _close(self, e: Withdrawn | Sold, state: str, buyer: str) -> None:
        was = self.offers[e.id]
        self.differ(f"state before {self.where(e)}", "open", was.state)
        self.offers[e.id] = Offer(was.seller, buyer, was.price, was.until, state, was.sales, was.device, was.what)

    def end_transaction(self, at: str) -> None:
        for sold in self._handed:
            if sold.device:
                owner = self.of(DevicesReplay).owners[sold.device]
                self.differ(f"owner of device {sold.device}, sold in {at}", sold.buyer, owner)
        self._handed = []

    def owed(self) -> int:
        return 0

    def compare(self) -> None:
        sales = self.client(Sales)
        for id, offer in self.offers.items():
            self.differ(f"the contract's offer {id}", offer, sales.offered(id))


class Sales(Contract):
    """Sales of devices and of rights, such as the licence of a model."""

    name = "Sales"
    events = (Offered, Withdrawn, Sold)
    replay = SalesReplay

    def offer(self, price: int, until: int, *, device: int = 0, what: bytes = bytes(32), buyer: str = ZERO) -> int:
        """Offer a device (approves its token by itself) or the right that ``what``, 32 bytes of hash, names, to
        ``buyer`` or to anybody, until a time in seconds since 1970. Returns the offer's number."""
        if device:
            self._ledger.client(Devices).approve(self.address, device)
        return self._made(self._write("offer", buyer, price, until, device, what), "Offered")

    def withdraw(self, id: int) -> Sent:
        """Take an offer back."""
        return self._write("withdraw", id)

    def buy(self, id: int) -> Sent:
        """Pay the price and have what is offered: both in this transaction, or neither. Approves by itself."""
        self._ledger.client(Token).ensure_allowance(self.address, self.offered(id).price)
        return self._write("buy", id)

    def offered(self, id: int) -> Offer:
        """An offer, and what came of it."""
        seller, buyer, price, until, state, sales, device, what = self._read("offers", id)
        return Offer(
            checksum(seller), checksum(buyer), int(price), int(until), _STATES[state], int(sales), int(device),
            bytes(what),
        )  # fmt: skip
