"""A stock MCP client and a stock A2A client buy an answer; a stock x402 client signs for both."""

import asyncio
import json

import pytest

pytest.importorskip("x402")
pytestmark = [pytest.mark.extras, pytest.mark.timeout(300)]

from . import stock  # noqa: E402
from .shop import KLP, PRICE, QUESTION, Shop  # noqa: E402
from .stock import message  # noqa: E402


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("shop")) as made:
        made.open()
        yield made


@pytest.fixture
def wallet(shop):
    """A stock x402 client with one KLP, and its address."""
    from eth_account import Account

    account = Account.create()
    shop.book.token.transfer(account.address, KLP)
    return stock.wallet(account, shop.deployment.chain_id, shop.book.token.address, KLP), account.address


def test_mcp(shop, wallet):
    from mcp import Client
    from x402.schemas import PaymentRequired

    client, address = wallet

    async def bought():
        async with Client(shop.url + "/mcp") as agent:
            (tool,) = (await agent.list_tools()).tools
            assert "0.001 KLP a sample" in tool.description
            refused = await agent.call_tool(tool.name, QUESTION)
            assert refused.is_error and "answers" not in str(refused)
            required = PaymentRequired.model_validate(refused.structured_content)
            payment = await client.create_payment_payload(required)
            meta = {"x402/payment": payment.model_dump(by_alias=True, exclude_none=True)}
            first = await agent.call_tool(tool.name, QUESTION, meta=meta)
            again = await agent.call_tool(tool.name, QUESTION, meta=meta)
            wrong = await agent.call_tool(tool.name, {"samples": [{"length": 1}]}, meta=meta)
            return first, again, wrong

    first, again, wrong = asyncio.run(bought())
    assert first.structured_content["answers"][0]["prediction"] == "big" and again.content == first.content
    assert json.loads(first.content[0].text) == first.structured_content["answers"]
    assert first.meta["x402/payment-response"]["payer"] == address
    assert wrong.is_error and "no 'width'" in wrong.content[0].text
    assert shop.owned(address) == KLP - PRICE


@pytest.mark.parametrize("together", [False, True], ids=["by the task", "together"])
def test_a2a(shop, wallet, together):
    from a2a.client import create_client
    from a2a.helpers.proto_helpers import get_data_parts, new_data_part, new_text_part
    from a2a.types import TaskState
    from google.protobuf.json_format import MessageToDict
    from x402.schemas import PaymentRequired

    client, address = wallet

    async def bought():
        agent = await create_client(shop.url)

        async def send(request):
            return [said async for said in agent.send_message(request)][-1].task

        asked = await send(message([new_data_part(QUESTION)]))
        assert asked.status.state == TaskState.TASK_STATE_INPUT_REQUIRED and not asked.artifacts
        told = MessageToDict(asked.status.message.metadata)
        assert told["x402.payment.status"] == "payment-required"
        payment = await client.create_payment_payload(PaymentRequired.model_validate(told["x402.payment.required"]))
        metadata = {
            "x402.payment.status": "payment-submitted",
            "x402.payment.payload": payment.model_dump(by_alias=True, exclude_none=True),
        }
        if together:
            paid = await send(message([new_text_part(json.dumps(QUESTION))], metadata))
        else:
            paid = await send(message([new_text_part("here it is")], metadata, asked.id))
        await agent.close()
        return paid

    paid = asyncio.run(bought())
    assert paid.status.state == TaskState.TASK_STATE_COMPLETED
    assert get_data_parts(paid.artifacts[0].parts)[0]["answers"][0]["prediction"] == "big"
    told = MessageToDict(paid.status.message.metadata)
    assert told["x402.payment.status"] == "payment-completed" and told["x402.payment.receipts"][0]["payer"] == address
    assert shop.owned(address) == KLP - PRICE


def test_a2a_cancelled_between_question_and_payment_buys_nothing(shop):
    from a2a.client import create_client
    from a2a.helpers.proto_helpers import new_data_part, new_text_part
    from a2a.types import CancelTaskRequest, TaskState
    from google.protobuf.json_format import MessageToDict

    buyer, before = shop.buyer(), shop.owned(shop.seller)
    payment = buyer.payment()

    async def tried():
        agent = await create_client(shop.url)

        async def send(request):
            return [said async for said in agent.send_message(request)][-1].task

        asked = await send(message([new_data_part(QUESTION)]))
        buyer.cancel(payment)
        failed = await send(message([new_text_part("pay")], {"x402.payment.payload": payment}, asked.id))
        gone = await agent.cancel_task(CancelTaskRequest(id=asked.id))
        await agent.close()
        return failed, gone

    failed, gone = asyncio.run(tried())
    told = MessageToDict(failed.status.message.metadata)
    assert failed.status.state == TaskState.TASK_STATE_INPUT_REQUIRED and not failed.artifacts
    assert told["x402.payment.status"] == "payment-failed" and told["x402.payment.error"] == "DUPLICATE_NONCE"
    assert gone.status.state == TaskState.TASK_STATE_CANCELED and shop.owned(shop.seller) == before


