"""Transactions whose turn has not come: they wait, are shown, replaced and run; threads and batches share a write."""

from __future__ import annotations

import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from klopf import chain
from klopf.chain.rpc import Rpc
from klopf.chain.state import _waiting
from klopf.errors import Rejected

OWNER = Account.from_key(b"\x02" * 32)
OTHERS = [Account.from_key(bytes([n]) * 32) for n in range(3, 7)]
OTHER = "0x" + "22" * 20


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    allocation = {account.address: 10**18 for account in (OWNER, *OTHERS)}
    with chain.create(tmp_path / "chain.db", chain_id=5, allocation=allocation) as made:
        yield made


@pytest.fixture
def rpc(opened: chain.Chain) -> Rpc:
    return Rpc(opened)


def signed(nonce: int, account: Any = OWNER, price: int = 0, **fields: Any) -> str:
    filled = {"chainId": 5, "nonce": nonce, "gas": 21000, "gasPrice": price, "to": OTHER, "value": 1, **fields}
    return "0x" + bytes(account.sign_transaction(filled).raw_transaction).hex()


def test_those_sent_out_of_order_run_when_the_gap_closes(rpc: Rpc) -> None:
    order = list(range(1, 15))
    random.Random(3).shuffle(order)
    sent = {nonce: rpc.request("eth_sendRawTransaction", [signed(nonce)]) for nonce in order}
    assert rpc.request("eth_blockNumber", []) == "0x0"
    assert rpc.request("txpool_status", []) == {"pending": "0x0", "queued": "0xe"}
    shown = rpc.request("txpool_content", [])["queued"][OWNER.address.lower()]
    assert sorted(shown, key=int) == [str(n) for n in range(1, 15)]
    assert shown["3"]["hash"] == sent[3] and shown["3"]["blockHash"] is None
    assert rpc.request("txpool_contentFrom", [OWNER.address])["queued"] == shown
    assert rpc.request("txpool_inspect", [])["queued"][OWNER.address.lower()]["3"].startswith(f"{OTHER}: 1 wei")
    assert rpc.request("eth_getTransactionByHash", [sent[3]])["nonce"] == "0x3"
    assert rpc.request("eth_getRawTransactionByHash", [sent[3]]) == signed(3)
    assert rpc.request("eth_getTransactionReceipt", [sent[3]]) is None
    assert rpc.request("eth_getTransactionCount", [OWNER.address, "pending"]) == "0x0"
    rpc.request("eth_sendRawTransaction", [signed(0)])
    assert rpc.request("eth_blockNumber", []) == "0xf"
    numbers = {n: rpc.request("eth_getTransactionReceipt", [h])["blockNumber"] for n, h in sent.items()}
    assert numbers == {n: hex(n + 1) for n in order}
    assert rpc.request("txpool_status", []) == {"pending": "0x0", "queued": "0x0"}
    assert rpc.chain.verify() == 15  # type: ignore[attr-defined]


def test_a_known_transaction_is_answered_with_its_hash(rpc: Rpc) -> None:
    first, later = signed(0), signed(2)
    hashes = [rpc.request("eth_sendRawTransaction", [raw]) for raw in (first, first, later, later)]
    assert hashes[0] == hashes[1] and hashes[2] == hashes[3]
    assert rpc.request("eth_blockNumber", []) == "0x1"
    with pytest.raises(Rejected, match="nonce too low"):
        rpc.request("eth_sendRawTransaction", [signed(0, value=2)])


def test_one_that_waits_is_replaced_only_by_one_that_offers_more(rpc: Rpc) -> None:
    rpc.request("eth_sendRawTransaction", [signed(1, price=100)])
    for price in (50, 100, 109):
        with pytest.raises(Rejected, match="underpriced"):
            rpc.request("eth_sendRawTransaction", [signed(1, price=price, value=2)])
    better = rpc.request("eth_sendRawTransaction", [signed(1, price=110, value=2)])
    rpc.request("eth_sendRawTransaction", [signed(0)])
    assert rpc.request("eth_getTransactionReceipt", [better])["blockNumber"] == "0x2"


