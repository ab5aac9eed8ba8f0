"""How fast learners are on one core, against what the machine could do at all.

Everything is measured in one process, one thread, in short pieces. Processor time counts, not the clock on the wall,
and of all pieces the shortest: a shared machine is only ever slower than itself. Learners that are compared take turns,
and the median of the turns counts. Ratios are what to quote.
"""

from __future__ import annotations

import importlib
import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from klopf.errors import MindError
from klopf.mind import problems
from klopf.mind._mind import Mind

__all__ = ["measure"]


def _best(work: Callable[[], Any], seconds: float) -> float:
    """Shortest time of ``work`` over about ``seconds``, at least three times."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < until:
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return max(min(times), 1e-9)


def _bandwidth(seconds: float) -> float:
    """Bytes a second that one core moves when it adds to an array much larger than its caches (read and write)."""
    a = np.ones(16_000_000, np.float32)
    return 2 * a.nbytes / _best(lambda: np.add(a, 1.0, out=a), seconds)


def _in_turns(minds: list[Mind], X: Any, y: Any, seconds: float) -> list[float]:
    """Steps a second of several learners that take turns, each turn from the same weights: those, in mid-life, of the
    first whose tables have the same form. So they have the same units to skip, and a machine that slows down slows all
    of them."""
    if not minds:
        return []
    for m in minds:
        m.prepare()
        m.learn(X, y)
    firsts = [next(o for o in minds if np.array_equal(o._net.layers, m._net.layers)) for m in minds]
    weights = {id(o): o._net.W.copy() for o in firsts}
    n = max(1, len(X) // 10)
    pieces = itertools.cycle([(X[i : i + n], y[i : i + n]) for i in range(0, n * 10, n)])
    times: list[list[float]] = [[] for _ in minds]
    until = time.perf_counter() + seconds * len(minds)
    while len(times[0]) < 5 or time.perf_counter() < until:
        piece = next(pieces)
        for m, first, own in zip(minds, firsts, times, strict=True):
            m._net.W[:] = weights[id(first)]
            started = time.process_time()
            m.learn(*piece)
            own.append(time.process_time() - started)
    return [n / max(float(np.median(own)), 1e-9) for own in times]


def _rate(m: Mind, X: Any, y: Any, seconds: float) -> float:
    m.prepare()
    m.learn(X, y)  # in mid-life, not just born
    n = max(1, len(X) // 10)
    pieces = itertools.cycle([(X[i : i + n], y[i : i + n]) for i in range(0, n * 10, n)])
    return n / _best(lambda: m.learn(*next(pieces)), seconds)


def _torch_rate(sizes: tuple[int, ...], X: Any, y: Any, seconds: float) -> float | None:
    """Steps a second of the same online learning written as PyTorch users write it, or None where it is not there."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layers: list[Any] = []
    for a, b in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.SGD(net.parameters(), lr=0.003)
    xs, ys = torch.tensor(X), torch.tensor(y)
    classes = sizes[-1] > 1

    def work() -> None:
        for i in range(len(xs)):
            out = net(xs[i : i + 1])
            if classes:
                loss = torch.nn.functional.cross_entropy(out, ys[i : i + 1])
            else:
                loss = torch.nn.functional.mse_loss(out[:, 0], ys[i : i + 1])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return len(X) / _best(work, seconds)


def _images(n: int) -> tuple[Any, Any]:
    """``n`` inputs as sparse as MNIST's (19 % of the pixels are not 0); the real ones if KLOPF_MNIST names a folder."""
    folder = os.environ.get("KLOPF_MNIST")
    if folder:
        X, y = problems.mnist(folder)
        return X[:n], y[:n]
    rng = np.random.default_rng(0)
    X = rng.random((n, 784), np.float32) * (rng.random((n, 784)) < 0.19)
    return X.astype(np.float32), rng.integers(0, 10, n)


def measure(seconds: float, wide: bool, learners: list[str]) -> list[dict[str, Any]]:
    """Rows of ``{"what", "network", "per_second", "against", "ratio"}``.

    ``ratio`` is the row's rate divided by that of what ``against`` names; None where there is nothing to divide by, and
    ``per_second`` is None for what is not installed.

    Raises:
        MindError: ``seconds`` is not above 0.
    """
    if not seconds > 0:
        raise MindError("seconds must be above 0")
    rows: list[dict[str, Any]] = []

    def row(what: str, network: str, rate: float | None, against: str = "", base: float | None = None) -> None:
        if rate is None:
            missing = f"{what}: not installed, skipped"
            rows.append({"what": missing, "network": network, "per_second": None, "against": "", "ratio": None})
            return
        ratio = rate / base if base else None
        rows.append({"what": what, "network": network, "per_second": rate, "against": against, "ratio": ratio})

    bandwidth = _bandwidth(seconds)
    row("limit: memory, bytes", "", bandwidth)

    X, y = problems.slowly_changing_regression(100_000).whole()
    small = "20-5-1"
    nothing = Mind(20, 1, learner="linear", output="linear", step_size=0.0)
    empty = _rate(nothing, np.zeros_like(X), np.zeros_like(y), seconds)
    row("limit: a kernel with nothing to do", "20-1", empty)
    torch_small = _torch_rate((20, 5, 1), X[:50], y[:50], seconds)
    row("PyTorch backprop", small, torch_small)
    for name in learners:
        rate = _rate(Mind(20, 1, (5,), name, "linear"), X, y, seconds)
        row(name, small, rate, "the empty kernel", empty)
        if torch_small:
            row(name, small, rate, "PyTorch backprop", torch_small)
    m = Mind(20, 1, (5,), "continual-backprop", "linear")
    m.prepare()
    one = _best(lambda: [m.learn_one(X[i], y[i]) for i in range(200)], seconds)
    row("continual-backprop, learn_one from Python", small, 200 / one)

    for width, samples, real in ((100, 1000, 20), (2000, 100, 2)):
        if width == 2000 and not wide:
            continue
        network = f"784-3x{width}-10"
        sizes = (784, width, width, width, 10)
        X, labels = _images(samples)
        torch_rate = _torch_rate(sizes, X[:real], labels[:real], seconds)
        row("PyTorch backprop", network, torch_rate)
        names = [name for name in learners if not (name == "klopf" and width == 2000)]
        minds = []
        for name in names:
            options: dict[str, Any] = {} if name == "klopf" else {"step_size": 0.003}
            if name == "continual-backprop":
                options["utility"] = "contribution"
            minds.append(Mind(784, 10, sizes[1:-1], name, **options))
        rates = dict(zip(names, _in_turns(minds, X, labels, seconds), strict=True))
        for name, rate in rates.items():
            if torch_rate:
                row(name, network, rate, "PyTorch backprop", torch_rate)
            if name == "backprop":
                weights = sum(a * b for a, b in itertools.pairwise(sizes))
                row(name, network, rate, "all weights read twice and written once", bandwidth / (weights * 12))
            elif "backprop" in rates:
                row(name, network, rate, "backprop", rates["backprop"])
    return rows
