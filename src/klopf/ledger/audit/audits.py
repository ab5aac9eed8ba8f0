"""Audits: drawn, committed, revealed, concluded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.errors import LedgerError
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._parameters import Marks as Terms
from klopf.ledger._parameters import task_id, task_name
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.audit import _reference as ref
from klopf.ledger.audit.audit_terms import AuditTermsReplay
from klopf.ledger.audit.marks import MarksReplay
from klopf.ledger.audit.seats import SeatsReplay
from klopf.ledger.core._participant import Role
from klopf.ledger.core.clock import Clock, ClockReplay, Phase
from klopf.ledger.core.registry import Registry, RegistryReplay
from klopf.ledger.core.rules import Rules
from klopf.ledger.core.stake import StakeReplay
from klopf.ledger.keys import checksum
from klopf.neuron import Standing

__all__ = [
    "MOST_TASKS",
    "Absent",
    "Audits",
    "AuditsReplay",
    "Committed",
    "Concluded",
    "Counts",
    "Outlier",
    "Punished",
    "Result",
    "Revealed",
    "Score",
    "fitting",
    "rows_of",
]

_DRAWS = 600
"""Seats that are drawn in one call, of 200 neurons where each has three: about 9,000,000 gas among 1,000 auditors."""
_ASKED, _ENDED, _PUNISHED = 1000, 120, 40
"""Neurons that are asked about in one call, findings that are concluded and auditors who are punished in one
transaction."""
MOST_TASKS = 8
"""Tasks that one auditor may score one neuron in."""
_ROOM, _RESULT, _SEAT, _TASK = 15_000, 70, 16, 33
"""Thousands of gas that a reveal may take, and what each result takes of it: for itself, for each seat that is drawn
for its neuron (among 1,000 auditors), and for each task."""
_COMMITTED = ("uint32", "address", "(uint32,(bytes26,uint16,int64,uint64,bytes32)[])[]", "bytes32")


@dataclass(frozen=True)
class Score:
    """What one auditor found in one task, and its 95 % interval, in 1/10,000; the contract makes it from what was
    counted."""

    value: int
    low: int
    high: int


@dataclass(frozen=True)
class Counts:
    """What one auditor counted in one task. Each question scores 10,000 where it is answered right and 0 where it is
    not, or whatever it adds to the mean, from -160,000 to 160,000."""

    asked: int
    """Questions, all of them answered."""
    sum: int
    """Of their scores."""
    squares: int
    """Of their scores."""
    root: bytes = bytes(32)
    """Of the transcript of questions and answers."""

    @cached_property
    def score(self) -> Score:
        """The score that the contract makes of it."""
        return Score(*ref.interval(self.asked, self.sum, self.squares))

    @classmethod
    def likeliest(cls, score: Score) -> Counts:
        """What was counted, as far as can be told, where only a score is known."""
        return cls(*ref.likeliest(score.value, score.low, score.high))


@dataclass(frozen=True)
class Result:
    """What one auditor found about one neuron: what it counted in each task, by the task's name. A score stands for the
    counts that are likeliest."""

    neuron: int
    scores: Mapping[str, Counts | Score]

    @cached_property
    def counts(self) -> dict[str, Counts]:
        """What goes on the ledger, by task."""
        return {t: s if isinstance(s, Counts) else Counts.likeliest(s) for t, s in self.scores.items()}

    def as_tuple(self) -> tuple[Any, ...]:
        """As the contract has it: by task."""
        rows = sorted((task_id(task), c.asked, c.sum, c.squares, c.root) for task, c in self.counts.items())
        return self.neuron, rows

    @classmethod
    def from_tuple(cls, row: tuple[int, Iterable[tuple[bytes, int, int, int, bytes]]]) -> Result:
        """From the contract's struct."""
        neuron, counts = row
        return cls(neuron, {task_name(task): Counts(n, s, squares, root) for task, n, s, squares, root in counts})


