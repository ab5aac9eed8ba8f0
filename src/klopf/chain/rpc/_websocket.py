"""``eth_subscribe`` over a websocket: new blocks, and new logs that match.

Other processes write to the same file, so news is looked for, ten times a second, while somebody waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from klopf.chain.rpc import _fields as fields
from klopf.chain.rpc._json import block_json
from klopf.chain.rpc._rpc import Rpc
from klopf.errors import ChainError, Rejected

__all__ = ["Session", "is_shallow"]

LOOK_SECONDS = 0.1
MAX_SUBSCRIPTIONS = 100
MAX_DEPTH = 64
BRACKETS = re.compile(rb"[\[\]{}]")


class Session:
    """One client's websocket: its requests, its subscriptions, and what it is sent."""

    def __init__(self, rpc: Rpc, send: Callable[[str], Awaitable[None]]) -> None:
        self.rpc = rpc
        self._send = send
        self._numbers = itertools.count(1)
        self._wanted: dict[str, tuple[str, Any]] = {}
        self._next = 0

    async def run(self, texts: AsyncIterator[str]) -> None:
        """Answer until the client goes."""
        self._next = await asyncio.to_thread(lambda: self.rpc.chain.height) + 1
        news = asyncio.create_task(self._push())
        try:
            async for text in texts:
                await self._send(json.dumps(await self._answer(text), separators=(",", ":")))
        finally:
            news.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await news

    async def _answer(self, text: str) -> dict[str, Any] | list[dict[str, Any]]:
        try:
            request = json.loads(text) if is_shallow(text.encode()) else None
        except ValueError:
            request = None
        if isinstance(request, list) and 0 < len(request) <= 1000:
            return [await self._one(item) for item in request]
        return await self._one(request)

    async def _one(self, request: Any) -> dict[str, Any]:
        method = request.get("method") if isinstance(request, dict) else None
        if method not in ("eth_subscribe", "eth_unsubscribe"):
            return await asyncio.to_thread(self.rpc.answer, request)
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request.get("id")}
        try:
            params = request.get("params")
            if not isinstance(params, list) or not params:
                raise Rejected("params must be a list that says what to subscribe to", -32602)
            if method == "eth_unsubscribe":
                return answer | {"result": self._wanted.pop(str(params[0]), None) is not None}
            return answer | {"result": await self._subscribe(params)}
        except Rejected as error:
            return answer | {"error": {"code": error.code, "message": str(error)}}

    async def _subscribe(self, params: list[Any]) -> str:
        kind, criteria = params[0], params[1] if len(params) > 1 else {}
        if kind not in ("newHeads", "logs"):
            raise Rejected("only newHeads and logs can be subscribed to: nothing waits to be mined here", -32602)
        if len(self._wanted) >= MAX_SUBSCRIPTIONS:
            raise Rejected(f"a connection has at most {MAX_SUBSCRIPTIONS} subscriptions; end one first")
        wanted = fields.criteria(criteria or {}) if kind == "logs" else None
        identity = hex(next(self._numbers))
        self._wanted[identity] = (kind, wanted)
        return identity

    async def _push(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                messages = await asyncio.to_thread(self._news)
            except ChainError:
                continue
            for message in messages:
                await self._send(json.dumps(message, separators=(",", ":")))

    def _news(self) -> list[dict[str, Any]]:
        """Messages about the blocks since the last look, in their order."""
        height = self.rpc.chain.height
        self._next = min(self._next, height + 1)  # blocks were undone (development only)
        first, self._next = self._next, height + 1
        out: list[dict[str, Any]] = []
        if not self._wanted:
            return out
        for number in range(first, height + 1):
            for identity, (kind, criteria) in list(self._wanted.items()):
                if kind == "newHeads":
                    block = self.rpc.node.store.block(number)
                    head = block_json(block, False) if block is not None else {}
                    found = [{k: v for k, v in head.items() if k not in _BODY}] if head else []
                else:
                    found = self.rpc.node.filters.logs(criteria, number, number)
                for result in found:
                    params = {"subscription": identity, "result": result}
                    out.append({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
        return out


_BODY = ("transactions", "uncles", "withdrawals", "size", "totalDifficulty")


def is_shallow(body: bytes) -> bool:
    """Whether brackets nest at most 64 deep: the machine raises Python's recursion limit, so the parser has none."""
    depth = 0
    for bracket in BRACKETS.finditer(body):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            return False
    return True
