"""A network in memory for attempts at farming it, and what these share."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ledger_helpers import Net, secret

from klopf.ledger import Economy, Ledger, Parameters, Role, _abi
from klopf.ledger._deployment import deploy_over
from klopf.ledger._rpc import contract_address
from klopf.ledger.keys import checksum
from tests.ledger.memory import MemoryRpc

MOST_GAS = 2**24


def network(parameters: Parameters | None = None, economy: Economy | None = None) -> Net:
    rpc = MemoryRpc()
    admin = secret(0)
    made = deploy_over(rpc, admin, parameters or Parameters(dispute_seconds=0), economy=economy)
    return Net(Ledger(rpc, made, admin), lambda s: rpc.request("evm_increaseTime", s) and None)


def accepting_contract(net: Net) -> str:
    """The address of a contract that says yes to every signature (ERC-1271)."""
    runtime = bytes.fromhex("631626ba7e60e01b60005260206000f3")
    creation = bytes.fromhex(f"60{len(runtime):02x}600c60003960{len(runtime):02x}6000f3") + runtime
    made: str = net.admin.rpc.send(net.admin.me, None, creation)["contractAddress"]
    return checksum(made)


def wallet(net: Net, digests: Callable[[str], list[bytes]]) -> str:
    """The address of a contract that has signed what ``digests`` makes of that address, and nothing else (ERC-1271)."""
    me = net.admin.me
    place = checksum(
        contract_address(me.address, int(net.admin.rpc.request("eth_getTransactionCount", me.address, "latest"), 16))
    )
    known = b"".join(
        bytes.fromhex("6004357f") + digest + bytes.fromhex("14") + (b"\x17" if i else b"")  # equal to any of them
        for i, digest in enumerate(digests(place))
    )
    runtime = known + bytes.fromhex("631626ba7e60e01b0260005260206000f3")
    creation = bytes.fromhex(f"61{len(runtime):04x}600e60003961{len(runtime):04x}6000f3") + runtime
    assert checksum(net.admin.rpc.send(me, None, creation)["contractAddress"]) == place
    return place


def as_address(net: Net, address: str, contract: str, function: str, *values: Any) -> dict[str, Any]:
    """A call that ``address`` makes, whoever it is."""
    data = _abi.artifact(contract).functions[function].call_data(values)
    sender: Any = SimpleNamespace(address=address)
    sent: dict[str, Any] = net.admin.rpc.send(sender, net.admin.deployment.addresses[contract], data)
    return sent


class Farm:
    """One account with a receiver of its own, a node, and devices that say of themselves what they like."""

    def __init__(self, net: Net, stake: int, devices: int, first: int = 5000) -> None:
        self.net, self.id = net, net.join(Role.REQUESTER, tokens=stake)
        self.own = net.clients[self.id]
        if stake:
            self.own.stake.stake(self.id, stake)
        self.node = self.own.effort.found()
        self.keys = {}
        for n in range(devices):
            key = secret(first + n)
            device = self.own.devices.mint(key, 65535, 65535, 2**32 - 1, bytes(32))
            self.own.effort.join(device, self.node)
            self.keys[device] = key
        self.serial: dict[tuple[int, int], int] = {}
        net.admin.emission.roll()

    def report(self, device: int, verified: int, sales: int | None = None) -> None:
        cycle = self.net.admin.emission.cycle()
        self.serial[cycle, device] = self.serial.get((cycle, device), 0) + 1
        receipt = (cycle, self.serial[cycle, device], device, self.id, verified, 3600, 0)
        digest = self.net.admin.effort.digest(receipt, sales)
        self.own.effort.report(receipt, self.keys[device].sign(digest), self.own.me.sign(digest))

    def collect(self, cycle: int) -> None:
        self.own.effort.pay_node(cycle, self.node)
        for device in self.keys:
            self.own.effort.pay_device(cycle, self.node, device, self.own.me.address)

    @property
    def wealth(self) -> int:
        account = self.net.admin.stake.account(self.id)
        return self.net.admin.token.balance(self.own.me.address) + account.staked + account.thawing
