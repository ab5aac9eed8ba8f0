"""Calls that our own loop runs alone come to the same as with all of py-evm's objects around it."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pytest

from klopf.chain._transaction import Transaction
from klopf.chain._values import Outcome
from klopf.chain.machine import _light
from klopf.chain.machine._pyevm import PyEvm, _State
from klopf.chain.machine._recursion import deep
from tests.chain.evm import asm
from tests.chain.machine import fuzz, single

ENVIRONMENT = fuzz.environment(100, 1_700_000_000)  # for who pays nothing the base fee is 0


def call(data: bytes, gas: int) -> Transaction:
    """A call as ``eth_call`` makes it: nobody signed, no wei, no fee."""
    return Transaction(
        kind=2,
        chain_id=fuzz.CHAIN_ID,
        nonce=3,
        gas=gas,
        max_fee=0,
        tip=0,
        to=single.HERE,
        value=0,
        data=data,
        access_list=(),
        sender=single.SENDER,
    )


def both(code: bytes, chance: random.Random, data: bytes, gas: int) -> tuple[Outcome | None, Outcome]:
    view, wanted = single.state(code, chance), call(data, gas)
    with deep:
        full = PyEvm._run(_State(view, ENVIRONMENT), wanted)[0]
    return _light.light(view, wanted), full


def compare(seed: int, rounds: int) -> Counter[str]:
    chance, seen = random.Random(seed), Counter[str]()
    for name in single.NAMES:
        for n in range(rounds):
            code, data = single.program(name, chance), chance.randbytes(chance.choice([0, 4, 33, 68]))
            gas = 400_000
            while True:
                _light._heavy.clear()
                ours, full = both(code, random.Random(n), data, gas)
                if ours is None:
                    seen["not ours"] += 1
                    break
                for field in dataclasses.fields(Outcome):
                    mine, theirs = getattr(ours, field.name), getattr(full, field.name)
                    assert mine == theirs, f"{name} {n} of seed {seed}, {gas} gas: {field.name} differs: {code.hex()}"
                seen["well" if ours.status else str(ours.error)] += 1
                gas = chance.choice([full.gas_used, full.gas_used - 1]) if gas == 400_000 else 0
                if gas < call(data, 0).intrinsic_gas():
                    break
    return seen


def test_light_and_whole_agree() -> None:
    seen = compare(seed=1, rounds=4)
    assert min(seen["well"], seen["OutOfGas"], seen["not ours"]) > 50, seen
    assert seen["Revert"] and seen["InsufficientStack"], seen


@pytest.mark.slow
def test_light_and_whole_agree_20_times_as_often() -> None:
    assert compare(seed=2, rounds=80)["well"] > 2000


def test_what_takes_the_whole_machine_is_remembered_by_the_function_called() -> None:
    # the first byte of the call decides: a slot is returned, or the address, which is py-evm's to tell
    code = asm("PUSH0 CALLDATALOAD", 248, "SHR", 16, "JUMPI PUSH0 SLOAD PUSH0 MSTORE", 32, "PUSH0 RETURN JUMPDEST")
    code += asm("ADDRESS PUSH0 MSTORE", 32, "PUSH0 RETURN")
    assert code[16] == 0x5B
    _light._heavy.clear()
    for data, ours in ((bytes(4), True), (b"\1" + bytes(3), False), (bytes(4), True)):
        light, full = both(code, random.Random(1), data, 100_000)
        assert (light is not None) == ours and full.status
        assert light is None or light.output == full.output
    assert len(_light._heavy) == 1


@pytest.mark.parametrize("other", [{"value": 1}, {"max_fee": 7}, {"to": b""}, {"to": bytes(19) + b"\1"}, {"raw": b"x"}])
def test_only_plain_calls_are_light(other: dict[str, object]) -> None:
    view = single.state(asm("STOP"), random.Random(1))
    assert _light.light(view, call(b"", 100_000)) is not None
    assert _light.light(view, call(b"", 100_000)._replace(**other)) is None  # type: ignore[arg-type]
