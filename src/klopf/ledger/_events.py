"""What happened, as the contracts said it: one dataclass an event, in the order of its fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from klopf.errors import LedgerError

from ._abi import CONTRACTS, GOVERNANCE, MOVED, EventABI, artifact
from ._pack import Event
from ._parameters import task_name
from ._types import Result
from .keys import checksum

if TYPE_CHECKING:
    from ._client import Ledger

__all__ = ["Event", "history", "kinds", "read_event"]


@dataclass(frozen=True)
class Transfer(Event):
    sender: str
    to: str
    value: int


@dataclass(frozen=True)
class Approval(Event):
    owner: str
    spender: str
    value: int


@dataclass(frozen=True)
class Emitted(Event):
    to: str
    amount: int
    emitted: int


@dataclass(frozen=True)
class DelegateChanged(Event):
    delegator: str
    from_delegate: str
    to_delegate: str


@dataclass(frozen=True)
class DelegateVotesChanged(Event):
    delegate: str
    previous_votes: int
    new_votes: int


@dataclass(frozen=True)
class OwnershipTransferred(Event):
    previous_owner: str
    new_owner: str


@dataclass(frozen=True)
class Proposed(Event):
    parameters: tuple[int, ...]


@dataclass(frozen=True)
class Adopted(Event):
    epoch: int
    parameters: tuple[int, ...]


@dataclass(frozen=True)
class EconomyProposed(Event):
    """``terms`` as the contract has them; see ``Economy.from_tuple``."""

    terms: tuple[Any, ...]


@dataclass(frozen=True)
class EconomyAdopted(Event):
    """Played from ``cycle`` on."""

    cycle: int
    terms: tuple[Any, ...]


@dataclass(frozen=True)
class MarksProposed(Event):
    """What audits must reach from epoch ``since`` on, by task."""

    since: int
    marks: dict[str, int]


@dataclass(frozen=True)
class Opened(Event):
    epoch: int
    phase: int
    deadline: int
    expected: int
    seed: bytes


@dataclass(frozen=True)
class Arrived(Event):
    id: int
    epoch: int
    phase: int


@dataclass(frozen=True)
class Left(Event):
    id: int
    epoch: int
    phase: int


@dataclass(frozen=True)
class Registered(Event):
    id: int
    role: int
    owner: str
    key: str
    endpoint: str
    model: str
    certificate: bytes


@dataclass(frozen=True)
class Moved(Event):
    id: int
    endpoint: str
    certificate: bytes


@dataclass(frozen=True)
class KeyRotated(Event):
    id: int
    key: str


@dataclass(frozen=True)
class ModelChanged(Event):
    id: int
    model: str


@dataclass(frozen=True)
class ModelCommitted(Event):
    id: int
    epoch: int
    commitment: bytes


@dataclass(frozen=True)
class UtilityUpdated(Event):
    id: int
    epoch: int
    share: int
    utility: int


@dataclass(frozen=True)
class Judged(Event):
    id: int
    epoch: int
    passed: bool
    failed_in_a_row: int


@dataclass(frozen=True)
class StandingChanged(Event):
    id: int
    epoch: int
    before: int
    after: int
    rival: int


@dataclass(frozen=True)
class Delisted(Event):
    id: int


@dataclass(frozen=True)
class Staked(Event):
    id: int
    sender: str
    amount: int


@dataclass(frozen=True)
class Thawing(Event):
    id: int
    amount: int
    ready_at: int


@dataclass(frozen=True)
class Withdrawn(Event):
    """From Stake or from Settlement: see ``contract``."""

    id: int
    to: str
    amount: int


@dataclass(frozen=True)
class Slashed(Event):
    id: int
    epoch: int
    from_staked: int
    from_thawing: int


@dataclass(frozen=True)
class Deposited(Event):
    id: int
    sender: str
    amount: int


@dataclass(frozen=True)
class Capped(Event):
    id: int
    most: int


@dataclass(frozen=True)
class Disputed(Event):
    """A speaker shows a receipt that it was not paid for."""

    epoch: int
    listener: int
    speaker: int
    leaf: bytes
    fee: int
    answer_by: int


@dataclass(frozen=True)
class DisputeEnded(Event):
    """``kept``: the listener showed that the receipt is in its root."""

    epoch: int
    listener: int
    speaker: int
    kept: bool
    paid: int
    voided: bool


@dataclass(frozen=True)
class Forwarded(Event):
    """Somebody else brought what ``signer`` signed."""

    signer: str
    nonce: int
    success: bool


@dataclass(frozen=True)
class Upgraded(Event):
    """The code behind a proxy."""

    implementation: str


@dataclass(frozen=True)
class Restored(Event):
    """Somebody took out what it had on the former chain."""

    index: int
    owner: str
    amount: int


@dataclass(frozen=True)
class Posted(Event):
    id: int
    epoch: int
    root: bytes
    fees: int
    stake: int


@dataclass(frozen=True)
class Heard(Event):
    epoch: int
    listener: int
    speaker: int
    answers: int
    weight: int
    fee: int
    leaf: bytes


@dataclass(frozen=True)
class Refused(Event):
    epoch: int
    listener: int
    speaker: int
    leaf: bytes


@dataclass(frozen=True)
class Claimed(Event):
    epoch: int
    speaker: int
    consensus: int
    rank: int
    fees: int


@dataclass(frozen=True)
class Collected(Event):
    epoch: int
    id: int
    owner: str
    emitted: int
    fees: int
    refund: int


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


@dataclass(frozen=True)
class Concluded(Event):
    epoch: int
    neuron: int
    results: int
    medians: dict[str, int]
    """By task, of those that enough auditors scored."""
    passed: bool


@dataclass(frozen=True)
class Outlier(Event):
    epoch: int
    auditor: int
    neuron: int
    task: str
    score: int
    median: int


@dataclass(frozen=True)
class Rolled(Event):
    """A cycle of 24 hours has opened."""

    cycle: int
    effort: int
    reward: int
    market: int


@dataclass(frozen=True)
class HalvingBegan(Event):
    """At the milestone; and again, with what was left, where the owner changed the period."""

    cycle: int
    first: int
    period: int


@dataclass(frozen=True)
class SetAside(Event):
    cycle: int
    amount: int


@dataclass(frozen=True)
class Paid(Event):
    to: str
    amount: int
    for_effort: bool


@dataclass(frozen=True)
class NodeFounded(Event):
    node: int
    owner: str
    rule: int
    fee_bps: int


@dataclass(frozen=True)
class Joined(Event):
    device: int
    node: int


@dataclass(frozen=True)
class EffortReported(Event):
    cycle: int
    node: int
    device: int
    holder: str
    effort: int
    bytes_verified: int
    work_seconds: int
    talk_seconds: int
    receiver: int


@dataclass(frozen=True)
class CycleClosed(Event):
    cycle: int
    pool: int
    effort: int


@dataclass(frozen=True)
class NodePaid(Event):
    cycle: int
    node: int
    amount: int
    fee: int


@dataclass(frozen=True)
class DevicePaid(Event):
    cycle: int
    device: int
    holder: str
    amount: int


@dataclass(frozen=True)
class DeviceBorn(Event):
    id: int
    owner: str
    key: str
    cores: int
    teraflops: int
    memory_mib: int
    description: bytes


@dataclass(frozen=True)
class DeviceTransfer(Event):
    sender: str
    to: str
    id: int


@dataclass(frozen=True)
class JobOpened(Event):
    id: int
    payer: str
    verifier: str
    price: int
    report_by: int
    terms: bytes


@dataclass(frozen=True)
class JobReported(Event):
    id: int
    by: str
    workers: tuple[str, ...]
    amounts: tuple[int, ...]
    final_at: int


@dataclass(frozen=True)
class JobDisputed(Event):
    id: int
    by: str


@dataclass(frozen=True)
class WorkerPaid(Event):
    id: int
    worker: str
    amount: int


@dataclass(frozen=True)
class JobReturned(Event):
    id: int
    payer: str
    amount: int


@dataclass(frozen=True)
class SnapshotTaken(Event):
    id: int
    by: str
    hash: bytes
    at_block: int
    place: str


@dataclass(frozen=True)
class SnapshotTransfer(Event):
    sender: str
    to: str
    id: int


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


_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


_RENAMED: dict[tuple[str, str], type[Event]] = {
    ("Economy", "Proposed"): EconomyProposed,
    ("Marks", "Proposed"): MarksProposed,
    ("Economy", "Adopted"): EconomyAdopted,
    ("Forwarder", "ExecutedForwardRequest"): Forwarded,
    ("Effort", "Reported"): EffortReported,
    ("Effort", "Closed"): CycleClosed,
    ("Devices", "Born"): DeviceBorn,
    ("Devices", "Transfer"): DeviceTransfer,
    ("Jobs", "Opened"): JobOpened,
    ("Jobs", "Reported"): JobReported,
    ("Jobs", "Disputed"): JobDisputed,
    ("Jobs", "Returned"): JobReturned,
    ("Snapshots", "Taken"): SnapshotTaken,
    ("Snapshots", "Transfer"): SnapshotTransfer,
}
"""Where two contracts use one name, or one that says little by itself."""
_SILENT = {("Devices", "Approval"), ("Snapshots", "Approval")}


def kinds() -> dict[str, type[Event]]:
    """Every kind of event by its name."""
    return dict(_KINDS)


def _plain(kind: str, value: Any) -> Any:
    if kind == "address":
        return checksum(value)
    if kind == "address[]":
        return tuple(checksum(address) for address in value)
    if kind == "bytes26":
        return task_name(value)
    if kind == "(bytes26,uint16)[]":
        return {task_name(task): figure for task, figure in value}
    if kind.startswith("(uint32,(bytes26"):
        return tuple(Result.from_tuple(row) for row in value)
    return value


def read_event(abi: EventABI, contract: str, log: dict[str, Any]) -> Event | None:
    """The event behind a log as a node returns it; None for a kind that says nothing about Klopf."""
    if (contract, abi.name) in _SILENT:
        return None
    kind = _RENAMED.get((contract, abi.name), _KINDS.get(abi.name))
    if kind is None:
        return None
    values = abi.read([bytes.fromhex(t[2:]) for t in log["topics"]], bytes.fromhex(log["data"][2:]))
    types = {name: kind_ for name, kind_, _ in abi.fields}
    return kind(
        int(log["blockNumber"], 16),
        int(log["logIndex"], 16),
        log["transactionHash"],
        contract,
        *(_plain(types[name], value) for name, value in values.items()),
    )


def history(ledger: Ledger, since: int = 0, until: int | None = None, step: int = 5_000) -> Iterator[Event]:
    """Every event of the deployment in block order, from block ``since`` (or its first) to ``until`` (or the latest).

    Asks for ``step`` blocks at a time, which public nodes limit. LedgerError where a log cannot be read.
    """
    known = {name for name in CONTRACTS + GOVERNANCE + MOVED if not name.endswith("Code")}
    contracts = {address.lower(): name for name, address in ledger.deployment.addresses.items() if name in known}
    first = max(since, ledger.deployment.block)
    last = ledger.rpc.height() if until is None else until
    while first <= last:
        logs = ledger.rpc.request(
            "eth_getLogs",
            {
                "fromBlock": hex(first),
                "toBlock": hex(min(first + step - 1, last)),
                "address": list(contracts),
            },
        )
        for log in logs:
            name = contracts[log["address"].lower()]
            abi = artifact(name).events.get(bytes.fromhex(log["topics"][0][2:])) if log["topics"] else None
            if abi is None:
                raise LedgerError(f"block {int(log['blockNumber'], 16)} holds a log of {name} that no contract writes")
            try:
                event = read_event(abi, name, log)
            except Exception as error:  # eth_abi raises many kinds
                raise LedgerError(
                    f"event {int(log['logIndex'], 16)} of block {int(log['blockNumber'], 16)} ({abi.name} of {name}) "
                    f"cannot be read ({error}); the ledger was altered"
                ) from None
            if event is not None:
                yield event
        first += step
