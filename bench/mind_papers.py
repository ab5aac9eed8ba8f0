"""IDBD and Autostep on the first experiments of their papers.

Sutton (1992): 20 inputs, independent standard normal; the target is the signed sum of the first five, and every 20
steps one of the five signs flips. LMS and IDBD run 20,000 steps, the mean squared error of the last 10,000 counts. The
paper: LMS about 3.5 at its best step-size, IDBD about 1.5 at its best meta step-size, with the five step-sizes of
relevant inputs near 0.13 and those of the others near 0.

Mahmood et al. (2012): on the same problem Autostep comes near IDBD's error without tuning its meta step-size, which may
vary by orders of magnitude.

    python bench/mind_papers.py

    LMS       step-size 0.03           3.44 ± 0.02   its best; the paper says about 3.5
    idbd      meta step-size 0.005     1.75 ± 0.01   step-sizes 0.124 / 0.0136
    idbd      meta step-size 0.01      1.62 ± 0.01   step-sizes 0.128 / 0.0087; the paper: about 1.5, 0.13 and 0
    idbd      meta step-size 0.02       diverges
    autostep  meta step-size 0.003     3.01 ± 0.03
    autostep  meta step-size 0.03      2.13 ± 0.03   step-sizes 0.050 / 0.0002
    autostep  meta step-size 0.1       2.07 ± 0.05   step-sizes 0.056 / 0.0000
    best IDBD / best LMS: 0.47
    best Autostep / best IDBD: 1.27

10 seeds. Autostep never diverges, over a factor of 30 in its meta step-size, but it does not reach IDBD's best error,
nor (in trials) with ten times the steps. What holds it there is its own bound, which divides all step-sizes whenever
their sum over a sample would overshoot: on this problem the best step-sizes are near that edge, and large samples are
over it. The same equations, written apart from the library, agree with it, and without the bound with IDBD:

    autostep, plainly    meta step-size 0.03       2.12 ± 0.03   step-sizes 0.051 / 0.0002
    autostep, no bound   meta step-size 0.03       1.61 ± 0.01   step-sizes 0.128 / 0.0097
"""

from __future__ import annotations

import numba
import numpy as np
from figures import Report, arguments

from klopf.mind import Diverged, Mind

SEEDS = 10


def stream(seed: int, steps: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    X = r.normal(size=(steps, 20))
    signs = np.ones(5)
    y = np.empty(steps)
    for t in range(steps):
        if t and t % 20 == 0:
            signs[r.integers(5)] *= -1
        y[t] = signs @ X[t, :5]
    return X, y


def error(rule: str, step: float, meta: float, seeds: int) -> tuple[float, float, np.ndarray]:
    errors, sizes = [], []
    for seed in range(seeds):
        X, y = stream(seed)
        m = Mind(
            20,
            1,
            (),
            "backprop",
            "linear",
            seed,
            "float64",
            rule=rule,
            step_size=step,
            meta_step_size=meta,
            epsilon=1e-8,
        )
        # plain LMS follows the error, half of what the derivative of the squared error is
        try:
            errors.append(m.learn(X, y)[10_000:].mean())
        except Diverged:
            return np.inf, 0.0, np.zeros(20)
        if rule in ("idbd", "autostep"):
            sizes.append(m.weights(0, "step-size")[:20, 0])
    mean = np.mean(sizes, 0) if sizes else np.zeros(20)
    return float(np.mean(errors)), float(np.std(errors, ddof=1) / seeds**0.5), mean


@numba.njit
def autostep(X: np.ndarray, y: np.ndarray, meta: float, bounded: bool) -> tuple[np.ndarray, np.ndarray]:
    """Autostep from its paper's table 1, apart from the library's; returns squared errors and the last step-sizes."""
    n = X.shape[1]
    w, h, v, a, errors = np.zeros(n), np.zeros(n), np.zeros(n), np.full(n, 0.05), np.zeros(len(X))
    for t in range(len(X)):
        x = X[t]
        delta = y[t] - (w * x).sum()
        errors[t] = delta * delta
        m = delta * x * h
        v = np.maximum(np.abs(m), v + a * x * x * (np.abs(m) - v) / 10_000)
        for i in range(n):
            if v[i] > 0:
                a[i] *= np.exp(meta * m[i] / v[i])
        if bounded:
            a /= max((a * x * x).sum(), 1.0)
        w += a * delta * x
        h = h * np.maximum(1 - a * x * x, 0) + a * delta * x
    return errors, a


def unbounded(report: Report, meta: float, seeds: int) -> None:
    for bounded in (True, False):
        lives = [autostep(*stream(seed), meta, bounded) for seed in range(seeds)]
        errors = [e[10_000:].mean() for e, _ in lives]
        sizes = np.mean([a for _, a in lives], 0)
        name = f"autostep, {'plainly' if bounded else 'no bound'}"
        report.say(
            f"{name:20s} meta step-size {meta:<8g} {np.mean(errors):6.2f} ± {np.std(errors, ddof=1) / seeds**0.5:.2f}"
            f"   step-sizes {sizes[:5].mean():.3f} / {sizes[5:].mean():.4f}"
        )
        report.figure(f"{name}: mean squared error", float(np.mean(errors)))


def main() -> None:
    options = arguments(__doc__).parse_args()
    with Report(options.json) as report:
        compare(report, 3 if options.quick else SEEDS)


def compare(report: Report, seeds: int) -> None:
    best: dict[str, tuple[float, float, str, np.ndarray]] = {}
    for rule, tried in {
        "sgd": [(s, 0.0) for s in (0.005, 0.01, 0.015, 0.02, 0.025, 0.03)],  # twice the LMS step-size
        "idbd": [(0.05, m) for m in (0.002, 0.005, 0.01, 0.02)],
        "autostep": [(0.05, m) for m in (0.003, 0.01, 0.03, 0.1)],
    }.items():
        for step, meta in tried:
            mean, stderr, sizes = error(rule, step, meta, seeds)
            name = f"step-size {2 * step:g}" if rule == "sgd" else f"meta step-size {meta:g}"
            found = f"   step-sizes {sizes[:5].mean():.3f} / {sizes[5:].mean():.4f}" if sizes.any() else ""
            said = f"{mean:6.2f} ± {stderr:.2f}{found}" if np.isfinite(mean) else " diverges"
            report.say(f"{'LMS' if rule == 'sgd' else rule:9s} {name:22s} {said}")
            if rule not in best or mean < best[rule][0]:
                best[rule] = (mean, stderr, name, sizes)
    unbounded(report, 0.03, seeds)
    for rule, (mean, _, name, _) in best.items():
        report.figure(f"{'LMS' if rule == 'sgd' else rule}, {name}: mean squared error", mean)
    report.figure("best IDBD beside best LMS", best["idbd"][0] / best["sgd"][0], "times", at_most=0.5)
    report.figure("best Autostep beside best IDBD", best["autostep"][0] / best["idbd"][0], "times")


if __name__ == "__main__":
    main()
