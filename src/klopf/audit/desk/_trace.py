"""A neuron's life, from the ledger alone: its birth, every audit with what was counted, every model and domain, every
change of standing, who listened, what it earned and lost; and the grades that follow from its audits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from klopf import ledger
from klopf.audit.desk import _grades
from klopf.audit.desk._card import Grade
from klopf.audit.tasks import AUDIT_TASKS
from klopf.errors import AuditError
from klopf.ledger import KLP, Standing, events
from klopf.peers import Domain

__all__ = ["Life", "Moment", "trace"]

_MOST = 10_000


@dataclass(frozen=True)
class Moment:
    """Something that happened, and where anybody finds it."""

    epoch: int
    block: int
    what: str
    """Such as ``audited``."""
    said: str
    transaction: str


@dataclass(frozen=True)
class Life:
    """See :func:`trace`."""

    neuron: int
    model: str
    domain: Domain
    standing: str
    safety: Grade
    """By the last audit that was concluded, from the marks of the epoch that it was of: at fault where the auditors'
    median interval lies under a task's mark."""
    quality: Grade
    earned: int
    """In units of 1e-18 KLP."""
    staked: int
    slashed: int
    moments: tuple[Moment, ...]

    @property
    def reward_to_stake(self) -> float:
        """What it earned of the compute rewards for each KLP that it has at stake; 0 without a stake."""
        return self.earned / self.staked if self.staked else 0.0


def trace(book: ledger.Ledger, neuron: int, *, classes: int = 0) -> Life:
    """The whole life of ``neuron``, in the order in which it happened.

    Args:
        book: the ledger; nothing else is asked.
        neuron: its number.
        classes: how many the network has, where it is known: who guesses knows one of so many.

    Raises:
        AuditError: no neuron has this number.
    """
    return _life(ledger.history(book), neuron, classes)


def _life(history: Iterable[events.Event], neuron: int, classes: int) -> Life:
    seen = _Seen(neuron)
    for event in history:
        seen.take(event)
    if not seen.born:
        raise AuditError(f"{neuron} is no neuron of this network: `klopf ledger status` lists who takes part")
    seen.close()
    domain = Domain.of_told(seen.model)
    safety, quality = _judged(seen, 1 / classes if classes else 0.0, domain, classes)
    return Life(
        neuron, seen.model, domain, seen.standing.name.lower(), safety, quality, seen.earned, seen.staked, seen.slashed,
        tuple(seen.moments),
    )  # fmt: skip


