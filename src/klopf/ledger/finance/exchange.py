"""The exchange: a pool for each pair of tokens, shares of it, and averages of its prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from klopf.errors import LedgerError
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._parameters import ExchangeTerms, Terms
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.finance._coin import Coin
from klopf.ledger.finance._reference import LOCKED, Bounds, Mark, PoolModel
from klopf.ledger.keys import checksum

__all__ = [
    "Added", "Approval", "Exchange", "ExchangeReplay", "FeeSet", "Marked", "Opened", "OperatorSet", "Pool", "Removed",
    "SwapPreview", "Swapped", "Transfer",
]  # fmt: skip

_NEVER = 2**64 - 1
_NOBODY = checksum("0x" + "dead".zfill(40))


@dataclass(frozen=True)
class FeeSet(Event):
    fee_bps: int


@dataclass(frozen=True)
class Opened(Event):
    id: int
    token0: str
    token1: str
    fee_bps: int


@dataclass(frozen=True)
class Added(Event):
    id: int
    by: str
    amount0: int
    amount1: int
    shares: int


@dataclass(frozen=True)
class Removed(Event):
    id: int
    by: str
    amount0: int
    amount1: int
    shares: int


@dataclass(frozen=True)
class Swapped(Event):
    """``first``: it was the pool's first token that came in."""

    id: int
    by: str
    to: str
    first: bool
    amount_in: int
    amount_out: int


@dataclass(frozen=True)
class Marked(Event):
    id: int
    up: int
    down: int


@dataclass(frozen=True)
class Transfer(Event):
    """Of shares (ERC-6909); from or to the zero address where they are made or given up."""

    caller: str
    sender: str
    to: str
    id: int
    amount: int


@dataclass(frozen=True)
class Approval(Event):
    owner: str
    spender: str
    id: int
    amount: int


@dataclass(frozen=True)
class OperatorSet(Event):
    owner: str
    spender: str
    approved: bool


@dataclass(frozen=True)
class Pool:
    """A pool as it was left at ``time``. ``sums`` and ``marks`` are what averages are made of (see ``_reference``)."""

    id: int
    tokens: tuple[str, str]
    fee_bps: int
    reserves: tuple[int, int]
    supply: int
    time: int
    sums: tuple[int, int]
    marks: tuple[Mark, ...]

    def place(self, token: str) -> int:
        """0 or 1. LedgerError where the token is not one of the two."""
        if checksum(token) not in self.tokens:
            raise LedgerError(f"pool {self.id} is of {' and '.join(self.tokens)}, not of {token}")
        return self.tokens.index(checksum(token))

    def model(self) -> PoolModel:
        """The same, to try what would come of a call."""
        return PoolModel(self.fee_bps, self.reserves, self.supply, self.time, self.sums, list(self.marks))


@dataclass(frozen=True)
class SwapPreview:
    """What a swap would bring if nobody came before it. Prices are of the token that is given, in the other's units."""

    amount_in: int
    amount_out: int
    fee: int
    """Of ``amount_in``; it stays with the pool."""
    price_before: Fraction
    price_paid: Fraction
    price_after: Fraction

    @property
    def loss(self) -> Fraction:
        """By how much the price that is paid is worse than the one before, fee included, as a part of it."""
        return 1 - self.price_paid / self.price_before

    def least(self, slack: Fraction) -> int:
        """``amount_out`` less a part of it that others may take by coming before."""
        return int(self.amount_out * (1 - slack))


