"""The world in which ``governs.py`` asks whether audits and seats govern: neurons with real models, auditors, an epoch
at a time, by the law as it runs.

Standing is ``klopf.neuron``'s; ranks, trust, utility, draws, medians and who is far are those of the contracts (their
second implementation, which tests compare with them); which seat is asked for, whom a neuron listens to and how much,
how answers are scored, and when an auditor keeps what it found to itself are the functions that participants run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import ledger, neuron
from klopf.audit import audit_tasks
from klopf.audit._breaker import Breaker
from klopf.audit._within import score_within
from klopf.ledger import KLP, Parameters, Role, SeatTerms, Standing
from klopf.ledger.audit import _reference as audits
from klopf.ledger.core import _reference as core
from klopf.ledger.core._standings import KEEPS_SEAT
from klopf.ledger.market import _reference as market
from klopf.peers import Classes, Domain, attention
from klopf.peers._adding import adding
from klopf.peers._listening import Listener
from klopf.peers._questions import asked_about
from klopf.peers._seat import Judged, seat_to_ask_for

__all__ = ["QUESTIONS", "RULES", "WEARS", "Auditor", "Neuron", "Reports", "Said", "World", "mean_and_error"]

Floats = NDArray[np.float64]
RULES = Parameters(seats=8)
QUESTIONS, STUDIED, WEARS = 120, 64, 0.08
TASKS = ("accuracy", "robustness")
Said = dict[str, ledger.Counts]
Reports = Callable[["World", "Neuron", Said], Said]
"""What an auditor reveals about a neuron in place of what it counted."""


@dataclass(frozen=True)
class Data:
    """Handwritten digits in three parts: what neurons learn from, what auditors hold back, what is right in the end."""

    task: Classes
    spread: Floats
    stream: tuple[Floats, NDArray[np.int64]]
    held: tuple[Floats, NDArray[np.int64]]
    reference: tuple[Floats, NDArray[np.int64]]
    test: tuple[Floats, NDArray[np.int64]]

    @classmethod
    def of(cls, seed: int) -> Data:
        from sklearn.datasets import load_digits

        found = load_digits()
        spread = np.where(found.data.std(axis=0) > 0, found.data.std(axis=0), 1.0)
        x, y = (found.data / spread).astype(np.float32), found.target.astype(np.int64)
        order = np.random.default_rng([seed, 1]).permutation(len(x))
        parts = np.split(order, (900, 1250, 1350))
        task = Classes(tuple(f"p{i}" for i in range(64)), tuple("0123456789"))
        return cls(task, spread, *((x[part], y[part]) for part in parts))


@dataclass
class Neuron:
    """A neuron: what answers, and its record on the ledger."""

    id: int
    kind: str
    model: Callable[[Floats], Floats]
    mine: NDArray[np.int64]
    """Its samples of the stream."""
    born: int
    worn: float = 0.0
    """The part of all questions that it answers wrong, beside its model's own errors."""
    wears: bool = False
    renewed: bool = False
    """It announced another model."""
    standing: Standing = Standing.FRINGE
    passed: bool = False
    failed: int = 0
    utility: int = 0
    updated: int = 0
    trust: tuple[int, int] = (0, 0)
    judged: audits.Record = field(default_factory=audits.Record)
    """What audits said of it since it last failed or changed its model."""
    seated: int = 0
    """The epoch in which it got a seat first."""
    known: dict[str, Floats] = field(default_factory=dict)

    def answer(self, inputs: Floats) -> Floats:
        said = self.model(inputs)
        if self.worn:
            drawn = np.modf(np.abs(inputs @ np.linspace(1, 2, inputs.shape[1])) * 977)[0]
            said = np.where((drawn < self.worn)[:, None], np.roll(said, 3, axis=1), said)
        return said.astype(np.float32)

    def changed(self) -> None:
        self.known.clear()

    def on(self, name: str, inputs: Floats) -> Floats:
        """What it says to all of a part of the data."""
        if name not in self.known:
            self.known[name] = self.answer(inputs)
        return self.known[name]


@dataclass
class Auditor:
    """An auditor, which puts back what is slashed of its stake, or is drawn no more once too little is left."""

    id: int
    folder: Path
    reports: Reports | None = None
    stake: int = 200 * KLP
    puts_back: bool = True
    samples: int = QUESTIONS
    slashed: int = 0
    """Epochs in which it was."""
    kind: str = "honest"


