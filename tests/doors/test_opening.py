"""How doors are opened, and what is refused."""

import json
import shutil
import signal
import socket
import subprocess
import time

import pytest

pytest.importorskip("x402")
pytestmark = [pytest.mark.extras, pytest.mark.timeout(300)]

from klopf import wire  # noqa: E402

from .shop import KLOPF, KLP, PASSPHRASE, PRICE, QUESTION, Shop  # noqa: E402


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("shop")) as made:
        yield made


def refused(*arguments, phrase=PASSPHRASE):
    import os

    done = subprocess.run(
        [str(KLOPF), "door", *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"KLOPF_PASSPHRASE": phrase},
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_what_cannot_be_is_one_line(shop, tmp_path):
    assert "name a --price above 0" in refused(shop.folder, "--price", "0")
    assert "name --certificate" in refused(shop.folder, "--host", "0.0.0.0")
    assert "not a participant's folder" in refused(tmp_path)
    assert "wrong passphrase" in refused(shop.folder, phrase="another")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "cannot listen" in refused(shop.folder, "--port", taken.getsockname()[1])


def test_a_folder_has_one_process_and_tls_where_it_is_asked_for(shop, tmp_path):
    import httpx

    from tests.conftest import free_port

    shop.port = free_port()
    wire.Certificate.new("ada", "127.0.0.1", days=2).save(tmp_path)
    url = shop.open(
        "--certificate", tmp_path / wire.Certificate.CERTIFICATE_FILE, "--certificate-key",
        tmp_path / wire.Certificate.KEY_FILE, "--host", "0.0.0.0", "--url", "https://ada.example.org",
    )  # fmt: skip
    assert url == "https://ada.example.org" and "are open already" in refused(shop.folder)
    card = httpx.get(f"https://127.0.0.1:{shop.port}", verify=False, timeout=60).json()
    assert card["pay_to"] == shop.seller
    assert shop.stop() in (0, 143, -signal.SIGTERM)


def test_the_ledger_names_a_door_that_others_reach_as_long_as_it_is_open(tmp_path):
    from klopf import ledger
    from klopf.ledger.agents import AgentIdentity
    from tests.conftest import free_port

    with Shop(tmp_path) as shop:
        shop.port = free_port()
        shop.open("--url", "https://ada.example.org")  # where the network shows nobody as an agent
        assert shop.stop() in (0, 143, -signal.SIGTERM)
        assert "where this door is" not in (tmp_path / "door.log").read_text()
        deployment = ledger.add_pack(shop.book, "agents").deployment
        assert deployment is not None
        deployment.save(shop.folder / "deployment.json")
        with ledger.connect(shop.where, shop.operator, deployment) as book:
            identity, id = book.client(AgentIdentity), book.registry.id_of(shop.seller)
            for named in (True, False):
                shop.open(*(("--url", "https://ada.example.org") if named else ()))
                file = identity.registration(id)
                assert file["x402Support"] is named
                assert [one["name"] for one in file["services"]] == (["web"] if named else [])
                shop.stop()
                assert identity.registration(id)["x402Support"] is False
            shop.open("--url", "https://ada.example.org")
            shop.kill()
            assert identity.door(id) == "https://ada.example.org"  # until it is opened and closed again
            shop.open("--url", "https://ada.example.org")
            shop.stop()
            assert identity.door(id) == ""


def test_the_cards_say_the_same(shop):
    import httpx

    shop.port = 0
    url = shop.open("--price", "0.25")
    card, agent = httpx.get(url).json(), httpx.get(url + "/.well-known/agent-card.json").json()
    file = httpx.get(url + "/.well-known/agent-registration.json").json()
    assert card["price"] == str(10**18 // 4) and "0.25 KLP a sample" in agent["description"]
    assert card["about"] == agent["description"] == file["description"] and file["x402Support"] is True
    assert card["answers"]["names"] == ["big", "small"] and card["pay_to"] == shop.seller
    assert agent["supportedInterfaces"][0]["url"] == url + "/a2a"
    assert agent["capabilities"]["extensions"][0]["required"] is True
    sold = subprocess.run([str(KLOPF), "door", shop.folder, "--sold", "--json"], capture_output=True, check=True)
    assert json.loads(sold.stdout) == []
    shop.kill()


def test_a_network_that_nobody_named_is_the_network():
    from types import SimpleNamespace

    from klopf.doors._desk import Desk
    from klopf.peers import Numbers

    for kind, name, called in (("network", "network", "network"), ("network", "rents", "network rents"),
                               ("neuron", "ada", "neuron ada")):  # fmt: skip
        behind = SimpleNamespace(kind=kind, name=name, task=Numbers(("a",), ("rent",)))
        desk = SimpleNamespace(behind=behind, costs="1 KLP a sample", prices=SimpleNamespace(network="eip155:1"))
        assert Desk.about.fget(desk).startswith(f"Klopf: the {called} says rent of a sample. 1 KLP a sample")


def test_who_holds_connections_and_asks_nothing_keeps_nobody_out(shop):
    import contextlib

    import httpx

    shop.port = 0
    url = shop.open()
    host, port = "127.0.0.1", shop.port
    slow = b"POST /ask HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"
    with contextlib.ExitStack() as held:
        for number in range(600):
            one = held.enter_context(socket.create_connection((host, port)))
            if number % 3:
                one.sendall(slow if number % 3 == 1 else b"GET / HT")
        for _ in range(3):
            assert httpx.get(url, timeout=60).status_code == 200
    shop.kill()


def test_a_door_that_cannot_answer_takes_nothing(shop):
    import httpx

    state = shop.folder / "state"
    shutil.move(state, state.with_name("away"))
    try:
        shop.port = 0
        url, buyer, before = shop.open(), shop.buyer(), shop.owned(shop.seller)
        payment = buyer.payment()
        asked = {"name": "ask", "arguments": QUESTION}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
        message = {"messageId": "1", "role": "ROLE_USER", "parts": [{"data": QUESTION}]}
        send = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
        json_too = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
        said = [
            buyer.ask(None),
            buyer.ask(payment),
            httpx.post(url + "/mcp", json=call, headers=json_too, timeout=60),
            httpx.post(url + "/a2a", json=send, headers={"A2A-Version": "1.0"}, timeout=60),
        ]
        assert [one.status_code for one in said] == [503, 503, 200, 200]
        assert all("no answer can be had now" in one.text and "nothing was taken" in one.text for one in said)
        assert "PAYMENT-REQUIRED" not in said[0].headers and "amount" not in said[2].text + said[3].text
        assert shop.owned(shop.seller) == before and shop.owned(buyer.key.address) == KLP
    finally:
        shutil.move(state.with_name("away"), state)
    deadline = time.monotonic() + 60
    while (found := buyer.ask(payment)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found.status_code == 200 and shop.owned(shop.seller) == before + PRICE
    shop.kill()
