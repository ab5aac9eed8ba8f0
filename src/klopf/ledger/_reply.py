"""What a node may answer: the one border at which its replies are looked at, before anything is made of them.

Only the form is looked at (the JSON-RPC of Ethereum's execution API, as far as this room reads it): whether a node
lies is no question of form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Malformed", "check", "is_bytes", "plain"]

_HEX = re.compile(r"0x[0-9a-fA-F]*")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_WORD = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")

Form = Callable[[Any, tuple[Any, ...]], bool]
"""Whether a result can be one, by the request's parameters."""


class Malformed(ValueError):
    """What came is no reply to the request."""


def check(method: str, params: tuple[Any, ...], answer: Any) -> dict[str, Any]:
    """``answer``, which has an ``error`` that is an object, or a ``result`` of the form that ``method`` has.

    Raises:
        Malformed: it has neither.
    """
    if not isinstance(answer, dict) or ("result" not in answer and answer.get("error") is None):
        raise Malformed("no result and no error")
    if answer.get("error") is not None:
        if not isinstance(answer["error"], dict):
            raise Malformed(f"the error {plain(repr(answer['error']), 60)}")
    elif method in _FORMS and not _FORMS[method](answer["result"], params):
        raise Malformed(plain(repr(answer["result"]), 60))
    return answer


def plain(text: str, most: int = 1_000) -> str:
    """Somebody else's text as one printable line of bounded length.

    >>> plain("disk\\n\\x1b[31mfull", 12)
    'disk [31m...'
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 2 * most]).split())
    return line if len(line) <= most else line[: most - 3] + "..."


def is_bytes(value: Any) -> bool:
    """Whether it is hexadecimal text of whole bytes."""
    return isinstance(value, str) and len(value) % 2 == 0 and _HEX.fullmatch(value) is not None


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _holds(record: Any, must: Mapping[str, Callable[[Any], bool]], may: Mapping[str, Callable[[Any], bool]]) -> bool:
    """Whether ``record`` has all that it must, and what it may have is null or as it should be."""
    return (
        isinstance(record, dict)
        and all(name in record and form(record[name]) for name, form in must.items())
        and all(record.get(name) is None or form(record[name]) for name, form in may.items())
    )


def _hex(value: Any) -> bool:
    return _is(_HEX, value)


def _quantity(value: Any) -> bool:
    return _is(_QUANTITY, value)


def _word(value: Any) -> bool:
    return _is(_WORD, value)


def _address(value: Any) -> bool:
    return _is(_ADDRESS, value)


def _words(value: Any) -> bool:
    return isinstance(value, list) and all(map(_word, value))


def _transactions(value: Any) -> bool:
    must = {"from": _address, "nonce": _quantity, "hash": _word}
    return isinstance(value, list) and all(_holds(one, must, {}) for one in value)


def _a_log(value: Any) -> bool:
    return _holds(value, _LOG, {"blockHash": _word})


def _logs(value: Any) -> bool:
    return isinstance(value, list) and all(map(_a_log, value))


_LOG = {
    "address": _address, "topics": _words, "data": is_bytes, "blockNumber": _quantity, "logIndex": _quantity,
    "transactionHash": _word,
}  # fmt: skip


def _block(value: Any, params: tuple[Any, ...]) -> bool:
    if value is None:  # there is always a latest one
        return params[0] not in ("latest", "pending")
    must: dict[str, Callable[[Any], bool]] = {} if params[0] == "pending" else {"hash": _hex}
    if params[1]:
        must["transactions"] = _transactions
    return _holds(value, must, {"baseFeePerGas": _quantity, "timestamp": _quantity})


def _receipt(value: Any, params: tuple[Any, ...]) -> bool:
    if value is None or (isinstance(value, dict) and value.get("blockNumber", value) is None):
        return True  # not in a block yet
    must = {"status": _quantity, "blockNumber": _quantity, "blockHash": _hex}
    may = {"transactionHash": _word, "gasUsed": _quantity, "contractAddress": _address, "logs": _logs}
    return _holds(value, must, may)


def _asked_logs(value: Any, params: tuple[Any, ...]) -> bool:
    """Logs, and none but those that were asked for."""
    if not _logs(value):
        return False
    query = params[0]
    asked = [query["address"]] if isinstance(query["address"], str) else query["address"]
    places = {place.lower() for place in asked}
    topics = [None if one is None else {one} if isinstance(one, str) else set(one) for one in query.get("topics", ())]
    first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
    return all(
        log["address"].lower() in places
        and first <= int(log["blockNumber"], 16) <= last
        and len(log["topics"]) >= len(topics)
        and all(one is None or log["topics"][i].lower() in one for i, one in enumerate(topics))
        for log in value
    )


def _any(form: Callable[[Any], bool]) -> Form:
    return lambda value, params: form(value)


_FORMS: dict[str, Form] = {
    **dict.fromkeys(
        ("eth_blockNumber", "eth_chainId", "eth_estimateGas", "eth_gasPrice", "eth_getBalance",
         "eth_getTransactionCount", "eth_maxPriorityFeePerGas"), _any(_quantity),
    ),
    **dict.fromkeys(("eth_call", "eth_getCode"), _any(is_bytes)),
    "eth_getBlockByNumber": _block,
    "eth_getLogs": _asked_logs,
    "eth_getStorageAt": _any(_word),
    "eth_getTransactionByHash": _any(lambda value: value is None or isinstance(value, dict)),
    "eth_getTransactionReceipt": _receipt,
}  # fmt: skip
"""What is not here (such as the result of a send, which is known before) is not read."""