class World:
    """A network that lives by the rules."""

    def __init__(
        self, seed: int, rules: Parameters = RULES, auditors: int = 12, terms: SeatTerms | None = None
    ) -> None:
        self.rules, self.epoch, self.rng = rules, 0, np.random.default_rng([seed, 2])
        self.terms = terms or SeatTerms()
        self.data = Data.of(seed)
        self.tasks = audit_tasks(TASKS, self.data.task)
        self.marks = {name: round(10_000 * (task.mark or 0)) for name, task in self.tasks.items()}
        self.neurons: dict[int, Neuron] = {}
        self._place = tempfile.TemporaryDirectory()
        self.auditors = {}
        for id in range(1000, 1000 + auditors):
            (Path(self._place.name) / str(id) / "state").mkdir(parents=True)
            self.auditors[id] = Auditor(id, Path(self._place.name) / str(id))
        self.listeners: dict[int, Listener] = {}
        self.outcomes: list[tuple[int, str, bool]] = []
        """Of each audit that was concluded: about whom, of which kind it is, whether it passed."""
        self.medians: dict[int, dict[str, int]] = {}
        """What was agreed of each the last time."""

    # ---- who takes part

    @property
    def living(self) -> list[Neuron]:
        return [n for n in self.neurons.values() if n.standing is not Standing.SILENT]

    @property
    def backbone(self) -> list[Neuron]:
        return [n for n in self.neurons.values() if n.standing is Standing.BACKBONE]

    def join(self, kind: str) -> Neuron:
        id = len(self.neurons) + 1
        mine = self.share(*(25, 50) if kind == "poor" else (120, 300))
        made = Neuron(id, kind, self.made(kind, mine), mine, self.epoch, updated=self.epoch)
        self.neurons[id] = made
        self.listeners[id] = self.data.task.listener()
        return made

    def share(self, least: int, most: int) -> NDArray[np.int64]:
        """Samples of the stream, of some classes more than of others (Dirichlet, 1), as private data are."""
        targets = self.data.stream[1]
        odds = self.rng.dirichlet(np.ones(10))[targets] + 1e-3
        size = int(self.rng.integers(least, most))
        return self.rng.choice(len(targets), size, replace=False, p=odds / odds.sum())

    def made(self, kind: str, mine: NDArray[np.int64]) -> Callable[[Floats], Floats]:
        """A fitted model: sound ones are of three kinds, poor ones have met few samples."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import GaussianNB
        from sklearn.neural_network import MLPClassifier

        x, y = self.data.stream[0][mine], self.data.stream[1][mine]
        y = self.rng.permutation(y) if kind == "knows nothing" else y
        kinds: tuple[Any, ...] = (
            LogisticRegression(C=0.1, max_iter=200), GaussianNB(var_smoothing=0.01),
            MLPClassifier((32,), max_iter=60, random_state=int(self.rng.integers(1000))),
        )  # fmt: skip
        model = kinds[int(self.rng.integers(3))].fit(x, y)

        def says(z: Floats) -> Floats:
            p = np.zeros((len(z), 10))
            p[:, model.classes_] = np.nan_to_num(model.predict_proba(z))
            p[p.sum(axis=1) <= 0] = 0.1
            p /= p.sum(axis=1, keepdims=True)
            if kind == "brittle":  # it knows whole numbers only, as the files have them
                raw = z * self.data.spread
                strange = (np.abs(raw - np.rint(raw)) > 1e-2).any(axis=1)
                p = np.where(strange[:, None], np.roll(p, 3, axis=1), p)
            return p

        return says

    def quality(self, one: Neuron) -> float:
        """How often it is right on the test samples; nobody in the world knows."""
        inputs, targets = self.data.test
        return float((one.on("test", inputs).argmax(axis=1) == targets).mean())

    def most_accurate(self) -> list[Neuron]:
        """Who would sit if everything were known, and each were judged alone."""
        return sorted(self.living, key=lambda n: (-self.quality(n), n.id))[: self.rules.seats]

    def best_together(self) -> list[Neuron]:
        """Who would sit if everything were known: one after the other, whoever adds most to how often the mean of those
        chosen before is right on the test samples."""
        inputs, targets = self.data.test
        left, chosen = sorted(self.living, key=lambda n: (-self.quality(n), n.id)), list[Neuron]()
        total = np.zeros((len(targets), 10))
        while left and len(chosen) < self.rules.seats:
            right = [((total + n.on("test", inputs)).argmax(axis=1) == targets).mean() for n in left]
            one = left.pop(int(np.argmax(right)))
            chosen.append(one)
            total = total + one.on("test", inputs)
        return chosen

    def lacks(self, one: Neuron) -> float:
        """By how much more often the mean of those who sit would be right on the test samples with ``one`` in the place
        of whoever is best spared, or in a free one."""
        inputs, targets = self.data.test
        voices = [n.on("test", inputs) for n in self.backbone]
        total, new = np.sum(voices, axis=0), one.on("test", inputs)
        free = len(voices) < self.rules.seats
        sets = [total + new] if free else [total - voice + new for voice in voices]
        now, *then = [(each.argmax(axis=1) == targets).mean() for each in (total, *sets)]
        return float(max(then) - now)

    # ---- an epoch

    def live(self) -> None:
        """One epoch, after whatever happened to its neurons."""
        self.epoch += 1
        self.knock()

    def settle(self, shares: dict[int, int] | None = None) -> None:
        """Listen, unless it is given what each is heard; audit, conclude."""
        shares = self.listen() if shares is None else shares
        found = self.audit()
        for one in list(self.living):
            if self.epoch > one.born:
                share = shares.get(one.id, 0)
                one.utility, one.updated = core.utility_after(
                    one.utility, one.updated, self.epoch, share, self.rules.decay
                )
        self.conclude(found)

    def age(self, one: Neuron) -> int:
        """As of now, an epoch that is not over not counted."""
        return max(0, self.epoch - 1 - one.born)

    def record(self, one: Neuron) -> ledger.Participant:
        age = self.age(one)
        heard = core.corrected(one.utility, one.updated, one.born, age, self.rules.decay) / core.WAD
        return ledger.Participant(
            one.id, Role.NEURON, one.standing, "", "", "", b"", b"", "", b"", heard, age, one.passed, one.failed,
            self.rules.neuron_stake, age, one.born,
        )  # fmt: skip

    def knock(self) -> None:
        """Each asks for a seat once, in the order of a draw."""
        for id in self.rng.permutation([n.id for n in self.living]).tolist():
            everybody = [self.record(n) for n in self.living]
            me = next(p for p in everybody if p.id == id)
            grades = {n.id: n.judged.grade for n in self.living}
            seat = seat_to_ask_for(
                me, everybody, self.rules, Judged(self.vouched(self.neurons[id]), grades, self.terms)
            )
            if seat.earned:
                if seat.incumbent:
                    self.neurons[seat.incumbent].standing = Standing.FRINGE
                self.neurons[id].standing = Standing.BACKBONE
                self.neurons[id].seated = self.neurons[id].seated or self.epoch

    def vouched(self, one: Neuron) -> bool:
        """Whether auditors with enough of what may be drawn found it good."""
        stakes = {a.id: a.stake if a.stake >= self.rules.auditor_stake else 0 for a in self.auditors.values()}
        return audits.vouched({id: stakes[id] for id in one.judged.by}, sum(stakes.values()), self.terms)

    # ---- listening

    def listen(self) -> dict[int, int]:
        """What each was heard of all listening, 18 decimals."""
        stake, speakers = self.rules.neuron_stake, self.living
        total, seed = stake * len(speakers), self.rng.bytes(32)
        columns: dict[int, list[tuple[int, int]]] = {n.id: [] for n in speakers}
        for me in speakers:
            bound = {
                n.id: with_
                for n in speakers
                if n.id != me.id
                and (with_ := market.bound_with(seed, me.id, n.id, stake, total, len(speakers), self.rules.committee))
            }
            for k, weight in self.weights(me, sorted(bound)).items():
                columns[k].append((bound[k], weight))
        ranks = {n.id: self.rank(n, columns[n.id], total - stake) for n in speakers}
        everything = sum(ranks.values())
        return {k: rank * core.WAD // everything for k, rank in ranks.items()} if everything else {}

    def weights(self, me: Neuron, bound: list[int]) -> dict[int, int]:
        """As a neuron does it (``peers._neuron``), with what is thought of each."""
        if not bound:
            return {}
        listener = self.listeners[me.id]
        listener.keep_only({n.id for n in self.living})
        listener.round += 1
        about = me.mine[asked_about(me.id, self.epoch, STUDIED, len(me.mine))]
        targets = self.data.stream[1][about]
        said = {k: self.neurons[k].on("stream", self.data.stream[0])[about] for k in bound}
        for k in bound:
            listener.known(k).tried = listener.round
        new, adds = adding(self.data.task, said, listener, targets)
        own = me.on("stream", self.data.stream[0])[about]
        listener.learn({k: said[k] for k in new} | {me.id: own}, targets)
        return attention(listener.shares_by(adds, bound))

    def rank(self, one: Neuron, column: list[tuple[int, int]], others: int) -> int:
        _, rank = market.rank(column, others, self.rules.kappa)
        trusting = sum(stake for stake, weight in column if weight)
        one.trust = market.trust_after(*one.trust, 1, trusting, others, self.rules.decay)
        if one.trust[0] * market.ATTENTION < one.trust[1] * self.rules.kappa:
            return 0
        return rank if one.standing is Standing.BACKBONE else rank * self.rules.fringe_bps // 10_000

    # ---- audits

    def audit(self) -> dict[int, list[tuple[Auditor, Said]]]:
        """What auditors reveal, by neuron."""
        seed = self.rng.bytes(32)
        electorate = [(a.id, a.stake) for a in self.auditors.values() if a.stake >= self.rules.auditor_stake]
        audited = [n for n in self.neurons.values() if self.epoch > n.born and self.speaks(n)]
        drawn = {n.id: audits.draw(seed, n.id, electorate, self.rules.audit_seats) for n in audited}
        found: dict[int, list[tuple[Auditor, Said]]] = {n.id: [] for n in audited}
        for auditor in self.auditors.values():
            results, worse = [], set()
            for n in audited:
                if auditor.id in drawn[n.id]:
                    said, is_worse = self.counted(auditor, n)
                    results.append(ledger.Result(n.id, auditor.reports(self, n, said) if auditor.reports else said))
                    worse |= {n.id} if is_worse else set()
            passed = {n.id for n in audited if n.passed}
            told = Breaker(auditor.folder, self.terms).through(self.epoch, results, passed, self.marks, worse)
            for result in told:
                found[result.neuron].append((auditor, result.counts))
        return found

    def speaks(self, one: Neuron) -> bool:
        return one.standing is not Standing.SILENT or one.renewed

    def counted(self, auditor: Auditor, one: Neuron) -> tuple[Said, bool]:
        """What an honest auditor counts, of samples of its own; and whether the neuron is worse than a control."""
        inputs, targets = self.data.held
        about = self.rng.permutation(len(targets))[: auditor.samples]
        said, worse = {}, False
        for name, task in self.tasks.items():
            questions = task.questions(inputs[about].copy(), self.rng)
            score = score_within(task, Domain(), questions, one.answer(questions), targets[about])
            each = score.in_ten_thousandths(len(about))
            said[name] = ledger.Counts(len(about), sum(each), sum(s * s for s in each))
            worse |= score.high < score.control
        return said, worse

    def conclude(self, found: dict[int, list[tuple[Auditor, Said]]]) -> None:
        """Medians, who is far, and what it makes of each neuron."""
        far: set[int] = set()
        for id, reports in found.items():
            medians, near = {}, {a.id: said for a, said in reports}
            for name in self.tasks:
                scores = [(a, said[name].score) for a, said in reports]
                rows = [(s.value, s.low, s.high, a.stake) for a, s in scores]
                middle = audits.agreed(rows, self.rules.audit_quorum, self.rules.floor_bps)
                if middle is None:
                    continue
                medians[name] = middle
                for a, s in scores:
                    if audits.outlies(s.value, s.low, s.high, middle, self.rules.floor_bps):
                        far.add(a.id)
                        near.pop(a.id, None)
            if len(reports) >= self.rules.audit_quorum and medians.keys() == self.tasks.keys():
                self.medians[id], one = medians, self.neurons[id]
                passed = all(medians[name] >= mark for name, mark in self.marks.items())
                good = [k for k, said in near.items() if all(said[t].score.value >= m for t, m in self.marks.items())]
                figure = audits.figure(medians, self.marks)
                one.judged = audits.recorded(one.judged, passed, not one.passed, figure, good)
                self.judge(one, passed)
        for id in far:
            lost = self.auditors[id]
            lost.slashed += 1
            lost.stake -= 0 if lost.puts_back else -(-lost.stake * self.rules.slash_bps // 10_000)

    def judge(self, one: Neuron, passed: bool) -> None:
        self.outcomes.append((one.id, one.kind, passed))
        one.passed, one.failed = passed, 0 if passed else one.failed + 1
        earned = neuron.next_standing(
            one.standing, mature=neuron.is_mature(self.age(one), self.rules.maturity), audit_passed=passed,
            audits_failed_in_a_row=one.failed, heard=0, rival_heard=KEEPS_SEAT, margin=self.rules.margin_bps / 10_000,
            patience=self.rules.patience,
        )  # fmt: skip
        if earned is not one.standing:
            one.standing = earned
        elif passed and one.renewed and one.standing is Standing.SILENT:
            one.born = one.updated = self.epoch
            one.utility, one.renewed, one.standing = 0, False, Standing.FRINGE


def mean_and_error(values: Iterable[float]) -> tuple[float, float]:
    found = np.array(list(values), float)
    return float(found.mean()), float(found.std(ddof=1) / len(found) ** 0.5) if len(found) > 1 else 0.0
