"""Utility in whole numbers is that of the rule that all scales share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klopf import neuron
from klopf.ledger.core import _reference as core_ref

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
