"""The numbers a network is played by, as the contracts keep them that the owner of the rules may tell others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, fields, replace
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from klopf.errors import LedgerError

__all__ = [
    "KLP",
    "AuditShare",
    "AuditTerms",
    "BeaconTerms",
    "Constitution",
    "Economy",
    "ExchangeTerms",
    "LoanTerms",
    "Marks",
    "Parameters",
    "PoolWeights",
    "ReserveRates",
    "SeatTerms",
    "Terms",
    "by_name",
    "called",
    "changed",
    "may_have",
    "task_id",
    "task_name",
]

KLP = 10**18
"""One token in its smallest unit."""


@runtime_checkable
class Terms(Protocol):
    """Numbers of a contract that the owner of the rules may change: a frozen dataclass with a field for each. Where a
    class has ``amounts``, these are the fields with 18 decimals, which a command takes in whole tokens or units."""

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""

    @classmethod
    def from_tuple(cls, values: tuple[Any, ...]) -> Self:
        """From the contract's struct."""


@dataclass(frozen=True)
class Constitution:
    """How the DAO that owns the rules votes. Times in seconds."""

    amounts: ClassVar[tuple[str, ...]] = ("proposal_threshold",)

    voting_delay: int = 24 * 3600
    """From a proposal to the snapshot of votes."""
    voting_period: int = 7 * 24 * 3600
    late_quorum_extension: int = 2 * 24 * 3600
    """A vote whose quorum comes late stays open at least this long after it."""
    proposal_threshold: int = 100_000 * KLP
    """Votes needed to propose."""
    quorum_percent: int = 4
    """Of all tokens."""
    timelock_delay: int = 2 * 24 * 3600
    """Between a vote's end and its execution."""
    guardian: str = "0x0000000000000000000000000000000000000000"
    """May cancel a proposal and nothing else, for a year after it was set, and none about who shall be guardian; nobody
    by default."""


