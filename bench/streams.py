"""Streams that nobody here chose: those that River ships or generates, Klopf's learner beside River's and plain ones.

    python bench/streams.py --file build/streams.jsonl   # 28 streams, 5,000 samples at most, 3 seeds: an hour or two
    python bench/streams.py --quick                      # under two minutes: 400 samples, 2 seeds, fewer rivals
    python bench/streams.py --kept --file FILE           # beside the rivals whose runs the file has: minutes
    python bench/streams.py --tuned --file FILE          # each learner with the best of its six settings
    python bench/streams.py --slow-bits                  # the slowly-changing regression away from where it was tuned
    python bench/streams.py --arrivals                   # classes that arrive, one each 30 samples
    python bench/streams.py --scaling                    # what scaling inputs and targets costs a learning step

Test, then train, sample by sample. Classes: share of wrong answers. Numbers: mean absolute error, divided by that of
the running mean (so 1 knows nothing). Each seed draws generated streams anew; shipped ones come in their own order, and
the seed is the learner's. A date is given as its day's number, and its month, weekday and hour one-hot; learners of
numbers get it so, all alike. "us" is processor time a sample, predicting and learning, without compilation.

A learner is *first* on a stream where no other is better by more than the standard error of their difference, and
*behind* by what it has more than the best: 3 points are allowed for classes, a tenth of the best one's error for
numbers; with ``--quick`` that and the standard error of what it is behind, for so few samples say no more. ``--tuned``
chooses one of six settings a learner, for all streams alike, by what it does on the five streams of ``TUNING`` with
seeds from 1000, which the table never uses; Klopf's own defaults were chosen on the same five.
Finished runs are kept in ``--file``, each as soon as it is done, so that who stops the benchmark goes on where it was:
rivals' for this version of River, ours for these very sources of the learner (``--anew`` runs ours again all the same).
Time beside the
adaptive forest's, the fastest of the forests, is of 1,500 samples (``--quick``: the first 400) that both take in turns
of 50, so that whatever else the machine does slows both; where ours takes the largest share, the least of four such
lives. ``--quick`` leaves the two slowest kinds of ensembles out.

One file because it is one experiment: the streams, the rivals with their settings, and what is asked of the table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import river
from figures import Report, arguments
from river import (
    datasets,
    ensemble,
    forest,
    linear_model,
    multiclass,
    naive_bayes,
    neighbors,
    optim,
    preprocessing,
    tree,
)
from river.datasets import synth

import klopf.mind
from klopf.errors import Diverged
from klopf.mind import Mind
from klopf.mind._jit import digest
from klopf.mind.problems import slowly_changing_regression
from klopf.mind.river import MindClassifier, MindRegressor

Sample = tuple[dict[str, Any], Any]
Made = Callable[[int, int], Any]
"""A stream, from its seed and how many samples will be drawn of it."""


def _turning(make: Callable[[int, int], Any], before: int, after: int) -> Made:
    """From one concept of a generator to another, half-way, over 100 samples."""
    return lambda s, n: synth.ConceptDriftStream(make(before, s), make(after, s), seed=s, position=n // 2, width=100)


CLASSES: dict[str, Made] = {
    "Bananas": lambda s, n: datasets.Bananas(),
    "ImageSegments": lambda s, n: datasets.ImageSegments(),
    "Phishing": lambda s, n: datasets.Phishing(),
    "Shuttle": lambda s, n: datasets.Shuttle(),
    "Agrawal 0": lambda s, n: synth.Agrawal(0, s),
    "Agrawal 6": lambda s, n: synth.Agrawal(6, s),
    "AnomalySine": lambda s, n: synth.AnomalySine(n, n // 10, seed=s),
    "Hyperplane": lambda s, n: synth.Hyperplane(s, mag_change=0.001),
    "LED": lambda s, n: synth.LED(s, noise_percentage=0.1),
    "LED, drift": lambda s, n: synth.LEDDrift(s, noise_percentage=0.1, irrelevant_features=True, n_drift_features=4),
    "Mixed": lambda s, n: synth.Mixed(seed=s),
    "Random RBF": lambda s, n: synth.RandomRBF(s, s, n_classes=4),
    "Random RBF, slow drift": lambda s, n: synth.RandomRBFDrift(s, s, n_classes=4, change_speed=1e-4),
    "Random RBF, fast drift": lambda s, n: synth.RandomRBFDrift(s, s, n_classes=4, change_speed=1e-2),
    "Random tree": lambda s, n: synth.RandomTree(s, s),
    "SEA, noisy": lambda s, n: synth.SEA(noise=0.1, seed=s),
    "SEA, drift": _turning(lambda v, s: synth.SEA(v, seed=s), 0, 3),
    "Sine": lambda s, n: synth.Sine(seed=s),
    "STAGGER, drift": _turning(lambda v, s: synth.STAGGER(v, s), 0, 2),
    "Waveform": lambda s, n: synth.Waveform(s, has_noise=True),
}
NUMBERS: dict[str, Made] = {
    "AirlinePassengers": lambda s, n: datasets.AirlinePassengers(),
    "ChickWeights": lambda s, n: datasets.ChickWeights(),
    "TrumpApproval": lambda s, n: datasets.TrumpApproval(),
    "WaterFlow": lambda s, n: datasets.WaterFlow(),
    "Friedman": lambda s, n: synth.Friedman(s),
    "Friedman, drift": lambda s, n: synth.FriedmanDrift("gra", (3 * n // 10, 6 * n // 10), n // 20, s),
    "Mv": lambda s, n: synth.Mv(s),
    "Planes2D": lambda s, n: synth.Planes2D(s),
}
TUNING = ("Phishing", "Random tree", "Random RBF, fast drift", "WaterFlow", "Friedman, drift")


def _scaled(model: Any) -> Any:
    return preprocessing.StandardScaler() | model


def _klopf(kind: Any) -> list[Callable[[int], Any]]:
    settings = ({}, {"prior": 30.0}, {"listening_prior": 1.0}, {"drift": 1e-4}, {"drift": 3e-3}, {"horizon": 1e3})
    return [lambda seed, o=o: kind(seed=seed, options=o) for o in settings]  # type: ignore[misc]


def _plain(kind: Any, learner: str) -> list[Callable[[int], Any]]:
    steps = (0.01, 0.003, 0.03, 0.1, 0.001, 0.3)
    return [lambda seed, o=o: kind(learner=learner, seed=seed, options={"step_size": o}) for o in steps]  # type: ignore[misc]


def _forests(kind: Any) -> list[Callable[[int], Any]]:
    settings: tuple[dict[str, Any], ...] = (
        {}, {"lambda_value": 3}, {"max_features": None}, {"grace_period": 20}, {"n_models": 20}, {"delta": 1e-3},
    )  # fmt: skip
    return [lambda seed, o=o: kind(seed=seed, **o) for o in settings]  # type: ignore[misc]


def _trees(kind: Any, **more: Any) -> list[Callable[[int], Any]]:
    settings = [{"grace_period": g, "delta": d} for g in (200, 50, 20) for d in (1e-7, 1e-3)]
    return [lambda seed, o=o: kind(**o, **({"seed": seed} if more else {})) for o in settings]  # type: ignore[misc]


def _patches(kind: Any) -> list[Callable[[int], Any]]:
    settings: tuple[dict[str, Any], ...] = (
        {}, {"lam": 3}, {"subspace_size": 1.0}, {"training_method": "resampling"}, {"n_models": 20},
        {"subspace_size": 0.8},
    )  # fmt: skip
    return [lambda seed, o=o: kind(seed=seed, **o) for o in settings]  # type: ignore[misc]


def _bags() -> list[Callable[[int], Any]]:
    kinds = (
        tree.HoeffdingTreeClassifier,
        tree.HoeffdingAdaptiveTreeClassifier,
        lambda: tree.HoeffdingTreeClassifier(grace_period=50),
    )
    return [
        lambda seed, w=w, k=k: ensemble.LeveragingBaggingClassifier(k(), seed=seed, w=w)  # type: ignore[misc]
        for w in (6, 3)
        for k in kinds
    ]


def _neighbours(kind: Any) -> list[Callable[[int], Any]]:
    settings = [(n, w) for n in (5, 15) for w in (1_000, 300, 3_000)]
    return [
        lambda seed, n=n, w=w: _scaled(kind(n, neighbors.SWINN(maxlen=w, seed=seed)))  # type: ignore[misc]
        for n, w in settings
    ]


_RATES = (0.01, 0.003, 0.03, 0.1, 0.3, 0.001)

# Each learner's six settings; the first is its default. Those that predict numbers get scaled inputs: without, the
# linear models in the leaves of River's trees diverge on half of the streams.
CLASSIFIERS: dict[str, list[Callable[[int], Any]]] = {
    "klopf": _klopf(MindClassifier),
    "adaptive forest": _forests(forest.ARFClassifier),
    "leveraging bagging": _bags(),
    "random patches": _patches(ensemble.SRPClassifier),
    "adaptive tree": _trees(tree.HoeffdingAdaptiveTreeClassifier, seed=True),
    "tree": _trees(tree.HoeffdingTreeClassifier),
    "neighbours": _neighbours(neighbors.KNNClassifier),
    "linear": [
        lambda seed, r=r: _scaled(  # type: ignore[misc]
            multiclass.OneVsRestClassifier(linear_model.LogisticRegression(optim.SGD(r)))
        )
        for r in _RATES
    ],
    "naive Bayes": [lambda seed: naive_bayes.GaussianNB()],
    "backprop": _plain(MindClassifier, "backprop"),
    "continual-backprop": _plain(MindClassifier, "continual-backprop"),
}
REGRESSORS: dict[str, list[Callable[[int], Any]]] = {
    "klopf": _klopf(MindRegressor),
    "adaptive forest": _forests(lambda **o: _scaled(forest.ARFRegressor(**o))),
    "random patches": _patches(lambda **o: _scaled(ensemble.SRPRegressor(**o))),
    "adaptive tree": _trees(lambda **o: _scaled(tree.HoeffdingAdaptiveTreeRegressor(**o)), seed=True),
    "tree": _trees(lambda **o: _scaled(tree.HoeffdingTreeRegressor(**o))),
    "neighbours": _neighbours(neighbors.KNNRegressor),
    "linear": [
        lambda seed, r=r: _scaled(  # type: ignore[misc]
            preprocessing.TargetStandardScaler(linear_model.LinearRegression(optim.SGD(r)))
        )
        for r in _RATES
    ],
    "backprop": _plain(MindRegressor, "backprop"),
    "continual-backprop": _plain(MindRegressor, "continual-backprop"),
}
OURS = ("klopf", "backprop", "continual-backprop")
OUR_SOURCES = f"klopf {digest(*sorted(Path(klopf.mind.__file__).parent.glob('*.py')))}"
"""What a kept run of ours is of: the kernels, and all that puts them together."""
SLOW = ("random patches", "leveraging bagging")
"""Left out with --quick."""


def _numbers(x: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """What learners of numbers are given of a sample: True and False are 1 and 0, dates are spread out."""
    for name, value in x.items():
        if isinstance(value, datetime):
            yield f"{name}: day", float(value.toordinal())
            parts = {"month": range(1, 13), "weekday": range(7), "hour": range(24)}
            at = {"month": value.month, "weekday": value.weekday(), "hour": value.hour}
            for part, places in parts.items():
                for place in places:
                    yield f"{name}: {part} {place}", float(at[part] == place)
        elif isinstance(value, int | float):
            yield name, float(value)


def samples(stream: str, seed: int, count: int) -> list[Sample]:
    """The first ``count`` samples of a stream, or all that there are."""
    made = (CLASSES.get(stream) or NUMBERS[stream])(seed, count)
    return [(dict(_numbers(x)), y) for (x, y), _ in zip(made, range(count), strict=False)]


def live(stream: str, learner: str, setting: int, seed: int, count: int) -> tuple[float, float]:
    """Error of one life, and microseconds a sample. One in which a learner diverges has the error 1: nothing known."""
    classes = stream in CLASSES
    make = (CLASSIFIERS if classes else REGRESSORS)[learner][setting]
    drawn = samples(stream, seed, count)
    if learner in OURS:
        warmed(make(seed), drawn)
    model = make(seed)
    wrong = known = mean = 0.0
    started = time.process_time()
    for t, (x, y) in enumerate(drawn):
        said = model.predict_one(x)
        if classes:
            wrong += said != y
            known += 1
        else:
            wrong += abs(y - (said or 0.0))
            known += abs(y - mean)
            mean += (y - mean) / (t + 1)
        try:
            model.learn_one(x, y)
        except Diverged:
            wrong = math.inf
            break
    seconds = time.process_time() - started
    return wrong / known if math.isfinite(wrong) else 1.0, 1e6 * seconds / len(drawn)


def warmed(model: Any, drawn: list[Sample]) -> None:
    """What is compiled once is no cost of a sample."""
    with contextlib.suppress(Diverged):
        for x, y in drawn[:100]:
            model.predict_one(x)
            model.learn_one(x, y)


PACED, TURN = 1500, 50
"""Samples whose time is compared, and how many of them each takes before it is the other's turn."""