def test_what_waits_is_bounded_in_size_and_time(rpc: Rpc, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Rejected, match="nonce too high"):
        rpc.request("eth_sendRawTransaction", [signed(_waiting.MAX_AHEAD + 1)])
    with pytest.raises(Rejected, match="exceeds block gas limit"):
        rpc.request("eth_sendRawTransaction", [signed(1, gas=2**40)])
    monkeypatch.setattr(_waiting, "MAX_ALL", 2)
    for nonce in (1, 2):
        rpc.request("eth_sendRawTransaction", [signed(nonce)])
    with pytest.raises(Rejected, match="wait already"):
        rpc.request("eth_sendRawTransaction", [signed(3)])
    with pytest.raises(Rejected, match="nonce too high"):
        rpc.chain.send(bytes.fromhex(signed(3)[2:]))  # in process one may ask that nothing waits
    connection = sqlite3.connect(rpc.chain.path)
    connection.execute("UPDATE waiting SET since = since - 601")
    connection.commit()
    connection.close()
    assert rpc.request("txpool_status", [])["queued"] == "0x0"
    rpc.request("eth_sendRawTransaction", [signed(0)])
    assert rpc.request("eth_blockNumber", []) == "0x1"


def test_one_that_cannot_run_when_its_turn_comes_is_forgotten(rpc: Rpc) -> None:
    poor = OTHERS[0]
    dear = rpc.request("eth_sendRawTransaction", [signed(1, poor, value=10**18)])
    after = rpc.request("eth_sendRawTransaction", [signed(2, poor)])
    rpc.request("eth_sendRawTransaction", [signed(0, poor, value=10**17)])
    assert rpc.request("eth_getTransactionByHash", [dear]) is None
    assert rpc.request("eth_getTransactionByHash", [after])["blockHash"] is None
    rpc.request("eth_sendRawTransaction", [signed(1, poor)])
    assert rpc.request("eth_getTransactionReceipt", [after])["blockNumber"] == "0x3"


def test_they_outlive_the_process_and_any_process_runs_them(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    with chain.create(path, chain_id=5, allocation={OWNER.address: 10**18}) as first:
        waits = Rpc(first).request("eth_sendRawTransaction", [signed(1)])
    with chain.open(path) as again:
        again.send(bytes.fromhex(signed(0)[2:]))
        assert again.transaction_block(bytes.fromhex(waits[2:])) == 2


def test_a_file_from_before_has_room_too(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    chain.create(path, chain_id=5, allocation={OWNER.address: 10**18}).close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE waiting")
    connection.commit()
    connection.close()
    with chain.open(path) as opened:
        rpc = Rpc(opened)
        assert rpc.request("txpool_content", []) == {"pending": {}, "queued": {}}
        for nonce in (1, 0):
            rpc.request("eth_sendRawTransaction", [signed(nonce)])
        assert opened.height == opened.verify() == 2


def test_a_batch_is_answered_one_by_one(rpc: Rpc) -> None:
    raws = [signed(0), signed(2), "0x12", signed(1), signed(1, value=5), signed(9, gas=1)]
    requests = [{"id": i, "method": "eth_sendRawTransaction", "params": [raw]} for i, raw in enumerate(raws)]
    requests.insert(3, {"id": 9, "method": "eth_blockNumber", "params": []})
    answers = rpc.answer_all(requests)
    assert [answer["id"] for answer in answers] == [0, 1, 2, 9, 3, 4, 5]
    assert ["error" in answer for answer in answers] == [False, False, True, False, False, True, True]
    assert answers[3]["result"] == "0x1" and rpc.request("eth_blockNumber", []) == "0x3"
    assert answers[5]["error"]["message"].startswith("nonce too low")
    assert rpc.chain.verify() == 3  # type: ignore[attr-defined]


def test_threads_share_a_write(opened: chain.Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    rpc, writes = Rpc(opened), []
    accept = opened._accept_all

    def counted(given: Any) -> Any:
        writes.append(len(given))
        return accept(given)

    monkeypatch.setattr(opened._accepted, "_work", counted)

    def work(account: Any) -> None:
        for nonce in range(25):
            sent = rpc.request("eth_sendRawTransaction", [signed(nonce, account)])
            assert rpc.request("eth_getTransactionReceipt", [sent]) is not None  # durable when it returns

    accounts = [OWNER, *OTHERS]
    with ThreadPoolExecutor(len(accounts)) as pool:
        list(pool.map(work, accounts))
    assert sum(writes) == 125 and len(writes) < 100
    assert opened.height == opened.verify() == 125
