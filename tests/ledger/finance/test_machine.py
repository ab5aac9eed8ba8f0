"""Whatever people do with pools in whatever order: no share loses worth, no token is nowhere, everybody gets out.

After each move the contract's pools are compared with the model, and the product of a pool's reserves for each share
never falls. At the end all give their shares up, and ``verify`` plays the whole again. Each check is shown to catch a
planted bug.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from ledger_helpers import KLP

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from tests.ledger.finance.town import RICH, Town
from tests.ledger.test_invariants import planted, play

WHO = st.integers(0, 2)
AMOUNTS = st.one_of(st.integers(1, 5000), st.integers(1, 50 * KLP), st.just(10**6 * KLP))


class Pools(RuleBasedStateMachine):
    """Three people, two pools: gold and iron, gold and KLP."""

    town: Town
    logs: ClassVar[list[dict[str, Any]]]
    """Of all that was before."""

    def __init__(self) -> None:
        super().__init__()
        town = self.town
        town.rpc.back()
        town.rpc._logs.extend(self.logs)
        self.coins = (town.gold.address, town.iron.address, town.owner.token.address)
        self.worth = {id: (0, 1) for id in (1, 2)}

    @rule(who=WHO, id=st.integers(1, 2), a=AMOUNTS, b=AMOUNTS)
    def add(self, who: int, id: int, a: int, b: int) -> None:
        self._try(lambda: self.town.people[who].exchange.add(id, (a, b)))

    @rule(who=WHO, id=st.integers(1, 2), part=st.integers(1, 4))
    def remove(self, who: int, id: int, part: int) -> None:
        one = self.town.people[who]
        self._try(lambda: one.exchange.remove(id, one.exchange.shares(id, one.me.address) // part))

    @rule(who=WHO, id=st.integers(1, 2), first=st.booleans(), amount=AMOUNTS)
    def swap(self, who: int, id: int, first: bool, amount: int) -> None:
        one = self.town.people[who]
        token = one.exchange.pool(id).tokens[0 if first else 1]
        try:
            seen = one.exchange.preview(id, token, amount)
        except LedgerError:
            return
        self._try(lambda: one.exchange.swap(id, token, amount, least=seen.amount_out))

    @rule(seconds=st.sampled_from([1, 600, 1800, 100_000]), id=st.integers(1, 2))
    def wait(self, seconds: int, id: int) -> None:
        self.town.wait(seconds)
        self._try(lambda: self.town.owner.exchange.mark(id))

    def _try(self, move: Callable[[], Any]) -> None:
        try:
            move()
        except Reverted as error:
            assert error.name in {"TooLittle", "NoPool", "TooYoung", "ERC20InsufficientBalance"}, error
        self.check()

    def check(self) -> None:
        book = self.town.owner.exchange
        for id in (1, 2):
            pool = book.pool(id)
            product, square = pool.reserves[0] * pool.reserves[1], pool.supply**2
            if square:
                before, shares = self.worth[id]
                assert product * shares >= before * square, f"pool {id} lost"
                self.worth[id] = product, square
        for coin in self.coins:
            pools = [book.pool(id) for id in (1, 2)]
            owed = sum(p.reserves[p.tokens.index(coin)] for p in pools if coin in p.tokens)
            assert self._held(coin) == owed, f"{coin} is not what the pools say"

    def _held(self, coin: str) -> int:
        odd = {odd.address: odd for odd in (self.town.gold, self.town.iron)}
        place = self.town.owner.exchange.address
        return int(odd[coin].read("balanceOf", place)) if coin in odd else self.town.owner.token.balance(place)

    def teardown(self) -> None:
        for one in self.town.people:
            for id in (1, 2):
                if mine := one.exchange.shares(id, one.me.address):
                    one.exchange.remove(id, mine)
        self.check()
        everybody = [one.me.address for one in self.town.people]
        for odd in (self.town.gold, self.town.iron):
            spread = sum(odd.read("balanceOf", one) for one in everybody)
            assert spread + self._held(odd.address) == len(everybody) * RICH
        assert [str(line) for line in ledger.verify(self.town.owner, [])] == []


def begin() -> None:
    town = Town()
    town.owner.exchange.open(town.gold.address, town.iron.address)
    town.owner.exchange.open(town.gold.address, town.owner.token.address)
    town.rpc.keep()
    Pools.town, Pools.logs = town, list(town.rpc._logs)


def run(sequences: int, hunting: bool = False) -> None:
    begin()
    play(sequences, 12, hunting, Pools)  # type: ignore[arg-type]


@pytest.mark.timeout(300)
def test_pools_add_up() -> None:
    run(6)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_pools_add_up_in_500_sequences() -> None:
    run(500)


BUGS = {
    "a fee that is not kept": ("uint256 counted = amountIn * (1e4 - p.feeBps);", "uint256 counted = amountIn * 10100;"),
    "rounded up for who swaps": (
        "return Math.mulDiv(reserveOut, counted, reserveIn * 1e4 + counted);",
        "return Math.mulDiv(reserveOut, counted, reserveIn * 1e4 + counted, Math.Rounding.Ceil);",
    ),
    "shares by the larger part": ("shares = Math.min(Math.mulDiv", "shares = Math.max(Math.mulDiv"),
    "shares kept by who removes": ("_burn(msg.sender, id, shares);", ""),
    "reserves that go out and stay": (
        "(p.reserve0, p.reserve1) = (uint112(p.reserve0 - amount0), uint112(p.reserve1 - amount1));",
        "",
    ),
    "what comes in is not taken": ("_receive(tokenIn, amountIn);", ""),
    "a price that never counts": (
        "p.sums = p.sums.stood(p.reserve0, p.reserve1, block.timestamp - p.time);",
        "",
    ),
    "the new price for the old time": (
        "_accrue(id, p);\n        // APPLY\n        (uint256 reserve0",
        "// APPLY\n        (uint256 reserve0",
    ),
    "marks that never come": ("if (block.timestamp - p.marked >= PERIOD) _mark(id, p);", ""),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = BUGS[bug]
    with planted("Exchange", old, new, contracts, tmp_path, monkeypatch), pytest.raises((AssertionError, Reverted)):
        run(40, hunting=True)
