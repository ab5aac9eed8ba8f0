"""What a contract refuses is said with what to do instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from klopf.ledger._abi import artifact, shipped
from klopf.ledger._advice import ADVICE

SOURCES = Path(__file__).parents[2] / "contracts" / "src"
WITH_RANGES = {"OutOfRange", "TermOutOfRange"}
"""Each name has its own (``_ranges``)."""
FINANCE = sorted({name for f in SOURCES.glob("finance/I*.sol") for name in re.findall(r"error (\w+)\(", f.read_text())})


@pytest.mark.parametrize("name", FINANCE)
def test_whatever_finance_refuses_has_its_advice(name: str) -> None:
    assert name in ADVICE or name in WITH_RANGES


def test_no_advice_is_about_an_error_that_no_contract_has() -> None:
    known = {error.name for name in shipped() for error in artifact(name).errors.values()}
    assert known >= set(ADVICE)
