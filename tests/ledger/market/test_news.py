"""Whose weights told what nobody could know: the contract against its second implementation, and who is paid for it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_helpers import KLP, TINY, Net, embedded

from klopf import ledger
from klopf.ledger import Role
from klopf.ledger.market._news import FEW, Newsroom, Skill, agreed, news
from tests.ledger.farm import network

ALL = 65_535
Column = list[tuple[int, int, int]]


def crowd(net: Net, count: int) -> list[int]:
    for _ in range(count):
        net.join(Role.NEURON, stake=100 * KLP)
    net.admin.clock.start()
    return list(net.clients)


def told(net: Net, ids: list[int], useful: dict[int, float], rng: random.Random) -> dict[int, dict[int, int]]:
    """Everybody says, with a tenth of noise, how useful those are to whom it is bound."""
    weights = {}
    for i in ids:
        heard = {s: useful[s] * rng.gauss(1, 0.1) for s in net.admin.settlement.bound_to(i, ids)}
        total = sum(heard.values())
        weights[i] = {s: int(ALL * h / total) for s, h in heard.items()}
    return weights


def test_the_contract_weighs_news_as_the_second_implementation_does() -> None:
    """Through ten epochs, of which somebody misses one, and in which somebody listens to nobody."""
    net, rng = embedded(), random.Random(5)
    ids = crowd(net, FEW + 2)
    useful = dict.fromkeys(ids, 1.0)
    for n in range(10):
        useful = {i: u * np.exp(rng.gauss(0, 0.2)) for i, u in useful.items()}
        weights = told(net, ids, useful, rng)
        if n == 4:
            del weights[ids[2]]
        weights[ids[1]] = {}
        net.epoch(weights)
    epoch = net.admin.clock.now().epoch - 1
    paid = [net.admin.settlement.news(epoch, id) for id in ids]
    assert max(paid) > 0
    assert paid[1] == 0
    assert ledger.verify(net.admin, net.receipts) == []


def test_where_they_are_few_nobody_is_asked() -> None:
    net, rng = network(TINY), random.Random(1)
    ids = crowd(net, FEW)
    epoch = net.epoch(told(net, ids, dict.fromkeys(ids, 1.0), rng))
    pool, rank = net.admin.settlement.epoch(epoch).pool, net.admin.settlement.epoch(epoch).rank
    ranks = [net.admin.settlement.column(epoch, id).rank for id in ids]
    assert net.admin.token.emitted() == sum(pool * r // rank for r in ranks) > 0


class Crowd:
    """Listeners to twenty speakers that are better one time and worse another; the last of them says what it likes."""

    def __init__(self, seed: int, moves: float = 0.15) -> None:
        self.rng, self.newsroom, self.moves = np.random.default_rng(seed), Newsroom(), moves
        self.walk = np.zeros(20)

    def epochs(self, count: int, last, backward: bool = False) -> list[int]:  # type: ignore[no-untyped-def]
        for epoch in range(1, count + 1):
            self.walk = 0.95 * self.walk + self.moves * self.rng.standard_normal(20)
            parts = [self.newsroom.posted(i) for i in range(9)]
            said = np.exp(self.walk) * self.rng.normal(1, 0.1, (9, 20)) * 3_000
            said[8] = last(self, said[8])
            for speaker in range(20)[:: -1 if backward else 1]:
                column = [(100, max(1, int(said[i, speaker])), i) for i in range(9)]
                self.newsroom.claimed(epoch, speaker, sorted(column, key=lambda entry: -entry[1]))
        return parts


@pytest.mark.parametrize("seed", range(3))
def test_whoever_listens_is_paid_and_whoever_copies_is_not(seed: int) -> None:
    def forecast(crowd: Crowd, said):  # type: ignore[no-untyped-def]
        known = [crowd.newsroom.forecasts[s] for s in range(20)]
        return [max(1, f.expected(crowd.newsroom.drift.share) >> 16) for f in known]

    def last(crowd: Crowd, said):  # type: ignore[no-untyped-def]
        return [max(1, crowd.newsroom.forecasts[s].last >> 16) for s in range(20)]

    def average(crowd: Crowd, said):  # type: ignore[no-untyped-def]
        return [max(1, crowd.newsroom.forecasts[s].slow >> 16) for s in range(20)]

    def at_random(crowd: Crowd, said):  # type: ignore[no-untyped-def]
        return crowd.rng.uniform(1_000, 6_000, 20)

    assert min(Crowd(seed).epochs(40, lambda crowd, said: said)) > 9_000
    for copied in (forecast, last, average, at_random):
        parts = Crowd(seed).epochs(40, copied)
        assert min(parts[:8]) > 9_000
        assert parts[8] < 1_000


def test_where_nothing_changes_there_are_no_news() -> None:
    assert np.mean(Crowd(1, moves=0.0).epochs(40, lambda crowd, said: said)) < 500


def test_the_order_of_claims_decides_nothing() -> None:
    one, other = Crowd(2), Crowd(2)
    assert one.epochs(12, lambda c, s: s) == other.epochs(12, lambda c, s: s, backward=True)
    assert one.newsroom.skills == other.newsroom.skills
    assert one.newsroom.drift == other.newsroom.drift


def test_news_agreement_and_pay_by_hand() -> None:
    assert [news(w, 100 << 16) for w in (100, 120, 80, 500, 1)] == [0, 2_000, -2_000, 5_000, -5_000]
    column = [(3, 90), (1, 50), (1, 40), (1, 10)]
    assert agreed(column) == (90, [40, 90, 90, 90])
    assert Skill(xy=50, xx=100, yy=100, n=1_000_000).paid == 4 * (2_500 - 40)
    assert Skill(xy=-50, xx=100, yy=100, n=1_000_000).paid == 0
    assert Skill(xy=50, xx=100, yy=100, n=10_000).paid == 0  # ten comparisons: as much may be chance
    assert Skill().paid == 0


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=12))
def test_what_the_others_agree_on_is_what_they_would_have_said_alone(column: list[tuple[int, int]]) -> None:
    column = sorted(column, key=lambda entry: -entry[1])

    def alone(entries: list[tuple[int, int]]) -> int:
        held = {w: sum(s for s, other in entries if other >= w) for _, w in entries}
        return max(w for w, s in held.items() if 2 * s >= sum(s for s, _ in entries))

    assert agreed(column) == (alone(column), [alone(column[:n] + column[n + 1 :]) for n in range(len(column))])
