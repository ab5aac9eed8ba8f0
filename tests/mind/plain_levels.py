"""Each level of adaptation does what it says. Run by ``test_plain.py``."""

from __future__ import annotations

import numpy as np
import pytest

from klopf.errors import MindError
from klopf.mind import Mind
from klopf.mind.diagnostics import diagnose, standings
from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, WEIGHTS_AT
from klopf.neuron import Standing


def data(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 4))
    return X, X[:, 0] * X[:, 1] + 0.5 * X[:, 2]


def test_connections_stay_within_a_units_chosen_set_and_are_revised() -> None:
    X, y = data()
    m = Mind(4, 1, hidden=(6,), learner="backprop", output="linear", fan_in=2, rewiring_rate=0.01, step_size=0.01)
    before = m.weights(0, "connected")[:-1].copy()
    assert (before.sum(0) == 2).all()
    m.learn(X, y)
    after = m.weights(0, "connected")[:-1]
    assert (after.sum(0) == 2).all() and (after != before).any()
    assert (m.weights(0)[:-1][after == 0] == 0).all() and (m.weights(0)[:-1][after == 1] != 0).sum() >= 10


@pytest.mark.parametrize("life", ["redo", "snr"])
def test_a_dead_unit_is_found_and_born_again(life: str) -> None:
    X, y = data(900)
    m = Mind(4, 1, hidden=(6,), learner="backprop", output="linear", life=life, check_every=100, step_size=0.001)
    g = m._net.layers[0]
    bias = g[WEIGHTS_AT] + g[BIAS] * g[STRIDE] + 1
    m._net.P[0, bias] = -100.0  # unit 1 can never fire
    m.learn(X, y)
    assert m.births >= 1 and m._net.P[0, bias] > -1.0 and m.record("age")[0][1] < 900


def test_the_smallest_weights_are_drawn_anew() -> None:
    X, y = data(100)
    m = Mind(4, 1, hidden=(6,), learner="weight-reinit", output="linear", check_every=100, reset_fraction=0.25,
             step_size=0.0)  # fmt: skip
    before = np.abs(m.weights(0)[:-1])
    m.learn(X, y)
    changed = np.abs(m.weights(0)[:-1]) != before
    assert changed.sum() == 6 and before[changed].max() < before[~changed].min()


def test_decay_pulls_to_zero_or_to_the_first_weights_and_perturbation_has_its_variance() -> None:
    X, y = np.zeros((300, 4)), np.zeros(300)
    kinds = {"l2": {"l2": 0.5}, "l2_init": {"l2_init": 0.5}, "perturb": {"perturb": 0.01}}
    for kind, options in kinds.items():
        m = Mind(4, 1, hidden=(50,), learner="backprop", output="linear", step_size=0.05, **options)
        first = m.weights(0)[:-1]
        if kind == "l2_init":
            m._net.W[:] += 1.0
        m.learn(X, y)
        w = m.weights(0)[:-1]
        if kind == "l2":
            assert w == pytest.approx(first * (1 - 0.05 * 0.5) ** 300, abs=1e-6)
        elif kind == "l2_init":
            assert w == pytest.approx(first + (1 - 0.05 * 0.5) ** 300, abs=1e-3)
        else:
            assert (w - first).std() == pytest.approx(0.01 * 300**0.5, rel=0.15)


def test_inputs_are_normalised_by_their_running_mean_and_deviation() -> None:
    r = np.random.default_rng(0)
    X = r.normal([3.0, -50.0], [0.5, 20.0], (1500, 2))
    m = Mind(2, 1, hidden=(3,), learner="backprop", output="linear", normalise_inputs=True, dtype="float64")
    m.learn(X, np.zeros(1500))
    mean, variance = m.sensor_statistics()
    assert mean == pytest.approx(X.mean(0)) and variance == pytest.approx(X.var(0))


def test_a_network_grows_within_its_budget_and_starts_from_nothing() -> None:
    X, y = data()
    m = Mind(4, 1, hidden=(5,), learner="klopf", output="linear", grow_every=40, shortcut=True)
    assert m.units == (0,) and m.predict_one(X[0]) == 0.0
    m.learn(X[:81], y[:81])
    assert m.units == (2,)
    m.learn(X, y)
    assert m.units == (5,) and len(m.weights(1)) == 5 + 4 + 1
    deep = Mind(4, 1, hidden=(2, 2), learner="backprop", output="linear", grow_every=10)
    deep.learn(X[:100], y[:100])
    assert deep.units == (2, 2) and np.count_nonzero(deep.weights(1)[:-1]) > 0


def test_the_backbone_is_slowed_and_a_quiet_unit_comes_nearer_to_speaking() -> None:
    X, y = data()
    slow = Mind(4, 1, hidden=(6,), learner="backprop", output="linear", protect=50.0)
    free = Mind(4, 1, hidden=(6,), learner="backprop", output="linear")
    start = free.weights(0)
    for m in (slow, free):
        m.learn(X, y)
    assert np.abs(slow.weights(0) - start).sum() < 0.5 * np.abs(free.weights(0) - start).sum()
    quiet = Mind(4, 1, hidden=(6,), learner="backprop", output="linear", quiet=0.1, step_size=0.01)
    g = quiet._net.layers[0]
    bias = g[WEIGHTS_AT] + g[BIAS] * g[STRIDE] + 1
    quiet._net.P[0, bias] = -6.0
    quiet.learn(X, y)
    assert quiet._net.P[0, bias] > -5.9


