"""What learning from others gains, and what it costs in pay: distillation into a neuron and into a requester's model.

``python bench/distil.py [--quick] [--json]``

Eight neurons on the digits, as in ``strategies.py`` (shares skewed by Dirichlet(0.5), four kinds of model, committees,
listening and consensus as they run, no wires). The last one learns from what its neighbours say together about probes
(``peers._distilling``) in six epochs; the others do not. "held-out" is what it holds out of its own share, "test" the
rows of all classes that nobody has, "earned" its emission in means of the seven others, "as it was" the same neuron
that learns from its whole share and distils nothing, "holds out" the same that only holds a fifth out. "64 probes" is
``distil = 64``; "without the gate" keeps every lesson; "the combination alone" is a model that learned nothing else.

*A requester* teaches a newborn mind what the network says to questions without targets, and compares it with the same
kind of model that learned its own labelled rows.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import market
import numpy as np
import strategies
from figures import Report, arguments
from numpy.typing import NDArray

from klopf.network import parse_settings
from klopf.network._data import Samples, Shares, share_out
from klopf.peers import Model, create_model, load_model, save_model
from klopf.peers._adding import adding
from klopf.peers._distilling import PASSES, Lesson, distilled, parted, probes
from klopf.peers._familiar import Familiar
from klopf.peers._requester import study

EPOCHS, LAST = 6, strategies.HONEST
VARIANTS = {"as it was": 0, "holds out": 0, "64 probes": 64, "256 probes": 256, "without the gate": 256,
            "the combination alone": 1024}  # fmt: skip
"""Probes in an epoch."""
Voice = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Seen:
    held: float
    test: float
    earned: float
    kept: float
    """Part of its lessons."""


def heard_by(shares: Shares, voices: list[Voice], mine: Samples, own: Voice, seed: int) -> Any:
    """The listener of somebody who asked about its own rows for six epochs."""
    task, listener, rng = mine.task, mine.task.listener(), np.random.default_rng([seed, 3])
    for _ in range(EPOCHS):
        rows = rng.permutation(len(mine))[: strategies.QUESTIONS]
        answers = {k: told(mine.inputs[rows]) for k, told in enumerate(voices)}
        new, _ = adding(task, answers, listener, mine.targets[rows])
        heard = {k: said for k, said in answers.items() if k in new} | {LAST: own(mine.inputs[rows])}
        listener.learn(heard, mine.targets[rows])
    return listener


def hedged(model: Model, familiar: Familiar | None) -> Voice:
    def told(inputs: NDArray[Any]) -> NDArray[Any]:
        said = np.array(model.answer(inputs))
        return said if familiar is None else familiar.hedged(inputs, said)

    return told


def learned(shares: Shares, voices: list[Voice], variant: str, seed: int, place: Path) -> tuple[Model, Samples, float]:
    """The last neuron's model in a variant, what it held out, and the part of its lessons that it kept."""
    mine, count = shares.neurons[LAST], VARIANTS[variant]
    data = {"inputs": mine.inputs, "targets": mine.targets}
    studied, held = parted(data, seed, variant != "as it was")
    name, settings = market.KINDS[seed % len(market.KINDS)]
    model, rng = create_model(name, mine.task, seed, settings), np.random.default_rng([seed, LAST])
    alone = variant == "the combination alone"
    kept: list[bool] = []
    for epoch in range(EPOCHS + 1):
        for _ in range(0 if alone else PASSES // (EPOCHS + 1)):
            order = rng.permutation(len(studied["targets"]))
            model.learn(studied["inputs"][order], studied["targets"][order])
        if not count or not epoch:
            continue
        own = hedged(model, Familiar.of(mine.task, mine.inputs, mine.targets))
        listener = heard_by(shares, voices, mine, own, seed)
        strange = probes(mine.inputs, count, (seed, epoch))
        said = {k: told(strange) for k, told in enumerate(voices)} | ({} if alone else {LAST: own(strange)})
        lesson = Lesson(strange, mine.task.blend(said, listener.shares(list(said))))
        save_model(model, name, place / "m")
        load = partial(load_model, place / "m", mine.task, name)
        with ThreadPoolExecutor(1) as thread:
            beside = None if alone else studied
            taught, gain = asyncio.run(distilled("the last", thread, load, lesson, 4, beside, held, (seed, epoch)))
        kept.append(gain.kept)
        if gain.kept or alone or variant == "without the gate":
            model = taught
    return model, Samples(held["inputs"], held["targets"], mine.task), statistics.mean(kept) if kept else 0.0


def neuron(seed: int, file: Path, place: Path) -> dict[str, Seen]:
    settings = {"seed": seed, "data": {"file": str(file), "alpha": 0.5}, "auditor": [{"name": "vera"}],
                "neuron": [{"name": f"n{k}"} for k in range(LAST + 1)]}  # fmt: skip
    shares = share_out(parse_settings(settings, "bench", Path()))
    voices: list[Voice] = list(market.voices(shares, seed))[:LAST]
    mine, test = shares.neurons[LAST], shares.test
    found = {}
    for variant in VARIANTS:
        model, held, kept = learned(shares, voices, variant, seed, place)
        own = hedged(model, Familiar.of(mine.task, mine.inputs, mine.targets))
        stage = strategies.stage(shares, [*voices, own], seed)
        outcome = strategies.play(stage, strategies.STRATEGIES[0])  # its own voice, beside seven honest ones
        right = [mine.task.score(mine.task.decide(np.array(model.answer(x.inputs))), x.targets) if len(x) else 0.0
                 for x in (held, test)]  # fmt: skip
        found[variant] = Seen(*right, outcome.earned, kept)
    return found


def requester(seed: int, file: Path, questions: int) -> tuple[float, float, float]:
    """Accuracy on rows that nobody has seen: of the network, of a mind that it taught, and of one that learned the
    requester's own labelled rows."""
    settings = {"seed": seed, "data": {"file": str(file), "alpha": 0.5}, "auditor": [{"name": "vera"}],
                "neuron": [{"name": f"n{k}"} for k in range(8)]}  # fmt: skip
    shares = share_out(parse_settings(settings, "bench", Path()))
    voices: list[Voice] = list(market.voices(shares, seed))
    task, known, test = shares.test.task, shares.reference, shares.test
    asked, exam = test.inputs[:questions], test.take(np.arange(questions, len(test)))
    everything = np.concatenate([known.inputs, asked, exam.inputs])
    listener, answers = task.listener(), {k: told(everything) for k, told in enumerate(voices)}
    for epoch in range(EPOCHS):
        _, new, _ = study(task, listener, answers, known.targets, [seed, epoch])
    said = listener.combine({k: one for k, one in answers.items() if k in new})
    n = len(known)
    pupil, alone = (create_model("mind", task, seed, {"hidden": [64]}) for _ in range(2))
    rng = np.random.default_rng([seed, 5])
    for _ in range(PASSES):
        order = rng.permutation(len(asked))
        pupil.learn(asked[order], task.taught(said[n : n + len(asked)][order], rng))
        order = rng.permutation(n)
        alone.learn(known.inputs[order], known.targets[order])
    scores = [task.score(task.decide(np.array(one)), exam.targets)
              for one in (said[n + len(asked) :], pupil.answer(exam.inputs), alone.answer(exam.inputs))]  # fmt: skip
    return scores[0], scores[1], scores[2]


def _told(values: list[float]) -> str:
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ({error:.3f})"


def main() -> None:
    options = arguments(__doc__).parse_args()
    seeds = 2 if options.quick else 5
    with Report(options.json) as report, tempfile.TemporaryDirectory() as folder:
        file = market.table("digits", Path(folder), None)
        assert file is not None
        found = [neuron(seed, file, Path(folder)) for seed in range(seeds)]
        report.say(f"{seeds} seeds, mean (s.e.)      held-out        test            earned          lessons kept")
        for variant in VARIANTS:
            rows = [one[variant] for one in found]
            cells = [_told([getattr(row, what) for row in rows]) for what in ("held", "test", "earned", "kept")]
            report.say(f"{variant:<26} {'  '.join(cells)}")
            report.figure(f"{variant}: test accuracy", statistics.mean(row.test for row in rows))
            report.figure(f"{variant}: earned", statistics.mean(row.earned for row in rows), "honest incomes")
        for questions in (100,) if options.quick else (25, 50, 100, 200):
            many = [requester(seed, file, questions) for seed in range(seeds)]
            cells = [_told([row[i] for row in many]) for i in range(3)]
            report.say(
                f"requester, {questions} bought answers: network {cells[0]}, taught {cells[1]}, own rows {cells[2]}"
            )
            report.figure(
                f"a requester's model of {questions} answers", statistics.mean(row[1] for row in many), "accuracy"
            )


if __name__ == "__main__":
    main()
