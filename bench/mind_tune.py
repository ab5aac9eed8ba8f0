"""Tune every learner with the same budget and print what to put into ``klopf/mind/_tuned.py``.

Budget, the same for each learner and setting: 12 configurations, each on the same seeds from 1000 (three by default,
one for images; the tables use seeds from 0). The configurations are the grids below: a step-size and the learner's own
parameter. The best mean error over the last tenth is chosen; a configuration that diverges on any seed is out. The grid
of the Klopf learner on images is its third; the first two, with activation and replacement rate as axes, did worse.

    python bench/mind_tune.py regression redraw 300000 [--learners a,b] [--data FOLDER] [--samples N] [--file FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections import defaultdict
from typing import Any

from klopf.mind.bench import COMPARED, Run, sweep

STEPS = (0.003, 0.01, 0.03)
MANY_STEPS = (0.0003, 0.0006, 0.001, 0.002, 0.003, 0.005, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05)

STEPS_CLASSES = (0.01, 0.03, 0.1)
MANY_STEPS_CLASSES = (0.001, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)


def grid(**axes: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def configurations(learner: str, classes: bool) -> list[dict[str, Any]]:
    own: dict[str, list[dict[str, Any]]] = {
        "continual-backprop": grid(replacement_rate=(1e-5, 1e-4, 3e-4, 1e-3)),
        "l2": grid(l2=(1e-4, 1e-3, 1e-2, 3e-2)),
        "l2-init": grid(l2_init=(1e-4, 1e-3, 1e-2, 3e-2)),
        "shrink-perturb": grid(l2=(1e-3, 1e-2), perturb=(1e-3, 3e-3)),
        "redo": grid(dormant=(0.01, 0.025, 0.1, 0.3)),
        "snr": grid(tail=(0.001, 0.005, 0.02, 0.05)),
        "upgd": grid(noise=(1e-3, 1e-2), l2=(1e-3, 1e-2)),
        "weight-reinit": grid(reset_fraction=(1e-3, 3e-3, 1e-2, 3e-2)),
    }
    if learner == "klopf":
        return grid(replacement_rate=(1e-4, 3e-4), prior=(0.1, 0.3), noise_share=(0.1, 0.3, 0.6))
    if learner in own:
        return [
            {"step_size": step, **extra} for step in (STEPS_CLASSES if classes else STEPS) for extra in own[learner]
        ]
    return grid(step_size=MANY_STEPS_CLASSES if classes else MANY_STEPS)


def klopf_classes() -> list[dict[str, Any]]:
    return grid(prior=(0.03, 0.1), listening_prior=(0.01, 0.03, 0.1), normalise_inputs=(False, True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem")
    parser.add_argument("setting")
    parser.add_argument("steps", type=int)
    parser.add_argument("--learners", default=",".join(COMPARED))
    parser.add_argument("--data", default="")
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--file")
    parser.add_argument("--cores", type=int)
    if len(sys.argv) == 1:
        print("skipped: tuning takes from minutes to hours; see --help")
        return
    a = parser.parse_args()
    for learner in a.learners.split(","):
        classes = a.problem not in ("regression", "growth")
        tried = klopf_classes() if classes and learner == "klopf" else configurations(learner, classes)
        if a.problem != "regression" and learner in ("shrink-perturb", "upgd"):
            tried = [{**c, "perturb_every": 10} if learner == "shrink-perturb" else c for c in tried]
        assert len(tried) == 12
        runs = [
            Run(a.problem, a.setting, learner, 1000 + s, a.steps, options, data=a.data, samples=a.samples)
            for options in tried
            for s in range(a.seeds)
        ]
        errors = defaultdict(list)
        for r, result in sweep(runs, file=a.file, cores=a.cores):
            errors[json.dumps(r.options)].append(result["error"])
        mean = {key: sum(e) / len(e) for key, e in errors.items()}
        best = min(mean, key=lambda key: mean[key] if math.isfinite(mean[key]) else math.inf)
        print(f'        "{learner}": {json.loads(best)},  # {mean[best]:.3f}', flush=True)


if __name__ == "__main__":
    main()
