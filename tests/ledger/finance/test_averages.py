"""Averages of a price: by the model to the unit, and no further than they may be pushed."""

from __future__ import annotations

import random

import pytest
from ledger_helpers import KLP

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger.finance._reference import Bounds
from tests.ledger.finance.town import Town

ONE = 10**36


@pytest.fixture
def town() -> Town:
    return Town()


def bounds(town: Town, upward: bool = True) -> Bounds:
    pair = (town.gold.address, town.iron.address)
    return town.owner.exchange.bounds(*(pair if upward else pair[::-1]))


def test_a_price_that_stands_is_its_own_average(town: Town) -> None:
    id = town.pool((1000 * KLP, 4000 * KLP))
    town.ripen(id)
    with pytest.raises(Reverted, match="TooYoung"):
        town.owner.exchange.mark(id)
    for found, price in ((bounds(town), 4 * ONE), (bounds(town, False), ONE // 4)):
        assert price - 10**5 < found.low <= price <= found.high < price + 10**5  # of 36 decimals
    assert ledger.verify(town.owner, []) == []


def test_there_is_none_before_two_marks_and_half_an_hour(town: Town) -> None:
    id = town.pool()
    with pytest.raises(Reverted, match="NoPool"):
        town.owner.exchange.bounds(town.gold.address, town.owner.token.address)
    town.wait(10**6)
    with pytest.raises(Reverted, match="TooYoung"):
        bounds(town)
    town.owner.exchange.mark(id)
    town.wait(1799)
    with pytest.raises(Reverted, match="TooYoung"):
        bounds(town)
    with pytest.raises(Reverted, match="TooYoung"):
        town.owner.exchange.mark(id)
    town.wait(1)
    bounds(town)


def test_within_one_transaction_nothing_moves(town: Town) -> None:
    """A borrowed million pushes the price a thousandfold, and no time passes: both bounds are as they were."""
    id = town.pool()
    town.ripen(id)
    before = [bounds(town), bounds(town, False)]
    town.people[1].exchange.swap(id, town.iron.address, 10**6 * KLP)
    assert town.owner.exchange.pool(id).reserves[0] < 5 * KLP
    assert [bounds(town), bounds(town, False)] == before


@pytest.mark.parametrize("held", [3, 12, 60])
@pytest.mark.parametrize("up", [True, False])
def test_what_is_held_for_a_moment_moves_a_bound_by_that_part_at_most(town: Town, held: int, up: bool) -> None:
    """However far: a price that is pushed a millionfold for a part q of the time. Up, ``low`` stays under 1/(1-q) of
    what it was; down, ``high`` stays above 1-q of it."""
    id = town.pool()
    town.ripen(id, 3)
    before = bounds(town)
    push = town.people[1].exchange
    token, back = (town.iron, town.gold) if up else (town.gold, town.iron)
    had = back.read("balanceOf", push._ledger.me.address)
    push.swap(id, token.address, 900_000_000 * KLP)
    town.wait(held)
    push.swap(id, back.address, back.read("balanceOf", push._ledger.me.address) - had)
    town.wait(1800 - held)
    after = bounds(town)
    q = held / 1800
    if up:
        assert after.low <= before.low / (1 - q) * 1.01
        assert after.low <= before.low  # the window before counts too, and was not pushed
    else:
        assert after.high >= before.high * (1 - q) * 0.99


def test_the_bounds_are_the_models(town: Town) -> None:
    """Two weeks of trade at random moments."""
    id = town.pool()
    rng = random.Random(7)
    a, b, _ = town.people
    looked = 0
    for _ in range(120):
        town.wait(rng.choice([1, 30, 700, 1799, 1800, 5000, 40_000]))
        token = rng.choice([town.gold, town.iron])
        rng.choice([
            lambda token=token: b.exchange.swap(id, token.address, rng.randrange(1000, 300 * KLP)),
            lambda: a.exchange.add(id, (rng.randrange(10**6, KLP), rng.randrange(10**6, 4 * KLP))),
            lambda: a.exchange.remove(id, rng.randrange(1, KLP)),
        ])()  # fmt: skip
        town.wait(rng.choice([0, 1, 1800, 1801, 90_000]))
        model = town.owner.exchange.pool(id).model()
        for first in (True, False):
            expected = model.bounds(first, town.rpc.time)
            if expected is None:
                with pytest.raises(Reverted, match="TooYoung"):
                    bounds(town, first)
            else:
                looked += 1
                assert bounds(town, first) == expected
                assert expected.low <= expected.high
    assert looked > 150
    assert ledger.verify(town.owner, []) == []


def test_sums_wrap_and_their_differences_do_not(town: Town) -> None:
    """As dear as a price can be, for a century and more."""
    id = town.owner.exchange.open(town.gold.address, town.iron.address)
    a = town.people[0]
    town.iron.send("mint", a.me.address, 2**112)
    a.exchange.add(id, (1, 2**112 - 1))
    for _ in range(5):
        town.wait(200_000_000)
        town.owner.exchange.mark(id)
    town.wait(1800)
    model = town.owner.exchange.pool(id).model()
    assert bounds(town) == model.bounds(True, town.rpc.time)
    assert (2**112 - 1) * ONE <= bounds(town).high < 2**112 * ONE
    assert ledger.verify(town.owner, []) == []
