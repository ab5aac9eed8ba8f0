"""The DAO: proposals, votes, the timelock. It owns the rules of a governed deployment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from eth_abi.abi import decode
from eth_hash.auto import keccak

from klopf.errors import LedgerError, Reverted
from klopf.ledger._abi import UPGRADEABLE, Artifact, FunctionABI, artifact, check_layout
from klopf.ledger._client import Connection, Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying, clients, owners_terms
from klopf.ledger._parameters import Constitution, Terms, by_name, called
from klopf.ledger.core.token import Token
from klopf.ledger.keys import checksum

__all__ = [
    "EIP712DomainChanged",
    "Governance",
    "LateQuorumVoteExtensionSet",
    "Proposal",
    "ProposalCanceled",
    "ProposalCreated",
    "ProposalExecuted",
    "ProposalExtended",
    "ProposalGuardianSet",
    "ProposalQueued",
    "ProposalState",
    "ProposalThresholdSet",
    "QuorumNumeratorUpdated",
    "Support",
    "TimelockChange",
    "VoteCast",
    "VoteCastWithParams",
    "VotingDelaySet",
    "VotingPeriodSet",
]


@dataclass(frozen=True)
class ProposalCreated(Event):
    proposal: int
    proposer: str
    targets: tuple[str, ...]
    values: tuple[int, ...]
    signatures: tuple[str, ...]
    calldatas: tuple[bytes, ...]
    vote_start: int
    vote_end: int
    description: str


@dataclass(frozen=True)
class ProposalQueued(Event):
    proposal: int
    eta: int


@dataclass(frozen=True)
class ProposalExecuted(Event):
    proposal: int


@dataclass(frozen=True)
class ProposalCanceled(Event):
    proposal: int


@dataclass(frozen=True)
class ProposalExtended(Event):
    proposal: int
    deadline: int


@dataclass(frozen=True)
class VoteCast(Event):
    voter: str
    proposal: int
    support: int
    weight: int
    reason: str


@dataclass(frozen=True)
class VoteCastWithParams(Event):
    voter: str
    proposal: int
    support: int
    weight: int
    reason: str
    params: bytes


@dataclass(frozen=True)
class _Number(Event):
    """A number of the constitution was changed."""

    before: int
    after: int


@dataclass(frozen=True)
class _Address(Event):
    """An address of the constitution was changed."""

    before: str
    after: str


class VotingDelaySet(_Number):
    pass


class VotingPeriodSet(_Number):
    pass


class ProposalThresholdSet(_Number):
    pass


class QuorumNumeratorUpdated(_Number):
    pass


class LateQuorumVoteExtensionSet(_Number):
    pass


class ProposalGuardianSet(_Address):
    pass


class TimelockChange(_Address):
    pass


@dataclass(frozen=True)
class EIP712DomainChanged(Event):
    pass


class ProposalState(IntEnum):
    """Where a proposal stands."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7


class Support(IntEnum):
    """A vote."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


@dataclass(frozen=True)
class Proposal:
    """A proposal as it stands. Times are seconds since 1970; ``votes`` are by support, in 1e-18 KLP."""

    id: int
    proposer: str
    description: str
    state: ProposalState
    vote_start: int
    vote_end: int
    eta: int
    votes: dict[str, int]
    targets: tuple[str, ...]
    calldatas: tuple[bytes, ...]
    mark: str = ""
    """What followed the description when it was proposed, so that nobody else could propose it first."""

    def waits_for(self) -> str:
        """What must happen before the next thing can."""
        if self.state is ProposalState.PENDING:
            return f"its vote begins at {_when(self.vote_start)}"
        if self.state is ProposalState.ACTIVE:
            return f"its vote ends at {_when(self.vote_end)}"
        if self.state is ProposalState.SUCCEEDED:
            return "it can be queued"
        if self.state is ProposalState.QUEUED:
            return f"it can be executed from {_when(self.eta)} on"
        return "nothing more can be done with it"

    def action(self) -> tuple[list[str], list[int], list[bytes], bytes]:
        """What the governor hashes a proposal from."""
        description = bytes(keccak((self.description + self.mark).encode()))
        return list(self.targets), [0] * len(self.targets), list(self.calldatas), description


# what the DAO may change about itself: the contract, how to ask, the type, how to set
_SETTINGS = {
    "voting_delay": ("KlopfGovernor", "votingDelay", "uint48", "setVotingDelay"),
    "voting_period": ("KlopfGovernor", "votingPeriod", "uint32", "setVotingPeriod"),
    "late_quorum_extension": ("KlopfGovernor", "lateQuorumVoteExtension", "uint48", "setLateQuorumVoteExtension"),
    "proposal_threshold": ("KlopfGovernor", "proposalThreshold", "uint256", "setProposalThreshold"),
    "quorum_percent": ("KlopfGovernor", "quorumNumerator", "uint256", "updateQuorumNumerator"),
    "timelock_delay": ("Timelock", "getMinDelay", "uint256", "updateDelay"),
    "guardian": ("KlopfGovernor", "proposalGuardian", "address", "setProposalGuardian"),
}


_MARK = "#proposer="


def _value(value: Any, amount: bool) -> str:
    """A rule's value; one with 18 decimals as ``--set`` takes it."""
    if not amount or value is None:
        return str(value)
    if isinstance(value, tuple):
        return ",".join(_value(one, True) for one in value)
    return f"{value // 10**18}.{value % 10**18:018d}".rstrip("0").rstrip(".")


