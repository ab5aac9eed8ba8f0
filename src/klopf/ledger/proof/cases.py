"""Cases about answers that were drawn: opened, answered, disputed, voted on, and what each ends with.

A neuron pledges that what it signs under a model's name is that model's answer. Two epochs after an answer the beacon
says whether it was drawn; whoever has it may then open a case. What the neuron shows is looked at by whoever likes, and
by auditors where somebody disputes it: more than half of all audit stake convicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.errors import LedgerError
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import Replay
from klopf.ledger.audit.audits import AuditsReplay
from klopf.ledger.core._participant import Role
from klopf.ledger.core.registry import RegistryReplay
from klopf.ledger.core.stake import StakeReplay
from klopf.ledger.core.token import Token
from klopf.ledger.evidence._statement import Statement, answer_hash
from klopf.ledger.keys import checksum
from klopf.ledger.proof.case_terms import CaseTerms, CaseTermsReplay

__all__ = [
    "DELAY",
    "Answered",
    "Case",
    "Cases",
    "CasesReplay",
    "Closed",
    "Collected",
    "Disputed",
    "Ended",
    "Opened",
    "Pledged",
    "Span",
    "State",
    "Vote",
    "Voted",
    "Wrong",
    "id_of",
    "is_drawn",
]

DELAY = 2
"""So many epochs after it was given an answer is drawn."""
_FINDERS = 4


class State(IntEnum):
    """Of a case."""

    NONE = 0
    OPEN = 1
    ANSWERED = 2
    DISPUTED = 3
    STOOD = 4
    DEFAULTED = 5
    ACQUITTED = 6
    CONVICTED = 7


def id_of(epoch: int, neuron: int, question: bytes, values: Sequence[int]) -> bytes:
    """The id of the case about an answer, ``values`` in millionths, to the question with that hash."""
    said = (epoch, neuron, question, answer_hash(values))
    return bytes(keccak(encode(("uint32", "uint32", "bytes32", "bytes32"), said)))


def is_drawn(seed: bytes, id: bytes, rate: int) -> bool:
    """Whether the seed of the epoch ``DELAY`` after it draws an answer, ``rate`` of a million.

    >>> is_drawn(bytes(32), bytes(32), 1_000_000), is_drawn(bytes(32), bytes(32), 0)
    (True, False)
    """
    return int.from_bytes(keccak(seed + id), "big") % 1_000_000 < rate


@dataclass(frozen=True)
class Pledged(Event):
    neuron: int
    model: bytes
    since: int


@dataclass(frozen=True)
class Ended(Event):
    neuron: int
    model: bytes
    until: int


@dataclass(frozen=True)
class Opened(Event):
    id: bytes
    neuron: int
    epoch: int
    by: str
    until: int
    deposit: int
    model: bytes
    question: bytes
    """What was asked, whole."""
    values: tuple[int, ...]
    """In millionths."""


@dataclass(frozen=True)
class Answered(Event):
    id: bytes
    shown: bytes
    until: int


@dataclass(frozen=True)
class Disputed(Event):
    id: bytes
    by: str
    bond: int
    all: int
    until: int


@dataclass(frozen=True)
class Voted(Event):
    id: bytes
    auditor: int
    against: bool
    weight: int


@dataclass(frozen=True)
class Closed(Event):
    id: bytes
    state: int


@dataclass(frozen=True)
class Collected(Event):
    id: bytes
    auditor: int
    to: str
    amount: int


@dataclass(frozen=True)
class Wrong(Event):
    id: bytes
    auditor: int


@dataclass(frozen=True)
class Span:
    """In which epochs a neuron's pledge counts."""

    since: int
    """The first; 0 for no pledge."""
    until: int
    """The first in which it no longer does; 0 for none."""


@dataclass(frozen=True)
class Case:
    """A case, as the contract keeps it. Times in seconds since 1970, amounts in 1e-18 KLP."""

    epoch: int
    neuron: int
    state: State
    until: int
    """When what comes next is due."""
    disputed_in: int
    """Whoever had stake as an auditor when that epoch opened may vote."""
    by: str
    disputer: str
    deposit: int
    bond: int
    shown: bytes
    """Hash of what the neuron shows."""
    all: int
    """Audit stake when it was disputed."""
    against: int
    in_favour: int
    waiting: int
    """What those had staked who won and have not collected."""
    pot: int
    """For these."""


@dataclass(frozen=True)
class Vote:
    """How an auditor voted; a weight of 0 where it did not."""

    weight: int
    against: bool
    collected: bool
    punished: bool


