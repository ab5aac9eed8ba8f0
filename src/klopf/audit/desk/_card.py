"""What an audit came to: findings, grades, and what was not tested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from klopf import files, nested
from klopf.audit.desk import _grades
from klopf.audit.desk._grades import Verdict
from klopf.errors import AuditError

__all__ = ["Card", "Earlier", "Finding", "Grade", "grade", "history", "read_card"]

FORMAT = 1
LARGEST = 4_000_000
"""Bytes of a card that is read."""
MOST_EARLIER = 100
"""Earlier audits that a card tells of, the newest."""


@dataclass(frozen=True)
class Finding:
    """One dimension. ``fault`` is the figure under which a model is at fault (None: the figure judges nobody),
    ``verdict`` what the interval says of it: ``good`` lies above it, ``fault`` lies under it, ``unsure`` holds it."""

    task: str
    side: str
    asks: str
    value: float
    low: float
    high: float
    control: float
    fault: float | None
    verdict: Verdict
    note: str = ""

    @property
    def tells(self) -> str:
        """Of a figure that tells nothing for sure, how many more samples would; else empty."""
        if self.verdict != "unsure" or self.fault is None:
            return ""
        times = _grades.more(self.value, self.low, self.high, self.fault)
        if times is None:
            return "it lies on the mark: more samples would hardly tell"
        return f"some {max(times, 1.1):.1f} times as many samples would tell"


@dataclass(frozen=True)
class Grade:
    """A letter from A to E, or - where nothing was tested, and why it is that one."""

    letter: str
    why: str


@dataclass(frozen=True)
class Earlier:
    """What an earlier card said of the same model, or of what stood in its place then."""

    card: str
    """Its digest."""
    on: str
    """When it was made, as it says itself."""
    commitment: str
    safety: str
    quality: str
    """The letters."""
    figures: Mapping[str, tuple[float, float, float]]
    """By examination: the figure and its interval."""


@dataclass(frozen=True)
class Card:
    """The report card of one model."""

    subject: str
    model: str
    """What stands behind it, as it may be told to everybody."""
    commitment: str
    """SHA-256 of the model's state, in hex."""
    task: Mapping[str, Any]
    evidence: Mapping[str, Any]
    """How many samples there were of which kind, and the digest of all."""
    seed: int
    asked: int
    """Questions in all."""
    findings: tuple[Finding, ...]
    not_tested: Mapping[str, str]
    """By examination, why."""
    safety: Grade
    quality: Grade
    klopf: str
    """The version that made it."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What a network knows of it: stake, pay, history."""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Who audited it, when, and where model and evidence came from, as whoever made the card says."""
    history: tuple[Earlier, ...] = ()
    """Earlier audits, the oldest first."""

    def as_earlier(self) -> tuple[Earlier, ...]:
        """The history of the next card: that of this one, and this one."""
        figures = {one.task: (one.value, one.low, one.high) for one in self.findings}
        on, letters = self.provenance.get("audited on", ""), (self.safety.letter, self.quality.letter)
        now = Earlier(self.digest, on, self.commitment, *letters, figures)
        return (*self.history, now)[-MOST_EARLIER:]

    def moved(self, one: Finding) -> str:
        """How a figure moved since the last audit that had it, in words; empty where none had."""
        then = next((e.figures[one.task] for e in reversed(self.history) if one.task in e.figures), None)
        if then is None:
            return ""
        value, low, high = then
        if one.low > high or one.high < low:
            return f"{'rose' if one.value > value else 'fell'} from {value:.2f}"
        return f"as before ({value:.2f})"

    @property
    def digest(self) -> str:
        """SHA-256 of everything in it: an audit that is repeated comes to the same."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """As JSON has it; without provenance and history where there are none, as older cards are."""
        plain: dict[str, Any] = json.loads(json.dumps({"format": FORMAT, **asdict(self)}))
        return {name: value for name, value in plain.items() if value or name not in ("provenance", "history")}

    def write(self, file: Path) -> None:
        """At once or not at all."""
        files.replace(file, json.dumps(self.plain() | {"digest": self.digest}, indent=1).encode() + b"\n")


def history(subject: str, cards: Sequence[Card]) -> tuple[Earlier, ...]:
    """What earlier ``cards`` of a subject, and those before them, make of a history: each once, in the order in which
    they were made, as far as they say when.

    Raises:
        AuditError: a card is about another; one line.
    """
    found: dict[str, Earlier] = {}
    for one in cards:
        if one.subject != subject:
            raise AuditError(f"an earlier card is about {one.subject!r:.80}, and this audit about {subject!r:.80}")
        found |= {then.card: then for then in one.as_earlier()}
    return tuple(sorted(found.values(), key=lambda then: then.on))[-MOST_EARLIER:]


def read_card(file: Path) -> Card:
    """The card in a file.

    Raises:
        AuditError: there is none, it was altered, another version of Klopf wrote it, or it claims what does not follow
            from its own figures; one line.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise AuditError(f"cannot read {file}: {error.strerror}") from None
    if len(text) > LARGEST:
        raise AuditError(f"{file} has {len(text):,} bytes: no card is as large")
    try:
        plain = nested.from_json(text)
        told, version = plain.pop("digest"), plain.pop("format")
        if version != FORMAT:
            raise AuditError(f"{file} is a card of format {version!r:.20}, and this Klopf reads {FORMAT}")
        card = _typed(plain)
    except AuditError:
        raise
    except Exception as error:
        raise AuditError(f"{file} is no report card ({type(error).__name__}): `klopf audit run` writes one") from None
    if card.digest != told:
        raise AuditError(f"{file} was altered since it was written: its digest is another")
    if claim := _does_not_follow(card):
        raise AuditError(f"{file} claims {claim}, which its own figures do not say: audit the model yourself")
    return card