def test_the_example_buys_an_answer(shop):
    import os
    import subprocess
    import sys
    from pathlib import Path

    from eth_account import Account

    root, account = Path(__file__).parents[2], Account.create()
    shop.book.token.transfer(account.address, KLP)
    program = root / "examples/buy_answers.py"
    done = subprocess.run(
        [sys.executable, program, shop.url, json.dumps(QUESTION["samples"][0])], capture_output=True, text=True,
        env=os.environ | {"BUYER_KEY": account.key.hex()}, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["answers"][0]["prediction"] == "big" and shop.owned(account.address) == KLP - PRICE
    shown = (
        (root / "docs/doors.md").read_text().split("<!-- examples/buy_answers.py -->\n```python\n")[1].split("```")[0]
    )
    assert shown in program.read_text()


def test_a_payment_may_be_shown_at_another_door(shop):
    """What was cut off over HTTP is had by A2A, whose numbers are all of one kind."""
    import httpx

    buyer, question = shop.buyer(), {"samples": [{"length": 1, "width": 0}]}
    payment = buyer.payment()
    first = buyer.ask(payment, question).json()["answers"]
    asked = {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": question}]}
    asked["metadata"] = {"x402.payment.payload": payment}
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": asked}}
    said = httpx.post(shop.url + "/a2a", json=body, headers={"A2A-Version": "1.0"}, timeout=60).json()
    assert said["result"]["task"]["artifacts"][0]["parts"][0]["data"]["answers"] == first
    assert shop.owned(buyer.key.address) == KLP - PRICE


def test_a2a_has_no_streams(shop):
    import httpx

    for method in ("SendStreamingMessage", "SubscribeToTask", "ListTasks", "GetTask", "Nothing"):
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}
        said = httpx.post(shop.url + "/a2a", json=asked, headers={"A2A-Version": "1.0"}, timeout=60).json()
        assert "error" in said and "Traceback" not in str(said)


def sent(url, parts, **more):
    """A message over A2A's JSON-RPC as nobody's client would send it."""
    import httpx

    said = {"messageId": "1", "role": "ROLE_USER", "parts": parts, **more}
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": said}}
    return httpx.post(url + "/a2a", content=json.dumps(body), timeout=60,
                      headers={"content-type": "application/json", "A2A-Version": "1.0"})  # fmt: skip


def test_a2a_keeps_little_of_what_nobody_has_paid_for(shop):
    """Other columns, long ids and ever more questions take no memory."""
    padded = QUESTION["samples"][0] | {f"other{i}": i for i in range(2000)}
    first = sent(shop.url, [{"data": {"samples": [padded]}}]).json()["result"]["task"]
    again = sent(shop.url, [{"text": "no payment yet"}], taskId=first["id"]).json()["result"]["task"]
    assert again["id"] == first["id"] and again["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert "128 letters" in sent(shop.url, [{"data": QUESTION}], contextId="x" * 10**5).json()["error"]["message"]


def test_a2a_forgets_the_oldest_where_questions_are_long():
    from a2a.types import Task

    from klopf.doors import _a2a

    tasks = _a2a._Tasks(None, None)
    for number in range(100):
        tasks._keep(Task(id=str(number)), "x" * 10**6)
    tasks._keep(Task(id="99"), "")
    assert list(tasks._tasks) == [str(n) for n in range(84, 100)] and list(tasks._asked) == list(tasks._tasks)[:-1]
    assert tasks._letters == 15 * 10**6
    for number in range(2000):
        tasks._keep(Task(id=f"other{number}"), "x")
    assert len(tasks._tasks) == _a2a.KEPT == tasks._letters


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_no_json_has_is_refused_and_nothing_is_logged(shop, word):
    import httpx

    log = shop.place / "door.log"
    before = log.read_text()
    for path in ("/ask", "/a2a", "/mcp"):
        said = httpx.post(shop.url + path, content=f'{{"samples": [{{"length": {word}}}]}}', timeout=60)
        assert said.status_code == 400 and word in said.json()["error"]
    strange = sent(shop.url, [{"data": QUESTION, "text": "both"}], role="ROLE_OF_NOBODY")
    assert "error" in strange.json() and log.read_text() == before
