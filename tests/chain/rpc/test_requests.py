"""What is no request, or would make an answer that nobody can read, is refused; and a batch has an end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from klopf import chain
from klopf.chain.rpc import Rpc, _rpc
from klopf.chain.rpc._method import Method

OWNER = Account.from_key(b"\x02" * 32)
OTHER = "0x" + "22" * 20


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[chain.Chain]:
    with chain.create(tmp_path / "chain.db", chain_id=5, allocation={OWNER.address: 10**18}) as made:
        yield made


def no_number(name: str) -> Any:
    raise ValueError(name)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999"])
@pytest.mark.parametrize(
    "body",
    [
        '{"id":%s,"method":"eth_chainId"}',
        '{"id":1,"method":"eth_feeHistory","params":["0x1","latest",[%s]]}',
        '[{"id":%s,"method":"eth_sendRawTransaction","params":["0x00"]}]',
    ],
)
def test_what_is_not_json_is_not_repeated(opened: chain.Chain, body: str, number: str) -> None:
    answer = Rpc(opened).reply((body % number).encode())
    assert answer["error"]["code"] == -32700
    json.loads(json.dumps(answer), parse_constant=no_number)


@pytest.mark.parametrize("identity", [True, [1], {"a": 1}, []])
@pytest.mark.parametrize("method", ["eth_chainId", "eth_sendRawTransaction", "eth_subscribe"])
def test_an_id_is_a_text_or_a_number(opened: chain.Chain, identity: Any, method: str) -> None:
    request = {"id": identity, "method": method, "params": ["0x00"]}
    for body in (request, [request, request]):
        answer = Rpc(opened).reply(json.dumps(body).encode())
        for one in answer if isinstance(body, list) else [answer]:
            assert one["error"]["code"] == -32600 and one["id"] is None
    for identity in ("", "a", 0, -1, 1.5, 2**70, None):
        request = {"id": identity, "method": "eth_chainId"}
        assert Rpc(opened).reply(json.dumps(request).encode()) == {"jsonrpc": "2.0", "id": identity, "result": "0x5"}


def test_a_batch_has_an_end(opened: chain.Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not begun is told so, and a transaction among it has not been sent."""
    rpc = Rpc(opened)
    raw = OWNER.sign_transaction({"chainId": 5, "nonce": 0, "gas": 21000, "gasPrice": 0, "to": OTHER, "value": 1})
    batch = [{"id": n, "method": "eth_chainId"} for n in range(3)]
    batch.append({"id": 3, "method": "eth_sendRawTransaction", "params": ["0x" + raw.raw_transaction.hex()]})
    monkeypatch.setattr(_rpc, "BATCH_SECONDS", 0.05)
    monkeypatch.setitem(rpc.methods, "eth_chainId", Method(lambda _: time.sleep(0.03) or "0x5"))
    answers = rpc.answer_all(batch)
    assert [answer["id"] for answer in answers] == [0, 1, 2, 3]
    assert answers[0]["result"] == answers[1]["result"] == "0x5"
    assert answers[-1]["error"]["code"] == -32005
    assert opened.height == 0


def test_a_full_pool_is_shown_at_once(opened: chain.Chain) -> None:
    """Each look at the pool reads it once, however many wait."""
    for nonce in range(1, 200):
        raw = OWNER.sign_transaction(
            {"chainId": 5, "nonce": nonce, "gas": 21000, "gasPrice": 0, "to": OTHER, "value": 1}
        )
        opened.submit([raw.raw_transaction])
    rpc, start = Rpc(opened), time.process_time()
    assert len(rpc.request("txpool_content", [])["queued"]["0x" + OWNER.address[2:].lower()]) == 199
    assert rpc.request("eth_getBlockByNumber", ["pending", True])["transactions"] == []
    assert rpc.request("txpool_status", []) == {"pending": "0x0", "queued": hex(199)}
    assert time.process_time() - start < 3  # it took as many looks as there are transactions
