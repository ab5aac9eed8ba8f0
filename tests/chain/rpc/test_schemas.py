"""Every method's result, over HTTP, is what ethereum/execution-apis says; so are what it takes and how it refuses.

``data/execution-apis.json`` holds its schemas of the methods that are answered here (CC0 1.0). Of those that it
does not know, the form is said below.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from klopf.chain.rpc import _table as table
from klopf.chain.rpc._method import Method
from tests.chain.evm import asm, deploy

jsonschema = pytest.importorskip("jsonschema")

OWNER = Account.from_key(b"\x02" * 32)
OTHER = "0x" + "22" * 20
NOBODY = "0x" + "77" * 20
NO_HASH = "0x" + "99" * 32
LOGGER = asm("PUSH0 PUSH0 LOG0", 7, "PUSH0 PUSH0 LOG1 PUSH0 SLOAD PUSH0 SSTORE STOP")
REVERTS = asm("PUSH0 PUSH0 REVERT")
SPEC = json.loads((Path(__file__).parent / "data" / "execution-apis.json").read_text())
# "one of" two kinds of list, which an empty list is both of
SPEC["components"]["schemas"]["FilterResults"]["anyOf"] = SPEC["components"]["schemas"]["FilterResults"].pop("oneOf")

UINT, HASH, BYTES = ({"$ref": f"#/components/schemas/{name}"} for name in ("uint", "hash32", "bytes"))
TRUE, BOOL, TEXT, NULL = {"const": True}, {"type": "boolean"}, {"type": "string"}, {"type": "null"}
FRAME = {"type": "object", "required": ["type", "from", "gas", "gasUsed", "input"]}
MAPS = {"type": "object", "required": ["pending", "queued"], "additionalProperties": {"type": "object"}}
OWN: dict[str, Any] = {
    "debug_traceCall": FRAME,
    "debug_traceTransaction": FRAME,  # what a named tracer answers, the specification leaves open
    "eth_getRawTransactionByBlockHashAndIndex": {"anyOf": [BYTES, NULL]},
    "eth_getRawTransactionByBlockNumberAndIndex": {"anyOf": [BYTES, NULL]},
    "eth_getRawTransactionByHash": {"anyOf": [BYTES, NULL]},
    "eth_getUncleCountByBlockHash": {"anyOf": [UINT, NULL]},
    "eth_getUncleCountByBlockNumber": {"anyOf": [UINT, NULL]},
    "eth_hashrate": UINT,
    "eth_mining": BOOL,
    "eth_protocolVersion": UINT,
    "net_listening": BOOL,
    "net_peerCount": UINT,
    "txpool_inspect": MAPS,
    "web3_clientVersion": TEXT,
    "web3_sha3": HASH,
    # development
    "evm_increaseTime": UINT,
    "evm_mine": UINT,
    "evm_revert": BOOL,
    "evm_setAutomine": TRUE,
    "evm_setNextBlockTimestamp": NULL,
    "evm_snapshot": UINT,
    **{
        f"{tool}_{name}": form
        for tool in ("anvil", "hardhat")
        for name, form in {
            **dict.fromkeys(("dropTransaction", "getAutomine"), BOOL),
            **dict.fromkeys(("impersonateAccount", "mine", "reset", "setBalance", "setCode", "setNonce"), TRUE),
            **dict.fromkeys(("setStorageAt", "stopImpersonatingAccount"), TRUE),
        }.items()
    },
    "anvil_autoImpersonateAccount": TRUE,
    "anvil_setAutomine": TRUE,
}
# A transaction that waits is in no block. The schema of eth_getTransactionByHash has no place for it; every node, and
# the schema of txpool_content, gives it with nothing where its block would be.
WAITING = {"$ref": "#/components/schemas/PendingTransactionInfo"}
# Nor is there one for the pending block, which has no hash (web3.py's own tests ask for that) and holds such ones.
PENDING = json.loads(json.dumps(SPEC["components"]["schemas"]["Block"]))
PENDING["properties"]["hash"] = {"type": "null"}
PENDING["properties"]["transactions"]["anyOf"][1]["items"] = WAITING


def check(value: Any, schema: dict[str, Any]) -> None:
    """Whether ``value`` is as ``schema`` says."""
    jsonschema.Draft202012Validator({**schema, "components": SPEC["components"]}).validate(value)


class Client:
    """Asks over one kept connection, and compares what it asks and what it hears with the schemas."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.asked: set[str] = set()

    def raw(self, method: str, params: list[Any]) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        self.connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(self.connection.getresponse().read())
        assert answer["jsonrpc"] == "2.0" and answer["id"] == 7
        return answer  # type: ignore[no-any-return]

    def ask(self, method: str, *params: Any, form: dict[str, Any] | None = None) -> Any:
        answer = self.raw(method, list(params))
        assert set(answer) == {"jsonrpc", "id", "result"}, (method, params, answer)
        said = SPEC["methods"].get(method)
        if said is not None:
            for given, parameter in zip(params, said["params"], strict=False):
                check(given, parameter["schema"])
            assert len(params) >= sum(parameter["required"] for parameter in said["params"])
        try:
            check(answer["result"], form or (OWN[method] if said is None or method in OWN else said["result"]))
        except jsonschema.ValidationError as error:
            raise AssertionError(f"{method}{params}: {answer['result']}: {error.message}") from error
        self.asked.add(method)
        return answer["result"]

    def refused(self, method: str, *params: Any) -> dict[str, Any]:
        answer = self.raw(method, list(params))
        assert set(answer) == {"jsonrpc", "id", "error"}, (method, params, answer)
        error = answer["error"]
        assert type(error["code"]) is int and error["message"] and "\n" not in error["message"]
        assert set(error) <= {"code", "message", "data"}
        return error  # type: ignore[no-any-return]


