"""The provider's short way through web3.py's middlewares, held against web3.py's own way, to the byte."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3
from web3._utils.rpc_abi import RPC_ABIS
from web3.manager import RequestManager
from web3.middleware import SignAndSendRawMiddlewareBuilder, Web3Middleware
from web3.middleware.validation import METHODS_TO_VALIDATE
from web3.providers.base import BaseProvider

from klopf import chain
from klopf.chain.web3._middlewares import ADDRESSED, CALLS, ORDINARY, UNTOUCHED
from klopf.chain.web3._provider import ChainProvider
from tests.chain.evm import asm, deploy

OWNER = Account.from_key(b"\x07" * 32)
STRANGER = Account.from_key(b"\x08" * 32)
BASE_FEE = 7
HASH = "0x" + "ab" * 32
REVERTER = asm("PUSH0 PUSH0 REVERT")


class Short(ChainProvider):
    """Remembers the requests that reach the chain; keeps signed transactions to itself."""

    def __init__(self, opened: chain.Chain, keep: bool = True) -> None:
        super().__init__(opened)
        self.keep, self.asked = keep, list[tuple[Any, Any]]()

    def make_request(self, method: Any, params: Any) -> Any:
        self.asked.append((method, params))
        if method == "eth_sendRawTransaction" and self.keep:
            return {"jsonrpc": "2.0", "id": 1, "result": HASH}
        return super().make_request(method, params)


class Long(Short):
    """The same, by web3.py's own way."""

    request_func = BaseProvider.request_func


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    allocation = {OWNER.address: 10**24}
    with chain.create(tmp_path / "chain.db", chain_id=1337, allocation=allocation, base_fee=BASE_FEE) as made:
        yield made


@pytest.fixture
def reverter(opened: chain.Chain) -> str:
    """Address of a contract that always reverts."""
    w3 = Web3(opened.provider())
    fields = {"chainId": 1337, "nonce": 0, "gas": 100_000, "gasPrice": BASE_FEE, "data": deploy(REVERTER), "value": 0}
    sent = w3.eth.send_raw_transaction(OWNER.sign_transaction(fields).raw_transaction)
    made = w3.eth.get_transaction_receipt(sent)["contractAddress"]
    assert made is not None
    return str(made)


def _w3(provider: ChainProvider) -> Web3:
    w3 = Web3(provider)
    w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(OWNER), layer=0)
    return w3


def _ending(w3: Web3, transaction: dict[str, Any]) -> Any:
    """What was signed, or how it failed."""
    provider: Any = w3.provider
    provider.asked.clear()
    try:
        sent: Any = w3.eth.send_transaction(transaction)  # type: ignore[arg-type]
    except Exception as error:
        sent = (type(error), str(error))
    return sent, [params for method, params in provider.asked if method == "eth_sendRawTransaction"]


def _transactions(reverter: str, count: int) -> list[dict[str, Any]]:
    chance = random.Random(5)
    choices: dict[str, list[Any]] = {
        "from": [OWNER.address] * 12 + [OWNER.address.lower(), STRANGER.address, "somebody.eth", None],
        "to": [STRANGER.address] * 6 + [STRANGER.address.lower(), reverter, "somebody.eth", "", None, None],
        "data": ["0x", b"", "0x60016002", b"\x00\x01", deploy(REVERTER)] + [None] * 4,
        "value": [0, 1, 10**18, "0x5", 10**25] + [None] * 5,
        "gas": [21000, 200_000, "0x30d40", 10**9, 5] + [None] * 8,
        "gasPrice": [BASE_FEE, 1, "0x10"] + [None] * 16,
        "maxFeePerGas": [BASE_FEE, 100, "0x64", 3] + [None] * 8,
        "maxPriorityFeePerGas": [0, 2, "0x2", 50] + [None] * 8,
        "nonce": [0, 1, "0x1", 77] + [None] * 6,
        "chainId": [1337, "0x539", 1] + [None] * 12,
        "type": [2, "0x2", 0] + [None] * 12,
        "accessList": [[], [{"address": STRANGER.address, "storageKeys": []}]] + [None] * 14,
    }
    out = []
    for _ in range(count):
        picked = {field: chance.choice(values) for field, values in choices.items()}
        out.append({field: value for field, value in picked.items() if value is not None})
    return out


def test_what_is_signed_is_what_web3_would_sign(opened: chain.Chain, reverter: str) -> None:
    short, long = _w3(Short(opened)), _w3(Long(opened))
    signed = failed = shorter = 0
    for transaction in _transactions(reverter, 700):
        mine, theirs = _ending(short, dict(transaction)), _ending(long, dict(transaction))
        assert mine == theirs, transaction
        good = isinstance(mine[0], bytes)
        signed += good
        failed += not good
        shorter += good and len(short.provider.asked) <= 6  # type: ignore[attr-defined]
    assert signed > 120 and failed > 120 and shorter > 100


