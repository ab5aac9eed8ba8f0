"""Anybody's agents play in a world: PettingZoo's own tests of its interface."""

import numpy as np
import pytest

from klopf.errors import TwinError
from klopf.twin import Plan, World, environment

pytest.importorskip("pettingzoo")
pytestmark = pytest.mark.extras


def env(**given):
    return environment(Plan(households=3), days=2, **given)


def test_pettingzoos_own_tests_pass():
    from pettingzoo.test import parallel_api_test, parallel_seed_test

    parallel_api_test(env(), num_cycles=100)
    parallel_seed_test(env, num_cycles=20)


def test_who_says_nothing_goes_by_todays_rules():
    made = env()
    made.reset(seed=5)
    while made.agents:
        made.step({})
    assert made._world.sums()["households"]["cost"] == pytest.approx(
        World(Plan(households=3), 5).run(48).sums()["households"]["cost"]
    )


@pytest.mark.parametrize(
    ("action", "says"), [(np.zeros(3), "2 things at a time"), (np.full(2, 2.0), r"lies in \[-1, 1\]")]
)
def test_an_action_that_cannot_be_is_refused(action, says):
    made = env()
    made.reset()
    with pytest.raises(TwinError, match=says):
        made.step({"households_0": action})


def test_before_its_beginning_and_without_agents_it_says_so():
    with pytest.raises(TwinError, match="call reset"):
        env().step({})
    with pytest.raises(TwinError, match="no sector of this world that acts"):
        env(sectors=("people",))
