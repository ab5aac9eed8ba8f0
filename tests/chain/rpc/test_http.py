"""The server's own HTTP: every way in which a client may send a request, what is refused, and who waits for whom."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from klopf import chain
from tests.chain.evm import asm, deploy
from tests.chain.rpc.conftest import CODE

OWNER = Account.from_key(b"\x02" * 32)
ASK = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": "0x5"}


class Wire:
    """A connection, byte by byte."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, *parts: bytes, pause: float = 0.0) -> None:
        for part in parts:
            self.socket.sendall(part)
            time.sleep(pause)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def is_over(self) -> bool:
        return self.file.read(1) == b""


def head(*lines: str, first: str = "POST / HTTP/1.1", host: str = "Host: localhost") -> bytes:
    return "\r\n".join([first, *([host] if host else []), *lines, "", ""]).encode()


def whole(body: bytes = ASK, *lines: str, first: str = "POST / HTTP/1.1") -> bytes:
    return head(f"Content-Length: {len(body)}", *lines, first=first) + body


@pytest.fixture
def wire(served: tuple[str, int]) -> Wire:
    return Wire(served[1])


def test_a_request_may_come_in_any_pieces(wire: Wire) -> None:
    request = whole()
    for cut in (1, 10, len(request) - len(ASK) - 2, len(request) - len(ASK), len(request) - 1):
        wire.send(request[:cut], request[cut:], pause=0.01)
        status, headers, body = wire.answer()
        assert status == 200 and json.loads(body) == ANSWER
        assert headers["content-type"] == "application/json" and headers["date"].endswith("GMT")
        assert "connection" not in headers


def test_several_requests_sent_ahead_are_answered_in_their_order(wire: Wire) -> None:
    wire.send(b"".join(whole(b'{"id":%d,"method":"eth_chainId"}' % i) for i in range(200)))
    assert [json.loads(wire.answer()[2])["id"] for _ in range(200)] == list(range(200))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_in_chunks(wire: Wire, size: int) -> None:
    chunks = [ASK[i : i + size] for i in range(0, len(ASK), size)]
    coded = b"".join(b"%x;more=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    for end in (b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n"):
        wire.send(head("Transfer-Encoding: chunked"), coded[:3], coded[3:] + end, pause=0.01)
        assert json.loads(wire.answer()[2]) == ANSWER
    wire.send(whole())  # and the connection goes on
    assert json.loads(wire.answer()[2]) == ANSWER


def test_a_client_that_asks_whether_to_go_on_is_told(wire: Wire) -> None:
    wire.send(head(f"Content-Length: {len(ASK)}", "Expect: 100-continue"))
    assert wire.file.readline() == b"HTTP/1.1 100 Continue\r\n" and wire.file.readline() == b"\r\n"
    wire.send(ASK)
    assert json.loads(wire.answer()[2]) == ANSWER


