"""R6: when a unit is replaced, everything that belongs to it is reset, and the network says what it said before.

Run by ``test_plain.py`` with kernels as plain Python: many combinations, none worth compiling.
"""

from __future__ import annotations

import numpy as np
import pytest

from klopf.mind import LEARNERS, Mind, _tables
from klopf.mind._layout import Layout, layout_for
from klopf.mind.kernels.part import Quantity
from klopf.mind.kernels.parts import RULES
from klopf.mind.kernels.state import BIAS, STRIDE, UNITS, WEIGHTS_AT


def one_rebirth(m: Mind) -> int:
    """Let one unit of the first layer die; returns which."""
    from klopf.mind.kernels.rebirth import build_rebirth

    build_rebirth(m._tables.plan)(m._net, 0, 2)
    return 2


def belongs(m: Mind, unit: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in the weight table of a first-layer unit's incoming and outgoing weights."""
    g0, g1 = m._net.layers[0], m._net.layers[1]
    incoming = g0[WEIGHTS_AT] + np.arange(g0[BIAS] + 1) * g0[STRIDE] + unit
    rows = unit * m._tables.fold + np.arange(m._tables.fold)
    outgoing = (g1[WEIGHTS_AT] + rows[:, None] * g1[STRIDE] + np.arange(g1[UNITS])).ravel()
    return incoming, outgoing


@pytest.mark.parametrize("rule", RULES)
def test_rebirth_resets_every_registered_quantity(rule: str) -> None:
    options = {"rule": rule, "l2_init": 0.01, "fan_in": 3, "block": 8, "track": True, "listening_prior": 0.14,
               "prior": 0.6}  # fmt: skip
    m = Mind(5, 3, hidden=(6,), learner="continual-backprop", seed=1, **options)
    r = np.random.default_rng(0)
    m._net.P[:] = 0.1 + 0.8 * r.random(m._net.P.shape)
    m._net.U[:] = 1 + r.random(m._net.U.shape)
    m._net.K[:] = r.normal(size=m._net.K.shape)
    u = one_rebirth(m)
    incoming, outgoing = belongs(m, u)
    for row, q in enumerate(m._tables.layout.weights):
        if q.name == "weight":
            assert (m._net.P[row, outgoing] == 0).all() and (np.abs(m._net.P[row, incoming]) <= np.sqrt(6 / 3)).all()
            assert np.count_nonzero(m._net.P[row, incoming]) == 3 and m._net.P[row, incoming[-1]] == 0
        elif q.name == "connected":
            assert m._net.P[row, incoming[:-1]].sum() == 3
        elif q.copies:
            assert (m._net.P[row, incoming] == m._net.P[0, incoming]).all()
        else:
            assert (m._net.P[row, incoming] == np.float32(q.birth)).all(), q.name
        if q.name != "weight":
            assert (m._net.P[row, outgoing] == np.float32(q.outgoing)).all(), q.name
    for row, quantity in enumerate(m._tables.layout.units):
        assert m._net.U[row, u] == np.float32(quantity.birth), quantity.name
    if rule == "kalman":
        own, heard = m._tables.covariances(0)[u], m._tables.covariances(1)
        heard_inputs = m._net.P[
            m._tables.layout.row("connected"), incoming
        ]  # 3 of 5, and the bias: each has an equal part
        assert own == pytest.approx(0.15 * np.diag(heard_inputs), abs=1e-7) and heard_inputs.sum() == 4
        for known in heard:
            assert known[u, u] == pytest.approx(0.02)
            assert np.count_nonzero(known[u]) == np.count_nonzero(known[:, u]) == 1


@pytest.mark.parametrize("shared", [8, 0])
@pytest.mark.parametrize("steps", [3, 8, 21])
def test_what_a_layer_shares_forgets_the_dead_units_voice(shared: int, steps: int) -> None:
    m = Mind(5, 3, hidden=(6,), rule="kalman", block=0, shared=shared, listening_prior=0.7, admission=0.5, seed=1)
    r = np.random.default_rng(0)
    m.learn(r.normal(size=(steps, 5)), r.integers(0, 3, steps))
    before = m._tables.covariances(1)[0]
    u = one_rebirth(m)
    after = m._tables.covariances(1)[0]
    assert after[u, u] == pytest.approx(0.35, rel=1e-3) and np.count_nonzero(after[u]) == 1
    others = np.arange(7) != u
    assert after[others][:, others] == pytest.approx(before[others][:, others], rel=0.02, abs=0.002)
    assert (np.abs(before[others, u]).max() > 0) == (shared > 0)


def test_a_quantity_that_somebody_adds_later_is_reset_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_more(settings: object) -> Layout:
        base = layout_for(settings)  # type: ignore[arg-type]
        return Layout((*base.weights, Quantity("planted", 0.25, 0.5)), (*base.units, Quantity("planted", 7.0)))

    monkeypatch.setattr(_tables, "layout_for", with_more)
    m = Mind(5, 3, hidden=(6,), learner="continual-backprop", seed=1)
    m._net.P[-1] = m._net.U[-1] = 99.0
    u = one_rebirth(m)
    incoming, outgoing = belongs(m, u)
    assert (m._net.P[-1, incoming] == 0.25).all() and (m._net.P[-1, outgoing] == 0.5).all() and m._net.U[-1, u] == 7.0
    assert (m._net.U[-1] == 99.0).sum() == 5


@pytest.mark.parametrize("learner", LEARNERS)
def test_all_that_a_learner_keeps_is_in_a_registered_table(learner: str) -> None:
    """A forgotten quantity would be an array of the state that is as long as the units or weights but not a table."""
    m = Mind(5, 3, hidden=(6,), learner=learner)
    tables = {"weights", "units", "covariances"}
    others = {name: array.size for name, array in m._tables.arrays().items() if name not in tables}
    counted = {"targets": 6} if learner == "klopf" else {}  # how often each class comes
    assert others == {"sensors": 10, "globals": 10, "geometry": m._net.layers.size, "random": 1} | counted
    r = np.random.default_rng(0)
    m.learn(r.normal(size=(50, 5)), r.integers(0, 3, 50))
    for name, work in m._tables.work._asdict().items():  # carry nothing from one sample to the next
        if name != "refresh":
            work[:] = 0
    other = Mind(5, 3, hidden=(6,), learner=learner)
    r = np.random.default_rng(0)
    other.learn(r.normal(size=(50, 5)), r.integers(0, 3, 50))
    m.learn(np.ones((1, 5)), [1])
    other.learn(np.ones((1, 5)), [1])
    assert m.commitment() == other.commitment()


@pytest.mark.parametrize("activation", ["relu", "crelu", "tanh"])
def test_the_average_contribution_moves_into_the_listeners_biases(activation: str) -> None:
    m = Mind(5, 2, hidden=(6,), learner="continual-backprop", output="linear", dtype="float64", activation=activation,
             step_size=0.0, replacement_rate=0.0, utility_decay=0.998)  # fmt: skip
    r = np.random.default_rng(0)
    X = r.normal(size=(1500, 5)) + 0.5
    m.learn(X, np.zeros((1500, 2)))
    before = m.predict_proba(X).mean(0)
    lost = m.weights(1)[: m._tables.fold * 6].reshape(6, m._tables.fold, 2)[2]
    assert np.abs(lost).max() > 0.2
    one_rebirth(m)
    after = m.predict_proba(X).mean(0)
    assert after == pytest.approx(before, abs=0.06)


def test_only_mature_units_die_and_the_least_heard_first() -> None:
    m = Mind(5, 3, hidden=(6,), learner="continual-backprop", replacement_rate=0.5, maturity=50, seed=1)
    r = np.random.default_rng(0)
    X, y = r.normal(size=(49, 5)), r.integers(0, 3, 49)
    m.learn(X, y)
    assert m.births == 0
    m.learn(r.normal(size=(400, 5)), r.integers(0, 3, 400))
    assert m.births > 5
    assert (m.record("age")[0] < 449).any()
