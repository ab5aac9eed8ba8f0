"""Linear rules against their papers, written here as plainly as they can be. Run by ``test_plain.py``."""

from __future__ import annotations

import numpy as np
import pytest

from klopf.mind import Mind


def reference_autostep(X: np.ndarray, y: np.ndarray, mu: float, tau: float, first: float) -> np.ndarray:
    """Autostep as in table 1 of Mahmood et al. 2012, written as plainly as it can be."""
    n = X.shape[1]
    w, a, h, v = np.zeros(n), np.full(n, first), np.zeros(n), np.zeros(n)
    for x, target in zip(X, y, strict=True):
        e = target - w @ x
        m = e * x * h
        v = np.maximum(np.abs(m), v + a * x * x * (np.abs(m) - v) / tau)
        a = np.where(v > 0, a * np.exp(mu * m / np.where(v > 0, v, 1)), a)
        a = a / max((a * x * x).sum(), 1.0)
        w = w + a * e * x
        h = h * (1 - a * x * x) + a * e * x
    return w


def reference_idbd(X: np.ndarray, y: np.ndarray, theta: float, first: float) -> np.ndarray:
    """IDBD as in figure 2 of Sutton 1992."""
    n = X.shape[1]
    w, beta, h = np.zeros(n), np.full(n, np.log(first)), np.zeros(n)
    for x, target in zip(X, y, strict=True):
        e = target - w @ x
        beta = beta + theta * e * x * h
        a = np.exp(beta)
        w = w + a * e * x
        h = h * np.maximum(1 - a * x * x, 0) + a * e * x
    return w


@pytest.mark.parametrize("rule", ["autostep", "idbd", "kalman"])
def test_linear_rules_follow_their_papers(rule: str) -> None:
    r = np.random.default_rng(1)
    X = r.normal(size=(500, 6))
    y = X @ r.normal(size=6) + 0.1 * r.normal(size=500)
    # the bias is one more input that is always 1, in the paper's form and in ours
    full = np.c_[X, np.ones(500)]
    options = {"step_size": 0.02, "meta_step_size": 0.01, "drift": 0.0, "block": 8, "listening_prior": 1.0}
    m = Mind(6, 1, hidden=(), learner="backprop", output="linear", dtype="float64", rule=rule, **options)
    m._net.W[:] = 0.0
    m.learn(X, y)
    if rule == "autostep":
        expected = reference_autostep(full, y, 0.01, 10_000.0, 0.02)
    elif rule == "idbd":
        expected = reference_idbd(full, y, 0.01, 0.02)
    else:  # recursive least squares: with all its samples, the ridge solution, up to the noise estimated on the way
        expected = np.linalg.lstsq(full, y, rcond=None)[0]
    assert m.weights(0)[:, 0] == pytest.approx(expected, abs=1e-9 if rule != "kalman" else 0.03)
