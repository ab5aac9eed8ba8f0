"""Do learners keep their plasticity over 500 permuted-image tasks? MNIST, 784-100-100-100-10, 1,000 images a task.

Accuracy over tasks 20-70 and over the last tenth (tasks 450-500), and dormant units at the end, one seed:

    python bench/mind_plasticity.py FOLDER-WITH-MNIST

| learner | tasks 20-70 | last 50 | ratio | dormant by layer |
|---|---|---|---|---|
| klopf, L2 of 1e-2 | 71.9 % | 71.9 % | 1.00 | 0, 0, 0 % |
| klopf, replacement rate 1e-3 | 70.4 % | 70.4 % | 1.00 | 0, 0, 0 % |
| klopf, tuned | 68.6 % | 68.2 % | 0.99 | 0, 0, 0 % |
| klopf, defaults | 68.3 % | 66.6 % | 0.98 | 0, 0, 0 % |
| continual-backprop, tuned | 65.0 % | 64.4 % | 0.99 | 30, 5, 1 % |
| backprop, tuned | 62.3 % | 47.7 % | 0.77 | 51, 50, 62 % |

"Tuned" is by ``bench/mind_tune.py`` on digits; the first two lines' options were chosen on this very run.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from klopf.mind.bench import Run, options_for, run


def main() -> None:
    if len(sys.argv) != 2:
        print("skipped: give the folder with MNIST's t10k files")
        return
    tuned = {name: options_for("permuted", "input", name, True) for name in ("klopf", "continual-backprop", "backprop")}
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("klopf, L2 of 1e-2", "klopf", {**tuned["klopf"], "l2": 1e-2}),
        ("klopf, replacement rate 1e-3", "klopf", {**tuned["klopf"], "replacement_rate": 1e-3}),
        ("klopf, tuned", "klopf", tuned["klopf"]),
        ("klopf, defaults", "klopf", {}),
        ("continual-backprop, tuned", "continual-backprop", tuned["continual-backprop"]),
        ("backprop, tuned", "backprop", tuned["backprop"]),
    ]
    for title, learner, options in kinds:
        result = run(Run("permuted", "input", learner, 0, 500, options, data=sys.argv[1], samples=1000))
        width = 3  # tasks in one point of the curve
        accuracy = 1 - np.array(result["curve"])
        early, late = accuracy[20 // width + 1 : 70 // width + 1].mean(), accuracy[450 // width :].mean()
        dormant = [f"{100 * layer['dormant']:.0f}" for layer in result["diagnosis"]["layers"]]
        print(f"| {title} | {early:.1%} | {late:.1%} | {late / early:.2f} | {', '.join(dormant)} % |", flush=True)


if __name__ == "__main__":
    main()
