"""From the same weights and the same transitions, the agents do what the papers' equations say."""

from __future__ import annotations

import numpy as np
import pytest

from klopf.mind.rl import Agent
from tests.mind.rl import plain_stream as plain

STEPS = 300
SEEN = 5


def stream(seed=0):
    """Observations, rewards and how episodes end, such as no environment would give them twice."""
    r = np.random.default_rng(seed)
    scale = np.array([1.0, 5.0, 0.1, 2.0, 1.0])
    for t in range(STEPS):
        ends = t % 61 == 60, t % 97 == 96
        yield r.normal(size=SEEN) * scale + [0, 3, 0, 0, -1], float(r.normal() * 3 + 1), ends, r.normal(size=SEEN)


def networks(agent):
    nets = len(agent.report()["networks"])
    return [plain.Net([agent.weights(k, l) for l in range(len(agent.settings.hidden) + 1)]) for k in range(nets)]


def agree(agent, nets):
    for k, net in enumerate(nets):
        for l, w in enumerate(net.layers):
            assert np.abs(agent.weights(k, l) - w).max() < 1e-6


def updates(agent, nets):
    s = agent.settings
    if s.update == "intentional":
        etas = (s.eta_value, s.eta_policy)
        return [
            plain.Intentional(n, e, s.gamma, s.trace_decay, k == 1)
            for k, (n, e) in enumerate(zip(nets, etas, strict=False))
        ]
    kind = {"obgd": plain.ObGD, "adaptive-obgd": plain.AdaptiveObGD, "autostep": plain.Autostep}[s.update]
    return [kind(n, k, s.gamma, s.trace_decay) for n, k in zip(nets, (s.kappa_value, s.kappa_policy), strict=False)]


@pytest.mark.parametrize("time_out", ["bootstrap", "terminate"])
@pytest.mark.parametrize("update", ["obgd", "adaptive-obgd", "intentional", "autostep"])
@pytest.mark.parametrize("kind", ["continuous", "bounded", "discrete"])
def test_actor_critic(kind, update, time_out):
    bounds = {"low": -0.4, "high": 1.0} if kind == "bounded" else {}
    shape = {"choices": 4} if kind == "discrete" else {"actions": 3, **bounds}
    agent = Agent(SEEN, **shape, hidden=(16, 12), time_limit=50, dtype="float64", seed=3, update=update,
                  time_out=time_out)  # fmt: skip
    critic, actor = nets = networks(agent)
    first, second = updates(agent, nets)
    senses = plain.Senses(0.99, 50)
    agent.begin(np.ones(SEEN))
    s = senses.observe(np.ones(SEEN), True)
    for observation, reward, (terminated, truncated), start in stream():
        a = int(agent._action[0, 0]) if kind == "discrete" else agent._action[0].copy()
        agent.step(observation, reward, terminated, truncated)
        cut = terminated or (truncated and time_out == "terminate")
        over = terminated or truncated
        r = senses.reward(reward, over)
        if update == "intentional":
            senses.restate(critic, first, second)
        s2 = senses.observe(observation, False)
        delta = r + 0.99 * critic.value(s2)[0] * (not cut) - critic.value(s)[0]
        assert agent.report()["delta"] == pytest.approx(delta, abs=1e-6)
        said, entropy = actor.value(s), 0.01 * np.sign(delta)
        by, room = plain.by_normal, 1.0
        if kind == "discrete":
            by, room = plain.by_softmax, plain.undecided(said, a)
        by_outputs = by(said, a, entropy)
        if kind == "bounded" and update == "intentional":
            by_outputs, room = plain.by_clipped(said, a, entropy, -0.4, 1.0)
        grads = actor.gradient(s, by_outputs)
        first.step(delta, critic.gradient(s, [1.0]), over)
        second.step(delta, grads, over, *([room] if update == "intentional" else []))
        s = s2
        if over:
            agent.begin(start)
            s = senses.observe(start, True)
    agree(agent, nets)


