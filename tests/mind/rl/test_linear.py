"""The linear classics: against the definition of the online lambda-return, against each other, and on a known chain."""

from __future__ import annotations

import math

import numpy as np
import pytest

from klopf.errors import MindError
from klopf.mind.rl import Agent, Horde, SwiftTD, TrueOnlineTD


def online_lambda_return(X, R, G, lam, alpha):
    """Weights at the end of the forward view: at every horizon, all updates are made anew towards the interim
    lambda-returns, each with the weights of its own horizon (van Seijen et al. 2016, section 4.2)."""
    n = X.shape[1]
    kept = [np.zeros(n)]  # the last weights of every horizon
    for h in range(1, len(R) + 1):
        w = np.zeros(n)
        for t in range(h):
            target, weight, product, reward = 0.0, 1.0, 1.0, 0.0
            for k in range(t + 1, h + 1):  # k-step return, truncated at the horizon
                reward += product * R[k - 1]
                product *= G[k - 1]
                value = kept[k - 1] @ X[k]
                share = weight if k == h else weight * (1 - lam)
                target += share * (reward + product * value)
                weight *= lam
            w = w + alpha * (target - w @ X[t]) * X[t]
        kept.append(w)
    return kept[-1]


def test_true_online_td_is_the_online_lambda_return():
    r = np.random.default_rng(0)
    X, R = r.normal(size=(26, 4)), r.normal(size=25)
    G = np.full(25, 0.9)
    td = TrueOnlineTD(4, step_size=0.07, trace_decay=0.7)
    td.begin(X[0])
    for t in range(25):
        td.step(R[t], G[t], X[t + 1])
    assert np.abs(td.weights - online_lambda_return(X, R, G, 0.7, 0.07)).max() < 1e-10


def test_swift_td_without_its_own_ideas_is_true_online_td():
    r = np.random.default_rng(1)
    swift = SwiftTD(5, step_size=0.02, trace_decay=0.8, meta_step_size=0.0, eta=1.0)
    plain = TrueOnlineTD(5, step_size=0.02, trace_decay=0.8)
    for _ in range(6):
        x = r.normal(size=5)
        swift.begin(x), plain.begin(x)
        for t in range(40):
            x, cumulant, discount = r.normal(size=5), r.normal(), 0.0 if t == 39 else 0.9
            swift.step(cumulant, discount, x), plain.step(cumulant, discount, x)
            if discount:
                assert np.abs(swift.weights - plain.weights).max() < 1e-10
    assert swift._N[3] == 0  # the bound was never met


def test_swift_td_finds_which_features_matter():
    """One of ten features predicts; the others are noise. Its step-size must grow past theirs."""
    r = np.random.default_rng(2)
    td = SwiftTD(10, step_size=1e-3, trace_decay=0.0, meta_step_size=1e-3, eta=0.5)
    td.begin(np.zeros(10))
    sign = 1.0
    for t in range(20_000):
        if t % 200 == 0:
            sign = -sign
        x = r.normal(size=10)
        td.step(0.0, 0.0, x)
        td.step(sign * x[0], 0.0, np.zeros(10))
    sizes = td.step_sizes
    assert sizes[0] > 10 * sizes[1:].max()


def test_swift_td_bounds_its_rate_of_learning():
    td = SwiftTD(3, step_size=0.1, eta=0.1, trace_decay=0.9)
    td.begin([10.0, 0.0, 0.0])
    for _ in range(500):
        td.step(1.0, 0.9, [10.0, 0.0, 0.0])
    assert td._N[3] > 0
    assert td.predict([10.0, 0.0, 0.0]) == pytest.approx(10.0, rel=0.1)


def plain_horde(X, C, G, L, ends, alpha, kappa):
    demons, n = C.shape[1], X.shape[1]
    W = np.zeros((demons, n))
    for d in range(demons):
        e, before = np.zeros(n), 0.0
        for t in range(len(C)):
            discount = 0.0 if ends[t] else G[d]
            e = before * L[d] * e + X[t]
            delta = C[t, d] + discount * W[d] @ X[t + 1] - W[d] @ X[t]
            bound = alpha * kappa * max(abs(delta), 1) * np.abs(e).sum()
            W[d] += alpha / max(bound, 1) * delta * e
            before = discount
    return W