def _when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class Governance(Contract):
    """The governor of a governed deployment, seen with the ledger's key."""

    name = "KlopfGovernor"
    events = (
        ProposalCreated, ProposalQueued, ProposalExecuted, ProposalCanceled, ProposalExtended, VoteCast,
        VoteCastWithParams, VotingDelaySet, VotingPeriodSet, ProposalThresholdSet, QuorumNumeratorUpdated,
        LateQuorumVoteExtensionSet, ProposalGuardianSet, TimelockChange, EIP712DomainChanged,
    )  # fmt: skip
    needs_none = events
    """What a vote decides is seen where it was carried out, in the events of the contract that changed."""

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, astuple(deploying.settings["constitution"])

    def __init__(self, ledger: Connection) -> None:
        if self.name not in ledger.deployment.addresses:
            raise LedgerError(
                "this network has no DAO: its rules belong to one key; deploy with a constitution (--governed) for one"
            )
        super().__init__(ledger)
        self.timelock = ledger.address("Timelock")

    def _act(self, function: str, proposal: int, *arguments: Any) -> Sent:
        """As ``_write``; where it is the wrong time, the refusal says what the proposal waits for."""
        try:
            return self._write(function, *arguments)
        except Reverted as refusal:
            if "Unexpected" not in refusal.name:
                raise
            p = self.get(proposal)
            raise Reverted(
                f"proposal {str(p.id)[:10]}… is {p.state.name.lower()}: {p.waits_for()}", refusal.name
            ) from None

    def delegate(self, to: str | None = None) -> Sent:
        """Let one's tokens vote: by oneself, or by ``to``. Counts for proposals whose vote starts later."""
        return self._ledger.client(Token).delegate(to or self._ledger.me.address)

    def votes(self, address: str) -> int:
        """Votes delegated to an address now."""
        return self._ledger.client(Token).votes(address)

    def propose(self, calls: list[tuple[str, bytes]], description: str) -> int:
        """Propose calls (address, data), which the timelock will make. Returns the proposal's id.

        The description ends with who proposes it (`#proposer=`): nobody can propose the same first and cancel it.
        """
        targets, datas = [to for to, _ in calls], [data for _, data in calls]
        description += _MARK + self._ledger.me.address.lower()
        self._write("propose", targets, [0] * len(calls), datas, description)
        digest = bytes(keccak(description.encode()))
        return int(self._read("getProposalId", targets, [0] * len(calls), datas, digest))

    def constitution(self) -> Constitution:
        """How the DAO votes now."""
        return Constitution(**{name: self._setting(name) for name in _SETTINGS})

    def terms(self) -> dict[str, Terms]:
        """What the DAO may change besides, as it is now, by contract: in all packs that the network has."""
        return owners_terms(self._ledger)

    def _setting(self, name: str) -> Any:
        contract, getter, kind, _ = _SETTINGS[name]
        abi = FunctionABI(getter, (), (kind,))
        found = abi.answer(self._ledger.rpc.call(self._ledger.deployment.addresses[contract], abi.call_data(())))
        return checksum(found) if kind == "address" else int(found)

    def propose_rules(self, change: Terms | Constitution, description: str, *more: Terms | Constitution) -> int:
        """Propose to change the numbers of a contract, or how the DAO itself votes; or (``more``) several in one.

        LedgerError where no contract of this network has such numbers.
        """
        calls = []
        for terms in (change, *more):
            calls += self._constituting(terms) if isinstance(terms, Constitution) else self._changing(terms)
        return self.propose(calls, description)

    def _constituting(self, terms: Constitution) -> list[tuple[str, bytes]]:
        now, calls = self.constitution(), []
        for name, (contract, _, kind, setter) in _SETTINGS.items():
            if getattr(terms, name) != getattr(now, name):
                data = FunctionABI(setter, (kind,), ()).call_data((getattr(terms, name),))
                calls.append((self._ledger.deployment.addresses[contract], data))
        return calls

    def _changing(self, terms: Terms) -> list[tuple[str, bytes]]:
        for name, now in self.terms().items():
            if type(now) is type(terms):
                contract = clients(self._ledger)[name]
                return [(contract.address, call) for call in contract.calls_for(terms)]
        raise LedgerError(f"no contract of this network is told {type(terms).__name__}; add the pack that has it first")

    def propose_upgrade(self, name: str, code: Artifact, description: str) -> int:
        """Deploy new ``code`` for one of the contracts behind a proxy, and propose to put it there.

        LedgerError where that contract cannot be upgraded, or where a variable would lose its place in storage.
        """
        if name not in UPGRADEABLE:
            raise LedgerError(
                f"{name} is final; only {' and '.join(UPGRADEABLE)} can be upgraded, for they hold no money"
            )
        check_layout(name, artifact(name).storage, code.storage)
        deployment = self._ledger.deployment
        try:
            data = code.creation((deployment.directory,))
        except LedgerError:
            raise LedgerError(
                f"the new {name} is built from {code.constructor}; it must take what the old one took"
            ) from None
        receipt = self._ledger.rpc.send(self._ledger.me, None, data)
        upgrade = artifact(name).functions["upgradeToAndCall"].call_data((receipt["contractAddress"], b""))
        return self.propose([(deployment.addresses[name], upgrade)], description)

    def vote(self, proposal: int, support: Support, reason: str = "") -> Sent:
        """Vote with what was delegated to this key when the vote started."""
        return self._act("castVoteWithReason", proposal, proposal, int(support), reason)

    def queue(self, proposal: int) -> Sent:
        """Hand a proposal that has won to the timelock."""
        return self._act("queue", proposal, *self.get(proposal).action())

    def execute(self, proposal: int) -> Sent:
        """Carry out a queued proposal whose delay is over; anybody may."""
        return self._act("execute", proposal, *self.get(proposal).action())

    def guardian_until(self) -> int:
        """When the guardian's year is over, in seconds since 1970; the DAO may begin another one."""
        return int(self._read("guardianUntil"))

    def cancel(self, proposal: int) -> Sent:
        """Cancel: the guardian in its year, unless the proposal says who shall be guardian and nothing else; or the
        proposer before the vote starts."""
        return self._act("cancel", proposal, *self.get(proposal).action())

    def changes(self, proposal: Proposal) -> list[str]:
        """What a proposal would do, a line a change: ``rule: now -> then`` for rules and terms, or the call itself."""
        lines = []
        names = {address: name for name, address in self._ledger.deployment.addresses.items()}
        contracts, now = clients(self._ledger), self.terms()
        for to, data in zip(proposal.targets, proposal.calldatas, strict=True):
            name = names.get(checksum(to), to)
            setting = self._read_setting(name, data)
            if setting:
                lines.append(setting)
                continue
            then = contracts[name].terms_after(data) if name in contracts else None
            if then is None:
                lines.append(f"call of {name}: 0x{data.hex()}")
                continue
            was, will = by_name(now[name]), by_name(then)
            amounts = getattr(then, "amounts", ())
            lines += [
                f"{called(name, rule)}: {_value(was.get(rule), rule in amounts)} -> "
                f"{_value(will.get(rule), rule in amounts)}"
                for rule in {**was, **will}
                if was.get(rule) != will.get(rule)
            ]
        return lines

    def _read_setting(self, contract: str, data: bytes) -> str:
        """``name: now -> then`` for a call that changes how the DAO votes; empty for any other."""
        for name, (owner, _, kind, setter) in _SETTINGS.items():
            if contract == owner and data[:4] == FunctionABI(setter, (kind,), ()).selector:
                return f"{name}: {self._setting(name)} -> {decode((kind,), data[4:])[0]}"
        return ""

    def get(self, proposal: int) -> Proposal:
        """One proposal. LedgerError where there is none."""
        for made in self._made_all():
            if made.proposal == proposal:
                return self._proposal(made)
        raise LedgerError(f"there is no proposal {proposal}; see `klopf dao list`")

    def list(self) -> list[Proposal]:
        """Every proposal, the oldest first."""
        return [self._proposal(made) for made in self._made_all()]

    def _made_all(self) -> Iterator[ProposalCreated]:
        first, last = self._ledger.deployment.block, self._ledger.rpc.height()
        return self._said((ProposalCreated,), first, last)

    def _proposal(self, e: ProposalCreated) -> Proposal:
        against, in_favour, abstain = self._read("proposalVotes", e.proposal)
        description, mark, proposer = e.description.rpartition(_MARK)
        if proposer.lower() != e.proposer.lower():
            description, mark, proposer = e.description, "", ""
        return Proposal(
            id=e.proposal,
            proposer=e.proposer,
            description=description,
            mark=mark + proposer,
            state=ProposalState(self._read("state", e.proposal)),
            vote_start=e.vote_start,
            vote_end=int(self._read("proposalDeadline", e.proposal)),
            eta=int(self._read("proposalEta", e.proposal)),
            votes={"for": in_favour, "against": against, "abstain": abstain},
            targets=e.targets,
            calldatas=tuple(e.calldatas),
        )
