"""The official state tests for cancun, where a copy of them is at hand; see ``official.py``."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from eth_account import Account
from eth_hash.auto import keccak

from klopf.chain.machine._executor import executor
from tests.chain.machine.official import Case, World, cases, play

HOURS = ("CALLBlake2f_MaxRounds", "static_Call50000", "vmPerformance", "stQuadraticComplexityTest")  # in Python
LEFT_OUT = ("blob", "unreachable", "long")  # the chain refuses blob transactions; see is_reachable


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_official_state_tests_pass() -> None:
    named = os.environ.get("KLOPF_STATE_TESTS")
    if not named:
        pytest.skip("set KLOPF_STATE_TESTS to the folder GeneralStateTests of github.com/ethereum/tests")
    machine, wrong, count = executor(), [], Counter[str]()
    for case in cases(Path(named)):
        said = "long" if any(part in case.name for part in HOURS) else play(case, machine)
        count[said if said in LEFT_OUT else "wrong" if said else "passed"] += 1
        if said and said not in LEFT_OUT:
            wrong.append(f"{case.name}: {said}")
    print(dict(count))
    assert count["passed"] > 100 and not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("nonce", "said"), [(2**64 - 2, ""), (2**64 - 1, "refused: nonce 18446744073709551615 is the")]
)
def test_a_case_as_they_are_written(nonce: int, said: str) -> None:
    """A transfer by an account at its last nonce and at the one before, with the right outcome and with a wrong one."""
    owner, other = Account.from_key(b"\x05" * 32), "0x" + "77" * 20
    fields = {"chainId": 1, "nonce": nonce, "gas": 21_000, "gasPrice": 10, "to": other, "value": 3}
    pre = {owner.address: {"nonce": hex(nonce), "balance": hex(10**18), "code": "0x", "storage": {}}}
    env = {f"current{name}": "0x1" for name in ("Number", "Timestamp", "Difficulty")}
    env |= {"currentGasLimit": "0x1000000", "currentBaseFee": "0xa", "currentCoinbase": "0x" + "cc" * 20}
    left = 10**18 - 21_000 * 10 - 3
    after = {
        owner.address: {**pre[owner.address], "nonce": hex(nonce + 1), "balance": hex(left)},
        other: {"nonce": "0x0", "balance": "0x3", "code": "0x", "storage": {}},
    }
    raw = owner.sign_transaction(fields).raw_transaction
    post = {"txbytes": raw.hex(), "logs": keccak(b"\xc0").hex(), "hash": World(after).root().hex()}
    assert play(Case("", {"env": env, "pre": pre}, post), executor()).startswith(said)
    if not said:
        assert play(Case("", {"env": env, "pre": pre}, post), executor()) == ""
        assert play(Case("", {"env": env, "pre": pre}, post | {"hash": "00" * 32}), executor()) == "another state"
        assert (
            play(Case("", {"env": env, "pre": pre}, post | {"expectException": "x"}), executor())
            == "accepted, though x"
        )
