"""Consensus: the published vectors, and the contract on random input."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, TINY, Net, Role

from klopf import ledger
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


def test_a_random_market_is_computed_alike(net: Net) -> None:
    """Consensus, rank and pay of whole epochs with random stakes, weights and silences, on the chain and here."""
    stakes = [100 * KLP, 100 * KLP, 333 * KLP + 1, 257 * KLP, 500 * KLP]
    ids = [net.join(Role.NEURON, stake=s) for s in stakes]
    net.admin.clock.start()
    trusts = dict.fromkeys(ids, (0, 0, 0))
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
        ranks, claimed = [], {s for row in weights.values() for s in row}
        for speaker in ids:
            column = [(stakes[ids.index(i)], w[speaker]) for i, w in weights.items() if speaker in w]
            others = sum(stakes) - stakes[ids.index(speaker)]  # whoever posted
            consensus, rank = market_ref.rank(column, others, 32767)
            if speaker in claimed:
                heard, most, last = trusts[speaker]
                trusting = sum(stake for stake, weight in column if weight)
                gone = epoch - last if last else 1
                heard, most = market_ref.trust_after(heard, most, gone, trusting, others, TINY.decay)
                trusts[speaker] = heard, most, epoch
                rank = rank * TINY.fringe_bps // 10_000 if heard * 65_535 >= most * 32_767 else 0
            found = net.admin.settlement.column(epoch, speaker)
            assert (found.consensus, found.rank) == (consensus, rank)
            ranks.append(rank)
        assert (totals.rank, totals.stake) == (sum(ranks), posted)
        pay = [totals.pool * r // sum(ranks) if sum(ranks) else 0 for r in ranks]
        assert net.admin.token.supply() - supply == sum(pay)

    alike()
    assert ledger.verify(net.admin, net.receipts) == []