@pytest.fixture
def client(served: tuple[str, int]) -> Iterator[Client]:
    made = Client(served[1])
    yield made
    made.connection.close()


def signed(nonce: int, **fields: Any) -> str:
    filled = {"chainId": 5, "nonce": nonce, "gas": 200_000, "value": 0, **fields}
    if "maxFeePerGas" not in filled:
        filled.setdefault("gasPrice", 0)
    return "0x" + OWNER.sign_transaction(filled).raw_transaction.hex()


def send(client: Client, nonce: int, **fields: Any) -> str:
    return client.ask("eth_sendRawTransaction", signed(nonce, **fields))  # type: ignore[no-any-return]


KINDS: dict[str, dict[str, Any]] = {
    "legacy": {"to": bytes.fromhex(OTHER[2:]), "value": 1},
    "legacy without a chain": {"to": bytes.fromhex(OTHER[2:]), "value": 1, "chainId": None},
    "with an access list": {
        "to": OTHER, "type": 1, "accessList": [{"address": OTHER, "storageKeys": ["0x" + "00" * 32, "0x" + "0f" * 32]}]
    },
    "with dynamic fees": {"to": OTHER, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "value": 10**17},
    "a creation": {"data": deploy(LOGGER), "maxFeePerGas": 0, "maxPriorityFeePerGas": 0},
    "a failing creation": {"data": REVERTS},
    "with events": {"data": asm("PUSH0 PUSH0 LOG0", 7, "PUSH0 PUSH0 LOG1 STOP")},
}  # fmt: skip


def by_its_block(client: Client, at: str, tx: str | None) -> None:
    """All that is asked about a block, by its number or a tag, and by its hash."""
    for full in (False, True):
        block = client.ask("eth_getBlockByNumber", at, full, form=PENDING if at == "pending" else None)
    for kind, name in (("Number", at), ("Hash", block["hash"])):
        if at == "pending" and kind == "Hash":
            continue
        if kind == "Hash":
            assert client.ask("eth_getBlockByHash", name, True) == block
        client.ask(f"eth_getBlockTransactionCountBy{kind}", name)
        client.ask(f"eth_getUncleCountByBlock{kind}", name)
        for index in ("0x0", "0xff"):
            form = {"anyOf": [WAITING, NULL]} if at == "pending" else None
            found = client.ask(f"eth_getTransactionByBlock{kind}AndIndex", name, index, form=form)
            assert (found and found["hash"]) == (tx if index == "0x0" else None)
            client.ask(f"eth_getRawTransactionByBlock{kind}AndIndex", name, index)
    for name in (at, block["hash"] or at):
        client.ask("eth_getBlockReceipts", name)
    client.ask("eth_feeHistory", "0x4", at, [])
    client.ask("eth_feeHistory", "0x1", at, [0, 12.5, 100])


