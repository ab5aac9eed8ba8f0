"""Where others reach a participant: what the registry may have, and what is found out."""

from __future__ import annotations

import pytest

from klopf.errors import PeersError, Unanswered
from klopf.peers._address import announced_host, own_address


@pytest.mark.parametrize(
    ("told", "announced"),
    [
        ("10.0.0.7", "10.0.0.7"), ("example.org", "example.org"), ("localhost", "localhost"),
        ("[2001:DB8:0::7]", "2001:db8::7"), ("2001:db8::7", "2001:db8::7"),
    ],
)  # fmt: skip
def test_names_and_addresses_are_announced_in_one_form(told: str, announced: str) -> None:
    assert announced_host(told) == announced


@pytest.mark.parametrize(
    "told",
    ["0.0.0.0", "::", "224.0.0.1", "fe80::1%eth0", "1.2.3", "10.0.0.7:80", "http://x", "a b", "-x", "x" * 300, "ü.de"],
)
def test_what_nobody_can_dial_is_one_line(told: str) -> None:
    with pytest.raises(PeersError) as refused:
        announced_host(told)
    assert "\n" not in str(refused.value)


def test_the_own_address_is_the_one_towards_the_node() -> None:
    assert own_address("/somewhere/ledger.sqlite") == own_address("http://127.0.0.1:8545") == "127.0.0.1"
    assert own_address("http://[::1]:8545") == "::1"
    with pytest.raises(Unanswered, match="no way to"):
        own_address("http://nowhere.invalid:8545")
