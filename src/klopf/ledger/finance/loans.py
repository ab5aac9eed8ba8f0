"""Loans against collateral, in markets that nothing connects."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.errors import LedgerError
from klopf.ledger._abi import FunctionABI
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._parameters import LoanTerms, Terms
from klopf.ledger._replay import Replay
from klopf.ledger.core.clock import Clock
from klopf.ledger.finance._coin import Coin
from klopf.ledger.finance._lending import ONE, PRICE, MarketModel, MarketTerms
from klopf.ledger.finance._reference import Bounds
from klopf.ledger.finance.exchange import ExchangeReplay
from klopf.ledger.keys import checksum

__all__ = [
    "Accrued", "Borrowed", "CallCleared", "Called", "Freed", "Liquidated", "Loans", "LoansReplay", "Locked",
    "MostLimitSet", "Opened", "Position", "Repaid", "Risk", "Supplied", "Withdrawn",
]  # fmt: skip

_BOUNDS = FunctionABI("boundsOf", ("address", "address"), ("uint256", "uint256"))
_TERMS = ("address", "address", "address", "uint64", "uint64", "uint64", "uint64")


@dataclass(frozen=True)
class MostLimitSet(Event):
    bps: int


@dataclass(frozen=True)
class Opened(Event):
    id: bytes
    terms: tuple[Any, ...]

    @property
    def market(self) -> MarketTerms:
        """The terms by their names."""
        loan, collateral, prices, *numbers = self.terms
        return MarketTerms(checksum(loan), checksum(collateral), checksum(prices), *numbers)


@dataclass(frozen=True)
class Accrued(Event):
    id: bytes
    interest: int


@dataclass(frozen=True)
class Supplied(Event):
    id: bytes
    by: str
    owner: str
    assets: int
    shares: int


@dataclass(frozen=True)
class Withdrawn(Event):
    id: bytes
    owner: str
    to: str
    assets: int
    shares: int


@dataclass(frozen=True)
class Locked(Event):
    id: bytes
    by: str
    owner: str
    amount: int


@dataclass(frozen=True)
class Freed(Event):
    id: bytes
    owner: str
    to: str
    amount: int


@dataclass(frozen=True)
class Borrowed(Event):
    id: bytes
    owner: str
    to: str
    assets: int
    shares: int


@dataclass(frozen=True)
class Repaid(Event):
    id: bytes
    by: str
    owner: str
    assets: int
    shares: int


@dataclass(frozen=True)
class Called(Event):
    id: bytes
    owner: str


@dataclass(frozen=True)
class CallCleared(Event):
    id: bytes
    owner: str


@dataclass(frozen=True)
class Liquidated(Event):
    id: bytes
    by: str
    owner: str
    assets: int
    shares: int
    seized: int
    lost: int
    lost_shares: int


@dataclass(frozen=True)
class Position:
    """What somebody has and owes in a market; ``called`` is when the margin was called, 0 for never."""

    supply_shares: int = 0
    debt_shares: int = 0
    collateral: int = 0
    called: int = 0


@dataclass(frozen=True)
class Risk:
    """A position in tokens, now, and what could go wrong. Prices are of one unit of collateral, with 36 decimals."""

    supplied: int
    owed: int
    collateral: int
    may_borrow: int
    """By the lower bound of the price; no more than is there."""
    called_below: int
    """The upper bound under which the margin may be called; 0 where nothing is owed."""
    sold_below: int
    """The upper bound under which the collateral is sold without notice."""
    called: int
    due: bool
    """Whether collateral may be sold now."""
    bounds: Bounds


def _number_of(terms: MarketTerms) -> bytes:
    """A market's number."""
    return bytes(keccak(encode(_TERMS, terms.as_tuple())))


def _is_due(terms: MarketTerms, position: Position, owed: int, high: int, now: int) -> bool:
    """Whether collateral may be sold for debt of ``owed``."""
    worth = position.collateral * high // PRICE
    if owed * ONE > worth * terms.sold_at:
        return True
    over = owed * ONE > worth * terms.limit and position.called > 0
    return over and terms.notice <= now - position.called <= 2 * terms.notice