@dataclass(frozen=True)
class Committed(Event):
    epoch: int
    auditor: int
    commitment: bytes


@dataclass(frozen=True)
class Revealed(Event):
    epoch: int
    auditor: int
    results: tuple[Result, ...]
    salt: bytes

    @classmethod
    def read(cls, place: tuple[int, int, str, str], values: Sequence[Any]) -> Self:
        epoch, auditor, rows, salt = values
        return cls(*place, epoch, auditor, tuple(Result.from_tuple(row) for row in rows), salt)


@dataclass(frozen=True)
class Concluded(Event):
    epoch: int
    neuron: int
    results: int
    medians: dict[str, int]
    """By task, of those that enough auditors scored."""
    passed: bool

    @classmethod
    def read(cls, place: tuple[int, int, str, str], values: Sequence[Any]) -> Self:
        epoch, neuron, results, medians, passed = values
        return cls(*place, epoch, neuron, results, {task_name(task): median for task, median in medians}, passed)


@dataclass(frozen=True)
class Absent(Event):
    epoch: int
    auditor: int


@dataclass(frozen=True)
class Outlier(Event):
    epoch: int
    auditor: int
    neuron: int
    task: str
    score: int
    median: int

    @classmethod
    def read(cls, place: tuple[int, int, str, str], values: Sequence[Any]) -> Self:
        epoch, auditor, neuron, task, score, median = values
        return cls(*place, epoch, auditor, neuron, task_name(task), score, median)


@dataclass(frozen=True)
class Punished(Event):
    """An auditor that was marked is slashed for being far from the others about a neuron."""

    epoch: int
    auditor: int
    neuron: int


