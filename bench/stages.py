"""Do the input stages pay? Images and sequences, with a stage, without it, and a rival with the same budget.

    python bench/stages.py [--quick] [--json] [--data FOLDER-WITH-MNIST] [--household FILE]

One pass, each sample once, in an order of its own by seed: the share of wrong answers made before each sample was
learned (its mean over all samples), and microseconds a sample, ± standard errors over seeds. Images: scikit-learn's
digits (8x8) and, where ``--data`` or ``KLOPF_MNIST`` names their folder, MNIST's test images (28x28). The rivals learn
one sample at a time too: a convolutional network with the shape of Klopf's stage (the same patches, filters, grid and
64 hidden units, rectified) by plain backprop, and 64 units that hear the pixels by plain backprop, both compiled, each
at the best of six step-sizes, chosen on a seed that is not counted.

Sequences (8,000 steps): a bit 15 steps ago, whether the bits 4 and 5 steps ago differ, what comes 25 steps after a
signal among four that mean nothing, the next value of three sines in noise and of Mackey and Glass's equation seen each
6 steps ahead, and the next hour's load of a household where ``--household`` names a file of CityLearn's with the
columns ``non_shiftable_load`` and ``solar_generation``. Errors are wrong answers, or squared errors divided by the
target's variance. Rivals: the last 16 inputs as sensors, for Klopf and for plain backprop; and recurrent trace units,
whose time constants, frequencies and input weights are learned by exact real-time recurrent learning, 13 a sensor and
32 hidden units behind them, by backprop.
"""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numba
import numpy as np
from figures import Report, arguments

from klopf.mind import Diverged, Images, Mind, Sequences, problems

Run = tuple[float, float]
"""Mean error, and seconds a sample."""
TUNING = 1000
"""The seed on which step-sizes are chosen."""
TRACES = 13
"""Trace units of each sensor: 27 features with the sensor itself."""