def test_every_demon_learns_as_if_it_were_alone():
    r = np.random.default_rng(3)
    X, C = r.normal(size=(301, 6)), r.normal(size=(300, 4))
    G, L = np.array([0.0, 0.5, 0.9, 0.99]), np.array([0.8, 0.0, 0.9, 1.0])
    h = Horde(6, G, L)
    h.begin(X[0])
    ends = np.arange(300) % 50 == 49
    for t in range(300):
        said = h.step(C[t], X[t + 1], terminated=bool(ends[t]))
        assert said == pytest.approx(h.predict(X[t + 1]))
        if ends[t]:
            h.begin(X[t + 1])
    assert np.abs(h.weights - plain_horde(X, C, G, L, ends, 1.0, 2.0)).max() < 1e-10


def test_a_horde_predicts_what_a_ring_of_states_will_bring():
    """A ring of six states, one of which pays 1: values are known exactly for every discount."""
    n, discounts = 6, np.array([0.0, 0.5, 0.9])
    h = Horde(n, discounts, trace_decay=0.9)
    h.begin(np.eye(n)[0])
    for t in range(12_000):
        s2 = (t + 1) % n
        h.step(np.full(3, float(s2 == 0)), np.eye(n)[s2])
    for d, g in enumerate(discounts):
        truth = [g ** ((n - 1 - s) % n) / (1 - g**n) for s in range(n)]
        assert h.weights[d] == pytest.approx(truth, abs=0.02)


def test_a_horde_predicts_from_an_agents_own_features():
    """The agent walks round a ring seen through two numbers; the Horde hears its hidden layer alone."""
    agent = Agent(2, agent="stream-td", hidden=(32,), gamma=0.5, sparsity=0.0, seed=1, dtype="float64")
    turn = [np.array([math.cos(a), math.sin(a)]) for a in np.arange(6) * math.pi / 3]
    agent.begin(turn[0])
    h = Horde(33, [0.0, 0.9], trace_decay=0.5)
    h.begin(agent.features())
    assert agent.features().shape == (33,)
    assert agent.features()[-1] == 1
    errors = []
    for t in range(1, 30_000):
        agent.step(turn[t % 6], float(t % 6 == 0))
        h.step([float(t % 6 == 0)] * 2, agent.features())
        errors.append(np.abs(h.errors))
    assert np.mean(errors[-500:]) < 0.25 * np.mean(errors[:100])


@pytest.mark.parametrize("kind", ["true-online", "swift", "horde"])
def test_saved_and_loaded_to_the_bit(tmp_path, kind):
    make = {
        "true-online": lambda: TrueOnlineTD(3, step_size=0.1),
        "swift": lambda: SwiftTD(3),
        "horde": lambda: Horde(3, [0.9, 0.5]),
    }[kind]
    r = np.random.default_rng(4)
    first = make()
    told = [0.5, 1.0] if kind == "horde" else None

    def step(m, x, c):
        return m.step(told, x) if told else m.step(c, 0.9, x)

    first.begin(r.normal(size=3))
    for _ in range(20):
        step(first, r.normal(size=3), r.normal())
    first.save(tmp_path / "x")
    second = type(first).load(tmp_path / "x")
    for _ in range(20):
        x, c = r.normal(size=3), r.normal()
        assert np.all(step(first, x, c) == step(second, x, c))
    assert (first.weights == second.weights).all()
    with pytest.raises(MindError):
        (SwiftTD if kind != "swift" else Horde).load(tmp_path / "x")


def test_what_makes_no_sense_is_refused():
    for make in (
        lambda: TrueOnlineTD(0),
        lambda: TrueOnlineTD(2, trace_decay=1.5),
        lambda: SwiftTD(2, eta=2.0),
        lambda: Horde(2, []),
        lambda: Horde(2, [1.1]),
        lambda: Horde(2, [0.5, 0.5], trace_decay=[0.1, 0.2, 0.3]),
        lambda: Horde(2, [0.5], kappa=0.0),
    ):
        with pytest.raises(MindError):
            make()
    td, h = TrueOnlineTD(2), Horde(2, [0.5])
    for step in (lambda: td.step(0.0, 0.9, [0, 1]), lambda: h.step([0.0], [0, 1])):
        with pytest.raises(MindError, match="begin"):
            step()
    td.begin([0, 1])
    h.begin([0, 1])
    for step in (
        lambda: td.step(math.nan, 0.9, [0, 1]),
        lambda: td.step(0.0, 1.1, [0, 1]),
        lambda: td.step(0.0, 0.9, [0, math.inf]),
        lambda: td.step(0.0, 0.9, [0, 1, 2]),
        lambda: h.step([math.nan], [0, 1]),
        lambda: h.step([0.0, 0.0], [0, 1]),
        lambda: h.step([0.0], [0, 1], discounts=[2.0]),
    ):
        with pytest.raises(MindError):
            step()
