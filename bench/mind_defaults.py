"""What a user gets who tunes nothing: every learner at its defaults, on every problem, seeds from 0.

    python bench/mind_defaults.py FOLDER-WITH-MNIST [--seeds 3] [--file RUNS]

Mean squared error of the last tenth for the regression (500,000 steps, both settings), share of wrong answers in the
last tenth for images: labels and pixels of scikit-learn's digits permuted (30 tasks of 600), pixels of MNIST permuted
(20 tasks of 1,000), binary tasks on MNIST (50 tasks, held-out images).
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from klopf.mind.bench import COMPARED, Run, sweep


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--learners", default=",".join(reversed(COMPARED)))
    parser.add_argument("--file")
    parser.add_argument("--cores", type=int)
    if len(sys.argv) == 1:
        print("skipped: give the folder with MNIST's t10k files")
        return
    a = parser.parse_args()
    columns = {
        "redraw": ("regression", "redraw", 500_000, "", 0),
        "flip-one": ("regression", "flip-one", 500_000, "", 0),
        "labels": ("permuted", "label", 30, "", 600),
        "pixels": ("permuted", "input", 30, "", 600),
        "MNIST's pixels": ("permuted", "input", 20, a.folder, 1000),
        "binary": ("binary-tasks", "images", 50, a.folder, 0),
    }
    print("| learner | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for learner in a.learners.split(","):
        cells = []
        for problem, setting, steps, data, samples in columns.values():
            runs = [Run(problem, setting, learner, s, steps, {}, data, (), samples) for s in range(a.seeds)]
            errors = np.array([result["error"] for _, result in sweep(runs, file=a.file, cores=a.cores)])
            spread = errors.std(ddof=1) / np.sqrt(len(errors)) if len(errors) > 1 else 0.0
            cells.append(f"{errors.mean():.3f} ± {spread:.3f}" if np.isfinite(errors).all() else "diverged")
        print(f"| {learner} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
