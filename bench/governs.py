"""Do audits and seats govern? Beside an oracle that always seats the best; under bribes; what auditors' faults cost.

``python bench/governs.py [--quick] [--json] [--seeds N] [--part governs|bribed|auditors]``

*Governs*: 50 epochs of a network of 16 to 24 neurons with real models of handwritten digits, eight seats and twelve
auditors (``governed.py``: the law as it runs). Neurons are born, sound, poor or knowing nothing; of the seated some
begin to decay, an epoch after the other a twelfth more of their answers wrong, and some swap their model after an audit
for one that knows nothing, and say nothing; of the silent some come back with another model. Three requesters learn
whom to listen to with the same code: one asks those who sit by the law, and two those whom an oracle seats that knows
what is right on the test samples: one seats the most accurate, the other those who are right together, one after the
other whoever adds most. What each gets right is counted from the first epoch on in which anybody may sit. A good
newcomer is a sound one that an oracle seats in most of its first five epochs; or one that the network lacks: with it in
a seat those who sit would be right in a point more, in most epochs in which it waits. None can sit before its fourth.

*Bribed*: auditors with two fifths of all audit stake pass whatever is bad, and are slashed where they are fewer. Who
has too little left is drawn no more; or both sides put back what they lose. What is bad knows nothing; or it is
accurate, so that others listen to it (as to anybody, it is taken), and lost as soon as its question is disturbed, which
only audits find. 1,000 audits of bad neurons each; how many pass, and how often one is seated.

*Auditors*: planted neurons, of which it is known what they are, audited by twelve auditors, one of which is lazy (asks
20 questions instead of 120), one lenient (adds .15), one harsh (takes .15), one bribed (passes the bad), and one makes
up its figures (what was agreed the last time). How often each is slashed, what that costs beside what it is paid, how
often it is right about what is planted, and how often it says what most audits of the same neuron say in the five
epochs after.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from figures import Report, arguments
from governed import QUESTIONS, RULES, WEARS, Auditor, Neuron, Reports, Said, World, mean_and_error

from klopf import ledger
from klopf.ledger import AuditShare, AuditTerms, Parameters, SeatTerms, Standing
from klopf.ledger.audit import _reference as arithmetic
from klopf.ledger.core._reference import WAD
from klopf.peers._requester import study

warnings.filterwarnings("ignore")

PARTS = ("governs", "bribed", "auditors")
WITHIN = 5
"""Epochs in which a good newcomer is to be seated."""
LACKED, GAIN = "those it lacks", 0.01
"""Newcomers with whom in a seat the mean of those who sit would be right so much more often."""


class Kept:
    """What was played: with ``--keep FILE`` it is appended to it, and what it has is not played again."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.found = {what: found for what, found in map(json.loads, lines)}

    def __call__(self, what: str, play: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if what not in self.found:
            self.found[what] = play()
            if self.path:
                with self.path.open("a") as file:
                    file.write(json.dumps([what, self.found[what]]) + "\n")
        return dict(self.found[what])


# ---- governs


@dataclass
class Requester:
    """Learns from labelled samples whom to listen to, of those it is told to ask."""

    world: World
    seed: int
    right: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = self.world.data.task.listener()

    def ask(self, whom: list[Neuron]) -> None:
        data, epoch = self.world.data, self.world.epoch
        self.listener.keep_only({n.id for n in self.world.living})
        self.listener.round += 1
        for n in whom:
            self.listener.known(n.id).tried = self.listener.round
        labelled = {n.id: n.on("reference", data.reference[0]) for n in whom}
        new = study(data.task, self.listener, labelled, data.reference[1], [self.seed, epoch, 5])[1]
        said = self.listener.combine({n.id: n.on("test", data.test[0]) for n in whom if n.id in new})
        self.right.append(float((data.task.decide(said) == data.test[1]).mean()))


@dataclass
class Run:
    law: float
    accurate: float
    together: float
    newcomers: dict[str, list[int]] = field(default_factory=dict)
    """By oracle, of each newcomer that is good by it, after how many epochs it was seated; 0 for never."""
    bad: float = 0.0
    """The part of all seats, over all epochs, that somebody held who was under a mark."""
    births: int = 0
    decays: int = 0
    swaps: int = 0
    challenges: int = 0


def happen(world: World, rng: np.random.Generator, run: Run) -> None:
    """What becomes of neurons before an epoch."""
    if world.epoch > 1 and len(world.living) < 24 and rng.random() < 0.5:
        world.join(str(rng.choice(["sound", "poor", "knows nothing"], p=[0.5, 0.25, 0.25])))
        run.births += 1
    for one in world.backbone:
        if one.wears or one.kind != "sound":
            continue
        lot = rng.random()
        if lot < 0.02:
            one.wears, run.decays = True, run.decays + 1
        elif lot < 0.035:
            one.kind, one.model, run.swaps = "swapped", world.made("knows nothing", one.mine), run.swaps + 1
            one.changed()
    for one in world.neurons.values():
        if one.wears:
            one.worn = min(0.95, one.worn + WEARS)
            one.changed()
        if one.standing is Standing.SILENT and not one.renewed and rng.random() < 0.1:
            one.kind, one.model, one.worn, one.wears = "sound", world.made("sound", one.mine), 0.0, False
            one.renewed = True
            one.changed()


def governed(seed: int, epochs: int, rules: Parameters = RULES) -> Run:
    world, rng = World(seed, rules), np.random.default_rng([seed, 3])
    for kind in ["sound"] * 10 + ["poor"] * 3 + ["knows nothing"] * 3:
        world.join(kind)
    run, born = Run(0, 0, 0), dict[int, int]()
    chosen: dict[str, dict[int, list[bool]]] = {"the most accurate": {}, "the best together": {}, LACKED: {}}
    law, accurate, together = (Requester(world, seed) for _ in range(3))
    under = seats = 0
    for _ in range(epochs):
        happen(world, rng, run)
        before = {n.id for n in world.backbone}
        world.live()
        now = {n.id for n in world.backbone}
        run.challenges += len(before - now)
        best = {"the most accurate": world.most_accurate(), "the best together": world.best_together()}
        best[LACKED] = [n for n in world.living if n not in world.backbone and now and world.lacks(n) >= GAIN]
        for n in world.living:
            if n.born and n.kind == "sound" and born.setdefault(n.id, n.born) == n.born:
                for oracle, told in chosen.items():
                    if oracle != LACKED or n.standing is not Standing.BACKBONE:  # as long as it waits
                        told.setdefault(n.id, []).append(n in best[oracle] and not n.wears)
        if now:
            law.ask(world.backbone)
            accurate.ask(best["the most accurate"])
            together.ask(best["the best together"])
            seats += len(now)
            under += sum(world.quality(n) < world.marks["accuracy"] / 10_000 for n in world.backbone)
        world.settle()
    run.law, run.accurate, run.together = (float(np.mean(one.right)) for one in (law, accurate, together))
    for oracle, of in chosen.items():
        least = 3 if oracle == LACKED else WITHIN
        good = [k for k, told in of.items() if len(told) >= least and 2 * sum(told[:WITHIN]) > len(told[:WITHIN])]
        run.newcomers[oracle] = [max(0, world.neurons[k].seated - born[k]) for k in good]
    run.bad = under / max(1, seats)
    return run


def lived(seed: int, epochs: int) -> dict[str, Any]:
    return vars(governed(seed, epochs))


def tell_governed(report: Report, kept: Kept, seeds: int, epochs: int) -> None:
    runs = [Run(**kept(f"governs/{seed}/{epochs}", partial(lived, seed, epochs))) for seed in range(seeds)]
    report.say(f"{epochs} epochs, {seeds} seeds: births, decays, swaps, seats lost to a challenge; right by the law,")
    report.say(
        "by the most accurate, by the best together; after how many epochs good newcomers were seated (0: never)"
    )
    for run in runs:
        told = f"{run.births:>4}{run.decays:>4}{run.swaps:>4}{run.challenges:>4}"
        came = "; ".join(f"{sorted(after)}" for after in run.newcomers.values())
        report.say(f"{told}   {run.law:.3f} {run.accurate:.3f} {run.together:.3f}   {came}")
    for oracle, right in (("the most accurate", "accurate"), ("the best together", "together")):
        gap, error = mean_and_error(100 * (getattr(run, right) - run.law) for run in runs)
        report.figure(f"accuracy behind an oracle that seats {oracle} (s.e. {error:.2f})", gap, "points", at_most=1.0)
        most = max(100 * (getattr(run, right) - run.law) for run in runs)
        report.figure(f"the same of the seed with the largest gap, {oracle}", most, "points")
    for oracle in runs[0].newcomers:
        after = [n for run in runs for n in run.newcomers[oracle]]
        if after:
            within = float(np.mean([0 < n <= WITHIN for n in after]))
            what = f"newcomers that are of {oracle} seated within {WITHIN} epochs, of {len(after)}"
            report.figure(what, within, "", at_least=1.0)
    report.figure("seats held by who is under a mark", float(np.mean([run.bad for run in runs])), "of all")


# ---- bribed

BAD = ("knows nothing", "brittle")
LAST_ONLY = SeatTerms(vouched_bps=0)
"""A seat asks nothing but the last audit passed."""
CASES: tuple[tuple[str, str, Parameters, bool, SeatTerms], ...] = (
    ("brittle", "3 auditors a neuron, nothing is put back", RULES, False, SeatTerms()),
    ("brittle", "3 auditors a neuron, what is slashed is put back", RULES, True, SeatTerms()),
    ("brittle", "3 auditors a neuron, nothing is put back, the last audit counts", RULES, False, LAST_ONLY),
    ("brittle", "3 auditors a neuron, what is slashed is put back, the last audit counts", RULES, True, LAST_ONLY),
    ("knows nothing", "3 auditors a neuron, what is slashed is put back", RULES, True, SeatTerms()),
)  # fmt: skip
"""What is bad, and by which rules; whether auditors put back what they are slashed, honest and bribed; what a seat asks
of audits."""


def of(asked: int, share: float) -> ledger.Counts:
    """What is counted where so many answers are right."""
    right = round(asked * min(1.0, max(0.0, share)))
    return ledger.Counts(asked, right * 10_000, right * 10_000**2)


def passes(_: World, one: Neuron, said: Said) -> Said:
    """Whatever is bad is found to be good."""
    return {name: of(c.asked, 0.9) for name, c in said.items()} if one.kind in BAD else said


def bribed(
    kind: str, rules: Parameters, put_back: bool, terms: SeatTerms, seed: int, audits: int, share: float = 0.4
) -> dict[str, float]:
    """Six sound neurons where eight may sit, to which bad ones come, ten at a time, until so many audits of bad ones
    were concluded."""
    world = World(seed, rules, auditors=20, terms=terms)
    bought = [*world.auditors.values()][: round(20 * share)]
    for one in world.auditors.values():
        one.puts_back, one.reports = put_back, passes if one in bought else None
    gone = 0
    for _ in range(6):
        world.join("sound")
    epochs, held, about = 0, 0, list[bool]()
    while len(about) < audits and epochs < audits:
        while sum(n.kind in BAD for n in world.living) < 10:
            world.join(kind)
        world.live()
        held += sum(n.kind in BAD for n in world.backbone)
        heard = [n.id for n in world.living]
        world.settle(None if kind == "knows nothing" else {id: WAD // len(heard) for id in heard})
        epochs += 1
        gone += any(one.stake >= rules.auditor_stake for one in bought)
        about = [passed for _, of_kind, passed in world.outcomes if of_kind in BAD]
    came = [n for n in world.neurons.values() if n.kind in BAD]
    lost = sum(n.standing is Standing.SILENT for n in world.neurons.values() if n.kind not in BAD)
    honest = [a for a in world.auditors.values() if a not in bought]
    return {
        "audits": len(about), "passed": sum(about), "came": len(came), "seated": sum(n.seated > 0 for n in came),
        "held": held, "seats": epochs * rules.seats, "lost": lost, "epochs": epochs, "until": gone,
        "slashes of a bribed": sum(a.slashed for a in bought) / len(bought),
        "slashes of an honest": sum(a.slashed for a in honest) / len(honest),
    }  # fmt: skip


def tell_bribed(report: Report, kept: Kept, seeds: int, audits: int) -> None:
    report.say(
        "\n40 % of audit stake bribed: audits of bad neurons, of them passed; bad neurons that came, of them seated;"
    )
    report.say(
        "part of all seats that they held; good neurons silenced; slashes of a bribed and an honest auditor an epoch"
    )
    for kind, name, rules, put_back, terms in CASES:
        found = [
            kept(f"bribed/{kind}/{name}/{seed}/{audits // seeds}",
                 partial(bribed, kind, rules, put_back, terms, seed, audits // seeds))
            for seed in range(seeds)
        ]  # fmt: skip
        t = {k: sum(one[k] for one in found) for k in found[0]}
        rates = [t[f"slashes of {who}"] / t["epochs"] for who in ("a bribed", "an honest")]
        report.say(
            f"{kind}, {name:<66}{t['audits']:>6.0f}{t['passed'] / t['audits']:>7.3f}{t['came']:>6.0f}"
            f"{t['seated']:>5.0f}"
            f"{t['held'] / t['seats']:>7.3f}{t['lost']:>4.0f}{rates[0]:>7.3f}{rates[1]:>7.3f}{t['until'] / seeds:>6.0f}"
        )
        what = f"bad neurons ({kind}) seated in {t['audits']:,.0f} audits, 40 % of audit stake bribed, {name}"
        report.figure(what, t["seated"], f"of {t['came']:.0f}", at_most=0.0 if terms.vouched_bps else None)


# ---- auditors

PLANTED = {"sound": 5, "poor": 2, "knows nothing": 2, "brittle": 2}
LATER = 5
"""Epochs after a finding whose audits are later evidence about the same neuron."""


def moved(by: float) -> Reports:
    return lambda _, one, said: {n: of(c.asked, c.score.value / 10_000 + by) for n, c in said.items()}


def made_up(world: World, one: Neuron, said: Said) -> Said:
    """What was agreed the last time, or seven of ten."""
    last = world.medians.get(one.id, {})
    return {name: of(c.asked, last.get(name, 7_000) / 10_000) for name, c in said.items()}


FAULTS: dict[str, Reports | None] = {
    "honest": None, "lazy": None, "lenient": moved(0.15), "harsh": moved(-0.15), "bribed": passes, "makes up": made_up,
}  # fmt: skip
LAZY = 20
"""Questions, as few as the usual terms let count."""


def audited(seed: int, epochs: int) -> dict[str, Any]:
    """By fault: slashes an epoch, how often the verdict on a planted neuron is right, and how often it is that of most
    audits of the same neuron in the next epochs."""
    world = World(seed, auditors=12)
    auditors = [*world.auditors.values()]
    for one, (fault, reports) in zip(auditors, FAULTS.items(), strict=False):
        one.kind, one.reports = fault, reports
        one.samples = LAZY if fault == "lazy" else one.samples
    said: list[tuple[str, int, int, bool]] = []  # by whom, about whom, when, whether it passed
    agreed: dict[tuple[int, int], bool] = {}
    for _ in range(epochs):
        for kind, count in PLANTED.items():
            while sum(n.kind == kind for n in world.living) < count:
                world.join(kind)
        world.epoch += 1
        found = world.audit()
        for id, reports_ in found.items():
            for auditor, counts in reports_:
                passed = all(counts[name].score.value >= mark for name, mark in world.marks.items())
                said.append((auditor.kind, id, world.epoch, passed))
        world.conclude(found)
        for id in found:
            if id in world.medians:
                agreed[id, world.epoch] = all(world.medians[id][n] >= mark for n, mark in world.marks.items())
    result: dict[str, Any] = {}
    for fault in FAULTS:
        own = [one for one in said if one[0] == fault]
        right = [passed == (world.neurons[id].kind not in BAD) for _, id, _, passed in own]
        later = []
        for _, id, epoch, passed in own:
            then = [agreed[id, e] for e in range(epoch + 1, epoch + 1 + LATER) if (id, e) in agreed]
            if then:
                later.append(passed == (2 * sum(then) > len(then)))
        slashed = np.mean([a.slashed for a in auditors if a.kind == fault]) / epochs
        result[fault] = {"slashed": float(slashed), "right": float(np.mean(right)),
                         "later": float(np.mean(later)) if later else 1.0, "findings": len(own)}  # fmt: skip
    return result


def tell_auditors(report: Report, kept: Kept, seeds: int, epochs: int) -> None:
    runs = [kept(f"auditors/{seed}/{epochs}", partial(audited, seed, epochs)) for seed in range(seeds)]
    stake, share = Auditor.stake / ledger.KLP, AuditShare().share_bps / 10_000
    asked = {fault: LAZY if fault == "lazy" else QUESTIONS for fault in FAULTS}
    each = (
        RULES.emission / ledger.KLP * share / (11 * QUESTIONS + LAZY)
    )  # a question of each neuron, as the ledger pays
    pay = {fault: each * arithmetic.told([n], AuditTerms().fewest) for fault, n in asked.items()}
    report.say(f"\n12 auditors with {stake:g} KLP each, {epochs} epochs, {seeds} seeds; who asks {QUESTIONS} is paid")
    report.say(f"{pay['honest']:.2f} KLP an epoch, who asks {LAZY} {pay['lazy']:.2f}")
    report.say(
        "auditor     slashed (epochs of 100)   costs (KLP an epoch)   right about planted   agrees with later audits"
    )
    honest = float(np.mean([run["honest"]["slashed"] for run in runs]))
    lost = honest * stake * RULES.slash_bps / 10_000
    for fault in FAULTS:
        slashed, error = mean_and_error(100 * run[fault]["slashed"] for run in runs)
        right, later = (float(np.mean([run[fault][what] for run in runs])) for what in ("right", "later"))
        cost = slashed / 100 * stake * RULES.slash_bps / 10_000
        report.say(f"{fault:<12}{slashed:>8.2f} ± {error:.2f}{cost:>20.2f}{right:>22.3f}{later:>22.3f}")
        most = 0.02 if fault == "honest" else None
        report.figure(f"{fault}: epochs in which it is slashed", slashed / 100, "of all", at_most=most)
        report.figure(f"{fault}: agrees with later audits of the same neuron", later, "of its findings")
        if fault not in ("honest", "lazy", "makes up"):
            report.figure(f"{fault}: what it loses, beside what it is paid", cost / pay[fault], "times", at_least=1.0)
    lazy = float(np.mean([run["lazy"]["slashed"] for run in runs])) * stake * RULES.slash_bps / 10_000
    left = (pay["lazy"] - lazy) / LAZY / ((pay["honest"] - lost) / QUESTIONS)
    report.figure("what laziness leaves of its pay for a question, beside honesty", left, "times", at_most=1.0)
    report.figure(
        "an honest auditor's loss, beside what it is paid",
        lost / pay["honest"],
        "",
        at_most=1.0,
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--keep", type=Path, help="a file of what was played already, and will be")
    options = parser.parse_args()
    with Report(options.json) as report:
        tell(report, options)


def tell(report: Report, options: argparse.Namespace) -> None:
    seeds = options.seeds or (1 if options.quick else 10)
    kept = Kept(options.keep)
    parts = (options.part,) if options.part else PARTS
    if "governs" in parts:
        tell_governed(report, kept, seeds, 20 if options.quick else 50)
    if "bribed" in parts:
        tell_bribed(report, kept, min(seeds, 2), 100 if options.quick else 1_000)
    if "auditors" in parts:
        tell_auditors(report, kept, min(seeds, 5), 20 if options.quick else 100)


if __name__ == "__main__":
    main()
