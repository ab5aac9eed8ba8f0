"""``klopf audit serve``, a real process: a card for whoever names an endpoint, and nothing for whoever names more."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.audit.test_endpoints import INPUTS, Server, says, well

KLOPF = Path(sys.executable).with_name("klopf")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The address of an auditor, its token, and its folder."""
    folder = tmp_path_factory.mktemp("serve")
    lines = [f"{','.join(map(str, row))},{'high' if row[0] > 0 else 'low'}" for row in INPUTS]
    (folder / "held.csv").write_text("\n".join(["a,b,c,level", *lines]) + "\n")
    command = [KLOPF, "audit", "serve", "held.csv", "--target", "level", "--tasks", "accuracy,confidence", "--only",
               "127.0.0.1", "--classes", "low,high", "--seconds", "2", "--auditor", "Vera"]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address, _, token = process.stdout.readline().strip().partition("/?token=")
        assert address.startswith("http://127.0.0.1:"), address
        yield address, token, folder
    finally:
        process.terminate()
        process.wait(20)


def call(desk, path, body=None, form=False, **headers):
    """Status and text."""
    address, token, _ = desk
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {"Authorization": f"Bearer {token}", "Content-Type": kind} | headers
    asked = urllib.request.Request(address + path, data, more)
    for _ in range(50):  # the link is printed a moment before it can be opened
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (ConnectionRefusedError, urllib.error.URLError):
            time.sleep(0.1)
    raise AssertionError("nobody listens")


def done(desk, number):
    for _ in range(600):
        told = json.loads(call(desk, f"/audits/{number}.json")[1])
        if told["state"] in ("done", "failed"):
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_an_endpoint_gets_a_card_and_the_next_one_has_a_history(desk):
    with Server(lambda h, x, turn: says(h, {"answers": well(x)})) as server:
        status, said = call(desk, "/audits", {"model": server.url})
        assert status == 202
        first = done(desk, json.loads(said)["audit"])
        form = urllib.parse.urlencode({"model": server.url}).encode()
        status, said = call(desk, "/audits", form, form=True)  # sent on to the audit's page
        assert status == 200
        second = done(desk, first["audit"] + 1)
    card = second["card"]
    assert first["state"] == "done" and card["quality"]["letter"] == "A" and "history" not in first["card"]
    assert [one["card"] for one in card["history"]] == [first["card"]["digest"]]
    assert card["provenance"]["audited by"] == "Vera" and "may change unseen" in str(card["provenance"])
    status, page = call(desk, f"/audits/{second['audit']}")
    assert status == 200 and "report card" in page and "How it did before" in page
    assert f"/audits/{second['audit']}" in call(desk, "/")[1]
    assert len(list((desk[2] / "audits").glob("*.json"))) == 2


def test_an_endpoint_that_never_answers_is_one_line_and_the_next_is_audited(desk):
    with Server(lambda h, x, turn: h.connection.close()) as dead, Server(lambda h, x, turn: says(h, {})) as mad:
        numbers = [json.loads(call(desk, "/audits", {"model": one.url})[1])["audit"] for one in (dead, mad)]
        told = [done(desk, number) for number in numbers]
    assert [one["state"] for one in told] == ["failed", "failed"] and all("\n" not in one["said"] for one in told)
    assert "could not be examined at all" in told[0]["said"]
    assert "failed" in call(desk, f"/audits/{numbers[0]}")[1]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"model": "skops:/etc/passwd"}, 400, "nothing that is asked here"),
        ({"model": "os:system"}, 400, "nothing that is asked here"),
        ({"model": "/etc"}, 400, "nothing that is asked here"),
        ({"model": "file:///etc/passwd"}, 400, "nothing that is asked here"),
        ({"model": "http://169.254.169.254/latest"}, 400, "none of the hosts"),
        ({"model": "openai:http://10.0.0.1/v1#m"}, 400, "none of the hosts"),
        ({"model": "http://[::1"}, 400, "nothing that is asked here"),
        ({"model": ""}, 400, "name a model"),
        ({"model": ["a"]}, 400, "name a model"),
        ({"model": "http://127.0.0.1/\n"}, 400, "name a model"),
        ([], 400, "name a model"),
        (b"[" * 4000, 400, "name a model"),
        (b"\xff", 400, "name a model"),
        (b"x" * 5000, 413, "name one model"),
    ],
)
def test_nothing_else_is_opened_or_asked(desk, body, status, said):
    found, text = call(desk, "/audits", body)
    assert found == status and said in json.loads(text)["error"] and "\n" not in text


def test_only_who_has_the_link_asks_and_nothing_runs_in_the_page(desk):
    assert call(desk, "/", Authorization="Bearer no")[0] == 401
    assert call(desk, "/", Host="evil.net")[0] == 403
    assert call(desk, "/audits", {"model": "http://127.0.0.1/"}, Origin="http://evil.net")[0] == 403
    assert call(desk, "/audits/999")[0] == 404 and call(desk, "/audits/999.json")[0] == 404
    status, page = call(desk, "/audits", b"model=%3Cscript%3E", form=True)
    assert status == 400 and "<script>" not in page and "&lt;script&gt;" in page