class ExchangeReplay(Replay):
    """Every pool and every share, by the model; each transfer of KLP here has its cause."""

    holds_tokens = True

    def begin(self) -> None:
        self.fee = 0
        self.pools: dict[int, PoolModel] = {}
        self.tokens: dict[int, tuple[str, str]] = {}
        self.shares: Counter[tuple[int, str]] = Counter()
        self._made: Counter[tuple[int, str]] = Counter()
        self._klp = self.run.ledger.address("Token")

    def on_FeeSet(self, e: FeeSet) -> None:
        self.differ(f"fee of {self.where(e)} in its range", True, 1 <= e.fee_bps <= 100)
        self.fee = e.fee_bps

    def on_Opened(self, e: Opened) -> None:
        at, pair = self.where(e), (e.token0, e.token1)
        self.differ(f"number and fee of {at}", (len(self.pools) + 1, self.fee), (e.id, e.fee_bps))
        self.differ(f"pair of {at} in its order", True, int(e.token0, 16) < int(e.token1, 16))
        self.differ(f"pair of {at} open already", False, pair in self.tokens.values())
        self.pools[e.id], self.tokens[e.id] = PoolModel(e.fee_bps), pair

    def on_Marked(self, e: Marked) -> None:
        pool, now = self.pools[e.id], self.time_of(e.block)
        first = not pool.supply
        self.differ(f"{self.where(e)} due", True, first or pool.accrue(now))
        self.differ(f"sums of {self.where(e)}", pool.sums, (e.up, e.down))

    def _now(self, e: Added | Removed | Swapped) -> PoolModel:
        pool = self.pools[e.id]
        self.differ(f"a mark before {self.where(e)}", False, pool.accrue(self.time_of(e.block)))
        return pool

    def on_Added(self, e: Added) -> None:
        self.differ(f"shares of {self.where(e)}", self._now(e).add((e.amount0, e.amount1)), e.shares)
        self._made[e.id, e.by] -= e.shares
        if self.pools[e.id].supply == e.shares + LOCKED:
            self._made[e.id, _NOBODY] -= LOCKED
        self._moved(e, e.by, self.address, (e.amount0, e.amount1))

    def on_Removed(self, e: Removed) -> None:
        self.differ(f"amounts of {self.where(e)}", self._now(e).remove(e.shares), (e.amount0, e.amount1))
        self._made[e.id, e.by] += e.shares
        self._moved(e, self.address, e.by, (e.amount0, e.amount1))

    def on_Swapped(self, e: Swapped) -> None:
        self.differ(f"amount of {self.where(e)}", self._now(e).swap(e.first, e.amount_in), e.amount_out)
        for klp in (place for place, token in enumerate(self.tokens[e.id]) if token == self._klp):
            if (klp == 0) == e.first:
                self.move(e.by, self.address, e.amount_in)
            else:
                self.move(self.address, e.to, e.amount_out)

    def on_Transfer(self, e: Transfer) -> None:
        for who, amount in ((e.sender, -e.amount), (e.to, e.amount)):
            if who != ZERO:
                self.shares[e.id, who] += amount
                self.differ(f"shares of {who} after {self.where(e)} at least 0", True, self.shares[e.id, who] >= 0)
        if e.sender == ZERO:
            self._made[e.id, e.to] += e.amount
        if e.to == ZERO:
            self._made[e.id, e.sender] -= e.amount

    def _moved(self, e: Added | Removed, sender: str, to: str, amounts: tuple[int, int]) -> None:
        for token, amount in zip(self.tokens[e.id], amounts, strict=True):
            if token == self._klp:
                self.move(sender, to, amount)

    def end_transaction(self, at: str) -> None:
        for (id, who), amount in self._made.items():
            self.differ(f"shares of pool {id} made for {who} without a cause in {at}", 0, amount)
        self._made.clear()

    def owed(self) -> int:
        held = ((self.pools[id].reserves, tokens) for id, tokens in self.tokens.items())
        return sum(r for reserves, tokens in held for r, t in zip(reserves, tokens, strict=True) if t == self._klp)

    def compare(self) -> None:
        exchange = self.client(Exchange)
        self.differ("the contract's pools", len(self.pools), exchange.count())
        self.differ("the contract's fee of new pools", self.fee, exchange.owners_terms().fee_bps)
        for id, pool in self.pools.items():
            mine = Pool(id, self.tokens[id], pool.fee_bps, pool.reserves, pool.supply, pool.time, pool.sums,
                        tuple(pool.marks))  # fmt: skip
            self.differ(f"the contract's pool {id}", mine, exchange.pool(id))
            shares = sum(amount for (of, _), amount in self.shares.items() if of == id)
            self.differ(f"sum of the shares of pool {id}", pool.supply, shares)
        for (id, who), amount in self.shares.items():
            self.differ(f"the contract's shares of {who} in pool {id}", amount, exchange.shares(id, who))


