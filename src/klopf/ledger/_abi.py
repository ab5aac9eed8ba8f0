"""The contracts' binary interface, from the artifacts that ship with the package: calls, events and errors.

Only what the ledger's own contracts use. Values cross this boundary as plain Python: ints, bytes, str, bool, tuples.
"""

from __future__ import annotations

import codecs
import json
import os
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import BaseEquals, registry
from eth_hash.auto import keccak

from klopf.errors import LedgerError, Unanswered
from klopf.ledger._advice import ADVICE
from klopf.ledger._ranges import RANGES

__all__ = [
    "Artifact",
    "ErrorABI",
    "EventABI",
    "FunctionABI",
    "artifact",
    "build_record",
    "error_text",
    "keccak",
    "packaged",
]

UPGRADEABLE = ("Lens", "Snapshots")
"""Proxies: the code behind each (``LensCode`` to begin with) may be replaced by the timelock."""


_NO_TEXT = "klopf.no-text"
codecs.register_error(_NO_TEXT, lambda error: ("?" * (error.end - error.start), error.end))  # type: ignore[attr-defined]


def _decoder() -> ABIDecoder:
    """As usual, but text that is no UTF-8 has a question mark for each byte that is none: whoever writes such to the
    ledger should make nobody's reading fail."""
    ours = registry.copy()  # type: ignore[no-untyped-call]
    ours.unregister_decoder("string")
    text = StringDecoder(handle_string_errors=_NO_TEXT)  # type: ignore[no-untyped-call]
    ours.register_decoder(BaseEquals("string", with_sub=False), text, "string")  # type: ignore[no-untyped-call]
    return ABIDecoder(ours)


decode = _decoder().decode


def _type(entry: dict[str, Any]) -> str:
    """The canonical type of one ABI entry, tuples written out.

    >>> _type({"type": "tuple[]", "components": [{"type": "uint32"}, {"type": "bytes"}]})
    '(uint32,bytes)[]'
    """
    kind: str = entry["type"]
    if kind.startswith("tuple"):
        return "(" + ",".join(_type(part) for part in entry["components"]) + ")" + kind[5:]
    return kind


def encoded(name: str, types: tuple[str, ...], arguments: tuple[Any, ...]) -> bytes:
    """ABI encoding of what ``name`` takes. LedgerError where an argument does not fit its type."""
    try:
        return bytes(encode(types, arguments))
    except EncodingError as error:
        why = " ".join(str(error).split())
        raise LedgerError(f"{name} takes ({', '.join(types)}): {why}") from None


@dataclass(frozen=True)
class FunctionABI:
    """One function: how to call it and how to read its answer."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    names: tuple[str, ...] = ()
    """Of the inputs, where they are known."""

    @cached_property
    def selector(self) -> bytes:
        return bytes(keccak(f"{self.name}({','.join(self.inputs)})".encode())[:4])

    def call_data(self, arguments: tuple[Any, ...]) -> bytes:
        """What a transaction carries. LedgerError where an argument does not fit its type."""
        return self.selector + encoded(self.name, self.inputs, arguments)

    def arguments(self, data: bytes) -> tuple[Any, ...]:
        """Back from :meth:`call_data`. LedgerError where ``data`` is no call of this function."""
        try:
            if data[:4] != self.selector:
                raise ValueError
            return tuple(decode(self.inputs, data[4:]))
        except (DecodingError, ValueError, OverflowError):
            raise LedgerError(
                f"this is no call of {self.name}({', '.join(self.inputs)}): 0x{data[:8].hex()}..."
            ) from None

    def answer(self, data: bytes) -> Any:
        """One value as itself, several as a tuple. Unanswered where ``data`` holds something else."""
        try:
            values = decode(self.outputs, data)
        except (DecodingError, ValueError, OverflowError):
            kinds = ", ".join(self.outputs)
            raise Unanswered(f"what the node answers to {self.name} is no ({kinds}); use another node") from None
        return values[0] if len(values) == 1 else values


@dataclass(frozen=True)
class EventABI:
    """One event: which of its fields are topics."""

    name: str
    fields: tuple[tuple[str, str, bool], ...]  # name, type, indexed

    @cached_property
    def topic(self) -> bytes:
        return bytes(keccak(f"{self.name}({','.join(kind for _, kind, _ in self.fields)})".encode()))

    def read(self, topics: list[bytes], data: bytes) -> dict[str, Any]:
        plain = [(name, kind) for name, kind, indexed in self.fields if not indexed]
        values: dict[str, Any] = dict(zip((n for n, _ in plain), decode([k for _, k in plain], data), strict=True))
        marked = [(name, kind) for name, kind, indexed in self.fields if indexed]
        for (name, kind), topic in zip(marked, topics[1:], strict=True):
            hashed = kind in ("string", "bytes") or kind.endswith((")", "]"))  # of what has no fixed length, its hash
            values[name] = topic if hashed else decode([kind], topic)[0]
        return {name: values[name] for name, _, _ in self.fields}


@dataclass(frozen=True)
class ErrorABI:
    """One custom error."""

    name: str
    inputs: tuple[tuple[str, str], ...]

    @cached_property
    def selector(self) -> bytes:
        return bytes(keccak(f"{self.name}({','.join(kind for _, kind in self.inputs)})".encode())[:4])


@dataclass(frozen=True)
class Variable:
    """Where a contract keeps a variable, and the whole of its type."""

    label: str
    offset: int
    slot: str
    type: str


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    bytecode: bytes
    constructor: tuple[str, ...]
    functions: dict[str, FunctionABI]
    events: dict[bytes, EventABI]
    errors: dict[bytes, ErrorABI]
    storage: tuple[Variable, ...] = ()
    runtime: bytes = b""
    """The code that stands at its address, with zeros where its immutables go."""
    immutable: tuple[tuple[int, int], ...] = ()
    """Where those are in it: (start, length) each."""

    def creation(self, arguments: tuple[Any, ...]) -> bytes:
        """What a transaction that creates it carries."""
        return self.bytecode + encoded(self.name, self.constructor, arguments)

    def made(self, code: bytes) -> bool:
        """Whether ``code`` is this contract's, whatever its immutables hold."""
        return len(code) == len(self.runtime) and self._masked(code) == self._masked(self.runtime)

    def words(self, code: bytes) -> list[bytes]:
        """What the immutables hold in ``code``, 32 bytes each."""
        return [code[start : start + length] for start, length in self.immutable]

    def _masked(self, code: bytes) -> bytes:
        masked = bytearray(code)
        for start, length in self.immutable:
            masked[start : start + length] = bytes(length)
        return bytes(masked)