class LoansReplay(Replay):
    """Every market and position by the model; who may borrow, free and sell by the exchange's bounds."""

    holds_tokens = True

    def begin(self) -> None:
        self.most_bps = 0
        self.markets: dict[bytes, MarketModel] = {}
        self.positions: defaultdict[tuple[bytes, str], Position] = defaultdict(Position)
        self.exchange = self.of(ExchangeReplay)
        self._klp = self.run.ledger.address("Token")

    def on_MostLimitSet(self, e: MostLimitSet) -> None:
        self.differ(f"limit of {self.where(e)} in its range", True, 1000 <= e.bps <= 9000)
        self.most_bps = e.bps

    def on_Opened(self, e: Opened) -> None:
        terms = e.market
        self.differ(f"number of {self.where(e)}", _number_of(terms), e.id)
        self.differ(f"limit of {self.where(e)} allowed", True, 0 < terms.limit <= self.most_bps * 10**14)
        self.differ(f"market of {self.where(e)} there already", False, e.id in self.markets)
        self.markets[e.id] = MarketModel(terms, time=self.time_of(e.block))

    def on_Accrued(self, e: Accrued) -> None:
        interest = self.markets[e.id].accrue(self.time_of(e.block))
        self.differ(f"interest of {self.where(e)}", interest, e.interest)

    def _now(self, e: Any) -> MarketModel:
        """The market, whose interest has been said already."""
        market = self.markets[e.id]
        self.differ(f"interest before {self.where(e)}", 0, market.accrue(self.time_of(e.block)))
        return market

    def _change(self, e: Any, supply_shares: int = 0, debt_shares: int = 0, collateral: int = 0) -> Position:
        was = self.positions[e.id, e.owner]
        now = Position(was.supply_shares + supply_shares, was.debt_shares + debt_shares, was.collateral + collateral,
                       was.called)  # fmt: skip
        self.differ(f"all that {e.owner} has after {self.where(e)} at least 0", True,
                    min(now.supply_shares, now.debt_shares, now.collateral) >= 0)  # fmt: skip
        self.positions[e.id, e.owner] = now
        return now

    def _in(self, token: str, who: str, amount: int) -> None:
        if token == self._klp:
            self.move(who, self.address, amount)

    def _out(self, token: str, who: str, amount: int) -> None:
        if token == self._klp:
            self.move(self.address, who, amount)

    def on_Supplied(self, e: Supplied) -> None:
        market = self._now(e)
        self.differ(f"shares of {self.where(e)}", market.supply(e.assets), e.shares)
        self._change(e, supply_shares=e.shares)
        self._in(market.terms.loan, e.by, e.assets)

    def on_Withdrawn(self, e: Withdrawn) -> None:
        market = self._now(e)
        self.differ(f"tokens of {self.where(e)}", market.withdraw(e.shares), e.assets)
        self.differ(f"tokens of {self.where(e)} not lent", True, market.supplied >= market.lent)
        self._change(e, supply_shares=-e.shares)
        self._out(market.terms.loan, e.to, e.assets)

    def on_Locked(self, e: Locked) -> None:
        self._change(e, collateral=e.amount)
        self._in(self.markets[e.id].terms.collateral, e.by, e.amount)

    def on_Freed(self, e: Freed) -> None:
        market = self._now(e)
        self._healthy(e, market, self._change(e, collateral=-e.amount))
        self._out(market.terms.collateral, e.to, e.amount)

    def on_Borrowed(self, e: Borrowed) -> None:
        market = self._now(e)
        self.differ(f"shares of {self.where(e)}", market.borrow(e.assets), e.shares)
        self.differ(f"tokens of {self.where(e)} there", True, market.supplied >= market.lent)
        self._healthy(e, market, self._change(e, debt_shares=e.shares))
        self._out(market.terms.loan, e.to, e.assets)

    def on_Repaid(self, e: Repaid) -> None:
        market = self._now(e)
        self.differ(f"tokens of {self.where(e)}", market.repay(e.shares), e.assets)
        self._change(e, debt_shares=-e.shares)
        self._in(market.terms.loan, e.by, e.assets)

    def on_Called(self, e: Called) -> None:
        market, position, now = self._now(e), self.positions[e.id, e.owner], self.time_of(e.block)
        running = bool(position.called) and now <= position.called + 2 * market.terms.notice
        self.differ(f"a call before {self.where(e)} that runs", False, running)
        self._over(e, market, position, True)
        self.positions[e.id, e.owner] = replace(position, called=now)

    def on_CallCleared(self, e: CallCleared) -> None:
        market, position = self._now(e), self.positions[e.id, e.owner]
        self._over(e, market, position, False)
        self.positions[e.id, e.owner] = replace(position, called=0)

    def on_Liquidated(self, e: Liquidated) -> None:
        market, position, at = self._now(e), self.positions[e.id, e.owner], self.where(e)
        owed = market.debt_of(position.debt_shares)
        assets = market.debt_of(e.shares)
        if (bounds := self._bounds(e, market)) is not None:
            self.differ(f"sale of {at} due", True,
                        _is_due(market.terms, position, owed, bounds.high, self.time_of(e.block)))  # fmt: skip
            seized = market.seized(assets, bounds.high, position.collateral)
            self.differ(f"collateral of {at}", seized, e.seized)
        self.differ(f"tokens of {at}", market.repay(e.shares), e.assets)
        left = self._change(e, debt_shares=-e.shares, collateral=-e.seized)
        lost_shares = left.debt_shares if not left.collateral else 0
        lost = market.lose(lost_shares) if lost_shares else 0
        self.differ(f"what is lost by {at}", (lost, lost_shares), (e.lost, e.lost_shares))
        self._change(e, debt_shares=-lost_shares)
        self._in(market.terms.loan, e.by, e.assets)
        self._out(market.terms.collateral, e.by, e.seized)

    def _over(self, e: Called | CallCleared, market: MarketModel, position: Position, expected: bool) -> None:
        if (bounds := self._bounds(e, market)) is not None:
            worth = position.collateral * bounds.high // PRICE
            over = market.debt_of(position.debt_shares) * ONE > worth * market.terms.limit
            self.differ(f"debt of {self.where(e)} over its limit", expected, over)

    def _bounds(self, e: Any, market: MarketModel) -> Bounds | None:
        """By the exchange, where that is whom the market asks."""
        terms = market.terms
        if terms.prices != self.exchange.address:
            return None
        pair = sorted((terms.collateral, terms.loan), key=lambda token: int(token, 16))
        pool = next(id for id, tokens in self.exchange.tokens.items() if list(tokens) == pair)
        return self.exchange.pools[pool].bounds(pair[0] == terms.collateral, self.time_of(e.block))

    def _healthy(self, e: Event, market: MarketModel, position: Position) -> None:
        if position.debt_shares and (bounds := self._bounds(e, market)) is not None:
            most = position.collateral * bounds.low // PRICE * market.terms.limit // ONE
            owed = market.debt_of(position.debt_shares)
            self.differ(f"debt within its limit after {self.where(e)}", True, owed <= most)

    def owed(self) -> int:
        lent = sum(m.supplied - m.lent + m.spare for m in self.markets.values() if m.terms.loan == self._klp)
        locked = sum(p.collateral for (id, _), p in self.positions.items()
                     if self.markets[id].terms.collateral == self._klp)  # fmt: skip
        return lent + locked

    def compare(self) -> None:
        loans = self.client(Loans)
        self.differ("the contract's highest limit", self.most_bps, loans.owners_terms().most_limit_bps)
        for id, market in self.markets.items():
            mine, found = replace(market, spare=0), loans.market(market.terms)
            if not market.lent:  # time without debt does nothing
                mine.time = found.time
            self.differ(f"the contract's market {id.hex()[:8]}", mine, found)
            held = [p for (of, _), p in self.positions.items() if of == id]
            self.differ(f"sum of all shares of market {id.hex()[:8]}", (market.supply_shares, market.debt_shares),
                        (sum(p.supply_shares for p in held), sum(p.debt_shares for p in held)))  # fmt: skip
            self.differ(f"market {id.hex()[:8]} lends what it has", True, market.supplied >= market.lent)
        for (id, who), position in self.positions.items():
            found_there = loans.position(self.markets[id].terms, who)
            self.differ(f"the contract's position of {who} in {id.hex()[:8]}", position, found_there)


