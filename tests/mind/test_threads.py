"""Many threads read a learner and learn by it: each call finds it between two learning steps."""

from __future__ import annotations

import contextlib
import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.mind import Mind, _turns, diagnostics
from klopf.mind.rl import Agent, Horde, SwiftTD, TrueOnlineTD


def stream(n: int, seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 5)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def beside(work: Callable[[], Any], *others: Callable[[], Any]) -> tuple[Any, list[int]]:
    """What ``work`` gives while each of ``others`` is called again and again by a thread of its own, and how often."""
    over, started = threading.Event(), threading.Barrier(len(others) + 1)

    def repeat(other: Callable[[], Any]) -> int:
        started.wait()
        count = 0
        while not over.is_set():
            other()
            count += 1
        return count

    with ThreadPoolExecutor(len(others)) as pool:
        counts = [pool.submit(repeat, other) for other in others]
        started.wait()
        try:
            given = work()
        finally:
            over.set()
        return given, [count.result() for count in counts]


@pytest.mark.parametrize(
    "options", [{}, {"learner": "continual-backprop", "layer_norm": True, "normalise_inputs": True}]
)
def test_four_readers_are_all_answered_rightly(options: dict[str, Any]) -> None:
    X, y = stream(5000)
    m = Mind(5, 2, **options)
    m.learn(X, y)
    right = m.predict_proba(X)

    def read(seed: int) -> int:
        rows = np.random.default_rng(seed).integers(0, len(X), 10_000)
        wrong = sum(bool((m.predict_proba_one(X[i]) != right[i]).any()) for i in rows)
        return wrong + sum(int((m.predict_proba(X) != right).sum()) for _ in range(20))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(read, range(4))) == 0


@pytest.mark.parametrize("whole", [True, False], ids=["a stream", "one by one"])
@pytest.mark.parametrize("learner", ["klopf", "backprop"])
def test_every_answer_is_that_of_a_state_between_two_steps(learner: str, whole: bool) -> None:
    X, y = stream(1000)
    asked = np.ascontiguousarray(X[:70])  # more than are answered within the turn
    states = Mind(5, 2, hidden=(16, 8), learner=learner, seed=2)
    possible = {states.predict_proba(asked).tobytes()}
    ones = {states.predict_proba_one(asked[0]).tobytes()}
    for i in range(len(X)):
        states.learn_one(X[i], y[i])
        possible.add(states.predict_proba(asked).tobytes())
        ones.add(states.predict_proba_one(asked[0]).tobytes())
    m = Mind(5, 2, hidden=(16, 8), learner=learner, seed=2)
    seen: list[bytes] = []
    one: list[bytes] = []

    def work() -> None:
        if whole:
            m.learn(X, y)
        else:
            for i in range(len(X)):
                m.learn_one(X[i], y[i])

    readers = (
        lambda: seen.append(m.predict_proba(asked).tobytes()),
        lambda: seen.append(copy.deepcopy(m).predict_proba(asked).tobytes()),
        lambda: one.append(m.predict_proba_one(asked[0]).tobytes()),
    )
    with short_slices():
        beside(work, *readers)
    assert set(seen) <= possible and set(one) <= ones
    assert m.commitment() == states.commitment()


@contextlib.contextmanager
def short_slices() -> Iterator[None]:
    """As if every network were large: others get their turn after each few steps of a stream."""
    before = _turns.MANY, _turns.FEW
    _turns.MANY = _turns.FEW = 20_000
    try:
        yield
    finally:
        _turns.MANY, _turns.FEW = before


def test_what_is_read_while_it_learns_changes_nothing(tmp_path: Path) -> None:
    X, y = stream(1000)
    alone, m = (Mind(5, 2, hidden=(16, 8), learner="upgd", seed=2, track=True) for _ in range(2))
    alone.learn(X, y)
    readers = (
        lambda: m.predict_one(X[0]),
        lambda: m.save(tmp_path / "mind"),
        lambda: pickle.loads(pickle.dumps(m)),
        lambda: (m.commitment(), m.widened(6, 3), m.sensor_statistics(), m.finite),
        lambda: (diagnostics.diagnose(m, X[:50]), diagnostics.standings(m, X[:50]), m.record("age"), m.weights(0)),
    )
    with short_slices():
        beside(lambda: m.learn(X, y), *readers)
    assert m.commitment() == alone.commitment()
    steps = Mind.load(tmp_path / "mind").steps
    again = Mind(5, 2, hidden=(16, 8), learner="upgd", seed=2, track=True)
    if steps:
        again.learn(X[:steps], y[:steps])
    assert Mind.load(tmp_path / "mind").commitment() == again.commitment()  # what was saved is a moment of it


def test_several_may_learn_by_one() -> None:
    X, y = stream(1)
    alone, m = Mind(5, 2), Mind(5, 2)
    alone.learn(np.repeat(X, 4000, 0), np.repeat(y, 4000))

    def work(number: int) -> None:
        for _ in range(500):
            m.learn_one(X[0], y[0])
        m.learn(np.repeat(X, 500, 0), np.repeat(y, 500))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert m.steps == 4000 and m.commitment() == alone.commitment()


def test_who_reads_is_not_kept_waiting_by_a_long_stream() -> None:
    X, y = stream(200_000)
    m = Mind(5, 2)
    m.prepare()
    _, (answers, batches) = beside(
        lambda: m.learn(X, y), lambda: m.predict_proba_one(X[0]), lambda: m.predict_proba(X[:1000])
    )
    assert answers > 20 and batches > 5


