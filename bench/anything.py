"""Any data and any model: one table of what networks make of messy and unequal data (``one_table.py``), and what each
kind of model costs as a neuron, and whether it says there what it says by itself.

Classes from four numbers; by adapter: microseconds for an answer among 64 (as neurons ask), for one alone, for a sample
that is learned, and milliseconds to save and load its state, which a neuron does once an epoch. "off" is the largest
difference to what the model itself answers, of those that can be asked beside Klopf. Endpoints are a server in this
process: what they cost is the way there and back. Adapters whose extra is not installed are left out, and said.
The part "language" is in ``language.py``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import one_table
from figures import Report, arguments
from language import language_network
from numpy.typing import NDArray

from klopf.errors import MissingExtra
from klopf.peers import Classes, create_model, load_model, save_model

TASK = Classes(tuple("abcd"), ("x", "y", "z"))
WEIGHTS = np.random.default_rng(4).normal(size=(4, 3))
Ask = Callable[[NDArray[Any]], NDArray[Any]]


def by_hand(inputs: NDArray[Any]) -> NDArray[Any]:
    """The model that is behind the endpoint, the function and the module."""
    raised = np.exp(np.asarray(inputs, np.float64) @ WEIGHTS)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


class Server(BaseHTTPRequestHandler):
    """``by_hand`` behind HTTP, and as OpenAI's chat completions are."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "inputs" in body:
            said: Any = {"answers": by_hand(np.array(body["inputs"])).tolist()}
        else:
            row = [float(line.split(": ")[1]) for line in body["messages"][-1]["content"].splitlines()]
            said = {"choices": [{"message": {"content": TASK.names[int(by_hand(np.array([row])).argmax())]}}]}
        content = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


@dataclass(frozen=True)
class Kind:
    what: str
    name: str
    settings: dict[str, Any]
    itself: Ask | None = None
    """Its answers without Klopf, where it was not taught here."""


def module() -> Any:
    """``by_hand`` as a PyTorch module."""
    import torch

    made = torch.nn.Linear(4, 3, bias=False)
    made.weight.data = torch.from_numpy(WEIGHTS.T.astype(np.float32).copy())
    return made


def with_module(inputs: NDArray[Any]) -> NDArray[Any]:
    import torch

    with torch.no_grad():
        return np.asarray(module()(torch.from_numpy(inputs)).softmax(1).numpy())


def kinds(url: str, folder: Path) -> list[Kind]:
    found = [
        Kind("mind", "mind", {}),
        Kind("sklearn, online", "sklearn:GaussianNB", {}),
        Kind("sklearn, fitted anew", "sklearn:RandomForestClassifier", {"n_estimators": 20}),
        Kind("river", "river:tree.HoeffdingTreeClassifier", {}),
        Kind("function", "anything:by_hand", {}, by_hand),
        Kind("http", f"{url}/answer", {}, by_hand),
        Kind("openai", f"openai:{url}/v1#sums", {}),
        Kind("torch", "torch:anything:module", {"step_size": 0.0}, with_module),
        Kind("torch, learning", "torch:anything:module", {"step_size": 0.01}),
    ]
    try:
        from onnx import TensorProto, helper, numpy_helper, save
    except ImportError:
        return found
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["i", "w"], ["d"]), helper.make_node("Softmax", ["d"], ["p"], axis=1)],
        "by_hand",
        [helper.make_tensor_value_info("i", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(WEIGHTS.astype(np.float32), "w")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "by_hand.onnx")
    return [*found, Kind("onnx", f"onnx:{folder / 'by_hand.onnx'}", {}, by_hand)]


def seconds(work: Callable[[], object], least: float) -> float:
    """The median of what ``work`` takes, repeated for at least so many seconds and three times."""
    took: list[float] = []
    until = time.perf_counter() + least
    while len(took) < 3 or time.perf_counter() < until:
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return float(np.median(took))


def fresh(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Inputs that nobody has asked about before: what is remembered would cost nothing."""
    return rng.normal(size=(n, 4)).astype(np.float32)


def measured(report: Report, kind: Kind, folder: Path, quick: bool) -> None:
    rng, least = np.random.default_rng(0), 0.2 if quick else 1.0
    try:
        model = create_model(kind.name, TASK, 0, kind.settings)
    except MissingExtra as missing:
        report.say(f"{kind.what:22} left out: {missing}")
        return
    inputs = fresh(rng, 400)
    labels = by_hand(inputs).argmax(axis=1).astype(np.int64)
    create_model(kind.name, TASK, 0, kind.settings).learn(inputs, labels)  # what is compiled or imported at first
    begun = time.perf_counter()
    model.learn(inputs, labels)
    learn = (time.perf_counter() - begun) / len(inputs) * 1e6
    many = seconds(lambda: model.answer(fresh(rng, 64)), least) / 64 * 1e6
    one = seconds(lambda: model.answer(fresh(rng, 1)), least) * 1e6
    place = folder / "state"
    save = seconds(lambda: save_model(model, kind.name, place), 0) * 1e3
    load = seconds(lambda: load_model(place, TASK, kind.name), 0) * 1e3
    off = float("nan") if kind.itself is None else float(np.abs(model.answer(inputs) - kind.itself(inputs)).max())
    learned = f"{learn:10.1f}" if model.learns else "         -"
    told = "" if kind.itself is None else f"{off:9.1e}"
    report.say(f"{kind.what:22}{many:10.1f}{one:10.1f}{learned}{save:9.1f}{load:9.1f}{told}")
    report.figure(f"{kind.what}: an answer among 64", many, "us")
    report.figure(f"{kind.what}: one answer", one, "us")
    if model.learns:
        report.figure(f"{kind.what}: a sample learned", learn, "us")
    report.figure(f"{kind.what}: save and load", save + load, "ms")
    if kind.itself is not None:
        report.figure(f"{kind.what}: off from the model itself", off, "probability", at_most=1e-6)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--part", choices=("data", "adapters", "language"), help="only this; all by default")
    parser.add_argument("--seeds", type=int, default=0, help="of the table of data; by default 5, or 2 where quick")
    parser.add_argument("--case", default="", help="part of a name: only such lines of the table of data")
    given = parser.parse_args()
    sys.modules["anything"] = sys.modules["__main__"]  # where operators' settings find this file's functions
    with Report(given.json) as report:
        if given.part in (None, "data"):
            one_table.table(report, given.quick, given.seeds, given.case)
        if given.part in (None, "adapters"):
            adapters(report, given.quick)
        if given.part in (None, "language"):
            language_network(report, given.quick)


def adapters(report: Report, quick: bool) -> None:
    with serving() as url, tempfile.TemporaryDirectory() as place:
        report.say(f"{'':22}{'us of 64':>10}{'us alone':>10}{'us learn':>10}{'ms save':>9}{'ms load':>9}{'off':>9}")
        for kind in kinds(url, Path(place)):
            measured(report, kind, Path(place), quick)


if __name__ == "__main__":
    main()