class Loans(Contract):
    """Tokens lent against collateral."""

    name = "Loans"
    events = (
        MostLimitSet, Opened, Accrued, Supplied, Withdrawn, Locked, Freed, Borrowed, Repaid, Called, CallCleared,
        Liquidated,
    )  # fmt: skip
    replay = LoansReplay

    def owners_terms(self) -> LoanTerms:
        """What markets may be opened with."""
        return LoanTerms(int(self._read("mostLimitBps")))

    def calls_for(self, terms: Terms) -> list[bytes]:
        return [self._functions["propose"].call_data(terms.as_tuple())]

    def terms_after(self, call: bytes) -> Terms | None:
        propose = self._functions["propose"]
        return LoanTerms(*propose.arguments(call)) if call[:4] == propose.selector else None

    def propose(self, terms: LoanTerms) -> Sent:
        """Set the highest limit of new markets; the owner of the rules only."""
        return self._write("propose", terms.most_limit_bps)

    def open(self, terms: MarketTerms) -> Sent:
        """Open a market by these terms."""
        return self._write("open", terms.as_tuple())

    def markets(self) -> list[MarketTerms]:
        """All markets, in the order in which they were opened."""
        first, last = self._ledger.deployment.block, self._ledger.rpc.height()
        return [e.market for e in self._said((Opened,), first, last)]

    def supply(self, terms: MarketTerms, assets: int, *, owner: str | None = None) -> Sent:
        """Bring tokens, to be lent. Approves by itself, no more than these."""
        self._approve(terms.loan, assets)
        return self._write("supply", terms.as_tuple(), assets, owner or self._ledger.me.address)

    def withdraw(self, terms: MarketTerms, shares: int, *, to: str | None = None) -> Sent:
        """Take out what shares are, as far as it is not lent."""
        return self._write("withdraw", terms.as_tuple(), shares, to or self._ledger.me.address)

    def lock(self, terms: MarketTerms, amount: int, *, owner: str | None = None) -> Sent:
        """Lock collateral. Approves by itself, no more than that."""
        self._approve(terms.collateral, amount)
        return self._write("lock", terms.as_tuple(), amount, owner or self._ledger.me.address)

    def free(self, terms: MarketTerms, amount: int, *, to: str | None = None) -> Sent:
        """Take collateral out, as far as the debt allows."""
        return self._write("free", terms.as_tuple(), amount, to or self._ledger.me.address)

    def borrow(self, terms: MarketTerms, assets: int, *, to: str | None = None) -> Sent:
        """Borrow against one's collateral."""
        return self._write("borrow", terms.as_tuple(), assets, to or self._ledger.me.address)

    def repay(self, terms: MarketTerms, shares: int | None = None, *, owner: str | None = None) -> Sent:
        """Pay debt back, by default all of it. Approves what it may be a minute from now."""
        who = owner or self._ledger.me.address
        many = self.position(terms, who).debt_shares if shares is None else shares
        market = self.market(terms)
        market.accrue(max(market.time, self._time()) + 60)
        self._approve(terms.loan, market.debt_of(many))
        return self._write("repay", terms.as_tuple(), many, who)

    def call_margin(self, terms: MarketTerms, owner: str) -> Sent:
        """Call the margin of who owes more than the limit."""
        return self._write("callMargin", terms.as_tuple(), owner)

    def clear_call(self, terms: MarketTerms, owner: str) -> Sent:
        """Take a call back where the debt is within its limit again."""
        return self._write("clearCall", terms.as_tuple(), owner)

    def liquidate(self, terms: MarketTerms, owner: str, shares: int, *, least: int = 0) -> Sent:
        """Pay somebody's debt and have collateral for it, where that is due."""
        market = self.market(terms)
        market.accrue(max(market.time, self._time()) + 60)
        self._approve(terms.loan, market.debt_of(shares))
        return self._write("liquidate", terms.as_tuple(), owner, shares, least)

    def _approve(self, token: str, amount: int) -> None:
        Coin(self._ledger, token).ensure_allowance(self.address, amount)

    def _time(self) -> int:
        """The next block's, in seconds since 1970."""
        return self._ledger.client(Clock).now().time

    def market(self, terms: MarketTerms) -> MarketModel:
        """A market as it was left. LedgerError where there is none."""
        supplied, supply_shares, lent, debt_shares, time = map(int, self._read("marketOf", _number_of(terms)))
        if not time:
            raise LedgerError("there is no market of these terms; `klopf lend list` shows those that there are")
        return MarketModel(terms, supplied, supply_shares, lent, debt_shares, time)

    def position(self, terms: MarketTerms, owner: str) -> Position:
        """What somebody has and owes in a market."""
        return Position(*map(int, self._read("positionOf", _number_of(terms), owner)))

    def _bounds(self, terms: MarketTerms) -> Bounds:
        """By whom the market asks, which need not be the exchange."""
        data = _BOUNDS.call_data((terms.collateral, terms.loan))
        return Bounds(*map(int, _BOUNDS.answer(self._ledger.rpc.call(terms.prices, data, block="pending"))))

    def risk(self, terms: MarketTerms, owner: str) -> Risk:
        """A position in tokens as it is now, and at which prices it is called and sold."""
        market, position = self.market(terms), self.position(terms, owner)
        now = max(self._time(), market.time)
        market.accrue(now)
        bounds = self._bounds(terms)
        owed, locked = market.debt_of(position.debt_shares), position.collateral
        most = locked * bounds.low // PRICE * terms.limit // ONE
        parts = (terms.limit, terms.sold_at)
        called, sold = (-(-owed * ONE * PRICE // (part * locked)) if owed and locked else 0 for part in parts)
        may_borrow = max(0, min(most - owed, market.supplied - market.lent))
        return Risk(
            market.assets_of(position.supply_shares), owed, locked, may_borrow, called, sold, position.called,
            bool(owed) and _is_due(terms, position, owed, bounds.high, now), bounds,
        )  # fmt: skip
