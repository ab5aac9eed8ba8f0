"""Prediction intervals: how often they hold the target, and how wide they are, beside adaptive conformal inference.

    python bench/intervals.py            # 12 streams, 4,000 samples, 5 seeds: minutes
    python bench/intervals.py --quick    # under two minutes: 2,000 samples, 2 seeds

Test, then train: before each sample the interval is asked for, at 50, 80, 90 and 95 %; the first 500 samples are not
counted. *Coverage* is the share of targets within, over all seeds; it is to be within two points of the level. The
*score* is the width, and 2 / (1 - level) times how far the target lies beyond where it does (Gneiting and Raftery
2007): the less the better, and least for the true quantiles at each input, while the mean width alone is least where
intervals are as wide for quiet inputs as for loud ones. Both are means, divided by the same of the better rival.
Rivals see the same predictions: adaptive conformal inference (Gibbs and Candes 2021: the quantile of the last 500
absolute errors, at a level that follows its misses by .005), and River's ``RegressionJackknife`` (the quantiles of
the last 500 signed errors). Streams that River ships come in their own order, with other seeds of the learner.
ChickWeights has 78 samples after the first 500, so its coverage is only told.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from figures import Report, arguments
from river import datasets, stats

from klopf.mind.river import MindMultiTargetRegressor, MindRegressor

LEVELS = (0.5, 0.8, 0.9, 0.95)
FIRST = 500
WINDOW, GAMMA = 500, 0.005
WHO = ("klopf", "adaptive", "jackknife")
Sample = tuple[dict[str, float], Any]
Noise = Callable[[np.random.Generator, dict[str, float], int], float]


def generated(noise: Noise, level: Callable[[int], float] = lambda t: 0.0) -> Callable[[int, int], Iterator[Sample]]:
    """Six inputs, of which four matter, and noise that may depend on them and on the time."""

    def stream(seed: int, n: int) -> Iterator[Sample]:
        r = np.random.default_rng(seed)
        for t in range(n):
            v = r.normal(size=6)
            x = {f"x{i}": float(v[i]) for i in range(6)}
            yield x, math.sin(2 * v[0]) + v[1] * v[2] + 0.5 * v[3] + level(t) + noise(r, x, t)

    return stream


def several(seed: int, n: int) -> Iterator[Sample]:
    """Three targets: quiet, loud, and loud on one side of an input."""
    r = np.random.default_rng(seed)
    for _ in range(n):
        v, e = r.normal(size=4), r.normal(size=3)
        x = {f"x{i}": float(v[i]) for i in range(4)}
        yield (
            x,
            {"quiet": v[0] + 0.1 * e[0], "loud": v[1] - v[0] + 2 * e[1], "sided": v[2] + (1 + 3 * (v[3] > 0)) * e[2]},
        )


def shipped(kind: Any) -> Callable[[int, int], Iterator[Sample]]:
    """A stream of River's, with its numbers and the day's number."""

    def stream(seed: int, n: int) -> Iterator[Sample]:
        for t, (x, y) in enumerate(kind()):
            if t == n:
                return
            yield {k: float(v) for k, v in x.items() if isinstance(v, int | float)} | _date(x), y

    return stream


def _date(x: dict[str, Any]) -> dict[str, float]:
    days = {k: v for k, v in x.items() if hasattr(v, "toordinal")}
    return {k: v.toordinal() + getattr(v, "hour", 0) / 24 for k, v in days.items()} | {
        f"{k} {f}": 1.0 for k, v in days.items() for f in (f"month {v.month}", f"hour {getattr(v, 'hour', 0)}")
    }


STREAMS: dict[str, Callable[[int, int], Iterator[Sample]]] = {
    "even noise": generated(lambda r, x, t: r.normal()),
    "noise by an input": generated(lambda r, x, t: r.normal() * math.exp(x["x4"])),
    "noise by the level": generated(lambda r, x, t: r.normal() * (0.1 + abs(x["x1"] * x["x2"]))),
    "noise on one side": generated(lambda r, x, t: r.normal() * (3.0 if x["x0"] > 0 else 0.3)),
    "heavy tails": generated(lambda r, x, t: r.standard_t(2)),
    "asymmetric": generated(lambda r, x, t: r.exponential(2.0)),
    "level that jumps": generated(lambda r, x, t: r.normal(), lambda t: 5.0 * (t // 700 % 2)),
    "noise that grows": generated(lambda r, x, t: r.normal() * (1.0 + 4.0 * (t // 1000 % 2))),
    "several targets": several,
    "TrumpApproval": shipped(datasets.TrumpApproval),
    "WaterFlow": shipped(datasets.WaterFlow),
    "ChickWeights": shipped(datasets.ChickWeights),
}


class Adaptive:
    """Adaptive conformal inference around given predictions."""

    def __init__(self) -> None:
        self.sizes: deque[float] = deque(maxlen=WINDOW)
        self.misses = {level: 1 - level for level in LEVELS}

    def bounds(self, level: float, predicted: float) -> tuple[float, float]:
        alpha = self.misses[level]
        if not self.sizes or alpha >= 1:
            return predicted, predicted
        half = float(np.quantile(self.sizes, min(1 - alpha, 1.0))) if alpha > 0 else 2 * max(self.sizes)
        return predicted - half, predicted + half

    def learn(self, y: float, predicted: float) -> None:
        for level in LEVELS:
            low, high = self.bounds(level, predicted)
            self.misses[level] += GAMMA * ((1 - level) - (not low <= y <= high))
        self.sizes.append(abs(y - predicted))


class Jackknife:
    """What River's ``RegressionJackknife`` does around given predictions."""

    def __init__(self) -> None:
        self.rolling = {
            level: [stats.RollingQuantile((1 + side * level) / 2, WINDOW) for side in (-1, 1)] for level in LEVELS
        }

    def bounds(self, level: float, predicted: float) -> tuple[float, float]:
        low, high = (quantile.get() or 0.0 for quantile in self.rolling[level])
        return predicted + low, predicted + high

    def learn(self, y: float, predicted: float) -> None:
        for pair in self.rolling.values():
            for quantile in pair:
                quantile.update(y - predicted)


