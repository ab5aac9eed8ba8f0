"""The protocols' own clients, as anybody installs them, with a wallet that has KLP and nothing else."""

from __future__ import annotations

import json
import uuid
from typing import Any

__all__ = ["message", "over_a2a", "over_mcp", "wallet"]


def wallet(account: Any, chain_id: int, token: str, most: int) -> Any:
    """A stock x402 client that may pay ``most`` of ``token`` at a time."""
    from x402 import x402Client
    from x402.mechanisms.evm.exact import ExactEvmScheme

    chain, client = f"eip155:{chain_id}", x402Client()
    client.register(chain, ExactEvmScheme(account))
    allowed = {"network": chain, "asset": token, "max_amount_per_payment": str(most)}
    client.set_spend_controls({"allowed_assets": [allowed]})
    return client


async def over_mcp(url: str, question: Any, client: Any) -> Any:
    """The answers that a stock MCP client gets for its money."""
    from mcp import Client
    from x402.schemas import PaymentRequired

    async with Client(url + "/mcp") as agent:
        (tool,) = (await agent.list_tools()).tools
        refused = await agent.call_tool(tool.name, question)
        assert refused.is_error and "answers" not in str(refused)
        payment = await client.create_payment_payload(PaymentRequired.model_validate(refused.structured_content))
        meta = {"x402/payment": payment.model_dump(by_alias=True, exclude_none=True)}
        said = await agent.call_tool(tool.name, question, meta=meta)
    return said.structured_content["answers"]


def message(parts: Any, metadata: Any = None, task: str = "") -> Any:
    """A message of A2A."""
    from a2a.types import Message, Role, SendMessageRequest

    made = Message(message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=parts, task_id=task)
    if metadata:
        made.metadata.update(metadata)
    return SendMessageRequest(message=made)


async def over_a2a(url: str, question: Any, client: Any) -> Any:
    """The answers that a stock A2A client gets for its money."""
    from a2a.client import create_client
    from a2a.helpers.proto_helpers import get_data_parts, new_data_part, new_text_part
    from google.protobuf.json_format import MessageToDict
    from x402.schemas import PaymentRequired

    agent = await create_client(url)

    async def send(request: Any) -> Any:
        return [said async for said in agent.send_message(request)][-1].task

    asked = await send(message([new_data_part(question)]))
    assert not asked.artifacts
    told = MessageToDict(asked.status.message.metadata)
    payment = await client.create_payment_payload(PaymentRequired.model_validate(told["x402.payment.required"]))
    metadata = {
        "x402.payment.status": "payment-submitted",
        "x402.payment.payload": payment.model_dump(by_alias=True, exclude_none=True),
    }
    paid = await send(message([new_text_part(json.dumps(question))], metadata))
    await agent.close()
    return get_data_parts(paid.artifacts[0].parts)[0]["answers"]
