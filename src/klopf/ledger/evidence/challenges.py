"""Doubts about single questions of an audit: opened, shown, upheld; and answers that contradict one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._parameters import task_id, task_name
from klopf.ledger._receipts import Domain
from klopf.ledger._replay import Replay
from klopf.ledger.audit.audit_terms import AuditTerms, AuditTermsReplay
from klopf.ledger.audit.audits import AuditsReplay, Counts, Revealed, rows_of
from klopf.ledger.audit.transcript import Answered, Node
from klopf.ledger.core._participant import Role
from klopf.ledger.core.registry import EIP712DomainChanged, RegistryReplay
from klopf.ledger.core.stake import StakeReplay
from klopf.ledger.core.token import Token
from klopf.ledger.evidence._statement import Statement, contrary
from klopf.ledger.keys import checksum

__all__ = [
    "Challenges",
    "ChallengesReplay",
    "Contradicted",
    "Doubt",
    "Doubted",
    "Opening",
    "Place",
    "Shown",
    "State",
    "Upheld",
]

_PLACE = ("uint32", "uint32", "uint32", "bytes26", "uint16")


class State(IntEnum):
    """Of a doubt."""

    NONE = 0
    OPEN = 1
    SHOWN = 2
    UPHELD = 3


@dataclass(frozen=True)
class Place:
    """Which question of which audit."""

    epoch: int
    auditor: int
    neuron: int
    task: str
    place: int
    """Of the question, from 0."""

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return self.epoch, self.auditor, self.neuron, task_id(self.task), self.place

    @property
    def id(self) -> bytes:
        """Its hash."""
        return bytes(keccak(encode(_PLACE, self.as_tuple())))


@dataclass(frozen=True)
class Opening:
    """A question as it is shown."""

    answered: Answered
    beside: tuple[Node, ...]
    """What stands beside its path to the root of the transcript."""
    model: bytes
    """32 bytes: commitment of the model that answered, as the neuron signed."""
    proof: tuple[bytes, ...]
    """That the neuron's signature is about it."""
    signature: bytes
    """Of the neuron."""

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        beside = [node.as_tuple() for node in self.beside]
        return self.answered.as_tuple(), beside, self.model, list(self.proof), self.signature


@dataclass(frozen=True)
class Doubt:
    """One doubt, as the contract keeps it."""

    by: str
    answer_by: int
    """In seconds since 1970."""
    state: State
    deposit: int


@dataclass(frozen=True)
class Doubted(Event):
    id: bytes
    place: Place
    by: str
    answer_by: int
    deposit: int

    @classmethod
    def read(cls, place: tuple[int, int, str, str], values: Sequence[Any]) -> Self:
        id, (epoch, auditor, neuron, task, where), *rest = values
        return cls(*place, id, Place(epoch, auditor, neuron, task_name(task), where), *rest)


@dataclass(frozen=True)
class Shown(Event):
    id: bytes
    answered: tuple[Any, ...]


@dataclass(frozen=True)
class Upheld(Event):
    id: bytes


@dataclass(frozen=True)
class Contradicted(Event):
    """Two answers to one question that cannot both be the neuron's model's; the owner of ``auditor`` is rewarded."""

    epoch: int
    neuron: int
    model: bytes
    question: bytes
    auditor: int
    first: tuple[int, ...]
    """In millionths."""
    second: tuple[int, ...]


@dataclass
class _Kept:
    place: Place
    by: str
    answer_by: int
    deposit: int
    counts: Counts
    state: State = State.OPEN