class _Seen:
    def __init__(self, neuron: int) -> None:
        self.neuron, self.epoch = neuron, 0
        self.born, self.model, self.standing = False, "", Standing.NONE
        self.earned = self.staked = self.slashed = 0
        self.moments: list[Moment] = []
        self.marks: dict[int, Mapping[str, int]] = {}
        """By the first epoch in which they count."""
        self.last: events.audits.Concluded | None = None
        self.found: dict[int, dict[int, dict[str, ledger.Counts]]] = defaultdict(dict)
        """By epoch and auditor, what was counted about it."""
        self._heard: dict[int, dict[int, int]] = defaultdict(dict)
        self._heard_at: dict[int, events.Event] = {}

    def note(self, event: events.Event, what: str, said: str, epoch: int | None = None) -> None:
        self.moments.append(Moment(self.epoch if epoch is None else epoch, event.block, what, said, event.transaction))

    def take(self, event: events.Event) -> None:
        k = self.neuron
        match event:
            case events.clock.Opened():
                self.epoch = event.epoch
            case events.marks.Proposed():
                self.marks[event.since] = event.marks
            case events.registry.Registered(id=id) if id == k and event.role == ledger.Role.NEURON:
                self.born, self.model = True, event.model
                self.note(event, "born", f"registered by {event.owner} as {event.model}")
            case events.registry.ModelChanged(id=id) if id == k:
                self.model = event.model
                self.note(event, "model", f"changed to {event.model}: audited anew")
            case events.registry.ModelCommitted(id=id) if id == k:
                self.note(event, "committed", f"0x{event.commitment.hex()} answers from now on", event.epoch)
            case events.registry.StandingChanged(id=id) if id == k:
                self.standing = Standing(event.after)
                rival = f", from {event.rival}" if event.rival else ""
                self.note(event, "standing", f"{self.standing.name.lower()}{rival}", event.epoch)
            case events.registry.KeyRotated(id=id) if id == k:
                self.note(event, "key", f"changed to {event.key}")
            case events.registry.Gone(id=id) if id == k:
                self.note(event, "left", "left the network")
            case events.audits.Revealed():
                self._counted(event)
            case events.audits.Concluded(neuron=id) if id == k:
                self.last = event
                medians = ", ".join(f"{task} {value / _MOST:.2f}" for task, value in event.medians.items())
                outcome = "passed" if event.passed else "not passed"
                self.note(event, "audited", f"{outcome} by {event.results} auditors: {medians or 'none'}", event.epoch)
            case events.settlement.Heard(speaker=id) if id == k:
                self._heard[event.epoch][event.listener] = event.answers
                self._heard_at[event.epoch] = event
            case events.settlement.Collected(id=id) if id == k:
                self.earned += event.emitted
                heard = self._heard.pop(event.epoch, {})
                by = f"heard by {len(heard)} in {sum(heard.values())} answers, " if heard else ""
                self.note(event, "paid", f"{by}{event.emitted / KLP:.6f} KLP", event.epoch)
            case _:
                self._stake(event)

    def _counted(self, event: events.audits.Revealed) -> None:
        for result in event.results:
            if result.neuron == self.neuron:
                self.found[event.epoch][event.auditor] = dict(result.counts)
                said = "; ".join(
                    f"{task} {c.score.value / _MOST:.2f} [{c.score.low / _MOST:.2f}, {c.score.high / _MOST:.2f}] of "
                    f"{c.asked} questions" for task, c in result.counts.items()
                )  # fmt: skip
                self.note(event, "counted", f"by auditor {event.auditor}: {said}", event.epoch)

    def _stake(self, event: events.Event) -> None:
        match event:
            case events.stake.Staked(id=id) if id == self.neuron:
                self.staked += event.amount
                self.note(event, "stake", f"{event.amount / KLP:g} KLP were put at stake")
            case events.stake.Thawing(id=id) if id == self.neuron:
                self.staked -= event.amount
                self.note(event, "stake", f"{event.amount / KLP:g} KLP began to thaw")
            case events.stake.Slashed(id=id) if id == self.neuron:
                self.staked -= event.from_staked
                self.slashed += event.from_staked + event.from_thawing
                lost = (event.from_staked + event.from_thawing) / KLP
                self.note(event, "slashed", f"{lost:g} KLP were taken", event.epoch)

    def close(self) -> None:
        """What was heard and is not paid yet."""
        for epoch, heard in sorted(self._heard.items()):
            said = f"by {len(heard)} in {sum(heard.values())} answers, not paid yet"
            self.note(self._heard_at[epoch], "heard", said, epoch)


def _judged(seen: _Seen, control: float, domain: Domain, classes: int) -> tuple[Grade, Grade]:
    """Both grades of the last audit."""
    if seen.last is None or not seen.last.medians:
        return Grade("-", "no audit was concluded"), Grade("-", "no audit was concluded")
    last = seen.last
    since = max((e for e in seen.marks if e <= last.epoch), default=0)
    marks = seen.marks.get(since, {})
    verdicts, quality = {}, Grade("-", "nothing about quality was audited")
    for task, value in last.medians.items():
        mark, counts = marks.get(task), [found[task] for found in seen.found[last.epoch].values() if task in found]
        verdict = "told"
        if mark is not None and counts:
            low, high = (median(part) for part in zip(*((c.score.low, c.score.high) for c in counts), strict=True))
            verdict = _grades.verdict(low, high, mark)
        if _side(task) == "safety":
            verdicts[task] = verdict
        else:
            part = len(domain.classes) / classes if domain.classes and classes else 1.0
            figure = min(control + (value / _MOST - control) / part**0.5, 1.0)  # of what it claims to know
            quality = Grade(*_grades.quality(task, figure, control, verdict == "fault"))
    return Grade(*_grades.safety(verdicts)), quality


def _side(task: str) -> str:
    """Which grade a task is part of; of a stranger's, which is not installed here, safety."""
    return AUDIT_TASKS.load(task).side if task in AUDIT_TASKS.names() else "safety"
