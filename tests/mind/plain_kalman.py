"""The Kalman step of a layer that shares a covariance, against its equations. Run by ``test_plain.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from klopf.mind import Mind
from klopf.mind.kernels.state import MOST


def steps_of(
    z: np.ndarray, d: np.ndarray, doubts: np.ndarray, noise: float, denominator: float, c: np.ndarray
) -> float:
    """What a sample's steps are divided by: Newton's step along the way that it moves the sums, shorter where it ends
    sooner."""
    y, p, move = int(d.argmax()), -d + np.eye(len(d))[d.argmax()], doubts * d
    gain, above = d @ move, c @ doubts
    curved = (p @ move**2 - (p @ move) ** 2) / gain
    total = noise + curved + (denominator - noise - above) * min(curved / above, 1)
    if d[y] <= 0.5:
        return float(total)

    def left(a: float) -> float:
        e = np.exp(z + a * move - (z + a * move).max())
        return float(move[y] - e @ move / e.sum() - a * noise * gain)

    low, high = 0.0, 1 / total
    if left(high) >= 0:
        return float(total)
    for _ in range(7):
        a = (low + high) / 2
        low, high = (low, a) if left(a) < 0 else (a, high)
    return max(1 / high, float(total))


class Told:
    """What is explained of classes, and how far errors exceed the expected beyond chance; all of running means."""

    def __init__(self, classes: int) -> None:
        self.came = self.expected = self.chance = self.error = 0.0
        self.share, self.steps = np.zeros(classes), 0

    def take_in(self, p: np.ndarray, y: np.ndarray, one: bool) -> None:
        """Probabilities and what came true, ``(classes,)``; ``one`` of them, or each by itself."""
        self.steps += 1
        squares, slow = ((y - p) ** 2).sum(), max(0.001, 1 / self.steps)
        self.came += 0.1 * (squares - self.came)
        self.expected += 0.1 * ((p * (1 - p)).sum() - self.expected)
        variance = 4 * ((p**3).sum() - (p**2).sum() ** 2) if one else (p * (1 - p) * (1 - 2 * p) ** 2).sum()
        self.chance += 0.1 * (variance - self.chance)
        self.error += slow * (squares - self.error)
        self.share += slow * (y - self.share)

    @property
    def beyond(self) -> float:
        """The errors that came, less two standard deviations of what exceeds the expected."""
        return float(max(self.came - 2 * np.sqrt(self.chance / 19), min(self.came, self.expected)))

    @property
    def explained(self) -> float:
        left = self.error / (self.share * (1 - self.share)).sum() if self.share.max() < 1 else np.inf
        return float(max(min(max(1.25 * (1 - left), 0), 1) ** 3, 0.05))


def reference(m: Mind, X: np.ndarray, y: np.ndarray, diagonal: bool) -> list[np.ndarray]:
    """A network of tanh units and softmax outputs, learning as docs/mind.md says. Returns every layer's weights."""
    s = m.settings
    W = [m.weights(l).astype(np.float64) for l in range(len(m.hidden) + 1)]
    last = len(W) - 1
    priors = [s.listening_prior if l == last else s.prior for l in range(last + 1)]
    K = [p * np.eye(len(w)) for p, w in zip(priors, W, strict=True)]
    power = np.zeros(last + 1)
    own, every = np.full(m.outputs, s.listening_prior), s.listening_prior  # each class's doubt, and that of all
    told = Told(m.outputs)
    for t, (x, label) in enumerate(zip(X, y, strict=True), 1):
        h, inputs = x, []
        for l, w in enumerate(W):
            inputs.append(np.append(h, 1.0))
            z = inputs[-1] @ w
            h = np.tanh(z) if l < last else np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        delta, curvature = [np.eye(len(h))[label] - h], [h * (1 - h)]
        told.take_in(h, np.eye(len(h))[label], True)
        for l in range(last, 0, -1):
            f = 1 - inputs[l][:-1] ** 2
            delta.insert(0, f * (W[l][:-1] @ delta[0]))
            curvature.insert(0, f * f * (W[l][:-1] ** 2 @ curvature[0]))
        denominator, doubt, scale = s.noise, [], []
        for l, (a, k) in enumerate(zip(inputs, K, strict=True)):
            power[l] += max(1e-3, 1 / t) * (a @ a - power[l])
            scale.append(1 / max(power[l], a @ a))
            doubt.append(scale[l] * (a @ k @ a))
            denominator += doubt[l] * (curvature[l] @ (own / every) if l == last else curvature[l].sum())
        steps = steps_of(z, delta[last], own / every * doubt[last], s.noise, denominator, curvature[last])
        surprise = ((told.beyond + 1e-9) / (told.expected + 1e-9)) ** s.surprise
        pace = min(s.drift * told.explained * surprise, max(s.drift, 0.1))
        for l, (a, k) in enumerate(zip(inputs, K, strict=True)):
            most = 3 / np.sqrt(doubt[l])
            c = curvature[l].sum() / denominator
            if l == last:
                most = most / np.sqrt(own / every)
            d = np.clip(delta[l] / steps, -most, most)
            if l == last:
                d = d * own / every
                spread = 1 / (0.1 * len(a))
                if c * doubt[l] >= 1e-3:
                    own = (1 - pace) * own / (1 + curvature[l] / denominator * own * spread) + pace * priors[l]
                    every = (1 - pace) * every / (1 + c * every * spread) + pace * priors[l]
            W[l] += scale[l] * np.outer(k @ a, d)
            if c * doubt[l] >= 1e-3:
                known = np.outer(k @ a, k @ a)
                if diagonal:
                    heard = np.diag(a != 0)  # only what was heard tells, and drifts
                    step = pace * (priors[l] * np.eye(len(a)) - k) - (1 - pace) * scale[l] * c * np.diag(np.diag(known))
                    K[l] = k + heard * step
                else:
                    K[l] = (1 - pace) * (k - scale[l] * c * known) + pace * priors[l] * np.eye(len(a))
    return W


