"""Does a pack of contracts keep its promises?"""

from __future__ import annotations

import ast
import inspect
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from eth_abi.abi import encode

from klopf import chain, ledger
from klopf.checks._promise import derived, promise
from klopf.errors import ExtensionError
from klopf.ledger._abi import EventABI
from klopf.ledger._pack import contracts, pack_called
from klopf.ledger._rpc import Rpc
from klopf.ledger.packs import PACKS, Contract, Event, Pack, Replay

__all__ = ["check_pack"]

_ABSTRACT = len(fields(Event))  # fields of every event, that say where it stands


def check_pack(pack: type[Pack]) -> None:
    """Check a pack of contracts: what it says of them, and that ``verify`` accounts for them in a network.

    Raises:
        AssertionError: one line that says which promise is broken and how to mend it.
    """
    derived(pack, Pack, "check_pack")
    with promise(pack.__name__, pack):
        _check_names(pack)
        for contract in pack.contracts:
            with promise(f"{pack.__name__}: {contract.name}", contract):
                _check_events(contract)
                _check_replay(contract)
                _check_client(contract)
        contracts.cache_clear()  # what others found before the pack was there
        _check_network(pack)


def _check_names(pack: type[Pack]) -> None:
    """A name by which it is found, and contracts whose names nobody else has."""
    name = getattr(pack, "name", "")
    assert name and name == name.lower() and name.isascii(), (
        f"{pack.__name__}.name is {name!r}: give a name in lower-case letters, such as 'rounds'"
    )
    try:
        found = PACKS.load(name)
    except ExtensionError as error:
        raise AssertionError(
            f"the pack {name!r} cannot be found ({error}): name it in pyproject.toml under "
            f'[project.entry-points."{PACKS.group}"]: {name} = "{pack.__module__}:{pack.__qualname__}"'
        ) from None
    assert found is pack, f"the entry point {name!r} leads to {found.__module__}:{found.__qualname__}, not to this pack"
    assert getattr(pack, "contracts", None), f"{pack.__name__}.contracts is empty: name the classes of its contracts"
    others = {c.name: other for other in PACKS if other != name for c in _contracts(other)}
    for contract in pack.contracts:
        derived(contract, Contract, f"{pack.__name__}.contracts")
        assert contract.name not in others, (
            f"the pack {others.get(contract.name)!r} has a contract called {contract.name} too: choose another name"
        )
    try:
        pack_called(name)
    except ExtensionError as error:
        raise AssertionError(str(error)) from None
    assert set(pack.requires) <= set(PACKS), (
        f"{pack.__name__}.requires names {sorted(set(pack.requires) - set(PACKS))}, which nobody has"
    )
    assert name not in _needs(name), (
        f"{pack.__name__}.requires leads back to {name!r} by way of {', '.join(pack.requires)}: no network could ever "
        "have either; let one of them do without"
    )


def _needs(name: str) -> set[str]:
    """All packs that one stands on, at any remove."""
    found: set[str] = set()
    left = [name]
    while left:
        try:
            more = set(pack_called(left.pop()).requires) - found
        except ExtensionError:
            continue
        found |= more
        left += more
    return found


def _contracts(name: str) -> tuple[type[Contract], ...]:
    try:
        return pack_called(name).contracts
    except ExtensionError:
        return ()