class Exchange(Contract):
    """Swaps between tokens, and pools that make them."""

    name = "Exchange"
    events = (FeeSet, Opened, Added, Removed, Swapped, Marked, Transfer, Approval, OperatorSet)
    needs_none = (Approval, OperatorSet)
    replay = ExchangeReplay

    def owners_terms(self) -> ExchangeTerms:
        """What pools keep that are opened now."""
        return ExchangeTerms(int(self._read("feeBps")))

    def calls_for(self, terms: Terms) -> list[bytes]:
        return [self._functions["propose"].call_data(terms.as_tuple())]

    def terms_after(self, call: bytes) -> Terms | None:
        propose = self._functions["propose"]
        return ExchangeTerms(*propose.arguments(call)) if call[:4] == propose.selector else None

    def propose(self, terms: ExchangeTerms) -> Sent:
        """Set what new pools keep; the owner of the rules only."""
        return self._write("propose", terms.fee_bps)

    def open(self, token: str, other: str) -> int:
        """Open a pool for a pair of tokens; its number."""
        return self._made(self._write("open", token, other), "Opened")

    def add(self, id: int, most: tuple[int, int], *, least_shares: int = 0, until: int = _NEVER) -> Sent:
        """Bring at most so much of the pool's first and second token, in its proportion, for shares. Approves by
        itself, no more than that."""
        self._approve(id, most)
        return self._write("add", id, *most, least_shares, until)

    def remove(self, id: int, shares: int, *, least: tuple[int, int] = (0, 0)) -> Sent:
        """Give shares up for what they are of both tokens."""
        return self._write("remove", id, shares, *least)

    def swap(self, id: int, token: str, amount: int, *, least: int = 0, to: str | None = None,
             until: int = _NEVER) -> Sent:  # fmt: skip
        """Give ``amount`` of one token of the pool for at least ``least`` of the other. Approves by itself, no more."""
        place = self.pool(id).place(token)
        self._approve(id, (amount, 0) if place == 0 else (0, amount))
        return self._write("swap", id, place == 0, amount, least, to or self._ledger.me.address, until)

    def _approve(self, id: int, amounts: Sequence[int]) -> None:
        for token, amount in zip(self.pool(id).tokens, amounts, strict=True):
            if amount:
                Coin(self._ledger, token).ensure_allowance(self.address, amount)

    def mark(self, id: int) -> Sent:
        """Keep what averages are made of, where that was not done for half an hour."""
        return self._write("mark", id)

    def count(self) -> int:
        """How many pools there are."""
        return int(self._read("count"))

    def pool(self, id: int) -> Pool:
        """A pool as it was left. LedgerError where there is none."""
        token0, fee_bps, _, newest, token1, r0, r1, time, sums = self._read("poolOf", id)
        if token0 == ZERO:
            raise LedgerError(f"there is no pool {id}; `klopf pool list` shows those that there are")
        said = [self._read("markOf", id, place) for place in ((newest + 1) % 3, (newest + 2) % 3, newest)]
        marks = tuple(Mark(int(up), int(down), int(time_)) for (up, down), time_ in said if time_)
        supply = int(self._read("totalSupply", id))
        return Pool(id, (checksum(token0), checksum(token1)), fee_bps, (r0, r1), supply, time, tuple(sums), marks)

    def of(self, token: str, other: str) -> int:
        """The number of a pair's pool; 0 where it has none."""
        return int(self._read("idOf", token, other))

    def shares(self, id: int, owner: str) -> int:
        """What somebody has of a pool."""
        return int(self._read("balanceOf", owner, id))

    def ensure_allowance(self, spender: str, id: int, shares: int) -> Sent | None:
        """Let a contract take so many of one's shares of a pool, no more; None where it may already."""
        if int(self._read("allowance", self._ledger.me.address, spender, id)) >= shares:
            return None
        return self._write("approve", spender, id, shares)

    def bounds(self, token: str, in_token: str) -> Bounds:
        """What one unit of a token is worth in units of another, with 36 decimals. Reverted (TooYoung)
        where there are no averages yet."""
        return Bounds(*map(int, self._read("boundsOf", token, in_token, at="pending")))

    def preview(self, id: int, token: str, amount: int) -> SwapPreview:
        """What a swap would bring now. LedgerError where it would bring nothing."""
        pool = self.pool(id)
        first, model = pool.place(token) == 0, pool.model()

        def price() -> Fraction:
            x, y = model.reserves if first else model.reserves[::-1]
            return Fraction(y, x)

        if not pool.supply or not 0 < amount < 2**112 or not model.quote(first, amount):
            raise LedgerError(f"pool {id} gives nothing for {amount}; give more, or `klopf pool add {id}` first")
        before, out = price(), model.swap(first, amount)
        fee = amount - amount * (10_000 - pool.fee_bps) // 10_000
        return SwapPreview(amount, out, fee, before, Fraction(out, amount), price())
