"""The reserves for liquidity and circulation: their rates, and what their packs mint from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eth_abi.abi import decode

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._parameters import KLP, ReserveRates, Terms
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.core.token import Reserve, Token, TokenReplay
from klopf.ledger.keys import checksum

__all__ = ["Minted", "RateSet", "Reserves", "ReservesReplay"]

_RESERVE, _MOST_A_DAY, _DAY = 200_000_000 * KLP, 200_000_000 * KLP // 365, 24 * 3600


@dataclass(frozen=True)
class RateSet(Event):
    which: int
    per_day: int
    grown: int


@dataclass(frozen=True)
class Minted(Event):
    """``minted`` is the sum from this reserve."""

    which: int
    to: str
    amount: int
    minted: int


@dataclass
class _Tap:
    minted: int
    per_day: int = 0
    grown: int = 0
    since: int = 0

    def available(self, time: int) -> int:
        return min(self.grown + self.per_day * (time - self.since) // _DAY, _RESERVE - self.minted)


class ReservesReplay(Replay):
    """What each reserve may mint, by its rate and the time."""

    def begin(self) -> None:
        self.token = self.of(TokenReplay)
        former = [self._former(which) for which in Reserve]
        self.taps = [_Tap(minted) for minted in former]

    def _former(self, which: Reserve) -> int:
        """Minted on a former chain: what was minted in all, less what this contract says of itself."""
        token, said = self.client(Token), self.client(Reserves)
        return token.minted_from(which) - sum(e.amount for e in said.minted() if e.which == which)

    def on_RateSet(self, e: RateSet) -> None:
        tap, now = self.taps[e.which], self.time_of(e.block)
        self.differ(f"rate of {self.where(e)} in its range", True, e.per_day <= _MOST_A_DAY)
        tap.grown = tap.available(now)
        self.differ(f"grown at {self.where(e)}", tap.grown, e.grown)
        tap.per_day, tap.since = e.per_day, now

    def on_Minted(self, e: Minted) -> None:
        tap, now = self.taps[e.which], self.time_of(e.block)
        self.met(e, e.which, e.to, e.amount)
        self.differ(f"{self.where(e)} grown at its rate", True, e.amount <= tap.available(now))
        tap.grown, tap.since = tap.available(now) - e.amount, now
        tap.minted += e.amount
        self.differ(f"sum of {self.where(e)}", tap.minted, e.minted)
        self.token.reserved += e.amount
        self.move(ZERO, e.to, e.amount)

    def compare(self) -> None:
        token, reserves = self.client(Token), self.client(Reserves)
        for which, tap in zip(Reserve, self.taps, strict=True):
            self.differ(f"tokens minted for {which.name.lower()}", tap.minted, token.minted_from(which))
            kept = (tap.per_day, tap.grown, tap.since)
            self.differ(f"the contract's rate for {which.name.lower()}", kept, reserves.tap(which))


class Reserves(Contract):
    """Who may mint from the two reserves, and how fast."""

    name = "Reserves"
    events = (RateSet, Minted)
    replay = ReservesReplay

    def set_rate(self, which: Reserve, per_day: int) -> Sent:
        """Let a reserve's pack mint so much in 24 hours; the owner of the rules only. What has grown stays."""
        return self._write("setRate", int(which), per_day)

    def owners_terms(self) -> ReserveRates:
        """The rates of both reserves."""
        return ReserveRates(*(self.tap(which)[0] for which in Reserve))

    def calls_for(self, terms: Terms) -> list[bytes]:
        """A call for each rate that changes."""
        function = self._functions["setRate"]
        rates = zip(Reserve, self.owners_terms().as_tuple(), terms.as_tuple(), strict=True)
        return [function.call_data((int(which), then)) for which, now, then in rates if now != then]

    def terms_after(self, call: bytes) -> Terms | None:
        function = self._functions["setRate"]
        if call[:4] != function.selector:
            return None
        which, per_day = decode(function.inputs, call[4:])
        return replace(self.owners_terms(), **{Reserve(which).name.lower(): per_day})

    def available(self, which: Reserve) -> int:
        """What may be minted now."""
        return int(self._read("available", int(which), at="pending"))

    def tap(self, which: Reserve) -> tuple[int, int, int]:
        """The rate in 24 hours, and what had grown when (seconds since 1970) it was set or last used."""
        per_day, grown, since = self._read("tapOf", int(which))
        return int(per_day), int(grown), int(since)

    def minter(self, which: Reserve) -> str:
        """Who may mint; the zero address until its pack is in the directory."""
        return checksum(self._read("minterOf", int(which)))

    def minted(self) -> list[Minted]:
        """Everything that was minted."""
        first, last = self._ledger.deployment.block, self._ledger.rpc.height()
        return list(self._said((Minted,), first, last))