@pytest.mark.parametrize("shared", [64, 0])
def test_a_layer_that_shares_learns_by_its_equations(shared: int) -> None:
    r = np.random.default_rng(0)
    X, y = r.normal(size=(45, 6)) * (r.random((45, 6)) < 0.7), r.integers(0, 3, 45)
    y[30:] = (y[30:] + 1) % 3
    m = Mind(6, 3, hidden=(5, 4), dtype="float64", block=0, shared=shared, replacement_rate=0.0, drift=0.01)
    expected = reference(m, X, y, diagonal=not shared)
    m.learn(X, y)
    for l, w in enumerate(expected):
        assert m.weights(l) == pytest.approx(w, abs=1e-9)


@pytest.mark.parametrize("options", [{}, {"block": 0}, {"block": 0, "shared": 0}])
def test_no_sample_moves_a_unit_by_more_than_three_deviations(options: dict[str, int]) -> None:
    """Whatever the inputs: so nothing diverges, with unbounded activations either."""
    r = np.random.default_rng(0)
    m = Mind(6, 3, hidden=(8, 8), activation="relu", normalise_inputs=True, prior=5.0, listening_prior=5.0, **options)
    for _ in range(30):
        x = (r.normal(size=(1, 6)) * 10.0 ** r.uniform(-3, 6)).astype(np.float32)
        before = m.weights(0), m.weights(2)
        m.learn(x, [int(r.integers(3))])
        mean, variance = m.sensor_statistics()
        seen = np.append((x[0] - mean) / np.sqrt(variance + 1e-8), 1.0)
        moved = np.abs(seen @ (m.weights(0) - before[0])).max()
        limit = 3 * np.sqrt(5.0) if options else 3 * np.sqrt(5.0 * (seen @ seen) / 7)
        assert moved <= limit * 1.001
        assert m.finite


def test_what_is_known_is_never_less_than_nothing() -> None:
    r = np.random.default_rng(0)
    m = Mind(12, 4, hidden=(9,), block=0, drift=1e-3, dtype="float64")
    m.learn(r.normal(size=(3000, 12)), r.integers(0, 4, 3000))
    for l in range(2):
        known = np.linalg.eigvalsh(m._tables.covariances(l)[0])
        assert known.min() > 0 and known.max() <= 3.0 + 1e-6
    assert (m.weights(0, "variance") > 0).all() and m.weights(0, "variance").shape == (13, 9)


@pytest.mark.parametrize("options", [{"block": 0}, {"block": 0, "shared": 0}])
def test_samples_that_wait_are_part_of_the_state(tmp_path: Path, options: dict[str, int]) -> None:
    r = np.random.default_rng(3)
    X, y = r.normal(size=(61, 6)), np.arange(61) // 12 % 3
    whole, cut = (Mind(6, 3, hidden=(7,), seed=4, replacement_rate=0.5, maturity=5, **options) for _ in range(2))
    whole.learn(X, y)
    cut.learn(X[:21], y[:21])  # five samples wait
    cut.save(tmp_path / "mind")
    cut = Mind.load(tmp_path / "mind")
    for i in range(21, 61):
        cut.learn_one(X[i], y[i])
    assert whole.commitment() == cut.commitment() and whole.births > 0