def test_the_connection_ends_when_the_client_wishes(served: tuple[str, int]) -> None:
    for request in (whole(ASK, "Connection: close"), whole(first="POST / HTTP/1.0")):
        wire = Wire(served[1])
        wire.send(request)
        status, headers, body = wire.answer()
        assert (status, headers["connection"], json.loads(body)) == (200, "close", ANSWER) and wire.is_over()
    wire = Wire(served[1])  # it sends no more, and still hears the answer
    wire.send(whole())
    wire.socket.shutdown(socket.SHUT_WR)
    assert json.loads(wire.answer()[2]) == ANSWER and wire.is_over()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (head("Content-Length: 5", first="POST / HTTP/2.0"), 505),
        (head("Content-Length: -5"), 400),
        (head("Content-Length: 0x5"), 400),
        (head("Content-Length: 5", "Content-Length: 6"), 400),
        (head("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
        (head("Transfer-Encoding: gzip"), 501),
        (head("Transfer-Encoding: chunked") + b"zz\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"-1\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"600000\r\n", 413),
        (head("Content-Length: 6000000"), 413),
        (head("no colon here"), 400),
        (head(" Folded: x"), 400),
        (head(*(f"X-{i}: {'y' * 1000}" for i in range(70))), 431),
        (b"POST / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
        (whole(first="GET / HTTP/1.1"), 405),
        (whole(first="POST /other HTTP/1.1"), 404),
        (head("Host: evil.example", "Content-Length: 0"), 400),
        (head("Content-Length: 0", host="Host: evil.example"), 403),
        (head("Content-Length: 0", host=""), 403),
        (whole(ASK, "Origin: http://evil.example"), 403),
        (whole(ASK, "Origin: http://localhost:3000", "Origin: http://evil.example"), 400),
    ],
)
def test_what_is_no_request_for_this_server_is_refused(wire: Wire, request_: bytes, status: int) -> None:
    wire.send(request_)
    found, headers, body = wire.answer()
    assert found == status and headers["connection"] == "close" and wire.is_over()
    assert json.loads(body)["error"]["message"]


def test_a_path_may_have_a_question(wire: Wire) -> None:
    wire.send(whole(first="POST /?key=1 HTTP/1.1"))
    assert json.loads(wire.answer()[2]) == ANSWER


def ask(wire: Wire, method: str, *params: Any) -> Any:
    wire.send(whole(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()))
    return json.loads(wire.answer()[2])


def send(wire: Wire, nonce: int, **fields: Any) -> dict[str, Any]:
    filled = {"chainId": 5, "nonce": nonce, "gas": 200_000, "gasPrice": 0, "value": 0, **fields}
    if "to" in filled:
        filled["to"] = bytes.fromhex(filled["to"][2:])
    raw = OWNER.sign_transaction(filled).raw_transaction
    sent = ask(wire, "eth_sendRawTransaction", "0x" + raw.hex())["result"]
    return ask(wire, "eth_getTransactionReceipt", sent)["result"]  # type: ignore[no-any-return]


def test_a_long_call_holds_up_nobody(served: tuple[str, int]) -> None:
    wire, other = Wire(served[1]), Wire(served[1])
    endless = send(wire, 0, data=deploy(asm("JUMPDEST", 0, "JUMP")))["contractAddress"]
    done = threading.Event()
    long: list[Any] = []

    def call() -> None:
        long.append(ask(other, "eth_call", {"to": endless, "gas": hex(30_000_000)}))
        done.set()

    thread = threading.Thread(target=call)
    thread.start()
    count = 0
    while not done.is_set():
        begin = time.monotonic()
        assert ask(wire, "eth_chainId") == ANSWER
        count += time.monotonic() - begin < 0.1
    thread.join()
    assert long[0]["error"]["message"] == "out of gas" and count > 10
    # and so for a long transaction: what is answered meanwhile is the state before it
    sent = threading.Thread(target=lambda: long.append(send(other, 1, to=endless, gas=30_000_000)))
    sent.start()
    while sent.is_alive():
        assert ask(wire, "eth_chainId") == ANSWER
    sent.join()
    assert long[1]["status"] == "0x0" and long[1]["gasUsed"] == hex(30_000_000)
    with chain.open(served[0]) as opened:
        assert opened.verify() == 2


def test_while_another_process_writes_transactions_wait_and_reads_do_not(served: tuple[str, int]) -> None:
    wire, reader = Wire(served[1]), Wire(served[1])
    with chain.open(served[0]) as opened:
        answered: list[Any] = []
        with opened._store.write():
            sender = threading.Thread(target=lambda: answered.append(send(wire, 0, to="0x" + "22" * 20)))
            sender.start()
            for _ in range(20):
                assert ask(reader, "eth_blockNumber")["result"] == "0x0"
                time.sleep(0.005)
            assert not answered
        sender.join(20)
        assert answered[0]["status"] == "0x1" and opened.height == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_when_asked_to_end_it_answers_first(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "served.db"
    chain.create(path, chain_id=5, allocation={OWNER.address: 10**18}).close()
    command = [sys.executable, "-c", CODE, str(path), "ordinary"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stderr is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        wire, idle = Wire(port), Wire(port)
        endless = send(wire, 0, data=deploy(asm("JUMPDEST", 0, "JUMP")))["contractAddress"]
        call = {"id": 1, "method": "eth_call", "params": [{"to": endless, "gas": hex(5_000_000)}]}
        wire.send(whole(json.dumps(call).encode()))
        time.sleep(0.05)
        os.kill(process.pid, number)
        status, headers, body = wire.answer()
        assert status == 200 and headers["connection"] == "close" and b"out of gas" in body
        assert idle.is_over()
        process.wait(20)
        ignored = number == signal.SIGINT and signal.getsignal(number) == signal.SIG_IGN  # by whoever runs the tests
        ended = {-number, 0} if ignored else {-number, 1} if number == signal.SIGINT else {-number}
        assert process.returncode in ended
        assert not (tmp_path / "served.db-wal").exists()  # it was closed
    finally:
        process.kill()
        process.wait(10)