@dataclass
class _Kept:
    epoch: int
    neuron: int
    by: str
    until: int
    deposit: int
    state: State = State.OPEN
    disputed_in: int = 0
    disputer: str = "0x" + "00" * 20
    bond: int = 0
    shown: bytes = bytes(32)
    all: int = 0
    against: int = 0
    in_favour: int = 0
    waiting: int = 0
    pot: int = 0

    def owed(self) -> int:
        if self.state in (State.OPEN, State.ANSWERED, State.DISPUTED):
            return self.deposit + self.bond
        return self.pot


class CasesReplay(Replay):
    """Who must show what, who said what of it, and who is paid by whom when it ends."""

    holds_tokens = True

    def begin(self) -> None:
        self.audits, self.terms, self.stake = self.of(AuditsReplay), self.of(CaseTermsReplay), self.of(StakeReplay)
        self.registry, self.clock, self.rules = self.of(RegistryReplay), self.audits.clock, self.audits.rules
        self.pledges: dict[tuple[int, bytes], Span] = {}
        self.cases: dict[bytes, _Kept] = {}
        self.votes: dict[tuple[bytes, int], Vote] = {}

    def windows(self, epoch: int) -> tuple[int, int]:
        """How long a case about an epoch's answer can be answered, and then disputed and voted on, in seconds."""
        terms, most = self.terms.counted_in(epoch), self.rules.played_in(epoch).thaw_seconds // 8
        return min(terms.answer_seconds, most), min(terms.judge_seconds, most)

    def on_Pledged(self, e: Pledged) -> None:
        before = self.pledges.get((e.neuron, e.model), Span(0, 0))
        free = before.since == 0 or (before.until != 0 and self.clock.epoch > before.until + DELAY)
        self.differ(f"a pledge that may be made in {self.where(e)}", True, free)
        self.differ(f"first epoch of {self.where(e)}", self.clock.epoch + 1, e.since)
        self.pledges[e.neuron, e.model] = Span(e.since, 0)

    def on_Ended(self, e: Ended) -> None:
        before = self.pledges[e.neuron, e.model]
        self.differ(f"a pledge that stood before {self.where(e)}", 0, before.until)
        self.differ(f"epoch of {self.where(e)}", self.clock.epoch + 1, e.until)
        self.pledges[e.neuron, e.model] = Span(before.since, e.until)

    def on_Opened(self, e: Opened) -> None:
        at, terms, running = self.where(e), self.terms.counted_in(e.epoch), self.clock.epoch
        span = self.pledges[e.neuron, e.model]
        pledged = span.since <= e.epoch and (span.until == 0 or e.epoch < span.until)
        self.differ(f"epoch of {at} in time", True, e.epoch > 0 and e.epoch + DELAY <= running <= e.epoch + DELAY + 1)
        self.differ(f"{e.neuron} had pledged what {at} is about", True, pledged)
        self.differ(f"id of {at}", id_of(e.epoch, e.neuron, keccak(e.question), e.values), e.id)
        self.differ(f"a case before {at}", False, e.id in self.cases)
        drawn = is_drawn(self.clock.seeds[e.epoch + DELAY], e.id, terms.rate)
        self.differ(f"the answer of {at} drawn", True, drawn)
        until = self.time_of(e.block) + self.windows(e.epoch)[0]
        self.differ(f"what {at} says", (until, terms.deposit), (e.until, e.deposit))
        self.cases[e.id] = _Kept(e.epoch, e.neuron, e.by, e.until, e.deposit)
        self.move(e.by, self.address, e.deposit)

    def on_Answered(self, e: Answered) -> None:
        case = self._in(e.id, State.OPEN, e)
        until = self.time_of(e.block) + self.windows(case.epoch)[1]
        self.differ(f"time of {self.where(e)}", until, e.until)
        self.differ(f"something is shown in {self.where(e)}", True, e.shown != bytes(32))
        case.state, case.shown, case.until = State.ANSWERED, e.shown, e.until

    def on_Disputed(self, e: Disputed) -> None:
        case = self._in(e.id, State.ANSWERED, e)
        until = self.time_of(e.block) + self.windows(case.epoch)[1]
        bond = self.terms.counted_in(case.epoch).bond
        self.differ(f"what {self.where(e)} says", (bond, until), (e.bond, e.until))
        staked = sum(self.stake.accounts[id].staked for id in self._auditors())
        thawed = sum(self.stake.accounts[id].thawing + self.stake.accounts[id].slashed for id in self._auditors())
        self.differ(f"audit stake of {self.where(e)} that there is", True, e.all <= staked + thawed)
        case.state, case.disputer, case.bond, case.until = State.DISPUTED, e.by, e.bond, e.until
        case.all, case.disputed_in = e.all, self.clock.epoch
        self.move(e.by, self.address, e.bond)

    def on_Voted(self, e: Voted) -> None:
        case = self._in(e.id, State.DISPUTED, e)
        self.differ(f"a second vote in {self.where(e)}", False, (e.id, e.auditor) in self.votes)
        known = e.auditor in self._auditors() and 0 < e.weight <= self.stake.accounts[e.auditor].staked
        self.differ(f"an auditor's own stake in {self.where(e)}", True, known)
        self.votes[e.id, e.auditor] = Vote(e.weight, e.against, False, False)
        if e.against:
            case.against += e.weight
        else:
            case.in_favour += e.weight

    def on_Closed(self, e: Closed) -> None:
        case, at = self.cases[e.id], self.where(e)
        owner = self.registry.members[case.neuron].owner
        convicts = case.against * 2 > case.all
        judged = State.CONVICTED if convicts else State.ACQUITTED
        ends = {State.OPEN: State.DEFAULTED, State.ANSWERED: State.STOOD, State.DISPUTED: judged}
        self.differ(f"how {at} ends", ends.get(case.state), State(e.state))
        self.differ(f"time of {at} over", True, self.time_of(e.block) >= case.until)
        case.state = State(e.state)
        if case.state is State.DEFAULTED:
            self.move(self.address, case.by, case.deposit)
            self._take(case, case.by)
        elif case.state is State.STOOD:
            self.move(self.address, owner, case.deposit)
        elif case.state is State.CONVICTED:
            reward = self._take(case, self.address) // _FINDERS
            case.pot, case.waiting = reward - reward // 2, case.against
            self.move(self.address, case.by, case.deposit)
            self.move(self.address, case.disputer, case.bond + reward // 2)
        else:
            case.pot, case.waiting = case.bond // 2 if case.in_favour else 0, case.in_favour
            self.move(self.address, owner, case.deposit + case.bond - case.pot)

    def on_Collected(self, e: Collected) -> None:
        case, vote, at = self.cases[e.id], self.votes[e.id, e.auditor], self.where(e)
        won = case.state is (State.CONVICTED if vote.against else State.ACQUITTED)
        self.differ(f"something due in {at}", True, won and not vote.collected)
        amount = case.pot * vote.weight // case.waiting
        self.differ(f"what {at} says", (self.registry.members[e.auditor].owner, amount), (e.to, e.amount))
        self.votes[e.id, e.auditor] = Vote(vote.weight, vote.against, True, vote.punished)
        case.waiting -= vote.weight
        case.pot -= amount
        self.move(self.address, e.to, amount)

    def on_Wrong(self, e: Wrong) -> None:
        case, vote = self.cases[e.id], self.votes[e.id, e.auditor]
        lost = case.state is State.CONVICTED and not vote.against
        lost |= case.state is State.ACQUITTED and vote.against and case.in_favour * 2 > case.all
        self.differ(f"a vote that {self.where(e)} may punish", True, lost and not vote.punished)
        self.votes[e.id, e.auditor] = Vote(vote.weight, vote.against, vote.collected, True)
        self._slashed(e.auditor, case.epoch, self.terms.counted_in(case.epoch).wrong_bps)

    def _take(self, case: _Kept, finder: str) -> int:
        self.stake.finders[case.neuron] = (finder, _FINDERS, True)
        return self._slashed(case.neuron, case.epoch, self.terms.counted_in(case.epoch).slash_bps)

    def _slashed(self, id: int, epoch: int, bps: int) -> int:
        account = self.stake.accounts[id]
        taken = [-(-amount * bps // 10_000) for amount in (account.staked, account.thawing)]
        self.expect("Stake.Slashed", id, epoch, *taken)
        return sum(taken)

    def _auditors(self) -> set[int]:
        return {id for id, member in self.registry.members.items() if member.role is Role.AUDITOR}

    def _in(self, id: bytes, state: State, e: Event) -> _Kept:
        case = self.cases[id]
        self.differ(f"state of the case of {self.where(e)}", state, case.state)
        self.differ(f"{self.where(e)} in time", True, self.time_of(e.block) < case.until)
        return case

    def owed(self) -> int:
        return sum(case.owed() for case in self.cases.values())

    def compare(self) -> None:
        client = self.client(Cases)
        for id, kept in self.cases.items():
            said = Case(
                kept.epoch, kept.neuron, kept.state, kept.until, kept.disputed_in, kept.by, kept.disputer, kept.deposit,
                kept.bond, kept.shown, kept.all, kept.against, kept.in_favour, kept.waiting, kept.pot,
            )  # fmt: skip
            self.differ(f"the contract's case {id.hex()}", said, client.get(id))
        for (id, auditor), vote in self.votes.items():
            self.differ(f"the contract's vote of {auditor} on {id.hex()}", vote, client.vote_of(id, auditor))
        for (neuron, model), span in self.pledges.items():
            self.differ(f"the contract's pledge of {neuron}", span, client.pledge_of(neuron, model))


class Cases(Contract):
    """Whoever cannot show an answer that was drawn loses stake."""

    name = "Cases"
    events = (Pledged, Ended, Opened, Answered, Disputed, Voted, Closed, Collected, Wrong)
    participants = ("neuron", "auditor")
    replay = CasesReplay

    def pledge(self, neuron: int, model: bytes, card: bytes = b"") -> Sent:
        """Promise to show any answer under this name that is drawn, from the next epoch on. What is published of the
        model, its ``card``, goes with the transaction (:meth:`beside`)."""
        return self._write_beside(card, "pledge", neuron, model)

    def end(self, neuron: int, model: bytes) -> Sent:
        """Promise it no more, from the next epoch on."""
        return self._write("end", neuron, model)

    def open(self, statement: Statement, question: bytes) -> Sent:
        """Ask to be shown an answer that was drawn; approves the deposit by itself. ``question`` is what was asked, of
        which the statement has the hash."""
        said = statement.said
        deposit = self._ledger.client(CaseTerms).counted_in(said.epoch).deposit
        self._ledger.client(Token).ensure_allowance(self.address, deposit)
        return self._write("open", said.epoch, said.neuron, said.model, question, statement.as_tuple())

    def answer(self, ids: Sequence[bytes], shown: bytes) -> Sent:
        """Show them, proven together: ``shown`` is what is shown, which goes with the transaction; the contract has its
        hash. 330 kB are some six million units of gas."""
        return self._write_beside(shown, "answer", list(ids), bytes(keccak(shown)))

    def _write_beside(self, beside: bytes, function: str, *arguments: Any) -> Sent:
        """A call, and after its arguments bytes that the contract does not read and the chain keeps."""
        return self._ledger.send(self.address, self._functions[function].call_data(arguments) + beside)

    def beside(self, event: Pledged | Answered) -> bytes:
        """What went with the transaction that says this, behind the call; nothing where somebody else made the call, or
        there is nothing."""
        function = "pledge" if isinstance(event, Pledged) else "answer"
        sent = self._ledger.rpc.request("eth_getTransactionByHash", event.transaction) or {}
        data = bytes.fromhex(str(sent.get("input", "0x"))[2:])
        try:
            call = self._functions[function].call_data(self._functions[function].arguments(data))
        except LedgerError:
            return b""
        return data[len(call) :] if data.startswith(call) else b""

    def dispute(self, id: bytes) -> Sent:
        """Say that what is shown is not the model's answer, or cannot be had; approves the bond by itself."""
        bond = self._ledger.client(CaseTerms).counted_in(self.get(id).epoch).bond
        self._ledger.client(Token).ensure_allowance(self.address, bond)
        return self._write("dispute", id)

    def vote(self, id: bytes, auditor: int, *, against: bool) -> Sent:
        """Vote on a case that is disputed."""
        return self._write("vote", id, auditor, against)

    def close(self, id: bytes) -> Sent:
        """End a case whose time is over."""
        return self._write("close", id)

    def collect(self, id: bytes, auditor: int) -> Sent:
        """Pay an auditor's owner its part of the pot."""
        return self._write("collect", id, auditor)

    def punish(self, id: bytes, auditor: int) -> Sent:
        """Take from an auditor where more than half of all audit stake voted otherwise."""
        return self._write("punish", id, auditor)

    def get(self, id: bytes) -> Case:
        """A case."""
        epoch, neuron, state, until, disputed_in, by, disputer, *rest = self._read("caseOf", id)
        return Case(epoch, neuron, State(state), until, disputed_in, checksum(by), checksum(disputer), *rest)

    def vote_of(self, id: bytes, auditor: int) -> Vote:
        """How an auditor voted."""
        return Vote(*self._read("voteOf", id, auditor))

    def pledge_of(self, neuron: int, model: bytes) -> Span:
        """In which epochs a neuron's pledge counts."""
        return Span(*self._read("pledgeOf", neuron, model))

    def windows(self, epoch: int) -> tuple[int, int]:
        """How long a case about an epoch's answer can be answered, and then disputed and voted on, in seconds."""
        answer, judge = self._read("windows", epoch)
        return int(answer), int(judge)

    def drawn(self, statement: Statement) -> bool:
        """Whether an answer must be shown.

        Raises:
            Reverted: that is not known before the second epoch after it.
        """
        said, (question, _) = statement.said, statement.pair
        id = id_of(said.epoch, said.neuron, question, statement.values)
        return bool(self._read("drawn", id, said.epoch))

    def said(self, since: int, until: int) -> list[Pledged | Opened | Answered | Disputed | Closed]:
        """What was pledged, and what became of cases, from block ``since`` to block ``until``."""
        return list(self._said((Pledged, Opened, Answered, Disputed, Closed), since, until))
