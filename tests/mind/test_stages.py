"""Input stages: features of images and of what came before, made in the turn of the mind that has them."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.mind import Images, Mind, MindError, Sequences, Stage, diagnostics, problems


def digits(seed: int = 0) -> tuple[Any, Any]:
    X, y = problems.digits()
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order].astype(np.float32), y[order]


def plain_images(stage: Images, filters: Any, power: float, X: Any) -> Any:
    """The features, as the docstrings define them."""
    size, stride, grid = stage.shape[3:]
    images = X.reshape(len(X), stage.height, stage.width, stage.channels).astype(np.float64)
    rows, columns = (stage.height - size) // stride + 1, (stage.width - size) // stride + 1
    out = np.zeros((len(X), grid, grid, stage.filters))
    for r in range(rows):
        for c in range(columns):
            patch = images[:, r * stride : r * stride + size, c * stride : c * stride + size]
            patch = (patch - patch.mean((1, 2), keepdims=True)).reshape(len(X), -1)
            said = patch @ filters
            loudest = np.maximum(said.max(1, keepdims=True), 0)
            out[:, r * grid // rows, c * grid // columns] += np.maximum(said - 0.5 * loudest, 0)
    return out.reshape(len(X), -1) * grid * grid / (rows * columns) / np.sqrt(power)


@pytest.mark.parametrize("stage", [Images(8, 8), Images(9, 13, 3, filters=5, patch=4, stride=2, grid=2)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_features_are_what_the_page_says(stage: Images, dtype: str) -> None:
    X = np.random.default_rng(3).random((40, stage.sensors)).astype(dtype)
    state = stage.state(0, np.dtype(dtype))
    stage.learn(state, X[:30], np.ones(30, dtype))
    F = state["filters"].astype(np.float64)
    assert state["counters"][:2].tolist() == [stage.filters, 30]
    np.testing.assert_allclose((F**2).sum(0), 1, rtol=1e-5)
    np.testing.assert_allclose(F.reshape(-1, stage.channels, stage.filters).mean(0), 0, atol=1e-6)
    wanted = plain_images(stage, F, state["counters"][2], X)
    got = stage.sense(state, X)
    assert got.shape == (40, stage.features) and got.dtype == dtype
    np.testing.assert_allclose(got, wanted, rtol=2e-3, atol=2e-4)
    assert 0.5 < (got.astype(np.float64) ** 2).mean() < 2
    np.testing.assert_allclose(stage.sense(state, X + X.dtype.type(5)), got, rtol=1e-2, atol=1e-3)  # a lamp was lit


def test_filters_are_patches_that_were_seen_and_differ() -> None:
    X, _ = digits()
    stage = Images(8, 8)
    state = stage.state(0, np.dtype("float32"))
    stage.learn(state, X[:8], np.ones(8, np.float32))
    assert state["counters"][0] == 32  # four of each image
    seen = np.lib.stride_tricks.sliding_window_view(X[:8].reshape(8, 8, 8), (3, 3), (1, 2)).reshape(-1, 9)
    seen = seen - seen.mean(1, keepdims=True)
    seen = seen[(seen**2).sum(1) > 0]
    seen /= np.sqrt((seen**2).sum(1, keepdims=True))
    alike = seen @ state["filters"]
    np.testing.assert_allclose(alike.max(0), 1, atol=1e-5)
    among = state["filters"].T @ state["filters"] - np.eye(32)
    assert among.max() < 0.98


def test_digits_are_learned_with_a_third_fewer_errors() -> None:
    with_stage, without = [], []
    for seed in range(3):
        X, y = digits(seed)
        with_stage.append(Mind(Images(8, 8), 10, seed=seed).learn(X, y).mean())
        without.append(Mind(64, 10, seed=seed).learn(X, y).mean())
    assert np.mean(with_stage) < 0.05 and np.mean(with_stage) < 0.75 * np.mean(without)


def test_where_a_stream_is_cut_makes_no_difference() -> None:
    X, y = digits()
    whole, single, blocks = (Mind(Images(8, 8), 10, seed=4) for _ in range(3))
    errors = whole.learn(X[:300], y[:300])
    assert [single.learn(X[t : t + 1], y[t : t + 1])[0] for t in range(300)] == errors.tolist()
    for t in range(0, 300, 70):
        blocks.learn(X[t : t + 70][: 300 - t], y[t : t + 70][: 300 - t])
    assert whole.commitment() == single.commitment() == blocks.commitment()
    assert whole.commitment() != Mind(Images(8, 8), 10, seed=5).commitment()
    said = whole.predict_proba(X[300:500])
    np.testing.assert_array_equal(said, np.stack([whole.predict_proba_one(x) for x in X[300:500]]))
    assert whole.commitment() == single.commitment()  # a prediction changes nothing


def test_a_mind_with_a_stage_is_saved_copied_and_widened(tmp_path: Path) -> None:
    X, y = digits()
    m = Mind(Images(8, 8, filters=6), 10, hidden=(8,), seed=1)
    m.learn(X[:100], y[:100])
    m.save(tmp_path / "m")
    for other in (Mind.load(tmp_path / "m"), pickle.loads(pickle.dumps(m)), copy.deepcopy(m)):
        assert other.commitment() == m.commitment() and other.stage == m.stage and repr(other) == repr(m)
        np.testing.assert_array_equal(other.learn(X[100:150], y[100:150]), copy.copy(m).learn(X[100:150], y[100:150]))
    wide = m.widened(64, 12)
    assert wide.outputs == 12 and wide.stage == m.stage
    state = m._tables.staged
    assert all((wide._tables.staged[name] == state[name]).all() for name in state)
    with pytest.raises(MindError, match="sensors=64"):
        m.widened(65, 10)
    assert diagnostics.activities(m, X[:5])[0].shape == (5, 8)


def test_a_row_without_weight_is_not_learned() -> None:
    X, y = digits()
    m = Mind(Images(8, 8), 10)
    born = m.commitment()
    m.learn(X[:5], y[:5], np.zeros(5))
    assert m.commitment() == born and m._tables.staged["counters"].tolist() == [0, 0, 0]


def test_nothing_to_see_is_no_trouble() -> None:
    m = Mind(Images(8, 8), 10)
    m.learn(np.zeros((50, 64)), np.arange(50) % 10)
    assert m.finite and np.isfinite(m.predict_proba(np.zeros((2, 64)))).all()
    X, y = digits()
    assert m.learn(X, y)[900:].mean() < 0.1  # filters are born when there is something
    for loud in (1e-9, 1e9):  # whatever a pixel's unit
        far = Mind(Images(8, 8), 10)
        assert far.learn(X * loud, y)[900:].mean() < 0.05


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (lambda: Images(0, 8), r"height=0 must be a whole number from 1"),
        (lambda: Images(8, 8.5), r"width=8.5 must be"),  # type: ignore[arg-type]
        (lambda: Images(8, True), r"width=True must be"),
        (lambda: Images(8, 8, filters="many"), r"filters='many' must be"),  # type: ignore[arg-type]
        (lambda: Images(8, 8, patch=9), r"patch=9 must be from 2 to the image's shorter side, 8"),
        (lambda: Images(8, 8, grid=7), r"grid=7: there are only 6 patches"),
        (lambda: Images(1, 1), r"patch=3 must be from 2"),
        (lambda: Images(10_000, 10_000), r"100000000 sensors; at most"),
        (lambda: Sequences(0), r"width=0 must be a whole number from 1"),
        (lambda: Sequences(2, steps=0), r"steps=0 must be"),
        (lambda: Sequences(2, horizon=2.5), r"horizon=2.5 must be"),  # type: ignore[arg-type]
        (lambda: Sequences(2, horizon=2**25), r"horizon=33554432 must be at most"),
        (lambda: Sequences(2**20), r"features; at most"),
        (lambda: Mind(Sequences(2), 2).learn(np.zeros((1, 3)), [0]), r"3 numbers where this learner has 2"),
        (lambda: Mind(Sequences(2), 2).learn(np.full((1, 2), np.nan), [0]), r"contains NaN"),
        (lambda: Mind(Stage, 2), r"sensors, hidden units and outputs must be whole numbers"),  # type: ignore[arg-type]
        (lambda: Mind(Images(8, 8), 2).learn(np.zeros((1, 8, 8)), [0]), r"shape \(n, 64\), not \(1, 8, 8\)"),
        (lambda: Mind(Images(8, 8), 2).learn(np.full((1, 64), np.nan), [0]), r"contains NaN"),
        (lambda: Mind(Images(8, 8), 2, normalise_inputs=True).learn(np.full((1, 64), np.nan), [0]), r"contains NaN"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(made: Any, line: str) -> None:
    with pytest.raises(MindError, match=line) as caught:
        made()
    assert "\n" not in str(caught.value)


def test_a_file_with_a_stage_of_another_klopf_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    m = Mind(Images(8, 8), 2)
    for saved, line in (
        ({"kind": "smells"}, "kind 'smells'"),
        ({"kind": "images", "height": 8, "width": 8, "depth": 2}, "depth"),
    ):
        monkeypatch.setattr(Images, "saved", lambda self, saved=saved: saved)
        m.save(tmp_path / "m")
        with pytest.raises(MindError, match=line) as caught:
            Mind.load(tmp_path / "m")
        assert "\n" not in str(caught.value)


def test_threads_read_while_one_learns() -> None:
    X, y = digits()
    alone, shared = (Mind(Images(8, 8), 10, seed=2) for _ in range(2))
    alone.prepare()
    wanted, wrong, done = alone.learn(X, y), [], threading.Event()

    def read() -> None:
        while not done.is_set():
            for rows in (1, 80):  # inside the mind's turn, and on a copy
                first, again = shared.predict_proba(np.repeat(X[:1], rows, 0)), None
                if not (np.isfinite(first).all() and (first == first[0]).all()):
                    wrong.append((first, again))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    errors = np.concatenate([shared.learn(X[t : t + 50], y[t : t + 50]) for t in range(0, len(X), 50)])
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong and errors.tolist() == wanted.tolist() and shared.commitment() == alone.commitment()


def bit_ago(steps: int, n: int = 3_000) -> tuple[Any, Any]:
    bits = np.random.default_rng(0).integers(0, 2, n + steps)
    return bits[steps:, None].astype(np.float32), bits[:n]


@pytest.mark.parametrize(("width", "constants"), [(1, [8, 16]), (2, [4, 4, 8, 16])])
def test_last_values_and_traces_are_what_the_page_says(width: int, constants: list[int]) -> None:
    stage = Sequences(width, steps=8, horizon=16)
    angles = [*([np.pi / 4, np.pi * 3 / 4] if width > 1 else []), 2.2 / 8, 2.2 / 16]
    each = 8 + 2 * len(constants)
    assert stage.units == len(constants) and stage.features == width * each
    X = np.random.default_rng(1).normal(size=(50, width))
    got = stage.learn(stage.state(0, np.dtype(float)), X, np.ones(50))
    for s in range(width):
        for k in range(8):
            np.testing.assert_array_equal(got[k:, each * s + k], X[: 50 - k, s])
            assert not got[:k, each * s + k].any()  # nothing had come
        for k, (constant, angle) in enumerate(zip(constants, angles, strict=True)):
            p, at = np.exp(-1 / constant + 1j * angle), each * s + 8 + 2 * k
            h = [sum(p**j * X[t - 8 - j, s] for j in range(t - 7)) * np.sqrt(2 * (1 - abs(p) ** 2)) for t in range(50)]
            np.testing.assert_allclose(got[:, at], np.real(h), atol=1e-9)
            np.testing.assert_allclose(got[:, at + 1], np.imag(h), atol=1e-9)
    white = np.random.default_rng(2).normal(size=(20_000, width))
    loud = stage.learn(stage.state(0, np.dtype(float)), white, np.ones(20_000)).var(0)
    assert loud.min() > 0.4 and loud.max() < 1.8


@pytest.mark.long
def test_traces_are_heard_half_as_loudly_where_they_are_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Sequences(2, steps=4)
    gains = stage.gains.reshape(2, -1)
    assert (gains[:, :4] == 1).all() and (gains[:, 4:] == 0.5).all() and gains.size == stage.features
    X, y = bit_ago(3, 400)
    X = np.repeat(X, 2, 1)
    quiet, plain = (Mind(stage, 2, (4,), normalise_inputs=n).learn(X, y) for n in (True, False))
    monkeypatch.setattr(Sequences, "gains", property(lambda self: None))
    alike = [Mind(stage, 2, (4,), normalise_inputs=n) for n in (True, False)]
    assert alike[0].learn(X, y).tolist() != quiet.tolist() and alike[1].learn(X, y).tolist() == plain.tolist()
    monkeypatch.setattr(Sequences, "gains", property(lambda self: np.ones(self.features)))
    same = Mind(stage, 2, (4,), normalise_inputs=True)
    same.learn(X, y)
    assert same.commitment() == alike[0].commitment()  # 1 is as if nothing were said


@pytest.mark.parametrize("steps", [3, 10, 15])
@pytest.mark.long
def test_a_bit_of_long_ago_is_remembered(steps: int) -> None:
    X, y = bit_ago(steps)
    without = Mind(1, 2, (16,), normalise_inputs=True).learn(X, y)
    errors = Mind(Sequences(1), 2, (16,), normalise_inputs=True).learn(X, y)
    assert without[1500:].mean() > 0.4 and errors[1500:].mean() < 0.01


def test_a_sequence_goes_on_where_it_was_left(tmp_path: Path) -> None:
    X, y = bit_ago(4, 700)
    whole, cut = (Mind(Sequences(1), 2, (8,), seed=3) for _ in range(2))
    errors = whole.learn(X[:600], y[:600])
    assert [cut.learn(X[t : t + 1], y[t : t + 1])[0] for t in range(300)] == errors[:300].tolist()
    cut.save(tmp_path / "m")
    cut = Mind.load(tmp_path / "m")
    assert cut.learn(X[300:600], y[300:600]).tolist() == errors[300:].tolist()
    assert cut.commitment() == whole.commitment()
    said = whole.predict_proba(X[600:700])  # rows that follow one another, and are forgotten again
    np.testing.assert_array_equal(said[:1], whole.predict_proba(X[600:601]))
    np.testing.assert_array_equal(said[:40], whole.predict_proba(X[600:640]))
    assert cut.commitment() == whole.commitment()
    assert whole.predict_proba(X[600:601]).tolist() != whole.predict_proba(1 - X[600:601]).tolist()


def test_time_passes_in_rows_without_weight() -> None:
    X, y = bit_ago(4, 1_000)
    m, still = (Mind(Sequences(1), 2, (8,)) for _ in range(2))
    m.learn(X[:900], y[:900])
    still.__setstate__(m.__getstate__())
    weights = m.weights(0)
    m.learn(X[900:910], y[900:910], np.zeros(10))
    assert (m.weights(0) == weights).all() and m.steps == 900
    ahead = still.predict_proba(X[900:912])
    np.testing.assert_allclose(m.predict_proba(X[910:912]), ahead[10:], atol=1e-6)


@pytest.mark.timeout(600)
@pytest.mark.long
def test_the_benchmark_runs_and_a_stage_pays() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, root / "bench/stages.py", "--quick", "--json"], capture_output=True, text=True, check=False
    )
    figures = {figure["what"]: figure for figure in json.loads(done.stdout)}
    for stream in ("digits", "a bit 15 steps ago", "25 after a signal", "sines in noise"):
        assert figures[f"{stream}: error with the stage"]["measured"] > 0
        assert figures[f"{stream}: of the error without it"]["measured"] < 1, stream