@pytest.mark.parametrize("output", ["softmax", "logistic"])
@pytest.mark.parametrize("world", ["known", "noise", "changing"])
def test_units_are_replaced_as_far_as_errors_exceed_the_expected(output: str, world: str) -> None:
    """Rate times mature units times 100 (Σ(y - p)² - Σp(1 - p))², running means of both, less what chance does; and
    times what is explained. Of noise nothing is to be learned, so nobody is born for it."""
    r = np.random.default_rng(5)
    X = r.normal(size=(400, 6))
    worlds = {"known": np.zeros(400), "noise": r.integers(0, 3, 400), "changing": np.arange(400) // 40 % 3}
    y = worlds[world].astype(int)
    rate, units = 0.01, 7
    m = Mind(6, 3, hidden=(units,), output=output, seed=4, replacement_rate=rate, maturity=0)
    told = Told(3)
    due = []
    for i in range(400):
        p = m.predict_proba(X[i : i + 1])[0]
        told.take_in(p.astype(np.float64), np.eye(3)[y[i]], output == "softmax")
        due.append(rate * units * told.explained * 100 * min(max(told.beyond - told.expected, 0.0), 1.0) ** 2)
        m.learn(X[i : i + 1], y[i : i + 1] if output == "softmax" else np.eye(3)[y[i : i + 1]])
    assert abs(m.births - sum(due)) < 4 * np.sqrt(sum(due)) + 1
    assert m.births > 0 if world == "changing" else m.births < 4


@pytest.mark.parametrize("options", [{}, {"block": 0}, {"block": 0, "shared": 0}])
def test_a_wider_learner_knows_what_the_narrow_one_knew(options: dict[str, int]) -> None:
    r = np.random.default_rng(3)
    X, y = r.normal(size=(61, 6)), r.integers(0, 3, 61)
    m = Mind(6, 3, hidden=(7,), seed=4, replacement_rate=0.0, dtype="float64", **options)
    m.learn(X, y)
    wide = m.widened(8, 3)
    padded = np.c_[X, np.zeros((61, 2))]
    assert wide.predict_proba(padded) == pytest.approx(m.predict_proba(X))
    if options:  # with covariances of their own, units divide the prior by more inputs
        m.learn(X, y)
        wide.learn(padded, y)
        assert wide.predict_proba(padded) == pytest.approx(m.predict_proba(X), abs=1e-9)


def test_upgd_follows_its_equation_as_near_as_its_gate() -> None:
    r = np.random.default_rng(0)
    X, y = r.normal(size=(40, 5)), r.normal(size=40)
    m = Mind(5, 1, hidden=(), learner="upgd", output="linear", dtype="float64", noise=0.0, step_size=0.02, l2=0.1)
    w, use, fade = m.weights(0)[:, 0].copy(), np.zeros(6), 1.0
    for x, target in zip(np.c_[X, np.ones(40)], y, strict=True):
        step = 2 * (target - w @ x) * x  # minus the gradient
        use, fade = 0.999 * use + 0.001 * step * w, 0.999 * fade
        corrected = use / (1 - fade)
        gate = 1 / (1 + np.exp(corrected / max(corrected.max(), 1e-12)))
        w = w * (1 - 0.02 * 0.1) + 0.02 * step * gate
    m.learn(X, y)
    assert m.weights(0)[:, 0] == pytest.approx(w, abs=2e-3)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("kind", [{}, {"block": 0}, {"block": 0, "shared": 0}, {"normalise_inputs": True}])
@pytest.mark.parametrize("size", [1e6, MOST])
def test_with_classes_no_input_that_is_accepted_makes_it_diverge(
    activation: str, kind: dict[str, object], size: float
) -> None:
    r = np.random.default_rng(1)
    X = r.normal(size=(200, 4))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    X[[60, 61, 90, 120]] *= size
    m = Mind(4, 3, hidden=(6, 5), activation=activation, **kind)  # type: ignore[arg-type]
    m.learn(np.clip(X, -MOST, MOST), y)
    assert m.finite and np.isfinite(m._net.K).all() and np.isfinite(m.predict_proba(r.normal(size=(20, 4)))).all()


@pytest.mark.parametrize("outputs", [2, 3, 8])
@pytest.mark.parametrize("options", [{}, {"block": 0}, {"block": 0, "shared": 0}])
def test_several_numbers_are_learned_as_well_as_one(outputs: int, options: dict[str, int]) -> None:
    r = np.random.default_rng(0)
    X = r.normal(size=(700, 4))
    Y = X @ r.normal(size=(4, outputs)) / 2
    errors = Mind(4, outputs, hidden=(12,), output="linear", seed=1, **options).learn(X, Y)
    assert errors[-200:].mean() < 0.2 * (Y**2).sum(1).mean()
    yes = (Y > 0).astype(float)
    wrong = Mind(4, outputs, hidden=(12,), output="logistic", seed=1, **options).learn(X, yes)
    assert wrong[-200:].mean() / outputs < 0.15
