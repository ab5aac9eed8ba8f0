"""What is no Klopf model: estimators, functions and programs behind HTTP, as their owners would write them."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

WEIGHTS = np.random.default_rng(4).normal(size=(4, 3)).astype(np.float32)


def scaled():
    """A pipeline, which nobody's settings could name."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(random_state=0))


def pipeline():
    """One of River's."""
    from river import linear_model, preprocessing

    return preprocessing.StandardScaler() | linear_model.LinearRegression()


class Nearest:
    """An estimator of nobody's: the class of the nearest mean."""

    def get_params(self, deep=True):
        return {}

    def fit(self, inputs, targets):
        self.classes_ = np.unique(targets)
        self.means = np.stack([inputs[targets == c].mean(axis=0) for c in self.classes_])
        return self

    def predict(self, inputs):
        return self.classes_[((inputs[:, None] - self.means) ** 2).sum(axis=2).argmin(axis=1)]


def softmax(inputs):
    """Probabilities of three classes."""
    raised = np.exp(inputs.astype(np.float64) @ WEIGHTS)
    return raised / raised.sum(axis=1, keepdims=True)


def total(inputs):
    """A number each."""
    return inputs.sum(axis=1)


def shout(texts):
    return [str(text).upper() for text in texts]


def names(inputs):
    return [("x", "y", "z")[int(place)] for place in softmax(inputs).argmax(axis=1)]


def unfit(inputs):
    return np.ones((len(inputs), 3))


async def later(inputs):
    return inputs


class Served:
    """A program behind HTTP: ``answer(path, body, headers)`` gives status, headers and bytes."""

    def __init__(self, answer):
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body, dict(self.headers)))
                status, headers, content = answer(self.path, body, self.headers)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if isinstance(content, bytes):
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with suppress(OSError):  # who asked may have gone
                    for piece in [content] if isinstance(content, bytes) else content:
                        self.wfile.write(piece)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def served(answer):
    there = Served(answer)
    thread = threading.Thread(target=there.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield there
    finally:
        there.server.shutdown()
        there.server.server_close()
        thread.join()


def told(content, status=200, **headers):
    return status, headers, content if isinstance(content, bytes) else json.dumps(content).encode()


def dripped():
    """An answer that never ends, a byte at a time."""

    def drops():
        while True:
            yield b" "
            time.sleep(0.05)

    return 200, {}, drops()


def program(function, version=None):
    """A server's answer by ``function``, as `klopf.peers.models.http` documents it."""

    def answer(path, body, headers):
        given = body["inputs"]
        inputs = np.array(given, np.float32) if body["task"]["kind"] != "text" else given
        said = np.asarray(function(inputs)).tolist()
        return told({"answers": said} | ({} if version is None else {"version": version}))

    return answer


def chat(function):
    """A server that speaks as OpenAI's does, by ``function`` of the last message."""

    def answer(path, body, headers):
        text = function(body["messages"][-1]["content"])
        return told({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]})

    return answer
