"""A network with the pack finance, tokens to trade, and people who have some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak
from ledger_helpers import KLP, Net, secret

from klopf.ledger import Ledger
from klopf.ledger._abi import read_artifact
from klopf.ledger._deployment import USUAL, deploy_over
from klopf.ledger.keys import checksum
from tests.ledger.memory import MemoryRpc

ODD = read_artifact(Path(__file__).parent / "odd" / "Odd.json")
RICH = 10**9 * KLP


class Odd:
    """A token that does what a test wants (``odd/Odd.sol``)."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        made = ledger.rpc.send(ledger.me, None, ODD.creation(()))
        self.address = checksum(made["contractAddress"])

    def send(self, name: str, *arguments: Any, ledger: Ledger | None = None) -> None:
        (ledger or self.ledger).send(self.address, ODD.functions[name].call_data(arguments))

    def read(self, name: str, *arguments: Any) -> Any:
        abi = ODD.functions[name]
        return abi.answer(self.ledger.rpc.call(self.address, abi.call_data(arguments)))


class Town:
    """``people`` have a billion of both odd tokens; all but the first have ten million KLP."""

    def __init__(self, people: int = 3) -> None:
        rpc = MemoryRpc()
        owner = secret(0)
        deployment = deploy_over(rpc, owner, packs=(*USUAL, "finance"))
        self.owner = Ledger(rpc, deployment, owner)
        self.rpc = rpc
        self.people = [Ledger(rpc, deployment, secret(700 + n)) for n in range(people)]
        self.gold, self.iron = sorted((Odd(self.owner), Odd(self.owner)), key=lambda odd: int(odd.address, 16))
        for one in self.people:
            self.owner.token.transfer(one.me.address, 10**7 * KLP)
            for odd in (self.gold, self.iron):
                odd.send("mint", one.me.address, RICH)

    def wait(self, seconds: int) -> None:
        self.rpc.request("evm_increaseTime", seconds)

    def pool(self, reserves: tuple[int, int] = (1000 * KLP, 4000 * KLP)) -> int:
        """A pool of gold and iron that the first of the people filled."""
        id = self.owner.exchange.open(self.gold.address, self.iron.address)
        self.people[0].exchange.add(id, reserves)
        return id

    def ripen(self, id: int, times: int = 2) -> None:
        """Half hours go by, with a mark each."""
        for _ in range(times):
            self.wait(1800)
            self.owner.exchange.mark(id)


def over(net: Net) -> tuple[Ledger, Ledger, str]:
    """The network of ``net`` with the pack, seen by its owner and by somebody with tokens; and another token."""
    from klopf import ledger

    added = ledger.add_pack(net.admin, "finance").deployment
    assert added is not None
    owner = Ledger(net.admin.rpc, added, secret(0))
    owner.fund(secret(700).address, tokens=1000 * KLP)
    odd = Odd(owner)
    odd.send("mint", secret(700).address, RICH)
    odd.send("mint", owner.me.address, RICH)
    return owner, Ledger(ledger.connect(net.admin.rpc.where, secret(700), added).rpc, added, secret(700)), odd.address


def calling(function: str, types: tuple[str, ...], *arguments: Any) -> bytes:
    """The data of a call."""
    return bytes(keccak(f"{function}({','.join(types)})".encode())[:4]) + encode(types, arguments)
