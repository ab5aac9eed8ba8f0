"""What a network of strangers' models is worth, beside what one would have if data were pooled.

``python bench/market.py [--quick] [--json] [--data FOLDER] [--flower PYTHON] [--part useful|strategies|...]``

*Useful*: ten and forty neurons of four kinds (a mind, a perceptron of two layers, a logistic line, naive Bayes), whose
private shares of the rows are skewed by Dirichlet(0.5), for small files by 2 or 5. "network" is what a requester with
the reference rows learns to combine, as it does in six epochs; "best" is the best neuron on the test rows, picked by
looking at them; "average" the plain mean of the answers; "stacking" a logistic regression on all answers to all
held-out rows but the test's (penalty by cross-validation): what a central place could do with everybody's validation
data; "pooled" a logistic regression on everybody's rows; "FedAvg" one linear model, averaged over 40 rounds of one
local pass: by Flower where ``--flower`` names a Python that has it (``flower.py``), else by the same few lines here.
All learn in this process from the same shares; nothing is asked over the wire. ``--data`` (or ``KLOPF_MNIST``)
names a folder with MNIST's t10k files, of which the first 4,000 are shared out at 14 x 14 pixels.

*Strategies*: what lives off others, and what it earns; ``strategies.py`` says how.

*Specialists*: five owners of two digits each, a file an owner, so that no neuron ever sees eight of the classes, and
each says so; naive Bayes, and unless ``--quick`` minds; a real run with real processes (``klopf run``), three epochs.
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import strategies
from figures import Report, arguments
from numpy.typing import NDArray

from klopf.mind import problems
from klopf.network import DEMO_PASSPHRASE, Summary, parse_settings, run
from klopf.network._data import Shares, share_out
from klopf.peers import create_model
from klopf.peers._familiar import Familiar
from klopf.peers._requester import study

KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("mind", {"hidden": [64]}),
    ("sklearn:MLPClassifier", {"hidden_layer_sizes": [64], "learning_rate_init": 0.005}),
    ("sklearn:SGDClassifier", {"loss": "log_loss"}),
    ("sklearn:GaussianNB", {"var_smoothing": 0.01}),
)
PASSES, EPOCHS = 24, 6
PARTS = ("useful", "strategies", "replayed", "specialists")
ALPHA = {"breast cancer": 2.0, "wine": 5.0}
"""Of files with so few rows that somebody of ten would have none."""


def table(name: str, place: Path, data: str | None) -> Path | None:
    """The rows called ``name`` as a file; None where they are not at hand."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine

    file = place / f"{name}.csv"
    if name == "images":
        if data is None:
            return None
        pixels, labels = problems.mnist(data)
        small = pixels[:4000].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(4000, -1)
        write(file, small, labels[:4000])
    else:
        found = {"digits": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine}[name]()
        write(file, found.data, found.target)
    return file