def test_held_is_one_moment_of_a_learner() -> None:
    X, y = stream(500)
    m = Mind(5, 2)

    def look() -> None:
        with m.held():
            before = m.commitment()
            m.predict(X)
            assert m.commitment() == before and m.steps == m.steps

    beside(lambda: [m.learn_one(x, c) for x, c in zip(X, y, strict=True)], look)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_goes_on_by_itself_to_the_bit(copied: Callable[[Any], Any]) -> None:
    X, y = stream(300)
    for options in ({}, {"learner": "continual-backprop"}, {"learner": "linear"}, {"rule": "adam", "fan_in": 2}):
        m = Mind(5, 2, **options)  # type: ignore[arg-type]
        m.learn(X[:100], y[:100])
        m.tag = "mine"  # type: ignore[attr-defined]
        other, before = copied(m), m.commitment()
        assert other.commitment() == before and other.tag == "mine"
        errors = other.learn(X[100:], y[100:])
        assert m.commitment() == before
        assert (errors == m.learn(X[100:], y[100:])).all() and other.commitment() == m.commitment() != before


def test_agents_and_linear_learners_have_turns_too() -> None:
    r = np.random.default_rng(0)
    see = r.normal(size=(50, 3))

    def agent() -> Agent:
        return Agent(3, choices=2, agent="stream-q", hidden=(8,), seed=1)

    def live(a: Agent) -> None:
        a.begin(see[0])
        for i in range(1000):
            a.step(see[i % 50], float(i % 3), terminated=False)

    alone, a = agent(), agent()
    live(alone)
    beside(lambda: live(a), a.commitment, a.report, a.features, lambda: copy.deepcopy(a), lambda: a.weights(0, 0))
    assert a.commitment() == alone.commitment() == pickle.loads(pickle.dumps(a)).commitment()

    def follow(learner: Any, cumulant: Any) -> None:
        learner.begin(see[0])
        for i in range(1, 1000):
            learner.step(*((cumulant, see[i % 50]) if isinstance(learner, Horde) else (1.0, 0.9, see[i % 50])))

    for make in (lambda: Horde(3, [0.0, 0.9]), lambda: SwiftTD(3), lambda: TrueOnlineTD(3)):
        plain, busy = make(), make()
        follow(plain, np.ones(2))
        beside(lambda b=busy: follow(b, np.ones(2)), lambda b=busy: b.predict(see[1]), lambda b=busy: copy.copy(b))  # type: ignore[misc]
        assert (plain.weights == busy.weights).all()
        assert np.array_equal(pickle.loads(pickle.dumps(busy)).predict(see[1]), busy.predict(see[1]))


def test_rivers_classes_have_turns_too() -> None:
    river = pytest.importorskip("klopf.mind.river")
    rows = [({f"f{(i + k) % (3 + i // 15)}": float(k) for k in range(3)}, i % (2 + i // 30)) for i in range(90)]
    for kind in (river.MindClassifier, river.MindRegressor):
        alone, m = kind(hidden=(8,)), kind(hidden=(8,))
        for x, y in rows:
            alone.learn_one(x, y)
        beside(
            lambda m=m: [m.learn_one(x, y) for x, y in rows],  # type: ignore[misc]
            lambda m=m: m.predict_one(rows[-1][0]),
            lambda m=m: copy.deepcopy(m).predict_one(rows[0][0]),
        )
        assert m._named.mind.commitment() == alone._named.mind.commitment()


def test_rivers_detectors_have_turns_too() -> None:
    river = pytest.importorskip("klopf.mind.river")
    rows = [{f"f{(i + k) % (3 + i // 15)}": float(i % 7 + k) for k in range(3)} for i in range(300)]
    alone, m = river.MindAnomalyDetector(), river.MindAnomalyDetector()
    for x in rows:
        alone.learn_one(x)
    beside(lambda: [m.learn_one(x) for x in rows], lambda: m.score_one(rows[-1]), lambda: copy.deepcopy(m))
    assert (m._covariance == alone._covariance).all()
    drift = river.MindDriftDetector(threshold=1e9)  # so that no alarm makes it begin anew
    beside(lambda: [drift.update(float(i % 7)) for i in range(3000)], lambda: copy.deepcopy(drift))
    several = [threading.Thread(target=lambda: [drift.update(1.0) for _ in range(500)]) for _ in range(3)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    assert drift._scale.count == 4500


def _answers(m: Mind, x: Any, given: Any) -> None:
    given.put((m.predict_proba_one(x).tobytes(), m.learn_one(x, 0).commitment()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_the_child_of_a_fork_has_the_learner_whole_and_free() -> None:
    X, y = stream(2000)
    m = Mind(5, 2)
    m.learn(X, y)
    still = copy.deepcopy(m)
    still.learn_one(X[0], 0)
    context = multiprocessing.get_context("fork")
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            m.predict_proba(X[:60])

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            given = context.Queue()
            child = context.Process(target=_answers, args=(m, X[0], given))
            child.start()
            answer, commitment = given.get(timeout=60)
            child.join(60)
            assert child.exitcode == 0 and commitment == still.commitment()
            assert answer == m.predict_proba_one(X[0]).tobytes()
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals on this system")
def test_a_signal_handler_may_save_a_learner_that_learns(tmp_path: Path) -> None:
    code = f"""
import signal, threading, numpy as np
from klopf.mind import Mind
X = np.random.default_rng(0).normal(size=(100_000, 5)); y = (X[:, 0] > 0).astype(int)
m = Mind(5, 2); m.prepare()
saved = []
def save(*_):
    m.save({str(tmp_path / "mind")!r}); saved.append(m.steps)
signal.signal(signal.SIGALRM, save)
over = threading.Event()
def read():
    while not over.is_set(): m.predict_one(X[0])
t = threading.Thread(target=read); t.start()
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
m.learn(X, y)
signal.setitimer(signal.ITIMER_REAL, 0)
over.set(); t.join()
assert Mind.load({str(tmp_path / "mind")!r}).steps == saved[-1] > 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
