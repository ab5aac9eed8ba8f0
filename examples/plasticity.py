"""Ordinary backpropagation goes stiff on a world that keeps changing; continual learners do not.

python examples/plasticity.py [plasticity.png]        # klopf[plot] draws it
"""

import sys

import numpy as np

from klopf import mind

LEARNERS = ("backprop", "continual-backprop", "klopf")


def main() -> None:
    X, y = mind.problems.slowly_changing_regression(1_000_000, seed=0).whole()
    curves = {}
    for name in LEARNERS:
        learner = mind.Mind(X.shape[1], 1, hidden=(5,), learner=name, output="linear", seed=0)
        errors = np.asarray(learner.learn(X, y))
        curves[name] = errors.reshape(20, -1).mean(1)
        print(f"{name:20} squared error over the last tenth {curves[name][-2:].mean():.3f}")
    if len(sys.argv) > 1:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4))
        axes = figure.subplots()
        for name, curve in curves.items():
            axes.plot(np.arange(1, 21) * 50_000, curve, label=name)
        axes.set(xlabel="samples", ylabel="squared error", ylim=(0, None))
        axes.legend()
        figure.savefig(sys.argv[1])
        print(sys.argv[1])


if __name__ == "__main__":
    main()
