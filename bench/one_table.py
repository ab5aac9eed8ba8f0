"""One table for any data: what a network makes of it beside its best neuron, a plain average, stacking, and pooling.

Each case goes from files through what `klopf run` does with them (understood, held out, shared out, prepared) to models
that learn from their own share, and to the requester's listening, round by round, in this process: what is left out is
the wire and the ledger. The rivals have the same answers: the best neuron is who is best on the reference set, the
oracle who is best on the test set itself (which nobody knows), stacking is scikit-learn's usual final estimator on the
neurons' answers to the reference set (for text the vote weighted by each one's odds of being right there), and pooled
is the best of the same models on everybody's rows and columns together.
`python bench/anything.py --part data` prints it; `--quick` takes two seeds in place of five, and fewer rows.
"""

from __future__ import annotations

import csv
import importlib.util
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from figures import Report
from numpy.typing import NDArray

from klopf.network import Shares, parse_settings, share_out
from klopf.peers import Classes, Numbers, Task, create_model
from klopf.peers._requester import study

SHARED = Path(__file__).parents[1].parent / "shared/data/citylearn-2022-phase-1"
EPOCHS = 6
FOREST = {"model": "sklearn:RandomForestClassifier", "settings": {"n_estimators": 50, "window": 20_000}}
CLASSIFIERS: list[dict[str, Any]] = [
    {"model": "mind", "settings": {"hidden": [32]}},
    FOREST,
    {"model": "sklearn:LogisticRegression", "settings": {}},
    {"model": "sklearn:KNeighborsClassifier", "settings": {"n_neighbors": 5}},
    {"model": "sklearn:GaussianNB", "settings": {}},
]
REGRESSORS: list[dict[str, Any]] = [
    {"model": "mind", "settings": {"hidden": [32]}},
    {"model": "sklearn:RandomForestRegressor", "settings": {"n_estimators": 50, "window": 20_000}},
    {"model": "sklearn:Ridge", "settings": {}},
    {"model": "sklearn:KNeighborsRegressor", "settings": {"n_neighbors": 5}},
    {"model": "sklearn:BayesianRidge", "settings": {}},
]
HELD = {"test": 0.25, "audit": 0.02, "reference": 0.15}
Cell = float | str
Made = tuple[dict[str, Any], list[dict[str, Any]]]
"""``[data]`` and the neurons of a network file."""


@dataclass(frozen=True)
class Case:
    what: str
    make: Callable[[Path, int, bool], Made]
    """Writes the case's files for a seed, of full or quick size, and says how they are used."""


def write(file: Path, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    with file.open("w", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])


def named(models: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"n{k}", **one} for k, one in enumerate(models)]


# ---- the cases


def diabetes(folder: Path, seed: int, quick: bool) -> Made:
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, scaled=False)
    write(folder / "d.csv", [f"c{k}" for k in range(10)] + ["y"], np.column_stack([X, y]).tolist())
    return {"file": "d.csv", "task": "numbers", "share": "equal"}, named(REGRESSORS)


def households(folder: Path, seed: int, quick: bool) -> Made:
    """The next hour's load of five houses, a file a house."""
    with (SHARED / "weather.csv").open() as handle:
        weather = [list(map(float, row[:4])) for row in list(csv.reader(handle))[1:]]
    neurons = []
    for k, model in enumerate(REGRESSORS, 1):
        with (SHARED / f"Building_{k}.csv").open() as handle:
            rows = list(csv.DictReader(handle))
        load = [float(row["non_shiftable_load"]) for row in rows]
        kept = range(24, len(rows), 4 if quick else 1)
        header = ["month", "hour", "day", "warm", "wet", "diffuse", "direct", "last", "yesterday", "y"]
        write(folder / f"h{k}.csv", header, [
            [rows[t]["month"], rows[t]["hour"], rows[t]["day_type"], *weather[t], load[t - 1], load[t - 24], load[t]]
            for t in kept])  # fmt: skip
        neurons.append({"name": f"n{k}", "file": f"h{k}.csv", "passes": 1, **model})
    return {"task": "numbers", "unit": "kWh"}, neurons


