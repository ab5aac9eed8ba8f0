"""Tune every learner with the same budget and print what to put into ``klopf/mind/_tuned.py``.

Budget, the same for each learner, the Klopf learner too: 12 configurations for the regression, 24 for images, each on
the same three seeds from 1000 (two for binary tasks); the tables use seeds from 0. The configurations are the grids
below: a step-size and the learner's own parameter, and on images both of normalised and raw inputs for everybody. For
the regression the mean error over the last tenth is compared, for images over the second half of the stream; a
configuration that diverges on any seed is out. There is one grid a learner, and what is printed is its best.

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

IMAGE_STEPS = (0.003, 0.01, 0.03, 0.1)
MANY_IMAGE_STEPS = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.3)


def grid(**axes: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def numbers(learner: str) -> list[dict[str, Any]]:
    """12 configurations for the regression."""
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
        return grid(replacement_rate=(1e-4, 3e-4), prior=(3.0, 10.0), noise_share=(0.1, 0.3, 0.6), drift=(1e-3,))
    if learner in own:
        return [{"step_size": step, **extra} for step in STEPS for extra in own[learner]]
    return grid(step_size=MANY_STEPS)


def images(learner: str) -> list[dict[str, Any]]:
    """24 configurations for images: 12, each with and without normalised inputs."""
    own: dict[str, list[dict[str, Any]]] = {
        "continual-backprop": grid(replacement_rate=(1e-5, 1e-4, 3e-4)),
        "l2": grid(l2=(1e-4, 1e-3, 1e-2)),
        "l2-init": grid(l2_init=(1e-4, 1e-3, 1e-2)),
        "shrink-perturb": [
            {"l2": d, "perturb": p, "perturb_every": 10} for d, p in ((1e-3, 1e-3), (1e-3, 3e-4), (1e-2, 1e-3))
        ],
        "redo": grid(dormant=(0.025, 0.1, 0.3)),
        "snr": grid(tail=(0.001, 0.005, 0.02)),
        "upgd": [{"noise": n, "l2": d} for n, d in ((1e-3, 1e-3), (1e-2, 1e-3), (1e-3, 1e-2))],
        "weight-reinit": grid(reset_fraction=(3e-3, 1e-2, 3e-2)),
    }
    if learner == "klopf":
        priors = ((10.0, 1.0), (30.0, 1.0), (10.0, 3.0), (10.0, 10.0))
        twelve = [{"prior": p, "listening_prior": q, "drift": d} for p, q in priors for d in (1e-4, 5e-4, 3e-3)]
    elif learner in own:
        twelve = [{"step_size": step, **extra} for step in IMAGE_STEPS for extra in own[learner]]
    else:
        twelve = grid(step_size=MANY_IMAGE_STEPS)
    return [{**options, "normalise_inputs": on} for on in (False, True) for options in twelve]


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
        tried = numbers(learner) if a.problem == "regression" else images(learner)
        assert len(tried) == (12 if a.problem == "regression" else 24)
        runs = [
            Run(a.problem, a.setting, learner, 1000 + s, a.steps, options, data=a.data, samples=a.samples)
            for options in tried
            for s in range(a.seeds)
        ]
        errors = defaultdict(list)
        for r, result in sweep(runs, file=a.file, cores=a.cores):
            half = result["curve"][len(result["curve"]) // 2 :]
            whole = result["error"] if a.problem == "regression" else sum(half) / len(half)
            errors[json.dumps(r.options)].append(whole if math.isfinite(result["error"]) else math.nan)
        mean = {key: sum(e) / len(e) for key, e in errors.items()}
        best = min(mean, key=lambda key: mean[key] if math.isfinite(mean[key]) else math.inf)
        print(f'        "{learner}": {json.loads(best)},  # {mean[best]:.3f}', flush=True)


if __name__ == "__main__":
    main()
