"""A node of devices whose effort makes cycles, and what tests of cycles share."""

from __future__ import annotations

from ledger_helpers import KLP, Net, Role, secret

from klopf.errors import Reverted
from klopf.ledger import Economy, Key, Ledger

DAY = 24 * 3600
RESERVE = 10**9 * KLP
USUAL = Economy()


class Fleet:
    """A node of devices, and a receiver who signs for their bytes."""

    def __init__(self, net: Net, devices: int, by_data: bool = False, fee_bps: int = 0) -> None:
        self.net = net
        self.receiver = net.join(Role.REQUESTER)
        net.admin.fund(net.clients[self.receiver].me.address, tokens=10 * KLP)
        net.clients[self.receiver].stake.stake(self.receiver, 10 * KLP)
        self.owner = net.clients[net.join(Role.NEURON)]
        self.leader = net.clients[net.join(Role.NEURON)]
        self.node = self.leader.effort.found(by_data, fee_bps)
        self.keys = {}
        for n in range(devices):
            key = secret(400 + 100 * self.node + n)
            id = self.owner.devices.mint(key, 4, 1, 1024, bytes(32))
            self.owner.effort.join(id, self.node)
            self.keys[id] = key
        self.serial = dict.fromkeys(self.keys, 0)
        net.admin.emission.roll()

    def join_again(self, device: int, owner: Key) -> None:
        """Its new owner puts a device into the node."""
        self.net.admin.fund(owner.address, tokens=0)
        Ledger(self.net.admin.rpc, self.net.admin.deployment, owner).effort.join(device, self.node)
        self.serial[device] = 0

    def report(self, device: int, verified: int, work: int = 3600, talk: int = 0, **spoil: int) -> None:
        cycle = self.net.admin.emission.cycle()
        self.serial[device] += 1
        values = {"cycle": cycle, "serial": self.serial[device], "device": device, "receiver": self.receiver}
        receipt = tuple({**values, "bytes": verified, "work": work, "talk": talk, **spoil}.values())
        digest = self.net.admin.effort.digest(receipt)
        ends = self.keys[device].sign(digest), self.net.clients[self.receiver].me.sign(digest)
        try:
            self.net.admin.effort.report(receipt, *ends)
        except Reverted:
            self.serial[device] -= 1
            raise