def paces(stream: str, made: list[Callable[[int], Any]], count: int, lives: int = 1) -> list[float]:
    """Microseconds a sample of each of these learners, which go through the same samples in turns; of several lives,
    which are all the same, each turn's least: what else the machine does can only make it longer."""
    drawn = samples(stream, 0, count)
    warmed(made[0](0), drawn)
    starts = range(0, len(drawn), TURN)
    seconds = np.full((len(made), len(starts)), np.inf)
    for _ in range(lives):
        models = [make(0) for make in made]
        for turn, start in enumerate(starts):
            for k, model in enumerate(models):
                started = time.process_time()
                for x, y in drawn[start : start + TURN]:
                    model.predict_one(x)
                    model.learn_one(x, y)
                seconds[k, turn] = min(seconds[k, turn], time.process_time() - started)
    return [float(1e6 * s.sum() / len(drawn)) for s in seconds]


Life = tuple[str, str, int, int, int]


class Runs:
    """Lives, each run once; with ``file`` also across processes and days, ours as long as the learner is the same one.
    ``anew``: whatever of ours is there is run again."""

    def __init__(self, file: Path | None, cores: int, anew: bool = False) -> None:
        self.file = file
        self.cores = cores
        self.pool: ProcessPoolExecutor | None = None
        self.done: dict[str, tuple[float, float]] = {}
        if file and file.exists():
            rows = map(json.loads, file.read_text().splitlines())
            self.done = {row["run"]: tuple(row["result"]) for row in rows}
        if anew:
            self.done = {run: found for run, found in self.done.items() if OUR_SOURCES not in run}

    def get(self, lives: list[Life]) -> list[tuple[float, float]]:
        """Error and microseconds a sample of each, in their order."""
        missing = [one for one in dict.fromkeys(lives) if self._key(one) not in self.done]
        if missing:  # the same processes for all: each needs seconds to read what River and we are
            self.pool = self.pool or ProcessPoolExecutor(self.cores)
            for one, result in zip(missing, self.pool.map(live, *zip(*missing, strict=True)), strict=True):
                self._keep(self._key(one), result)
        return [self.done[self._key(one)] for one in lives]

    def has(self, stream: str, learner: str, setting: int, a: argparse.Namespace) -> bool:
        """Whether every seed's life is there already."""
        return all(
            self._key((stream, learner, setting, seed, a.samples)) in self.done
            for seed in range(a.first, a.first + a.seeds)
        )

    def paces(self, stream: str, setting: tuple[int, int], count: int, lives: int = 1) -> tuple[float, float]:
        """Microseconds a sample of ours and of the adaptive forest, each with its ``setting``, in turns."""
        key = json.dumps(["paces", stream, *setting, count, lives, f"river {river.__version__}", OUR_SOURCES])
        if key not in self.done:
            kinds = CLASSIFIERS if stream in CLASSES else REGRESSORS
            both = [kinds[n][s] for n, s in zip(("klopf", "adaptive forest"), setting, strict=True)]
            ours, theirs = paces(stream, both, count, lives)
            self._keep(key, (ours, theirs))
        return self.done[key]

    def _key(self, one: Life) -> str:
        return json.dumps([*one, f"river {river.__version__}", *([OUR_SOURCES] if one[1] in OURS else [])])

    def _keep(self, key: str, result: tuple[float, float]) -> None:
        self.done[key] = result
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a") as out:
                out.write(json.dumps({"run": key, "result": result}) + "\n")


