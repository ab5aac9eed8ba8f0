"""The second implementation: the published vectors, and the contracts on random input."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Role

from klopf import ledger, neuron
from klopf.ledger.audit import _reference as audit_ref
from klopf.ledger.core import _reference as core_ref
from klopf.ledger.market import _reference as market_ref

STAKE, ROWS = [0, 0.75, 0.25, 0], [[0, 0.1, 0], [0, 0.2, 0.4], [0, 0.3, 0.1], [0, 0.4, 0.5]]


@pytest.mark.parametrize(
    ("stake", "rows", "kappa", "expected"),
    [
        (STAKE, ROWS, 0.24, [0, 0.3, 0.4]),
        (STAKE, ROWS, 0.26, [0, 0.2, 0.4]),
        (STAKE, ROWS, 0.76, [0, 0.2, 0.1]),
        ([0, 0.3, 0.2, 0.5], [*ROWS[:3], [0, 0, 0.5]], 0.51, [0, 0, 0.4]),
    ],
)
def test_published_weighted_medians(stake, rows, kappa, expected) -> None:
    assert market_ref.weighted_consensus(stake, rows, kappa) == expected


fractions = st.integers(0, core_ref.WAD - 1)


decays = st.integers(0, 999_999 * 10**12)  # what the rules allow


@given(st.lists(fractions, max_size=40), decays)
def test_utility_is_that_of_the_shared_rule(shares: list[int], decay: int) -> None:
    whole, updated, real = 0, 0, 0.0
    for epoch, share in enumerate(shares, 1):
        whole, updated = core_ref.utility_after(whole, updated, epoch, share, decay)
        real = neuron.updated_utility(real, 1.0, share / core_ref.WAD, decay / core_ref.WAD)
    assert whole / core_ref.WAD == pytest.approx(real, abs=1e-15)
    heard = core_ref.corrected(whole, updated, 0, len(shares), decay) / core_ref.WAD
    # the correction divides by 1 - decay**age, which magnifies the last digits of a decay near one
    size = max(1e-18, 1.0 - (decay / core_ref.WAD) ** len(shares)) if shares else 1.0
    assert heard == pytest.approx(neuron.corrected_utility(real, len(shares), decay / core_ref.WAD), abs=1e-14 / size)


@given(st.lists(st.tuples(st.integers(1, 9), fractions), min_size=1, max_size=9, unique_by=lambda x: x[0]), decays)
def test_the_order_of_epochs_changes_only_roundings(shares: list[tuple[int, int]], decay: int) -> None:
    def total(order: list[tuple[int, int]]) -> int:
        utility = updated = 0
        for epoch, share in [*order, (10, 0)]:
            utility, updated = core_ref.utility_after(utility, updated, epoch, share, decay)
        return utility

    assert abs(total(shares) - total(sorted(shares))) <= 12 * len(shares)


def test_a_random_market_is_computed_alike(net: Net) -> None:
    """Consensus, rank and pay of whole epochs with random stakes, weights and silences, on the chain and here."""
    stakes = [100 * KLP, 100 * KLP, 333 * KLP + 1, 257 * KLP, 500 * KLP]
    ids = [net.join(Role.NEURON, stake=s) for s in stakes]
    net.admin.clock.start()
    row = st.lists(st.none() | st.integers(0, 16_383), min_size=5, max_size=5)

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(row, min_size=5, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
    def alike(rows, posts) -> None:
        weights = {
            i: {s: w for s, w in zip(ids, rows[n], strict=True) if w is not None and s != i}
            for n, i in enumerate(ids)
            if posts[n]
        }
        supply = net.admin.token.supply()
        epoch = net.epoch(weights)
        posted = sum(stakes[ids.index(i)] for i in weights)
        totals = net.admin.settlement.epoch(epoch)
        ranks = []
        for speaker in ids:
            column = [(stakes[ids.index(i)], w[speaker]) for i, w in weights.items() if speaker in w]
            others = posted - (stakes[ids.index(speaker)] if speaker in weights else 0)
            consensus, rank = market_ref.rank(column, others, 32767)
            found = net.admin.settlement.column(epoch, speaker)
            assert (found.consensus, found.rank) == (consensus, rank)
            ranks.append(rank)
        assert (totals.rank, totals.stake) == (sum(ranks), posted)
        pay = [totals.pool * r // sum(ranks) if sum(ranks) else 0 for r in ranks]
        assert net.admin.token.supply() - supply == sum(pay)

    alike()
    assert ledger.verify(net.admin, net.receipts) == []


def test_medians_are_computed_alike(net: Net) -> None:
    pairs = st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 10**27)), min_size=1, max_size=16)

    @settings(max_examples=25, deadline=None)
    @given(pairs)
    def alike(rows) -> None:
        values, weights = [v for v, _ in rows], [w for _, w in rows]
        assert net.admin.audits._read("medianDown", values, weights) == audit_ref.median(values, weights)

    alike()


def test_draws_are_computed_alike_and_follow_stake(net: Net) -> None:
    neurons = [net.join(Role.NEURON) for _ in range(2)]
    stakes = {net.join(Role.AUDITOR, stake=s * KLP): s * KLP for s in (100, 900, 100, 99, 2000)}
    net.admin.clock.start()
    seed = net.admin.clock.seed(1)
    electorate = [(id, s if s >= 100 * KLP else 0) for id, s in stakes.items()]
    for neuron_ in neurons:
        drawn = net.admin.audits.drawn(1, neuron_)
        assert drawn == audit_ref.draw(seed, neuron_, electorate, 3)
        assert len(set(drawn)) == 3
    assert net.admin.audits.assignments(1, 7, neurons) == [n for n in neurons if 7 in net.admin.audits.drawn(1, n)]
    first = [audit_ref.draw(n.to_bytes(32, "big"), 1, electorate, 1)[0] for n in range(3000)]
    shares = [first.count(id) / 3000 for id in stakes]
    assert shares == pytest.approx([100 / 3100, 900 / 3100, 100 / 3100, 0, 2000 / 3100], abs=0.04)