def test_the_way_to_a_plain_transaction_is_short(opened: chain.Chain) -> None:
    provider = Short(opened, keep=False)
    w3 = _w3(provider)
    sent = w3.eth.send_transaction({"from": OWNER.address, "to": STRANGER.address, "value": 5})  # type: ignore[typeddict-item]
    assert [method for method, _ in provider.asked] == [
        "eth_chainId",
        "eth_getBlockByNumber",
        "eth_estimateGas",
        "eth_getTransactionCount",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
    ]
    found = w3.eth.get_transaction(sent)
    assert found["gas"] == 121_000 and found["maxFeePerGas"] == 2 * BASE_FEE and found["maxPriorityFeePerGas"] == 0


def test_a_gas_price_strategy_and_another_block_are_heeded(opened: chain.Chain) -> None:
    for setting in ("strategy", "block"):
        endings = []
        for provider in (Short(opened), Long(opened)):
            w3 = _w3(provider)
            if setting == "strategy":
                w3.eth.set_gas_price_strategy(lambda _w3, _transaction: 11)  # type: ignore[arg-type]
            else:
                w3.eth.default_block = 0
            endings.append(_ending(w3, {"from": OWNER.address, "to": STRANGER.address}))
            assert isinstance(endings[-1][0], bytes)
        assert endings[0] == endings[1]


def test_requests_answer_alike(opened: chain.Chain, reverter: str) -> None:
    address, block = OWNER.address, Web3(opened.provider()).eth.get_block(1)
    sent, name = block["transactions"][0].to_0x_hex(), "somebody.eth"  # type: ignore[union-attr]
    call = {"from": address, "to": STRANGER.address, "value": "0x1"}
    requests: list[tuple[str, Any]] = [(method, ()) for method in UNTOUCHED]
    requests += [(method, [HASH, 1, 2]) for method in UNTOUCHED]
    for at in ("latest", "pending", "earliest", "0x1", "0x99"):
        requests += [("eth_getBlockByNumber", (at, full)) for full in (False, True)]
        requests += [(m, (who, at)) for m in ("eth_getBalance", "eth_getCode") for who in (address, reverter, name, "")]
        requests += [("eth_getTransactionCount", [address.lower(), at]), ("eth_getStorageAt", (reverter, "0x0", at))]
        for to in (call, {**call, "to": reverter}, {**call, "to": name}, {**call, "chainId": "0x1"}, {}, None, 5):
            requests += [("eth_call", (to, at)), ("eth_estimateGas", (to, at))]
        requests += [("eth_estimateGas", (call, at, {address: {"balance": "0x0"}}))]
    for hashed in (sent, HASH, block["hash"].to_0x_hex(), "0x"):
        requests += [("eth_getBlockByHash", (hashed, False)), ("eth_getBlockByHash", (hashed, True))]
        requests += [("eth_getTransactionByHash", (hashed,)), ("eth_getTransactionReceipt", [hashed])]
    odd: list[Any] = [(), None, (None,), ({}, 1)]
    requests += [("eth_sendTransaction", params) for params in odd]
    requests += [("eth_sendRawTransaction", ("0x12",)), ("eth_none", ()), ("eth_getBalance", None), ("eth_call", ())]

    def ending(w3: Web3, method: Any, params: Any) -> Any:
        try:
            found = w3.manager.request_blocking(method, params)
        except Exception as error:
            return type(error), str(error)
        return type(found), found

    short, long = _w3(Short(opened, keep=False)), _w3(Long(opened, keep=False))
    good = 0
    for method, params in requests:
        mine = ending(short, method, params)
        assert mine == ending(long, method, params), (method, params)
        good += not issubclass(mine[0], Exception)
    assert good > 60 and len(requests) - good > 60


def test_a_middleware_of_the_users_sees_every_request(opened: chain.Chain) -> None:
    seen: dict[type, list[Any]] = {Short: [], Long: []}
    for kind in (Short, Long):

        class Watch(Web3Middleware):
            def request_processor(self, method: Any, params: Any, seen: list[Any] = seen[kind]) -> Any:
                seen.append((method, params))
                return method, params

        w3 = _w3(kind(opened))
        w3.middleware_onion.add(Watch)
        w3.eth.send_transaction({"from": OWNER.address, "to": STRANGER.address})
    assert seen[Short] == seen[Long] and len(seen[Long]) > 10


def test_the_tables_are_web3s() -> None:
    assert [middleware for middleware, _ in RequestManager.get_default_middleware()] == list(ORDINARY)
    for method, most in (UNTOUCHED | ADDRESSED).items():
        assert method not in METHODS_TO_VALIDATE
        abis = RPC_ABIS.get(method)
        assert abis is None or (isinstance(abis, list) and len(abis) == most)
        assert "address" not in (abis or [])[1:] and ((abis or [""])[0] == "address") == (method in ADDRESSED)
    for method in CALLS:
        abis = RPC_ABIS[method]
        assert isinstance(abis, dict) and method in METHODS_TO_VALIDATE
        assert {field for field, abi in abis.items() if "address" in abi} == {"from", "to"}
