"""web3.py's own middlewares around a request, each request only through those that can change it.

web3.py passes every request through five middlewares, and they ask again what others asked: a ``transact()`` that
leaves nonce, gas and fees open comes to twelve requests, five of them for the chain's id and three for the newest
block. Here a request that none of them would change goes straight to the chain, and what a transaction lacks is filled
in by five questions. What comes out is what web3.py's own way gives, to the byte; the tests hold the two against each
other. Where anything is out of the ordinary (a middleware of the user's own, a gas price strategy, a name instead of an
address, an error) the request goes web3.py's own way, whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from web3.middleware import (
    AttributeDictMiddleware,
    BufferedGasEstimateMiddleware,
    ENSNameToAddressMiddleware,
    GasPriceStrategyMiddleware,
    SignAndSendRawMiddlewareBuilder,
    ValidationMiddleware,
    combine_middleware,
)

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["compose"]

ORDINARY = (
    GasPriceStrategyMiddleware,
    ENSNameToAddressMiddleware,
    AttributeDictMiddleware,
    ValidationMiddleware,
    BufferedGasEstimateMiddleware,
)
"""What web3.py puts around a provider, outermost first."""

UNTOUCHED = {
    "eth_blobBaseFee": 0,
    "eth_blockNumber": 0,
    "eth_chainId": 0,
    "eth_gasPrice": 0,
    "eth_getBlockByHash": 2,
    "eth_getBlockByNumber": 2,
    "eth_getTransactionByHash": 1,
    "eth_getTransactionReceipt": 1,
    "eth_maxPriorityFeePerGas": 0,
    "eth_sendRawTransaction": 1,
}
"""Methods that hold no address and no transaction, with the most parameters they take."""

ADDRESSED = {"eth_getBalance": 2, "eth_getCode": 2, "eth_getStorageAt": 3, "eth_getTransactionCount": 2}
"""Methods whose first parameter is an address, or a name to look up, with the most parameters they take."""

CALLS = ("eth_call", "eth_estimateGas")
"""Methods whose first parameter is a call."""

FIELDS = {
    *("from", "to", "data", "value", "nonce", "chainId"),
    *("gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"),
}
GAS_BUFFER = 100_000  # what web3.py adds to an estimate

Answer = Callable[[Any, Any], Any]

_address = re.compile("0x[0-9a-fA-F]{40}").fullmatch
_hexadecimal = re.compile("0x[0-9a-fA-F]*").fullmatch
_signer = getattr(SignAndSendRawMiddlewareBuilder.build, "func", None)


def compose(w3: Web3, middleware: tuple[Any, ...], make_request: Answer) -> Answer:
    """One function of (method, params) that answers as ``middleware`` (outermost first) around ``make_request``."""
    whole: Answer = combine_middleware(middleware, w3, make_request)
    signing = middleware[len(ORDINARY) :]
    if middleware[: len(ORDINARY)] != ORDINARY or any(getattr(m, "func", None) is not _signer for m in signing):
        return whole
    bare: Answer = combine_middleware((AttributeDictMiddleware,), w3, make_request)
    signed: Answer = combine_middleware((AttributeDictMiddleware, *signing), w3, make_request)

    def answer(method: Any, params: Any) -> Any:
        if method == "eth_sendTransaction":
            filled = _filled(w3, params, make_request) if signing else None
            return whole(method, params) if filled is None else signed(method, (filled,))
        return (bare if _untouched(method, params) else whole)(method, params)

    return answer


def _untouched(method: Any, params: Any) -> bool:
    """Whether web3.py's middlewares would hand on the request as it is."""
    if not isinstance(params, (tuple, list)):
        return False
    most = UNTOUCHED.get(method)
    if most is not None:
        return len(params) <= most
    most = ADDRESSED.get(method)
    if most is not None:
        return 0 < len(params) <= most and _is_address(params[0])
    if method in CALLS and params and isinstance(params[0], dict):
        call = params[0]
        return "chainId" not in call and all(_is_address(call[end]) for end in ("from", "to") if end in call)
    return False


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and _address(value) is not None


def _filled(w3: Web3, params: Any, ask: Answer) -> dict[str, Any] | None:
    """The transaction with gas, nonce and fees as web3.py would ask for them; None where web3.py should do it."""
    if not isinstance(params, (tuple, list)) or len(params) != 1 or not isinstance(params[0], dict):
        return None
    given: dict[str, Any] = dict(params[0])
    at = w3.eth.default_block
    strategy = getattr(w3.eth, "_gas_price_strategy", True)
    if not given.keys() <= FIELDS or not isinstance(at, str) or strategy is not None:
        return None
    if not all(isinstance(value, str) and _hexadecimal(value) for value in given.values()):
        return None
    if not _is_address(given.get("from")) or not _is_address(given.get("to", given["from"])):
        return None
    fee, tip, legacy = "maxFeePerGas" in given, "maxPriorityFeePerGas" in given, "gasPrice" in given
    if (fee and not tip) or (legacy and tip):
        return None  # web3.py says why not
    try:
        chain_id = int(_result(ask("eth_chainId", ())), 16)
        if int(given.pop("chainId", hex(chain_id)), 16) != chain_id:
            return None
        if fee and int(given["maxFeePerGas"], 16) < int(given["maxPriorityFeePerGas"], 16):
            return None
        newest = None
        if "gas" not in given or not (fee or legacy):
            newest = _result(ask("eth_getBlockByNumber", ("latest", False)))
        if tip and not fee:
            assert newest is not None
            fees = int(given["maxPriorityFeePerGas"], 16) + 2 * int(newest["baseFeePerGas"], 16)
            given["maxFeePerGas"] = hex(fees)
        if "gas" not in given:
            assert newest is not None
            least, most = int(_result(ask("eth_estimateGas", (dict(given), at))), 16), int(newest["gasLimit"], 16)
            if least > most:
                return None
            given["gas"] = hex(min(most, least + GAS_BUFFER))
        if "nonce" not in given:
            given["nonce"] = int(_result(ask("eth_getTransactionCount", (given["from"], "pending"))), 16)
        if not (tip or legacy):
            assert newest is not None
            given["maxPriorityFeePerGas"] = int(_result(ask("eth_maxPriorityFeePerGas", ())), 16)
            given["maxFeePerGas"] = given["maxPriorityFeePerGas"] + 2 * int(newest["baseFeePerGas"], 16)
        given["chainId"] = chain_id
    except (LookupError, ValueError, TypeError):  # an error was answered, or "0x" is no number
        return None
    return given


def _result(response: Any) -> Any:
    return response["result"]
