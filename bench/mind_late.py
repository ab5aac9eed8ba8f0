"""Targets that come late: numbers and labels of which nothing is known before sample 5,000, while others are learned.

    python bench/mind_late.py            # 5 seeds
    python bench/mind_late.py --quick    # 2 seeds

River's classes with 32 units; 2 or 10 targets, which share what is known of those, each a sum of the same 30 curved
functions of 20 inputs. The last target is first spoken of in sample 5,000; from then on its error by windows, beside
a learner of its own that is born there, plain backpropagation in the same place, and a learner that had it all along.
Numbers: squared error over the target's variance. Labels: share of wrong answers.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from figures import Report, arguments

from klopf.mind.river import MindMultiLabelClassifier, MindMultiTargetRegressor

LATE = 5000
WINDOWS = ((0, 50), (50, 200), (200, 500), (500, 1000), (1000, 2000))
KINDS: dict[str, Any] = {"numbers": MindMultiTargetRegressor, "labels": MindMultiLabelClassifier}


def world(seed: int, targets: int, labels: bool) -> tuple[np.ndarray, np.ndarray]:
    """Inputs ``(n, 20)`` and targets ``(n, targets)``."""
    r = np.random.default_rng(seed)
    X = r.normal(size=(LATE + WINDOWS[-1][1], 20))
    curves = np.tanh(1.5 * X @ r.normal(size=(20, 30)) / 20**0.5)
    Y = 2 * curves @ r.normal(size=(30, targets)) / 30**0.5 + 0.1 * r.normal(size=(len(X), targets))
    return X, (Y > 0) if labels else Y / Y.std(0)


def life(model: Any, X: np.ndarray, Y: np.ndarray, late: int) -> list[float]:
    """Errors of the last target by windows from sample ``LATE`` on; it is spoken of from sample ``late`` on."""
    names, last, errors = [f"t{k}" for k in range(Y.shape[1])], f"t{Y.shape[1] - 1}", []
    for t, (row, wanted) in enumerate(zip(X.tolist(), Y.tolist(), strict=True)):
        x = dict(enumerate(row))
        if t >= LATE:
            said = model.predict_one(x).get(last, 0.0)
            errors.append(float(said - wanted[-1]) ** 2)
        spoken = dict(zip(names, wanted, strict=True))
        if t < late:
            del spoken[last]
        if spoken:
            model.learn_one(x, spoken)
    return [float(np.mean(errors[a:b])) for a, b in WINDOWS]


def main() -> None:
    a = arguments(__doc__).parse_args()
    seeds = 2 if a.quick else 5
    with Report(a.json) as report:
        report.say("windows after it came: " + ", ".join(f"{first} to {last}" for first, last in WINDOWS))
        for kind, make in KINDS.items():
            for targets in (2, 10):
                found: dict[str, np.ndarray] = {}
                drawn = [world(seed, targets, kind == "labels") for seed in range(seeds)]
                for who, learner, own, late in (
                    ("late", "klopf", False, LATE),
                    ("of its own", "klopf", True, LATE),
                    ("backprop, late", "backprop", False, LATE),
                    ("all along", "klopf", False, 0),
                ):
                    lives = [
                        life(make(learner=learner, seed=seed), X, Y[:, -1:] if own else Y, late)
                        for seed, (X, Y) in enumerate(drawn)
                    ]
                    found[who] = np.mean(lives, 0)
                    report.say(f"{targets} {kind}, {who}: " + " ".join(f"{e:.3f}" for e in found[who]))
                for (first, last), ours, theirs in zip(WINDOWS, found["late"], found["backprop, late"], strict=True):
                    report.figure(
                        f"{targets} {kind}: error {first} to {last} samples after the last one came",
                        float(ours), "", at_most=float(theirs),
                    )  # fmt: skip


if __name__ == "__main__":
    main()
