"""Streams of which much cannot be learned: three labels of ten are wrong, or one sample of fifty is positive.

    python bench/mind_noise.py                # 10,000 samples, 5 seeds, River's learners on the first 5,000 and 3
    python bench/mind_noise.py --quick        # 3,000 samples, 2 seeds, the fast rivals only
    python bench/mind_noise.py --fast         # the first, without the forests: a few minutes
    python bench/mind_noise.py --tuning       # seeds from 1000, on which defaults are chosen; the table never uses them

Test, then train. *Noise*: share of wrong answers beside the class that is true, while 30 % of the labels that are
learned are another class, drawn anew. *Rare*: area under the curve of what positives and negatives were given, first
to last; positives are drawn by a probability, so nobody can reach 1: "at best" is the area of that probability itself.

Klopf is a ``Mind`` alone, with normalised inputs and 32 units, as are plain and continual backpropagation, each at
three step-sizes of which the best counts; "klopf in company" and the rivals are River's classes at defaults.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from figures import Report, arguments
from river import ensemble, forest, linear_model, naive_bayes, preprocessing
from sklearn.metrics import roc_auc_score

from klopf.mind import Mind
from klopf.mind.river import MindClassifier

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Inputs ``(n, d)``, labels that are learned, and what is true: classes, or probabilities of the positive one."""


def product(r: np.random.Generator, n: int) -> Drawn:
    """The sign of a product of two inputs of six."""
    X = r.normal(size=(n, 6))
    return mislabelled(r, X, (X[:, 0] * X[:, 1] > 0).astype(int), 2)


def line(r: np.random.Generator, n: int) -> Drawn:
    """A linear boundary in ten dimensions."""
    X = r.normal(size=(n, 10))
    return mislabelled(r, X, (X @ r.normal(size=10) > 0).astype(int), 2)


def clusters(r: np.random.Generator, n: int) -> Drawn:
    """Five classes of three Gaussian clusters each, in ten dimensions."""
    centres = r.normal(size=(15, 10))
    which = r.integers(15, size=n)
    return mislabelled(r, centres[which] + 0.5 * r.normal(size=(n, 10)), which % 5, 5)


