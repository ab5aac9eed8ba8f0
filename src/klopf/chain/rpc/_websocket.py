"""JSON-RPC over a websocket: requests one after another, and news of what one has subscribed to.

Other processes write to the same file, so news is looked for, ten times a second, while somebody waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from klopf.chain.rpc._desk import Desk
from klopf.chain.rpc._rpc import encode, is_identity, refusal
from klopf.chain.rpc._subscriptions import Subscriptions
from klopf.errors import ChainError

__all__ = ["Session"]

LOOK_SECONDS = 0.1


class Session:
    """One client's websocket: its requests, its subscriptions, and what it is sent."""

    def __init__(self, desk: Desk, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._desk = desk
        self._rpc = desk.rpc
        self._send = send
        self._subscriptions = Subscriptions(desk.rpc.node)

    async def run(self, messages: AsyncIterator[bytes]) -> None:
        """Answer until the client goes. JSON may come as a text or as a binary frame (web3.py's are binary)."""
        news = asyncio.create_task(self._push())
        try:
            async for message in messages:
                answer = await self._answer(message)
                if answer is not None:
                    await self._send(answer)
        finally:
            news.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await news

    async def _answer(self, body: bytes) -> bytes | None:
        if b"eth_subscribe" in body or b"eth_unsubscribe" in body:
            request, _ = self._rpc.read(body)
            if _subscribes(request):
                return encode(await self._one(request))
            if isinstance(request, list) and any(_subscribes(one) for one in request):
                return encode([await self._one(one) for one in request])
        return await self._desk.reply(body)

    async def _one(self, request: Any) -> dict[str, Any]:
        if not _subscribes(request):
            return await asyncio.to_thread(self._rpc.answer, request)
        act = self._subscriptions.add if request["method"] == "eth_subscribe" else self._subscriptions.remove
        try:
            result = await asyncio.to_thread(act, request.get("params"))
            return {"jsonrpc": "2.0", "id": request.get("id"), "result": result}
        except ChainError as error:
            return refusal(request.get("id"), error)

    async def _push(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for message in await asyncio.to_thread(self._subscriptions.news):
                await self._send(encode(message))


def _subscribes(request: Any) -> bool:
    return (
        isinstance(request, dict)
        and request.get("method") in ("eth_subscribe", "eth_unsubscribe")
        and is_identity(request.get("id"))
    )
