"""Over a websocket: web3.py's own client, every kind of subscription, and news that a fault does not swallow."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import AsyncWeb3, WebSocketProvider
from web3.utils.subscriptions import LogsSubscription, NewHeadsSubscription, PendingTxSubscription

from klopf import chain
from klopf.chain.rpc import Rpc
from klopf.chain.rpc._subscriptions import Subscriptions
from klopf.errors import ChainError
from tests.chain.evm import asm, deploy

OWNER = Account.from_key(b"\x02" * 32)
OTHER = "0x" + "22" * 20


def signed(nonce: int, **fields: Any) -> bytes:
    """From OWNER."""
    filled = {"chainId": 5, "nonce": nonce, "gas": 200_000, "gasPrice": 0, "value": 0, **fields}
    return bytes(OWNER.sign_transaction(filled).raw_transaction)


async def ask(provider: WebSocketProvider) -> dict[str, list[Any]]:
    heard: dict[str, list[Any]] = {"heads": [], "hashes": [], "whole": [], "logs": []}
    async with AsyncWeb3(provider) as w3:
        assert await w3.eth.chain_id == 5

        async def head(context: Any) -> None:
            heard["heads"].append(context.result["number"])

        async def pending(context: Any) -> None:
            heard["hashes"].append(bytes(context.result))

        async def whole(context: Any) -> None:
            heard["whole"].append(context.result["nonce"])

        async def log(context: Any) -> None:
            heard["logs"].append(context.result["blockNumber"])

        await w3.subscription_manager.subscribe(
            [
                NewHeadsSubscription(handler=head),
                PendingTxSubscription(handler=pending),
                PendingTxSubscription(full_transactions=True, handler=whole),
                LogsSubscription(handler=log),
            ]
        )
        assert await w3.eth.subscribe("syncing")
        logger = deploy(asm("PUSH0 PUSH0 LOG0 STOP"))
        sent = [bytes(await w3.eth.send_raw_transaction(signed(0, data=logger)))]
        address = (await w3.eth.wait_for_transaction_receipt(sent[0]))["contractAddress"]  # type: ignore[arg-type]
        sent.append(bytes(await w3.eth.send_raw_transaction(signed(1, to=address))))
        deadline = time.monotonic() + 20
        listening = asyncio.create_task(w3.subscription_manager.handle_subscriptions(run_forever=True))
        while min(map(len, heard.values())) < 1 or len(heard["whole"]) < 2:
            assert time.monotonic() < deadline, heard
            await asyncio.sleep(0.05)
        listening.cancel()
    assert heard["hashes"] == sent
    return heard


def test_web3_talks_and_listens(url: str) -> None:
    heard = asyncio.run(ask(WebSocketProvider(url.replace("http", "ws"))))
    assert heard["heads"] == [1, 2] and heard["whole"] == [0, 1] and heard["logs"] == [2]


def test_requests_may_be_text_or_binary(url: str) -> None:
    from websockets.sync.client import connect

    with connect(url.replace("http", "ws")) as socket:
        for frame in ('{"id":1,"method":"eth_chainId"}', b'{"id":1,"method":"eth_chainId"}'):
            socket.send(frame)
            assert json.loads(socket.recv(10))["result"] == "0x5"


def test_news_that_cannot_be_read_now_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with chain.create(tmp_path / "chain.db", chain_id=5, allocation={OWNER.address: 1}) as opened:
        node = Rpc(opened).node
        subscriptions = Subscriptions(node)
        heads, logs = subscriptions.add(["newHeads"]), subscriptions.add(["logs", {}])
        made = node.chain.send(signed(0, data=deploy(asm("PUSH0 PUSH0 LOG0 STOP"))))
        address = Rpc(opened).request("eth_getTransactionReceipt", ["0x" + made.hex()])["contractAddress"]
        opened.send(signed(1, to=bytes.fromhex(address[2:])))

        def refuse(*_: Any) -> Any:
            raise ChainError("held by another process")

        with monkeypatch.context() as broken:
            broken.setattr(node.store, "logs", refuse)
            told = [message["params"]["subscription"] for message in subscriptions.news()]
            assert told == [heads, heads]  # the others are told
        told = [message["params"]["subscription"] for message in subscriptions.news()]
        assert told == [logs] and subscriptions.news() == []
