"""What the check of a sample's dict costs beside the step that learns it, in River's hands.

    python bench/river_step.py            # 10,000 samples of each kind
    python bench/river_step.py --quick    # 2,000: a few seconds

A small model, 8 hidden units, on 3 to 100 numbers. Each sample is read, checked, learned (which checks it again) and
predicted in turn, and the medians are taken, so that what else the machine does meanwhile meets all three alike.
*Alone* is a classifier without the memory and the trees that it has at its defaults.
"""

from __future__ import annotations

import os
import random
from statistics import median
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

from figures import Report, arguments

from klopf.mind.river import MindClassifier, MindRegressor

KINDS = {
    "regressor": lambda: MindRegressor(hidden=8),
    "classifier": lambda: MindClassifier(hidden=8),
    "classifier alone": lambda: MindClassifier(hidden=8, options={"memory": 0, "trees": 0}),
}
ROWS = 400


def measured(kind: str, features: int, samples: int) -> tuple[float, float, float]:
    """Microseconds of a check, a learning step and a prediction."""
    r, model = random.Random(0), KINDS[kind]()
    rows = [{f"x{k}": r.gauss(0, 1) for k in range(features)} for _ in range(ROWS)]
    targets = [x["x0"] if kind == "regressor" else x["x0"] > 0 for x in rows]
    for x, y in zip(rows, targets, strict=True):
        model.learn_one(x, y)
    check, learn, predict = [], [], []
    for t in range(samples):
        x, y = rows[t % ROWS], targets[t % ROWS]
        sum(x.values())  # as in a stream, whose samples were made just now and need not be fetched from memory
        a = perf_counter()
        model._named.numbers(x)
        b = perf_counter()
        model.learn_one(x, y)
        c = perf_counter()
        model.predict_one(x)
        d = perf_counter()
        check.append(b - a), learn.append(c - b), predict.append(d - c)
    return 1e6 * median(check), 1e6 * median(learn), 1e6 * median(predict)


def main() -> None:
    a = arguments(__doc__).parse_args()
    with Report(a.json) as report:
        for kind in KINDS:
            for features in (3, 10, 30, 100):
                check, learn, predict = measured(kind, features, 2_000 if a.quick else 10_000)
                report.say(f"{kind:16} {features:3} numbers: check {check:5.1f} us, learn_one {learn:6.1f} us, "
                           f"predict_one {predict:6.1f} us")  # fmt: skip
                report.figure(f"{kind}, {features} numbers: the check's share of a step", check / learn, at_most=0.1)


if __name__ == "__main__":
    main()