def _check_events(contract: type[Contract]) -> None:
    """A dataclass for each event in the ABI, with as many fields, of the same types in the same order."""
    said = {abi.name: abi for abi in contract.artifact().events.values()}
    known = {kind.__name__: kind for kind in contract.events}
    missing, extra = (", ".join(sorted(names)) for names in (set(said) - set(known), set(known) - set(said)))
    assert not missing, (
        f"{contract.name} says {missing}, for which {contract.__name__}.events has no class: add a frozen dataclass of "
        "that name, a subclass of Event"
    )
    assert not extra, (
        f"{contract.__name__}.events has {extra}, which {contract.name} never says: call an event as the contract does"
    )
    for name, kind in known.items():
        own = fields(kind)[_ABSTRACT:]
        hints = get_type_hints(kind)
        wanted = [(field, _as_topic(type_) if indexed else type_) for field, type_, indexed in said[name].fields]
        assert len(own) == len(wanted), (
            f"{contract.name}.{name} has {len(wanted)} fields ({', '.join(f for f, _ in wanted)}), its class has "
            f"{len(own)}: give it one for each, in their order"
        )
        _check_order(f"{contract.name}.{name}", [mine.name for mine in own], [field for field, _ in wanted])
        if kind.read.__func__ is not Event.read.__func__:  # type: ignore[attr-defined]
            continue  # it makes its own types of what the contract says
        for mine, (field, type_) in zip(own, wanted, strict=True):
            assert _fits(hints[mine.name], type_), (
                f"{contract.name}.{name}: {field} is a {type_} in the contract, which {mine.name} of its class is not"
            )
    fields_ = {field.name for kind in known.values() for field in fields(kind)[_ABSTRACT:]}
    for participant in contract.participants:
        assert participant in fields_, (
            f"{contract.__name__}.participants names {participant!r}, which is no field of its events"
        )


def _check_order(where: str, own: list[str], wanted: list[str]) -> None:
    """A class may call a field otherwise than the contract, but not as the contract calls another one."""
    mine, said = ([name.replace("_", "").lower() for name in names] for names in (own, wanted))
    for at, name in enumerate(mine):
        assert name == said[at] or name not in said, (
            f"{where}: field {at + 1} is {wanted[at]} in the contract and {own[at]} in its class: keep the order, "
            f"{', '.join(wanted)}"
        )


def _as_topic(type_: str) -> str:
    """What is left of an indexed value of a type: of what has no fixed length, and of structs and arrays, the hash."""
    return "bytes32" if type_ in ("string", "bytes") or type_.endswith(("]", ")")) else type_


_PLAIN = {"address": str, "string": str, "bool": bool}


def _fits(hint: Any, type_: str) -> bool:
    """Whether a value of an ABI type can be one of a Python type."""
    if hint is Any or type_.startswith("("):
        return hint is Any or get_origin(hint) is tuple or hint is tuple
    if type_.endswith("]"):
        element = get_args(hint)[0] if get_origin(hint) is tuple and get_args(hint) else None
        return element is not None and _fits(element, type_[: type_.rindex("[")])
    expected = _PLAIN.get(type_) or (bytes if type_.startswith("bytes") else int)
    return hint is expected


def _check_replay(contract: type[Contract]) -> None:
    """Each event has a handler in the replay, or is said to need none; and no handler waits for what is never said."""
    assert isinstance(contract.replay, type) and issubclass(contract.replay, Replay), (
        f"{contract.__name__}.replay is {contract.replay!r}: give a class derived from klopf.ledger.packs.Replay"
    )
    known = {kind.__name__ for kind in contract.events}
    none = {kind.__name__ for kind in contract.needs_none}
    handled = {name[3:] for name in dir(contract.replay) if name.startswith("on_")}
    for name in sorted(known - none - handled):
        raise AssertionError(
            f"nobody accounts for {contract.name}.{name}: write {contract.replay.__name__}.on_{name}, or name it in "
            f"{contract.__name__}.needs_none"
        )
    assert not none & handled, f"{contract.name}.{min(none & handled)} needs none and has a handler: take one away"
    assert handled <= known, f"{contract.replay.__name__}.on_{min(handled - known)} waits for what is never said"


def _check_client(contract: type[Contract]) -> None:
    """What the client calls is in the ABI, with as many arguments."""
    made = contract.artifact()
    for call, name, arguments in _calls(contract):
        if call == "_made":
            assert name in {abi.name for abi in made.events.values()}, f"{contract.name} has no event {name}"
            continue
        assert name in made.functions, (
            f"{contract.__name__} calls {name}, which {contract.name} has not: its functions are "
            f"{', '.join(sorted(made.functions))}"
        )
        takes = len(made.functions[name].inputs)
        assert arguments is None or arguments == takes, (
            f"{contract.__name__} calls {name} with {arguments} arguments; it takes {takes}"
        )


