"""What takes minutes: the published promises on small environments, and memory over ten million steps."""

from __future__ import annotations

import resource
import sys

import numpy as np
import pytest

from klopf.mind.rl import Task, run

# What counts is steps: where a machine has much else to do, they take their time.
pytestmark = pytest.mark.timeout(3600)


@pytest.mark.slow
def test_stream_q_balances_the_pole():
    assert np.mean([run(Task("CartPole-v1", "stream-q", 200_000, seed)).final_return for seed in range(3)]) >= 475


@pytest.mark.slow
def test_stream_actor_critic_learns_to_run():
    """HalfCheetah-v5, 300,000 steps: a random policy earns about -280."""
    assert run(Task("HalfCheetah-v5", "stream-ac", 300_000)).final_return > 700


@pytest.mark.slow
def test_stream_q_plays_breakout_better_than_chance():
    life = run(Task("klopf/Breakout-v0", "stream-q", 300_000, options={"epsilon_steps": 60_000}))
    assert life.final_return > 2.0


@pytest.mark.slow
def test_memory_is_flat_over_ten_million_steps():
    held = {}

    def look(life):
        held[life.steps] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    options = {"hidden": (16,), "life": "continual", "update": "autostep"}
    run(Task("CartPole-v1", "stream-q", 10_000_000, options=options), progress=look)
    early = max(v for k, v in held.items() if k < 500_000)
    unit = 1024 if sys.platform == "darwin" else 1
    assert (max(held.values()) - early) / unit < 8 * 1024  # KB