def write(file: Path, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([f"x{i}" for i in range(inputs.shape[1])] + ["target"])
        writer.writerows([*row, f"class {label}"] for row, label in zip(inputs.tolist(), targets.tolist(), strict=True))


def useful(file: Path, neurons: int, seed: int, flower: str | None) -> dict[str, float]:
    """Test accuracies of one network and of what it is compared with."""
    members = [{"name": f"n{k}"} for k in range(neurons)]
    data = {"file": str(file), "alpha": ALPHA.get(file.stem, 0.5)}
    settings = {"seed": seed, "data": data, "neuron": members, "auditor": [{"name": "vera"}]}
    shares = share_out(parse_settings(settings, "bench", Path()))
    held = {"reference": shares.reference, "audit": shares.audit, "test": shares.test}
    answers: dict[str, dict[int, NDArray[Any]]] = {name: {} for name in held}
    for k, told in enumerate(voices(shares, seed)):
        said = {name: told(samples.inputs) for name, samples in held.items()}
        if all(np.isfinite(one).all() for one in said.values()):  # a neuron whose model has no answer is not heard
            for name in held:
                answers[name][k] = said[name]
    task, truth = shares.test.task, shares.test.targets
    listener = task.listener()
    both = {k: np.concatenate([answers["reference"][k], answers["test"][k]]) for k in answers["test"]}
    for epoch in range(EPOCHS):
        _, new, _ = study(task, listener, both, shares.reference.targets, [seed, epoch])
    heard = {k: said for k, said in answers["test"].items() if k in new}

    def right(said: NDArray[Any]) -> float:
        return task.score(task.decide(said), truth)

    return {
        "network": right(listener.combine(heard)),
        "best": max(right(said) for said in answers["test"].values()),
        "average": right(np.mean([*answers["test"].values()], axis=0)),
        "stacking": stacking(answers, shares),
        "pooled": pooled(shares),
        "FedAvg": by_flower(shares, seed, flower) if flower else averaged(shares, seed),
    }


def voices(shares: Shares, seed: int) -> Iterator[Any]:
    """What each neuron says to some inputs."""
    return (voice(mine, k, seed) for k, mine in enumerate(shares.neurons))


def voice(mine: Any, k: int, seed: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """What the ``k``-th neuron says to some inputs, which learned from the samples ``mine``."""
    name, settings = KINDS[k % len(KINDS)]
    model, rng = create_model(name, mine.task, seed + k, settings), np.random.default_rng([seed, k])
    for _ in range(PASSES):
        order = rng.permutation(len(mine))
        model.learn(mine.inputs[order], mine.targets[order])
    familiar = Familiar.of(mine.task, mine.inputs, mine.targets)

    def told(inputs: NDArray[Any]) -> NDArray[Any]:
        said = np.array(model.answer(inputs))
        return said if familiar is None else familiar.hedged(inputs, said)

    return told


def stacking(answers: dict[str, dict[int, NDArray[Any]]], shares: Shares) -> float:
    from sklearn.linear_model import LogisticRegressionCV

    def seen(name: str) -> NDArray[Any]:
        return np.concatenate([answers[name][k] for k in sorted(answers[name])], axis=1)

    known = np.concatenate([seen("reference"), seen("audit")])
    targets = np.concatenate([shares.reference.targets, shares.audit.targets])
    model = LogisticRegressionCV(
        Cs=5, cv=3, max_iter=2000, l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False
    ).fit(known, targets)
    return float(model.score(seen("test"), shares.test.targets))


def pooled(shares: Shares) -> float:
    from sklearn.linear_model import LogisticRegression

    inputs = np.concatenate([mine.inputs for mine in shares.neurons])
    targets = np.concatenate([mine.targets for mine in shares.neurons])
    return float(LogisticRegression(max_iter=2000).fit(inputs, targets).score(shares.test.inputs, shares.test.targets))


def averaged(shares: Shares, seed: int) -> float:
    """FedAvg (McMahan et al. 2017) of one linear softmax, with the best of three step-sizes as the test rows say."""
    return max(_averaged(shares, seed, step) for step in (0.003, 0.01, 0.03))


def _averaged(shares: Shares, seed: int, step: float) -> float:
    classes, rng = len(shares.test.task.names), np.random.default_rng(seed)
    weights = np.zeros((shares.test.inputs.shape[1] + 1, classes))
    sizes = np.array([len(mine) for mine in shares.neurons]) / sum(len(mine) for mine in shares.neurons)
    for _ in range(40):
        total = np.zeros_like(weights)
        for size, mine in zip(sizes, shares.neurons, strict=True):
            own = weights.copy()
            for i in rng.permutation(len(mine)):
                x = np.append(mine.inputs[i], 1.0)
                raised = np.exp(x @ own - (x @ own).max())
                error = -raised / raised.sum()
                error[mine.targets[i]] += 1
                own += step * np.outer(x, error)
            total += size * own
        weights = total
    said = np.column_stack([shares.test.inputs, np.ones(len(shares.test))]) @ weights
    return float((said.argmax(axis=1) == shares.test.targets).mean())


def by_flower(shares: Shares, seed: int, python: str) -> float:
    """The same by Flower, in the environment of ``python``."""
    test = shares.test
    arrays = {"test_inputs": test.inputs, "test_targets": test.targets}
    for k, mine in enumerate(shares.neurons):
        arrays |= {f"inputs{k}": mine.inputs, f"targets{k}": mine.targets}
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "shares.npz"
        np.savez(file, classes=len(test.task.names), seed=seed, **arrays)
        told = subprocess.run(
            [python, Path(__file__).with_name("flower.py"), file], capture_output=True, text=True, check=True
        )
    return float(told.stdout.splitlines()[-1])


def specialists(seed: int, place: Path, model: str, more: dict[str, Any]) -> Summary:
    from sklearn.datasets import load_digits

    found = load_digits()
    members = []
    for k in range(5):
        mine = found.target // 2 == k
        write(place / f"{k}.csv", found.data[mine], found.target[mine])
        own = {"classes": [f"class {digit}" for digit in (2 * k, 2 * k + 1)]}
        file = str(place / f"{k}.csv")
        members.append({"name": f"owner{k}", "file": file, "model": model, "settings": more, "knows": own})
    auditors = [{"name": name} for name in ("vera", "walt", "xeno")]
    settings = {"seed": seed, "epochs": 3, "neuron": members, "auditor": auditors}
    return run(parse_settings(settings, "specialists", place), place / "run", DEMO_PASSPHRASE)


def stage(seed: int, file: Path) -> strategies.Stage:
    """Where strategies are played: the honest with their shares, and one with a quarter of its own."""
    settings = {"seed": seed, "data": {"file": str(file), "alpha": 0.5}, "auditor": [{"name": "vera"}],
                "neuron": [{"name": f"n{k}"} for k in range(strategies.HONEST + 1)]}  # fmt: skip
    shares = share_out(parse_settings(settings, "bench", Path()))
    last = shares.neurons[-1]
    poor = last.take(np.arange(max(8, len(last) // 4)))
    shares = replace(shares, neurons=[*shares.neurons[:-1], poor])
    rng = np.random.default_rng([seed, 3])
    apart = [poor.take(np.sort(rng.permutation(len(poor))[: max(8, 4 * len(poor) // 5)])) for _ in range(3)]
    told = [*voices(shares, seed), *(voice(one, strategies.HONEST, seed + 100 + k) for k, one in enumerate(apart))]
    return strategies.stage(shares, told, seed)


REPLAYED = {
    "resells the average": ("klopf.network.adversaries:Reseller", 1),
    "three names of one model": (None, 3),
}
"""By row: conduct, names."""


def replayed(row: str, seed: int, place: Path) -> tuple[float, float]:
    """The same with real processes: five honest owners with a seventh of the digits each, and one dishonest. Returns
    what its names earned together, in means of the honest, and the network's accuracy."""
    from sklearn.datasets import load_digits

    conduct, names = REPLAYED[row]
    found, order = load_digits(), np.random.default_rng(seed).permutation(1797)
    members: list[dict[str, Any]] = []
    for k, mine in enumerate(np.array_split(order, 7)[:6]):
        file = str(place / f"{k}.csv")
        write(place / f"{k}.csv", found.data[mine], found.target[mine])
        if k < 5:
            model, more = KINDS[k % len(KINDS)]
            members.append({"name": f"honest{k}", "file": file, "model": model, "settings": more})
        else:
            bad = {"file": file, "model": KINDS[3][0], "settings": KINDS[3][1]}
            bad |= {"conduct": conduct} if conduct else {}
            members += [{"name": f"bad{i}", **bad} for i in range(names)]
    auditors = [{"name": name} for name in ("vera", "walt", "xeno")]
    settings = {"seed": seed, "epochs": 5, "neuron": members, "auditor": auditors}
    summary = run(parse_settings(settings, "replayed", place), place / "run", DEMO_PASSPHRASE)
    earned = {n.name: float(n.earned) for n in summary.neurons}
    usual = statistics.mean(v for name, v in earned.items() if name.startswith("honest"))
    return sum(v for name, v in earned.items() if name.startswith("bad")) / usual, summary.scores["network"] or 0.0


def tell_replayed(report: Report) -> None:
    report.say("\nwith real processes                    earned  accuracy")
    for row in REPLAYED:
        with tempfile.TemporaryDirectory() as place:
            earned, accuracy = replayed(row, 0, Path(place))
        report.say(f"{row:<38} {earned:>6.2f}  {accuracy:>8.3f}")
        report.figure(f"{row}, replayed: earned", earned, "honest incomes", at_most=1 if "names" in row else 0.2)


def _error(values: list[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def tell_useful(
    report: Report, seeds: int, data: str | None, sizes: tuple[int, ...], names: tuple[str, ...], flower: str | None
) -> None:
    report.say(f"{'rows':<14} neurons  network (s.e.)    best  average  stacking  pooled  FedAvg  of the gap closed")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            file = table(name, Path(folder), data)
            if file is None:
                report.say(f"{name:<14} left out: --data FOLDER names no images")
                continue
            for neurons in sizes:
                try:
                    rows = [useful(file, neurons, seed, flower) for seed in range(seeds)]
                except Exception as error:  # fewer rows than neurons need
                    report.say(f"{name:<14} {neurons:>7}  left out: {error}")
                    continue
                mean = {key: statistics.mean(row[key] for row in rows) for key in rows[0]}
                gap = mean["stacking"] - mean["best"]
                closed = f"{(mean['network'] - mean['best']) / gap:.2f}" if gap > 0 else "none to close"
                spread = _error([row["network"] for row in rows])
                report.say(
                    f"{name:<14} {neurons:>7}  {mean['network']:.3f} ({spread:.3f})  {mean['best']:>8.3f} "
                    f"{mean['average']:>8.3f} "
                    f"{mean['stacking']:>9.3f} {mean['pooled']:>7.3f} {mean['FedAvg']:>7.3f}  {closed}"
                )
                if gap > 0.005:
                    part = (mean["network"] - mean["best"]) / gap
                    report.figure(
                        f"{name}, {neurons} neurons: of the gap from the best to stacking", part, "", at_least=0.8
                    )


def tell_specialists(report: Report, seeds: int, quick: bool) -> None:
    for model, more in (KINDS[3],) if quick else (KINDS[3], KINDS[0]):
        _tell_specialists(report, seeds, model, more)


def _tell_specialists(report: Report, seeds: int, model: str, more: dict[str, Any]) -> None:
    report.say(f"\n{model}\nspecialists: seed  network  pooled linear  in the backbone  least paid")
    behind = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as place:
            found = specialists(seed, Path(place), model, more)
        network, linear = (found.scores[name] or 0.0 for name in ("network", "linear"))
        seated = sum(n.standing == "backbone" for n in found.neurons)
        least = min(n.earned for n in found.neurons)
        behind.append(100 * (linear - network))
        report.say(f"{seed:>17}  {network:>7.3f}  {linear:>13.3f}  {seated:>15}  {least:>10.2f}")
        report.figure(f"{model}, specialists, seed {seed}: in the backbone", seated, "of 5", at_least=5)
        report.figure(f"{model}, specialists, seed {seed}: least paid", least, "KLP", at_least=1)
    mean = statistics.mean(behind)
    report.figure(f"{model}, specialists: behind pooled linear", mean, f"points (s.e. {_error(behind):.1f})", at_most=3)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--part", choices=PARTS, help="only this")
    parser.add_argument("--data", default=os.environ.get("KLOPF_MNIST"), help="folder with MNIST's t10k files")
    parser.add_argument("--flower", metavar="PYTHON", help="a Python with flwr 1.42, whose FedAvg is compared with")
    options = parser.parse_args()
    parts, seeds = [options.part] if options.part else PARTS, options.seeds or (1 if options.quick else 5)
    with Report(options.json) as report:
        if "useful" in parts:
            names = ("digits",) if options.quick else ("digits", "breast cancer", "wine", "images")
            tell_useful(report, seeds, options.data, (10,) if options.quick else (10, 40), names, options.flower)
        if "strategies" in parts:
            with tempfile.TemporaryDirectory() as place:
                digits = table("digits", Path(place), None)
                assert digits is not None
                stages = [stage(seed, digits) for seed in range(seeds)]
            strategies.tell(report, stages, options.quick)
        if "replayed" in parts and not options.quick:
            tell_replayed(report)
        if "specialists" in parts:
            tell_specialists(report, options.seeds or (1 if options.quick else 3), options.quick)


if __name__ == "__main__":
    main()
