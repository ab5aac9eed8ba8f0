"""What wears a server out: clients that drip or never read, hundreds of them at once, and far too much to read."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from klopf import chain
from klopf.chain.rpc import _server
from tests.chain.rpc.conftest import OWNER
from tests.chain.rpc.test_http import ANSWER, ASK, Wire, head, whole

SHORT = """
import sys
from klopf import chain
from klopf.chain.rpc import _http, _server
_http.REQUEST_SECONDS, _http.READING_SECONDS, _server.LOOK_SECONDS = 2.0, 2.0, 0.2
chain.serve(sys.argv[1], port=0, ready=lambda url: print(url, flush=True))
"""


@pytest.fixture
def impatient(tmp_path: Path) -> Any:
    """The port of a server that gives a client two seconds for a request, and two to read an answer."""
    path = tmp_path / "served.db"
    chain.create(path, chain_id=5, allocation={OWNER.address: 10**18}).close()
    process = subprocess.Popen([sys.executable, "-c", SHORT, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline().rsplit(":", 1)[1]), process.pid
    finally:
        process.terminate()
        process.wait(10)


def ask(port: int) -> Any:
    wire = Wire(port)
    wire.send(whole())
    answer = json.loads(wire.answer()[2])
    wire.socket.close()
    return answer


def drip(wire: Wire, request: bytes) -> float:
    """Send a byte every tenth of a second; returns after how long the server had enough."""
    begin = time.monotonic()
    with contextlib.suppress(OSError):
        for i in range(len(request)):
            wire.send(request[i : i + 1], pause=0.1)
            wire.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                if wire.socket.recv(1, socket.MSG_PEEK):
                    break
            wire.socket.settimeout(20)
    wire.socket.settimeout(20)
    return time.monotonic() - begin


@pytest.mark.parametrize("start", [b"", head(f"Content-Length: {len(ASK) * 5}"), head("Transfer-Encoding: chunked")])
def test_who_sends_a_byte_now_and_then_is_refused(impatient: tuple[int, int], start: bytes) -> None:
    port, _ = impatient
    wire = Wire(port)
    wire.send(start)
    took = drip(wire, b"POST / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200 if not start else b"1;" + b"x" * 200)
    assert 1.5 < took < 10
    status, headers, body = wire.answer()
    assert status == 408 and headers["connection"] == "close"
    assert "took longer than" in json.loads(body)["error"]["message"] and wire.is_over()
    assert ask(port) == ANSWER


def test_a_kept_connection_may_pause_between_requests(impatient: tuple[int, int]) -> None:
    wire = Wire(impatient[0])
    for _ in range(2):
        wire.send(whole())
        assert json.loads(wire.answer()[2]) == ANSWER
        time.sleep(2.6)


def memory(pid: int) -> int:
    """Megabytes that a process holds."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) // 1024


def test_who_never_reads_is_let_go_and_takes_no_room(impatient: tuple[int, int]) -> None:
    port, pid = impatient
    before = memory(pid)
    block = json.dumps({"id": 1, "method": "eth_getBlockByNumber", "params": ["0x0", False]})
    batch = f"[{','.join([block] * 1000)}]".encode()  # an answer of two megabytes
    deaf = [Wire(port) for _ in range(5)]
    for wire in deaf:
        wire.socket.settimeout(1)
        with contextlib.suppress(OSError):
            for _ in range(40):
                wire.send(whole(batch))
        assert ask(port) == ANSWER
    assert memory(pid) - before < 150
    deadline = time.monotonic() + 15
    gone = 0
    while gone < len(deaf) and time.monotonic() < deadline:
        gone = 0
        for wire in deaf:
            try:
                wire.socket.send(b"x", socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            except OSError:
                gone += 1
        time.sleep(0.1)
    assert gone == len(deaf)
    assert ask(port) == ANSWER


def test_hundreds_of_open_connections(served: tuple[str, int]) -> None:
    wires = [Wire(served[1]) for _ in range(400)]
    for _ in range(2):
        for wire in wires:
            wire.send(whole())
        assert all(json.loads(wire.answer()[2]) == ANSWER for wire in wires)
    for wire in wires:
        wire.socket.close()
    assert ask(served[1]) == ANSWER


def test_more_connections_than_there_is_room_for_are_refused(
    served: tuple[str, int],
) -> None:
    assert _server.MAX_CONNECTIONS >= 1000  # the limit, and room for all of it among the process's descriptors
    code = SHORT.replace("= 2.0, 2.0, 0.2", "= 60, 60, 5\n_server.MAX_CONNECTIONS = 20")
    process = subprocess.Popen([sys.executable, "-c", code, served[0]], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        wires = [Wire(port) for _ in range(20)]
        for wire in wires:
            wire.send(whole())
            assert json.loads(wire.answer()[2]) == ANSWER
        more = Wire(port)
        status, _, body = more.answer()
        assert status == 503 and "20 clients" in json.loads(body)["error"]["message"] and more.is_over()
        wires[0].file.close()
        wires[0].socket.close()
        time.sleep(0.2)
        assert ask(port) == ANSWER
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_megabytes_are_refused_before_they_are_here(served: tuple[str, int], chunked: bool) -> None:
    wire, million = Wire(served[1]), b"x" * 1_000_000
    sent = 0
    if chunked:
        wire.send(head("Transfer-Encoding: chunked"))
        with contextlib.suppress(OSError):
            for _ in range(100):
                wire.send(b"f4240\r\n" + million + b"\r\n")
                sent += 1
    else:
        wire.send(head("Content-Length: 100000000"))
        with contextlib.suppress(OSError):
            for _ in range(100):
                wire.send(million)
                sent += 1
    status, _, body = wire.answer()
    assert status == 413 and json.loads(body)["error"]["message"].endswith("split it")
    assert ask(served[1]) == ANSWER
