"""The same transactions through several machines: py-evm, the executable specification, and anvil.

What must agree: status, gas, logs, return data, and every balance, nonce, code and slot.
"""

from __future__ import annotations

import http.client
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from klopf import chain
from klopf.chain._transaction import Transaction
from klopf.chain._values import Environment, Outcome
from klopf.chain.machine._executor import Executor, executor
from klopf.errors import ChainError
from tests.chain.evm import asm
from tests.chain.machine import fuzz, single

FIELDS = ("status", "gas_used", "logs", "output", "created", "difference", "reverted", "refund")


@pytest.fixture(scope="module")
def machines() -> tuple[Executor, Executor]:
    try:
        return executor("py-evm"), executor("ethereum-execution")
    except ChainError as error:
        pytest.skip(str(error))


def same(
    machines: tuple[Executor, Executor], view: Any, environment: Environment, transaction: Transaction, what: str
) -> Outcome:
    """Run on both and compare everything."""
    ours, oracle = (machine.execute(view, environment, transaction) for machine in machines)
    for name in FIELDS:
        assert getattr(ours, name) == getattr(oracle, name), f"{what}: {name} differs ({ours.error}, {oracle.error})"
    return ours


def run_scenarios(machines: tuple[Executor, Executor], seeds: range, length: int = 20) -> Counter[str]:
    """Random transactions through both machines; returns what happened in them."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        scenario = fuzz.scenario(seed, length, base_fee=seed % 3)
        state = scenario.genesis()
        for i in range(length):
            transaction = scenario.next(state)
            environment = fuzz.environment(i + 1, 1_700_000_000 + i, scenario.base_fee)
            outcome = same(machines, state, environment, transaction, f"seed {seed}, transaction {i}")
            state.apply(outcome.difference)
            scenario.learn(outcome.created, outcome.status)
            seen["transactions"] += 1
            seen["failures"] += not outcome.status
            seen["reverts"] += outcome.reverted
            seen["out of gas"] += outcome.error == "OutOfGas"
            seen["events"] += len(outcome.logs)
            seen["creations"] += outcome.created is not None and outcome.status
            seen["codes"] += len(outcome.difference.codes)
            seen["slots"] += len(outcome.difference.storage)
            seen["refunds"] += outcome.refund > 0
    return seen


def test_400_random_transactions_agree_with_the_specification(machines: tuple[Executor, Executor]) -> None:
    seen = run_scenarios(machines, range(20))
    assert seen["transactions"] == 400
    for kind in ("reverts", "out of gas", "events", "creations", "slots"):
        assert seen[kind] >= 5, f"too few {kind} to mean anything: {seen}"


@pytest.mark.slow
def test_10000_random_transactions_agree_with_the_specification(machines: tuple[Executor, Executor]) -> None:
    seen = run_scenarios(machines, range(1000, 1500))
    print(dict(seen))
    assert seen["transactions"] == 10_000 and seen["refunds"] > 20


def run_single(machines: tuple[Executor, Executor], seed: int, rounds: int) -> Counter[str]:
    """Programs about each opcode: with plenty of gas, with exactly enough, and with one less than enough."""
    seen: Counter[str] = Counter()
    chance = random.Random(seed)
    for name in single.NAMES:
        for n in range(rounds):
            code = single.program(name, chance)
            view = single.state(code, chance)
            environment = fuzz.environment(100, 1_700_000_000, 7)
            data = chance.randbytes(chance.choice([0, 4, 33]))
            way = [single.HERE, *single.PROXIES][n % 5]  # straight, and through every kind of call
            gas = 8_000_000 if name.startswith("CREATE") else 400_000  # the longest code takes 4.9 million
            plenty = transaction(view, way, data, gas, value=chance.choice([0, 0, 3]))
            outcome = same(machines, view, environment, plenty, f"{name} {n} of seed {seed}: {code.hex()}")
            peak = outcome.gas_used + outcome.refund
            for gas in (peak, peak - 1, chance.randrange(plenty.intrinsic_gas(), peak + 1)):
                if gas >= plenty.intrinsic_gas():
                    short = plenty._replace(gas=gas)
                    same(machines, view, environment, short, f"{name} {n} of seed {seed} with {gas} gas: {code.hex()}")
                    seen["programs"] += 1
            seen["programs"] += 1
            inner = way == single.HERE or outcome.output[:32] == single.word(1)
            seen[f"{name} ended well"] += outcome.status and inner
    return seen


def transaction(view: fuzz.Memory, to: bytes, data: bytes, gas: int, value: int = 0) -> Transaction:
    """A call from SENDER that pays a tip of 1."""
    return Transaction(
        kind=2,
        chain_id=fuzz.CHAIN_ID,
        nonce=view.account(single.SENDER).nonce,
        gas=gas,
        max_fee=10,
        tip=1,
        to=to,
        value=value,
        data=data,
        access_list=(),
        sender=single.SENDER,
    )


def run_precompiles(machines: tuple[Executor, Executor], seed: int, rounds: int) -> int:
    """Each precompile with right, nearly right and random input, straight and with too little gas."""
    chance = random.Random(seed)
    count = 0
    for number in range(1, 11):
        # a pairing takes py_ecc (behind both machines) a second, a point evaluation the specification as long
        for n in range(max(1, rounds // 20) if number in (8, 10) else rounds):
            data = single.precompile_input(number, chance)
            view = single.state(b"", chance)
            environment = fuzz.environment(100, 1_700_000_000, 0)
            call = transaction(view, number.to_bytes(20, "big"), data, 30_000_000 if n % 4 else 60_000)
            same(machines, view, environment, call, f"precompile {number}, {n} of seed {seed}: {data.hex()}")
            count += 1
    return count


@pytest.mark.long
def test_every_opcode_agrees_with_the_specification(machines: tuple[Executor, Executor]) -> None:
    seen = run_single(machines, seed=1, rounds=5)
    assert seen["programs"] > 15 * len(single.NAMES)


def test_every_precompile_agrees_with_the_specification(machines: tuple[Executor, Executor]) -> None:
    assert run_precompiles(machines, seed=1, rounds=6) > 40


def compare_code(machines: tuple[Executor, Executor], code: bytes, what: str) -> Outcome:
    """A program at HERE, straight."""
    view = single.state(code, random.Random(1))
    call = transaction(view, single.HERE, b"", 200_000)
    return same(machines, view, fuzz.environment(100, 1_700_000_000, 0), call, f"{what}: {code.hex()}")


def test_every_opcode_on_every_short_stack(machines: tuple[Executor, Executor]) -> None:
    end = asm("MSIZE PUSH0 MSTORE8")
    for opcode in range(256):
        for height in range(18 if 0x80 <= opcode <= 0x9F else 8):
            compare_code(machines, asm(*[1] * height) + bytes([opcode]) + end, f"height {height}")


def test_what_puts_a_word_on_a_full_stack(machines: tuple[Executor, Executor]) -> None:
    names = [name for name, takes in fuzz.TAKES.items() if takes == 0] + ["DUP1", "DUP16", "SWAP16", "POP", "JUMPDEST"]
    for code in [asm(name) for name in names] + [asm(5), asm(2**64), asm(2**255)]:
        grows = code[0] not in (0x9F, 0x50, 0x5B)
        for height in (1023, 1024):
            outcome = compare_code(machines, asm("PUSH0") * height + code, f"height {height}")
            assert outcome.status is not (grows and height == 1024)


def test_every_jump(machines: tuple[Executor, Executor]) -> None:
    tail = asm("JUMPDEST STOP", b"\x5b\x60\x5b", "JUMPDEST POP STOP", b"\x5b" * 32, "JUMPDEST JUMPDEST STOP")
    tail += b"\x63\x5b\x5b"  # a push that is cut off
    good = 0
    for target in [*range(36 + len(tail) + 3), 2**64, 2**256 - 1]:
        for kind in ("JUMP", "JUMPI"):
            code = asm(1, target.to_bytes(32, "big"), kind) + tail
            good += compare_code(machines, code, f"{kind} to {target}").status
    assert good == 4 + 3  # JUMPI leaves nothing for the POP


def test_creations_around_the_limit_of_their_code(machines: tuple[Executor, Executor]) -> None:
    for name in ("CREATE", "CREATE2"):
        for size in (49_151, 49_152, 49_153, 60_000):
            for value in (0, 2**200):
                code = asm(*[7] * (name == "CREATE2"), size, 0, value, name)
                compare_code(machines, code, f"{size} bytes, {value} wei")


@pytest.mark.slow
def test_5000_programs_of_one_opcode_agree_with_the_specification(machines: tuple[Executor, Executor]) -> None:
    seen = run_single(machines, seed=2, rounds=20)
    print(seen["programs"], "programs")
    assert seen["programs"] >= 5000
    never = [name for name in single.NAMES if not seen[f"{name} ended well"]]
    assert set(never) == {"INVALID", "REVERT", "UNDEFINED"}
    assert run_precompiles(machines, seed=2, rounds=150) > 1000


def test_a_program_that_cannot_tell_its_gas_does_the_same_with_just_enough(machines: tuple[Executor, Executor]) -> None:
    """What ``Outcome.least_gas`` promises, and an estimate of gas relies on."""
    machine, chance, told = machines[0], random.Random(17), Counter[str]()
    for name in single.NAMES * 3:
        view = single.state(single.program(name, chance), chance)
        environment = fuzz.environment(100, 1_700_000_000, 0)
        data = chance.randbytes(40)
        full = machine.execute(view, environment, transaction(view, single.HERE, data, 400_000))
        peak = full.gas_used + full.refund
        promised = full.least_gas - (400_000 - peak) > 2300
        told["promised" if promised else "not"] += 1
        if promised:
            tight = machine.execute(view, environment, transaction(view, single.HERE, data, peak))
            assert (tight.status, tight.gas_used, tight.output) == (full.status, full.gas_used, full.output), name
            assert (tight.logs, tight.difference.storage) == (full.logs, full.difference.storage), name
            short = machine.execute(view, environment, transaction(view, single.HERE, data, peak - 1))
            assert not short.status or peak == 21_000, name
    assert min(told.values()) > 50


def test_a_difference_would_be_found(machines: tuple[Executor, Executor]) -> None:
    class Wrong:
        """The right machine with one gas too much for every storage of a zero."""

        name = "wrong"

        def execute(self, view: Any, environment: Environment, transaction: Transaction) -> Outcome:
            outcome = machines[0].execute(view, environment, transaction)
            if 0 in outcome.difference.storage.values():
                outcome.gas_used += 1
            return outcome

    with pytest.raises(AssertionError, match="gas_used differs"):
        run_scenarios((Wrong(), machines[1]), range(20))


def test_a_whole_chain_replays_on_the_other_machine(machines: tuple[Executor, Executor], tmp_path: Path) -> None:
    scenario = fuzz.scenario(7, 40)
    allocation = {"0x" + address.hex(): 10**20 for address in scenario.addresses}
    with chain.create(tmp_path / "chain.db", chain_id=fuzz.CHAIN_ID, allocation=allocation) as opened:
        for _ in range(40):
            view: Any = opened._store.view(opened.height)
            made = scenario.next(view)
            key = fuzz.SENDERS[scenario.addresses.index(made.sender)]
            sent = opened.send(fuzz.signed(key, made))
            block = opened._store.block_of_transaction(sent)
            assert block is not None
            scenario.learn(block.created, bool(block.status))
        assert opened.verify() == 40
        assert opened.verify(machine="ethereum-execution") == 40


@pytest.mark.parametrize("kind", ["CALL", "DELEGATECALL", "STATICCALL"])
def test_calls_as_deep_as_they_may_be(machines: tuple[Executor, Executor], kind: str) -> None:
    value = ["PUSH0"] if kind == "CALL" else []
    # passes the depth on as call data, and returns the deepest that was reached
    code = asm("PUSH0 CALLDATALOAD", 1, "ADD PUSH0 MSTORE", 32, 32, 32, "PUSH0", *value, single.HERE, "GAS", kind)
    code += asm(32, "MLOAD DUP1 ISZERO MUL POP", 32, "MLOAD DUP1 PUSH0 MLOAD GT", 0, "MSTORE8", 32, 32, "RETURN")
    view = single.state(code, random.Random(0))
    call = transaction(view, single.HERE, b"", 10**14)
    view.accounts[single.SENDER] = view.accounts[single.SENDER]._replace(balance=10**18)
    assert same(machines, view, fuzz.environment(100, 1, 0), call, kind).status


def test_calls_stop_at_depth_1024() -> None:
    count = asm("PUSH0 SLOAD", 1, "ADD PUSH0 SSTORE PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL STOP")
    view = single.state(count, random.Random(0))
    view.slots.clear()
    view.accounts[single.SENDER] = view.accounts[single.SENDER]._replace(balance=10**18)
    outcome = executor("py-evm").execute(view, fuzz.environment(100, 1, 0), transaction(view, single.HERE, b"", 10**14))
    assert outcome.difference.storage == {(single.HERE, 0): 1025}


def test_the_oracle_can_run_a_chain(machines: tuple[Executor, Executor], tmp_path: Path) -> None:
    scenario = fuzz.scenario(11, 5)
    allocation = {"0x" + address.hex(): 10**20 for address in scenario.addresses}
    chain.create(tmp_path / "chain.db", chain_id=fuzz.CHAIN_ID, allocation=allocation).close()
    with chain.open(tmp_path / "chain.db", machine="ethereum-execution") as opened:
        for _ in range(5):
            made = scenario.next(cast(Any, opened._store.view(opened.height)))
            opened.send(fuzz.signed(fuzz.SENDERS[scenario.addresses.index(made.sender)], made))
        assert opened.verify(machine="py-evm") == 5


class Node:
    """anvil by raw JSON-RPC over one connection."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def many(self, *requests: tuple[str, list[Any]]) -> list[Any]:
        """Several requests in one batch; their answers."""
        body = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(requests)]
        self.connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answers = json.loads(self.connection.getresponse().read())
        for answer in answers:
            assert "error" not in answer, answer
        return [answer["result"] for answer in sorted(answers, key=lambda answer: answer["id"])]

    def one(self, method: str, *params: Any) -> Any:
        return self.many((method, list(params)))[0]