def as_name(text: str) -> bytes:
    """The name of a pack or a contract as the directory keeps it. LedgerError where it is too long or no ASCII."""
    if not (text.isascii() and text.isprintable() and 0 < len(text) < 32):
        raise LedgerError(f"{text!r} is no name for a pack or a contract: 1 to 31 letters of ASCII")
    return text.encode().ljust(32, bytes(1))


def as_text(name: bytes) -> str:
    """Back from :func:`as_name`."""
    return name.rstrip(bytes(1)).decode("ascii", "backslashreplace")


def created(name: str) -> str:
    """The artifact that is put at the address of contract ``name``.

    >>> [created(name) for name in ("Token", "Lens", "LensCode")]
    ['Token', 'Proxy', 'Lens']
    """
    return "Proxy" if name in UPGRADEABLE else name.removesuffix("Code")


def check_layout(name: str, before: tuple[Variable, ...], after: tuple[Variable, ...]) -> None:
    """LedgerError unless code with the layout ``after`` can take over the storage that ``before`` filled."""
    for i, was in enumerate(before):
        now = after[i] if i < len(after) else None
        if now != was:
            found = f"{now.type} {now.label}" if now else "nothing"
            raise LedgerError(
                f"{name} keeps {was.type} {was.label} in slot {was.slot}, where the new code has {found}; "
                "keep every variable in its place and add new ones after the last"
            )


@cache
def shipped() -> dict[str, tuple[str, Any]]:
    """Every artifact that the package has: its pack, and where its file is."""
    folder = resources.files("klopf.ledger").joinpath("artifacts")
    return {
        file.name.removesuffix(".json"): (pack.name, file)
        for pack in folder.iterdir()
        if pack.is_dir()
        for file in pack.iterdir()
        if file.name.endswith(".json")
    }


def _read(name: str) -> Any:
    return json.loads(shipped()[name][1].read_text())


def build_record() -> dict[str, Any]:
    """Compiler, settings and SHA-256 of every source that the shipped artifacts were built from."""
    folder = resources.files("klopf.ledger").joinpath("artifacts", "build.json")
    record: dict[str, Any] = json.loads(folder.read_text())
    return record


@cache
def artifact(name: str) -> Artifact:
    """The shipped artifact of contract ``name``."""
    return parse_artifact(_read(name), name)


@cache
def packaged(file: str) -> Artifact:
    """An artifact that a package ships, by ``package:path``. LedgerError where it is none."""
    package, _, path = file.partition(":")
    try:
        text = resources.files(package).joinpath(path).read_text()
        return parse_artifact(json.loads(text), Path(path).stem)
    except (ImportError, OSError) as error:
        raise LedgerError(f"cannot read {file} ({error}); ship it as data of {package}") from None
    except (KeyError, TypeError, ValueError):
        raise LedgerError(f"{file} is no artifact; make it with contracts/build.mjs") from None


