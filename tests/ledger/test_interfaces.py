"""Contracts know one another by interfaces: each has one, all of it is documented, and no circle of imports is left."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LIBRARIES_WITH_NOTHING_ADDED = {"Forwarder", "KlopfGovernor", "Timelock", "Proxy", "Upgradeable"}
"""OpenZeppelin's contracts, whose interfaces are OpenZeppelin's."""


def sources(contracts: Path) -> dict[str, str]:
    """Text by file name without its ending."""
    return {path.stem: path.read_text() for path in (contracts / "src").rglob("*.sol")}


def imports(text: str) -> set[str]:
    """Our own files that a file imports."""
    return {Path(place).stem for place in re.findall(r'^import [^;]*"(\.[^"]+)";', text, re.M)}


def test_no_circle_of_imports_is_left(contracts: Path) -> None:
    wanted = {name: imports(text) for name, text in sources(contracts).items()}
    while wanted:
        free = {name for name, needs in wanted.items() if not needs & set(wanted)}
        assert free, f"these import one another in a circle: {sorted(wanted)}; let an interface cut it"
        wanted = {name: needs for name, needs in wanted.items() if name not in free}


def test_a_contract_imports_interfaces_and_what_it_is_made_of(contracts: Path) -> None:
    texts = sources(contracts)
    for name, text in texts.items():
        made_of = set(
            re.findall(r"\w+", " ".join(re.findall(rf"^(?:abstract )?contract {name} is ([^{{]*)", text, re.M)))
        )
        for other in imports(text):
            is_contract = re.search(rf"^(?:abstract )?contract {other}\b", texts[other], re.M) is not None
            assert not is_contract or other in made_of, f"{name} imports the contract {other}; import I{other}"


def test_every_contract_has_its_interface(contracts: Path) -> None:
    texts = sources(contracts)
    for text in texts.values():
        for name, bases in re.findall(r"^(?:abstract )?contract (\w+)(?: is ([^{]*))?", text, re.M):
            if name not in LIBRARIES_WITH_NOTHING_ADDED:
                assert re.search(rf"\binterface I{name}\b", texts.get(f"I{name}", "")), f"{name} has no I{name}.sol"
                assert f"I{name}" in bases, f"{name} is no I{name}"


def test_every_function_is_in_the_interface_and_documented(contracts: Path) -> None:
    for name, text in sources(contracts).items():
        for function in re.findall(r"^    function \w+\([^)]*\)[^{;]*", text, re.M):
            if f"interface {name} " in text or "external" not in function:
                continue
            above = text[: text.index(function)].rstrip().splitlines()[-1]
            assert re.search(r"@inheritdoc I|@notice", above) or "override" in function, f"{name}: {function.strip()}"


@pytest.mark.parametrize("kind", ["function", "event", "error"])
def test_every_interface_says_what_it_means(kind: str, contracts: Path) -> None:
    for name, text in sources(contracts).items():
        if not re.search(rf"^interface {name}\b", text, re.M):
            continue
        for doc, said, inside in re.findall(rf"((?:^    ///[^\n]*\n)*)^    {kind} (\w+)\(([^)]*)\)", text, re.M):
            assert "@notice" in doc, f"{name}.{said} has no @notice"
            for parameter in filter(None, (part.split()[-1:] for part in inside.split(","))):
                named = parameter[0] if not re.fullmatch(r"u?int\d*|bool|address|bytes\d*", parameter[0]) else None
                assert named is None or f"@param {named} " in doc, f"{name}.{said} does not document {named}"


def test_what_is_addressed_in_a_pack_is_in_a_pack_that_it_stands_on(contracts: Path) -> None:
    """What a constructor cannot do without (``addressOf``) is of its own pack, or of one that its pack requires."""
    from klopf.ledger._deployment import created_by
    from klopf.ledger._pack import PACKS

    for pack in PACKS.shipped:
        if PACKS.origin(pack) != "klopf":
            continue
        stands_on = {name for other in (pack, *PACKS.load(pack).requires) for name in created_by(other)}
        for path in (contracts / "src" / pack).glob("*.sol"):
            for name in re.findall(r'addressOf\("(\w+)"\)', path.read_text()):
                assert name in stands_on, f"{path.stem} of {pack} needs {name}"
