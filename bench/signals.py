"""Signals that the world has changed, and that an input is like none before, beside River's.

    python bench/signals.py            # 10 seeds: minutes
    python bench/signals.py --quick    # 3 seeds: under two minutes

*Drift*: 2,000 numbers, then 2,000 of another kind; the delay is from the change to the first alarm after it (2,000
where there is none), false alarms are those before it, and all of 10,000 numbers that never change. A rival with more
than one of those in 10,000 samples is no measure of delay. The numbers are wrong
answers at two rates, normal ones whose level moves, and the surprise of a classifier whose classes swap. *Anomalies*:
the area under the curve, each input scored before it is learned, from the 251st on; generated ones (points between and
around clusters, and off a plane) and the Shuttle stream that River ships.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from figures import Report, arguments
from river import anomaly, datasets, drift, preprocessing
from sklearn.metrics import roc_auc_score

from klopf.mind.river import MindAnomalyDetector, MindClassifier, MindDriftDetector

HALF = 2_000
DETECTORS = {
    "klopf": MindDriftDetector,
    "ADWIN": drift.ADWIN,
    "KSWIN": lambda: drift.KSWIN(seed=0),
    "PageHinkley": drift.PageHinkley,
}
RIVALS = {
    "klopf": lambda seed: MindAnomalyDetector(seed=seed),
    "HalfSpaceTrees": lambda seed: preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=seed),
}


def surprises(r: np.random.Generator) -> list[float]:
    """Of a classifier; the classes swap at half."""
    model, found = MindClassifier(seed=int(r.integers(100))), []
    for t in range(2 * HALF):
        x = {"a": r.normal(), "b": r.normal()}
        model.learn_one(x, (x["a"] + 0.5 * r.normal() > 0) != (t >= HALF))
        found.append(model.surprise)
    return found


def changes(r: np.random.Generator) -> dict[str, list[float]]:
    def two(before: Any, after: Any) -> list[float]:
        return [*map(float, before), *map(float, after)]

    return {
        "wrong .05 to .15": two(r.random(HALF) < 0.05, r.random(HALF) < 0.15),
        "wrong .1 to .4": two(r.random(HALF) < 0.1, r.random(HALF) < 0.4),
        "wrong .4 to .1": two(r.random(HALF) < 0.4, r.random(HALF) < 0.1),
        "normal, by half a deviation": two(r.normal(size=HALF), 0.5 + r.normal(size=HALF)),
        "normal of 1,000, by two": two(1000 + r.normal(size=HALF), 1002 + r.normal(size=HALF)),
        "surprise at swapped classes": surprises(r),
    }


def alarms(detector: Any, numbers: list[float]) -> list[int]:
    found = []
    for t, number in enumerate(numbers):
        detector.update(number)
        if detector.drift_detected:
            found.append(t)
    return found


def drifts(report: Report, seeds: int) -> None:
    delays: dict[tuple[str, str], list[int]] = {}
    false: dict[str, list[int]] = {who: [] for who in DETECTORS}
    for seed in range(seeds):
        r = np.random.default_rng(seed)
        still = [list(map(float, r.random(10_000) < 0.1)), r.normal(size=10_000).tolist()]
        kinds = changes(r)
        for who, make in DETECTORS.items():
            for what, numbers in kinds.items():
                found = alarms(make(), numbers)
                before = [t for t in found if t < HALF]
                false[who].append(len(before))
                delays.setdefault((what, who), []).append(min([t - HALF for t in found if t >= HALF], default=HALF))
            false[who] += [len(alarms(make(), numbers)) for numbers in still]
    each = seeds * (len(kinds) * HALF + 20_000) / 10_000
    for what in {what: None for what, _ in delays}:
        mean = {who: float(np.mean(delays[what, who])) for who in DETECTORS}
        report.say(f"{what:30} " + "  ".join(f"{who} {delay:6.0f}" for who, delay in mean.items()))
        best = min(mean[who] for who in DETECTORS if who != "klopf" and sum(false[who]) / each <= 1)
        report.figure(f"{what}: delay", mean["klopf"], "samples", at_most=best)
    for who, count in false.items():
        report.say(f"false alarms in 10,000 samples: {who} {sum(count) / each:.2f}")
    report.figure("false alarms in 10,000 samples", sum(false["klopf"]) / each, "", at_most=1.0)


Inputs = Iterator[tuple[dict[str, float], bool]]


def clusters(r: np.random.Generator) -> Inputs:
    centres = 3 * r.normal(size=(3, 6))
    for _ in range(4_000):
        odd = r.random() < 0.02
        v = 3 * r.normal(size=6) if odd else centres[r.integers(3)] + 0.7 * r.normal(size=6)
        yield dict(zip("abcdef", v.tolist(), strict=True)), odd


def plane(r: np.random.Generator) -> Inputs:
    spanned = r.normal(size=(6, 2))
    for _ in range(4_000):
        odd, v = r.random() < 0.02, spanned @ r.normal(size=2) + 0.2 * r.normal(size=6)
        yield dict(zip("abcdef", (r.permutation(v) if odd else v).tolist(), strict=True)), odd


def shuttle(r: np.random.Generator) -> Inputs:
    for _, (x, y) in zip(range(10_000), datasets.Shuttle(), strict=False):
        yield x, bool(y)


def anomalies(report: Report, seeds: int) -> None:
    for name, stream in (("clusters", clusters), ("a plane", plane), ("Shuttle", shuttle)):
        areas: dict[str, list[float]] = {who: [] for who in RIVALS}
        for seed in range(1 if stream is shuttle else seeds):
            rows = list(stream(np.random.default_rng(seed)))
            for who, make in RIVALS.items():
                model, scores = make(seed), []
                for x, _ in rows:
                    scores.append(model.score_one(x))
                    model.learn_one(x)
                areas[who].append(float(roc_auc_score([odd for _, odd in rows[250:]], scores[250:])))
        mean = {who: float(np.mean(area)) for who, area in areas.items()}
        report.say(f"anomalies, {name:10} " + "  ".join(f"{who} {area:.3f}" for who, area in mean.items()))
        report.figure(f"anomalies, {name}: area under the curve", mean["klopf"], at_least=mean["HalfSpaceTrees"])


def main() -> None:
    a = arguments(__doc__).parse_args()
    with Report(a.json) as report:
        drifts(report, 3 if a.quick else 10)
        anomalies(report, 3 if a.quick else 10)


if __name__ == "__main__":
    main()
