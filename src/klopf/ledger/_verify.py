"""``klopf verify``: play the whole history again, from the events and the receipts alone, and name every difference.

The model below is an independent second implementation of the contracts' bookkeeping. Each event is checked against
what the model says must have happened; each transfer of tokens that a contract made must have a cause in the same
transaction and each cause its transfer; every receipt that was paid must be among the receipts, signed by both ends and
in the root that its listener posted. At the end the model's state is compared with the contracts', value by value.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf import neuron
from klopf.errors import ChainError, LedgerError

from . import _events as ev
from . import _reference as ref
from . import keys
from ._abi import UPGRADEABLE
from ._parameters import KLP, Marks, Parameters
from ._receipts import SignedReceipt, root_from
from ._types import Role, Standing
from ._verify_cycles import COMPUTE_RESERVE, Cycles

if TYPE_CHECKING:
    from ._client import Ledger

__all__ = ["Difference", "verify"]

ZERO = "0x" + "00" * 20
EMPTY_ROOT = (1).to_bytes(32, "big")
GENESIS = 600_000_000 * KLP
_IMPLEMENTATION = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"  # slot, EIP-1967
KEEPS_SEAT = float("inf")  # a rival nobody can beat: the rule then answers without a seat asked for


@dataclass(frozen=True)
class Difference:
    """Something that is not as it must be. ``str`` is one line."""

    what: str
    expected: object
    found: object

    def __str__(self) -> str:
        return f"{self.what}: must be {_show(self.expected)}, is {_show(self.found)}"


def _show(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


@dataclass
class _Member:
    role: Role
    owner: str
    key: str
    endpoint: str
    model: str
    certificate: bytes
    standing: Standing = Standing.NONE
    born: int = 0
    updated: int = 0
    utility: int = 0
    accounted: int = 0
    """Epochs that the utility contains."""
    rule_utility: float = 0.0
    """The same by the shared rule, in floating point."""
    passed: bool = False
    failed: int = 0
    commitment: bytes = bytes(32)
    staked: int = 0
    thawing: int = 0
    ready_at: int = 0
    slashed: int = 0
    escrow: int = 0
    cap: int = 0
    spent: tuple[int, int] = (0, 0)
    """Epoch, and what fees took out of escrow in it since there is a cap."""
    replaced: dict[str, int] = field(default_factory=dict)
    """Every key it had before this one, and the epoch in which that was replaced."""
    stakes: list[tuple[int, int]] = field(default_factory=list)
    """(epoch, staked after it changed)"""

    def stake_at(self, epoch: int) -> int:
        return next((staked for changed, staked in reversed(self.stakes) if changed < epoch), 0)

    def keys_of(self, epoch: int) -> set[str]:
        """The keys that it had in ``epoch`` or later: a receipt of that epoch may be signed with any of them."""
        return {self.key, *(key for key, last in self.replaced.items() if epoch <= last)}


@dataclass
class _Post:
    root: bytes
    stake: int
    fees: int
    used: int = 0


@dataclass
class _Column:
    consensus: int = 0
    rank: int = 0
    fees: int = 0
    claimed: bool = False
    collected: bool = False
    weighed: bool = False
    voided: bool = False


@dataclass
class _Totals:
    rank: int = 0
    stake: int = 0
    pool: int = 0


class _Model(Cycles):
    """The bookkeeping. ``take`` is called with the events of one transaction after another."""

    def __init__(self, ledger: Ledger, receipts: Iterable[SignedReceipt]) -> None:
        self.ledger = ledger
        self.addresses = ledger.deployment.addresses
        self.differences: list[Difference] = []
        self.receipts: dict[bytes, SignedReceipt] = {}
        for signed in receipts:
            self.receipts[signed.receipt.leaf] = signed
        self.rules = Parameters()
        self.next_rules: Parameters | None = None
        self.marks, self.next_marks, self.marks_from = Marks({}), Marks({}), -1
        self.balances: Counter[str] = Counter()
        self.members: dict[int, _Member] = {}
        self.epoch, self.phase, self.deadline, self.expected = 0, 1, 0, 0
        self.arrived: set[int] = set()
        self.arrived_before: set[int] = set()
        self.turns: Counter[int] = Counter()  # the phase in which each last arrived, as Clock numbers them
        self.seeds: dict[int, bytes] = {0: bytes(32)}
        self.posts: dict[tuple[int, int], _Post] = {}
        self.columns: dict[tuple[int, int], _Column] = defaultdict(_Column)
        self.totals: dict[int, _Totals] = defaultdict(_Totals)
        self.emitted = self.former = ledger.token.former()
        self.times: dict[int, int] = {}
        self.begin()
        self.pending_column: list[tuple[int, int]] = []
        self.pending_fees = 0
        self.commitments: dict[tuple[int, int], bytes] = {}
        self.findings: dict[tuple[int, int], list[tuple[int, Any]]] = defaultdict(list)
        self.listed: dict[int, int] = {}  # auditors who staked enough, oldest first, and when each may first be drawn
        self.revealed: set[tuple[int, int]] = set()
        self.concluded: set[tuple[int, int]] = set()
        self.punished: set[tuple[int, int]] = set()
        self.heard: set[tuple[int, int]] = set()
        self.paid: set[bytes] = set()
        self.counted: set[tuple[int, int, int]] = set()  # (epoch, listener, speaker) of receipts that claims counted
        self.final_at: dict[int, int] = {}
        self.windows: dict[int, int] = {}
        self.window: int | None = None  # of the rules that the closing epoch was played by
        self.disputes: dict[tuple[int, int, int], ev.Disputed] = {}
        self.ended: set[tuple[int, int, int]] = set()
        self.contested: Counter[tuple[int, int]] = Counter()  # open disputes, by epoch and listener
        self.signers: Counter[str] = Counter()  # requests carried for each
        self.code: dict[str, str] = {}
        self.restored: set[int] = set()
        self.moves: Counter[tuple[str, str, int]] = Counter()  # transfers that must happen in this transaction
        self.seen: Counter[tuple[str, str, int]] = Counter()  # transfers that did
        self.due: list[tuple[str, tuple[object, ...]]] = []  # events that must follow in this transaction
        self.genesis = ""  # the transaction that created the token

    # -- reporting --

    def differ(self, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.differences.append(Difference(what, expected, found))

    def where(self, event: ev.Event) -> str:
        return f"{type(event).__name__} in block {event.block} (event {event.log_index})"

    # -- one transaction --

    def take(self, events: list[ev.Event]) -> None:
        for event in events:
            handler = getattr(self, f"on_{type(event).__name__}", None)
            if handler is None:
                continue
            try:
                handler(event)
            except KeyError as missing:
                self.differ(self.where(event), "about something that exists", f"about the unknown {missing}")
            except (ValueError, ArithmeticError) as error:
                self.differ(self.where(event), "possible", error)
        at = f"block {events[0].block}"
        for name, values in self.due:
            self.differ(f"{name}{values} in {at}", "said by the contract", "missing")
        for move in sorted(set(self.moves) | set(self.seen)):
            if self.moves[move] != self.seen[move]:
                what = f"transfers of {move[2]} from {self.name(move[0])} to {self.name(move[1])} in {at}"
                self.differ(what, self.moves[move], self.seen[move])
        self.close_transaction(at)
        self.due, self.moves, self.seen = [], Counter(), Counter()

    def time_of(self, block: int) -> int:
        """When a block was made."""
        if block not in self.times:
            header = self.ledger.rpc.request("eth_getBlockByNumber", hex(block), False)
            self.times[block] = int(header["timestamp"], 16)
        return self.times[block]

    def staked(self, id: int) -> int:
        return self.members[id].staked

    def name(self, address: str) -> str:
        return next((name for name, a in self.addresses.items() if a == address), address)

    def expect(self, name: str, *values: object) -> None:
        self.due.append((name, values))

    def met(self, event: ev.Event, *values: object) -> bool:
        """Tick off an event that had to follow; False where none of its kind had to."""
        name = type(event).__name__
        if (name, values) in self.due:
            self.due.remove((name, values))
            return True
        for other in self.due:
            if other[0] == name:
                self.due.remove(other)
                self.differ(self.where(event), other[1], values)
                return True
        return False

    def must(self, event: ev.Event, *values: object) -> None:
        if not self.met(event, *values):
            self.differ(self.where(event), "without a cause nothing", values)

    # -- Token --

    def on_Transfer(self, e: ev.Transfer) -> None:
        self.balances[e.sender] -= e.value
        self.balances[e.to] += e.value
        if e.sender != ZERO and self.balances[e.sender] < 0:
            self.differ(f"balance of {e.sender} after {self.where(e)}", "at least 0", self.balances[e.sender])
        held = tuple(
            self.addresses[name] for name in ("Stake", "Settlement", "Jobs", "Claims") if name in self.addresses
        )
        self.genesis = self.genesis or e.transaction
        if e.transaction == self.genesis:
            return
        if e.sender == ZERO or e.sender in held or (e.to in held and e.sender != ZERO):
            self.seen[(e.sender, e.to, e.value)] += 1

    def on_Emitted(self, e: ev.Emitted) -> None:
        self.emitted += e.amount
        self.must(e, e.to, e.amount)
        self.differ(f"sum emitted by {self.where(e)}", self.emitted, e.emitted)

    # -- Rules --

    def on_Proposed(self, e: ev.Proposed) -> None:
        self.next_rules = Parameters.from_tuple(e.parameters)

    def on_Adopted(self, e: ev.Adopted) -> None:
        rules = Parameters.from_tuple(e.parameters)
        if e.epoch:
            self.window = self.rules.dispute_seconds
            self.differ(f"rules of epoch {e.epoch}", self.next_rules, rules)
            self.next_rules = None
        self.rules = rules

    # -- Marks --

    def on_MarksProposed(self, e: ev.MarksProposed) -> None:
        if self.epoch >= self.marks_from:
            self.marks = self.next_marks
        self.next_marks, self.marks_from = Marks(e.marks), 0 if self.marks_from < 0 else self.epoch + 1
        self.differ(f"epoch of {self.where(e)}", self.marks_from, e.since)

    def asked(self) -> Marks:
        """The marks of the running epoch."""
        return self.next_marks if self.epoch >= self.marks_from else self.marks

    # -- Clock --

    def on_Opened(self, e: ev.Opened) -> None:
        at = self.where(e)
        listen = self.phase == 1
        epoch = self.epoch + 1 if listen else self.epoch
        self.differ(f"epoch and phase of {at}", (epoch, 0 if listen else 1), (e.epoch, e.phase))
        self.differ(f"roll of {at}", len(self.arrived), e.expected)
        block = self.ledger.rpc.request("eth_getBlockByNumber", hex(e.block), False)
        length = self.rules.listen_seconds if listen else self.rules.claim_seconds
        self.differ(f"deadline of {at}", int(block["timestamp"], 16) + length, e.deadline)
        if listen:
            parts = (self.seeds[epoch - 1], bytes.fromhex(block["parentHash"][2:]))
            mixed = int(block["mixHash"], 16)
            self.seeds[epoch] = keccak(encode(("bytes32", "bytes32", "uint256", "uint32"), (*parts, mixed, epoch)))
            window, self.window = self.rules.dispute_seconds if self.window is None else self.window, None
            if self.epoch and window:
                self.final_at[self.epoch] = int(block["timestamp"], 16) + window
                self.windows[self.epoch] = window
        self.differ(f"seed of {at}", self.seeds[epoch], e.seed)
        self.epoch, self.phase, self.deadline, self.expected = epoch, e.phase, e.deadline, e.expected
        self.arrived_before, self.arrived = self.arrived, set()

    def on_Arrived(self, e: ev.Arrived) -> None:
        self.differ(f"epoch and phase of {self.where(e)}", (self.epoch, self.phase), (e.epoch, e.phase))
        self.differ(f"second arrival of {e.id}", False, e.id in self.arrived)
        self.expected += e.id not in self.arrived_before
        self.arrived.add(e.id)
        self.turns[e.id] = 2 * e.epoch + e.phase + 1

    def on_Left(self, e: ev.Left) -> None:
        self.differ(f"epoch and phase of {self.where(e)}", (self.epoch, self.phase), (e.epoch, e.phase))
        if e.id in self.arrived or e.id in self.arrived_before:
            self.expected -= 1
        self.turns[e.id] = 0
        self.arrived.discard(e.id)
        self.arrived_before.discard(e.id)

    # -- Registry --

    def on_Registered(self, e: ev.Registered) -> None:
        self.differ(f"id of {self.where(e)}", len(self.members) + 1, e.id)
        self.members[e.id] = _Member(Role(e.role), e.owner, e.key, e.endpoint, e.model, e.certificate)

    def on_Moved(self, e: ev.Moved) -> None:
        m = self.members[e.id]
        m.endpoint, m.certificate = e.endpoint, e.certificate

    def on_KeyRotated(self, e: ev.KeyRotated) -> None:
        m = self.members[e.id]
        m.replaced[m.key], m.key = self.epoch, e.key

    def on_ModelChanged(self, e: ev.ModelChanged) -> None:
        m = self.members[e.id]
        m.model, m.passed = e.model, False

    def on_ModelCommitted(self, e: ev.ModelCommitted) -> None:
        self.members[e.id].commitment = e.commitment
        self.expect("Posted", e.id, e.epoch)

    def age(self, m: _Member) -> int:
        return max(0, self.epoch - 1 - m.born) if m.standing is not Standing.NONE else 0

    def utility(self, m: _Member) -> int:
        return ref.corrected(m.utility, m.updated, m.born, self.age(m), self.rules.decay)

    def earned(self, m: _Member, heard: int = 0, rival: float | None = KEEPS_SEAT) -> Standing:
        """The standing that the shared rule gives."""
        return neuron.next_standing(
            m.standing,
            mature=neuron.is_mature(self.age(m), self.rules.maturity),
            audit_passed=m.passed,
            audits_failed_in_a_row=m.failed,
            heard=heard,
            rival_heard=rival,
            margin=self.rules.margin_bps / 10_000,
            patience=self.rules.patience,
        )

    def on_StandingChanged(self, e: ev.StandingChanged) -> None:
        m = self.members[e.id]
        self.differ(f"epoch of {self.where(e)}", self.epoch, e.epoch)
        self.differ(f"standing before {self.where(e)}", m.standing.name, Standing(e.before).name)
        after = Standing(e.after)
        if not self.met(e, e.id, e.after, e.rival):
            if after is Standing.BACKBONE or e.rival:
                self.knocked(e, m)
            else:  # somebody called silence
                self.differ(f"standing of {e.id} by {self.where(e)}", self.earned(m).name, after.name)
        m.standing = after

    def knocked(self, e: ev.StandingChanged, m: _Member) -> None:
        """A seat is asked for. Where it is taken, the incumbent's change comes first and names the challenger."""
        challenger, incumbent = (e.id, 0) if e.after == Standing.BACKBONE else (e.rival, e.id)
        c = self.members[challenger]
        if incumbent:
            self.expect("StandingChanged", challenger, int(Standing.BACKBONE), incumbent)
            self.differ(f"standing of {incumbent} before {self.where(e)}", "BACKBONE", m.standing.name)
            for id, x in ((challenger, c), (incumbent, m)):
                self.differ(f"epochs of {id} accounted for before {self.where(e)}", self.age(x), x.accounted)
            earned = self.earned(c, self.utility(c), self.utility(m))
        else:
            self.differ(f"rival of {self.where(e)}", 0, e.rival)
            taken = sum(x.standing is Standing.BACKBONE for x in self.members.values())
            self.differ(f"a free seat for {self.where(e)}", True, taken < self.rules.seats)
            earned = self.earned(c, self.utility(c), None)
        self.differ(f"standing that {challenger} earned by {self.where(e)}", "BACKBONE", earned.name)

    def restake(self, id: int, fell: bool) -> None:
        """What a changed stake means for weight and standing; standing is lost only where stake was taken out."""
        m = self.members[id]
        if m.stakes and m.stakes[-1][0] == self.epoch:
            m.stakes.pop()
        m.stakes.append((self.epoch, m.staked))
        if m.role is Role.AUDITOR and id not in self.listed and m.staked >= self.rules.auditor_stake:
            self.listed[id] = self.epoch + 1
        if m.role is not Role.NEURON:
            return
        if m.standing is Standing.NONE and m.staked >= self.rules.neuron_stake:
            m.born = m.updated = self.epoch
            self.expect("StandingChanged", id, int(Standing.FRINGE), 0)
        elif fell and m.standing in (Standing.FRINGE, Standing.BACKBONE) and m.staked < self.rules.neuron_stake:
            self.expect("StandingChanged", id, int(Standing.SILENT), 0)

    def on_Delisted(self, e: ev.Delisted) -> None:
        m, least = self.members[e.id], self.rules.auditor_stake
        drawable = self.listed[e.id] <= self.epoch and m.stake_at(self.epoch) >= least
        self.differ(f"stake of {e.id} too little at {self.where(e)}", True, m.staked < least and not drawable)
        del self.listed[e.id]

    # -- Stake --

    def on_Staked(self, e: ev.Staked) -> None:
        self.members[e.id].staked += e.amount
        self.moves[(e.sender, self.addresses["Stake"], e.amount)] += 1
        self.restake(e.id, fell=False)

    def on_Thawing(self, e: ev.Thawing) -> None:
        m = self.members[e.id]
        m.staked -= e.amount
        m.thawing += e.amount
        m.ready_at = e.ready_at
        self.differ(f"time of {self.where(e)}", self.time_of(e.block) + self.rules.thaw_seconds, e.ready_at)
        self.differ(f"stake of {e.id} after {self.where(e)} at least 0", True, m.staked >= 0)
        self.restake(e.id, fell=True)

    def on_Withdrawn(self, e: ev.Withdrawn) -> None:
        m = self.members[e.id]
        self.differ(f"receiver of {self.where(e)}", m.owner, e.to)
        self.moves[(self.addresses[e.contract], e.to, e.amount)] += 1
        if e.contract == "Stake":
            self.differ(f"amount of {self.where(e)}", m.thawing, e.amount)
            m.thawing = 0
        else:
            m.escrow -= e.amount
            self.differ(f"escrow of {e.id} after {self.where(e)} at least 0", True, m.escrow >= 0)

    def on_Slashed(self, e: ev.Slashed) -> None:
        m = self.members[e.id]
        self.must(e, e.id, e.epoch, e.from_staked, e.from_thawing)
        m.staked -= e.from_staked
        m.thawing -= e.from_thawing
        m.slashed += e.from_staked + e.from_thawing
        self.moves[(self.addresses["Stake"], self.ledger.deployment.treasury, e.from_staked + e.from_thawing)] += 1
        self.restake(e.id, fell=True)

    # -- Settlement --

    def on_Deposited(self, e: ev.Deposited) -> None:
        self.members[e.id].escrow += e.amount
        self.moves[(e.sender, self.addresses["Settlement"], e.amount)] += 1

    def on_Capped(self, e: ev.Capped) -> None:
        self.members[e.id].cap = e.most

    def spendable(self, m: _Member) -> int:
        if not m.cap:
            return m.escrow
        return max(0, min(m.escrow, m.cap - (m.spent[1] if m.spent[0] == self.epoch else 0)))

    def spend(self, m: _Member, amount: int, at: str) -> None:
        self.differ(f"fees of {at} within escrow and cap", True, amount <= self.spendable(m))
        m.escrow -= amount
        if m.cap and amount:
            m.spent = (self.epoch, amount + (m.spent[1] if m.spent[0] == self.epoch else 0))

    def on_Posted(self, e: ev.Posted) -> None:
        m = self.members[e.id]
        self.must(e, e.id, e.epoch)
        self.differ(f"epoch and phase of {self.where(e)}", (self.epoch, 0), (e.epoch, self.phase))
        self.differ(f"second post of {e.id} in epoch {e.epoch}", False, (e.epoch, e.id) in self.posts)
        weight = m.stake_at(e.epoch) if m.role is Role.NEURON else 0
        self.differ(f"stake of {self.where(e)}", weight, e.stake)
        self.spend(m, e.fees, self.where(e))
        self.posts[e.epoch, e.id] = _Post(EMPTY_ROOT if e.root == bytes(32) else e.root, weight, e.fees)
        self.totals[e.epoch].stake += weight

    def on_Heard(self, e: ev.Heard) -> None:
        at = self.where(e)
        post = self.posts[e.epoch, e.listener]
        signed = self.receipts.get(e.leaf)
        if signed is None:
            name = f"receipt of epoch {e.epoch}, listener {e.listener}, speaker {e.speaker}"
            self.differ(name, f"among the receipts with leaf 0x{e.leaf.hex()}", "missing or altered")
        else:
            r = signed.receipt
            said = (e.epoch, e.listener, e.speaker, e.answers, e.weight, e.fee)
            self.differ(at, (r.epoch, r.listener, r.speaker, r.answers, r.weight, r.fee), said)
            self.check_signature(r.listener, signed, signed.listener_signature, f"receipt of {at}")
            self.check_signature(r.speaker, signed, signed.speaker_signature, f"receipt of {at}")
            if root_from(r.leaf, signed.proof) != post.root:
                self.differ(f"proof of the receipt of {at}", f"a path to root 0x{post.root.hex()}", "another path")
        self.differ(f"receipt of {at} paid before", False, e.leaf in self.paid)
        self.paid.add(e.leaf)
        self.counted.add((e.epoch, e.listener, e.speaker))
        post.used += e.weight
        post.fees -= e.fee
        self.differ(
            f"weights of listener {e.listener} within {ref.ATTENTION} at {at}", True, post.used <= ref.ATTENTION
        )
        self.differ(f"fees of listener {e.listener} covered at {at}", True, post.fees >= 0)
        self.pending_column.append((post.stake, e.weight))
        self.pending_fees += e.fee

    def on_Refused(self, e: ev.Refused) -> None:
        signed = self.receipts.get(e.leaf)
        if signed is None:
            name = f"refused receipt of epoch {e.epoch}, listener {e.listener}, speaker {e.speaker}"
            self.differ(name, f"among the receipts with leaf 0x{e.leaf.hex()}", "missing or altered")
        else:
            post, r = self.posts[e.epoch, e.listener], signed.receipt
            said = (e.epoch, e.listener, e.speaker)
            self.differ(self.where(e), (r.epoch, r.listener, r.speaker), said)
            justified = post.used + r.weight > ref.ATTENTION or r.fee > post.fees
            self.differ(f"a reason for {self.where(e)}", True, justified)

    def on_Claimed(self, e: ev.Claimed) -> None:
        at = self.where(e)
        self.differ(f"epoch and phase of {at}", (self.epoch, 1), (e.epoch, self.phase))
        totals = self.totals[e.epoch]
        own = self.posts.get((e.epoch, e.speaker))
        others = totals.stake - (own.stake if own else 0)
        consensus, rank = ref.rank(self.pending_column, others, self.rules.kappa)
        fees, self.pending_column, self.pending_fees = self.pending_fees, [], 0
        self.differ(f"consensus weight of {at}", consensus, e.consensus)
        self.differ(f"rank of {at}", rank, e.rank)
        self.differ(f"fees of {at}", fees, e.fees)
        column = self.columns[e.epoch, e.speaker]
        self.differ(f"second claim of {e.speaker} in epoch {e.epoch}", False, column.claimed)
        column.consensus, column.rank, column.fees, column.claimed = consensus, rank, fees, True
        if rank and not totals.rank:
            totals.pool = min(self.rules.emission, self.market_left, COMPUTE_RESERVE - self.promised)
            self.market_left -= totals.pool
            self.set_aside_for(e, self.cycle, totals.pool)
        totals.rank += rank

    # -- Disputes --

    def on_Disputed(self, e: ev.Disputed) -> None:
        at, which = self.where(e), (e.epoch, e.listener, e.speaker)
        self.differ(f"second dispute by {at}", False, which in self.disputes)
        self.differ(f"receipt of {at} paid before", False, which in self.counted)
        now = self.time_of(e.block)
        self.differ(f"window of {at} open", True, now < self.final_at.get(e.epoch, 0))
        self.differ(f"time to answer {at}", now + self.windows.get(e.epoch, 0), e.answer_by)
        self.disputes[which] = e
        self.contested[e.epoch, e.listener] += 1
        s = self.members[e.speaker]
        spoke = s.standing is not Standing.NONE and s.born < e.epoch and s.stake_at(e.epoch) > 0
        self.differ(f"{e.speaker} a neuron with stake in the epoch of {at}", True, spoke)
        signed = self.receipts.get(e.leaf)
        if signed is None:
            name = f"disputed receipt of epoch {e.epoch}, listener {e.listener}, speaker {e.speaker}"
            self.differ(name, f"among the receipts with leaf 0x{e.leaf.hex()}", "missing or altered")
            return
        r = signed.receipt
        self.differ(at, (r.epoch, r.listener, r.speaker, r.fee), (*which, e.fee))
        self.check_signature(r.listener, signed, signed.listener_signature, f"receipt of {at}")

    def on_DisputeEnded(self, e: ev.DisputeEnded) -> None:
        at, which = self.where(e), (e.epoch, e.listener, e.speaker)
        dispute = self.disputes[which]
        self.differ(f"second end by {at}", False, which in self.ended)
        self.ended.add(which)
        if not e.kept:
            self.differ(f"{at} after the time to answer", True, self.time_of(e.block) >= dispute.answer_by)
        post, m = self.posts.get((e.epoch, e.listener)), self.members[e.listener]
        signed = self.receipts.get(dispute.leaf)
        if e.kept and post and signed is not None and signed.proof:
            self.differ(f"root of {at}", post.root, root_from(dispute.leaf, signed.proof))
        aside = min(dispute.fee, post.fees if post else 0)
        more = min(dispute.fee - aside, self.spendable(m))
        if post:
            post.fees -= aside
        self.spend(m, more, at)
        voided = post is not None and not (e.kept and aside + more == dispute.fee)
        self.differ(at, (aside + more, voided), (e.paid, e.voided))
        column = self.columns[e.epoch, e.listener]
        self.contested[e.epoch, e.listener] -= 1
        column.voided = column.voided or voided
        if aside + more:
            self.moves[(self.addresses["Settlement"], self.members[e.speaker].owner, aside + more)] += 1

    # -- Forwarder, proxies, Claims --

    def on_Forwarded(self, e: ev.Forwarded) -> None:
        self.differ(f"nonce of {self.where(e)}", self.signers[e.signer], e.nonce)
        self.signers[e.signer] += 1

    def on_Upgraded(self, e: ev.Upgraded) -> None:
        self.code[e.contract] = e.implementation

    def on_Restored(self, e: ev.Restored) -> None:
        self.differ(f"second claim by {self.where(e)}", False, e.index in self.restored)
        self.restored.add(e.index)
        self.moves[(self.addresses["Claims"], e.owner, e.amount)] += 1

    def share(self, epoch: int, id: int) -> int:
        totals = self.totals[epoch]
        return self.columns[epoch, id].rank * ref.WAD // totals.rank if totals.rank else 0

    def on_UtilityUpdated(self, e: ev.UtilityUpdated) -> None:
        m = self.members[e.id]
        share = self.share(e.epoch, e.id)
        self.differ(f"share of {self.where(e)}", share, e.share)
        self.relearn(m, e.epoch, share / ref.WAD)
        m.utility, m.updated = ref.utility_after(m.utility, m.updated, e.epoch, share, self.rules.decay)
        self.differ(f"utility of {self.where(e)}", m.utility, e.utility)
        m.accounted += 1
        self.heard.add((e.epoch, e.id))
        self.columns[e.epoch, e.id].weighed = True

    def relearn(self, m: _Member, epoch: int, share: float) -> None:
        """R1 by the shared rule; an epoch collected late is added with the decay it would have seen."""
        decay = self.rules.decay / ref.WAD
        if epoch > m.updated:
            for _ in range(m.updated + 1, epoch):
                m.rule_utility = neuron.updated_utility(m.rule_utility, 1.0, 0.0, decay)
            m.rule_utility = neuron.updated_utility(m.rule_utility, 1.0, share, decay)
        else:
            m.rule_utility += neuron.updated_utility(0.0, 1.0, share, decay) * decay ** (m.updated - epoch)

    def counts(self, epoch: int, m: _Member) -> bool:
        """Whether how ``m`` was heard in ``epoch`` counts for its utility."""
        return m.role is Role.NEURON and m.standing is not Standing.NONE and epoch > m.born

    def on_Collected(self, e: ev.Collected) -> None:
        at, m = self.where(e), self.members[e.id]
        column, totals = self.columns[e.epoch, e.id], self.totals[e.epoch]
        post = self.posts.get((e.epoch, e.id))
        emission = totals.pool * column.rank // totals.rank if totals.rank and not column.voided else 0
        self.differ(f"disputes open at {at}", 0, self.contested[e.epoch, e.id])
        waited = self.time_of(e.block) >= self.final_at.get(e.epoch, 0)
        self.differ(f"dispute window over at {at}", True, waited)
        self.differ(f"epoch of {at} over", True, e.epoch < self.epoch)
        self.differ(f"second payment of {e.id} for epoch {e.epoch}", False, column.collected)
        self.differ(f"compute reward of {at}", emission, e.emitted)
        self.differ(f"fees of {at}", column.fees, e.fees)
        self.differ(f"refund of {at}", post.fees if post else 0, e.refund)
        self.differ(f"receiver of {at}", m.owner, e.owner)
        if emission:
            self.paid_out[(m.owner, emission, False)] -= 1
        if column.fees:
            self.moves[(self.addresses["Settlement"], m.owner, column.fees)] += 1
        self.differ(f"utility updated by {at}", self.counts(e.epoch, m), (e.epoch, e.id) in self.heard)
        if post:
            m.escrow += post.fees
            post.fees = 0
        column.fees, column.collected, column.weighed = 0, True, True

    # -- Audits --

    def on_Committed(self, e: ev.Committed) -> None:
        self.differ(f"epoch and phase of {self.where(e)}", (self.epoch, 0), (e.epoch, self.phase))
        self.commitments[e.epoch, e.auditor] = e.commitment

    def on_Revealed(self, e: ev.Revealed) -> None:
        at, m = self.where(e), self.members[e.auditor]
        self.differ(f"epoch and phase of {at}", (self.epoch, 1), (e.epoch, self.phase))
        self.differ(f"second reveal of {e.auditor} in epoch {e.epoch}", False, (e.epoch, e.auditor) in self.revealed)
        self.revealed.add((e.epoch, e.auditor))
        rows = [r.as_tuple() for r in e.results]
        kinds = ("uint32", "address", "(uint32,(bytes26,uint16,uint16,uint16)[])[]", "bytes32")
        digest = keccak(encode(kinds, (e.epoch, m.key, rows, e.salt)))
        self.differ(f"what {at} committed to", self.commitments.get((e.epoch, e.auditor)), digest)
        electorate = [
            (id, stake)
            for id, since in self.listed.items()
            if since <= e.epoch and (stake := self.members[id].stake_at(e.epoch)) >= self.rules.auditor_stake
        ]
        for result in e.results:
            drawn = ref.draw(self.seeds[e.epoch], result.neuron, electorate, self.rules.audit_seats)
            self.differ(f"auditor {e.auditor} drawn for {result.neuron} in {at}", True, e.auditor in drawn)
            self.findings[e.epoch, result.neuron].append((e.auditor, result))

    def on_Concluded(self, e: ev.Concluded) -> None:
        at, found = self.where(e), self.findings[e.epoch, e.neuron]
        self.differ(f"epoch of {at} over", True, e.epoch < self.epoch)
        self.differ(
            f"second conclusion of {e.neuron} for epoch {e.epoch}", False, (e.epoch, e.neuron) in self.concluded
        )
        self.concluded.add((e.epoch, e.neuron))
        medians = self.medians(e.epoch, found)
        least = self.asked().least
        judged = len(found) >= self.rules.audit_quorum and all(task in medians for task in least)
        passed = judged and all(medians[task] >= mark for task, mark in least.items())
        self.differ(at, (len(found), medians, passed), (e.results, e.medians, e.passed))
        if judged:
            m = self.members[e.neuron]
            m.passed, m.failed = passed, 0 if passed else min(255, m.failed + 1)
            self.expect("Judged", e.neuron, e.epoch, passed, m.failed)
            if (earned := self.earned(m)) is not m.standing:
                self.expect("StandingChanged", e.neuron, int(earned), 0)
        for auditor, r in found:
            for task, s in r.scores.items():
                middle = medians.get(task)
                if middle is not None and ref.outlies(s.value, s.low, s.high, middle, self.rules.floor_bps):
                    self.expect("Outlier", e.epoch, auditor, e.neuron, task, s.value, middle)
                    self.punish(e.epoch, auditor)

    def medians(self, epoch: int, found: list[tuple[int, Any]]) -> dict[str, int]:
        """Of each task that enough auditors scored, weighed by the stake they had when ``epoch`` opened."""
        scored: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for auditor, r in found:
            for task, s in r.scores.items():
                scored[task].append((s.value, self.members[auditor].stake_at(epoch)))
        return {
            task: ref.median([value for value, _ in said], [stake for _, stake in said])
            for task, said in scored.items()
            if len(said) >= self.rules.audit_quorum
        }

    def punish(self, epoch: int, auditor: int) -> None:
        if (epoch, auditor) in self.punished:
            return
        self.punished.add((epoch, auditor))
        a = self.members[auditor]
        taken = [-(-amount * self.rules.slash_bps // 10_000) for amount in (a.staked, a.thawing)]
        self.expect("Slashed", auditor, epoch, *taken)

    def on_Judged(self, e: ev.Judged) -> None:
        self.must(e, e.id, e.epoch, e.passed, e.failed_in_a_row)

    def on_Outlier(self, e: ev.Outlier) -> None:
        self.must(e, e.epoch, e.auditor, e.neuron, e.task, e.score, e.median)

    # -- receipts --

    def check_signature(
        self, id: int, signed: SignedReceipt, signature: bytes, what: str, since: int | None = None
    ) -> None:
        """``id`` signed with a key that it had in the receipt's epoch or later (or in epoch ``since`` or later)."""
        of_it = self.members[id].keys_of(signed.receipt.epoch if since is None else since) if id in self.members else ()
        try:
            signer = keys.recover(signed.receipt.digest(self.ledger.domain), signature)
            self.differ(f"signature of {id} on the {what} by its own key", True, signer in of_it)
        except LedgerError as error:
            self.differ(f"signature of {id} on the {what}", "its key's", error)

    # -- the end --

    def unpaid(self) -> None:
        """Receipts that nobody was paid for must be genuine all the same."""
        disputed = {d.leaf for d in self.disputes.values()}
        for leaf, signed in self.receipts.items():
            if leaf in self.paid:
                continue
            r = signed.receipt
            name = f"unpaid receipt of epoch {r.epoch}, listener {r.listener}, speaker {r.speaker}"
            self.check_signature(r.listener, signed, signed.listener_signature, name, since=0)
            self.check_signature(r.speaker, signed, signed.speaker_signature, name, since=0)
            post = self.posts.get((r.epoch, r.listener))
            if post is not None and signed.proof and leaf not in disputed:
                self.differ(f"root of the {name}", post.root, root_from(leaf, signed.proof))

    def compare(self) -> None:
        """The model's state against the contracts'."""
        l, block = self.ledger, "the contract's"
        supply = -self.balances[ZERO]
        self.differ("total supply", supply, l.token.supply())
        self.differ("sum of all balances", supply, sum(v for a, v in self.balances.items() if a != ZERO))
        self.differ("genesis and emitted", GENESIS + self.emitted, supply)
        for signer, carried in self.signers.items():
            self.differ(f"{block} requests carried for {signer}", carried, l.forwarder.carried(signer))
        for name in UPGRADEABLE:
            word = l.rpc.request("eth_getStorageAt", self.addresses[name], _IMPLEMENTATION, "latest")
            self.differ(f"{block} code behind {name}", self.code.get(name), keys.checksum("0x" + word[-40:]))
        self.differ("tokens emitted", self.emitted, l.token.emitted())
        for address, value in sorted(self.balances.items()):
            if address != ZERO:
                self.differ(f"{block} balance of {self.name(address)}", value, l.token.balance(address))
        owed = sum(m.escrow for m in self.members.values()) + sum(p.fees for p in self.posts.values())
        owed += sum(c.fees for c in self.columns.values())
        self.differ("tokens in Settlement", owed, self.balances[self.addresses["Settlement"]])
        jobs = sum(job.left for job in self.jobs.values())
        self.differ("tokens in Jobs", jobs, self.balances[self.addresses["Jobs"]])
        locked = sum(m.staked + m.thawing for m in self.members.values())
        self.differ("tokens in Stake", locked, self.balances[self.addresses["Stake"]])
        now = l.clock.now()
        self.differ(f"{block} epoch and phase", (self.epoch, self.phase), (now.epoch, int(now.phase)))
        self.differ(f"{block} deadline", self.deadline, now.deadline)
        self.differ(f"{block} roll call", (len(self.arrived), self.expected), (now.arrived, now.expected))
        self.differ(f"{block} rules", self.rules, l.rules.current())
        self.differ(f"{block} marks", self.asked(), l.marks.current())
        self.compare_cycles()
        for epoch, totals in self.totals.items():
            self.differ(f"{block} sums of epoch {epoch}", totals, _Totals(*_fields(l.settlement.epoch(epoch))))
        for (epoch, id), open_ in self.contested.items():
            self.differ(f"{block} disputes with {id} in epoch {epoch}", open_, l.settlement.contested(epoch, id))
        for epoch in range(1, self.epoch + 1):
            for id in self.members:
                found = _Column(*_fields(l.settlement.column(epoch, id)))
                expected = self.columns[epoch, id]
                if not expected.weighed and not self.counts(epoch, self.members[id]):
                    expected.weighed = found.weighed  # for whom nothing is said when it happens
                self.differ(f"{block} column of {id} in epoch {epoch}", expected, found)
            auditors = [id for id, m in self.members.items() if m.role is Role.AUDITOR]
            for id in auditors:
                said = self.commitments.get((epoch, id), bytes(32))
                self.differ(f"{block} commitment of {id} in epoch {epoch}", said, l.audits.committed(epoch, id))
                shown = (epoch, id) in self.revealed
                self.differ(f"{block} reveal of {id} in epoch {epoch}", shown, l.audits.revealed(epoch, id))
        self.differ(f"{block} list of auditors", list(self.listed), l.registry.auditors())
        participants = {p.id: p for p in l.registry.all()}
        self.differ(f"{block} ids", sorted(self.members), sorted(participants))
        for id, m in self.members.items():
            if id in participants:
                try:
                    self.compare_member(id, m, participants[id])
                except ValueError as error:
                    self.differ(f"record of {id}", "possible", error)

    def compare_member(self, id: int, m: _Member, p: Any) -> None:
        l = self.ledger
        pairs: tuple[tuple[str, object, object], ...] = (
            ("role", m.role.name, p.role.name),
            ("owner", m.owner, p.owner),
            ("key", m.key, p.key),
            ("endpoint", m.endpoint, p.endpoint),
            ("model", m.model, p.model),
            ("certificate's fingerprint", sha256(m.certificate).digest(), p.fingerprint),
            ("model commitment", m.commitment, p.commitment),
            ("standing", m.standing.name, p.standing.name),
            ("last audit", (m.passed, m.failed), (p.passed, p.failed)),
            ("age", self.age(m), p.age),
            ("epochs accounted for", m.accounted, p.accounted),
            ("utility", self.utility(m) / ref.WAD, p.utility),
            ("last arrival", self.turns[id], l.clock.last_turn(id)),
            ("escrow", m.escrow, l.settlement.escrow(id)),
            ("cap", m.cap, l.settlement.capped(id)),
        )
        for what, expected, found in pairs:
            self.differ(f"{what} of {id}", expected, found)
        for key, last in m.replaced.items():
            self.differ(f"the last epoch of the former key {key} of {id}", last, l.registry.replaced_in(key))
        decay, lived = self.rules.decay / ref.WAD, self.age(m)
        since = m.rule_utility * decay ** max(0, m.born + lived - m.updated)
        by_rule = neuron.corrected_utility(since, lived, decay)
        self.differ(f"utility of {id} as the shared rule has it", True, abs(by_rule - p.utility) < 1e-9)
        account = l.stake.account(id)
        self.differ(
            f"stake of {id}", (m.staked, m.thawing, m.slashed), (account.staked, account.thawing, account.slashed)
        )
        self.differ(f"thaw of {id}", m.ready_at, account.ready_at)


def _fields(record: Any) -> list[Any]:
    return [getattr(record, name) for name in record.__dataclass_fields__]


def verify(ledger: Ledger, receipts: Iterable[SignedReceipt]) -> list[Difference]:
    """Every difference between what happened, what must have happened, and what the contracts hold; [] if none.

    ``receipts`` are all that speakers were paid for (more do no harm). Over an embedded chain the file's own blocks are
    replayed first, so that an altered event is named even where no rule would notice it.
    """
    model = _Model(ledger, receipts)
    if ledger.rpc.chain is not None:
        try:
            ledger.rpc.chain.verify()
        except ChainError as error:
            model.differ("the ledger file", "whole", error)
    try:
        batch: list[ev.Event] = []
        for event in ev.history(ledger):
            if batch and batch[0].transaction != event.transaction:
                model.take(batch)
                batch = []
            batch.append(event)
        if batch:
            model.take(batch)
        model.unpaid()
        model.compare()
    except (LedgerError, ChainError) as error:
        model.differ("the ledger", "readable", error)
    return model.differences
