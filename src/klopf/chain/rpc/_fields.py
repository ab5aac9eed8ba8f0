"""The values in a request, read and checked at the door, and the values in an answer, written.

Every reader takes what JSON (or web3.py in this process, which hands on bytes and integers) holds and returns the value
in its Python type. Raises :class:`~klopf.errors.Rejected` with the code of wrong parameters.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from klopf.errors import Rejected

__all__ = [
    "INVALID_PARAMS",
    "BlockId",
    "Criteria",
    "address",
    "block_id",
    "boolean",
    "call_fields",
    "criteria",
    "data",
    "dictionary",
    "hash32",
    "hexadecimal",
    "natural",
    "percentiles",
    "quantity",
    "slot",
    "tracer_options",
]

INVALID_PARAMS = -32602
TAGS = ("latest", "safe", "finalized", "pending", "earliest")
MAX_NATURAL = 2**63 - 1

BlockId = str | int | bytes
"""A tag, a block's number or a block's hash."""


class Criteria(NamedTuple):
    """Which logs: of these addresses, with these topics by place (None: any), in these blocks."""

    addresses: list[bytes] | None
    topics: list[list[bytes] | None]
    block_hash: bytes | None
    first: BlockId
    last: BlockId


def hexadecimal(value: bytes) -> str:
    """Bytes as they are written in an answer."""
    return "0x" + value.hex()


def data(value: Any, size: int | None = None) -> bytes:
    """Bytes, of exactly ``size`` where that is given."""
    if isinstance(value, str):
        try:
            value = bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            raise Rejected(f"{value[:80]!r} is not hexadecimal", INVALID_PARAMS) from None
    if not isinstance(value, (bytes, bytearray)):
        raise Rejected(f"expected hexadecimal data, got {type(value).__name__}", INVALID_PARAMS)
    if size is not None and len(value) != size:
        raise Rejected(f"expected {size} bytes, got {len(value)}", INVALID_PARAMS)
    return bytes(value)


def address(value: Any) -> bytes:
    """An account's 20 bytes."""
    return data(value, 20)


def hash32(value: Any) -> bytes:
    """A hash's 32 bytes."""
    return data(value, 32)


def quantity(value: Any) -> int:
    """An integer from 0 to 2**256 - 1."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Rejected(f"expected a number, got {type(value).__name__}", INVALID_PARAMS)
    if isinstance(value, str):
        try:
            if "_" in value:  # which Python reads as if it were not there
                raise ValueError
            value = int(value, 16) if value.startswith("0x") else int(value)
        except ValueError:
            raise Rejected(f"{value[:80]!r} is not a number", INVALID_PARAMS) from None
    number = int(value)
    if not 0 <= number < 2**256:
        raise Rejected("a number is out of range", INVALID_PARAMS)
    return number


def natural(value: Any) -> int:
    """An integer from 0 to 2**63 - 1: a block's number, a count, seconds."""
    number = quantity(value)
    if number > MAX_NATURAL:
        raise Rejected("a number is out of range; give one below 2**63", INVALID_PARAMS)
    return number


def slot(value: Any) -> int:
    """A place in storage, as a number or as up to 32 bytes."""
    if isinstance(value, (bytes, bytearray)) and len(value) <= 32:
        return int.from_bytes(value, "big")
    return quantity(value)


def boolean(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Rejected(f"expected true or false, got {type(value).__name__}", INVALID_PARAMS)
    return value


def block_id(value: Any) -> BlockId:
    """A tag, a number, a hash, or EIP-1898's object that holds one of them."""
    if isinstance(value, str):
        if value in TAGS:
            return value
        if len(value) == 66:
            return hash32(value)
    if isinstance(value, (bytes, bytearray)):
        return hash32(value)
    if isinstance(value, dict):
        if "blockHash" in value:
            return hash32(value["blockHash"])
        return block_id(value.get("blockNumber", "latest"))
    return natural(value)


def dictionary(value: Any) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        if not hasattr(value, "items"):
            raise Rejected(f"expected an object, got {type(value).__name__}", INVALID_PARAMS)
        value = dict(value.items())  # web3.py's AttributeDict
    return value  # type: ignore[no-any-return]


def sequence(value: Any) -> list[Any]:
    """A list."""
    if not isinstance(value, (list, tuple)):
        raise Rejected(f"expected a list, got {type(value).__name__}", INVALID_PARAMS)
    return list(value)


def call_fields(value: Any) -> dict[str, Any]:
    """A call's fields, each in its type; those that are not given are left out."""
    given = dictionary(value)
    out: dict[str, Any] = {}
    for name in ("gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "nonce", "chainId"):
        if given.get(name) is not None:
            out[name] = quantity(given[name])
    if given.get("from") is not None:
        out["from"] = address(given["from"])
    if given.get("to"):
        out["to"] = address(given["to"])
    code = given.get("input") if given.get("input") is not None else given.get("data")
    if code is not None:
        out["input"] = data(code)
    if given.get("accessList"):
        entries = [dictionary(entry) for entry in sequence(given["accessList"])]
        if any("address" not in entry or "storageKeys" not in entry for entry in entries):
            raise Rejected("an entry of an access list has an address and storageKeys", INVALID_PARAMS)
        out["accessList"] = tuple(
            (address(entry["address"]), tuple(int.from_bytes(hash32(k), "big") for k in sequence(entry["storageKeys"])))
            for entry in entries
        )
    return out


def criteria(value: Any) -> Criteria:
    """What ``eth_getLogs`` and filters ask for."""
    given = dictionary(value)
    listed = given.get("address")
    addresses = None
    if listed is not None:
        addresses = [address(a) for a in listed] if isinstance(listed, (list, tuple)) else [address(listed)]
    topics: list[list[bytes] | None] = []
    for topic in sequence(given.get("topics") or []):
        if topic is None or topic == []:
            topics.append(None)
        elif isinstance(topic, (list, tuple)):
            topics.append(None if None in topic else [hash32(t) for t in topic])
        else:
            topics.append([hash32(topic)])
    if len(topics) > 4:
        raise Rejected("a log has at most four topics", INVALID_PARAMS)
    block_hash, first, last = (given.get(name) for name in ("blockHash", "fromBlock", "toBlock"))
    return Criteria(
        addresses or None,
        topics,
        None if block_hash is None else hash32(block_hash),
        "latest" if first is None else block_id(first),
        "latest" if last is None else block_id(last),
    )


def percentiles(value: Any) -> list[float]:
    """Rising numbers from 0 to 100."""
    listed = sequence(value)
    for number in listed:
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number <= 100:
            raise Rejected("a percentile is a number from 0 to 100", INVALID_PARAMS)
    if listed != sorted(listed):
        raise Rejected("percentiles must rise; sort them", INVALID_PARAMS)
    return listed


def tracer_options(value: Any) -> None:
    """The one tracer there is."""
    if dictionary(value).get("tracer", "callTracer") != "callTracer":
        raise Rejected('only {"tracer": "callTracer"} is supported; ask for that', INVALID_PARAMS)
