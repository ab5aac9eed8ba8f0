"""Do learners keep their plasticity over 500 permuted-image tasks? MNIST, 784-100-100-100-10, one sample a step.

    python bench/mind_plasticity.py FOLDER-WITH-MNIST [--samples 1000] [--seeds 3] [--learners a,b] [--file RUNS]
                                    [--hidden 2000,2000,2000 --tasks N] [--plot FILE]

Prints the accuracy over tasks 20-70 (or the first tenth after the first twentieth, of a shorter run) and over the last
tenth, their difference with its standard error over seeds, and dormant units at the end. ``klopf`` runs twice: at its
defaults, and with the options that tuning chose; rivals are tuned (12 tasks of 1,000 images, seeds from 1000;
``bench/mind_tune.py permuted input 12 --samples 1000 --data FOLDER``). ``--file`` keeps finished runs.

Three seeds, 500 tasks: klopf 77.7 and 77.8 % at its defaults, 78.9 and 78.5 tuned; L2 73.5 and 73.6, SNR 69.6 and 69.7,
CReLU 69.8 and 66.8, continual backpropagation 68.3 and 63.0, backpropagation 68.0 and 56.9. All in docs/mind.md.
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

import numpy as np
from figures import Report, arguments

from klopf.errors import MindError
from klopf.mind.bench import COMPARED, Run, options_for, sweep


def spans(tasks: int) -> tuple[slice, slice]:
    """Which tasks are early and which are late."""
    early = slice(20, 70) if tasks >= 200 else slice(tasks // 20, max(tasks // 20 + tasks // 10, tasks // 20 + 1))
    return early, slice(tasks - max(1, tasks // 10), tasks)


def line(title: str, results: list[dict[str, Any]], tasks: int) -> str:
    if any(not math.isfinite(r["error"]) for r in results):
        return f"| {title} | diverged | | | |"
    accuracy = 1 - np.array([r["curve"] for r in results])
    early, late = (accuracy[:, span].mean(1) for span in spans(tasks))
    dormant = np.mean([[layer["dormant"] for layer in r["diagnosis"]["layers"]] for r in results], 0)
    shares = ", ".join(f"{100 * d:.0f}" for d in dormant) + " %" if len(dormant) else ""

    def cell(values: np.ndarray) -> str:
        error = f" ± {100 * values.std(ddof=1) / math.sqrt(len(values)):.1f}" if len(values) > 1 else ""
        return f"{100 * values.mean():.1f}{error}"

    speed = np.median([r["steps_per_second"] for r in results])
    return f"| {title} | {cell(early)} | {cell(late)} | {cell(late - early)} | {shares} | {speed:,.0f} |"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder")
    parser.add_argument("--tasks", type=int)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--hidden", default="100,100,100")
    parser.add_argument("--learners", default=",".join(reversed(COMPARED)))
    parser.add_argument("--file")
    parser.add_argument("--plot")
    parser.add_argument("--cores", type=int)
    if len(sys.argv) == 1:
        print("skipped: give the folder with MNIST's t10k files")
        return
    a = parser.parse_args()
    tasks, seeds = a.tasks or (20 if a.quick else 500), a.seeds or (1 if a.quick else 3)
    with Report(a.json) as report:
        curves = compare(report, tasks, seeds, a)
    if a.plot:
        draw(curves, a.plot)


def compare(report: Report, tasks: int, seeds: int, a: argparse.Namespace) -> dict[str, np.ndarray]:
    """A row a learner; returns the mean accuracy curve of each that did not diverge."""
    hidden = tuple(int(n) for n in a.hidden.split(","))
    kinds: list[tuple[str, str, dict[str, Any]]] = []
    for name in a.learners.split(","):
        if name == "klopf":
            kinds.append(("klopf, defaults", name, {}))
        kinds.append((f"{name}, tuned", name, options_for("permuted", "input", name, True, a.folder)))
    curves = {}
    for title, learner, options in kinds:
        runs = [Run("permuted", "input", learner, s, tasks, options, a.folder, hidden, a.samples) for s in range(seeds)]
        try:
            results = [result for _, result in sweep(runs, file=a.file, cores=a.cores)]
        except MindError as error:
            sys.exit(str(error))
        report.say(line(title, results, tasks))
        if all(math.isfinite(r["error"]) for r in results):
            curves[title] = np.mean([r["curve"] for r in results], 0)
            late = 1 - float(np.mean([np.mean(r["curve"][spans(tasks)[1]]) for r in results]))
            report.figure(f"{title}: accuracy over the last tenth", 100 * late, "%")
    return curves


def draw(curves: dict[str, np.ndarray], path: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for title, curve in curves.items():
        width = max(1, len(curve) // 100)
        smooth = curve[: len(curve) // width * width].reshape(-1, width).mean(1)
        axes.plot(np.arange(len(smooth)) * width, 1 - smooth, label=title)
    axes.set(xlabel="task", ylabel="accuracy", title="permuted MNIST")
    axes.legend(fontsize="small")
    figure.savefig(path)


if __name__ == "__main__":
    main()
