"""What a change of offset, of unit or a lone outlier costs a ``Mind`` with normalised inputs.

    python bench/mind_shifts.py            # three seeds; --quick: one

``y = x0 * x1 > 0`` of four normal inputs, 32 units; at sample 6,000 of 9,000 the inputs change. Printed are shares of
wrong answers in the thousand samples before, the first hundred after, the next two hundred, the next seven hundred, and
the last thousand. Then the same of numbers, ``y = x0 * x1``, whose targets change: mean absolute errors, where the
target's deviation is 1; after its unit was divided by 1,000, in the new unit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from figures import Report, arguments

from klopf.mind import Mind

AT, END = 6_000, 9_000
SPANS = ((AT - 1_000, AT), (AT, AT + 100), (AT + 100, AT + 300), (AT + 300, AT + 1_000), (END - 1_000, END))


def outlier(X: np.ndarray) -> None:
    X[0, 0] = 1e4


def outlier_target(y: np.ndarray) -> None:
    y[0] = 1e4


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
    "one input of 10^4": outlier,
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


TARGETS = {"one target of 10^4": outlier_target, "level + 100": level, "target's unit / 1,000": times(1e-3)}


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
            report.figure(f"{name}: wrong 300 to 1,000 samples after", cells[3])
        for name, change in TARGETS.items():
            errors = []
            for seed in range(1 if a.quick else 3):
                X = np.random.default_rng(seed).normal(size=(END, 4))
                y = X[:, 0] * X[:, 1]
                change(y[AT:])
                m = Mind(4, 1, hidden=(32,), output="linear", normalise_inputs=True, seed=seed)
                found = np.sqrt(m.learn(X, y))
                if change is outlier_target:
                    found[AT] = 0.0  # which nobody could know
                found[AT:] *= 1e3 if name.endswith("/ 1,000") else 1.0
                errors.append(found)
            cells = [float(np.mean([e[start:end] for e in errors])) for start, end in SPANS]
            report.say(f"{name:22} " + "  ".join(f"{cell:.3f}" for cell in cells))
            report.figure(f"{name}: absolute error 300 to 1,000 samples after", cells[3])


if __name__ == "__main__":
    main()
