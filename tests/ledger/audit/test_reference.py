"""Medians and draws: the contract on random input."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Role

from klopf.ledger.audit import _reference as audit_ref


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
