"""A chain in memory for tests that play many short histories: the same machine, no file, no signatures, no JSON.

What a view answered is remembered with the slots that it read, and stays true until one of them changes.
"""

from __future__ import annotations

from typing import Any

from eth_hash.auto import keccak

from klopf.chain._transaction import Transaction
from klopf.chain._values import EMPTY_CODE, Account, Difference, Environment, Outcome
from klopf.chain.machine._pyevm import PyEvm, _State
from klopf.errors import Reverted
from klopf.ledger import Key, _abi
from klopf.ledger._rpc import Rpc

GAS = 30_000_000
START = 1_800_000_000


class World:
    """A state as the machine reads it."""

    def __init__(self) -> None:
        self.accounts: dict[bytes, Account] = {}
        self.slots: dict[tuple[bytes, int], int] = {}
        self.codes: dict[bytes, bytes] = {EMPTY_CODE: b""}

    def account(self, address: bytes) -> Account:
        return self.accounts.get(address, Account())

    def code(self, code_hash: bytes) -> bytes:
        return self.codes[code_hash]

    def storage(self, address: bytes, slot: int) -> int:
        return self.slots.get((address, slot), 0)

    def block_hash(self, number: int) -> bytes:
        return bytes(keccak(b"block %d" % number))

    def apply(self, difference: Difference) -> None:
        self.accounts.update(difference.accounts)
        self.slots.update(difference.storage)
        self.codes.update(difference.codes)


class MemoryRpc(Rpc):
    """The part of :class:`klopf.ledger._rpc.Rpc` that the typed clients use."""

    def __init__(self) -> None:
        super().__init__(None, "memory")
        self.machine, self.world = PyEvm(), World()
        self.number, self.time = 0, START
        self._kept: list[tuple[dict[bytes, Account], dict[tuple[bytes, int], int], int, int]] = []
        self._answers: dict[tuple[bytes, bytes, int], tuple[bytes, dict[tuple[bytes, int], int]]] = {}
        self._logs: list[dict[str, Any]] = []
        self._times: dict[int, int] = {}
        self._inputs: dict[str, bytes] = {}

    def join(self, first: str, second: str) -> None:
        """What two transactions said becomes what one did, as where a wallet that is a contract makes both calls."""
        for log in self._logs:
            if log["transactionHash"] == second:
                log["transactionHash"] = first

    def keep(self) -> None:
        """Remember the state, to come back to with :meth:`back`."""
        self._kept = [(dict(self.world.accounts), dict(self.world.slots), self.number, self.time)]

    def back(self) -> None:
        accounts, slots, self.number, self.time = self._kept[0]
        self.world.accounts, self.world.slots = dict(accounts), dict(slots)
        self._logs.clear()

    def _environment(self) -> Environment:
        mix = bytes(keccak(b"mix %d" % self.number))
        return Environment(1337, self.number + 1, self.time, GAS, 0, bytes(20), mix)

    def _run(self, sender: bytes, to: bytes, data: bytes, value: int = 0) -> Outcome:
        t = Transaction(2, 1337, self.world.account(sender).nonce, GAS, 0, 0, to, value, data, (), sender)
        return self.machine.execute(self.world, self._environment(), t)

    def request(self, method: str, *params: Any) -> Any:
        if method == "eth_getTransactionCount":
            return hex(self.world.account(bytes.fromhex(params[0][2:])).nonce)
        if method == "evm_increaseTime":
            self.time += int(params[0])
            return hex(self.time)
        if method == "eth_getLogs":
            return [log for log in self._logs if _fits(log, params[0])]
        if method == "eth_getStorageAt":
            place, slot = bytes.fromhex(params[0][2:]), int(params[1], 16)
            return "0x" + self.world.storage(place, slot).to_bytes(32).hex()
        if method == "eth_getTransactionByHash":
            return {"input": "0x" + self._inputs[params[0]].hex()}
        if method == "eth_getBlockByNumber":
            return {"timestamp": hex(self._times[int(params[0], 16)])}
        raise NotImplementedError(method)

    def chain_id(self) -> int:
        return 1337

    def height(self) -> int:
        return self.number

    def block_hash(self, number: int) -> str:
        return "0x" + self.world.block_hash(number).hex()

    def code(self, address: str) -> bytes:
        return self.world.code(self.world.account(bytes.fromhex(address[2:])).code_hash)

    def call(self, to: str, data: bytes, sender: str | None = None, block: str = "latest") -> bytes:
        place = bytes.fromhex(to[2:])
        when = self.time if block == "pending" else 0  # what asks for the time asks for the next block
        known = self._answers.get((place, data, when))
        slots = self.world.slots
        if known is not None and all(slots.get(key, 0) == value for key, value in known[1].items()):
            return known[0]
        state = _State(self.world, self._environment())
        t = Transaction(2, 1337, 0, GAS, 0, 0, place, 0, data, (), bytes(20))
        outcome, _ = self.machine._run(state, t)
        if not outcome.status:
            name, line = _abi.error_text(outcome.output)
            raise Reverted(line, name)
        self._answers[place, data, when] = (outcome.output, dict(state.accounts.base_slots))
        return outcome.output

    def send(self, key: Key, to: str | None, data: bytes, value: int = 0) -> dict[str, Any]:
        sender, place = bytes.fromhex(key.address[2:]), bytes.fromhex((to or "0x")[2:])
        outcome = self._run(sender, place, data, value)
        self.number += 1
        self._times[self.number] = self.time
        self.world.apply(outcome.difference)
        if not outcome.status:
            name, line = _abi.error_text(outcome.output)
            raise Reverted(line, name)
        digest = "0x" + bytes(keccak(b"%d" % self.number)).hex()
        self._inputs[digest] = data
        logs = [
            {
                "address": "0x" + log.address.hex(),
                "topics": ["0x" + topic.hex() for topic in log.topics],
                "data": "0x" + log.data.hex(),
                "blockNumber": hex(self.number),
                "logIndex": hex(i),
                "transactionHash": digest,
            }
            for i, log in enumerate(outcome.logs)
        ]
        self._logs += logs
        return {
            "transactionHash": digest,
            "blockNumber": hex(self.number),
            "gasUsed": hex(outcome.gas_used),
            "contractAddress": "0x" + outcome.created.hex() if outcome.created else None,
            "logs": logs,
        }

    def close(self) -> None:
        """Nothing to let go of."""


def _fits(log: dict[str, Any], query: dict[str, Any]) -> bool:
    """Whether a log is one of those asked for: each topic may be one, one of several, or None for any."""
    places = [query["address"]] if isinstance(query["address"], str) else query["address"]
    wanted = [[one] if isinstance(one, str) else one for one in query.get("topics", ())]
    within = int(query["fromBlock"], 16) <= int(log["blockNumber"], 16) <= int(query["toBlock"], 16)
    here = log["address"] in {place.lower() for place in places} and len(log["topics"]) >= len(wanted)
    return within and here and all(one is None or log["topics"][i] in one for i, one in enumerate(wanted))
