"""A number that is out of its range is refused with the range."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode

from klopf.ledger._abi import error_text, keccak
from klopf.ledger._ranges import RANGES

SOURCES = Path(__file__).parents[2] / "contracts" / "src"


def test_every_number_that_a_contract_refuses_by_name_has_its_range() -> None:
    refused = {
        name for file in SOURCES.rglob("*.sol") for name in re.findall(r'OutOfRange\("(\w+)"\)', file.read_text())
    }
    assert refused == set(RANGES)


@pytest.mark.parametrize("name", [*RANGES, "unknownYet"])
@pytest.mark.parametrize("error", ["OutOfRange", "TermOutOfRange"])
def test_it_is_in_the_line(name: str, error: str) -> None:
    told = error_text(keccak(f"{error}(string)".encode())[:4] + encode(["string"], [name]))
    assert told[0] == error
    assert told[1].startswith(f"{error}(")
    assert name not in RANGES or told[1].endswith(f": choose {RANGES[name]}")