class AuditsReplay(Replay):
    """Who was drawn, what each committed to and found, and who is slashed for it."""

    def begin(self) -> None:
        self.clock, self.registry, self.stake = self.of(ClockReplay), self.of(RegistryReplay), self.of(StakeReplay)
        self.rules, self.marks, self.terms = self.clock.rules, self.of(MarksReplay), self.of(AuditTermsReplay)
        self.seats = self.of(SeatsReplay) if "Seats" in self.run.ledger.deployment.addresses else None
        self.commitments: dict[tuple[int, int], bytes] = {}
        self.keys: dict[tuple[int, int], str] = {}
        """With which each committed."""
        self.awaited: defaultdict[int, set[int]] = defaultdict(set)
        """By epoch, who committed with an auditor's stake and has not revealed."""
        self.clock.owing.append(lambda epoch: len(self.awaited[epoch]))
        self.findings: dict[tuple[int, int], list[tuple[int, Result]]] = defaultdict(list)
        self.counted: Counter[int] = Counter()
        """By epoch, what findings about neurons that were bound to listen tell, in questions."""
        self.bound: set[tuple[int, int, int]] = set()
        """Epochs, neurons and auditors of those findings."""
        self.revealed: set[tuple[int, int]] = set()
        self.shown_at: dict[tuple[int, int], int] = {}
        """When each revealed, in seconds since 1970."""
        self.concluded: set[tuple[int, int]] = set()
        self.punished: set[tuple[int, int]] = set()
        self.far: dict[tuple[int, int], tuple[list[int], int]] = {}
        """By epoch and neuron, the auditors who are far from what was agreed, and from when on they may be punished, in
        seconds since 1970."""
        self.contradicted: set[tuple[int, int]] = set()
        """Epochs and neurons that were shown to contradict themselves, as the evidence says."""

    def on_Committed(self, e: Committed) -> None:
        self.clock.during(e, e.epoch, Phase.LISTEN)
        self.commitments[e.epoch, e.auditor] = e.commitment
        self.keys[e.epoch, e.auditor] = self.registry.members[e.auditor].key
        if self.registry.members[e.auditor].staked >= self.rules.now.auditor_stake:
            self.awaited[e.epoch].add(e.auditor)

    def on_Revealed(self, e: Revealed) -> None:
        at, key, rules = self.where(e), self.keys.get((e.epoch, e.auditor), ZERO), self.rules.now
        self.clock.during(e, e.epoch, Phase.CLAIM)
        self.differ(f"second reveal of {e.auditor} in epoch {e.epoch}", False, (e.epoch, e.auditor) in self.revealed)
        self.revealed.add((e.epoch, e.auditor))
        self.awaited[e.epoch].discard(e.auditor)
        self.shown_at[e.epoch, e.auditor] = self.time_of(e.block)
        digest = keccak(encode(_COMMITTED, (e.epoch, key, [r.as_tuple() for r in e.results], e.salt)))
        self.differ(f"what {at} committed to", self.commitments.get((e.epoch, e.auditor)), digest)
        electorate = self.registry.electorate(e.epoch)
        terms = self.terms.counted_in(e.epoch)
        for result in e.results:
            few = 0 < len(result.counts) <= MOST_TASKS
            self.differ(f"what {e.auditor} says of {result.neuron} in one task to {MOST_TASKS}", True, few)
            for task, c in result.counts.items():
                fair = terms.fewest <= c.asked <= terms.most and ref.possible(c.asked, c.sum, c.squares)
                self.differ(f"what {e.auditor} counted of {result.neuron} in {task} as can be", True, fair)
            drawn = ref.draw(self.clock.seeds[e.epoch], result.neuron, electorate, rules.audit_seats)
            self.differ(f"auditor {e.auditor} drawn for {result.neuron} in {at}", True, e.auditor in drawn)
            self.findings[e.epoch, result.neuron].append((e.auditor, result))
            if self.registry.bound_with(result.neuron, e.epoch):
                self.bound.add((e.epoch, result.neuron, e.auditor))
                self.counted[e.epoch] += self.told(e.epoch, result)

    def told(self, epoch: int, result: Result) -> int:
        """What a finding of ``epoch`` tells, in questions that are paid."""
        return ref.told([c.asked for c in result.counts.values()], self.terms.counted_in(epoch).fewest)

    def on_Concluded(self, e: Concluded) -> None:
        at, found, rules = self.where(e), self.findings[e.epoch, e.neuron], self.rules.played_in(e.epoch)
        self.clock.over(e, e.epoch)
        open_ = [
            n for n, neuron in self.findings if neuron == e.neuron and n < e.epoch and (n, neuron) not in self.concluded
        ]
        self.differ(f"earlier audits that {at} leaves open", [], open_)
        again = (e.epoch, e.neuron) in self.concluded
        self.differ(f"second conclusion of {e.neuron} for epoch {e.epoch}", False, again)
        self.concluded.add((e.epoch, e.neuron))
        medians, enough = self.medians(e.epoch, found), len(found) >= rules.audit_quorum
        outcomes = [self.outcome(medians, self.marks.counted_in(epoch)) for epoch in (e.epoch, self.clock.epoch)]
        passed = enough and (True, True) in outcomes  # what was eased since counts, what was raised does not
        judged = enough and (passed or outcomes[0][0])
        self.differ(at, (len(found), medians, passed), (e.results, e.medians, e.passed))
        far: list[int] = []
        for auditor, r in found:
            for task, c in r.counts.items():
                s = c.score
                middle = medians.get(task)
                if middle is not None and ref.outlies(s.value, s.low, s.high, middle, rules.floor_bps):
                    self.expect("Audits.Outlier", e.epoch, auditor, e.neuron, task, s.value, middle)
                    far.append(auditor)
        if judged and (m := self.registry.members[e.neuron]).role is Role.NEURON:
            if self.seats is not None:
                asked = self.marks.counted_in(
                    e.epoch if outcomes[0] == (True, True) or not passed else self.clock.epoch
                )
                values = [(a, {t: c.score.value for t, c in r.counts.items()}) for a, r in found if a not in far]
                by = [a for a, said in values if self.outcome(said, asked) == (True, True)]
                self.seats.judged(e.neuron, passed, not m.passed, ref.figure(medians, asked.least), by)
            self.registry.judge(e.neuron, e.epoch, passed)
        signed = "Challenges" in self.run.ledger.deployment.addresses
        wait = min(self.terms.counted_in(e.epoch).challenge_seconds, rules.thaw_seconds // 4) if signed else 0
        self.far[e.epoch, e.neuron] = list(dict.fromkeys(far)), self.time_of(e.block) + wait

    def outcome(self, medians: dict[str, int], marks: Terms) -> tuple[bool, bool]:
        """Whether every marked task has a median, and whether all of them reach their marks."""
        judged = all(task in medians for task in marks.least)
        return judged, judged and all(medians[task] >= mark for task, mark in marks.least.items())

    def medians(self, epoch: int, found: list[tuple[int, Result]]) -> dict[str, int]:
        """Of each task that enough auditors scored and that most of their stake, as it was when ``epoch`` opened, is
        near."""
        scored: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
        for auditor, r in found:
            stake = self.registry.members[auditor].stake_at(epoch)
            for task, c in r.counts.items():
                scored[task].append((c.score.value, c.score.low, c.score.high, stake))
        rules = self.rules.played_in(epoch)
        middles = {task: ref.agreed(said, rules.audit_quorum, rules.floor_bps) for task, said in scored.items()}
        return {task: middle for task, middle in middles.items() if middle is not None}

    def on_Punished(self, e: Punished) -> None:
        at, (far, due) = self.where(e), self.far[e.epoch, e.neuron]
        self.differ(f"mark before {at}", True, e.auditor in far)
        self.differ(f"{at} when nobody can contradict any more", True, self.time_of(e.block) >= due)
        self.differ(f"contradiction of {e.neuron} before {at}", False, (e.epoch, e.neuron) in self.contradicted)
        self.take(e.epoch, e.auditor, self.rules.played_in(e.epoch).slash_bps)

    def marked(self, epoch: int, neuron: int, auditor: int) -> bool:
        """Whether an auditor is far from what was agreed of a neuron that has not been shown to contradict itself."""
        return auditor in self.far[epoch, neuron][0] and (epoch, neuron) not in self.contradicted

    def take(self, epoch: int, auditor: int, bps: int) -> None:
        """A share of an auditor's stake must be taken for an epoch, for the first time."""
        self.differ(f"slash of {auditor} for epoch {epoch}", False, (epoch, auditor) in self.punished)
        self.punished.add((epoch, auditor))
        account = self.stake.accounts[auditor]
        taken = [-(-amount * bps // 10_000) for amount in (account.staked, account.thawing)]
        self.expect("Stake.Slashed", auditor, epoch, *taken)

    def on_Absent(self, e: Absent) -> None:
        self.clock.over(e, e.epoch)
        stakes = {id: self.registry.members[id].stake_at(e.epoch) for n, id in self.commitments if n == e.epoch}
        shown = sum(stake for id, stake in stakes.items() if (e.epoch, id) in self.revealed)
        self.differ(f"turnout of {self.where(e)} at least half", True, 2 * shown >= sum(stakes.values()))
        kept = e.auditor in stakes and (e.epoch, e.auditor) not in self.revealed
        self.differ(f"what {e.auditor} held back in epoch {e.epoch}", True, kept)
        self.take(e.epoch, e.auditor, min(2 * self.rules.played_in(e.epoch).slash_bps, 10_000))

    def on_Outlier(self, e: Outlier) -> None:
        self.must(e, e.epoch, e.auditor, e.neuron, e.task, e.score, e.median)

    def compare(self) -> None:
        audits, the = self.client(Audits), "the contract's"
        auditors = [id for id, m in self.registry.members.items() if m.role is Role.AUDITOR]
        for epoch in range(1, self.clock.epoch + 1):
            for id in auditors:
                said = self.commitments.get((epoch, id), bytes(32))
                self.differ(f"{the} commitment of {id} in epoch {epoch}", said, audits.committed(epoch, id))
                shown = (epoch, id) in self.revealed
                self.differ(f"{the} reveal of {id} in epoch {epoch}", shown, audits.revealed(epoch, id))


class Audits(Contract):
    """Drawn, committed, revealed, concluded."""

    name = "Audits"
    events = (Committed, Revealed, Concluded, Outlier, Punished, Absent)
    participants = ("auditor", "neuron")
    replay = AuditsReplay

    def drawn(self, epoch: int, neuron: int) -> list[int]:
        """The auditors drawn for ``neuron`` in the running epoch."""
        return list(self._read("drawn", epoch, neuron))

    def assignments(self, epoch: int, auditor: int, neurons: Sequence[int] | None = None) -> list[int]:
        """The neurons that ``auditor`` is drawn for, among ``neurons`` (by default all that speak, and the silent
        who announced another model)."""
        if neurons is None:
            registry, speaking = self._ledger.client(Registry), (Standing.FRINGE, Standing.BACKBONE)
            neurons = [
                p.id for p in registry.all()
                if p.standing in speaking or (p.standing is Standing.SILENT and registry.renewed(p.id))
            ]  # fmt: skip
        most = _DRAWS // self._ledger.client(Rules).current().audit_seats
        pages = [list(neurons[at : at + most]) for at in range(0, len(neurons), most)]
        return [neuron for page in pages for neuron in self._read("assignments", epoch, auditor, page)]

    def commitment(self, epoch: int, address: str, results: Sequence[Result], salt: bytes) -> bytes:
        """The hash that an auditor with this key commits to."""
        return bytes(keccak(encode(_COMMITTED, (epoch, address, rows_of(results), salt))))

    def commit(self, id: int, results: Sequence[Result], salt: bytes) -> Sent:
        """An auditor's part of LISTEN, bound to the key that it has now.

        Raises:
            LedgerError: a result has no task or more than :data:`MOST_TASKS`, or all are more than a transaction
                has room for (:func:`fitting`): they could not be revealed.
        """
        _refuse(results)
        _refuse_too_many(results, self._ledger.client(Rules).current().audit_seats)
        epoch = self._ledger.client(Clock).now().epoch
        key = self._ledger.client(Registry).key_of(id)
        return self._write("commit", id, self.commitment(epoch, key, results, salt))

    def reveal(self, id: int, results: Sequence[Result], salt: bytes) -> Sent:
        """An auditor's part of CLAIM: the same results and salt.

        Raises:
            LedgerError: a result has no task or more than :data:`MOST_TASKS`.
        """
        _refuse(results)
        return self._write("reveal", id, rows_of(results), salt)

    def conclude(self, epoch: int, neurons: Sequence[int]) -> Sent:
        """Combine what was revealed about each of ``neurons`` in an epoch that is over, 40 in a transaction, or fewer
        where a neuron has more than three auditors; and before that, one transaction after the other, what nobody
        concluded of earlier epochs."""
        most = _ENDED // max(3, self._ledger.client(Rules).current().audit_seats)
        sent = self._write_pages("conclude", epoch, neurons, most=most)
        while open_ := self.behind(epoch, neurons):
            sent = self._write_pages("conclude", epoch, open_, most=most)
        return sent

    def behind(self, epoch: int, neurons: Sequence[int]) -> list[int]:
        """Those of ``neurons`` of whom an audit of ``epoch`` or of an earlier one is not concluded."""
        pages = [list(neurons[at : at + _ASKED]) for at in range(0, len(neurons), _ASKED)]
        return [neuron for page in pages for neuron in self._read("behind", epoch, page)]

    def punish(self, epoch: int, neurons: Sequence[int]) -> Sent:
        """Take from the auditors who are far from what was agreed of any of ``neurons``, where it is due; 40 neurons in
        a transaction, or fewer where one has more than three auditors."""
        most = _PUNISHED * 3 // max(3, self._ledger.client(Rules).current().audit_seats)
        return self._write_pages("punish", epoch, neurons, most=most)

    def marked(self, epoch: int, neuron: int, auditor: int) -> bool:
        """Whether ``auditor`` is far from what was agreed of ``neuron`` and not punished for it yet, and the neuron has
        not been shown to contradict itself."""
        return bool(self._read("marked", epoch, neuron, auditor))

    def punishable_from(self, epoch: int, neuron: int) -> int:
        """From when on who is far from what was agreed of ``neuron`` may be punished, in seconds since 1970; 0 where it
        is not concluded."""
        return int(self._read("punishableFrom", epoch, neuron))

    def absent(self, epoch: int, auditors: Sequence[int]) -> Sent:
        """Take from those of ``auditors`` what it costs to commit and not reveal, in an epoch that is over, 40 in a
        transaction."""
        return self._write_pages("absent", epoch, auditors, most=_PUNISHED)

    def findings(self, epoch: int, neuron: int) -> list[tuple[int, dict[str, Score]]]:
        """Who found what: the scores that the contract made, by task."""
        found = self._read("findings", epoch, neuron)
        return [(auditor, {task_name(task): Score(*rest) for task, *rest in rows}) for auditor, rows in found]

    def concluded(self, epoch: int, neuron: int) -> bool:
        """Whether the audit of ``neuron`` in ``epoch`` is over."""
        return bool(self._read("concluded", epoch, neuron))

    def agreed(self, epoch: int, neuron: int, auditor: int) -> bool:
        """Whether ``auditor`` scored ``neuron`` in a task of ``epoch`` of which a median was agreed."""
        return bool(self._read("agreed", epoch, neuron, auditor))

    def committed(self, epoch: int, auditor: int) -> bytes:
        """What ``auditor`` committed to; zeros for nothing."""
        return bytes(self._read("commitments", epoch, auditor))

    def revealed(self, epoch: int, auditor: int) -> bool:
        """Whether ``auditor`` has revealed."""
        return bool(self._read("revealed", epoch, auditor))

    def committed_with(self, epoch: int, auditor: int) -> str:
        """The key that an auditor had when it committed, by which its reveal is checked."""
        return checksum(self._read("committedWith", epoch, auditor))

    def revealed_at(self, epoch: int, auditor: int) -> int:
        """When ``auditor`` revealed, in seconds since 1970; 0 for not."""
        return int(self._read("revealedAt", epoch, auditor))

    def reveals(self, since: int, until: int) -> list[Revealed]:
        """What was revealed from block ``since`` to block ``until``."""
        return list(self._said((Revealed,), since, until))

    def outliers(self, since: int, until: int) -> list[Outlier]:
        """Who was marked from block ``since`` to block ``until``."""
        return list(self._said((Outlier,), since, until))


def _refuse(results: Sequence[Result]) -> None:
    """Nothing is sent that no contract would take."""
    for result in results:
        if not 0 < len(result.counts) <= MOST_TASKS:
            what = f"a result about neuron {result.neuron} in {len(result.counts)} tasks"
            raise LedgerError(f"{what}: an auditor scores a neuron in one task to {MOST_TASKS}; leave some out")


def _refuse_too_many(results: Sequence[Result], seats: int) -> None:
    if len(fitting(results, seats)) < len(results):
        what = f"{len(results)} results in {sum(len(r.counts) for r in results)} tasks"
        raise LedgerError(f"{what} are more than a transaction can reveal; leave some neurons out")


def fitting(results: Sequence[Result], seats: int) -> list[Result]:
    """As many of ``results``, from the first on, as one auditor can reveal in an epoch in which each neuron has
    ``seats`` auditors."""
    room, fit = _ROOM, []
    for result in results:
        room -= _RESULT + _SEAT * seats + _TASK * len(result.counts)
        if room < 0:
            break
        fit.append(result)
    return fit


def rows_of(results: Sequence[Result]) -> list[tuple[Any, ...]]:
    """Results as the contracts have them: by neuron."""
    return [result.as_tuple() for result in sorted(results, key=lambda r: r.neuron)]
