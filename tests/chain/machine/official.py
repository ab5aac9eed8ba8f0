"""The official state tests (github.com/ethereum/tests, ``GeneralStateTests``) on a machine, for the cancun fork.

Each case gives a state, a block's environment, one signed transaction, and what must come of it: the root of the
state's Merkle-Patricia trie and the hash of the logs, or that the transaction is not valid. The chain has no trie: the
root is computed here, for the comparison.

    KLOPF_STATE_TESTS=folder/GeneralStateTests python -m pytest -m slow tests/chain/machine/test_official.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from eth_hash.auto import keccak
from trie import HexaryTrie

from klopf.chain._chain import Chain
from klopf.chain._rlp import encode
from klopf.chain._transaction import decode
from klopf.chain._values import EMPTY_CODE, Account, Environment
from klopf.chain.machine._executor import Executor
from klopf.chain.state._block import Header
from klopf.errors import Rejected

EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
FORK = "Cancun"


class World:
    """A test's state, as the machine reads it."""

    def __init__(self, pre: dict[str, Any]) -> None:
        self.accounts: dict[bytes, Account] = {}
        self.codes = {EMPTY_CODE: b""}
        self.slots: dict[bytes, dict[int, int]] = {}
        for text, entry in pre.items():
            address, code = _bytes(text), _bytes(entry["code"])
            code_hash = bytes(keccak(code))
            self.codes[code_hash] = code
            self.accounts[address] = Account(_int(entry["nonce"]), _int(entry["balance"]), code_hash)
            self.slots[address] = {_int(k): _int(v) for k, v in entry["storage"].items()}

    def account(self, address: bytes) -> Account:
        return self.accounts.get(address, Account())

    def code(self, code_hash: bytes) -> bytes:
        return self.codes[code_hash]

    def storage(self, address: bytes, slot: int) -> int:
        return self.slots.get(address, {}).get(slot, 0)

    def block_hash(self, number: int) -> bytes:
        return bytes(keccak(str(number).encode()))

    def root(self, difference: Any = None) -> bytes:
        """The state's root, after ``difference``."""
        accounts, slots = dict(self.accounts), {a: dict(s) for a, s in self.slots.items()}
        if difference is not None:
            accounts.update(difference.accounts)
            for (address, slot), value in difference.storage.items():
                slots.setdefault(address, {})[slot] = value
        trie = HexaryTrie({})
        for address, account in accounts.items():
            if account != Account():
                storage = HexaryTrie({})
                for slot, value in slots.get(address, {}).items():
                    if value:
                        storage[keccak(slot.to_bytes(32, "big"))] = encode(_minimal(value))
                fields = [_minimal(account.nonce), _minimal(account.balance), storage.root_hash, account.code_hash]
                trie[keccak(address)] = encode(fields)
        return bytes(trie.root_hash)


class Case(NamedTuple):
    """One transaction of one test."""

    name: str
    test: dict[str, Any]
    post: dict[str, Any]


def cases(folder: Path) -> Iterator[Case]:
    """Every case for the fork, in the order of the files."""
    for file in sorted(folder.rglob("*.json")):
        for name, test in json.loads(file.read_text()).items():
            for i, post in enumerate(test.get("post", {}).get(FORK, ())):
                yield Case(f"{file.relative_to(folder)}::{name.rsplit('::', 1)[-1]}[{i}]", test, post)


def is_reachable(test: dict[str, Any]) -> bool:
    """False where the state begins with storage at an address that has neither code nor nonce: a creation there is a
    collision (EIP-7610), but no transaction can bring such an account about, and a genesis here holds balances only.
    """
    return not any(e["storage"] and not _int(e["nonce"]) and not _bytes(e["code"]) for e in test["pre"].values())


def play(case: Case, machine: Executor) -> str:
    """What is wrong; nothing where it comes out as it must; "blob" for a blob transaction; "unreachable" where another
    state came of one that cannot be."""
    env, post, world = case.test["env"], case.post, World(case.test["pre"])
    raw = _bytes(post["txbytes"])
    if raw[:1] == b"\3":
        return "blob"
    mix = int(env.get("currentRandom", env["currentDifficulty"]), 16).to_bytes(32, "big")
    number, time, limit, fee = (_int(env[f"current{k}"]) for k in ("Number", "Timestamp", "GasLimit", "BaseFee"))
    coinbase = _bytes(env["currentCoinbase"])
    empty = bytes(32)
    header = Header(empty, number, time, coinbase, empty, EMPTY_ROOT, EMPTY_ROOT, bytes(256), limit, 0, fee, mix)
    store = SimpleNamespace(block_of_transaction=lambda _: None)
    try:
        transaction = decode(raw)
        if transaction.chain_id not in (None, 1):
            raise Rejected("signed for another chain")
        made = SimpleNamespace(_store=store, _require_dev=lambda: None)
        Chain._check(made, transaction, world.account(transaction.sender), header)  # type: ignore[arg-type]
    except Rejected as error:
        return "" if "expectException" in post else f"refused: {error}"
    if "expectException" in post:
        return f"accepted, though {post['expectException']}"
    outcome = machine.execute(world, Environment(1, number, time, limit, fee, coinbase, mix), transaction)
    logs = encode([[log.address, list(log.topics), log.data] for log in outcome.logs])
    if bytes(keccak(logs)) != _bytes(post["logs"]):
        return "other logs"
    if world.root(outcome.difference) != _bytes(post["hash"]):
        return "another state" if is_reachable(case.test) else "unreachable"
    return ""


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _int(text: str) -> int:
    return int(text, 16) if text not in ("", "0x") else 0


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
