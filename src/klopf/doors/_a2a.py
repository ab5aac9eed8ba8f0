"""A2A 1.0: an agent with one skill, over JSON-RPC. Payments as the x402 extension of A2A has them: a task waits for its
payment (``input-required``), and is completed once that is settled. The only file that knows its package.

A task that waits is kept in memory only, the last of them: whoever finds it gone sends question and payment together,
which is one message, and is the same to the till.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from a2a.helpers.proto_helpers import get_text_parts, new_data_part, new_text_part
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentSkill,
    Artifact,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Role,
    SendMessageRequest,
    Task,
    TaskState,
    TaskStatus,
)
from a2a.utils.errors import (
    InternalError,
    InvalidParamsError,
    PushNotificationNotSupportedError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from google.protobuf.json_format import MessageToDict
from starlette.routing import BaseRoute, Route

from klopf import __version__, nested
from klopf.doors._desk import Desk, plain
from klopf.doors._door import Door
from klopf.doors._light import Light, asked
from klopf.doors._sales import Sale
from klopf.errors import KlopfError, Unpaid

__all__ = ["A2a"]

X402 = "https://github.com/google-agentic-commerce/a2a-x402/blob/main/spec/v0.2"
KEPT, KEPT_LETTERS = 1000, 1 << 24
"""Tasks that are remembered, and the letters of their questions together: whoever asks has paid nothing yet."""
LONGEST_ID = 128
_STATUS, _REQUIRED, _PAYLOAD = "x402.payment.status", "x402.payment.required", "x402.payment.payload"
_RECEIPTS, _ERROR = "x402.payment.receipts", "x402.payment.error"


class A2a(Door):
    path = "/a2a"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> Sequence[BaseRoute]:
        card = self._card()
        asked = create_jsonrpc_routes(_Tasks(self._desk, card), self.path)
        return [*create_agent_card_routes(card), *(Route(self.path, Light(one.app), methods=["POST"]) for one in asked)]

    def services(self) -> Sequence[dict[str, Any]]:
        return [{"name": "A2A", "endpoint": f"{self._desk.url}/.well-known/agent-card.json", "version": "1.0"}]

    def _card(self) -> AgentCard:
        desk = self._desk
        example = {"samples": [dict.fromkeys(desk.behind.columns[:8], 0)]}
        skill = AgentSkill(
            id="ask", name=f"Ask {desk.behind.name}", description=desk.about, tags=[desk.behind.task.kind, "x402"],
            examples=[json.dumps(example)], input_modes=["application/json"], output_modes=["application/json"],
        )  # fmt: skip
        pays = AgentExtension(uri=X402, description=f"{desk.costs}, in KLP on {desk.prices.network}", required=True)
        return AgentCard(
            name=desk.behind.name, description=desk.about, version=__version__, skills=[skill],
            supported_interfaces=[
                AgentInterface(url=desk.url + self.path, protocol_binding="JSONRPC", protocol_version="1.0")
            ],
            capabilities=AgentCapabilities(extensions=[pays]),
            default_input_modes=["application/json"], default_output_modes=["application/json"],
        )  # fmt: skip


class _Tasks(RequestHandler):
    """Tasks that wait for their payment, or have been answered."""

    def __init__(self, desk: Desk, card: AgentCard) -> None:
        self._desk, self._card = desk, card
        self._tasks: dict[str, Task] = {}
        self._asked: dict[str, str] = {}
        self._letters = 0

    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task:
        desk, message = self._desk, params.message
        if max(len(message.task_id), len(message.context_id)) > LONGEST_ID:
            raise InvalidParamsError(message=f"the id of a task or context has {LONGEST_ID} letters at most")
        said = asked.get() or _question_in(message)
        if said is None and message.task_id in self._asked:
            said = {"samples": json.loads(self._asked[message.task_id])}
        if said is None:
            if message.task_id:
                raise TaskNotFoundError(message="this task is not known any more: send question and payment together")
            raise InvalidParamsError(message='send a part of data, {"samples": [{column: value, ...}, ...]}')
        task = Task(id=message.task_id or str(uuid.uuid4()), context_id=message.context_id or str(uuid.uuid4()))
        payload = MessageToDict(message.metadata).get(_PAYLOAD)
        try:
            question = desk.question(said)
        except KlopfError as error:
            raise InvalidParamsError(message=plain(error)) from None
        try:
            if payload is None:
                raise await desk.offer("send the payment, signed")
            sale = await desk.sell(question, desk.prices.read(payload, question.price))
        except Unpaid as error:
            required = desk.prices.required(question.price, desk.url + A2a.path, desk.about, plain(error))
            more: dict[str, Any] = {_REQUIRED: required.model_dump(by_alias=True, exclude_none=True)}
            if payload is None:
                more[_STATUS] = "payment-required"
            else:
                receipt = {"success": False, "errorReason": plain(error), "transaction": "", "network": ""}
                more |= {_STATUS: "payment-failed", _ERROR: error.code, _RECEIPTS: [receipt]}
            self._keep(_state(task, TaskState.TASK_STATE_INPUT_REQUIRED, plain(error), more), question.text)
        except KlopfError as error:  # it is kept what was paid: the same message asks again
            raise InternalError(message=plain(error)) from None
        else:
            self._keep(self._completed(task, sale), "")
        return task

    def _completed(self, task: Task, sale: Sale) -> Task:
        receipt = self._desk.prices.receipt(sale).model_dump(by_alias=True, exclude_none=True)
        more = {_STATUS: "payment-completed", _RECEIPTS: [receipt]}
        part = new_data_part({"answers": json.loads(sale.answer)}, "application/json")
        task.artifacts.append(Artifact(artifact_id="answers", name="answers", parts=[part]))
        return _state(task, TaskState.TASK_STATE_COMPLETED, "paid and answered", more)

    def _keep(self, task: Task, asked: str) -> None:
        """``asked`` as :attr:`Question.text`, empty where it is answered."""
        self._forget(task.id)
        self._tasks[task.id] = task
        if asked:
            self._asked[task.id] = asked
            self._letters += len(asked)
        while len(self._tasks) > KEPT or self._letters > KEPT_LETTERS:
            self._forget(next(iter(self._tasks)))

    def _forget(self, id: str) -> None:
        self._tasks.pop(id, None)
        self._letters -= len(self._asked.pop(id, ""))

    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task | None:
        return self._tasks.get(params.id)

    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task | None:
        task = self._tasks.get(params.id)
        if task is None:
            return None
        if task.status.state != TaskState.TASK_STATE_INPUT_REQUIRED:
            raise TaskNotCancelableError(message="it is answered and paid")
        self._letters -= len(self._asked.pop(params.id, ""))
        return _state(task, TaskState.TASK_STATE_CANCELED, "nothing was paid", {_STATUS: "payment-rejected"})

    async def on_list_tasks(self, params: Any, context: ServerCallContext) -> Any:
        raise UnsupportedOperationError(message="tasks are found by their ids: there are no accounts here")

    def on_message_send_stream(self, params: Any, context: ServerCallContext) -> AsyncGenerator[Any]:
        raise UnsupportedOperationError(message="answers come whole: use SendMessage")

    def on_subscribe_to_task(self, params: Any, context: ServerCallContext) -> AsyncGenerator[Any]:
        raise UnsupportedOperationError(message="answers come whole: use SendMessage")

    async def on_get_extended_agent_card(self, params: Any, context: ServerCallContext) -> AgentCard:
        return self._card

    async def on_create_task_push_notification_config(self, params: Any, context: ServerCallContext) -> Any:
        raise PushNotificationNotSupportedError

    async def on_get_task_push_notification_config(self, params: Any, context: ServerCallContext) -> Any:
        raise PushNotificationNotSupportedError

    async def on_list_task_push_notification_configs(self, params: Any, context: ServerCallContext) -> Any:
        raise PushNotificationNotSupportedError

    async def on_delete_task_push_notification_config(self, params: Any, context: ServerCallContext) -> None:
        raise PushNotificationNotSupportedError


def _question_in(message: Message) -> Any:
    """What a message asks in a part of text that is JSON."""
    for text in get_text_parts(message.parts):
        try:
            said = nested.from_json(text.encode())
        except ValueError:
            continue
        if isinstance(said, dict) and "samples" in said:
            return said
    return None


def _state(task: Task, state: Any, line: str, more: dict[str, Any]) -> Task:
    message = Message(
        message_id=str(uuid.uuid4()), task_id=task.id, context_id=task.context_id, role=Role.ROLE_AGENT,
        parts=[new_text_part(line)],
    )  # fmt: skip
    message.metadata.update(more)
    task.status.CopyFrom(TaskStatus(state=state, message=message))
    task.status.timestamp.GetCurrentTime()
    return task