def test_transactions_blocks_and_receipts(client: Client) -> None:
    for at in ("0x0", "earliest", "latest", "safe", "finalized", "pending"):
        by_its_block(client, at, None)
    hashes = []
    for nonce, fields in enumerate(KINDS.values()):
        given = {name: value for name, value in fields.items() if value is not None}
        raw = signed(nonce, **given)
        if "chainId" in fields:
            filled = {"nonce": nonce, "gas": 21000, "gasPrice": 0, **given}
            raw = "0x" + OWNER.sign_transaction(filled).raw_transaction.hex()
        hashes.append(client.ask("eth_sendRawTransaction", raw))
    for number, tx in enumerate(hashes, 1):
        found = client.ask("eth_getTransactionByHash", tx)
        assert found["blockNumber"] == hex(number)
        client.ask("eth_getTransactionReceipt", tx)
        client.ask("eth_getRawTransactionByHash", tx)
        client.ask("debug_traceTransaction", tx, {"tracer": "callTracer"})
        by_its_block(client, hex(number), tx)
    created = client.ask("eth_getTransactionReceipt", hashes[list(KINDS).index("a creation")])["contractAddress"]
    assert client.ask("eth_getTransactionReceipt", hashes[list(KINDS).index("a failing creation")])["status"] == "0x0"
    send(client, len(hashes), to=bytes.fromhex(created[2:]))
    for criteria in (
        {"fromBlock": "earliest", "toBlock": "latest"}, {"fromBlock": "0x0", "address": created, "topics": []},
        {"fromBlock": "0x1", "address": [created, OTHER], "topics": [None]}, {"address": None, "topics": None},
        {"fromBlock": "earliest", "topics": [["0x" + "00" * 31 + "07", NO_HASH]]}, {"fromBlock": "0xffff"},
    ):  # fmt: skip
        client.ask("eth_getLogs", criteria)
    assert client.ask("eth_getLogs", {"fromBlock": "earliest"})


def test_what_is_not_there_is_null_and_errors_have_their_codes(client: Client) -> None:
    for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getRawTransactionByHash"):
        assert client.ask(method, NO_HASH) is None
    assert client.ask("eth_getBlockByHash", NO_HASH, False) is None
    assert client.ask("eth_getBlockByNumber", "0x99", True) is None
    for kind, name in (("Number", "0x99"), ("Hash", NO_HASH)):
        assert client.ask(f"eth_getTransactionByBlock{kind}AndIndex", name, "0x0") is None
        assert client.ask(f"eth_getRawTransactionByBlock{kind}AndIndex", name, "0x0") is None
        assert client.ask(f"eth_getBlockTransactionCountBy{kind}", name) is None
        assert client.ask(f"eth_getUncleCountByBlock{kind}", name) is None
    for name in ("0x99", NO_HASH):
        assert client.ask("eth_getBlockReceipts", name) is None
    reverts = {"data": "0x" + REVERTS.hex()}
    assert client.refused("eth_call", reverts)["code"] == 3
    assert client.refused("eth_estimateGas", reverts)["data"] == "0x"
    assert client.refused("eth_call", {"to": 5})["code"] == -32602
    assert client.refused("eth_noSuchMethod")["code"] == -32601
    assert client.refused("eth_getProof", OTHER, [], "latest")["code"] == -32601
    assert client.refused("eth_getBalance", OTHER, "0x99")["code"] == -32000
    assert client.refused("eth_getFilterChanges", "0x99")["code"] == -32000
    assert client.refused("debug_traceTransaction", NO_HASH)["code"] == -32000
    for body, code in ((b"{", -32700), (b"[]", -32600), (b"5", -32600), (b'{"id":1}', -32600)):
        client.connection.request("POST", "/", body)
        answer = json.loads(client.connection.getresponse().read())
        assert answer["error"]["code"] == code and answer["jsonrpc"] == "2.0"


