"""What a user gets who tunes nothing: every learner at its defaults, on every problem, seeds from 0.

    python bench/mind_defaults.py FOLDER-WITH-MNIST [--seeds 3] [--file RUNS]

Mean squared error of the last tenth for the regression (500,000 steps, both settings), share of wrong answers in the
last tenth for images: labels and pixels of scikit-learn's digits permuted (30 tasks of 600), pixels of MNIST permuted
(20 tasks of 1,000), binary tasks on MNIST (50 tasks, held-out images).
"""

from __future__ import annotations

import argparse

import numpy as np
from figures import Report, arguments

from klopf.mind.bench import COMPARED, Run, sweep


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", nargs="?", help="with MNIST's t10k files; without it those columns are left out")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--learners", default=",".join(reversed(COMPARED)))
    parser.add_argument("--file")
    parser.add_argument("--cores", type=int)
    a = parser.parse_args()
    with Report(a.json) as report:
        compare(report, a.folder, a.learners.split(","), a.seeds or (1 if a.quick else 3), 50 if a.quick else 1, a)


def compare(
    report: Report, folder: str | None, learners: list[str], seeds: int, shorter: int, a: argparse.Namespace
) -> None:
    """A row a learner, a column a problem; ``shorter`` divides the length of every run."""
    columns = {
        "redraw": ("regression", "redraw", 500_000 // shorter, "", 0),
        "flip-one": ("regression", "flip-one", 500_000 // shorter, "", 0),
        "labels": ("permuted", "label", max(2, 30 // shorter), "", 600),
        "pixels": ("permuted", "input", max(2, 30 // shorter), "", 600),
    }
    if folder:
        columns["MNIST's pixels"] = ("permuted", "input", max(2, 20 // shorter), folder, 1000)
        columns["binary"] = ("binary-tasks", "images", max(2, 50 // shorter), folder, 0)
    report.say("| learner | " + " | ".join(columns) + " |")
    report.say("|---" * (len(columns) + 1) + "|")
    for learner in learners:
        cells = []
        for column, (problem, setting, steps, data, samples) in columns.items():
            runs = [Run(problem, setting, learner, s, steps, {}, data, (), samples) for s in range(seeds)]
            errors = np.array([result["error"] for _, result in sweep(runs, file=a.file, cores=a.cores)])
            spread = errors.std(ddof=1) / np.sqrt(len(errors)) if len(errors) > 1 else 0.0
            cells.append(f"{errors.mean():.3f} ± {spread:.3f}" if np.isfinite(errors).all() else "diverged")
            report.figure(f"{learner} on {column}: error", float(errors.mean()))
        report.say(f"| {learner} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
