"""The official state tests for cancun, where a copy of them is at hand; see ``official.py``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from klopf.chain._executor import executor
from tests.chain.official import cases, play


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_official_state_tests_pass() -> None:
    named = os.environ.get("KLOPF_STATE_TESTS")
    if not named:
        pytest.skip("set KLOPF_STATE_TESTS to the folder GeneralStateTests of github.com/ethereum/tests")
    machine, wrong, passed, blobs = executor(), [], 0, 0
    for case in cases(Path(named)):
        said = play(case, machine)
        blobs += said == "blob"
        passed += not said
        if said not in ("", "blob"):
            wrong.append(f"{case.name}: {said}")
    print(f"{passed} passed, {blobs} about blob transactions, which the chain refuses, left out")
    assert passed > 100 and not wrong, "\n".join(wrong)
