"""Who has what, who gains and who loses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klopf.errors import TwinError
from klopf.twin import Plan, World, compensation, gini, outcome, pareto, welfare

AMOUNTS = st.lists(st.floats(0, 1e6), min_size=1, max_size=30)


@given(AMOUNTS)
def test_gini_is_half_the_relative_mean_difference(values):
    x = np.array(values)
    total = x.sum()
    by_pairs = np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean()) if total > 0 else 0.0
    assert gini(values) == pytest.approx(by_pairs, abs=1e-9)


@given(AMOUNTS, st.floats(0, 1))
def test_welfare_lies_between_equality_and_the_mean(values, weight):
    assert welfare(values) - 1e-6 <= welfare(values, weight) <= np.mean(values) + 1e-6


@pytest.mark.parametrize(("values", "weight"), [([], 0.5), ([1.0], 1.5), ([1.0], float("nan"))])
def test_welfare_of_nobody_or_with_no_weight_is_refused(values, weight):
    with pytest.raises(TwinError):
        welfare(values, weight)


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=20))
def test_compensation_leaves_nobody_worse_off_where_gains_reach(pairs):
    before, after = np.array(pairs).T
    transfers, lacking = compensation(before, after)
    assert transfers.sum() == pytest.approx(0.0, abs=1e-6)
    if after.sum() >= before.sum() + 1e-6:
        assert lacking == pytest.approx(0.0, abs=1e-6)
        assert (after + transfers >= before - 1e-6).all()
    else:
        assert lacking == pytest.approx(before.sum() - after.sum(), abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=15))
def test_the_front_is_what_nothing_beats(rows):
    on = pareto(rows)
    for row, there in zip(rows, on, strict=True):
        beaten = any(all(a <= b for a, b in zip(o, row, strict=True)) and o != row for o in rows)
        assert there != beaten


def test_an_outcome_adds_up():
    world = World(Plan(households=5), 1).run(48)
    came, sums = outcome(world), world.sums()
    has = sums["people"]["income"] + sums["people"]["comfort"] - sums["households"]["cost"]
    assert came.has == tuple(has) and came.cost == pytest.approx(sums["households"]["cost"].sum())
    assert came.least == has.min() and came.welfare == welfare(has) and 0 < came.comfort <= 1
    assert came.policy == "rules" and came.seed == 1
