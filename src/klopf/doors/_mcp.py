"""MCP: a tool, ``ask``, over streamable HTTP. The payment comes and its receipt goes in ``_meta``, as x402 has it for
MCP. The only file that knows its package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit

import mcp_types as types
from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.routing import BaseRoute, Route

from klopf import __version__
from klopf.doors._desk import HERE, LARGEST, Desk, plain
from klopf.doors._door import Door
from klopf.errors import KlopfError, Unpaid

__all__ = ["Mcp"]

_PAYMENT, _RECEIPT = "x402/payment", "x402/payment-response"


class Mcp(Door):
    path = "/mcp"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        server = Server(
            "klopf", version=__version__, instructions=desk.about, on_list_tools=self._tools, on_call_tool=self._call
        )
        own = urlsplit(desk.url)
        security = TransportSecuritySettings(  # against pages that point their own name at this machine
            allowed_hosts=list(desk.hosts),
            allowed_origins=[f"{own.scheme}://{own.netloc}", *(f"http://{host}:*" for host in HERE)],
        )
        self._manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, security_settings=security, max_request_body_size=LARGEST
        )

    def routes(self) -> Sequence[BaseRoute]:
        return [Route(self.path, StreamableHTTPASGIApp(self._manager))]

    def running(self) -> AbstractAsyncContextManager[object]:
        return self._manager.run()

    def services(self) -> Sequence[dict[str, Any]]:
        return [{"name": "MCP", "endpoint": self._desk.url + self.path, "version": "2025-11-25"}]

    async def _tools(self, *_: Any) -> types.ListToolsResult:
        desk = self._desk
        tool = types.Tool(
            name="ask", title=f"Ask {desk.behind.name}", description=desk.about, input_schema=desk.sample_schema
        )
        return types.ListToolsResult(tools=[tool])

    async def _call(self, _: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        desk = self._desk
        if asked.name != "ask":
            return _failed("there is one tool here, ask", None)
        try:
            question = desk.question(asked.arguments)
        except KlopfError as error:
            return _failed(plain(error), None)
        said: Any = (asked.meta or {}).get(_PAYMENT)
        try:
            if said is None:
                raise await desk.offer(f"call it again with the payment in _meta under {_PAYMENT}")
            sale = await desk.sell(question, desk.prices.read(said, question.price))
        except Unpaid as error:
            required = desk.prices.required(question.price, "mcp://tool/ask", desk.about, plain(error))
            return _failed(plain(error), required.model_dump(by_alias=True, exclude_none=True))
        except KlopfError as error:
            return _failed(plain(error), None)
        receipt = desk.prices.receipt(sale).model_dump(by_alias=True, exclude_none=True)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=sale.answer)],
            structured_content={"answers": json.loads(sale.answer)}, _meta={_RECEIPT: receipt},
        )  # fmt: skip


def _failed(line: str, required: dict[str, Any] | None) -> types.CallToolResult:
    text = line if required is None else json.dumps(required)
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=text)]
    return types.CallToolResult(content=content, structured_content=required, is_error=True)