def _calls(contract: type[Contract]) -> Iterator[tuple[str, str, int | None]]:
    """``_read``, ``_write``, ``_made`` in the source: which, of what, with how many arguments (None: not to tell)."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(contract)))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("_read", "_write", "_made")
        ):
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            unsure = any(isinstance(a, ast.Starred) for a in node.args)
            if texts:
                yield node.func.attr, texts[0], None if unsure else len(node.args) - 1


def _check_network(pack: type[Pack]) -> None:
    """On a fresh chain, beside the packs that Klopf ships: it is deployed, its clients are there, its code is that of
    its artifacts, and ``verify`` is content with an untouched network and not with events that never happened."""
    with tempfile.TemporaryDirectory() as folder:
        where, key = Path(folder) / "chain.sqlite", ledger.keys.new()
        chain.create(where, chain_id=1337, dev=True).close()
        deployment = ledger.deploy(where, key)
        with ledger.connect(where, key, deployment) as before:
            added = ledger.add_pack(before, pack.name).deployment
            assert added is not None
            deployment = added
        with ledger.connect(where, key, deployment) as network:
            found = ledger.verify(network, [])
            assert not found, f"verify names something in a network that nobody has touched: {found[0]}"
            for contract in pack.contracts:
                assert network.client(contract).address == deployment.addresses[contract.name]
                _check_stranger(network, contract)
                for kind, abi in contract.by_topic().values():
                    _check_made_up(network, contract, kind, abi)


def _check_stranger(network: ledger.Ledger, contract: type[Contract]) -> None:
    """An event that the contract cannot say is named."""
    log = {"address": network.address(contract.name).lower(), "topics": ["0x" + "5a" * 32], "data": "0x"}
    found = _told(network, log)
    assert any(contract.name in str(difference) for difference in found), (
        f"verify passes over an event that {contract.name} cannot say"
    )


def _check_made_up(network: ledger.Ledger, contract: type[Contract], kind: type[Event], abi: EventABI) -> None:
    """The replay can be told anything: an event of zeros may be named by ``verify``, but breaks nothing."""
    marked = [encode([type_], [_zero(type_)]) for _, type_, indexed in abi.fields if indexed]
    plain = [type_ for _, type_, indexed in abi.fields if not indexed]
    log = {
        "address": network.address(contract.name).lower(),
        "topics": ["0x" + topic.hex() for topic in (abi.topic, *marked)],
        "data": "0x" + encode(plain, [_zero(type_) for type_ in plain]).hex(),
    }
    broken = [str(difference) for difference in _told(network, log) if difference.expected in ("played", "compared")]
    assert not broken, (
        f"the replay of {contract.name} breaks on a {kind.__name__} of zeros; raise KeyError, ValueError or "
        f"ArithmeticError where an event cannot be: {broken[0]}"
    )


def _told(network: ledger.Ledger, log: dict[str, Any]) -> list[ledger.Difference]:
    """What verify finds where one more log came last."""
    rpc = network.rpc
    last = {"blockNumber": hex(rpc.height()), "logIndex": hex(10**6), "transactionHash": "0x" + "5a" * 32, **log}
    liar = Rpc(_OneMore(rpc.provider, last), "a node that adds a log")
    return ledger.verify(ledger.Ledger(liar, network.deployment), [])


class _OneMore:
    """A provider that adds a log to the history."""

    def __init__(self, provider: Any, log: dict[str, Any]) -> None:
        self._provider, self._log = provider, log

    def make_request(self, method: str, params: list[Any]) -> Any:
        answer = self._provider.make_request(method, params)
        if method == "eth_getLogs" and self._log["address"] in params[0]["address"]:
            return {**answer, "result": [*answer["result"], self._log]}
        return answer


def _zero(type_: str) -> Any:
    """The least value of an ABI type."""
    if type_.endswith("]"):
        inner, _, length = type_[:-1].rpartition("[")
        return [_zero(inner)] * int(length or 0)
    if type_.startswith("("):
        return tuple(_zero(part) for part in _parts(type_[1:-1]))
    if type_.startswith("bytes"):
        return bytes(int(type_[5:] or 0))
    return {"address": "0x" + "00" * 20, "string": "", "bool": False}.get(type_, 0)


def _parts(types: str) -> list[str]:
    """The types between the commas of a tuple."""
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
