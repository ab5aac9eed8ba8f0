"""Lives in environments: going on to the bit, what ends an episode, and what goes wrong."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import klopf
from klopf.errors import MindError
from klopf.mind.rl import AGENTS, Agent, Change, Curve, Task, change_for, load, run
from tests.mind.rl import troubles  # noqa: F401  (registers them)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("die", "died in the middle of an episode: RuntimeError: the simulator is gone"),
        ("observation", "observation contains NaN"),
        ("reward", "reward is NaN"),
        ("none", "reward is 'None', not one number"),
        ("array", "not one number"),
        ("huge", "observation contains NaN, infinity or a number beyond 1e"),
        ("shape", "2 numbers where this agent has 3"),
    ],
)
def test_trouble_is_one_line_and_the_last_checkpoint_stays(tmp_path, kind, line):
    file = tmp_path / "a.life"
    with pytest.raises(MindError, match=line) as caught:
        run(Task(f"trouble/{kind}-v0", "stream-q", 3000), file, save_every=0.0)
    assert "\n" not in str(caught.value)
    life, _, _ = load(file)
    assert life.steps in (512, 1024)
    assert np.isfinite(life.agent.weights(0, 0)).all()
    assert life.agent.begin(np.zeros(3)) in (0, 1)


@pytest.mark.parametrize(
    ("environment", "agent"),
    [("CartPole-v1", "stream-q"), ("HalfCheetah-v5", "stream-ac"), ("Hopper-v5", "intentional-ac"),
     ("klopf/Breakout-v0", "stream-q"), ("Pendulum-v1", "stream-ac")],
)  # fmt: skip
@pytest.mark.parametrize("world", ["", "reward"])
def test_resumes_to_the_bit(tmp_path, environment, agent, world):
    change = change_for(world, 300)
    options = {"hidden": (16,), "life": "continual", "replacement_rate": 1e-3, "maturity": 50}
    whole = run(Task(environment, agent, 1500, 3, options, change), tmp_path / "whole.life")
    run(Task(environment, agent, 777, 3, options, change), tmp_path / "part.life")
    part = run(Task(environment, agent, 1500, 3, options, change), tmp_path / "part.life", resume=True)
    assert part.agent.commitment() == whole.agent.commitment()
    assert (part.curve.array() == whole.curve.array()).all()
    assert part.agent.report()["networks"][0]["reborn"] > 0  # units were born


@pytest.mark.long
def test_the_first_process_and_all_later_ones_do_the_same(tmp_path):
    """Compiled here, or loaded from the cache, or in another checkout that shares the cache: the same to the bit."""
    code = (
        "from klopf.mind.rl import Task, run; print(run(Task('CartPole-v1', 'stream-q', 700)).agent.commitment().hex())"
    )
    here = Path(klopf.__file__).parents[1]
    shutil.copytree(here, tmp_path / "other")
    said = []
    for checkout in (here, here, tmp_path / "other", tmp_path / "other"):
        env = os.environ | {"KLOPF_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(checkout)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        said.append(done.stdout)
    assert len(set(said)) == 1
    assert len(said[0].strip()) == 64


def test_where_the_state_cannot_be_taken_a_resumed_life_begins_an_episode(tmp_path):
    run(Task("trouble/none-v0", "stream-q", 520), tmp_path / "a.life")
    life = run(Task("trouble/none-v0", "stream-q", 700), tmp_path / "a.life", resume=True)
    assert life.steps == 700


def test_a_stopped_life_is_saved(tmp_path):
    life = run(Task("CartPole-v1", "stream-q", 10**9), tmp_path / "a.life", keep_going=lambda: False)
    assert life.steps == load(tmp_path / "a.life")[0].steps == 512


def test_a_checkpoint_of_another_agent_is_refused_and_stays(tmp_path):
    file = tmp_path / "a.life"
    run(Task("CartPole-v1", "stream-q", 200), file)
    before = file.read_bytes()
    for other in (
        Task("CartPole-v1", "stream-ac", 400),
        Task("CartPole-v1", "stream-q", 400, seed=1),
        Task("Acrobot-v1", "stream-q", 400),
        Task("CartPole-v1", "stream-q", 400, options={"gamma": 0.9}),
        Task("CartPole-v1", "stream-q", 400, change=Change("reward")),
    ):
        with pytest.raises(MindError, match="another agent"):
            run(other, file, resume=True)
    assert file.read_bytes() == before


@pytest.mark.parametrize("cut", [0, 10, 300, -1])
def test_a_truncated_or_altered_checkpoint_is_refused(tmp_path, cut):
    file = tmp_path / "a.life"
    run(Task("CartPole-v1", "stream-q", 200), file)
    whole = file.read_bytes()
    file.write_bytes(whole[:cut] if cut >= 0 else whole[:400] + b"x" + whole[401:])
    with pytest.raises(MindError):
        run(Task("CartPole-v1", "stream-q", 400), file, resume=True)
    with pytest.raises(MindError):
        Agent.load(file)


def test_agents_are_saved_and_loaded_to_the_bit(tmp_path):
    agent = Agent(3, actions=2, low=-1.0, high=[1.0, math.inf], hidden=(8,), seed=2)
    r = np.random.default_rng(0)
    agent.begin(r.normal(size=3))
    for _ in range(50):
        agent.step(r.normal(size=3), r.normal())
    agent.save(tmp_path / "x.agent")
    other = Agent.load(tmp_path / "x.agent")
    assert other.commitment() == agent.commitment()
    x = r.normal(size=3)
    assert (other.step(x, 1.0) == agent.step(x, 1.0)).all()
    assert other.commitment() == agent.commitment()
    with pytest.raises(MindError):
        load(tmp_path / "x.agent")


def test_termination_and_truncation_are_kept_apart():
    """Reward 1 for ever, cut every 3 steps: worth 1/(1 - gamma) if a time-out is no end, less if it is."""
    values = {}
    for time_out in ("bootstrap", "terminate"):
        agent = Agent(1, agent="stream-td", gamma=0.9, hidden=(8,), scale_rewards=False, normalise_observations=False,
                      time_out=time_out, sparsity=0.0, dtype="float64")  # fmt: skip
        agent.begin([1.0])
        sum_of_last = 0.0
        for t in range(20_000):
            if t % 3 == 2:
                agent.step([1.0], 1.0, truncated=True)
                said = agent.begin([1.0])
            else:
                said = agent.step([1.0], 1.0)
            sum_of_last += said * (t >= 19_000)
        values[time_out] = sum_of_last / 1000
    assert values["bootstrap"] == pytest.approx(10.0, rel=0.05)
    assert values["terminate"] < 8.0


@pytest.mark.parametrize("agent", AGENTS)
def test_an_episode_that_never_ended_is_not_credited_with_the_next(agent):
    a = Agent(3, choices=0 if AGENTS[agent].algorithm == "td" else 2, agent=agent, hidden=(8,), sparsity=0.0,
              dtype="float64")  # fmt: skip
    r = np.random.default_rng(0)
    a.begin(r.normal(size=3))
    for _ in range(5):
        a.step(r.normal(size=3), 1.0)
        if (a.weights(0, 0, "trace") != 0).any():
            break
    assert (a.weights(0, 0, "trace") != 0).any()
    a.begin(r.normal(size=3))
    assert (a.weights(0, 0, "trace") == 0).all()


@pytest.mark.parametrize("inputs", [1, 2, 4, 9])
def test_a_unit_sees_something_at_birth_and_when_it_is_reborn(inputs):
    """Nine tenths of fewer than ten, rounded up, are all: such units were the same until biases told them apart.
    The plain agents are as published."""
    a = Agent(inputs, choices=2, agent="intentional-q", hidden=(40, 20), seed=1, life="continual", maturity=1,
              replacement_rate=0.1)  # fmt: skip
    assert ((a.weights(0, 0)[:-1] != 0).sum(0) == 1).all()
    r = np.random.default_rng(0)
    a.begin(r.normal(size=inputs))
    while a.report()["networks"][0]["reborn"] < 20:
        a.step(r.normal(size=inputs), 0.0)
    assert ((a.weights(0, 0)[:-1] != 0).sum(0) >= 1).all()
    nothing = Agent(inputs, choices=2, agent="intentional-q", hidden=(8,), sparsity=1.0)
    assert not nothing.weights(0, 0).any()


@pytest.mark.parametrize("sparsity", [0.9, 0.5, 0.0])
def test_a_unit_is_born_sparse_without_replacement(sparsity):
    a = Agent(37, choices=5, hidden=(64, 20), sparsity=sparsity, seed=4)
    for network in range(2):
        for layer in range(3):
            w = a.weights(network, layer)
            n = len(w) - 1
            zeros = math.ceil(sparsity * n - 1e-9)
            assert ((w[:-1] == 0).sum(0) == zeros).all()
            assert (w[-1] == 0).all()
            assert np.abs(w).max() <= 1 / math.sqrt(n)
            assert w.shape[1] < 5 or zeros == 0 or len(np.unique((w[:-1] == 0).argmax(0))) > 1


def test_observations_may_be_taken_as_they_are(tmp_path):
    agent = Agent(3, choices=2, hidden=(), raw=[True, False, True], seed=1)
    for k in range(50):
        agent.begin([5.0, float(k), -3.0])
    assert agent.features()[[0, 2, 3]].tolist() == [5.0, -3.0, 1.0] and abs(agent.features()[1]) < 3
    agent.save(tmp_path / "raw.agent")
    again = Agent.load(tmp_path / "raw.agent")
    again.begin([5.0, 50.0, -3.0])
    assert again.features()[[0, 2]].tolist() == [5.0, -3.0]
    with pytest.raises(MindError, match="raw must be true or false for each of 3"):
        Agent(3, choices=2, raw=[True, False])


def test_what_cannot_be_learned_from_changes_nothing():
    agent = Agent(2, choices=3, agent="stream-q", hidden=(8,))
    with pytest.raises(MindError, match="begin"):
        agent.step([0.0, 0.0], 0.0)
    agent.begin([0.0, 1.0])
    agent.step([0.5, 1.0], 0.0)
    before = agent.commitment()
    for seen, reward in (([math.nan, 0.0], 0.0), ([0.0, math.inf], 0.0), ([0.0, 0.0], math.nan), ([0.0], 0.0),
                         (["a", "b"], 0.0), ([1e200, 0.0], 0.0), ([0.0, 0.0], -1e200), ([0.0, 0.0], None),
                         ([0.0, 0.0], "x"), ([0.0, 0.0], np.ones(1)), ([0.0, 0.0], 1j)):  # fmt: skip
        with pytest.raises(MindError):
            agent.step(seen, reward)
    for seen in ([math.nan, 0.0], [0.0, 1e13]):
        with pytest.raises(MindError):
            agent.begin(seen)
    assert agent.commitment() == before
    for reward in (np.float32(1), 1, True, np.array(0.5)):
        agent.step([0.0, 0.0], reward)


def test_actions_out_of_range_are_refused():
    agent = Agent(2, choices=3, agent="stream-q", hidden=(8,))
    agent.begin([0.0, 1.0])
    before = agent.commitment()
    for action in (3, -1, 0.5, math.nan, "left", [0, 1]):
        with pytest.raises(MindError):
            agent.take(action)
    assert agent.commitment() == before
    agent.take(2)
    agent.step([0.1, 1.0], 1.0)
    agent = Agent(2, actions=2, low=-1, high=1, hidden=(8,))
    for action in ([0.0, 1.1], [math.nan, 0.0], [0.0], 0.0):
        with pytest.raises(MindError):
            agent.take(action)
    for _ in range(50):  # what is sampled beyond the bounds reaches the environment clipped
        assert (np.abs(agent.begin([5.0, -3.0])) <= 1.0).all()


@pytest.mark.parametrize("agent", ["stream-q", "qrc"])
def test_an_action_taken_just_after_loading_counts_as_the_same(tmp_path, agent):
    r = np.random.default_rng(0)
    a = Agent(4, choices=2, agent=agent, epsilon_start=0.0, epsilon_end=0.0, hidden=(8,), seed=3, sparsity=0.0)
    now = a.begin(r.normal(size=4))
    for _ in range(20):
        now = a.step(r.normal(size=4), 1.0)
    a.save(tmp_path / "x.agent")
    b = Agent.load(tmp_path / "x.agent")
    for one in (a, b):
        one.take(1 - now)  # not the greedy one: the trace is cut
        one.step(np.ones(4), 0.5)
    assert a.commitment() == b.commitment()


def test_an_agent_that_diverges_says_so():
    agent = Agent(2, agent="qrc", choices=2, hidden=(8,), step_size=1e300, sparsity=0.0, dtype="float64")
    agent.begin([0.0, 1.0])
    with pytest.raises(MindError, match="diverged"):
        for t in range(100):
            agent.step([math.sin(t), 1.0], 1.0)


@pytest.mark.parametrize(
    "given",
    [
        {"observations": 0, "choices": 2},
        {"observations": 2, "agent": "stream-q"},
        {"observations": 2, "agent": "stream-q", "actions": 2},
        {"observations": 2, "agent": "stream-td", "choices": 2},
        {"observations": 2, "agent": "nobody", "choices": 2},
        {"observations": 2, "choices": 2, "actions": 2},
        {"observations": 2, "actions": 1, "low": 1, "high": 0},
        {"observations": 2, "actions": 2, "low": [0, 0, 0]},
        {"observations": 2, "choices": 2, "gamma": 1.5},
        {"observations": 2, "choices": 2, "hidden": (0,)},
        {"observations": 2, "choices": 2, "hidden": 64},
        {"observations": 2, "choices": 2, "seed": -1},
        {"observations": 2, "choices": 2, "seed": "a"},
        {"observations": 2, "choices": 2, "update": "fixed"},
        {"observations": 2, "choices": 2, "colour": "red"},
        {"observations": 2, "choices": 2, "dtype": "float16"},
    ],
)
def test_settings_that_make_no_sense_are_refused(given):
    with pytest.raises(MindError):
        Agent(**given)


def test_options_may_be_numbers_of_numpy():
    given = {"step_size": np.float64(0.5), "epsilon_steps": np.int64(7), "hidden": np.array([4, 3])}
    plain = {"step_size": 0.5, "epsilon_steps": 7, "hidden": (4, 3)}
    a, b = (Agent(2, choices=2, agent="stream-q", seed=np.int64(1), **o) for o in (given, plain))
    assert a.commitment() == b.commitment()


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("more", [{}, {"life": "continual", "replacement_rate": 1e-2, "maturity": 20}])
@pytest.mark.parametrize("update", ["", "adaptive-obgd", "autostep"])
def test_rules_compose_with_every_agent(agent, more, update):
    if update and AGENTS[agent].update in ("fixed", "intentional"):
        pytest.skip("its update is the agent")
    acting = AGENTS[agent].algorithm != "td"
    options = {**more, **({"update": update} if update else {})}
    a = Agent(4, choices=3 if acting else 0, agent=agent, hidden=(12, 8), dtype="float64", **options)
    r = np.random.default_rng(0)
    a.begin(r.normal(size=4))
    for t in range(600):
        if a.step(r.normal(size=4), r.normal(), terminated=t % 40 == 39) is None:
            a.begin(r.normal(size=4))
    for l in range(3):
        assert np.isfinite(a.weights(0, l)).all()
    report = a.report()
    assert (report["steps"], report["episodes"]) == (600, 15)
    for network in report["networks"]:
        assert (network["reborn"] > 0) == bool(more)
        assert 0 < network["weight"] < 10


def test_a_newborn_inherits_nothing():
    """R6: every quantity of a reborn unit's weights is as at birth, and nobody listens to it yet."""
    a = Agent(10, choices=2, agent="stream-q", hidden=(6, 5), update="autostep", life="continual", dtype="float64",
              replacement_rate=0.02, maturity=10, sparsity=0.5)  # fmt: skip
    r = np.random.default_rng(0)
    a.begin(r.normal(size=10))
    for _ in range(2000):
        before = {q: [a.weights(0, l, q) for l in range(3)] for q in ("weight", "step-size", "memory", "trace")}
        births = a.report()["networks"][0]["reborn"]
        a.step(r.normal(size=10), r.normal())
        if a.report()["networks"][0]["reborn"] == births + 1:
            ages = a._U[0, :11]
            (j,) = np.flatnonzero(ages[:6] == 0) if (ages[:6] == 0).any() else (None,)
            if j is None:
                continue
            assert (a.weights(0, 1)[j] == 0).all()
            assert (a.weights(0, 0)[:, j] != 0).sum() == 5  # five of ten inputs, and no bias
            for l, at in ((0, np.s_[:, j]), (1, np.s_[j])):
                assert (a.weights(0, l, "step-size")[at] == 1).all()
                assert (a.weights(0, l, "memory")[at] == 0).all()
                assert (a.weights(0, l, "trace")[at] == 0).all()
            assert (before["step-size"][0][:, j] != 1).any()
            return
    raise AssertionError("nobody was reborn in the first layer")


def test_the_curve_is_bounded_and_keeps_its_sums():
    c = Curve()
    for k in range(20_000):
        c.add(k, float(k), 1)
    assert len(c) < 4096
    assert c.episodes == 20_000
    assert c.last(0.1) == pytest.approx(np.arange(18_000, 20_000).mean(), abs=4.0)
    assert math.isnan(Curve().last(0.1))


# --- worlds ----------------------------------------------------------------------------------------------------------
