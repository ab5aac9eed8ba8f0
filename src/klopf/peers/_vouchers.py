"""Both ends of a paid question: the vouchers that a requester signs, and those that a neuron takes before it answers.

A voucher says all that its requester ever owed the neuron, so each end keeps one number, or one voucher, for each other
end, however many answers there were. Both are on disk before anybody sees them.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from klopf import files, ledger, wire
from klopf.errors import LedgerError, PeersError, Unanswered
from klopf.peers._participant import Participant, log

__all__ = ["Purse", "Till"]

_FILE = "vouchers.json"


@dataclass
class Purse:
    """What a requester has promised, to whom."""

    who: Participant
    _totals: dict[int, int] = field(default_factory=dict)

    @classmethod
    async def open(cls, who: Participant) -> Purse:
        """As it was left; whoever lost it begins with what the neurons have redeemed."""
        saved = _read(who.folder, {})
        self = cls(who, {int(k): int(total) for k, total in saved.items()})
        for k in who.speakers():
            if k not in self._totals and not who.away:
                self._totals[k] = (await self._reserve(k)).redeemed
        return self

    @property
    def promised(self) -> int:
        """To everybody, ever."""
        return sum(self._totals.values())

    async def _reserve(self, k: int) -> ledger.Reserve:
        return await self.who.on_ledger(self.who.book.vouchers.reserved, self.who.id, k)

    async def reserve(self, costs: Mapping[int, int], ahead: int = 0) -> list[int]:
        """Reserve for each neuron what it costs, beyond what it was promised; returns those for whom it lasts, the
        first of ``costs`` first. Where something has to be reserved, ``ahead`` more is, if there is as much: for when
        the ledger is away."""
        if not any(costs.values()):
            return [*costs]
        known = self.who.neighbours.reserves
        if self.who.away:
            return [k for k, cost in costs.items() if self._totals.get(k, 0) + cost <= known.get(k, 0)]
        lasts, more, free = await self._lacking(costs)
        if more and len(more) * ahead <= free:
            more = {k: amount + ahead for k, amount in more.items()}
        if more and await self.who.attempt("reserving fees", self.who.book.vouchers.reserve, self.who.id, more) is None:
            return [k for k in lasts if k not in more]
        known |= {k: known[k] + amount for k, amount in more.items()}
        return lasts

    async def lasts_for(self, costs: Mapping[int, int]) -> list[int]:
        """For whom it would last, as :meth:`reserve` finds it; nothing is reserved."""
        if self.who.away or not any(costs.values()):
            return await self.reserve(costs)
        return (await self._lacking(costs))[0]

    async def _lacking(self, costs: Mapping[int, int]) -> tuple[list[int], dict[int, int], int]:
        """For whom it lasts, what must be reserved for that, and what is left free then."""
        free = await self.who.on_ledger(self.who.book.vouchers.free, self.who.id)
        lasts, more = list[int](), dict[int, int]()
        for k, cost in costs.items():
            good_for = (await self._reserve(k)).good_for
            self.who.neighbours.reserves[k] = good_for
            lacks = max(0, self._totals.get(k, 0) + cost - good_for)
            if lacks > free:
                continue
            free -= lacks
            lasts.append(k)
            if lacks:
                more[k] = lacks
        return lasts, more, free

    def promise(self, k: int, amount: int) -> dict[str, Any]:
        """A voucher for ``amount`` more than was promised to ``k`` before, as JSON. What was once signed is owed."""
        self._totals[k] = self._totals.get(k, 0) + amount
        files.replace(self.who.folder / _FILE, json.dumps({str(k): str(total) for k, total in self._totals.items()}))
        return self.who.book.vouchers.sign(self.who.id, k, self._totals[k]).to_json()


@dataclass
class Till:
    """What a neuron was promised, by whom; it answers nobody's question before it is paid for."""

    who: Participant
    price: int
    """What a requester pays for each sample, at least; neurons and auditors ask for nothing."""
    _held: dict[int, ledger.SignedVoucher] = field(default_factory=dict)
    _good_for: dict[int, int] = field(default_factory=dict)
    """By requester, as last read from the ledger."""
    _before: dict[int, tuple[float, ledger.Reserve]] = field(default_factory=dict)
    """When a reserve was last read, and what it was: while the ledger is away it is gone by for half the time that it
    would take to thaw."""

    @classmethod
    def open(cls, who: Participant, price: int) -> Till:
        """As it was left."""
        try:
            held = [ledger.SignedVoucher.from_json(one) for one in _read(who.folder, [])]
        except LedgerError as error:
            raise PeersError(f"{who.folder / _FILE} was altered ({error}): restore it or move it away") from None
        return cls(who, price, {signed.voucher.requester: signed for signed in held})

    async def check(self, peer: wire.Peer, samples: int, offer: int, record: Any) -> ledger.SignedVoucher | None:
        """The voucher that pays for ``samples`` at ``offer`` each; None where nothing is due.

        Raises:
            wire.Decline: it is not paid for, and why.
        """
        asks = self.who.others.get(peer.id)
        price = self.price if asks is not None and asks.role is ledger.Role.REQUESTER else 0
        if offer < price:
            raise wire.Decline(f"an answer costs {price} units a sample, and {offer} were offered: offer that")
        if not offer:
            return None
        if record is None:
            raise wire.Decline("an offer without a voucher: reserve the fee and send a voucher with the question")
        try:
            signed = ledger.SignedVoucher.from_json(record)
            signed.check(self.who.book.vouchers.domain, peer.key)
        except LedgerError as error:
            raise wire.Decline(f"no valid voucher: {error}") from None
        v = signed.voucher
        if (v.requester, v.neuron) != (peer.id, self.who.id):
            raise wire.Decline("this voucher is between others: sign one for this neuron")
        last = self._held.get(peer.id)
        owed = samples * offer + (last.voucher.total if last else 0)
        if last is None:
            owed += (await self._read_reserve(peer.id)).redeemed
        if v.total < owed:
            raise wire.Decline(f"the voucher says {v.total}, and {owed} are owed with this question: sign one for that")
        if v.total > self._good_for.get(peer.id, 0):
            await self._read_reserve(peer.id)
        if v.total > self._good_for[peer.id]:
            raise wire.Decline(f"the reserve is good for {self._good_for[peer.id]}, not for {v.total}: reserve more")
        return signed

    async def _read_reserve(self, requester: int) -> ledger.Reserve:
        try:
            found = await self.who.on_ledger(self.who.book.vouchers.reserved, requester, self.who.id)
            self._before[requester] = (time.monotonic(), found)
        except Unanswered:
            read, found = self._before.get(requester, (-math.inf, ledger.Reserve()))
            if time.monotonic() > read + self.who.thaw_seconds / 2:
                raise wire.Decline("the ledger is away, and nobody knows what is reserved: ask again later") from None
        self._good_for[requester] = found.good_for
        return found

    def keep(self, signed: ledger.SignedVoucher) -> None:
        """Keep a voucher before its answer goes out. Of two that came at once, the higher."""
        v = signed.voucher
        last = self._held.get(v.requester)
        if last is not None and last.voucher.total >= v.total:
            raise wire.Decline("another question was answered meanwhile: sign a voucher for both")
        self._held[v.requester] = signed
        files.replace(self.who.folder / _FILE, json.dumps([one.to_json() for one in self._held.values()]))

    async def redeem(self) -> None:
        """Take what is due. Reserves are read anew from here on: they cannot thaw from one epoch to the next."""
        self._good_for.clear()
        due = []
        for signed in self._held.values():
            found = await self.who.on_ledger(self.who.book.vouchers.reserved, signed.voucher.requester, self.who.id)
            if signed.voucher.total > found.redeemed and found.held:
                due.append(signed)
        if not due:
            return
        done = await self.who.attempt("redeeming", self.who.book.vouchers.redeem, self.who.id, due)
        if done is not None:
            log(f"redeemed vouchers of {', '.join(str(signed.voucher.requester) for signed in due)}")


def _read(folder: Path, empty: Any) -> Any:
    path = folder / _FILE
    try:
        return json.loads(path.read_text()) if path.exists() else empty
    except (OSError, ValueError) as error:
        raise PeersError(f"{path} cannot be read ({error}): restore it or move it away") from None
