"""The shared rule: each function against its equation."""

import numpy as np
import pytest

from klopf import neuron
from klopf.neuron import Standing


def test_corrected_utility_of_a_constant_contribution_is_that_contribution_at_every_age():
    utility = 0.0
    for age in range(1, 200):
        utility = neuron.updated_utility(utility, -1.5, 2.0, decay=0.97)
        assert neuron.corrected_utility(utility, age, decay=0.97) == pytest.approx(3.0)


def test_least_heard_never_judges_the_young():
    heard = np.array([0.0, 0.3, 0.2, 0.2])
    assert neuron.least_heard(heard, np.array([False, True, True, True])) == 2
    assert neuron.least_heard(heard, np.array([False] * 4)) == -1


def test_a_free_seat_is_asked_for_before_a_taken_one_and_then_that_of_the_least_heard():
    assert neuron.contested_seat([0.0, 0.5], seats=3) == -1
    assert neuron.contested_seat([0.3, 0.1, 0.1], seats=3) == 1
    assert neuron.contested_seat(np.array([0.3, 0.2]), seats=1) == 1


def test_moving_the_mean_into_the_bias_keeps_the_average_output():
    rng = np.random.default_rng(0)
    activity, weight, bias = rng.normal(2.0, 1.0, 10_000), 0.7, -0.1
    before = (bias + weight * activity).mean()
    assert neuron.moved_bias(bias, activity.mean(), weight) == pytest.approx(before)


RECORD = dict(mature=True, audit_passed=True, audits_failed_in_a_row=0, heard=0.2, rival_heard=None)


@pytest.mark.parametrize(
    ("standing", "change", "earned"),
    [
        (Standing.FRINGE, {}, Standing.BACKBONE),
        (Standing.FRINGE, {"mature": False}, Standing.FRINGE),
        (Standing.FRINGE, {"audit_passed": False, "audits_failed_in_a_row": 1}, Standing.FRINGE),
        (Standing.FRINGE, {"heard": 0.0}, Standing.FRINGE),
        (Standing.FRINGE, {"rival_heard": 0.19}, Standing.FRINGE),
        (Standing.FRINGE, {"rival_heard": 0.18}, Standing.BACKBONE),
        (Standing.BACKBONE, {"audit_passed": False, "audits_failed_in_a_row": 1}, Standing.FRINGE),
        (Standing.BACKBONE, {"audit_passed": False, "audits_failed_in_a_row": 2}, Standing.SILENT),
        (Standing.BACKBONE, {"heard": 0.0}, Standing.BACKBONE),
        (Standing.BACKBONE, {"mature": False, "audits_failed_in_a_row": 9}, Standing.BACKBONE),
        (Standing.SILENT, {}, Standing.SILENT),
        (Standing.NONE, {}, Standing.NONE),
        (Standing.NONE, {"audits_failed_in_a_row": 9}, Standing.NONE),
    ],
)
def test_standing(standing, change, earned):
    assert neuron.next_standing(standing, **(RECORD | change)) is earned


def test_a_newcomer_is_admitted_in_two_steps():
    sizes = [neuron.admitted_step_size(age, age / 20, 1.0, 0.01, 0.1, maturity=10) for age in range(30)]
    assert set(sizes[:11]) == {0.01}
    assert sizes[11:] == sorted(sizes[11:])
    assert sizes[-1] == pytest.approx(0.1)
