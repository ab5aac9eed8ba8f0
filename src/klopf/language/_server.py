"""The agents behind HTTP, as OpenAI's chat completions are: ``POST /v1/chat/completions``, ``model`` an agent's name.

Whoever asks says the question in the last message; each agent has a prompt of its own. It answers this machine only.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from klopf.errors import PeersError
from klopf.language._agents import Agent, agents
from klopf.language._engine import Engine, model_file
from klopf.nested import from_json

__all__ = ["running", "serve"]

LARGEST = 2**16
"""Bytes of a request."""
LONGEST = 1_000
"""Characters of a question."""
BEGIN_SECONDS = 120.0
"""For the model to be loaded, on a busy machine."""
_WORD = "agents answer at "


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True
    timeout = 120
    known: Mapping[str, Agent]

    def do_POST(self) -> None:
        try:
            size = int(self.headers.get("Content-Length") or 0)
            if self.path != "/v1/chat/completions" or not 0 < size <= LARGEST:
                self._say(404 if size <= LARGEST else 413, {"error": {"message": "post to /v1/chat/completions"}}, True)
                return
            model, question = _asked(self.rfile.read(size))
            agent = self.known.get(model)
            if agent is None:
                self._say(404, {"error": {"message": f"models are {', '.join(self.known)}"}})
                return
            said = {"role": "assistant", "content": agent(question)}
            self._say(200, {"object": "chat.completion", "model": model,
                            "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]})  # fmt: skip
        except ValueError:
            self._say(400, {"error": {"message": "say model and messages in JSON, the last with a text"}}, True)

    def _say(self, status: int, content: Any, last: bool = False) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if last:  # what is left of the request was not read
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: what is asked is nobody else's."""


def _asked(content: bytes) -> tuple[str, str]:
    """Model and question of a request. ValueError where it has none."""
    body = from_json(content)
    try:
        model, question = body["model"], body["messages"][-1]["content"]
    except (KeyError, IndexError, TypeError):
        raise ValueError from None
    if not isinstance(model, str) or not isinstance(question, str) or not 0 < len(question) <= LONGEST:
        raise ValueError
    return model, question


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Nothing: whoever asked has gone."""


def serve(port: int = 0) -> None:
    """Answer at 127.0.0.1:``port`` (0: a free one, which is printed) until standard input ends, as it does when whoever
    started this process does."""
    handler = type("_Agents", (_Handler,), {"known": agents(Engine())})
    with _Server(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"{_WORD}http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
        sys.stdin.buffer.read()
        server.shutdown()


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The agents in a process of their own; gives their URL. The process ends with the block, and with this process.

    Raises:
        MissingExtra: the model, or what runs it, is not installed.
        PeersError: it could not begin.
    """
    model_file()
    process = subprocess.Popen(
        [sys.executable, "-m", "klopf.language"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        watch = threading.Timer(BEGIN_SECONDS, process.kill)
        watch.start()
        line = process.stdout.readline().decode(errors="replace").strip()
        watch.cancel()
        if not line.startswith(_WORD):
            raise PeersError("the language model could not begin: `python -m klopf.language` says why")
        yield line.removeprefix(_WORD)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