def _typed(plain: Any) -> Card:
    from pydantic import TypeAdapter

    return TypeAdapter(Card).validate_python(plain)


def _does_not_follow(card: Card) -> str:
    """The first claim of a card that anybody can see to be false; anybody can write a card, digest and all."""
    for one in card.findings:
        if not (0 <= one.low <= one.value <= one.high <= 1 and 0 <= one.control <= 1 and 0 <= (one.fault or 0) <= 1):
            return f"{one.value} in {one.task!r:.60}"
        if one.side not in ("safety", "quality"):
            return f"that {one.task!r:.60} is of {one.side!r:.60}"
        if one.fault is None:
            if one.verdict not in ("told", "fault"):
                return f"that {one.task!r:.60} is {one.verdict}"
        elif one.verdict != _grades.verdict(one.low, one.high, one.fault):
            return f"that {one.task!r:.60} is {one.verdict}"
    if len(card.history) > MOST_EARLIER:
        return f"{len(card.history)} earlier audits"
    for then in card.history:
        if not all(0 <= low <= value <= high <= 1 for value, low, high in then.figures.values()):
            return f"impossible figures of an earlier card {then.card!r:.80}"
    for side, claimed in (("safety", card.safety), ("quality", card.quality)):
        if claimed.letter != grade(side, card.findings).letter:
            return f"{claimed.letter!r:.20} in {side}"
    return ""


def grade(side: str, findings: Sequence[Finding], untested: Sequence[str] = ()) -> Grade:
    """The letter of one side, and why; ``untested`` are that side's other examinations."""
    own = [one for one in findings if one.side == side]
    if side == "safety":
        return Grade(*_grades.safety({one.task: one.verdict for one in own}, untested))
    if not own:
        return Grade("-", "nothing about quality was tested")
    faulty = any(one.verdict == "fault" for one in own)
    return Grade(*_grades.quality(own[0].task, own[0].value, own[0].control, faulty))
