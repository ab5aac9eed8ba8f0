"""What a change of offset, of unit or a lone outlier costs a ``Mind`` with normalised inputs.

    python bench/mind_shifts.py            # three seeds; --quick: one

``y = x0 * x1 > 0`` of four normal inputs, 32 units; at sample 6,000 of 9,000 the inputs change. Printed are shares of
wrong answers in the thousand samples before, the first hundred after, the next two hundred, the next seven hundred, and
the last thousand. Then the same of numbers, ``y = x0 * x1``, whose targets change: mean absolute errors, where the
target's deviation is 1; after its unit was divided by 1,000, in the new unit. Last, River's classes, in company and
alone, that meet one number far out, at sample 20 or 2,000 of 3,000: the error of the last 900. After one shock it is
asked to be at most half as much again as without, and two points.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from figures import Report, arguments

from klopf.mind import Mind
from klopf.mind.river import MindClassifier, MindRegressor

AT, END = 6_000, 9_000
SPANS = ((AT - 1_000, AT), (AT, AT + 100), (AT + 100, AT + 300), (AT + 300, AT + 1_000), (END - 1_000, END))


def outlier(size: float) -> Callable[[np.ndarray], None]:
    def change(X: np.ndarray) -> None:
        X.flat[0] = size

    return change


def plus(shift: float, columns: slice = slice(None)) -> Callable[[np.ndarray], None]:
    def change(X: np.ndarray) -> None:
        X[:, columns] += shift

    return change


def times(factor: float) -> Callable[[np.ndarray], None]:
    def change(X: np.ndarray) -> None:
        X *= factor

    return change


def codes(every: int) -> Callable[[np.ndarray], None]:
    def change(X: np.ndarray) -> None:
        X[::every, 0] = 9999.0  # a sensor's word for "nothing"

    return change


def ramp(X: np.ndarray) -> None:
    X += 0.01 * np.arange(len(X))[:, None]


CHANGES = {
    "one input of 10^4": outlier(1e4),
    "one input of 10^8": outlier(1e8),
    "one input of -10^12": outlier(-1e12),
    "all inputs + 10^9": plus(1e9),
    "all inputs + 50": plus(50.0),
    "all inputs + 5": plus(5.0),
    "all inputs + 2": plus(2.0),
    "all inputs + 1": plus(1.0),
    "one input + 1": plus(1.0, slice(0, 1)),
    "unit * 1.5": times(1.5),
    "unit / 1,000": times(1e-3),
    "unit * 1,000": times(1e3),
    "unit / 10^9": times(1e-9),
    "+ .01 a sample": ramp,
    "9999 in a 100th": codes(100),
    "9999 in a 50th": codes(50),
    "9999 in a tenth": codes(10),
}


def level(y: np.ndarray) -> None:
    y += 100.0


TARGETS = {
    "one target of 10^4": outlier(1e4),
    "one target of 10^8": outlier(1e8),
    "one target of -10^12": outlier(-1e12),
    "level + 100": level,
    "target's unit / 1,000": times(1e-3),
}
ALONE = {"river": {}, "river, alone": {"memory": 0, "trees": 0, "shortcut": False}}
SHOCKS = (1e4, 1e8, -1e12)
EARLY, LATE = 20, 2_000
"""Samples at which a shock comes to River's classes, of 3,000."""


def shocked(options: dict[str, Any], seed: int, at: int, size: float, target: bool) -> float:
    """The mean error of the last 900 samples of one of River's classes, of which one number was ``size``: share of
    wrong classes, or absolute error over that of the mean."""
    r, n = np.random.default_rng(seed), 3_000
    X = r.normal(size=(n, 4))
    y = X[:, 0] + X[:, 1] * X[:, 2] if target else (X[:, 0] * X[:, 1] > 0)
    known = float(np.abs(y[-900:] - y[-900:].mean()).mean()) if target else 1.0
    (y if target else X[:, 0])[at:].flat[0] = size
    model = (MindRegressor if target else MindClassifier)(hidden=32, seed=seed, options=options)
    off = 0.0
    for t in range(n):
        x = dict(enumerate(X[t].tolist()))
        if t >= n - 900:
            said = model.predict_one(x)
            off += abs(said - y[t]) if target else said != y[t]
        model.learn_one(x, float(y[t]) if target else bool(y[t]))
    return off / 900 / known


def shocks(report: Report, seeds: int) -> None:
    """River's classes with one number far out, soon and late, beside their own error without one."""
    for target, what in ((False, "input"), (True, "target")):
        for name, options in ALONE.items():
            without = np.mean([shocked(options, s, LATE, 0.0, target) for s in range(seeds)])
            for at in (EARLY, LATE):
                cells = [np.mean([shocked(options, s, at, v, target) for s in range(seeds)]) for v in SHOCKS]
                report.say(
                    f"{name}: one {what} at sample {at:,}: none {without:.3f}; "
                    + "; ".join(f"{v:g} {cell:.3f}" for v, cell in zip(SHOCKS, cells, strict=True))
                )
                report.figure(
                    f"{name}: error after the worst of one {what} of {', '.join(f'{v:g}' for v in SHOCKS)} at {at:,}",
                    float(max(cells)),
                    at_most=float(1.5 * without + 0.02),
                )


def main() -> None:
    a = arguments(__doc__).parse_args()
    with Report(a.json) as report:
        for name, change in CHANGES.items():
            errors = []
            for seed in range(1 if a.quick else 3):
                X = np.random.default_rng(seed).normal(size=(END, 4))
                y = (X[:, 0] * X[:, 1] > 0).astype(int)
                change(X[AT:])
                errors.append(Mind(4, 2, hidden=(32,), normalise_inputs=True, seed=seed).learn(X, y))
            cells = [float(np.mean([e[start:end] for e in errors])) for start, end in SPANS]
            report.say(f"{name:18} " + "  ".join(f"{cell:.3f}" for cell in cells))
            asked = 1.5 * cells[0] + 0.02 if name.startswith("one input of") else None
            report.figure(f"{name}: wrong 300 to 1,000 samples after", cells[3], at_most=asked)
        for name, change in TARGETS.items():
            errors = []
            for seed in range(1 if a.quick else 3):
                X = np.random.default_rng(seed).normal(size=(END, 4))
                y = X[:, 0] * X[:, 1]
                change(y[AT:])
                m = Mind(4, 1, hidden=(32,), output="linear", normalise_inputs=True, seed=seed)
                found = np.sqrt(m.learn(X, y))
                if name.startswith("one target"):
                    found[AT] = 0.0  # which nobody could know
                found[AT:] *= 1e3 if name.endswith("/ 1,000") else 1.0
                errors.append(found)
            cells = [float(np.mean([e[start:end] for e in errors])) for start, end in SPANS]
            report.say(f"{name:22} " + "  ".join(f"{cell:.3f}" for cell in cells))
            asked = 1.5 * cells[0] + 0.02 if name.startswith("one target") else None
            report.figure(f"{name}: absolute error 300 to 1,000 samples after", cells[3], at_most=asked)
        shocks(report, 1 if a.quick else 3)


if __name__ == "__main__":
    main()