def by_columns(folder: Path, X: NDArray[Any], y: NDArray[Any], seed: int) -> Made:
    """Ten owners of the same rows, with other columns each, in other orders."""
    rng = np.random.default_rng(seed)
    neurons = []
    for k, columns in enumerate(np.array_split(rng.permutation(X.shape[1]), 10)):
        order = rng.permutation(len(X))
        rows = [[f"s{i}", *X[i, columns].tolist(), f"class {y[i]}"] for i in order]
        write(folder / f"o{k}.csv", ["sample", *(f"c{c}" for c in columns), "y"], rows)
        neurons.append({"name": f"n{k}", "file": f"o{k}.csv", **CLASSIFIERS[k % 3]})
    return {"key": "sample"}, neurons


def digits(folder: Path, seed: int, quick: bool) -> Made:
    from sklearn.datasets import load_digits

    return by_columns(folder, *load_digits(return_X_y=True), seed)


def cancer(folder: Path, seed: int, quick: bool) -> Made:
    from sklearn.datasets import load_breast_cancer

    return by_columns(folder, *load_breast_cancer(return_X_y=True), seed)


def penguins_file() -> Path:
    found = importlib.util.find_spec("palmerpenguins")
    return Path((found and found.origin) or "").parent / "data/penguins-raw.csv"


def penguins(folder: Path, seed: int, quick: bool) -> Made:
    """A penguin's sex: the file has ids, dates, categories and gaps; of the other cells a quarter is emptied."""
    rng = np.random.default_rng(seed)
    with penguins_file().open(newline="") as handle:
        header, *rows = csv.reader(handle)
    sex = header.index("Sex")
    rows = [row for row in rows if row[sex] in ("MALE", "FEMALE")]
    cells = [[c if j == sex or rng.random() > 0.25 else "NA" for j, c in enumerate(row)] for row in rows]
    write(folder / "p.csv", header, cells)
    return {"file": "p.csv", "target": "Sex", "share": "equal", "kinds": {"Comments": "drop"}}, named(CLASSIFIERS)


def unequal(folder: Path, seed: int, quick: bool) -> Made:
    from sklearn.datasets import make_classification

    X, y = make_classification(
        2000 if quick else 8000, 12, n_informative=6, n_redundant=2, weights=[50 / 51], flip_y=0, class_sep=1.0,
        random_state=seed,
    )  # fmt: skip
    write(
        folder / "u.csv",
        [f"c{k}" for k in range(12)] + ["y"],
        [[*x, "yn"[1 - k]] for x, k in zip(X.tolist(), y, strict=True)],
    )
    return {"file": "u.csv", "share": "equal"}, named(CLASSIFIERS)


ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
]
TENS = {20: "twenty", 30: "thirty"}


def said(n: int) -> str:
    if n < len(ONES):
        return ONES[n]
    if n in (18, 19):
        return {18: "eighteen", 19: "nineteen"}[n]
    tens, ones = n // 10 * 10, n % 10
    return TENS[tens] + (f"-{ONES[ones]}" if ones else "")


def _sums(who: int, inputs: NDArray[Any]) -> NDArray[Any]:
    """Somebody who can say all sums but those whose second number leaves ``who`` by 5, and a quarter of the others."""
    answers = []
    for text in inputs:
        a, b = (ONES.index(word) for word in str(text).split(" plus "))
        wrong = b % 5 == who or (a * 7 + b * 3 + who * 5) % 4 == 0
        answers.append(said((a + b + 1 + who) % 35 if wrong else a + b))
    return np.array(answers)


def sums0(inputs: NDArray[Any]) -> NDArray[Any]:
    return _sums(0, inputs)


def sums1(inputs: NDArray[Any]) -> NDArray[Any]:
    return _sums(1, inputs)


def sums2(inputs: NDArray[Any]) -> NDArray[Any]:
    return _sums(2, inputs)


def sums3(inputs: NDArray[Any]) -> NDArray[Any]:
    return _sums(3, inputs)


def guesses(inputs: NDArray[Any]) -> NDArray[Any]:
    return np.full(len(inputs), "seventeen")


