"""The gate refuses what breaks something, lets through what does not, and says what it may have missed."""

import pytest
from scipy.stats import beta

from klopf.errors import TwinError
from klopf.twin import Plan, Policy, gate, most_missed, policy_called
from tests.twin.violators import HOW, WHEN, violators

SMALL = {"seeds": range(4), "stop": True}


@pytest.mark.parametrize("failed", [0, 1, 5, 19])
def test_the_bound_is_that_of_clopper_and_pearson(failed):
    assert most_missed(20, failed) == pytest.approx(beta.ppf(0.95, failed + 1, 20 - failed))
    assert most_missed(20, 20) == 1.0


@pytest.mark.parametrize(("worlds", "failed", "sure"), [(0, 0, 0.95), (5, 6, 0.95), (5, -1, 0.95), (5, 0, 1.0)])
def test_a_bound_of_nothing_is_refused(worlds, failed, sure):
    with pytest.raises(TwinError):
        most_missed(worlds, failed, sure)


@pytest.mark.parametrize("how", HOW)
def test_who_breaks_something_is_refused_however_seldom(how):
    """One of each kind here; all fifty in bench/twin.py."""
    for when in list(WHEN)[-2:]:
        verdict = gate(violators()[f"{how}, {when}"], **SMALL)
        assert not verdict.released and verdict.breaches[0].broken > verdict.breaches[0].today
    assert len(violators()) == 50


@pytest.mark.parametrize("name", ["rules", "nothing"])
def test_who_breaks_nothing_is_released_and_the_verdict_can_be_tried_again(name):
    one, again = (gate(lambda: policy_called(name), Plan(households=8), range(2), ("", "storm")) for _ in "ab")
    assert one.released and one == again and one.worlds == 4 and one.policy == name
    assert one.missed == pytest.approx(1 - 0.05**0.5)
    other = gate(lambda: policy_called(name), Plan(households=8), (5, 6), ("", "storm"))
    assert other.digest != one.digest


def test_all_breaches_are_told_and_counted_by_seeds():
    verdict = gate(violators()["dry, with odd seeds"], seeds=range(4), scenarios=("", "drought"))
    assert {one.seed for one in verdict.breaches} == {1, 3} and verdict.worlds == 8
    assert verdict.missed == most_missed(4, 2) and not verdict.released
    assert verdict.as_dict()["seeds"] == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "wrong", [{"seeds": ()}, {"seeds": (1, 1)}, {"scenarios": ()}, {"days": 0}, {"days": float("nan")}]
)
def test_a_gate_without_worlds_is_refused(wrong):
    with pytest.raises(TwinError):
        gate(lambda: policy_called("rules"), **wrong)


class Quitting(Policy):
    """Even what no error should be is a breach."""

    name = "quitting"

    def acts(self, world):
        raise SystemExit(0)


def test_a_policy_that_ends_the_process_is_refused():
    verdict = gate(Quitting, Plan(households=2), (0,), ("",))
    assert "SystemExit" in verdict.breaches[0].constraint
