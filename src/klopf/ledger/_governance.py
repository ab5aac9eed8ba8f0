"""The DAO: proposals, votes, the timelock. It owns the rules of a governed deployment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from eth_abi.abi import decode
from eth_hash.auto import keccak

from klopf.errors import LedgerError, Reverted

from . import _events as ev
from ._abi import UPGRADEABLE, Artifact, FunctionABI, artifact, check_layout
from ._parameters import Constitution, Economy, Marks, Parameters, by_name
from ._types import Sent
from .keys import checksum

if TYPE_CHECKING:
    from ._client import Ledger

__all__ = ["Governance", "Proposal", "ProposalState", "Support"]


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
        description = bytes(keccak(self.description.encode()))
        return list(self.targets), [0] * len(self.targets), list(self.calldatas), description


Terms = Parameters | Economy | Marks | Constitution
_OWNER: dict[type, str] = {Parameters: "Rules", Economy: "Economy", Marks: "Marks"}

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


def _when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class Governance:
    """The governor of a governed deployment, seen with the ledger's key."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        try:
            self.address = ledger.deployment.addresses["KlopfGovernor"]
            self.timelock = ledger.deployment.addresses["Timelock"]
        except KeyError:
            raise LedgerError(
                "this network has no DAO: its rules belong to one key; deploy with a constitution (--governed) for one"
            ) from None
        self._functions = artifact("KlopfGovernor").functions

    def _read(self, function: str, *arguments: Any) -> Any:
        abi = self._functions[function]
        return abi.answer(self._ledger.rpc.call(self.address, abi.call_data(arguments)))

    def _write(self, function: str, *arguments: Any) -> Sent:
        return self._ledger.send(self.address, self._functions[function].call_data(arguments))

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
        data = artifact("Token").functions["delegate"].call_data((to or self._ledger.me.address,))
        return self._ledger.send(self._ledger.token.address, data)

    def votes(self, address: str) -> int:
        """Votes delegated to an address now."""
        return int(self._ledger.token._read("getVotes", address))

    def propose(self, calls: list[tuple[str, bytes]], description: str) -> int:
        """Propose calls (address, data), which the timelock will make. Returns the proposal's id."""
        targets, datas = [to for to, _ in calls], [data for _, data in calls]
        self._write("propose", targets, [0] * len(calls), datas, description)
        digest = bytes(keccak(description.encode()))
        return int(self._read("getProposalId", targets, [0] * len(calls), datas, digest))

    def constitution(self) -> Constitution:
        """How the DAO votes now."""
        return Constitution(**{name: self._setting(name) for name in _SETTINGS})

    def _setting(self, name: str) -> Any:
        contract, getter, kind, _ = _SETTINGS[name]
        abi = FunctionABI(getter, (), (kind,))
        found = abi.answer(self._ledger.rpc.call(self._ledger.deployment.addresses[contract], abi.call_data(())))
        return checksum(found) if kind == "address" else int(found)

    def propose_rules(self, change: Terms, description: str, *more: Terms) -> int:
        """Propose to change rules, economy, marks or how the DAO itself votes; or (``more``) several in one."""
        calls = []
        for terms in (change, *more):
            if isinstance(terms, Constitution):
                now = self.constitution()
                for name, (contract, _, kind, setter) in _SETTINGS.items():
                    if getattr(terms, name) != getattr(now, name):
                        abi = FunctionABI(setter, (kind,), ())
                        data = abi.call_data((getattr(terms, name),))
                        calls.append((self._ledger.deployment.addresses[contract], data))
                continue
            name = _OWNER[type(terms)]
            data = artifact(name).functions["propose"].call_data((terms.as_tuple(),))
            calls.append((self._ledger.deployment.addresses[name], data))
        return self.propose(calls, description)

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
        known: dict[str, object] = {"address": self.timelock}
        arguments = tuple(known.get(kind, deployment.wiring) for kind in code.constructor)
        try:
            data = code.creation(arguments)
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

    def cancel(self, proposal: int) -> Sent:
        """Cancel: the guardian at any time, or the proposer before the vote starts."""
        return self._act("cancel", proposal, *self.get(proposal).action())

    def changes(self, proposal: Proposal) -> list[str]:
        """What a proposal would do, a line a change: ``rule: now -> then`` for rules and terms, or the call itself."""
        lines = []
        names = {address: name for name, address in self._ledger.deployment.addresses.items()}
        now: dict[str, Parameters | Economy | Marks] = {
            "Rules": self._ledger.rules.current(), "Economy": self._ledger.economy.current(),
            "Marks": self._ledger.marks.current(),
        }  # fmt: skip
        for to, data in zip(proposal.targets, proposal.calldatas, strict=True):
            name = names.get(checksum(to), to)
            setting = self._read_setting(name, data)
            if setting:
                lines.append(setting)
                continue
            propose = artifact(name).functions["propose"] if name in now else None
            if propose is None or data[:4] != propose.selector:
                lines.append(f"call of {name}: 0x{data.hex()}")
                continue
            before = now[name]
            then = by_name(type(before).from_tuple(decode(propose.inputs, data[4:])[0]))
            was = by_name(before)
            lines += [
                f"{rule}: {was.get(rule)} -> {then.get(rule)}"
                for rule in {**was, **then}
                if was.get(rule) != then.get(rule)
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
        for known in self.list():
            if known.id == proposal:
                return known
        raise LedgerError(f"there is no proposal {proposal}; see `klopf dao list`")

    def list(self) -> list[Proposal]:
        """Every proposal, the oldest first."""
        created = [e for e in ev.history(self._ledger) if isinstance(e, ev.ProposalCreated)]
        return [self._proposal(e) for e in created]

    def _proposal(self, e: ev.ProposalCreated) -> Proposal:
        against, in_favour, abstain = self._read("proposalVotes", e.proposal)
        return Proposal(
            id=e.proposal,
            proposer=e.proposer,
            description=e.description,
            state=ProposalState(self._read("state", e.proposal)),
            vote_start=e.vote_start,
            vote_end=int(self._read("proposalDeadline", e.proposal)),
            eta=int(self._read("proposalEta", e.proposal)),
            votes={"for": in_favour, "against": against, "abstain": abstain},
            targets=e.targets,
            calldatas=tuple(e.calldatas),
        )
