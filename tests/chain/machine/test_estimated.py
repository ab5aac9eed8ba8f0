"""A transaction that an estimate has already run comes to the same, run again or not."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from klopf import chain
from klopf.chain._values import Outcome
from klopf.chain.machine._estimated import EstimatedOutcome
from klopf.chain.machine._executor import executor
from klopf.chain.rpc import Rpc
from tests.chain.evm import asm, deploy
from tests.chain.machine import fuzz, single
from tests.chain.machine.test_differential import transaction

OWNER = Account.from_key(b"\x07" * 32)
PARENT = b"\x01" * 32
FIRST, LATER = fuzz.environment(100, 1_700_000_000, 0), fuzz.environment(101, 1_700_000_012, 0)
SAW = [name for name in single.NAMES if name in ("TIMESTAMP", "NUMBER", "BLOCKHASH", "PREVRANDAO", "BASEFEE")]


def rounds(count: int, seed: int) -> Counter[str]:
    """Programs about each opcode and about anything, estimated with plenty of gas; run with less, a block later."""
    machine, chance, seen = executor("py-evm"), random.Random(seed), Counter[str]()
    for name in [*single.NAMES, *["anything"] * 100] * count:
        anything = fuzz.Programs(chance, []).program()
        view = single.state(anything if name == "anything" else single.program(name, chance), chance)
        way = chance.choice([single.HERE, single.HERE, *single.PROXIES])
        call = transaction(view, way, chance.randbytes(chance.choice([0, 4, 40])), 1_000_000)
        call = call._replace(max_fee=0, tip=0)
        first = machine.execute(view, FIRST, call)
        peak = first.gas_used + first.refund
        for gas in (peak, peak + 1, peak + 2300, peak + 2400, peak + 100_000, chance.randrange(21_000, 1_000_000)):
            sent = call._replace(gas=gas)
            holds = gas >= sent.intrinsic_gas() and EstimatedOutcome(PARENT, call, first).holds(PARENT, sent, 0)
            seen["held" if holds else "not"] += 1
            if holds:
                seen[f"{name} held"] += 1
                seen["stored"] += bool(first.difference.storage)
                seen["gave back"] += first.refund > 0
                again = machine.execute(view, LATER, sent)
                for field in dataclasses.fields(Outcome):
                    if field.name != "least_gas":
                        assert getattr(again, field.name) == getattr(first, field.name), (name, gas, field.name)
    return seen


def test_what_is_estimated_comes_true() -> None:
    seen = rounds(6, 23)
    assert seen["held"] > 500 and seen["not"] > 500
    assert len(SAW) == 5 and not any(seen[f"{name} held"] for name in SAW)
    assert all(seen[f"{name} held"] for name in ("ADD", "SLOAD", "LOG1", "KECCAK256", "anything"))
    assert seen["stored"] > 50 and seen["gave back"] > 20


@pytest.mark.slow
def test_what_is_estimated_comes_true_10_times_as_often() -> None:
    assert rounds(30, 24)["held"] > 5_000


@pytest.mark.parametrize(
    "other",
    [
        {"nonce": 1},
        {"value": 1},
        {"data": b"\1"},
        {"to": bytes(20)},
        {"to": b""},
        {"sender": bytes(20)},
        {"access_list": ((bytes(20), ()),)},
        {"max_fee": 1},
        {"gas": 21_000},
        {"gas": 30_000_001},
    ],
)
def test_only_the_same_transaction_is_estimated(other: dict[str, Any]) -> None:
    view = single.state(asm(1, 0, "SSTORE STOP"), random.Random(1))
    call = transaction(view, single.HERE, b"", 30_000_000)._replace(max_fee=0, tip=0)
    estimated = EstimatedOutcome(PARENT, call, executor("py-evm").execute(view, FIRST, call))
    sent = call._replace(gas=100_000)
    assert estimated.holds(PARENT, sent, 0)
    assert not estimated.holds(PARENT, sent._replace(**other), 0)
    assert not estimated.holds(b"\2" * 32, sent, 0)
    assert not estimated.holds(PARENT, sent, 1)


CLOCK = asm("TIMESTAMP PUSH0 SSTORE STOP")
COUNTER = asm("PUSH0 SLOAD", 1, "ADD DUP1 PUSH0 SSTORE PUSH0 MSTORE", 32, "PUSH0 LOG0 STOP")


@pytest.mark.parametrize(("code", "runs"), [(COUNTER, 0), (CLOCK, 5)])
def test_a_chain_is_the_same_with_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: bytes, runs: int
) -> None:
    """The same transactions, estimated first or not: the same block hashes; and a replay runs them all again."""
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    hashes, ran = [], []
    for estimated in (False, True):
        place = tmp_path / f"{estimated}.db"
        with chain.create(place, chain_id=1337, allocation={OWNER.address: 10**18}, timestamp=1_600_000_000) as opened:
            rpc, executed = Rpc(opened), 0
            execute = opened.machine.execute

            def counted(*arguments: Any, execute: Any = execute) -> Outcome:
                nonlocal executed
                executed += 1
                return execute(*arguments)  # type: ignore[no-any-return]

            monkeypatch.setattr(opened.machine, "execute", counted)
            fields = {"chainId": 1337, "nonce": 0, "gas": 200_000, "gasPrice": 0, "value": 0}
            made = rpc.request("eth_sendRawTransaction", [_raw({**fields, "data": deploy(code)})])
            where = rpc.request("eth_getTransactionReceipt", [made])["contractAddress"]
            sending = 0
            for nonce in range(1, 6):
                if estimated:
                    rpc.request("eth_estimateGas", [{"from": OWNER.address, "to": where}, "latest"])
                before = executed
                rpc.request("eth_sendRawTransaction", [_raw({**fields, "nonce": nonce, "to": where})])
                sending += executed - before
            ran.append(sending)
            hashes.append([opened._require(n).hash for n in range(7)])
            assert opened.verify() == 6
    assert hashes[0] == hashes[1]
    assert ran == [5, runs]


def test_an_overridden_estimate_estimates_nothing(tmp_path: Path) -> None:
    with chain.create(tmp_path / "chain.db", chain_id=1337, allocation={OWNER.address: 10**18}) as opened:
        rpc = Rpc(opened)
        fields = {"chainId": 1337, "nonce": 0, "gas": 200_000, "gasPrice": 0, "value": 0}
        made = rpc.request("eth_sendRawTransaction", [_raw({**fields, "data": deploy(COUNTER)})])
        where = rpc.request("eth_getTransactionReceipt", [made])["contractAddress"]
        slots = {where: {"stateDiff": {"0x" + "00" * 32: "0x" + "00" * 31 + "63"}}}
        rpc.request("eth_estimateGas", [{"from": OWNER.address, "to": where}, "latest", slots])
        rpc.request("eth_sendRawTransaction", [_raw({**fields, "nonce": 1, "to": where})])
        assert int(rpc.request("eth_getStorageAt", [where, "0x0"]), 16) == 1


def _raw(fields: dict[str, Any]) -> str:
    fields = {**fields, "to": bytes.fromhex(fields["to"][2:])} if "to" in fields else fields
    return "0x" + bytes(OWNER.sign_transaction(fields).raw_transaction).hex()