class ChallengesReplay(Replay):
    """Whose doubt is open, and who pays whom when it ends."""

    holds_tokens = True

    def begin(self) -> None:
        self.audits, self.terms, self.stake = self.of(AuditsReplay), self.of(AuditTermsReplay), self.of(StakeReplay)
        self.registry = self.of(RegistryReplay)
        self.doubts: dict[bytes, _Kept] = {}
        self.contradicted = self.audits.contradicted
        self.shown: dict[tuple[int, int, int, str], dict[int, bytes]] = defaultdict(dict)
        """By transcript, the questions that were shown of it, by their place."""

    def length(self, epoch: int) -> int:
        """How long an audit of an epoch may be doubted, and as long again be shown, in seconds."""
        return min(self.terms.counted_in(epoch).challenge_seconds, self.audits.rules.played_in(epoch).thaw_seconds // 4)

    def on_Doubted(self, e: Doubted) -> None:
        p, terms, at = e.place, self.terms.counted_in(e.place.epoch), self.time_of(e.block)
        length, shown = self.length(p.epoch), self.audits.shown_at[p.epoch, p.auditor]
        self.differ(f"second doubt in {self.where(e)}", False, e.id in self.doubts)
        self.differ(f"what {self.where(e)} says", (p.id, at + length, terms.deposit), (e.id, e.answer_by, e.deposit))
        self.differ(f"{self.where(e)} in time", True, at < shown + length)
        found = dict(self.audits.findings[p.epoch, p.neuron])
        counts = found[p.auditor].counts[p.task]
        self.differ(f"a question that {self.where(e)} is about", True, p.place < counts.asked)
        self.doubts[e.id] = _Kept(p, e.by, e.answer_by, e.deposit, counts)
        self.move(e.by, self.address, e.deposit)

    def on_Shown(self, e: Shown) -> None:
        d = self._end(e.id, State.SHOWN)
        one = Answered(*e.answered)
        self.differ(f"question of {self.where(e)} that can have been counted", True, abs(one.score) <= 160_000)
        p, ordered = d.place, self.shown[d.place.epoch, d.place.auditor, d.place.neuron, d.place.task]
        ordered[p.place] = one.question
        questions = [ordered[place] for place in sorted(ordered)]
        self.differ(f"question of {self.where(e)} in order", sorted(set(questions)), questions)
        self.move(self.address, self.registry.members[p.auditor].owner, d.deposit)

    def on_Upheld(self, e: Upheld) -> None:
        d = self._end(e.id, State.UPHELD)
        self.differ(f"time of {self.where(e)} over", True, self.time_of(e.block) >= d.answer_by)
        self.move(self.address, d.by, d.deposit)
        self._take(d.place.auditor, d.place.epoch, d.by, 2, burns=False)

    def on_Contradicted(self, e: Contradicted) -> None:
        at, running = self.where(e), self.audits.clock.epoch
        _, until = self.audits.far.get((e.epoch, e.neuron), ([], 0))
        lately = running <= e.epoch + 1 or self.time_of(e.block) < until
        self.differ(
            f"{at} in its epoch or the next, or before auditors pay for it", True, 0 < e.epoch <= running and lately
        )
        again = (e.epoch, e.neuron) in self.contradicted
        self.differ(f"second contradiction of {e.neuron} in epoch {e.epoch}", False, again)
        self.differ(f"contrary answers in {at}", True, contrary(e.first, e.second))
        self.differ(f"who asked in {at}", Role.AUDITOR, self.registry.members[e.auditor].role)
        self.contradicted.add((e.epoch, e.neuron))
        self._take(e.neuron, e.epoch, self.registry.members[e.auditor].owner, 4, burns=True)

    def _take(self, id: int, epoch: int, finder: str, part: int, *, burns: bool) -> None:
        """A fault costs stake, of which a part is the finder's."""
        account, bps = self.stake.accounts[id], min(2 * self.audits.rules.played_in(epoch).slash_bps, 10_000)
        taken = [-(-amount * bps // 10_000) for amount in (account.staked, account.thawing)]
        self.stake.finders[id] = (finder, part, burns)
        self.expect("Stake.Slashed", id, epoch, *taken)

    def _end(self, id: bytes, state: State) -> _Kept:
        doubt = self.doubts[id]
        self.differ(f"state of the doubt {id.hex()}", State.OPEN, doubt.state)
        doubt.state = state
        return doubt

    def owed(self) -> int:
        return sum(d.deposit for d in self.doubts.values() if d.state is State.OPEN)

    def compare(self) -> None:
        for id, kept in self.doubts.items():
            said = Doubt(kept.by, kept.answer_by, kept.state, kept.deposit)
            self.differ(f"the contract's doubt {id.hex()}", said, self.client(Challenges).get(kept.place))
        for epoch, neuron in self.contradicted:
            kept_too = self.client(Challenges).contradicted(epoch, neuron)
            self.differ(f"the contract's contradiction of {neuron} in epoch {epoch}", True, kept_too)


class Challenges(Contract):
    """Doubts about single questions of an audit, and answers that contradict one another."""

    name = "Challenges"
    events = (Doubted, Shown, Upheld, Contradicted, EIP712DomainChanged)
    needs_none = (EIP712DomainChanged,)
    replay = ChallengesReplay

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of what neurons sign for auditors."""
        return Domain(self._ledger.deployment.chain_id, self.address, "Klopf Challenges")

    def doubt(self, place: Place, revealed: Revealed, key: str) -> Sent:
        """Ask to see a question of what was ``revealed`` with the auditor's ``key``; approves the deposit by itself."""
        deposit = self._ledger.client(AuditTerms).counted_in(place.epoch).deposit
        self._ledger.client(Token).ensure_allowance(self.address, deposit)
        return self._write("doubt", place.as_tuple(), key, rows_of(revealed.results), revealed.salt)

    def show(self, place: Place, opening: Opening) -> Sent:
        """Show a question that was doubted; the deposit goes to the auditor's owner."""
        return self._write("show", place.as_tuple(), opening.as_tuple())

    def uphold(self, place: Place) -> Sent:
        """Slash an auditor that did not show a question in time."""
        return self._write("uphold", place.as_tuple())

    def get(self, place: Place) -> Doubt:
        """A doubt."""
        by, answer_by, state, deposit, *_ = self._read("doubtOf", place.id)
        return Doubt(checksum(by), answer_by, State(state), deposit)

    def contradict(self, first: Statement, second: Statement) -> Sent:
        """Show two contrary answers of a neuron to one question; the owner of the first one's auditor is rewarded."""
        said, (question, _) = first.said, first.pair
        return self._write(
            "contradict", said.epoch, said.neuron, said.model, question, first.as_tuple(), second.as_tuple()
        )

    def contradicted(self, epoch: int, neuron: int) -> bool:
        """Whether a neuron has been punished for a contradiction in an epoch."""
        return bool(self._read("contradicted", epoch, neuron))

    def window(self, epoch: int) -> int:
        """How long after its reveal an audit of an epoch may be doubted, and as long again be shown, in seconds."""
        return int(self._read("window", epoch))

    def stood(self, epoch: int, auditor: int) -> bool:
        """Whether nobody can doubt an auditor's audits of an epoch any more, and whatever was doubted was shown."""
        return bool(self._read("stood", epoch, auditor, at="pending"))

    def said(self, since: int, until: int) -> list[Doubted | Shown | Upheld]:
        """What was doubted and how that ended, from block ``since`` to block ``until``."""
        return list(self._said((Doubted, Shown, Upheld), since, until))
