"""Proximal policy optimisation: its gradient, its rebirths, lives that go on to the bit, and what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from klopf.errors import Diverged, MindError
from klopf.mind.rl import PPO, Agent, PPOSettings, Task, load, run
from klopf.mind.rl._kernels import batch_layout as at
from klopf.mind.rl._kernels.batch import tanh
from klopf.mind.rl._kernels.heard import reborn

DOUBLE = pytest.mark.long  # as the code in double precision, which nobody else needs, is compiled for it


def filled(**options) -> PPO:
    """An agent with a whole rollout behind it and none of it learned from; every number is double."""
    agent = PPO(3, seed=1, dtype="float64", hidden=(5, 4), rollout=32, minibatch=32, epochs=1, step_size=0.0,
                largest_gradient=0.0, entropy=0.01, **options)  # fmt: skip
    rng = np.random.default_rng(2)
    agent._P[0] = rng.normal(0, 0.5, agent._P.shape[1])
    agent.begin(rng.normal(size=3))
    for t in range(32):
        agent.step(rng.normal(size=3), float(rng.normal()), terminated=t % 7 == 6, truncated=t == 31)
        if t % 7 == 6 and t < 31:
            agent.begin(rng.normal(size=3))
    return agent


def loss(agent: PPO, weights: np.ndarray) -> float:
    """The objective as Schulman et al. (2017) write it, eqs. 7 and 9, of the rollout that is kept; to be minimised."""
    s = agent.settings

    def said(n: int) -> np.ndarray:
        h = agent._X
        for l, (inputs, units, first, _) in enumerate(agent._layers[n].tolist()):
            w = weights[first : first + (inputs + 1) * units].reshape(inputs + 1, units)
            h = h @ w[:-1] + w[-1]
            if l < len(s.hidden):
                h = np.tanh(h) if s.activation == "tanh" else np.maximum(h, 0)
        return h

    y, R = said(0), agent._R
    if agent.choices:
        logs = y - np.log(np.exp(y).sum(1, keepdims=True))
        log = logs[np.arange(len(y)), agent._A[:, 0].astype(int)]
        unsure = -(np.exp(logs) * logs).sum(1)
    else:
        deviations = weights[-agent.actions :]
        log = (-0.5 * ((agent._A - y) / np.exp(deviations)) ** 2 - deviations - 0.5 * np.log(2 * np.pi)).sum(1)
        unsure = np.full(len(y), (deviations + 0.5 * np.log(2 * np.pi * np.e)).sum())
    gain = R[:, at.ADVANTAGE]
    gain = (gain - gain.mean()) / (gain.std(ddof=1) + 1e-8)
    ratio = np.exp(log - R[:, at.LOG])
    surrogate = np.minimum(ratio * gain, np.clip(ratio, 1 - s.clip, 1 + s.clip) * gain)
    off = said(1)[:, 0] - R[:, at.GOAL]
    return float(-surrogate.mean() - s.entropy * unsure.mean() + s.value_weight * (off**2).mean())


@DOUBLE
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("shape", [{"actions": 2}, {"choices": 3}], ids=["actions", "choices"])
def test_the_gradient_is_that_of_the_objective(shape, activation):
    agent = filled(activation=activation, **shape)
    agent._P[0] += np.random.default_rng(3).normal(0, 0.3, agent._P.shape[1])  # so that some ratios are clipped
    weights = agent._P[0].copy()
    agent._learn(np.arange(32))
    assert 0 < agent._C[at.CLIPPED] < 1 and np.array_equal(agent._P[0], weights)
    for k in range(len(weights)):
        up, down = weights.copy(), weights.copy()
        up[k] += 1e-6
        down[k] -= 1e-6
        slope = (loss(agent, up) - loss(agent, down)) / 2e-6
        assert agent._P[at.GRADIENT, k] == pytest.approx(slope, abs=1e-7, rel=1e-5), k


@DOUBLE
def test_advantages_are_the_sums_that_define_them():
    agent = filled(actions=1)
    R, s = agent._R, agent.settings
    for t in range(32):
        gain, factor = 0.0, 1.0
        for u in range(t, 32):
            follows = R[u, at.AFTER] if R[u, at.ENDS] else R[u + 1, at.VALUE]
            gain += factor * (R[u, at.REWARD] + s.gamma * follows - R[u, at.VALUE])
            factor *= s.gamma * s.trace_decay
            if R[u, at.ENDS]:
                break
        assert R[t, at.ADVANTAGE] == pytest.approx(gain, abs=1e-12)
        assert R[t, at.GOAL] == pytest.approx(gain + R[t, at.VALUE], abs=1e-12)
    assert R[6, at.AFTER] == 0.0 and R[31, at.AFTER] != 0.0  # an end has nothing behind it, a full rollout has


def test_tanh_is_tanh():
    x = np.concatenate([np.linspace(-30, 30, 4001), np.logspace(-300, 1, 500), [0.0]])
    assert np.allclose([tanh(v) for v in x], np.tanh(x), rtol=1e-15, atol=0)


@DOUBLE
@pytest.mark.parametrize(("network", "layer"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_everything_that_belongs_to_a_reborn_unit_is_made_anew_and_nothing_else(network, layer):
    agent = filled(actions=2)
    P, U, rng = agent._P, agent._U, np.random.default_rng(4)
    P[:] = rng.normal(size=P.shape) ** 2 + 0.1
    U[:3] = rng.random((3, U.shape[1])) + 1
    before, units_before = P.copy(), U.copy()
    inputs, units, first, record = agent._layers[network, layer].tolist()
    _, listeners, after, _ = agent._layers[network, layer + 1].tolist()
    j = 2
    reborn(P, agent._layers, U, network, layer, j, agent.settings.utility_decay, agent._rng)
    incoming = [first + i * units + j for i in range(inputs)]
    own_bias = first + inputs * units + j
    outgoing = [after + j * listeners + k for k in range(listeners)]
    biases = [after + units * listeners + k for k in range(listeners)]
    changed = set(np.flatnonzero((before != P).any(0)).tolist())
    assert changed == {*incoming, own_bias, *outgoing, *biases}
    assert np.abs(P[at.WEIGHT, incoming]).max() <= 1 / np.sqrt(inputs) and P[at.WEIGHT, own_bias] == 0
    assert not P[at.WEIGHT, outgoing].any() and not P[at.FIRST, [*incoming, own_bias, *outgoing]].any()
    mean = units_before[at.MEAN, record + j] / (1 - agent.settings.utility_decay ** units_before[at.AGE, record + j])
    assert P[at.WEIGHT, biases] == pytest.approx(before[at.WEIGHT, biases] + mean * before[at.WEIGHT, outgoing])
    assert np.array_equal(P[1:, biases], before[1:, biases])
    others = [after + i * listeners for i in range(units) if i != j]
    assert P[at.SECOND, outgoing[0]] == pytest.approx(before[at.SECOND, others].mean())
    assert U[:, record + j].tolist() == [0, 0, 0, 1] and np.array_equal(
        np.delete(U, record + j, 1), np.delete(units_before, record + j, 1)
    )


OPTIONS = {"hidden": (16,), "rollout": 64, "minibatch": 16, "epochs": 2}
REBORN = OPTIONS | {"replacement_rate": 0.05, "maturity": 20, "protected": 1.0, "smallest": 0.3, "noise": 1e-4}


@pytest.mark.parametrize("options", [OPTIONS, REBORN], ids=["plain", "reborn"])
@pytest.mark.parametrize("world", ["CartPole-v1", "Pendulum-v1"])
def test_a_life_that_is_resumed_ends_as_one_that_was_not(tmp_path, world, options):
    whole = run(Task(world, "ppo", 1500, 3, options))
    run(Task(world, "ppo", 700, 3, options), tmp_path / "a.life")
    parts = run(Task(world, "ppo", 1500, 3, options), tmp_path / "a.life", resume=True)
    assert parts.agent.commitment() == whole.agent.commitment()
    assert (whole.agent.births > 0) == (options is REBORN)
    kept, _, _ = load(tmp_path / "a.life")
    assert kept.agent.commitment() == whole.agent.commitment()


def test_it_learns_to_balance():
    life = run(Task("CartPole-v1", "ppo", 20_000, 0, {"rollout": 512, "step_size": 1e-3}))
    assert life.final_return > 150
    course = life.agent.course.array()
    assert course.shape[1] == len(life.agent.course.NAMES) and np.isfinite(course).all()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"activation": "gelu"}, "activation='gelu' is not one of tanh, relu"),
        ({"gamma": 1.5}, "gamma=1.5 must be at most 1"),
        ({"minibatch": 1}, "minibatch=1 must be from 2"),
        ({"rollout": 10}, "minibatch=64 must be from 2 to the rollout's 10 steps"),
        ({"hidden": ()}, "must be a tuple of whole numbers"),
        ({"step_size": float("nan")}, "must be finite"),
        ({"epochs": 2.5}, "must be a whole number"),
        ({"clipping": 0.2}, "ppo has no option 'clipping'; it has activation"),
    ],
)
def test_what_makes_no_sense_is_one_line(options, line):
    with pytest.raises(MindError, match=line):
        PPO(3, actions=1, **options)


def test_who_makes_it_is_told():
    with pytest.raises(MindError, match=r"is made by klopf\.mind\.rl\.PPO"):
        Agent(3, choices=2, agent="ppo")
    with pytest.raises(MindError, match="ppo acts"):
        PPO(3)
    with pytest.raises(MindError, match="NaN"):
        PPO(3, actions=1).begin([0, np.nan, 1])
    assert PPOSettings().as_dict()["hidden"] == [64, 64]


@pytest.mark.parametrize(
    ("observation", "reward", "line"),
    [
        ([1, np.inf, 3], 0.0, "NaN, infinity"),
        ([1, 1e31, 3], 0.0, "a number from 1e"),
        ([1, 2], 0.0, "has 2 numbers where this agent sees 3"),
        ("abc", 0.0, "must be numbers"),
        ([1, 2, 3], np.nan, "the reward is nan"),
        ([1, 2, 3], 1e300, "the reward is 1e"),
        ([1, 2, 3], "much", "the reward is 'much', not one number"),
        ([1, 2, 3], None, "the reward is None"),
    ],
)
def test_what_cannot_be_learned_from_changes_nothing(observation, reward, line):
    agent = PPO(3, actions=1, rollout=64, minibatch=16)
    agent.begin([0.1, 0.2, 0.3])
    before = agent.commitment()
    with pytest.raises(MindError, match=line):
        agent.step(observation, reward)
    assert agent.commitment() == before
    if reward == 0.0:
        agent.step([0.3, 0.2, 0.1], 1.0)
        before = agent.commitment()
        with pytest.raises(MindError, match=line):
            agent.begin(observation)  # and the step before is not taken for one that was left
        assert agent.commitment() == before


@pytest.mark.parametrize("shape", [{"actions": 1}, {"choices": 3}], ids=["actions", "choices"])
def test_who_diverges_is_told(shape):
    agent, rng = PPO(3, rollout=64, minibatch=16, step_size=1e30, **shape), np.random.default_rng(0)
    agent.begin(rng.normal(size=3))
    with pytest.raises(Diverged, match="go on from its last checkpoint"):
        for _ in range(200):
            agent.step(rng.normal(size=3), float(rng.normal()))


def test_copies_go_on_alike():
    agent, rng = PPO(3, actions=1, rollout=64, minibatch=16), np.random.default_rng(0)
    agent.begin(rng.normal(size=3))
    for _ in range(100):
        agent.step(rng.normal(size=3), 0.1)
    for again in (copy.deepcopy(agent), pickle.loads(pickle.dumps(agent))):
        seen, reference = rng.normal(size=3), copy.deepcopy(agent)
        assert again.step(seen, 0.2) == reference.step(seen, 0.2) and again.commitment() == reference.commitment()
