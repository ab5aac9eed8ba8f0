"""What is drawn beyond a bound is the bound, and tells an intentional agent no more than that."""

from __future__ import annotations

import numpy as np
import pytest

from klopf.mind.rl import Agent, Task, run
from klopf.mind.rl._kernels import layout as at


def moved(mean: float, **bounds: float) -> float:
    """How far the actor's weights go in 200 steps, with a mean that lies there."""
    agent = Agent(3, actions=1, agent="intentional-ac", hidden=(8,), dtype="float64", seed=1, **bounds)
    last = agent._networks[1, -1]
    agent._P[at.WEIGHT, last[at.WEIGHTS_AT] + last[at.INPUTS]] = mean  # what the mean's constant weighs
    before = [agent.weights(1, layer).copy() for layer in range(2)]
    r = np.random.default_rng(0)
    agent.begin(r.normal(size=3))
    for _ in range(200):
        agent.step(r.normal(size=3), float(r.normal()))
    return max(float(np.abs(agent.weights(1, layer) - was).max()) for layer, was in enumerate(before))


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_where_a_bound_is_certain_nothing_is_learned_from_what_lies_beyond_it(side):
    assert moved(50.0 * side, low=-1.0, high=1.0) < 1e-9
    assert moved(0.5 * side, low=-1.0, high=1.0) > 0.01
    assert moved(50.0 * side) > 0.01


def test_far_bounds_are_none():
    assert moved(0.5, low=-1e6, high=1e6) == pytest.approx(moved(0.5), rel=1e-9)


def test_a_network_takes_less_of_an_error_than_weights_that_states_do_not_share():
    shares = [
        run(Task(world, "intentional-q", 200)).agent.settings.eta_value for world in ("CartPole-v1", "MountainCar-v0")
    ]
    assert shares == [0.05, 0.25]
    chosen = run(Task("MountainCar-v0", "intentional-q", 200, options={"eta_value": 0.1}))
    assert chosen.agent.settings.eta_value == 0.1