def test_state_calls_fees_and_what_the_node_says(client: Client) -> None:
    created = client.ask("eth_getTransactionReceipt", send(client, 0, data=deploy(LOGGER)))["contractAddress"]
    latest = client.ask("eth_getBlockByNumber", "latest", False)["hash"]
    for who in (OWNER.address, created, NOBODY):
        for at in ("latest", "pending", "earliest", "safe", "finalized", "0x1", latest):
            for method in ("eth_getBalance", "eth_getTransactionCount", "eth_getCode"):
                client.ask(method, who, at)
            client.ask("eth_getStorageAt", who, "0x0", at)
        client.ask("eth_getStorageAt", who, "0x" + "00" * 31 + "01", "latest")
    for call in (
        {"to": created}, {"to": NOBODY, "from": OWNER.address, "value": "0x1"}, {"input": "0x00"}, {},
        {"to": created, "gas": "0x30d40", "gasPrice": "0x0"},
        {"to": created, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x1", "from": OWNER.address, "type": "0x2"},
        {"to": created, "accessList": [{"address": created, "storageKeys": []}], "chainId": "0x5", "nonce": "0x1"},
    ):  # fmt: skip
        client.ask("eth_call", call, "latest")
        client.ask("eth_estimateGas", call, "latest")
        client.ask("eth_createAccessList", call, "latest")
        client.ask("debug_traceCall", call, "latest", {"tracer": "callTracer"})
    client.ask("eth_createAccessList", {"input": "0x" + REVERTS.hex()})
    for method in (
        "eth_accounts", "eth_blobBaseFee", "eth_blockNumber", "eth_chainId", "eth_coinbase", "eth_gasPrice",
        "eth_hashrate", "eth_maxPriorityFeePerGas", "eth_mining", "eth_protocolVersion", "eth_syncing",
        "net_listening", "net_peerCount", "net_version", "web3_clientVersion",
    ):  # fmt: skip
        client.ask(method)
    client.ask("web3_sha3", "0x1234")
    for count in ("0x0", "0x1", "0x400", "0xffff"):
        client.ask("eth_feeHistory", count, "latest", [50])


def test_filters_and_what_waits(client: Client) -> None:
    numbers = [client.ask("eth_newFilter", {"fromBlock": "earliest"})]
    numbers += [client.ask(method) for method in ("eth_newBlockFilter", "eth_newPendingTransactionFilter")]
    send(client, 0, data=KINDS["with events"]["data"])
    for number in numbers:
        assert client.ask("eth_getFilterChanges", number)
        assert client.ask("eth_getFilterChanges", number) == []
    client.ask("eth_getFilterLogs", numbers[0])
    for number in numbers:
        assert client.ask("eth_uninstallFilter", number) is True
        assert client.ask("eth_uninstallFilter", number) is False
    for method in ("txpool_content", "txpool_inspect", "txpool_status"):
        client.ask(method)
    waits = [send(client, 2, to=OTHER, value=1), send(client, 3, data=deploy(LOGGER))]
    waits.append(send(client, 4, to=OTHER, maxFeePerGas=5, maxPriorityFeePerGas=1))
    for tx in waits:
        assert client.ask("eth_getTransactionByHash", tx, form=WAITING)["blockHash"] is None
        assert client.ask("eth_getTransactionReceipt", tx) is None
        client.ask("eth_getRawTransactionByHash", tx)
    for method in ("txpool_content", "txpool_inspect", "txpool_status"):
        client.ask(method)
    assert set(client.ask("txpool_contentFrom", OWNER.address)["queued"]) == {"2", "3", "4"}
    client.ask("txpool_contentFrom", NOBODY)
    by_its_block(client, "pending", None)


@pytest.mark.parametrize("served", ["dev"], indirect=True)
def test_development_and_that_nothing_is_left_out(client: Client) -> None:
    client.ask("evm_setAutomine", False)
    waits = [send(client, nonce, to=OTHER, value=nonce) for nonce in range(2)]
    block = client.ask("eth_getBlockByNumber", "pending", True, form=PENDING)
    assert [one["hash"] for one in block["transactions"]] == waits
    found = client.ask("eth_getTransactionByBlockNumberAndIndex", "pending", "0x1", form=WAITING)
    assert found["hash"] == waits[1]
    assert client.ask("eth_getBlockTransactionCountByNumber", "pending") == "0x2"
    client.ask("hardhat_dropTransaction", waits[1])
    client.ask("anvil_dropTransaction", waits[1])
    mark = client.ask("evm_snapshot")
    client.ask("evm_mine")
    client.ask("evm_increaseTime", "0x10")
    client.ask("evm_revert", mark)
    client.ask("evm_revert", mark)
    client.ask("evm_setNextBlockTimestamp", hex(2**33))
    for tool in ("hardhat", "anvil"):
        for name, params in {
            "getAutomine": [], "mine": ["0x2", "0x5"], "setBalance": [OTHER, "0x5af3107a4000"],
            "setCode": [NOBODY, "0x00"], "setNonce": [NOBODY, "0x4"], "impersonateAccount": [OTHER],
            "setStorageAt": [NOBODY, "0x0", "0x" + "00" * 31 + "01"],
        }.items():  # fmt: skip
            client.ask(f"{tool}_{name}", *params)
        client.ask("anvil_setAutomine", True)
        client.ask("eth_sendTransaction", {"from": OTHER, "to": NOBODY, "value": "0x1"})
        by_its_block(client, "latest", client.ask("eth_getBlockByNumber", "latest", False)["transactions"][0])
        client.ask(f"{tool}_stopImpersonatingAccount", OTHER)
        client.ask(f"{tool}_reset")
    client.ask("anvil_autoImpersonateAccount", False)
    for part in PARTS:
        part(client) if part is not test_filters_and_what_waits else None
        client.ask("hardhat_reset")
    test_filters_and_what_waits(client)
    unanswered = {"eth_getProof"}  # always refused
    assert client.asked | unanswered >= set(table.methods(True))


PARTS: list[Callable[[Client], None]] = [
    test_transactions_blocks_and_receipts,
    test_state_calls_fees_and_what_the_node_says,
    test_filters_and_what_waits,
]


def test_every_parameter_that_the_specification_has_is_taken() -> None:
    for name, said in SPEC["methods"].items():
        method = table.methods(True).get(name)
        if isinstance(method, Method) and name != "eth_getProof":
            assert len(method._readers) >= len(said["params"]), name