@numba.njit(fastmath=True, error_model="numpy")
def convolve(X, y, shape, F, V, W, step, wrong):  # type: ignore[no-untyped-def]
    """A convolutional network by backprop: filters ``F`` (patch and bias, filters), hidden weights ``V``, output
    weights ``W``, each with its biases last."""
    height, width, _, size, stride, grid = shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    n, filters, hidden, classes = size * size, F.shape[1], V.shape[1], W.shape[1]
    patches = np.ones((rows * columns, n + 1), np.float32)
    share = np.float32(grid * grid / (rows * columns))
    for t in range(len(X)):
        pooled = np.zeros(len(V), np.float32)
        pooled[-1] = 1
        for p in range(rows * columns):
            for i in range(size):
                for j in range(size):
                    at = (p // columns * stride + i) * width + p % columns * stride + j
                    patches[p, i * size + j] = X[t, at]
        said = np.maximum(patches @ F, np.float32(0))
        for p in range(rows * columns):
            cell = (p // columns * grid // rows * grid + p % columns * grid // columns) * filters
            for k in range(filters):
                pooled[cell + k] += said[p, k] * share
        spoken = np.ones(hidden + 1, np.float32)
        spoken[:hidden] = np.maximum(pooled @ V, np.float32(0))
        sums = spoken @ W
        wrong[t] = np.argmax(sums) != y[t]
        odds = np.exp(sums - sums.max())
        d_out = -odds / odds.sum()
        d_out[y[t]] += 1
        d_hidden = (W[:hidden] @ d_out) * (spoken[:hidden] > 0)
        d_pooled = V @ d_hidden
        for i in range(hidden + 1):
            for k in range(classes):
                W[i, k] += step * spoken[i] * d_out[k]
        for i in range(len(V)):
            if pooled[i] > 0:
                for k in range(hidden):
                    V[i, k] += step * pooled[i] * d_hidden[k]
        for p in range(rows * columns):
            cell = (p // columns * grid // rows * grid + p % columns * grid // columns) * filters
            for k in range(filters):
                said[p, k] = d_pooled[cell + k] * share * step if said[p, k] > 0 else 0
        F += patches.T @ said


def convolutional(stage: Images, X: Any, y: Any, seed: int, step: float) -> Run:
    r, (_, _, _, size, _, _) = np.random.default_rng(seed), stage.shape

    def drawn(heard: int, units: int) -> Any:
        weights = r.uniform(-1, 1, (heard + 1, units)) * math.sqrt(6 / heard)
        weights[-1] = 0
        return weights.astype(np.float32)

    tables = drawn(size * size, stage.filters), drawn(stage.features, 64), drawn(64, int(y.max()) + 1)
    wrong = np.zeros(len(X), np.float32)
    convolve(X[:1], y[:1], stage.shape, *(w.copy() for w in tables), np.float32(0), wrong)
    start = time.perf_counter()
    convolve(X, y, stage.shape, *tables, np.float32(step), wrong)
    return float(wrong.mean()), (time.perf_counter() - start) / len(X)


def klopf(sensors: Any, X: Any, y: Any, seed: int, learner: str = "klopf", **options: Any) -> Run:
    m = Mind(sensors, int(y.max()) + 1, learner=learner, seed=seed, **options)
    m.prepare()
    start = time.perf_counter()
    error = float(m.learn(X, y).mean(dtype=np.float64))
    return error, (time.perf_counter() - start) / len(X)


def tuned(learn: Callable[[int, float], Run], steps: tuple[float, ...]) -> Callable[[int], Run]:
    best = min(steps, key=lambda step: learn(TUNING, step)[0])
    return lambda seed: learn(seed, best)


def shown(report: Report, stream: str, seeds: int, learners: dict[str, Callable[[int], Run]], most: float) -> None:
    """Lines and figures of a stream. The first learner is Klopf with its stage, the second without: the error of the
    first may be ``most`` of the second's, and no more than that of the best of the others and the standard error of
    their difference."""
    each, errors, micros = {}, {}, {}
    for name, learn in learners.items():
        runs = np.array([learn(seed) for seed in range(seeds)])
        each[name], errors[name], micros[name] = runs[:, 0], runs[:, 0].mean(), 1e6 * float(np.median(runs[:, 1]))
        spread = runs[:, 0].std(ddof=1) / math.sqrt(seeds)
        report.say(f"{stream:24}{name:28}{errors[name]:8.4f} ± {spread:.4f}{micros[name]:10.1f} us a sample")
    first, second, *rivals = learners
    report.figure(f"{stream}: error with the stage", errors[first])
    report.figure(f"{stream}: of the error without it", errors[first] / errors[second], "ratio", at_most=most)
    best = min(rivals, key=lambda rival: errors[rival])
    apart = (each[first] - each[best]).std(ddof=1) / math.sqrt(seeds) / errors[best]
    ratio = errors[first] / errors[best]
    report.figure(f"{stream}: of the best rival's error ({best})", ratio, "ratio", at_most=1.0 + apart)
    report.figure(f"{stream}: time a sample with the stage", micros[first], "us")
    report.figure(f"{stream}: of the time without it", micros[first] / micros[second], "ratio")


def images(report: Report, name: str, stage: Images, given: tuple[Any, Any], seeds: int, quick: bool) -> None:
    """The images ``given``, ``(n, height, width)`` or flat, and their classes."""
    X, y = given
    flat = np.ascontiguousarray(X.reshape(len(X), -1), np.float32)

    def order(seed: int) -> tuple[Any, Any]:
        drawn = np.random.default_rng(seed).permutation(len(flat))[: 600 if quick else 5_000]
        return flat[drawn], y[drawn]

    steps = (0.01, 0.1) if quick else (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    learners = {
        "Klopf, images": lambda seed: klopf(stage, *order(seed), seed),
        "Klopf, pixels": lambda seed: klopf(stage.sensors, *order(seed), seed),
        "convolutions by backprop": tuned(lambda s, step: convolutional(stage, *order(s), s, step), steps),
        "backprop, pixels": tuned(
            lambda s, step: klopf(stage.sensors, *order(s), s, "backprop", step_size=step), steps
        ),
    }
    shown(report, name, seeds, learners, most=0.8)


@numba.njit(fastmath=True, error_model="numpy")
def trace_units(X, y, classes, nu, theta, B, V, W, step, errors):  # type: ignore[no-untyped-def]
    """Complex units ``h <- exp(-exp(nu) + i theta) h + B x`` by exact real-time recurrent learning; hidden weights
    ``V`` and output weights ``W`` by backprop, biases last; one output, of the odds or of a number."""
    units, sensors = B.shape
    hidden = V.shape[1]
    h, of_nu, of_theta = np.zeros((3, units), np.complex128)
    of_b = np.zeros((units, sensors), np.complex128)
    heard, spoken = np.ones(len(V)), np.ones(hidden + 1)
    for t in range(len(X)):
        for k in range(units):
            p = np.exp(-np.exp(nu[k]) + 1j * theta[k])
            of_nu[k] = p * (of_nu[k] - np.exp(nu[k]) * h[k])
            of_theta[k] = p * (of_theta[k] + 1j * h[k])
            of_b[k] = p * of_b[k] + X[t]
            h[k] = p * h[k] + (B[k] * X[t]).sum()
            heard[k], heard[units + k] = h[k].real, h[k].imag
        heard[2 * units : -1] = X[t]
        spoken[:hidden] = np.tanh(heard @ V)
        said = (spoken * W).sum()
        if classes:
            errors[t] = (said > 0) != (y[t] > 0)
            d = y[t] - 1 / (1 + np.exp(-said))
        else:
            d = y[t] - said
            errors[t] = d * d
        d_hidden = W[:hidden] * d * (1 - spoken[:hidden] ** 2)
        d_heard = V @ d_hidden
        W += step * d * spoken
        for i in range(len(V)):
            V[i] += step * heard[i] * d_hidden
        for k in range(units):
            g = np.conj(d_heard[k] + 1j * d_heard[units + k]) * step
            nu[k] += (g * of_nu[k]).real
            theta[k] += (g * of_theta[k]).real
            for s in range(sensors):
                B[k, s] += (g * of_b[k, s]).real


def recurrent(X: Any, y: Any, classes: bool, seed: int, step: float) -> Run:
    r, sensors = np.random.default_rng(seed), X.shape[1]
    units = TRACES * sensors
    heard = 2 * units + sensors
    tables = [
        -np.log(np.exp(r.uniform(math.log(2), math.log(64), units))),
        r.uniform(0, math.pi, units),
        r.normal(size=(units, sensors)) / math.sqrt(8 * sensors),
        np.append(r.uniform(-1, 1, (heard, 32)) * math.sqrt(3 / heard), np.zeros((1, 32)), 0),
        np.append(r.uniform(-1, 1, 32) * math.sqrt(3 / 32), 0.0),
    ]
    errors = np.zeros(len(X))
    trace_units(X[:1], y[:1], classes, *(table.copy() for table in tables), 0.0, errors)
    start = time.perf_counter()
    trace_units(X, y, classes, *tables, step, errors)
    spent = (time.perf_counter() - start) / len(X)
    error = float(errors.mean()) / (1.0 if classes else float(y.var()))
    return error if math.isfinite(error) else math.inf, spent


def followed(sensors: Any, X: Any, y: Any, classes: bool, seed: int, learner: str = "klopf", **options: Any) -> Run:
    """A mind of 32 hidden units on a sequence."""
    output = "softmax" if classes else "linear"
    options = {"normalise_inputs": True, "scale_targets": not classes, **options}
    m = Mind(sensors, 2 if classes else 1, (32,), learner, output, seed, **options)
    m.prepare()
    start = time.perf_counter()
    try:
        errors = m.learn(X, y.astype(int) if classes else y)
    except Diverged:
        return math.inf, math.nan
    spent = (time.perf_counter() - start) / len(X)
    return float(errors.mean(dtype=np.float64)) / (1.0 if classes else float(y.var())), spent


def before(X: Any, steps: int = 16) -> Any:
    """The last ``steps`` inputs, the newest first; 0 before the first."""
    padded = np.concatenate([np.zeros((steps - 1, X.shape[1])), X])
    return np.concatenate([padded[steps - 1 - k : steps - 1 - k + len(X)] for k in range(steps)], 1)


def bit_ago(r: np.random.Generator, n: int) -> tuple[Any, Any]:
    bits = r.integers(0, 2, n + 15).astype(float)
    return bits[15:, None], bits[:n]


def bits_differ(r: np.random.Generator, n: int) -> tuple[Any, Any]:
    bits = r.integers(0, 2, n + 5).astype(float)
    return bits[5:, None], (bits[1 : n + 1] != bits[:n]).astype(float)


def after_a_signal(r: np.random.Generator, n: int) -> tuple[Any, Any]:
    x, y = (r.random((n, 5)) < 0.1).astype(float), np.zeros(n)
    x[:, 0] = 0
    at = 0
    while (at := at + int(r.integers(26, 60))) + 25 < n:
        x[at, 0] = y[at + 25] = 1
    return x, y


def sines(r: np.random.Generator, n: int) -> tuple[Any, Any]:
    t = np.arange(n + 1) + r.integers(10_000)
    s = np.sin(t / 7) + np.sin(t / 17.3) + 0.5 * np.sin(t / 3.1) + 0.2 * r.normal(size=n + 1)
    return s[:-1, None], s[1:]


def mackey_glass(r: np.random.Generator, n: int) -> tuple[Any, Any]:
    s = list(1.2 + 0.1 * r.normal(size=18))
    for _ in range(n + 200):
        s.append(s[-1] + 0.2 * s[-18] / (1 + s[-18] ** 10) - 0.1 * s[-1])
    seen = (np.array(s[-n - 6 :]) - 0.93) / 0.23 + 0.04 * r.normal(size=n + 6)
    return seen[:n, None], seen[6:]


SEQUENCES: dict[str, tuple[Any, bool, float]] = {
    "a bit 15 steps ago": (bit_ago, True, 0.1),
    "bits 4 and 5 differ": (bits_differ, True, 0.4),
    "25 after a signal": (after_a_signal, True, 0.5),
    "sines in noise": (sines, False, 0.8),
    "Mackey-Glass": (mackey_glass, False, 0.2),
}
"""How each is made, whether it has classes, and what share of the error without the stage is asked for."""


def household(file: str) -> Callable[[np.random.Generator, int], tuple[Any, Any]]:
    with open(file) as rows:
        kept = [[float(row[k]) for k in ("non_shiftable_load", "solar_generation")] for row in csv.DictReader(rows)]
    table = np.array(kept)
    return lambda r, n: (table[:n], table[1 : n + 1, 0])


def sequences(report: Report, name: str, made: Any, classes: bool, most: float, seeds: int, quick: bool) -> None:
    def drawn(seed: int) -> tuple[Any, Any, bool]:
        return *made(np.random.default_rng(seed), 1_500 if quick else 8_000), classes

    sensors = drawn(0)[0].shape[1]
    steps = (0.01, 0.03) if quick else (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

    def lagged(seed: int, learner: str = "klopf", **options: Any) -> Run:
        X, y, _ = drawn(seed)
        return followed(16 * sensors, before(X), y, classes, seed, learner, **options)

    learners = {
        "Klopf, sequences": lambda seed: followed(Sequences(sensors), *drawn(seed), seed),
        "Klopf, inputs": lambda seed: followed(sensors, *drawn(seed), seed),
        "Klopf, last 16 inputs": lagged,
        "backprop, last 16 inputs": tuned(lambda seed, step: lagged(seed, "backprop", step_size=step), steps),
        "trace units, RTRL": tuned(lambda seed, step: recurrent(*scaled(*drawn(seed)), seed, step), steps),
    }
    shown(report, name, seeds, learners, most)
    bent = np.array([followed(Sequences(sensors), *drawn(s), s, activation="relu")[0] for s in range(seeds)])
    report.say(f"{name:24}{'sequences, ReLU units':28}{bent.mean():8.4f} ± {bent.std(ddof=1) / math.sqrt(seeds):.4f}")


def scaled(X: Any, y: Any, classes: bool) -> tuple[Any, Any, bool]:
    """For who does not do it as it goes."""
    return (X - X.mean(0)) / X.std(0), y if classes else (y - y.mean()) / y.std(), classes


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--data", default=os.environ.get("KLOPF_MNIST"), help="folder with MNIST's t10k files")
    parser.add_argument("--household", help="a building's file of CityLearn's")
    given = parser.parse_args()
    seeds = 2 if given.quick else 5
    with Report(given.json) as report:
        images(report, "digits", Images(8, 8), problems.digits(), seeds, given.quick)
        for name, (made, classes, most) in SEQUENCES.items():
            sequences(report, name, made, classes, most, seeds, given.quick)
        if given.household:
            sequences(report, "a household's load", household(given.household), False, 1.0, seeds, given.quick)
        if given.data and (Path(given.data) / "t10k-images-idx3-ubyte.gz").exists():
            images(report, "MNIST", Images(28, 28), problems.mnist(given.data), seeds, given.quick)
        else:
            report.say("MNIST is left out: --data or KLOPF_MNIST must name the folder with its t10k files")


if __name__ == "__main__":
    main()
