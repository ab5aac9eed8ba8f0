"""One reward far beyond all others, of whatever size, whenever it comes: it costs little, and not for long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from klopf.mind.rl import Agent
from klopf.mind.rl._kernels.senses import unit

STEPS, STATES, DISCOUNT = 6000, 4, 0.9


def lived(agent: str = "stream-td", **options: Any) -> tuple[Agent, Any, Any]:
    """An agent that goes round four states, where it gets 1, 2, 0 and -1, but for the rewards in ``instead``, by step;
    and what it predicted, and what it should have, of every step."""
    instead = options.pop("instead", {})
    a = Agent(STATES, agent=agent, hidden=(), constant=False, raw=[True] * STATES, gamma=DISCOUNT, trace_decay=0.0,
              seed=0, time_feature=False, **options)  # fmt: skip
    rewards = np.tile([1.0, 2.0, 0.0, -1.0], STEPS // STATES)
    for at, size in instead.items():
        rewards[at] = size
    states, said, true = np.eye(STATES), np.zeros(STEPS), np.zeros(STEPS)
    told = a.begin(states[0])
    for t in range(STEPS):
        said[t] = np.ravel(told)[0]
        told = a.step(states[(t + 1) % STATES], float(rewards[t]))
    for t in range(STEPS - 2, -1, -1):
        true[t] = rewards[t] + DISCOUNT * true[t + 1]
    return a, said, true


@pytest.mark.parametrize("agent", ["stream-td", "intentional-td"])
@pytest.mark.parametrize("at", [0, 3, 15, 16, 30, 700, 4000])
@pytest.mark.parametrize("size", [1e3, -1e4, 1e8, 1e12])
def test_one_reward_of_any_size_at_any_time_leaves_the_unit_of_rewards_and_what_is_predicted(
    size: float, at: int, agent: str
) -> None:
    usual, said, true = lived(agent)
    found, then, _ = lived(agent, instead={at: size})
    assert unit(found._G, found._O) < 1.3 * unit(usual._G, usual._O)
    last = slice(-1000, -100)
    off = np.abs(said - true)[last].mean()
    assert np.abs(then - true)[last].mean() < off + 0.1 * true[last].std()


def test_rewards_that_are_not_far_out_are_learned_from_as_published_to_the_bit() -> None:
    r = np.random.default_rng(0)
    for instead in ({}, {t: 3.0 * v for t, v in enumerate(r.normal(size=STEPS))}):
        one, other = (lived(instead=instead, follow_sensors=follow)[0] for follow in (True, False))
        assert one.commitment() != other.commitment()  # the option is in it
        assert one.weights(0, 0).tobytes() == other.weights(0, 0).tobytes()


def test_large_rewards_that_come_back_are_what_there_is_to_earn() -> None:
    """One step in a hundred earns 500 from step 1,000 on; so does each state a thousand times as much from then on."""
    paid, *_ = lived(instead=dict.fromkeys(range(1001, STEPS, 100), 500.0))
    as_published, *_ = lived(instead=dict.fromkeys(range(1001, STEPS, 100), 500.0), follow_sensors=False)
    assert unit(paid._G, paid._O) > 0.8 * unit(as_published._G, as_published._O)
    more = dict(enumerate(np.tile([1e3, 2e3, 0.0, -1e3], STEPS // STATES)))
    changed = {t: v for t, v in more.items() if t >= 1000}
    _, said, true = lived("intentional-td", instead=changed)
    assert np.abs(said - true)[-1000:-100].mean() < 0.05 * true[-1000:-100].std()


def test_where_nothing_was_earned_yet_the_first_reward_is_none_too_many() -> None:
    """Zeros tell nothing of how large a reward may be."""
    nothing = dict.fromkeys(range(3000), 0.0)
    one, other = (lived(instead=nothing, follow_sensors=follow)[0] for follow in (True, False))
    assert one.weights(0, 0).tobytes() == other.weights(0, 0).tobytes()
