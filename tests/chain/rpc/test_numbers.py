"""No number and no shape of a parameter, of any method, is more than a refusal of that one request."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from klopf import chain
from klopf.chain.rpc import Rpc
from klopf.chain.rpc import _table as table
from klopf.chain.rpc._method import Method

OWNER = Account.from_key(b"\x02" * 32)
OTHER = "0x" + "22" * 20
HASH = "0x" + "33" * 32
NUMBERS = [0, 1, 2**31, 2**32, 2**43 - 1, 2**43, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**255, 2**256 - 1]
ODD: list[Any] = [2**256, 2**300, -1, 1.5, True, "", "0x", "latest", "pending", "0x" + "f" * 40, "0x" + "f" * 64]
ODD += [HASH, [], {}, [[]], [None], {"blockNumber": hex(2**60)}, {"blockHash": HASH}, {"fromBlock": hex(2**60)}]
ODD += [{"fromBlock": "earliest", "toBlock": hex(2**60)}, {"topics": [[[]]]}, {"address": 5}, {"topics": 7}]
ODD += [
    {"from": OWNER.address, "to": OTHER, field: hex(number)}
    for field in ("value", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "nonce", "chainId")
    for number in (2**43, 2**64, 2**256 - 1)
]
ODD += [{OTHER: {field: hex(2**256 - 1)}} for field in ("balance", "nonce", "code", "state")]
USUAL: list[Any] = [OTHER, HASH, "0x1", {"to": OTHER}, "latest", [25.0], False]
SLOW = ("_mine",)  # as many blocks as are asked for


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[chain.Chain]:
    with chain.create(tmp_path / "chain.db", chain_id=5, allocation={OWNER.address: 10**18}, dev=True) as made:
        made.mine()
        yield made


def requests() -> Iterator[tuple[str, list[Any]]]:
    """Each parameter of each method in turn is odd, the others usual."""
    for name, method in sorted(table.methods(True).items()):
        assert isinstance(method, Method)
        for place in range(len(method._readers)):
            for odd in [*map(hex, NUMBERS), *NUMBERS, *ODD]:
                if name.endswith(SLOW) and isinstance(odd, int | str) and _small(odd):
                    continue
                for usual in USUAL:
                    yield name, [usual] * place + [odd]
                    if place == 0:
                        break


def _small(value: int | str) -> bool:
    try:
        return (int(value, 16) if isinstance(value, str) else value) < 2**20
    except ValueError:
        return True


def test_every_number_of_every_method_is_checked_at_the_door(opened: chain.Chain) -> None:
    rpc, count = Rpc(opened), 0
    for name, params in requests():
        answer = rpc.answer({"id": 1, "method": name, "params": params})
        json.dumps(answer)
        if "error" in answer:
            assert answer["error"]["code"] in (-32602, -32601, -32000, -32005, 3), (name, params, answer)
            assert "\n" not in answer["error"]["message"]
        count += 1
    assert count > 3000
    assert opened.verify() == opened.height


def test_a_fault_inside_is_that_requests_alone(opened: chain.Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(node: Any) -> None:
        raise OverflowError("too\nlarge")

    rpc = Rpc(opened)
    monkeypatch.setattr(rpc, "methods", rpc.methods | {"eth_mining": Method(broken)})
    error = rpc.answer({"id": 4, "method": "eth_mining"})["error"]
    assert error == {"code": -32603, "message": "eth_mining failed inside (OverflowError: too); please report it"}
    assert opened.provider().make_request("eth_getBalance", [OTHER, 2**70])["error"]["code"] == -32602  # type: ignore[arg-type]


def test_a_batch_and_a_websocket_outlive_it(served: tuple[str, int]) -> None:
    from websockets.sync.client import connect

    _, port = served
    raw = OWNER.sign_transaction({"chainId": 5, "nonce": 0, "gas": 21000, "gasPrice": 0, "to": OTHER, "value": 1})
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": ["0x" + raw.raw_transaction.hex()]},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_getLogs", "params": [{"fromBlock": hex(2**43)}]},
        {"jsonrpc": "2.0", "id": 3, "method": "eth_getBlockByNumber", "params": [hex(2**64), False]},
        {"jsonrpc": "2.0", "id": 4, "method": "eth_blockNumber", "params": []},
    ]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/", json.dumps(batch), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    first, second, third, last = json.loads(response.read())
    assert first["result"] == "0x" + raw.hash.hex() and last["result"] == "0x1"
    assert second["result"] == [] and third["error"]["code"] == -32602
    connection.close()
    with connect(f"ws://127.0.0.1:{port}") as socket:
        for request in [*batch[1:], batch]:
            socket.send(json.dumps(request))
            assert json.loads(socket.recv(10))
