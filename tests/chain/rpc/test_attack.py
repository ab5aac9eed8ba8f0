"""What a hostile client sends over a socket ends that connection, and nothing else; what is told to many is cheap."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import sys
import zlib
from typing import Any

import pytest
from websockets.sync.client import connect

HELLO = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


def frame(opcode: int, data: bytes, *, last: bool = True, zipped: bool = False) -> bytes:
    """A client's frame (RFC 6455, section 5.2)."""
    head, mask = bytes([last << 7 | zipped << 6 | opcode]), b"abcd"
    size = len(data)
    if size < 126:
        head += bytes([0x80 | size])
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def zip_bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return frame(1, (packer.compress(bytes(30_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4], zipped=True)


FRAMES = {
    "nonsense": b"\xff\xff\xff\xff",
    "a reserved opcode": frame(3, b"a"),
    "a long ping": frame(9, b"a" * 200),
    "the rest of nothing": frame(0, b"a"),
    "a message within a message": frame(1, b"a", last=False) + frame(1, b"b"),
    "not masked": b"\x81\x05hello",
    "larger than there is": b"\x81\xff" + struct.pack(">Q", 2**62),
    "a close that is none": frame(8, b"\x00"),
    "more behind the end": frame(8, b"\x03\xe8") + frame(9, b"a") * 50 + b"\xff" * 50,
    "larger in parts than as a whole": frame(1, b"a" * 10, last=False) + frame(0, b"a" * 5_300_000),
    "larger than it looks": zip_bomb(),
}


def ask(port: int, method: str) -> Any:
    with connect(f"ws://127.0.0.1:{port}") as client:
        client.send(json.dumps({"id": 1, "method": method, "params": []}))
        return json.loads(client.recv(20))["result"]


def test_frames_that_are_none_end_their_connection(served: tuple[str, int], capfd: pytest.CaptureFixture[str]) -> None:
    _, port = served
    for name, bad in FRAMES.items():
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if name == "larger than it looks" else b""
            client.sendall(HELLO + offer + b"\r\n" + bad[:200])
            with contextlib.suppress(OSError):  # it may be gone already
                client.sendall(bad[200:])
                while client.recv(65536):
                    pass
        assert ask(port, "eth_chainId") == "0x5", name
    said = capfd.readouterr()
    assert "Traceback" not in said.err and "Fatal" not in said.err


def test_pings_and_half_messages_by_thousands(served: tuple[str, int]) -> None:
    _, port = served
    body = json.dumps({"id": 1, "method": "eth_chainId"}).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(HELLO + b"\r\n")
        parts = [frame(1 if i == 0 else 0, body[i : i + 1], last=i == len(body) - 1) for i in range(len(body))]
        client.sendall(b"".join(part + frame(9, b"p") * 50 for part in parts))
        received = b""
        while b'"result":"0x5"' not in received:
            received += client.recv(65536)


def test_many_subscriptions_to_the_same(served: tuple[str, int]) -> None:
    path, port = served
    code = "import sys; from klopf import chain; opened = chain.open(sys.argv[1])\nfor _ in range(30): opened.mine()"
    clients = [connect(f"ws://127.0.0.1:{port}") for _ in range(10)]
    try:
        for client in clients:
            for _ in range(100):
                client.send(json.dumps({"id": 1, "method": "eth_subscribe", "params": ["newHeads"]}))
            for _ in range(100):
                assert "result" in json.loads(client.recv(20))
        subprocess.run([sys.executable, "-c", code, path], check=True, timeout=60)
        for client in clients:
            heard = [json.loads(client.recv(30))["params"] for _ in range(3000)]
            assert [int(one["result"]["number"], 16) for one in heard if one["subscription"] == "0x1"] == [
                *range(1, 31)
            ]
        assert ask(port, "eth_blockNumber") == "0x1e"
    finally:
        for client in clients:
            client.close()