def chosen(runs: Runs, learner: str, a: argparse.Namespace) -> int:
    """The setting of a learner that is best on the streams for tuning: by the mean of error over the default's."""
    streams = [s for s in TUNING if learner in (CLASSIFIERS if s in CLASSES else REGRESSORS)]
    settings = range(len((CLASSIFIERS if streams[0] in CLASSES else REGRESSORS)[learner]))
    if not a.tuned or len(settings) == 1:
        return 0
    lives = [(stream, learner, setting, 1000, a.samples // 2) for setting in settings for stream in streams]
    found = np.array(runs.get(lives))[:, 0].reshape(len(settings), len(streams))
    return min(
        settings, key=lambda s: statistics.mean(e / max(d, 1e-9) for e, d in zip(found[s], found[0], strict=True))
    )


def compare(report: Report, runs: Runs, a: argparse.Namespace) -> None:
    """A line a stream, every learner's error in their order; then what is asked of ours."""
    streams = a.streams.split(";") if a.streams else [*CLASSES, *NUMBERS]
    names = [n for n in {**CLASSIFIERS, **REGRESSORS} if not (a.quick and n in SLOW)]
    if a.learners:
        names = [n for n in names if n in ("klopf", *a.learners.split(","))]
    setting = {name: chosen(runs, name, a) for name in names}
    if a.tuned:
        report.say("settings: " + ", ".join(f"{name} {number}" for name, number in setting.items()))
    firsts = over = 0
    slower: dict[str, float] = {}
    both = setting["klopf"], setting.get("adaptive forest")
    for stream in streams:
        kinds = CLASSIFIERS if stream in CLASSES else REGRESSORS
        learners = [n for n in kinds if n in names]
        if a.kept:
            learners = [n for n in learners if n in OURS or runs.has(stream, n, setting[n], a)]
        lives = [
            (stream, n, setting[n], seed, a.samples) for n in learners for seed in range(a.first, a.first + a.seeds)
        ]
        found = np.array(runs.get(lives)).reshape(len(learners), a.seeds, 2)
        error, us = dict(zip(learners, found[:, :, 0], strict=True)), dict(zip(learners, found[:, :, 1], strict=True))
        order = sorted(learners, key=lambda n: float(error[n].mean()))
        cells = [f"{n} {error[n].mean():.3f} ± {_spread(error[n]):.3f} ({np.median(us[n]):,.0f} us)" for n in order]
        report.say(f"{stream:24}" + "; ".join(cells))
        report.figure(f"{stream}: error of klopf", float(error["klopf"].mean()))
        best = next((n for n in order if n != "klopf"), None)
        if best is None:
            continue
        gaps = error["klopf"] - error[best]
        gap = float(gaps.mean())
        firsts += gap <= _spread(gaps)
        allowed = 0.03 if stream in CLASSES else 0.1 * float(error[best].mean())
        asked = allowed + _spread(gaps) if a.quick else allowed
        over += gap > asked
        if both[1] is not None:
            ours, theirs = runs.paces(stream, (both[0], both[1]), min(a.samples, PACED))
            slower[stream] = ours / theirs
        report.figure(f"{stream}: behind the best other ({best})", gap, "", at_most=asked)
    if len(names) > 1:
        every = 20 if len(streams) > 20 else None
        report.figure("first, or within a standard error of the first", firsts, f"of {len(streams)} streams",
                      at_least=every)  # fmt: skip
        report.figure("farther behind the best than is allowed", over, f"of {len(streams)} streams", at_most=0)
    if both[1] is None:
        return
    times, slowest = "time a sample beside the adaptive forest's", max(slower, key=lambda stream: slower[stream])
    ours, theirs = runs.paces(slowest, (both[0], both[1]), min(a.samples, PACED), lives=4)
    slower[slowest] = ours / theirs
    report.figure(f"{times} (median)", statistics.median(slower.values()), "", at_most=0.1)
    report.figure(f"{times} (most: {slowest})", slower[slowest], "", at_most=0.1)


def _spread(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0


def slow_bits(report: Report, a: argparse.Namespace) -> None:
    """The slowly-changing regression where it was not tuned: how many bits stand still, noise, width of the target."""
    steps, seeds = (30_000, 1) if a.quick else (300_000, 5)
    rivals: list[tuple[str, dict[str, Any]]] = [
        (learner, {"step_size": s}) for learner in ("backprop", "continual-backprop") for s in (0.003, 0.01)
    ]
    behind = 0
    kinds = [(slow, noise, units) for slow in (5, 10, 15) for noise in (0.0, 1.0, 3.0) for units in (50, 100, 200)]
    for slow, noise, units in kinds:
        ours, theirs = np.zeros(seeds), np.zeros((len(rivals), seeds))
        for seed in range(seeds):
            X, y = slowly_changing_regression(steps, seed=seed, slow=slow, units=units).whole()
            y = y + noise * np.random.default_rng(seed).normal(size=y.shape)

            def error(learner: str, o: dict[str, Any], X: Any = X, y: Any = y, seed: int = seed) -> float:
                m = Mind(20, 1, hidden=(5,), output="linear", learner=learner, seed=seed, **o)
                return float(m.learn(X, y)[-steps // 2 :].mean())

            ours[seed] = error("klopf", {})
            theirs[:, seed] = [error(learner, o) for learner, o in rivals]
        best = int(theirs.mean(1).argmin())
        gaps = ours / theirs[best] - 1.0
        behind += gaps.mean() > _spread(gaps)
        name = f"{rivals[best][0]} {rivals[best][1]['step_size']}"
        report.say(
            f"{slow:2} slow bits, noise {noise:g}, {units} units: klopf {ours.mean():.3f}, {name} "
            f"{theirs[best].mean():.3f}, {100 * gaps.mean():+.1f} ± {100 * _spread(gaps):.1f} %"
        )
    report.figure("regression: behind the best of plain and continual backprop", behind, f"of {len(kinds)}", at_most=0)


def arrivals(report: Report, a: argparse.Namespace) -> None:
    """Gaussian clusters in 20 dimensions, one more of them each 30 samples, drawn from all so far: share of wrong
    answers of a mind, all classes declared; of a thirtieth nobody can know."""
    seeds = 2 if a.quick else 5
    for classes, declared, spread in ((50, 50, 1.0), (50, 50, 3.0), (300, 300, 1.0), (300, 300, 2.0), (50, 5000, 2.0)):
        errors: dict[str, np.ndarray] = {}
        for learner in OURS:
            found = []
            for seed in range(seeds):
                r = np.random.default_rng(seed)
                centres = spread * r.normal(size=(classes, 20))
                y = (r.random(classes * 30) * (np.arange(classes * 30) // 30 + 1)).astype(int)
                X = centres[y] + 0.5 * r.normal(size=(len(y), 20))
                m = Mind(20, declared, learner=learner, seed=seed, normalise_inputs=True)
                found.append(m.learn(X, y).mean())
            errors[learner] = np.array(found)
        name = f"{classes} classes of {declared}, spread {spread:g}"
        report.say(f"{name}: " + "; ".join(f"{n} {e.mean():.3f} ± {_spread(e):.3f}" for n, e in errors.items()))
        best = min(float(errors[n].mean()) for n in OURS[1:])
        report.figure(f"{name}: error of klopf", float(errors["klopf"].mean()), "", at_most=best)


def scaling(report: Report, a: argparse.Namespace) -> None:
    """Time of a learning step with inputs or targets scaled, over that without: medians of turns taken alternately."""
    turns = 9 if a.quick else 31
    for sensors, rows in ((20, 3000), (100, 1500)):
        X = np.random.default_rng(0).normal(size=(rows, sensors)).astype(np.float32)
        y = X[:, 0] + X[:, 1] * X[:, 2]
        for what, output, plain, scaled in (
            ("inputs", "softmax", {}, {"normalise_inputs": True}),
            ("targets", "linear", {"scale_targets": False}, {"scale_targets": True}),
            ("both", "linear", {"scale_targets": False}, {"scale_targets": True, "normalise_inputs": True}),
        ):
            targets = (y > 0).astype(int) if output == "softmax" else y
            outputs = 2 if output == "softmax" else 1
            both = [Mind(sensors, outputs, output=output, **options) for options in (plain, scaled)]
            for m in both:
                m.learn(X, targets)
            seconds = np.zeros((turns, 2))
            for turn in seconds:
                for k, m in enumerate(both):
                    started = time.process_time()
                    m.learn(X, targets)
                    turn[k] = time.process_time() - started
            before, after = np.median(seconds, 0) / rows * 1e6
            report.say(f"{sensors} inputs, {what}: {before:.2f} us a step without, {after:.2f} with")
            ratio = float(np.median(seconds[:, 1] / seconds[:, 0]))
            report.figure(f"{sensors} inputs, {what} scaled: time of a step over that without", ratio, "", at_most=1.05)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--samples", type=int, help="of a stream at most")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--first", type=int, default=0, help="the first of them; the table has 0, tuning 1000")
    parser.add_argument("--streams", help="only these, separated by semicolons")
    parser.add_argument("--learners", help="klopf and only these others, with commas between; `klopf` for it alone")
    parser.add_argument("--tuned", action="store_true", help="every learner with the best of its six settings")
    parser.add_argument("--slow-bits", action="store_true", help="the slowly-changing regression instead")
    parser.add_argument("--arrivals", action="store_true", help="classes that arrive instead")
    parser.add_argument("--scaling", action="store_true", help="what scaling costs instead")
    parser.add_argument("--file", type=Path, help="keep finished runs here, and make only those it lacks")
    parser.add_argument("--anew", action="store_true", help="ours are run again, whatever the file has of them")
    parser.add_argument("--kept", action="store_true", help="beside those rivals alone that the file has whole")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    a = parser.parse_args()
    if a.quick and a.kept:
        parser.error("--quick makes all its runs; leave --kept out")
    if unknown := {*(a.learners or "klopf").split(",")} - {*CLASSIFIERS, *REGRESSORS}:
        parser.error(f"no learner is called {', '.join(sorted(unknown))}; there are {', '.join(CLASSIFIERS)}")
    a.samples = a.samples or (400 if a.quick else 5_000)
    a.seeds = a.seeds or (2 if a.quick else 3)
    with Report(a.json) as report:
        if a.slow_bits:
            slow_bits(report, a)
        elif a.arrivals:
            arrivals(report, a)
        elif a.scaling:
            scaling(report, a)
        else:
            compare(report, Runs(a.file, a.cores, a.anew), a)


if __name__ == "__main__":
    main()