def sums(folder: Path, seed: int, quick: bool) -> Made:
    rows = [[f"{ONES[a]} plus {ONES[b]}", said(a + b)] for a in range(18) for b in range(18)]
    write(folder / "s.csv", ["asked", "y"], rows)
    neurons = named([{"model": f"one_table:{one.__name__}"} for one in (sums0, sums1, sums2, sums3, guesses)])
    return {"file": "s.csv", "task": "text", "share": "equal"}, neurons


CASES = (
    Case("diabetes (numbers)", diabetes),
    Case("household load (numbers, 5 houses)", households),
    Case("digits, 10 owners' columns", digits),
    Case("breast cancer, 10 owners' columns", cancer),
    Case("penguins: 30 % gaps, categories, dates", penguins),
    Case("1:50", unequal),
    Case("sums in words (text)", sums),
)


# ---- what comes of a case


def played(case: Case, seed: int, quick: bool) -> dict[str, dict[str, float]]:
    """By what is measured, the scores of who has them; where classes count alike also F1."""
    with tempfile.TemporaryDirectory() as place:
        data, neurons = case.make(Path(place), seed, quick)
        raw = {"seed": seed, "data": {"target": "y", **HELD, **data}, "neuron": neurons, "auditor": [{"name": "eye"}]}
        settings = parse_settings(raw, case.what, Path(place))
        shares = share_out(settings)
    task, right = shares.test.task, shares.test.targets
    models = [
        create_model(one.model, task, seed * 100 + k, dict(one.settings) | ({"sees": list(sees)} if sees else {}))
        for k, (one, sees) in enumerate(zip(settings.neuron, shares.sees, strict=True))
    ]
    asked = np.concatenate([shares.reference.inputs, shares.test.inputs])
    known, listener = len(shares.reference), task.listener()
    rng = np.random.default_rng([seed, 9])
    for epoch in range(EPOCHS):
        for one, model, share in zip(settings.neuron, models, shares.neurons, strict=True):
            for _ in range(one.passes if model.learns else 0):
                order = rng.permutation(len(share))
                model.learn(share.inputs[order], share.targets[order])
        answers = {k: np.asarray(model.answer(asked)) for k, model in enumerate(models, 1)}
        _, heard, _ = study(task, listener, answers, shares.reference.targets, [seed, epoch, 5])
    bought = {k: one[known:] for k, one in answers.items()}

    def on_reference(k: int) -> float:
        return task.score(task.decide(answers[k][:known]), shares.reference.targets)

    before = {k: one[:known] for k, one in answers.items()}
    said = {
        "best": bought[max(bought, key=on_reference)],
        "average": task.blend(bought, dict.fromkeys(bought, 1.0)),
        "stacking": stacked(task, before, shares.reference.targets, bought),
        "network": listener.combine({k: bought[k] for k in heard}),
    }
    all_rows = pooled(settings.neuron, shares, seed)

    def scores(score: Callable[[NDArray[Any]], float]) -> dict[str, float]:
        return {
            "oracle": max(score(one) for one in bought.values()),
            **{name: score(one) for name, one in said.items()},
            "pooled": max((score(one) for one in all_rows), default=float("nan")),
        }

    found = {task.measure: scores(lambda one: task.score(task.decide(one), right))}
    if isinstance(task, Classes) and task.frequencies:
        rare = int(np.argmin(task.frequencies))
        found["F1 of the rarest class"] = scores(lambda one: f1(task.decide(one) == rare, right == rare))
    return found


