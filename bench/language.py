"""Part "language" of ``bench/anything.py``: five agents of a small model, together and alone.

All agents are asked about all questions over HTTP. For five seeds questions are split: of half the right answers are
known, and whom to listen to is learned from them as a requester does; the other half is held out. Beside the network:
its best member, chosen by what it scores *on the held-out half* (more than anybody could know), the vote in which all
count alike (the text that is most like all others, or the most frequent one, whichever scores more), and the network
that does not look at what is asked. Likeness is chrF; right is the same text, but for case. Standard errors are over
the seeds, whose splits are of the same questions.

The full run also plays the network of ``klopf demo --agents`` once a seed, with ledger and audits.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import Report
from numpy.typing import NDArray

from klopf import language, ledger, network
from klopf.errors import MissingExtra
from klopf.peers import Text, create_model
from klopf.peers._requester import study

SEEDS, EPOCHS = range(5), 4
TASK = Text(("question",), ("answer",))
Texts = NDArray[np.str_]


@dataclass(frozen=True)
class Scored:
    """Scores on the held-out half, by one measure."""

    together: float
    blind: float
    """Of the network that does not look at what is asked."""
    best: float
    vote: float


def right(said: Texts, answers: Texts) -> float:
    return float(np.mean(np.char.lower(said) == np.char.lower(answers)))


def frequent(said: dict[int, Texts]) -> Texts:
    """The text that most say, of equals the one that comes first."""
    rows = zip(*said.values(), strict=True)
    return np.array([Counter(map(str, row)).most_common(1)[0][0] for row in rows])


def split(said: dict[int, Texts], asked: Texts, answers: Texts, seed: int) -> tuple[Scored, Scored, dict[int, float]]:
    """Scores by likeness and by what is right, and the shares of who is listened to."""
    order = np.random.default_rng(seed).permutation(len(asked))
    known, held = order[: len(order) // 2], order[len(order) // 2 :]
    everything = {k: texts[np.concatenate([known, held])] for k, texts in said.items()}
    looks, blind = TASK.listener(), TASK.listener()
    for epoch in range(EPOCHS):
        study(TASK, looks, everything, answers[known], [seed, epoch], asked[known])
        study(TASK, blind, everything, answers[known], [seed, epoch])
    later = {k: texts[held] for k, texts in said.items()}
    alike = TASK.blend(later, dict.fromkeys(later, 1.0))
    found = [
        Scored(
            measure(looks.combine(later, asked[held]), answers[held]),
            measure(blind.combine(later), answers[held]),
            max(measure(texts, answers[held]) for texts in later.values()),
            max(measure(alike, answers[held]), measure(frequent(later), answers[held])),
        )
        for measure in (TASK.score, right)
    ]
    return found[0], found[1], looks.shares(list(said))


def told(report: Report, what: str, scores: list[Scored]) -> None:
    """A line of means with their standard errors, and by how much the network is better, seed by seed."""

    def mean(each: list[float]) -> tuple[float, float]:
        return float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(len(each)))

    columns = {name: mean([getattr(one, name) for one in scores]) for name in ("together", "best", "vote", "blind")}
    report.say(f"{what:26}" + "".join(f"{value:9.3f} ± {error:.3f}" for value, error in columns.values()))
    report.figure(f"language, {what}: the network", columns["together"][0])
    for other in ("best", "vote"):
        gain, error = mean([one.together - getattr(one, other) for one in scores])
        name = {"best": "its best member", "vote": "the majority vote"}[other]
        report.figure(f"language, {what}: more than {name}, less two standard errors", gain - 2 * error, at_least=0.0)


def language_network(report: Report, quick: bool) -> None:
    """Measure and tell; where the model is not installed, say so."""
    try:
        language.model_file()
    except MissingExtra as missing:
        report.say(f"language left out: {missing}")
        return
    questions = language.drawn(10 if quick else 50, 0)
    asked, answers = np.array([one.text for one in questions]), np.array([one.answer for one in questions])
    with language.running() as url:
        models = [create_model(f"openai:{url}#{name}", TASK, 0, {"seconds": 300.0}) for name in language.AGENTS]
        said = {k: model.answer(asked) for k, model in enumerate(models, start=1)}
        report.say(f"\n{len(asked)} questions of {len(language.KINDS)} kinds; likeness of each agent by kind:")
        for kind in language.KINDS:
            rows = np.array([one.kind == kind for one in questions])
            alone = [
                f"{name} {TASK.score(said[k][rows], answers[rows]):.2f}" for k, name in enumerate(language.AGENTS, 1)
            ]
            report.say(f"  {kind:10}" + "  ".join(alone))
        report.say(f"{'':26}{'network':>17}{'best member':>17}{'majority':>17}{'without words':>17}")
        splits = [split(said, asked, answers, seed) for seed in SEEDS]
        told(report, "likeness", [one[0] for one in splits])
        told(report, "right", [one[1] for one in splits])
        liar = max(shares[language.AGENTS.index("liar") + 1] for _, _, shares in splits)
        report.figure("language: the most that the liar is listened to", liar, "share", at_most=0.01)
        if not quick:
            networks(report, url)


def networks(report: Report, url: str) -> None:
    """The demo's network, once a seed: what it is by the ledger's and the requester's records."""
    rows, silent, late = [], 0, 0
    with tempfile.TemporaryDirectory() as place:
        for seed in SEEDS:
            file, folder = Path(place, f"{seed}.csv"), Path(place, f"{seed}")
            file.write_text(language.as_csv(language.drawn(30, seed)))
            summary = network.run(network.agents_settings(seed, EPOCHS, url, file), folder, network.DEMO_PASSPHRASE)
            vote = network.equal_vote(folder)
            rows.append(Scored(summary.moments[-1].network, 0.0, max(summary.moments[-1].neurons.values()), vote))
            silent += next(one for one in summary.neurons if one.name == "liar").standing == "silent"
            late += unposted(folder)
    told(report, "likeness, whole networks", rows)
    report.figure("language: networks of five in which the liar is silent at the end", silent, "networks", at_least=5)
    report.figure("language: epochs in which the requester came too late to post", late, "epochs", at_most=0)


def unposted(folder: Path) -> int:
    """In how many epochs the requester of a run did not say on the ledger whom it listened to."""
    run = network.read_run(folder)
    with run.connect() as book:
        requester = next(one.id for one in book.registry.all() if one.role is ledger.Role.REQUESTER)
        return sum(not any(book.settlement.posted(e, requester)) for e in range(1, run.settings.epochs + 1))
