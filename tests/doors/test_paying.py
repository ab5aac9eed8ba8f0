"""Nobody is answered who has not paid, and nobody pays without an answer: over plain HTTP, with a process that dies."""

import re

import pytest

pytest.importorskip("x402")
pytestmark = [pytest.mark.extras, pytest.mark.timeout(300)]

from .shop import KLP, PRICE, QUESTION, Shop, header  # noqa: E402


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("shop")) as made:
        made.open()
        yield made


def test_a_stock_client_buys_an_answer(shop):
    import asyncio

    from eth_account import Account
    from x402 import x402Client
    from x402.http.clients.httpx import wrapHttpxWithPayment
    from x402.mechanisms.evm.exact import ExactEvmScheme

    account = Account.create()
    shop.book.token.transfer(account.address, KLP)
    before = shop.owned(shop.seller)
    client = x402Client()
    chain = f"eip155:{shop.deployment.chain_id}"
    client.register(chain, ExactEvmScheme(account))
    allowed = {"network": chain, "asset": shop.book.token.address, "max_amount_per_payment": str(KLP)}
    client.set_spend_controls({"allowed_assets": [allowed]})

    async def bought():
        async with wrapHttpxWithPayment(client, timeout=60) as http:
            return await http.post(shop.url + "/ask", json=QUESTION)

    said = asyncio.run(bought())
    assert said.status_code == 200, said.text
    assert said.json()["answers"][0]["prediction"] == "big"
    assert shop.owned(account.address) == KLP - PRICE and shop.owned(shop.seller) == before + PRICE


def test_without_a_payment_the_price_is_told_and_nothing_else(shop):
    said = shop.buyer().ask(None)
    assert said.status_code == 402 and "answers" not in said.json() and "PAYMENT-REQUIRED" in said.headers


def test_a_payment_buys_one_question_and_its_answer_again_and_again(shop):
    buyer, before = shop.buyer(), shop.owned(shop.seller)
    payment = buyer.payment()
    first, again = buyer.ask(payment), buyer.ask(payment)
    assert first.status_code == again.status_code == 200 and first.text == again.text
    other = buyer.ask(payment, {"samples": [{"length": 2.0, "width": 0.1}]})
    assert other.status_code == 402 and "another question" in other.json()["error"]
    assert shop.owned(shop.seller) == before + PRICE


def test_two_samples_cost_twice(shop):
    buyer = shop.buyer()
    two = {"samples": [{"length": 1.0, "width": 0.1}, {"width": 0.0, "length": -1, "note": "x"}]}
    assert buyer.ask(buyer.payment(), two).status_code == 402
    said = buyer.ask(buyer.payment(2 * PRICE), two)
    assert [one["prediction"] for one in said.json()["answers"]] == ["big", "small"]


def test_what_was_cancelled_or_is_not_there_buys_nothing(shop):
    buyer, before = shop.buyer(), shop.owned(shop.seller)
    cancelled = buyer.payment()
    buyer.cancel(cancelled)
    said = buyer.ask(cancelled)
    assert said.status_code == 402 and "cancelled" in said.json()["error"]
    said = shop.buyer(0).ask(shop.buyer(0).payment())
    assert said.status_code == 402 and re.search(
        r"has 0(\.\d+)? KLP and this costs [\d.]+ KLP: bring more KLP", said.json()["error"]
    )
    assert shop.owned(shop.seller) == before


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"value": str(PRICE - 1)}, "were authorized"),
        ({"to": "0x" + "11" * 20}, "somebody else"),
        ({"nonce": "0x" + "00" * 32}, "signature"),
        ({"from": "0x" + "22" * 20}, "signature"),
        ({"validBefore": "1"}, "good from now on"),
        ({"validAfter": str(2**40)}, "good from now on"),
        ({"value": "-1"}, "ValueError"),
        ({"value": "9" * 78}, "ValueError"),
        ({"nonce": "0x00"}, "ValueError"),
        ({"from": 7}, ""),
    ],
)  # fmt: skip
def test_a_payment_that_was_altered_buys_nothing(shop, changed, says):
    buyer, before = shop.buyer(), shop.owned(shop.seller)
    said = buyer.ask(buyer.payment(**changed))
    assert said.status_code == 402 and says in said.json()["error"] and "\n" not in said.json()["error"]
    assert shop.owned(shop.seller) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"[]", 400), (b"{", 400), (b"\xff", 400), (b'{"samples": []}', 400), (b'{"samples": [1]}', 400),
        (b'{"samples": [{}]}', 400), (b'{"samples": [{"length": true, "width": 1}]}', 400),
        (b'{"samples": [{"length": NaN, "width": 1}]}', 400), (b'{"samples": [{"length": "x", "width": 1}]}', 400),
        (b'{"samples": [{"length": 1e39, "width": 1}]}', 400), (b'{"samples": [{"length": null, "width": 1}]}', 400),
        (b'{"samples": [{"length": 1' + b"0" * 4000 + b', "width": 1}]}', 400), (b"[" * 100_000, 400),
        (b'{"samples": [' + b"{}," * 2000 + b"{}]}", 400), (b"[" + b"0," * 600_000 + b"0]", 413),
    ],
    ids=range(16),
)  # fmt: skip
def test_hostile_bodies_are_refused_in_one_line(shop, body, status):
    import httpx

    for path in ("/ask", "/mcp", "/a2a"):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        said = httpx.post(shop.url + path, content=body, headers=headers, timeout=60)
        assert said.status_code < 500 and "Traceback" not in said.text
        if path == "/ask":
            assert said.status_code == status and "\n" not in said.json()["error"]
    assert httpx.get(shop.url).status_code == 200


def test_a_header_that_is_no_payment_is_one_line(shop):
    import httpx

    for said in ("", "x", "{}", header({}), header([[[]]]), header({"x402Version": 1}), "A" * 20_000):
        answer = httpx.post(shop.url + "/ask", json=QUESTION, headers={"PAYMENT-SIGNATURE": said})
        assert answer.status_code == 402 and "\n" not in answer.json()["error"], said[:40]
