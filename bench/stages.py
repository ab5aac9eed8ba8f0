"""Do the input stages pay? Images and sequences, with a stage, without it, and a rival with the same budget.

    python bench/stages.py [--quick] [--json] [--data FOLDER-WITH-MNIST]

One pass, each sample once, in an order of its own by seed: the share of wrong answers made before each sample was
learned (its mean over all samples), and microseconds a sample, ± standard errors over seeds. Images: scikit-learn's
digits (8x8) and, where ``--data`` or ``KLOPF_MNIST`` names their folder, MNIST's test images (28x28). The rivals learn
one sample at a time too: a convolutional network with the shape of Klopf's stage (the same patches, filters, grid and
64 hidden units, rectified) by plain backprop, and 64 units that hear the pixels by plain backprop, both compiled, each
at the best of six step-sizes, chosen on a seed that is not counted.
"""

from __future__ import annotations

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

from klopf.mind import Images, Mind, problems

Run = tuple[float, float]
"""Mean error, and seconds a sample."""
TUNING = 1000
"""The seed on which step-sizes are chosen."""


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
    first may be ``most`` of the second's, and no more than that of the best of the others."""
    errors, micros = {}, {}
    for name, learn in learners.items():
        runs = np.array([learn(seed) for seed in range(seeds)])
        errors[name], micros[name] = runs[:, 0].mean(), 1e6 * float(np.median(runs[:, 1]))
        spread = runs[:, 0].std(ddof=1) / math.sqrt(seeds)
        report.say(f"{stream:24}{name:28}{errors[name]:8.4f} ± {spread:.4f}{micros[name]:10.1f} us a sample")
    first, second, *rivals = learners
    report.figure(f"{stream}: error with the stage", errors[first])
    report.figure(f"{stream}: of the error without it", errors[first] / errors[second], "ratio", at_most=most)
    best = min(errors[rival] for rival in rivals)
    report.figure(f"{stream}: of the best rival's error", errors[first] / best, "ratio", at_most=1.0)
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


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--data", default=os.environ.get("KLOPF_MNIST"), help="folder with MNIST's t10k files")
    given = parser.parse_args()
    seeds = 2 if given.quick else 5
    with Report(given.json) as report:
        images(report, "digits", Images(8, 8), problems.digits(), seeds, given.quick)
        if given.data and (Path(given.data) / "t10k-images-idx3-ubyte.gz").exists():
            images(report, "MNIST", Images(28, 28), problems.mnist(given.data), seeds, given.quick)
        else:
            report.say("MNIST is left out: --data or KLOPF_MNIST must name the folder with its t10k files")


if __name__ == "__main__":
    main()