def read_artifact(path: str | os.PathLike[str]) -> Artifact:
    """An artifact from a file. LedgerError where it is none."""
    try:
        return parse_artifact(json.loads(Path(path).read_text()), Path(path).stem)
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}; name what contracts/build.mjs made") from None
    except (KeyError, TypeError, ValueError):
        raise LedgerError(f"{path} is no artifact; name what contracts/build.mjs made") from None


def _plain(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """What ``contracts/build.mjs`` writes, or solc's standard output, alike. KeyError where it is neither."""
    if "contracts" in raw:  # solc's whole output: the contract of this name, or the only one that has code
        found = {n: c for file in raw["contracts"].values() for n, c in file.items() if c["evm"]["bytecode"]["object"]}
        name = name if name in found or len(found) != 1 else next(iter(found))
        raw = found[name]
    if "evm" not in raw:
        code = bytes.fromhex(raw["bytecode"][2:])
        start, length = raw["runtime"]
        return {**raw, "bytecode": code, "runtime": code[start : start + length]}
    deployed = raw["evm"]["deployedBytecode"]
    places = [(r["start"], r["length"]) for rs in deployed.get("immutableReferences", {}).values() for r in rs]
    return {
        "contract": name,
        "abi": raw["abi"],
        "bytecode": bytes.fromhex(raw["evm"]["bytecode"]["object"]),
        "runtime": bytes.fromhex(deployed["object"]),
        "immutable": sorted(places),
        "storage": [],
    }


def parse_artifact(raw: dict[str, Any], name: str = "") -> Artifact:
    """An artifact from the JSON that ``contracts/build.mjs`` or solc (``--standard-json``) writes."""
    raw = _plain(raw, name)
    functions, events, errors = {}, {}, {}
    constructor: tuple[str, ...] = ()
    for entry in raw["abi"]:
        if entry["type"] == "function":
            functions[entry["name"]] = FunctionABI(
                entry["name"], tuple(map(_type, entry["inputs"])), tuple(map(_type, entry["outputs"])),
                tuple(one.get("name", "") for one in entry["inputs"]),
            )  # fmt: skip
        elif entry["type"] == "event":
            event = EventABI(entry["name"], tuple((i["name"], _type(i), i["indexed"]) for i in entry["inputs"]))
            events[event.topic] = event
        elif entry["type"] == "error":
            error = ErrorABI(entry["name"], tuple((i["name"], _type(i)) for i in entry["inputs"]))
            errors[error.selector] = error
        elif entry["type"] == "constructor":
            constructor = tuple(map(_type, entry["inputs"]))
    storage = tuple(Variable(v["label"], v["offset"], v["slot"], v["type"]) for v in raw["storage"])
    places = tuple((start, length) for start, length in raw["immutable"])
    return Artifact(
        raw["contract"], raw["bytecode"], constructor, functions, events, errors, storage, raw["runtime"], places
    )


@cache
def _all_errors() -> dict[bytes, ErrorABI]:
    return {selector: error for name in sorted(shipped()) for selector, error in artifact(name).errors.items()}


def error_text(data: bytes) -> tuple[str, str]:
    """Name of a revert and one line that says what it means: ``("NotDue", "NotDue(deadline=5, ...): wait ...")``."""
    if not data:
        return "", "the contract refused it without a reason"
    try:
        return _reason(data)
    except (DecodingError, ValueError, OverflowError):
        return "", f"the contract refused it, for a reason that cannot be read: 0x{data[:36].hex()}"


def _reason(data: bytes) -> tuple[str, str]:
    if data[:4] == bytes.fromhex("08c379a0"):
        return "Error", str(decode(["string"], data[4:])[0])
    if data[:4] == bytes.fromhex("4e487b71"):
        return "Panic", f"the contract failed with panic code {decode(['uint256'], data[4:])[0]:#x}"
    error = _all_errors().get(data[:4])
    if error is None:
        return "", f"the contract refused it with an unknown error 0x{data[:4].hex()}"
    values = decode([kind for _, kind in error.inputs], data[4:])
    shown = ", ".join(f"{name}={_show(value)}" for (name, _), value in zip(error.inputs, values, strict=True))
    advice = ADVICE.get(error.name)
    if error.name in ("OutOfRange", "TermOutOfRange") and (within := RANGES.get(str(values[0]))):
        advice = f"choose {within}"
    return error.name, f"{error.name}({shown})" + (f": {advice}" if advice else "")


def _show(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def one(value: Any, what: str) -> Any:
    """``value``, or an error where it is None."""
    if value is None:
        raise LedgerError(f"the chain has no {what}; check that it is the right chain")
    return value
