"""Fees that are reserved before a question is asked, and vouchers that settle any number of answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from klopf.errors import LedgerError, Reverted
from klopf.ledger import keys
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._receipts import Domain
from klopf.ledger._replay import Replay
from klopf.ledger._vouchers import VOUCHERS, SignedVoucher, Voucher
from klopf.ledger.core.clock import ClockReplay
from klopf.ledger.core.registry import RegistryReplay
from klopf.ledger.core.token import Token

__all__ = [
    "Deposited",
    "EIP712DomainChanged",
    "Redeemed",
    "Released",
    "Reserve",
    "Reserved",
    "Thawing",
    "Vouchers",
    "VouchersReplay",
    "Withdrawn",
]

_PAGE = 100  # neurons or vouchers in a transaction


@dataclass(frozen=True)
class Reserve:
    """What a requester reserved for a neuron. ``ready_at`` is in seconds since 1970."""

    held: int = 0
    """What the neuron may still take; what thaws included."""
    thawing: int = 0
    ready_at: int = 0
    redeemed: int = 0
    """What the neuron ever took."""

    @property
    def good_for(self) -> int:
        """The highest total of a voucher that is surely paid: what thaws may be gone by then."""
        return self.redeemed + self.held - self.thawing


@dataclass(frozen=True)
class Deposited(Event):
    requester: int
    sender: str
    amount: int


@dataclass(frozen=True)
class Withdrawn(Event):
    requester: int
    to: str
    amount: int


@dataclass(frozen=True)
class Reserved(Event):
    requester: int
    neuron: int
    amount: int


@dataclass(frozen=True)
class Thawing(Event):
    requester: int
    neuron: int
    amount: int
    ready_at: int


@dataclass(frozen=True)
class Released(Event):
    requester: int
    neuron: int
    amount: int


@dataclass(frozen=True)
class Redeemed(Event):
    """``total`` is what the voucher says, under ``signature``; ``amount`` what it paid beyond what was taken before."""

    requester: int
    neuron: int
    to: str
    amount: int
    total: int
    signature: bytes


@dataclass(frozen=True)
class EIP712DomainChanged(Event):
    pass


@dataclass
class _Reserve:
    held: int = 0
    thawing: int = 0
    ready_at: int = 0
    redeemed: int = 0


class VouchersReplay(Replay):
    """What is free, what is reserved, and that every voucher that was paid is genuine."""

    holds_tokens = True

    def begin(self) -> None:
        self.clock, self.registry = self.of(ClockReplay), self.of(RegistryReplay)
        self.domain = Domain(self.run.ledger.deployment.chain_id, self.address, VOUCHERS)
        self.free: dict[int, int] = defaultdict(int)
        self.reserves: dict[tuple[int, int], _Reserve] = defaultdict(_Reserve)

    def on_Deposited(self, e: Deposited) -> None:
        self.registry.must_know(e.requester)
        self.free[e.requester] += e.amount
        self.move(e.sender, self.address, e.amount)

    def on_Withdrawn(self, e: Withdrawn) -> None:
        self.differ(f"receiver of {self.where(e)}", self.registry.members[e.requester].owner, e.to)
        self.take(e, e.requester, e.amount)
        self.move(self.address, e.to, e.amount)

    def on_Reserved(self, e: Reserved) -> None:
        self.registry.must_know(e.neuron)
        self.take(e, e.requester, e.amount)
        self.reserves[e.requester, e.neuron].held += e.amount

    def take(self, e: Event, requester: int, amount: int) -> None:
        """What is promised to nobody becomes less."""
        self.free[requester] -= amount
        self.differ(f"free fees of {requester} after {self.where(e)} at least 0", True, self.free[requester] >= 0)

    def on_Thawing(self, e: Thawing) -> None:
        r = self.reserves[e.requester, e.neuron]
        r.thawing += e.amount
        r.ready_at = self.clock.rules.thawed_at(self.time_of(e.block))
        self.differ(f"thawing of {self.where(e)} within the reserve", True, r.thawing <= r.held)
        self.differ(f"end of {self.where(e)}", r.ready_at, e.ready_at)

    def on_Released(self, e: Released) -> None:
        r = self.reserves[e.requester, e.neuron]
        self.differ(f"time of {self.where(e)} over", True, self.time_of(e.block) >= r.ready_at)
        self.differ(f"amount of {self.where(e)}", r.thawing, e.amount)
        r.held, r.thawing = r.held - e.amount, 0
        self.free[e.requester] += e.amount

    def on_Redeemed(self, e: Redeemed) -> None:
        at, r = self.where(e), self.reserves[e.requester, e.neuron]
        self.check_signature(e)
        self.differ(f"receiver of {at}", self.registry.members[e.neuron].owner, e.to)
        self.differ(f"amount of {at}", min(e.total - r.redeemed, r.held), e.amount)
        r.redeemed += e.amount
        r.held -= e.amount
        r.thawing = min(r.thawing, r.held)
        self.move(self.address, e.to, e.amount)

    def check_signature(self, e: Redeemed) -> None:
        """Its requester signed it, with a key that it had in the epoch before or later."""
        domain = self.domain
        of_it = self.registry.members[e.requester].keys_of(max(0, self.clock.epoch - 1))
        what = f"signature of {e.requester} on the voucher of {self.where(e)}"
        try:
            signer = keys.recover(Voucher(e.requester, e.neuron, e.total).digest(domain), e.signature)
            self.differ(f"{what} by its own key", True, signer in of_it)
        except LedgerError as error:
            self.differ(what, "its key's", error)

    def owed(self) -> int:
        return sum(self.free.values()) + sum(r.held for r in self.reserves.values())

    def compare(self) -> None:
        vouchers, the = self.client(Vouchers), "the contract's"
        for requester, free in self.free.items():
            self.differ(f"{the} free fees of {requester}", free, vouchers.free(requester))
        for (requester, neuron), r in self.reserves.items():
            kept = Reserve(r.held, r.thawing, r.ready_at, r.redeemed)
            self.differ(f"{the} reserve of {requester} for {neuron}", kept, vouchers.reserved(requester, neuron))


class Vouchers(Contract):
    """Reserved fees, and the vouchers that take them."""

    name = "Vouchers"
    events = (Deposited, Withdrawn, Reserved, Thawing, Released, Redeemed, EIP712DomainChanged)
    needs_none = (EIP712DomainChanged,)
    participants = ("requester", "neuron")
    replay = VouchersReplay

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of vouchers."""
        return Domain(self._ledger.deployment.chain_id, self.address, VOUCHERS)

    def deposit(self, requester: int, amount: int) -> Sent:
        """Deposit fees for ``requester``; approves by itself."""
        self._ledger.client(Token).ensure_allowance(self.address, amount)
        return self._write("deposit", requester, amount)

    def withdraw(self, requester: int, amount: int) -> Sent:
        """Pay fees that are promised to nobody back to the owner."""
        return self._write("withdraw", requester, amount)

    def free(self, requester: int) -> int:
        """Fees of ``requester`` that are promised to nobody."""
        return int(self._read("free", requester))

    def reserve(self, requester: int, amounts: Mapping[int, int]) -> Sent:
        """Reserve fees for neurons, by their ids: so much more for each; 100 in a transaction, the last is returned."""
        rows = list(amounts.items())
        pages = [rows[at : at + _PAGE] for at in range(0, len(rows), _PAGE)] or [[]]
        sent = [self._write("reserve", requester, [k for k, _ in page], [v for _, v in page]) for page in pages]
        return sent[-1]

    def reserved(self, requester: int, neuron: int) -> Reserve:
        """What ``requester`` reserved for ``neuron``, and what that one took."""
        return Reserve(*self._read("reserveOf", requester, neuron))

    def thaw(self, requester: int, neuron: int, amount: int) -> Sent:
        """Let a part of a reserve thaw; the neuron can take it until it is released."""
        return self._write("thaw", requester, neuron, amount)

    def release(self, requester: int, neuron: int) -> Sent:
        """Give the requester back what has thawed. Anybody may."""
        return self._write("release", requester, neuron)

    def sign(self, requester: int, neuron: int, total: int) -> SignedVoucher:
        """A voucher under this ledger's key. It replaces all that said less."""
        voucher = Voucher(requester, neuron, total)
        return SignedVoucher(voucher, self._ledger.me.sign(voucher.digest(self.domain)))

    def redeem(self, neuron: int, vouchers: Sequence[SignedVoucher]) -> Sent:
        """Pay a neuron's owner what vouchers promise beyond what was taken, 100 in a transaction; the last that paid
        is returned. Anybody may. Reverted where nothing is due for any of them."""
        rows, paid, refused = [signed.as_tuple() for signed in vouchers], list[Sent](), list[Reverted]()
        for at in range(0, max(len(rows), 1), _PAGE):
            try:
                paid.append(self._write("redeem", neuron, rows[at : at + _PAGE]))
            except Reverted as error:
                if error.name != "NothingDue":
                    raise
                refused.append(error)
        if not paid:
            raise refused[-1]
        return paid[-1]