Counted = dict[tuple[str, float], list[tuple[bool, float, float]]]


def followed(stream: Iterator[Sample], seed: int) -> dict[Any, Counted]:
    """By target: whether each interval of each method held, how wide it was, and its score."""
    first, *rest = list(stream)
    many = isinstance(first[1], dict)
    model = MindMultiTargetRegressor(seed=seed) if many else MindRegressor(seed=seed)
    rivals: dict[Any, dict[str, Any]] = {}
    found: dict[Any, Counted] = {}
    for t, (x, y) in enumerate([first, *rest]):
        asked = {level: model.predict_interval(x, level) for level in LEVELS} if t >= FIRST else {}
        said = model.predict_one(x)
        model.learn_one(x, y)
        for name, target in y.items() if many else [("", y)]:
            predicted = said.get(name, 0.0) if many else said
            others = rivals.setdefault(name, {"adaptive": Adaptive(), "jackknife": Jackknife()})
            counted = found.setdefault(name, {})
            for level, interval in asked.items():
                mine = interval[name] if many else interval
                both = {"klopf": (mine.lower, mine.upper)}
                both |= {rival: other.bounds(level, predicted) for rival, other in others.items()}
                for who, (low, high) in both.items():
                    score = high - low + 2 / (1 - level) * max(low - target, target - high, 0.0)
                    counted.setdefault((who, level), []).append((low <= target <= high, high - low, score))
            for other in others.values():
                other.learn(target, predicted)
    return found


def main() -> None:
    a = arguments(__doc__).parse_args()
    samples, seeds = (2_000, 2) if a.quick else (4_000, 5)
    with Report(a.json) as report:
        report.say(f"{'stream':22} {'level':>5}  " + "  ".join(f"{who:>20}" for who in WHO))
        for stream, make in STREAMS.items():
            runs = [followed(make(seed, samples), seed) for seed in range(seeds)]
            for target in runs[0]:
                show(report, f"{stream} {target}".strip(), [run[target] for run in runs])


def show(report: Report, name: str, runs: list[Counted]) -> None:
    """A stream's lines and figures."""
    worst, widths, scores = 0.0, [], []
    for level in LEVELS:
        held, wide, score = {}, {}, {}
        for who in WHO:
            each = np.array([triple for run in runs for triple in run[who, level]], float)
            held[who], wide[who], score[who] = each.mean(0)
        report.say(
            f"{name:22} {level:5.2f}  " + "  ".join(f"{held[w]:6.3f} {wide[w]:6.3g} {score[w]:6.3g}" for w in WHO)
        )
        worst = max(worst, abs(held["klopf"] - level))
        widths.append(wide["klopf"] / min(wide[who] for who in WHO[1:]))
        scores.append(score["klopf"] / min(score[who] for who in WHO[1:]))
    asked = {} if name == "ChickWeights" else {"at_most": 2.0}
    report.figure(f"{name}: coverage's furthest from the level", 100 * worst, "points", **asked)
    report.figure(f"{name}: score, of the better rival's", float(np.mean(scores)), "ratio", at_most=1.05)
    report.figure(f"{name}: width, of the narrower rival's", float(np.mean(widths)), "ratio")


if __name__ == "__main__":
    main()