@pytest.mark.parametrize("update", ["obgd", "adaptive-obgd", "intentional", "autostep"])
@pytest.mark.parametrize("algorithm", ["q", "sarsa"])
def test_action_values(algorithm, update):
    agent = Agent(SEEN, choices=4, agent=f"stream-{algorithm}", hidden=(16, 12), dtype="float64", seed=5, update=update,
                  epsilon_steps=150, time_out="terminate")  # fmt: skip
    nets = networks(agent)
    q, (rule,) = nets[0], updates(agent, nets)
    senses = plain.Senses(0.99, 0)
    agent.begin(np.ones(SEEN))
    s = senses.observe(np.ones(SEEN), True)
    explored = 0
    for observation, reward, (terminated, truncated), start in stream(1):
        a = int(agent._action[0, 0])
        greedy = a == int(q.value(s).argmax())
        explored += not greedy
        agent.step(observation, reward, terminated, truncated)
        over = terminated or truncated
        r = senses.reward(reward, over)
        if update == "intentional":
            senses.restate(q, rule)
        s2 = senses.observe(observation, False)
        follows = q.value(s2).max() if algorithm == "q" else q.value(s2)[int(agent._action[0, 0])]
        delta = r + 0.99 * follows * (not over) - q.value(s)[a]
        rule.step(delta, q.gradient(s, np.eye(4)[a]), over or (algorithm == "q" and not greedy))
        s = s2
        if over:
            agent.begin(start)
            s = senses.observe(start, True)
    assert 50 < explored < 250
    agree(agent, nets)


@pytest.mark.parametrize("hidden", [(16, 12), (9,), ()])
@pytest.mark.parametrize("update", ["obgd", "adaptive-obgd", "intentional", "autostep"])
def test_predictions(update, hidden):
    agent = Agent(SEEN, agent="stream-td", hidden=hidden, dtype="float64", seed=5, update=update, sparsity=0.5)
    nets = networks(agent)
    v, (rule,) = nets[0], updates(agent, nets)
    senses = plain.Senses(0.99, 0)
    agent.begin(np.ones(SEEN))
    s = senses.observe(np.ones(SEEN), True)
    for observation, reward, (terminated, truncated), start in stream(2):
        said = agent.step(observation, reward, terminated, truncated)
        r = senses.reward(reward, terminated or truncated)
        if update == "intentional":
            senses.restate(v, rule)
        s2 = senses.observe(observation, False)
        delta = r + 0.99 * v.value(s2)[0] * (not terminated) - v.value(s)[0]
        rule.step(delta, v.gradient(s, [1.0]), terminated or truncated)
        s = s2
        if terminated or truncated:
            agent.begin(start)
            s = senses.observe(start, True)
        elif len(senses.traces) > 1:
            unit = np.sqrt(np.var(senses.traces, ddof=1) + 1e-8)
            assert said == pytest.approx(v.value(s)[0] * unit, rel=1e-6)
    agree(agent, nets)


def test_qrc():
    agent = Agent(SEEN, choices=4, agent="qrc", hidden=(16, 12), dtype="float64", seed=5, epsilon_steps=150,
                  step_size=0.01, second_step_size=0.5)  # fmt: skip
    nets = networks(agent)
    rule = plain.QRC(*nets, 0.01, 0.5, 1.0, 0.99, 0.8)
    senses = plain.Senses(0.99, 0)
    agent.begin(np.ones(SEEN))
    s = senses.observe(np.ones(SEEN), True)
    for observation, reward, (terminated, truncated), start in stream(1):
        a = int(agent._action[0, 0])
        greedy = a == int(nets[0].value(s).argmax())
        agent.step(observation, reward, terminated, truncated)
        over = terminated or truncated
        r = senses.reward(reward, terminated or truncated)
        s2 = senses.observe(observation, False)
        delta = rule.step(s, a, r, s2, terminated, over or not greedy)
        assert agent.report()["delta"] == pytest.approx(delta, abs=1e-6)
        s = s2
        if over:
            agent.begin(start)
            s = senses.observe(start, True)
    agree(agent, nets)


def test_intentional_updates_clip_an_error_out_of_all_proportion():
    """After thousands of small errors comes one that is beyond 20 root mean squares."""
    agent = Agent(2, agent="intentional-td", hidden=(4,), dtype="float64", scale_rewards=False, sparsity=0.0)
    (net,) = nets = networks(agent)
    (rule,) = updates(agent, nets)
    senses = plain.Senses(0.99, 0)
    r = np.random.default_rng(0)
    agent.begin(np.ones(2))
    s = senses.observe(np.ones(2), True)
    for t in range(3000):
        x, reward = r.normal(size=2), 1e5 if t == 2950 else float(r.normal())
        agent.step(x, reward)
        s2 = senses.observe(x, False)
        delta = reward + 0.99 * net.value(s2)[0] - net.value(s)[0]
        rule.step(delta, net.gradient(s, [1.0]), False)
        if t == 2950:
            cap = 20 * np.sqrt(rule.square / (1 - 0.9998**rule.t))
            assert abs(delta) > 1.5 * cap
        s = s2
    agree(agent, nets)