def h(data: bytes) -> str:
    return "0x" + data.hex()


class Beside:
    """Our machine and a fresh anvil, given the same signed transactions in blocks of the same number and time."""

    def __init__(self, node: Node, scenario: fuzz.Scenario) -> None:
        self.node, self.scenario = node, scenario
        self.machine = executor("py-evm")
        self.state = scenario.genesis()
        self.number = 0
        node.one("anvil_reset")
        node.one("anvil_setNextBlockBaseFeePerGas", "0x0")
        node.many(*(("anvil_setBalance", [h(a), hex(10**20)]) for a in scenario.addresses))
        self.start = int(node.one("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def send(self, made: Transaction, what: str) -> Outcome:
        """One transaction through both; compares all that can be seen."""
        node, scenario = self.node, self.scenario
        self.number += 1
        timestamp = self.start + 10 + self.number
        raw = fuzz.signed(fuzz.SENDERS[scenario.addresses.index(made.sender)], made)
        node.one("evm_setNextBlockTimestamp", hex(timestamp))
        sent = node.one("eth_sendRawTransaction", h(raw))
        while (receipt := node.one("eth_getTransactionReceipt", sent)) is None:
            time.sleep(0.0005)  # anvil answers before the block is there
        trace, block = node.many(
            ("debug_traceTransaction", [sent, {"tracer": "callTracer"}]),
            ("eth_getBlockByNumber", [receipt["blockNumber"], False]),
        )
        assert (int(block["number"], 16), int(block["timestamp"], 16)) == (self.number, timestamp), what
        assert (block["miner"], int(block["gasLimit"], 16)) == (h(bytes(20)), fuzz.GAS_LIMIT), what
        ours = self.machine.execute(self.state, fuzz.environment(self.number, timestamp), made)
        logs = [(bytes.fromhex(g["address"][2:]), *_log(g)) for g in receipt["logs"]]
        assert receipt["status"] == hex(ours.status), what
        assert int(receipt["gasUsed"], 16) == ours.gas_used, what
        assert logs == [tuple(log) for log in ours.logs], what
        assert receipt["contractAddress"] in (None, ours.created and h(ours.created)), what
        if made.to or not ours.status:  # a creation's output is its code, which is compared below
            assert (trace.get("output") or "0x") == h(ours.output), what
        _same_state(node, ours, what)
        self.state.apply(ours.difference)
        scenario.learn(ours.created, ours.status)
        return ours


def run_against_anvil(url: str, seeds: range, length: int) -> int:
    """Random transactions through our machine and through anvil; returns how many."""
    node, count = Node(url), 0
    for seed in seeds:
        beside = Beside(node, fuzz.scenario(seed, length, anywhere=False))
        for i in range(length):
            beside.send(beside.scenario.next(beside.state), f"seed {seed}, transaction {i}")
            count += 1
    return count


def run_precompiles_against_anvil(url: str, seed: int, rounds: int) -> int:
    """Each precompile, called by a transaction, on both; returns how many."""
    beside = Beside(Node(url), fuzz.scenario(seed, 0))
    chance, count = random.Random(seed), 0
    sender = beside.scenario.addresses[0]
    for number in range(1, 11):
        for n in range(max(1, rounds // 20) if number == 8 else rounds):
            data = single.precompile_input(number, chance)
            made = transaction(beside.state, number.to_bytes(20, "big"), data, chance.choice([29_000_000, 60_000]))
            made = made._replace(sender=sender, nonce=beside.state.account(sender).nonce, max_fee=0, tip=0)
            beside.send(made, f"precompile {number}, {n} of seed {seed}: {data.hex()}")
            count += 1
    return count


def _log(log: dict[str, Any]) -> tuple[tuple[bytes, ...], bytes]:
    return tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]), bytes.fromhex(log["data"][2:])


def _same_state(node: Node, ours: Outcome, what: str) -> None:
    asked: list[tuple[str, list[Any]]] = []
    expected: list[Any] = []
    for address, account in ours.difference.accounts.items():
        asked += [("eth_getBalance", [h(address), "latest"]), ("eth_getTransactionCount", [h(address), "latest"])]
        expected += [account.balance, account.nonce]
        if account.code_hash in ours.difference.codes:
            asked.append(("eth_getCode", [h(address), "latest"]))
            expected.append(int.from_bytes(b"\1" + ours.difference.codes[account.code_hash], "big"))
    for (address, slot), value in ours.difference.storage.items():
        asked.append(("eth_getStorageAt", [h(address), hex(slot), "latest"]))
        expected.append(value)
    if asked:
        answers = node.many(*asked)
        found = [
            int("0x01" + a[2:], 16) if m == "eth_getCode" else int(a, 16)
            for (m, _), a in zip(asked, answers, strict=True)
        ]
        assert found == expected, what


def test_60_random_transactions_agree_with_anvil(anvil: Any) -> None:
    assert run_against_anvil(anvil.url, range(3), 20) == 60


@pytest.mark.slow
def test_5000_random_transactions_agree_with_anvil(anvil: Any) -> None:
    assert run_against_anvil(anvil.url, range(2000, 2250), 20) == 5000
    assert run_precompiles_against_anvil(anvil.url, seed=3, rounds=100) > 800