def turning(r: np.random.Generator, n: int) -> Drawn:
    """The sign of a product, half-way that of two other inputs."""
    X = r.normal(size=(n, 6))
    true = np.where(np.arange(n) < n // 2, X[:, 0] * X[:, 1] > 0, X[:, 2] * X[:, 3] > 0).astype(int)
    return mislabelled(r, X, true, 2)


def mislabelled(r: np.random.Generator, X: np.ndarray, true: np.ndarray, classes: int) -> Drawn:
    wrong = r.random(len(X)) < 0.3
    return X, np.where(wrong, (true + r.integers(1, classes, len(X))) % classes, true), true


def logistic(r: np.random.Generator, n: int) -> Drawn:
    """Log-odds that are linear in ten inputs."""
    X = r.normal(size=(n, 10))
    return drawn(r, X, 1.5 * X @ r.normal(size=10) / 10**0.5)


def curved(r: np.random.Generator, n: int) -> Drawn:
    """Log-odds that are a product of two inputs and a third."""
    X = r.normal(size=(n, 10))
    return drawn(r, X, 1.5 * X[:, 0] * X[:, 1] + X[:, 2])


def patch(r: np.random.Generator, n: int) -> Drawn:
    """Positives lie about one place in three of ten dimensions."""
    X = r.normal(size=(n, 10))
    return drawn(r, X, -1.5 * ((X[:, :3] - 1.0) ** 2).sum(1))


def drawn(r: np.random.Generator, X: np.ndarray, odds: np.ndarray) -> Drawn:
    low, high = -50.0, 50.0
    for _ in range(60):  # the level at which one of fifty is positive
        level = (low + high) / 2
        low, high = (low, level) if (1 / (1 + np.exp(-odds - level))).mean() > 0.02 else (level, high)
    p = 1 / (1 + np.exp(-odds - level))
    return X, (r.random(len(X)) < p).astype(int), p


NOISE = {f.__name__: f for f in (product, line, clusters, turning)}
RARE = {f.__name__: f for f in (logistic, curved, patch)}
STEPS = (0.003, 0.01, 0.03)
RIVERS: dict[str, Callable[[int], Any]] = {
    "klopf in company": lambda seed: MindClassifier(seed=seed),
    "linear": lambda seed: preprocessing.StandardScaler() | linear_model.SoftmaxRegression(),
    "naive Bayes": lambda seed: naive_bayes.GaussianNB(),
    "adaptive forest": lambda seed: forest.ARFClassifier(seed=seed),
    "leveraging bagging": lambda seed: ensemble.LeveragingBaggingClassifier(naive_bayes.GaussianNB(), seed=seed),
}
SLOW = ("adaptive forest", "leveraging bagging")
"""Left out with --quick."""


def scored(said: np.ndarray, y: np.ndarray, true: np.ndarray) -> float:
    """Of what was said, ``(n, classes)``: wrong beside what is true, or, of the rare, the area under the curve."""
    if true.dtype == np.float64:
        return float(roc_auc_score(y, said[:, 1]))
    return float((said.argmax(1) != true).mean())


def mind(learner: str, seed: int, X: np.ndarray, y: np.ndarray, **options: Any) -> np.ndarray:
    """What a mind says of every sample before it learns it, in blocks of 10."""
    m = Mind(X.shape[1], int(y.max()) + 1, (32,), learner, seed=seed, normalise_inputs=True, **options)
    said = []
    for at in range(0, len(X), 10):
        said.append(m.predict_proba(X[at : at + 10]))
        m.learn(X[at : at + 10], y[at : at + 10])
    return np.concatenate(said)


def rivers(make: Callable[[int], Any], seed: int, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same of one of River's."""
    model, said = make(seed), np.full((len(X), int(y.max()) + 1), 1e-9)
    for row, (x, label) in enumerate(zip(X.tolist(), y.tolist(), strict=True)):
        sample = dict(enumerate(x))
        for name, p in model.predict_proba_one(sample).items():
            said[row, name] = p if p == p else 0.0
        model.learn_one(sample, label)
    return said


def compare(report: Report, a: argparse.Namespace) -> None:
    """A line a stream, the best first; Klopf alone beside the best of plain and continual backpropagation, and in
    company beside the best of River's."""
    samples, seeds = (3_000, 2) if a.quick else (10_000, 5)
    short, few = (3_000, 2) if a.quick else (5_000, 3)
    first = 1000 if a.tuning else 0
    for name, make in {**NOISE, **RARE}.items():
        rare, lives = name in RARE, [make(np.random.default_rng(first + s), samples) for s in range(seeds)]
        found = {"klopf": [scored(mind("klopf", first + s, X, y), y, t) for s, (X, y, t) in enumerate(lives)]}
        for learner in ("backprop", "continual-backprop"):
            tried = [[scored(mind(learner, first + s, X, y, step_size=step), y, t) for s, (X, y, t) in enumerate(lives)]
                     for step in STEPS]  # fmt: skip
            found[learner] = (max if rare else min)(tried, key=lambda e: float(np.mean(e)))
        cut = [(X[:short], y[:short], t[:short]) for X, y, t in lives[:few]]
        if not a.alone:
            for who, model in RIVERS.items():
                if not ((a.quick or a.fast) and who in SLOW):
                    found[who] = [scored(rivers(model, first + s, X, y), y, t) for s, (X, y, t) in enumerate(cut)]
        report.say(f"{name:10}" + "; ".join(f"{who} {_cell(e)}" for who, e in found.items()))
        what = "area under the curve" if rare else "wrong beside what is true"
        for ours, theirs in (("klopf", ("backprop", "continual-backprop")), ("klopf in company", tuple(RIVERS)[1:])):
            rivals = [who for who in theirs if who in found]
            if rivals:
                best = (max if rare else min)(rivals, key=lambda who: float(np.mean(found[who])))
                gaps = np.array(found[ours]) - np.array(found[best])
                spread = float(gaps.std(ddof=1) / len(gaps) ** 0.5)
                bound = {"at_least": float(np.mean(found[best])) - spread} if rare else {
                    "at_most": float(np.mean(found[best])) + spread}  # fmt: skip
                report.figure(f"{name}: {what}, {ours} beside {best}", float(np.mean(found[ours])), "", **bound)
        if rare:
            best_area = float(np.mean([roc_auc_score(y, t) for _, y, t in lives]))
            report.figure(f"{name}: area under the curve at best", best_area)


def _cell(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.3f}"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--tuning", action="store_true", help="seeds from 1000")
    parser.add_argument("--fast", action="store_true", help="without the forests and bags: a few minutes")
    parser.add_argument("--alone", action="store_true", help="without River's learners")
    a = parser.parse_args()
    with Report(a.json) as report:
        compare(report, a)


if __name__ == "__main__":
    main()
