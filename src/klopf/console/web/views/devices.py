"""Devices and the nodes that they work with, as the ledger knows them."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Column, Network, Row, View
from klopf.ledger import events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Devices", "Nodes"]


class _Rows(View):
    """Rows by id, said again where one changed."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.now: dict[int, Row] = {}
        self.sums: dict[int, list[int]] = {}
        self.fresh: set[int] = set()

    def add(self, id: int, place: int, amount: int) -> None:
        """More of a sum, in units; nothing where the id is unknown."""
        if id in self.now:
            self.sums.setdefault(id, [0, 0])[place] += amount
            self.fresh.add(id)

    def set(self, id: int, row: Row) -> None:
        self.now[id] = row
        self.fresh.add(id)

    def news(self) -> Mapping[str, Row | None]:
        found, self.fresh = self.fresh, set()
        return {
            str(id): [*self.now[id], *(plain(klp(sum)) for sum in self.sums.get(id, (0, 0)))] for id in sorted(found)
        }


class Devices(_Rows):
    title = "Devices"
    lead = "Each is a token of its owner's, with the effort in units that was reported of it, and its pay for that."
    columns = (
        Column("device", "number"), Column("owner"), Column("node", "number"), Column("cores", "number"),
        Column("memory in MiB", "number"), Column("teraflops", "number"), Column("effort", "money"),
        Column("paid", "money"),
    )  # fmt: skip

    def take(self, event: events.Event) -> None:
        e = event
        if isinstance(e, events.devices.Born):
            self.set(e.id, [e.id, e.owner, None, e.cores, e.memory_mib, e.teraflops])
        elif isinstance(e, events.devices.Transfer) and e.id in self.now:
            self.set(e.id, [e.id, e.to, *self.now[e.id][2:]])
        elif isinstance(e, events.effort.Joined) and e.device in self.now:
            self.set(e.device, [*self.now[e.device][:2], e.node or None, *self.now[e.device][3:]])
        elif isinstance(e, events.effort.Reported):
            self.add(e.device, 0, e.effort)
        elif isinstance(e, events.effort.DevicePaid):
            self.add(e.device, 1, e.amount)


class Nodes(_Rows):
    title = "Nodes"
    lead = "Whoever gathers devices, for the part of their pay that is its fee."
    columns = (
        Column("node", "number"), Column("owner"), Column("fee", "share"), Column("devices", "number"),
        Column("last cycle", "number"), Column("effort", "money"), Column("paid", "money"),
    )  # fmt: skip

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.of: dict[int, int] = {}

    def take(self, event: events.Event) -> None:
        e = event
        if isinstance(e, events.effort.NodeFounded):
            self.set(e.node, [e.node, e.owner, e.fee_bps / 10_000, 0, None])
        elif isinstance(e, events.effort.Joined):
            for node, more in ((self.of.get(e.device, 0), -1), (e.node, 1)):
                if node in self.now:
                    row = self.now[node]
                    self.set(node, [*row[:3], int(str(row[3])) + more, row[4]])
            self.of[e.device] = e.node
        elif isinstance(e, events.effort.Reported) and e.node in self.now:
            self.set(e.node, [*self.now[e.node][:4], e.cycle])
            self.add(e.node, 0, e.effort)
        elif isinstance(e, events.effort.NodePaid):
            self.add(e.node, 1, e.amount)