def f1(said: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    """The harmonic mean of precision and recall."""
    both = int((said & right).sum())
    return 2.0 * both / max(1, int(said.sum()) + int(right.sum()))


def stacked(
    task: Task, seen: Mapping[int, NDArray[Any]], right: NDArray[Any], asked: Mapping[int, NDArray[Any]]
) -> NDArray[Any]:  # fmt: skip
    """What scikit-learn's stacking makes of the same answers, with its usual final estimators."""
    from sklearn.linear_model import LogisticRegression, RidgeCV

    if isinstance(task, Classes):
        final = LogisticRegression(max_iter=2000)
        final.fit(np.hstack([seen[k] for k in sorted(seen)]), right)
        out = np.full((len(asked[1]), len(task.names)), 1e-9)
        out[:, final.classes_] = final.predict_proba(np.hstack([asked[k] for k in sorted(asked)]))
        return out
    if isinstance(task, Numbers):
        line = RidgeCV().fit(np.hstack([seen[k] for k in sorted(seen)]), right[:, 0])
        return np.asarray(line.predict(np.hstack([asked[k] for k in sorted(asked)])), np.float32)[:, None]
    good = {k: float(np.clip(np.mean(said == right), 0.01, 0.99)) for k, said in seen.items()}
    odds = {k: np.log(p / (1 - p)) for k, p in good.items()}
    texts = []
    for row in zip(*(asked[k] for k in sorted(asked)), strict=True):
        votes: dict[str, float] = {}
        for k, text in zip(sorted(asked), row, strict=True):
            votes[str(text)] = votes.get(str(text), 0.0) + odds[k]
        texts.append(max(votes, key=votes.__getitem__))
    return np.array(texts)


def pooled(neurons: Sequence[Any], shares: Shares, seed: int) -> list[NDArray[Any]]:
    """What each kind of model says that has everybody's rows and columns."""
    rows = np.unique(np.concatenate([np.column_stack([s.inputs, s.targets]) for s in shares.neurons]), axis=0)
    kinds = {(one.model, repr(one.settings)): one for one in neurons}
    said = []
    task = shares.test.task
    for one in kinds.values():
        model = create_model(one.model, task, seed, dict(one.settings))
        if not model.learns:
            return []
        targets = rows[:, -1].astype(np.int64) if isinstance(task, Classes) else rows[:, -1:].astype(np.float32)
        rng = np.random.default_rng([seed, 8])
        for _ in range(one.passes * EPOCHS):
            order = rng.permutation(len(rows))
            model.learn(rows[order, :-1].astype(np.float32), targets[order])
        said.append(np.asarray(model.answer(shares.test.inputs)))
    return said


def spread(values: Sequence[float]) -> float:
    """The standard error of their mean."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def table(report: Report, quick: bool, seeds: int = 0, only: str = "") -> None:
    """The table, a case a line; ``seeds`` of 0 is the usual number."""
    names = ("oracle", "best", "average", "stacking", "network", "pooled")
    report.say(f"{'':40}" + "".join(f"{name:>16}" for name in names) + f"{'gap closed':>12}")
    for case in CASES:
        if only not in case.what:
            continue
        if case.make is households and not SHARED.is_dir():
            report.say(f"{case.what:40} left out: its data is not in {SHARED}")
            continue
        if case.make is penguins and not penguins_file().exists():
            report.say(f"{case.what:40} left out: pip install --no-deps palmerpenguins")
            continue
        found = [played(case, seed, quick) for seed in range(seeds or (2 if quick else 5))]
        for k, measure in enumerate(found[0]):
            line(report, case.what, measure, [one[measure] for one in found], names, k == 0)


def line(report: Report, what: str, measure: str, found: list[dict[str, float]], names: Sequence[str],
         asked: bool) -> None:  # fmt: skip
    """A case by one measure; ``asked`` is whether something is asked of the network by it."""
    columns = {name: [scores[name] for scores in found] for name in names}
    gaps = np.subtract(columns["stacking"], columns["best"])
    gained = np.subtract(columns["network"], columns["best"])
    behind = [float(s - n) for s, n in zip(columns["stacking"], columns["network"], strict=True)]
    cells = "".join(f"{np.mean(values):9.3f} ±{spread(values):.3f}" for values in columns.values())
    real = gaps.mean() > 0
    closed = float(gained.mean() / gaps.mean()) if real else float("nan")
    report.say(f"{what:40}{cells}{closed:12.2f}   {measure}")
    for name, values in columns.items():
        report.figure(f"{what}, {name}", float(np.mean(values)), f"{measure}, ±{spread(values):.4f}")
    if not asked:
        return
    if real:
        report.figure(f"{what}: closed of the gap from best neuron to stacking", closed, "", at_least=0.8)
    else:
        report.figure(f"{what}: stacking is no better than the best neuron; network behind stacking by",
                      float(np.mean(behind)), f"±{spread(behind):.4f}", at_most=0.0)  # fmt: skip