@dataclass(frozen=True)
class Parameters:
    """Amounts of money in 1e-18 KLP, ``*_bps`` in 1/10,000, fractions named so in their own unit."""

    amounts: ClassVar[tuple[str, ...]] = ("emission", "neuron_stake", "auditor_stake")

    listen_seconds: int = 60
    """The longest a LISTEN phase lasts."""
    claim_seconds: int = 60
    """The longest a CLAIM phase lasts."""
    thaw_seconds: int = 7 * 24 * 3600
    """Unstaked tokens stay slashable this long: two epochs at least, which is longer than judging takes."""
    kappa: int = 32767
    """Share of the stake bound to listen that must agree on a weight, in 1/65535."""
    seats: int = 4
    """Backbone seats."""
    maturity: int = 2
    """A neuron is judged once it is older than this many epochs."""
    margin_bps: int = 1000
    """How much better than the incumbent a challenger must be heard."""
    patience: int = 2
    """Audits failed in a row that silence a neuron."""
    audit_seats: int = 3
    """Auditors drawn for a neuron, at most 16."""
    audit_quorum: int = 2
    """Fewer revealed results conclude nothing; more than half of the seats."""
    floor_bps: int = 100
    """Least half interval that an auditor is held to."""
    slash_bps: int = 2000
    """Share of an outlying auditor's stake that is taken."""
    market_bps: int = 5000
    """Share of a cycle's compute reward that pays for listening; the rest pays for effort."""
    dispute_seconds: int = 24 * 3600
    """An epoch's pay waits this long for disputes about receipts; 0 pays at once and knows no disputes."""
    decay: int = 9 * 10**17
    """Decay of the utility (eta), 18 decimals."""
    emission: int = 1_000 * KLP
    """Compute reward of one epoch, as far as the running cycle of 24 hours has it."""
    neuron_stake: int = 100 * KLP
    """Least stake of a neuron."""
    auditor_stake: int = 100 * KLP
    """Least stake of an auditor."""
    least_seconds: int = 0
    """No phase is shorter, whoever has arrived; at most the longest LISTEN or CLAIM may be."""
    committee: int = 8
    """So many neurons are bound to listen to a speaker on average, drawn by stake, where there are more: 4 to 64."""
    fringe_bps: int = 5000
    """What is heard of a fringe neuron counts so much of what it would count of one with a seat, in 1/10,000."""

    def unraced(self) -> Parameters:
        """The same, and no phase shorter than half of what the shorter one may last: who is slower than others, but
        needs no more than that, is not left behind by those who end a phase early."""
        return replace(self, least_seconds=min(self.listen_seconds, self.claim_seconds) // 2)

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return astuple(self)

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> Parameters:
        """From the contract's struct."""
        return cls(**dict(zip((f.name for f in fields(cls)), values, strict=True)))


@dataclass(frozen=True)
class BeaconTerms:
    """What it takes to have a part in the seeds of draws, and what it costs to hold one's part back. A change counts
    from the next epoch on."""

    amounts: ClassVar[tuple[str, ...]] = ("least",)

    least: int = 100 * KLP
    """Stake without which nobody has a part; 1 to 1e9 KLP."""
    miss_bps: int = 500
    """Share of the stake that a value costs which is not shown; 1 to 5,000."""

    def as_tuple(self) -> tuple[int, int]:
        """In the order of the contract's struct."""
        return self.least, self.miss_bps

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> BeaconTerms:
        """From the contract's struct."""
        return cls(*values)


@dataclass(frozen=True)
class ReserveRates:
    """How much the packs of the reserves for liquidity and circulation may mint in 24 hours, in 1e-18 KLP; a reserve
    lasts a year at least. A change counts at once, and what has grown stays."""

    amounts: ClassVar[tuple[str, ...]] = ("liquidity", "circulation")

    liquidity: int = 0
    circulation: int = 0

    def as_tuple(self) -> tuple[int, int]:
        """In the order of the contract's reserves."""
        return self.liquidity, self.circulation

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> ReserveRates:
        """In the order of the contract's reserves."""
        return cls(*values)


@dataclass(frozen=True)
class AuditTerms:
    """What evidence an audit must be, and what it costs to doubt it. A change counts from the next epoch on."""

    amounts: ClassVar[tuple[str, ...]] = ("deposit",)

    fewest: int = 20
    """Questions of a task, without which it counts for nothing; at least 1."""
    most: int = 10_000
    """No task may have more; at most 10,000."""
    challenge_seconds: int = 24 * 3600
    """A question can be doubted so long after the reveal, and must be shown within as long again: up to 15 days, and no
    longer than a quarter of the thaw."""
    deposit: int = 10 * KLP
    """Of whoever doubts a question, lost to the auditor where it was shown; up to 1,000,000 KLP."""

    def as_tuple(self) -> tuple[int, int, int, int]:
        """In the order of the contract's struct."""
        return self.fewest, self.most, self.challenge_seconds, self.deposit

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> AuditTerms:
        """From the contract's struct."""
        return cls(*values)


@dataclass(frozen=True)
class AuditShare:
    """What auditors are paid. A change counts from the next epoch on."""

    share_bps: int = 500
    """Of an epoch's emission, in 1/10,000, beside it and out of the market's part; at most 2,000."""

    def as_tuple(self) -> tuple[int]:
        """What the contract takes."""
        return (self.share_bps,)

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> AuditShare:
        """From what the contract takes."""
        return cls(*values)


@dataclass(frozen=True)
class SeatTerms:
    """What a seat asks of audits, and when auditors take what they find for a fault of the network. A change counts
    from the next epoch on."""

    vouched_bps: int = 5000
    """More than this share of all audit stake must have found a neuron good before it sits, in 1/10,000; 0 asks
    nothing."""
    enough: int = 48
    """So many auditors are enough, whatever stake they have; at most 64."""
    better_bps: int = 1
    """A challenger by audits is graded so much better than the incumbent, in 1/10,000 of all there is; 10,001 for
    never."""
    heard_bps: int = 1000
    """And is heard at least so much of what the incumbent is, in 1/10,000."""
    fault_fewest: int = 3
    """Neurons that had passed their last audit, of fewer of which nothing is taken for a fault of the network."""
    fault_bps: int = 5000
    """More than this share of them miss a mark at once, in 1/10,000."""
    fault_most: int = 2
    """Epochs in which that is taken for a fault, in any ``fault_span``; 0 for never."""
    fault_span: int = 24
    """Epochs; at most 1,000."""

    def as_tuple(self) -> tuple[int, ...]:
        """In the order of the contract's struct."""
        return astuple(self)

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> SeatTerms:
        """From the contract's struct."""
        return cls(*values)


@dataclass(frozen=True)
class CaseTerms:
    """How often an answer must be shown to be a network's, and what it costs not to. A change counts for answers from
    the next epoch on."""

    amounts: ClassVar[tuple[str, ...]] = ("deposit", "bond")

    rate: int = 10_000
    """Of a million answers, how many are drawn; at most all."""
    answer_seconds: int = 24 * 3600
    """So long after a case was opened it can be answered; up to 15 days, and no longer than an eighth of the thaw."""
    judge_seconds: int = 24 * 3600
    """So long an answer can be disputed, and so long after that auditors vote; likewise."""
    slash_bps: int = 5000
    """What a neuron loses that is convicted, in 1/10,000 of its stake."""
    wrong_bps: int = 500
    """What an auditor loses where more than half of all audit stake voted otherwise, in 1/10,000 of its stake."""
    deposit: int = 1 * KLP
    """Of whoever opens a case, lost to the neuron where it answers; up to 1,000,000 KLP."""
    bond: int = 10 * KLP
    """Of whoever disputes an answer, lost where auditors do not agree; up to 1,000,000 KLP."""

    def as_tuple(self) -> tuple[int, ...]:
        """In the order of the contract's struct."""
        return astuple(self)

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> CaseTerms:
        """From the contract's struct."""
        return cls(*values)


@dataclass(frozen=True)
class ExchangeTerms:
    """What pools keep that are opened from now on; one that is open keeps its own."""

    fee_bps: int = 30
    """Of what comes in, in 1/10,000; 1 to 100."""

    def as_tuple(self) -> tuple[int]:
        """What the contract takes."""
        return (self.fee_bps,)

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> ExchangeTerms:
        """From what the contract takes."""
        return cls(*values)


@dataclass(frozen=True)
class LoanTerms:
    """What markets of loans may be opened with from now on; one that is open keeps its own terms."""

    most_limit_bps: int = 8000
    """Of what collateral is worth, how much may be lent at most, in 1/10,000; 1,000 to 9,000."""

    def as_tuple(self) -> tuple[int]:
        """What the contract takes."""
        return (self.most_limit_bps,)

    @classmethod
    def from_tuple(cls, values: tuple[int, ...]) -> LoanTerms:
        """From what the contract takes."""
        return cls(*values)


@dataclass(frozen=True)
class PoolWeights:
    """How pools weigh beside one another in what liquidity earns, by number; one that is not named weighs nothing. A
    change counts at once, and what was earned stays. LedgerError where a weight is none."""

    weights: Mapping[int, int] = field(default_factory=dict)
    """Whole numbers up to 65,535."""

    def __post_init__(self) -> None:
        for pool, weight in self.weights.items():
            if not 0 <= weight < 2**16:
                raise LedgerError(f"a pool's weight is from 0 to {2**16 - 1}, not {weight} (pool {pool})")

    def as_tuple(self) -> tuple[tuple[int, int], ...]:
        """By number."""
        return tuple(sorted(self.weights.items()))

    @classmethod
    def from_tuple(cls, values: Iterable[tuple[int, int]]) -> PoolWeights:
        """Back from :meth:`as_tuple`."""
        return cls(dict(values))


def task_id(name: str) -> bytes:
    """An audit task's name as the contracts keep it, 26 bytes. LedgerError where it is too long or no ASCII.

    >>> task_id("accuracy").rstrip(bytes(1))
    b'accuracy'
    """
    if len(name) == 2 + 2 * _TASK and name.startswith("0x"):
        return bytes.fromhex(name[2:])
    if not (name.isascii() and name.isprintable() and 0 < len(name) <= _TASK):
        raise LedgerError(f"an audit task cannot be called {name!r}; its name has 1 to {_TASK} letters of ASCII")
    return name.encode().ljust(_TASK, bytes(1))


def task_name(id: bytes) -> str:
    """Back from :func:`task_id`. A name that nobody could have given is shown in hexadecimal."""
    plain = id.rstrip(bytes(1))
    return plain.decode() if plain.isascii() and plain.decode().isprintable() else "0x" + id.hex()


@dataclass(frozen=True)
class Marks:
    """What a neuron's audits must reach: for each task that decides, the least median that passes, in 1/10,000.

    A task without a mark is recorded and judges its auditors, but decides about no neuron. A change counts from the
    next epoch on.
    """

    least: Mapping[str, int] = field(default_factory=lambda: {"accuracy": 5000, "robustness": 4000})

    def as_tuple(self) -> tuple[tuple[bytes, int], ...]:
        """In the order of the contract: by task."""
        return tuple(sorted((task_id(task), least) for task, least in self.least.items()))

    @classmethod
    def from_tuple(cls, values: Iterable[tuple[bytes, int]]) -> Marks:
        """From the contract's list."""
        return cls({task_name(task): least for task, least in values})


@dataclass(frozen=True)
class Economy:
    """The terms of emission and effort; a change is played from the next cycle of 24 hours on that opens.

    Effort has 18 decimals: 1e18 is one unit, 1 PB processed in a cycle. Amounts of money in 1e-18 KLP.
    """

    amounts: ClassVar[tuple[str, ...]] = ("rewards", "per_core", "per_teraflop", "per_gib", "milestone", "thresholds")

    bytes_per_stake: int = 10**14
    """So many bytes cost the receiver who signs for them one KLP of its stake, which is burnt; at most 1e18."""
    per_core: int = 10**12
    """Fixed effort of a device in a cycle for each core, until the milestone; at most 1e14, as the next two."""
    per_teraflop: int = 10**13
    per_gib: int = 10**11
    bonus_from: int = 30
    """A node's bonus begins above this many devices,"""
    bonus_until: int = 300
    """and has risen evenly by ``bonus_bps`` at this many."""
    bonus_bps: int = 5000
    """In 1/10,000, at most 10,000."""
    node_devices: int = 300
    """The most devices that may join a node."""
    halving_cycles: int = 1095
    """Cycles from one halving to the next, at least 365. A change begins the halving again, with what is left."""
    milestone: int = 10**6 * 10**18
    """Effort of one cycle that ends the jumps and begins the halving; more than the last threshold."""
    thresholds: tuple[int, ...] = tuple(n * 10**18 for n in (0, 10, 100, 1_000, 10_000, 50_000, 100_000, 500_000))
    """Effort that each of the eight jumps begins at: 0 first, then rising."""
    rewards: tuple[int, ...] = tuple(n * 1_000 * KLP for n in (100, 125, 150, 175, 200, 250, 300, 350))
    """Reward of a cycle from each threshold on, before the milestone; not falling, at most 10,000,000 KLP."""

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct: the weights of effort first."""
        values = tuple(getattr(self, f.name) for f in fields(self))
        return values[:_WEIGHTS], *values[_WEIGHTS:]

    @classmethod
    def from_tuple(cls, values: tuple[Any, ...]) -> Economy:
        """From the contract's struct."""
        weights, *rest = values
        plain: list[Any] = [tuple(v) if isinstance(v, list | tuple) else v for v in (*weights, *rest)]
        return cls(**dict(zip((f.name for f in fields(cls)), plain, strict=True)))


def by_name(record: Any) -> dict[str, Any]:
    """Every number of a record by the name that ``--set`` takes; the mark of a task is ``pass_<task>_bps``, a pool's
    weight ``pool_<number>``.

    >>> by_name(Marks({"accuracy": 3000})), by_name(PoolWeights({2: 5}))
    ({'pass_accuracy_bps': 3000}, {'pool_2': 5})
    """
    if isinstance(record, Marks):
        return {f"pass_{task}_bps": least for task, least in record.least.items()}
    if isinstance(record, PoolWeights):
        return {f"pool_{pool}": weight for pool, weight in record.weights.items()}
    return {f.name: getattr(record, f.name) for f in fields(record)}


def may_have(record: Any, name: str) -> bool:
    """Whether a record may have a number of this name, though it has none yet.

    >>> may_have(PoolWeights(), "pool_7"), may_have(Marks({}), "pool_7")
    (True, False)
    """
    return any(isinstance(record, kind) and re.fullmatch(names, name) for kind, names in _OPEN.items())


def called(contract: str, name: str) -> str:
    """What a number of a contract is called where those of all contracts are listed.

    >>> called("Rules", "seats"), called("AuditTerms", "fewest")
    ('seats', 'AuditTerms.fewest')
    """
    return name if contract in _PLAIN else f"{contract}.{name}"


def changed(record: Any, values: Mapping[str, Any]) -> Any:
    """``record`` with other numbers, named as in :func:`by_name`."""
    if isinstance(record, Marks):
        return Marks({**record.least, **{name[5:-4]: least for name, least in values.items()}})
    if isinstance(record, PoolWeights):
        return PoolWeights({**record.weights, **{int(name[5:]): weight for name, weight in values.items()}})
    return replace(record, **values)


_PLAIN = ("Rules", "Economy", "Marks", "KlopfGovernor")
"""Contracts whose numbers are called by their names alone."""
_OPEN: dict[type, str] = {Marks: "pass_.+_bps", PoolWeights: "pool_[1-9][0-9]{0,8}"}
_TASK = 26  # bytes of an audit task's name
_WEIGHTS = 7  # fields of Economy that the contract keeps in one slot