def test_a_unit_that_nobody_hears_learns_what_its_listener_gets_wrong() -> None:
    r = np.random.default_rng(0)
    X = r.normal(size=(1500, 4))
    y = np.maximum(X[:, 0] - X[:, 1], 0)

    def agreement(explore: float) -> float:
        m = Mind(4, 1, hidden=(6,), learner="backprop", output="linear", explore=explore, step_size=0.01, seed=4)
        g = m._net.layers[1]
        for start in range(0, 1500, 5):
            m._net.P[0, g[WEIGHTS_AT] : g[WEIGHTS_AT] + 6 * g[STRIDE]] = (
                0.0  # the listener stays deaf: no gradient reaches the units
            )
            m.learn(X[start : start + 5], y[start : start + 5])
        w = m.weights(0)[:-1]
        aim = np.array([1.0, -1.0, 0, 0]) / 2**0.5
        return float(np.abs(aim @ w / np.linalg.norm(w, axis=0)).mean())

    assert agreement(0.5) > agreement(0.0)


def test_standings_do_not_flatter_dead_or_constant_units() -> None:
    X, y = data()
    m = Mind(4, 1, hidden=(6,), learner="backprop", output="linear", activation="tanh")
    m.learn(X, y)
    g = m._net.layers[0]
    m._net.P[0, g[WEIGHTS_AT] + g[BIAS] * g[STRIDE] + 1] = 100.0  # always 1: loud, heard, and moving nobody
    out = m._net.layers[1]
    m._net.P[0, out[WEIGHTS_AT] + 1 * out[STRIDE]] = 5.0
    names = standings(m, X)[0]
    assert names[1] is Standing.SILENT and Standing.BACKBONE in names
    assert diagnose(m, X)["layers"][0]["dormant"] == pytest.approx(1 / 6)


def test_the_least_useful_weights_by_gradient_are_drawn_anew() -> None:
    X, y = data(100)
    X[:, 3] = 0.0  # a sensor that says nothing: its weights have no gradient, however large they are
    m = Mind(4, 1, hidden=(6,), learner="weight-reinit", output="linear", check_every=100, reset_fraction=0.2,
             weight_utility="gradient", activation="tanh", step_size=1e-9)  # fmt: skip
    at, stride = int(m._net.layers[0, WEIGHTS_AT]), int(m._net.layers[0, STRIDE])
    m._net.P[0, at + 3 * stride : at + 3 * stride + 6] = 5.0
    before = m.weights(0)[:-1]
    m.learn(X, y)
    after = m.weights(0)[:-1]
    assert (np.abs(after[3]) < 5.0).sum() == 4 and np.allclose(after[:3], before[:3], atol=1e-4)


def test_a_units_patience_is_that_of_its_own_silences() -> None:
    from klopf.mind.kernels.life import _silence

    rows = np.zeros((33, 2))
    for gap in [1] * 90 + [5] * 9 + [40]:
        _silence.record_silence(rows, 0, 1, gap, 1000.0)
    assert rows[:, 0].sum() == 0 and rows[:, 1].sum() == 100
    assert 5 < _silence.longest_silence(rows, 0, 1, 0.02) < 7  # 40 is the one in a hundred
    assert 40 < _silence.longest_silence(rows, 0, 1, 0.001) < 56
    assert 1 < _silence.longest_silence(rows, 0, 1, 0.2) < 2
    assert _silence.longest_silence(rows, 0, 0, 0.02) == 0
    for _ in range(901):
        _silence.record_silence(rows, 0, 1, 10**9, 1000.0)  # far beyond the last row
    assert rows[:, 1].sum() == pytest.approx(500.5)


@pytest.mark.parametrize("rule", ["sgd", "kalman"])
def test_a_newborn_is_admitted_in_two_steps(rule: str) -> None:
    X, y = data(300)
    m = Mind(4, 1, hidden=(6,), learner="continual-backprop", output="linear", rule=rule, step_size=0.02,
             replacement_rate=0.1, maturity=20, admission=0.25, drift=0.0)  # fmt: skip
    assert all((a == 1.0).all() for a in m.record("admitted"))
    first = 0
    while m.births == 0:
        m.learn(X[first : first + 1], y[first : first + 1])
        first += 1
    newborn = int(np.argmin(m.record("age")[0]))
    others = np.arange(6) != newborn
    if rule == "kalman":
        variance = np.diag(m._tables.covariances(1)[0])[:6]
        assert variance[newborn] == 0.25 * 3 and not (variance[others] == 0.25 * 3).any()
        return
    assert m.record("admitted")[0][newborn] == np.float32(0.25)
    before = m.weights(1)[:6, 0]
    m._net.hyper[m._tables.hyper.index("replacement_rate")] = 0.0  # nobody else is replaced
    m.learn(X[first : first + 1], y[first : first + 1])
    h = m._tables.work.A[m._net.layers[1, INPUTS_AT] : m._net.layers[1, INPUTS_AT] + 6]
    d = float(m._tables.work.D[m._net.layers[1, SUMS_AT]])
    share = np.where(others, 1.0, 0.25)
    assert m.weights(1)[:6, 0] - before == pytest.approx(0.02 * d * h * share, abs=1e-6)
    m.learn(X[first + 1 :], y[first + 1 :])
    assert 0.25 < m.record("admitted")[0][newborn] <= 1.0
    with pytest.raises(MindError, match="admission"):
        Mind(4, 1, learner="backprop", output="linear", admission=0.5)
