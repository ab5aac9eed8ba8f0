"""Effort of devices and of the nodes they join, and its pay."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._receipts import Domain
from klopf.ledger._replay import Replay
from klopf.ledger.core.registry import RegistryReplay
from klopf.ledger.fleet import _reference as ref
from klopf.ledger.fleet.devices import Devices, DevicesReplay, Transfer
from klopf.ledger.keys import checksum
from klopf.ledger.market.emission import EmissionReplay

__all__ = [
    "Closed",
    "DevicePaid",
    "EIP712DomainChanged",
    "Effort",
    "EffortReplay",
    "Joined",
    "NodeFounded",
    "NodePaid",
    "Reported",
]

_OWNERS = 5  # a receipt may be of the device's owner, or of one of the four before


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
class Reported(Event):
    cycle: int
    node: int
    device: int
    holder: str
    effort: int
    bytes_verified: int
    work_seconds: int
    talk_seconds: int
    receiver: int
    burnt: int


@dataclass(frozen=True)
class Closed(Event):
    """The effort of a cycle that is over has its pool."""

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
class EIP712DomainChanged(Event):
    pass


@dataclass
class _Node:
    owner: str
    by_data: bool
    fee_bps: int
    devices: int = 0


class EffortReplay(Replay):
    """Nodes, the work of each cycle, and what it pays to whom."""

    def begin(self) -> None:
        self.registry, self.devices = self.of(RegistryReplay), self.of(DevicesReplay)
        self.emission = self.of(EmissionReplay)
        self.emission.effort_of = self.total
        self.devices.on_sale = self.sold
        self.nodes: dict[int, _Node] = {}
        self.node_of: dict[int, int] = defaultdict(int)
        self.totals: dict[int, int] = defaultdict(int)
        """Effort of each cycle, without bonuses."""
        self.weights: Counter[int] = Counter()
        """The same with them."""
        self.pools: dict[int, int] = {}
        self.backed: Counter[tuple[int, int]] = Counter()
        """What a node may be paid at most, by cycle and node."""
        self.data: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
        """Bytes by device, by cycle and node."""
        self.past: dict[int, list[tuple[int, str]]] = defaultdict(list)
        """The node and the owner of a device before each of its sales."""
        self.node_effort: dict[tuple[int, int], int] = defaultdict(int)
        self.node_data: dict[tuple[int, int], int] = defaultdict(int)
        self.node_weight: dict[tuple[int, int], int] = defaultdict(int)
        self.device_work: dict[tuple[int, int, str], dict[int, tuple[int, int]]] = defaultdict(dict)
        """By cycle, device and holder: effort and data by node."""
        self.node_pay: dict[tuple[int, int], int] = {}

    def total(self, cycle: int) -> int:
        """The network's effort in a cycle, without bonuses, 18 decimals."""
        return self.totals.get(cycle, 0)

    def on_NodeFounded(self, e: NodeFounded) -> None:
        self.differ(f"id of {self.where(e)}", len(self.nodes) + 1, e.node)
        self.nodes[e.node] = _Node(e.owner, e.rule == 1, e.fee_bps)

    def sold(self, e: Transfer) -> None:
        """A device that is sold leaves its node, and what its seller's work pays stays its own."""
        self.past[e.id].append((self.node_of[e.id], e.sender))
        if self.node_of[e.id]:
            self.expect("Effort.Joined", e.id, 0)

    def on_Joined(self, e: Joined) -> None:
        self.met(e, e.device, e.node)
        if self.node_of[e.device]:
            self.nodes[self.node_of[e.device]].devices -= 1
        if e.node:
            self.nodes[e.node].devices += 1
            within = self.nodes[e.node].devices <= self.emission.economy.now.node_devices
            self.differ(f"room in the node of {self.where(e)}", True, within)
        self.node_of[e.device] = e.node

    def on_Reported(self, e: Reported) -> None:
        at, terms, here = self.where(e), self.emission.economy.now, (e.cycle, e.node)
        self.differ(f"cycle of {at}", self.emission.cycle, e.cycle)
        places = [(self.node_of[e.device], self.devices.owners.get(e.device)), *reversed(self.past[e.device])]
        self.differ(f"node and holder of {at} now or before a sale", True, (e.node, e.holder) in places[:_OWNERS])
        self.differ(f"node of {at} there", True, e.node in self.nodes)
        effort = ref.variable_effort(e.bytes_verified, e.work_seconds, e.talk_seconds)
        if not self.data[here][e.device] and not self.emission.milestone:
            per = (terms.per_core, terms.per_teraflop, terms.per_gib)
            effort += min(ref.fixed_effort(*self.devices.parts[e.device], per), effort // 20)
        self.differ(f"effort of {at}", effort, e.effort)
        self.differ(f"price of {at}", ref.price(e.bytes_verified, terms.bytes_per_stake), e.burnt)
        if e.burnt:
            self.expect("Stake.Burnt", e.receiver, e.burnt)
        last = self.data.get((e.cycle - 1, e.node), Counter())
        factor = ref.bonus(ref.working(last.values()), terms.bonus_from, terms.bonus_until, terms.bonus_bps)
        self.backed[here] += ref.backing(e.burnt, factor, terms.bonus_bps)
        self.data[here][e.device] += e.bytes_verified
        weight = effort * factor // 10_000
        self.node_effort[here] += effort
        self.node_data[here] += e.bytes_verified
        self.node_weight[here] += weight
        self.totals[e.cycle] += effort
        self.weights[e.cycle] += weight
        work = self.device_work[e.cycle, e.device, e.holder]
        before = work.get(e.node, (0, 0))
        work[e.node] = (before[0] + effort, before[1] + e.bytes_verified)

    def on_Closed(self, e: Closed) -> None:
        at, total, emission = self.where(e), self.total(e.cycle), self.emission
        self.differ(f"cycle of {at} over", True, e.cycle < emission.cycle)
        self.differ(f"second close of cycle {e.cycle}", False, e.cycle in self.pools)
        self.differ(f"effort of {at}", total, e.effort)
        pool = 0
        if total:
            granted = min(emission.effort_pools[e.cycle], emission.left)
            pool = min(granted, sum(most for (cycle, _), most in self.backed.items() if cycle == e.cycle))
            emission.set_aside_for(e, e.cycle, granted)
            emission.put_back_for(e, e.cycle, granted - pool)
        self.differ(f"pool of {at}", pool, e.pool)
        self.pools[e.cycle] = pool

    def on_NodePaid(self, e: NodePaid) -> None:
        at, here, node = self.where(e), (e.cycle, e.node), self.nodes[e.node]
        amount = self.pools[e.cycle] * self.node_weight[here] // self.weights[e.cycle]
        amount = min(amount, self.backed[here])
        fee = amount * node.fee_bps // 10_000
        self.differ(f"second pay of node {e.node} for cycle {e.cycle}", False, here in self.node_pay)
        self.differ(at, (amount, fee), (e.amount, e.fee))
        self.node_pay[here] = amount - fee
        if fee:
            self.emission.paid_for(node.owner, fee, for_effort=True)

    def on_DevicePaid(self, e: DevicePaid) -> None:
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
            self.emission.paid_for(e.holder, e.amount, for_effort=True)

    def compare(self) -> None:
        effort, the = self.client(Effort), "the contract's"
        for cycle, total in self.totals.items():
            self.differ(f"{the} effort of cycle {cycle}", total, effort.total(cycle))
        for (cycle, of), most in self.backed.items():
            self.differ(f"{the} bound on node {of} in cycle {cycle}", most, effort.backing(cycle, of))
        for id in self.devices.owners:
            self.differ(f"{the} node of device {id}", self.node_of[id], effort.node_of(id))
        for id, node in self.nodes.items():
            kept = (node.owner, node.by_data, node.fee_bps, node.devices)
            self.differ(f"{the} node {id}", kept, effort.node(id))


class Effort(Contract):
    """Effort of devices and nodes, and its pay."""

    name = "Effort"
    events = (NodeFounded, Joined, Reported, Closed, NodePaid, DevicePaid, EIP712DomainChanged)
    needs_none = (EIP712DomainChanged,)
    participants = ("receiver",)
    replay = EffortReplay

    def found(self, by_data: bool = False, fee_bps: int = 0) -> int:
        """Found a node that shares its pay by data or by effort; returns its id."""
        return self._made(self._write("found", int(by_data), fee_bps), "NodeFounded")

    def join(self, device: int, node: int) -> Sent:
        """Put a device into a node; 0 takes it out."""
        return self._write("join", device, node)

    def node_of(self, device: int) -> int:
        """The node a device is in; 0 for none."""
        return int(self._read("nodeOf", device))

    def node(self, node: int) -> tuple[str, bool, int, int]:
        """A node's owner, whether it shares by data, its leader's fee in 1/10,000, and its number of devices."""
        owner, rule, fee, devices = self._read("nodes", node)
        return checksum(owner), rule == 1, fee, devices

    def digest(self, receipt: tuple[int, ...], sales: int | None = None) -> bytes:
        """What device and receiver sign: (cycle, serial, device, receiver, bytes, work seconds, talk seconds), and how
        often the device has been sold (by default: as often as it is now), so that work pays whoever owned it then."""
        if sales is None:
            sales = self._ledger.client(Devices).sales(receipt[2])
        kind = keccak(
            b"Receipt(uint32 cycle,uint32 serial,uint256 device,uint32 receiver,uint64 bytesVerified,"
            b"uint32 workSeconds,uint32 talkSeconds,uint32 sales)"
        )
        types = ("bytes32", "uint32", "uint32", "uint256", "uint32", "uint64", "uint32", "uint32", "uint32")
        domain = Domain(self._ledger.deployment.chain_id, self.address, "Klopf Effort")
        return domain.digest(bytes(keccak(encode(types, (kind, *receipt, sales)))))

    def report(self, receipt: tuple[int, ...], device_signature: bytes, receiver_signature: bytes) -> Sent:
        """Count work that both ends signed for; its price is burnt out of the receiver's stake. Anybody may bring it: a
        device needs no coin."""
        return self._write("report", receipt, device_signature, receiver_signature)

    def total(self, cycle: int) -> int:
        """The network's effort in a cycle, without bonuses, 18 decimals."""
        return int(self._read("totalOf", cycle))

    def backing(self, cycle: int, node: int) -> int:
        """What a node may be paid for a cycle at most: less than what was burnt for it."""
        return int(self._read("backingOf", cycle, node))

    def working(self, cycle: int, node: int) -> int:
        """How many devices worked for a node in a cycle, as evenly as they did; the next one's bonus follows it."""
        return int(self._read("workingIn", cycle, node))

    def pay_node(self, cycle: int, node: int) -> Sent:
        """Pay a node for a cycle that is over."""
        return self._write("payNode", cycle, node)

    def pay_device(self, cycle: int, node: int, device: int, holder: str) -> Sent:
        """Hand a device's part of its node's pay to who held it when it worked."""
        return self._write("payDevice", cycle, node, device, holder)
