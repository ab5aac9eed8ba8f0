"""The part of the second implementation that plays cycles, devices, nodes and jobs again; see ``_verify.py``."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import _events as ev
from . import _reference as ref
from ._parameters import KLP, Economy, Parameters

if TYPE_CHECKING:
    from ._client import Ledger

__all__ = ["Cycles"]

ZERO = "0x" + "00" * 20
DAY = 24 * 3600
COMPUTE_RESERVE = 1_000_000_000 * KLP


@dataclass
class _Node:
    owner: str
    by_data: bool
    fee_bps: int
    devices: int = 0


@dataclass
class _Job:
    payer: str
    left: int
    due: Counter[str] = field(default_factory=Counter)
    state: str = "open"


class Cycles:
    """Handlers of the events of Economy, Emission, Effort, Devices, Jobs and Snapshots."""

    ledger: Ledger
    rules: Parameters
    addresses: dict[str, str]
    moves: Counter[tuple[str, str, int]]

    def begin(self) -> None:
        self.start = self.ledger.emission.start()
        self.cycle = self.market_left = self.first = self.halving_cycle = self.period = 0
        self.economy = Economy()
        self.next_economy: Economy | None = None
        self.first_economy = False
        self.promised = self.ledger.token.former()
        self.milestone = False
        self.set_aside: list[tuple[int, int]] = []  # (cycle, amount) whose cause must follow in this transaction
        self.paid_out: Counter[tuple[str, int, bool]] = Counter()  # payments less those that had a cause
        self.effort_pools: dict[int, int] = defaultdict(int)
        self.totals_of: dict[int, int] = defaultdict(int)
        self.pools: dict[int, int] = {}
        self.nodes: dict[int, _Node] = {}
        self.node_of: dict[int, int] = defaultdict(int)
        self.device_owner: dict[int, str] = {}
        self.device_parts: dict[int, tuple[int, int, int]] = {}
        self.vouched: Counter[tuple[int, int]] = Counter()
        self.reported: set[tuple[int, int]] = set()
        self.node_effort: dict[tuple[int, int], int] = defaultdict(int)
        self.node_data: dict[tuple[int, int], int] = defaultdict(int)
        self.node_weight: dict[tuple[int, int], int] = defaultdict(int)
        self.device_work: dict[tuple[int, int, str], dict[int, tuple[int, int]]] = defaultdict(dict)
        self.node_pay: dict[tuple[int, int], int] = {}
        self.jobs: dict[int, _Job] = {}
        self.snapshots: dict[int, str] = {}
        self.taken: set[int] = set()

    def differ(self, what: str, expected: object, found: object) -> None:
        raise NotImplementedError

    def where(self, event: ev.Event) -> str:
        raise NotImplementedError

    def expect(self, name: str, *values: object) -> None:
        raise NotImplementedError

    def must(self, event: ev.Event, *values: object) -> None:
        raise NotImplementedError

    def time_of(self, block: int) -> int:
        raise NotImplementedError

    def staked(self, id: int) -> int:
        raise NotImplementedError

    def close_transaction(self, at: str) -> None:
        """Nothing may be set aside or paid without a cause in the same transaction."""
        for cycle, amount in self.set_aside:
            self.differ(f"reward of {amount} set aside in cycle {cycle} in {at}", "for something", "for nothing")
        for (to, amount, _), surplus in self.paid_out.items():
            self.differ(f"rewards of {amount} for {to} in {at} without a cause", 0, surplus)
        self.set_aside, self.paid_out = [], Counter()

    # -- Economy, Emission --

    def on_EconomyProposed(self, e: ev.EconomyProposed) -> None:
        self.next_economy = Economy.from_tuple(e.terms)

    def on_EconomyAdopted(self, e: ev.EconomyAdopted) -> None:
        terms = Economy.from_tuple(e.terms)
        if e.cycle:
            self.differ(f"cycle of {self.where(e)}", self.cycle_of(e.block), e.cycle)
            self.differ(f"economy of cycle {e.cycle}", self.next_economy, terms)
            self.next_economy = None
        self.first_economy = self.first_economy or not e.cycle
        self.economy = terms

    def cycle_of(self, block: int) -> int:
        return (self.time_of(block) - self.start) // DAY + 1

    def on_HalvingBegan(self, e: ev.HalvingBegan) -> None:
        period = self.economy.halving_cycles
        first = ref.first_reward(COMPUTE_RESERVE - self.promised, period)
        due = self.halving_due(e.cycle)
        self.differ(f"halving of {self.where(e)}", (True, first, period), (due, e.first, e.period))
        self.differ(f"cycle of {self.where(e)}", self.cycle_of(e.block), e.cycle)
        self.milestone, self.halving_cycle, self.first, self.period = True, e.cycle, first, period

    def halving_due(self, cycle: int) -> bool:
        """Whether a halving begins with this cycle: at the milestone, or because its period was changed."""
        if self.milestone:
            return self.period != self.economy.halving_cycles
        return self.totals_of[cycle - 1] >= self.economy.milestone

    def on_Rolled(self, e: ev.Rolled) -> None:
        at, effort = self.where(e), self.totals_of[e.cycle - 1]
        self.differ(f"cycle of {at}", self.cycle_of(e.block), e.cycle)
        self.differ(f"effort before {at}", effort, e.effort)
        self.differ(f"economy proposed and not adopted before {at}", None, self.next_economy)
        self.differ(f"halving due and not begun before {at}", False, self.halving_due(e.cycle))
        left = COMPUTE_RESERVE - self.promised
        if self.milestone:
            reward = ref.reward_after_milestone(self.first, self.period, e.cycle - self.halving_cycle)
        else:
            reward = ref.reward_before_milestone(effort, self.economy.thresholds, self.economy.rewards)
        reward = min(reward, left)
        market = reward * self.rules.market_bps // 10_000
        self.differ(f"reward of {at}", reward, e.reward)
        self.differ(f"market's part of {at}", market, e.market)
        self.cycle, self.market_left, self.effort_pools[e.cycle] = e.cycle, market, reward - market

    def on_SetAside(self, e: ev.SetAside) -> None:
        self.set_aside.append((e.cycle, e.amount))

    def set_aside_for(self, event: ev.Event, cycle: int, amount: int) -> None:
        """Something follows that ``amount`` must have been set aside for."""
        at = self.where(event)
        found = self.set_aside.pop() if self.set_aside else (0, "nothing")
        self.differ(f"reward set aside for {at}", (cycle, amount), found)
        self.promised += amount

    def on_Paid(self, e: ev.Paid) -> None:
        self.paid_out[(e.to, e.amount, e.for_effort)] += 1
        self.expect("Emitted", e.to, e.amount)
        self.moves[(ZERO, e.to, e.amount)] += 1

    # -- Devices, Effort --

    def on_DeviceBorn(self, e: ev.DeviceBorn) -> None:
        self.differ(f"id of {self.where(e)}", len(self.device_parts) + 1, e.id)
        self.differ(f"owner of {self.where(e)}", self.device_owner.get(e.id), e.owner)
        self.device_parts[e.id] = (e.cores, e.teraflops, e.memory_mib)

    def on_DeviceTransfer(self, e: ev.DeviceTransfer) -> None:
        self.differ(f"owner before {self.where(e)}", self.device_owner.get(e.id, ZERO), e.sender)
        self.device_owner[e.id] = e.to

    def on_NodeFounded(self, e: ev.NodeFounded) -> None:
        self.differ(f"id of {self.where(e)}", len(self.nodes) + 1, e.node)
        self.nodes[e.node] = _Node(e.owner, e.rule == 1, e.fee_bps)

    def on_Joined(self, e: ev.Joined) -> None:
        if self.node_of[e.device]:
            self.nodes[self.node_of[e.device]].devices -= 1
        if e.node:
            self.nodes[e.node].devices += 1
            within = self.nodes[e.node].devices <= self.economy.node_devices
            self.differ(f"room in the node of {self.where(e)}", True, within)
        self.node_of[e.device] = e.node

    def on_EffortReported(self, e: ev.EffortReported) -> None:
        at, node = self.where(e), self.nodes[e.node]
        self.differ(f"cycle of {at}", self.cycle, e.cycle)
        self.differ(f"node of {at}", self.node_of[e.device], e.node)
        self.differ(f"holder of {at}", self.device_owner.get(e.device), e.holder)
        effort = ref.variable_effort(e.bytes_verified, e.work_seconds, e.talk_seconds)
        terms = self.economy
        if (e.cycle, e.device) not in self.reported and not self.milestone:
            per = (terms.per_core, terms.per_teraflop, terms.per_gib)
            effort += ref.fixed_effort(*self.device_parts[e.device], per)
        self.vouched[e.cycle, e.receiver] += e.bytes_verified
        covered = self.staked(e.receiver) * terms.bytes_per_stake // ref.WAD
        self.differ(f"bytes of {at} within the receiver's stake", True, self.vouched[e.cycle, e.receiver] <= covered)
        self.reported.add((e.cycle, e.device))
        self.differ(f"effort of {at}", effort, e.effort)
        weight = effort * ref.bonus(node.devices, terms.bonus_from, terms.bonus_until, terms.bonus_bps) // 10_000
        here = (e.cycle, e.node)
        self.node_effort[here] += effort
        self.node_data[here] += e.bytes_verified
        self.node_weight[here] += weight
        self.totals_of[e.cycle] += weight
        work = self.device_work[e.cycle, e.device, e.holder]
        before = work.get(e.node, (0, 0))
        work[e.node] = (before[0] + effort, before[1] + e.bytes_verified)

    def on_CycleClosed(self, e: ev.CycleClosed) -> None:
        at, total = self.where(e), self.totals_of[e.cycle]
        self.differ(f"cycle of {at} over", True, e.cycle < self.cycle)
        self.differ(f"second close of cycle {e.cycle}", False, e.cycle in self.pools)
        self.differ(f"effort of {at}", total, e.effort)
        pool = min(self.effort_pools[e.cycle], COMPUTE_RESERVE - self.promised) if total else 0
        if total:
            self.set_aside_for(e, e.cycle, pool)
        self.differ(f"pool of {at}", pool, e.pool)
        self.pools[e.cycle] = pool

    def on_NodePaid(self, e: ev.NodePaid) -> None:
        at, here, node = self.where(e), (e.cycle, e.node), self.nodes[e.node]
        amount = self.pools[e.cycle] * self.node_weight[here] // self.totals_of[e.cycle]
        fee = amount * node.fee_bps // 10_000
        self.differ(f"second pay of node {e.node} for cycle {e.cycle}", False, here in self.node_pay)
        self.differ(at, (amount, fee), (e.amount, e.fee))
        self.node_pay[here] = amount - fee
        if fee:
            self.paid_out[(node.owner, fee, True)] -= 1

    def on_DevicePaid(self, e: ev.DevicePaid) -> None:
        at, work = self.where(e), self.device_work[e.cycle, e.device, e.holder]
        for node, (effort, data) in list(work.items()):
            here = (e.cycle, node)
            if here not in self.node_pay:
                continue
            if self.nodes[node].by_data and self.node_data[here]:
                amount = self.node_pay[here] * data // self.node_data[here]
            else:
                amount = self.node_pay[here] * effort // self.node_effort[here]
            if amount == e.amount:
                del work[node]
                break
        else:
            self.differ(f"work behind {at}", "done and not paid yet", f"nothing worth {e.amount}")
        if e.amount:
            self.paid_out[(e.holder, e.amount, True)] -= 1

    # -- Jobs, Snapshots --

    def on_JobOpened(self, e: ev.JobOpened) -> None:
        self.differ(f"id of {self.where(e)}", len(self.jobs) + 1, e.id)
        self.jobs[e.id] = _Job(e.payer, e.price)
        self.moves[(e.payer, self.addresses["Jobs"], e.price)] += 1

    def on_JobReported(self, e: ev.JobReported) -> None:
        job = self.jobs[e.id]
        self.differ(f"a report due at {self.where(e)}", True, job.state in ("open", "disputed"))
        job.state = "reported" if job.state == "open" else "final"
        job.due = Counter()
        for worker, amount in zip(e.workers, e.amounts, strict=True):
            job.due[worker] += amount
        self.differ(f"sum of {self.where(e)} within the price", True, job.due.total() <= job.left)

    def on_JobDisputed(self, e: ev.JobDisputed) -> None:
        job = self.jobs[e.id]
        self.differ(f"state before {self.where(e)}", "reported", job.state)
        job.state = "disputed"

    def on_WorkerPaid(self, e: ev.WorkerPaid) -> None:
        job = self.jobs[e.id]
        self.differ(f"amount of {self.where(e)}", job.due[e.worker], e.amount)
        job.left -= e.amount
        job.due[e.worker] = 0
        self.moves[(self.addresses["Jobs"], e.worker, e.amount)] += 1

    def on_JobReturned(self, e: ev.JobReturned) -> None:
        job = self.jobs[e.id]
        self.differ(self.where(e), (job.payer, job.left - job.due.total()), (e.payer, e.amount))
        job.left -= e.amount
        self.moves[(self.addresses["Jobs"], e.payer, e.amount)] += 1

    def on_SnapshotTransfer(self, e: ev.SnapshotTransfer) -> None:
        self.differ(f"owner before {self.where(e)}", self.snapshots.get(e.id, ZERO), e.sender)
        self.snapshots[e.id] = e.to

    def on_SnapshotTaken(self, e: ev.SnapshotTaken) -> None:
        self.differ(f"owner of {self.where(e)}", self.snapshots.get(e.id), e.by)
        self.taken.add(e.id)
        held = self.ledger.snapshots.get(e.id)
        self.differ(f"the contract's snapshot {e.id}", (e.hash, e.at_block, e.place), held)

    # -- the end --

    def compare_cycles(self) -> None:
        """The model's state against the contracts'."""
        l, block = self.ledger, "the contract's"
        self.differ(f"{block} cycle", self.cycle, l.emission.cycle())
        self.differ(f"{block} market's part left", self.market_left, l.emission.market_left())
        self.differ(f"{block} rewards set aside", self.promised, l.emission.promised())
        self.differ(f"{block} milestone", self.milestone, l.emission.milestone())
        self.differ(f"{block} halving", (self.halving_cycle, self.first, self.period), l.emission.halving())
        self.differ("the first economy told", True, self.first_economy)
        self.differ(f"{block} economy", self.economy, l.economy.current())
        for cycle, total in self.totals_of.items():
            if cycle < 1:
                continue  # only asked for by an altered event, which has been named
            self.differ(f"{block} effort of cycle {cycle}", total, l.effort.total(cycle))
        for id, owner in self.device_owner.items():
            self.differ(f"{block} owner of device {id}", owner, l.devices.owner(id))
            self.differ(f"{block} node of device {id}", self.node_of[id], l.effort.node_of(id))
        for id, node in self.nodes.items():
            kept = (node.owner, node.by_data, node.fee_bps, node.devices)
            self.differ(f"{block} node {id}", kept, l.effort.node(id))
        for id, job in self.jobs.items():
            self.differ(f"{block} money left in job {id}", job.left, l.jobs.left(id))
            for worker, due in job.due.items():
                self.differ(f"{block} dues of {worker} in job {id}", due, l.jobs.due(id, worker))
        self.differ("snapshots taken", set(self.snapshots), self.taken)
        self.differ(f"{block} money in jobs", sum(j.left for j in self.jobs.values()), l.jobs.held())
