"""What a learner promises to those who use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from klopf.mind import Mind, MindError
from klopf.mind.rl import Agent


def stream(n: int = 400, width: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, width))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int) + (x[:, 2] > 0)


@pytest.mark.parametrize("learner", ["klopf", "continual-backprop"])
def test_handwritten_digits_are_learned_in_one_pass(learner: str) -> None:
    X, y = load_digits(return_X_y=True)
    m = Mind(64, 10, hidden=(64,), learner=learner, seed=1)
    errors = m.learn(X / 16, y)
    assert errors.shape == (len(X),) and set(np.unique(errors)) <= {0, 1}
    assert errors[:20].mean() > 0.3
    assert errors[-500:].mean() < 0.2
    assert (m.predict(X / 16) == y).mean() > 0.85
    p = m.predict_proba(X[:5] / 16)
    assert p.shape == (5, 10) and p.dtype == np.float32 and p.sum(1) == pytest.approx(np.ones(5), abs=1e-5)
    assert m.predict_one(X[0] / 16) == p[0].argmax() and (m.predict_proba_one(X[0] / 16) == p[0]).all()


def test_compiled_learners_go_on_to_the_bit_however_the_stream_is_cut(tmp_path: Path) -> None:
    X, y = stream()
    for learner in ("klopf", "continual-backprop"):
        whole, single = (Mind(6, 3, hidden=(9, 8), learner=learner, seed=3) for _ in range(2))
        errors = whole.learn(X, y)
        for i in range(200):
            assert (single.predict_one(X[i]) != y[i]) == errors[i]
            single.learn_one(X[i], y[i])
        single.save(tmp_path / "mind")
        other = Mind.load(tmp_path / "mind")
        assert (other.learn(X[200:], y[200:]) == errors[200:]).all()
        assert other.commitment() == whole.commitment()


def test_a_commitment_names_one_learner_only() -> None:
    X, y = stream()
    m = Mind(6, 3, seed=3)
    seen = {m.commitment(), Mind(6, 3, seed=4).commitment(), Mind(6, 3, seed=3, step_size=0.02).commitment()}
    m.predict(X)
    assert m.commitment() in seen
    m.learn_one(X[0], y[0])
    assert m.commitment() not in seen and len(seen) == 3


def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path) -> None:
    Mind(6, 3).save(tmp_path / "mind")
    data = (tmp_path / "mind").read_bytes()
    damaged = {
        "cut short or damaged": data[: len(data) // 2],
        "cut short;": data[:20],
        "not a saved learner": b"PK" + data,
        "version 9": data[:8] + b"\x09" + data[9:],
    }
    for reason, content in damaged.items():
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(MindError, match=reason) as caught:
            Mind.load(tmp_path / "bad")
        assert "\n" not in str(caught.value)
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    (tmp_path / "bad").write_bytes(flipped)
    with pytest.raises(MindError, match="damaged"):
        Mind.load(tmp_path / "bad")
    with pytest.raises(MindError, match="cannot read"):
        Mind.load(tmp_path / "none")


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([[1, 2, float("nan")]], [0], "NaN"),
        ([[1, 2]], [0], "2 numbers"),
        ([[1, 2, 3]], [3], "class 3"),
        ([[1, 2, 3]], [-1], "class -1"),
        ([[1, 2, 3]], [0.5], "whole number"),
        ([[1, 2, 3]], ["a"], "whole number"),
        ([["a", "b", "c"]], [0], "numbers"),
        ([[1, 2, 1e13]], [0], "1e\\+12"),
        ([[1, 2, -1e39]], [0], "1e\\+12"),
        ([[1, 2, 3]], [float("nan")], "whole number"),
        ([1, 2, 3], [0], r"shape \(n, 3\), not \(3,\)"),
        ([[[1, 2, 3]]], [0], r"shape \(n, 3\), not \(1, 1, 3\)"),
        ([[1, 2, 3]], [0, 1], "class numbers"),
        (np.zeros((0, 3)), np.zeros(0, int), "empty"),
    ],
)
def test_bad_input_gets_one_clear_error_and_leaves_the_learner_as_it_was(x: object, y: object, reason: str) -> None:
    m = Mind(3, 3)
    before = m.commitment()
    with pytest.raises(MindError, match=reason) as caught:
        m.learn(x, y)
    assert "\n" not in str(caught.value)
    assert m.commitment() == before


def test_bad_targets_and_options_are_refused() -> None:
    with pytest.raises(MindError, match="NaN"):
        Mind(3, 1, output="linear").learn(np.ones((1, 3)), [float("nan")])
    for wrong in (
        {"learner": "x"},
        {"output": "x"},
        {"sensors": 0},
        {"step": 1},
        {"step_size": -1},
        {"activation": "x"},
        {"hidden": 5},
        {"seed": -1},
        {"seed": "a"},
        {"noise": 0.0},
        {"drift": 1.0},
        {"tau": 0.0, "learner": "autostep"},
        {"active_decay": 0.0, "learner": "redo"},
        {"epsilon": 0.0},
    ):
        with pytest.raises(MindError):
            Mind(**{"sensors": 3, "outputs": 3} | wrong)
    with pytest.raises(MindError, match="at least 2"):
        Mind(3, 1)


def test_one_input_has_its_own_shape_and_targets_their_bounds() -> None:
    m = Mind(3, 3)
    for call in (m.predict_one, m.predict_proba_one, lambda x: m.learn_one(x, 0)):
        with pytest.raises(MindError, match=r"shape \(3,\), not \(1, 3\)"):
            call(np.ones((1, 3)))
    with pytest.raises(MindError, match=r"not \(3,\)"):
        m.predict(np.ones(3))
    for output, y, line in (
        ("linear", 1e30, "beyond 1e"),
        ("linear", -np.inf, "infinite"),
        ("logistic", 5, "0 .no. to 1"),
    ):
        one = Mind(3, 1, output=output)
        before = one.commitment()
        with pytest.raises(MindError, match=line):
            one.learn(np.ones((2, 3)), [0, y])
        assert one.commitment() == before


def test_options_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    m = Mind(3, 3, step_size=np.float64(0.5), maturity=np.int64(5), track=np.bool_(True), seed=np.int32(1))
    assert m.commitment() == Mind(3, 3, step_size=0.5, maturity=5, track=True, seed=1).commitment()
    m.save(tmp_path / "mind")
    assert Mind.load(tmp_path / "mind").commitment() == m.commitment()


def test_an_agents_file_is_called_one(tmp_path: Path) -> None:
    Agent(2, choices=2, agent="stream-q").save(tmp_path / "x")
    with pytest.raises(MindError, match="a saved agent, not a Mind"):
        Mind.load(tmp_path / "x")


def test_importing_mind_is_light() -> None:
    code = (
        "import sys; from klopf import mind; mind.Mind(3, 3)\n"
        "assert not {'grpc', 'web3', 'sklearn', 'numba', 'scipy', 'river', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_compiled_code_is_cached_by_the_contents_of_its_sources(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from klopf import mind\n"
        "mind.Mind(3, 1, hidden=(2,), learner='backprop', output='linear').learn(np.ones((2, 3)), np.ones(2))\n"
        "from klopf.mind import _jit; print(_jit.cache_folder())"
    )

    def run(cache: Path) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], env={"KLOPF_CACHE": str(cache)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    folder = Path(run(tmp_path))
    assert folder.is_relative_to(tmp_path) and list(folder.rglob("*.nbi"))
    (tmp_path / "file").write_text("")  # a parent that is a file: no folder can be made there
    assert run(tmp_path / "file") == "None"


@pytest.mark.long
def test_compiling_is_said_once_and_the_second_start_is_quick(tmp_path: Path) -> None:
    code = (
        "import time, numpy as np; from klopf import mind\n"
        "m = mind.Mind(3, 2, hidden=(2,))\nbefore = time.process_time()\n"
        "m.learn(np.ones((2, 3)), [0, 1]); m.predict(np.ones((2, 3)))\nprint(time.process_time() - before)"
    )
    env = {"KLOPF_CACHE": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert first.stderr.count("klopf: compiling") == first.stderr.count("\n") == 1
    assert second.stderr == "" and float(second.stdout) < 0.5 * float(first.stdout)


def test_memory_after_ten_million_steps_is_that_after_ten_thousand() -> None:
    code = """
import resource, numpy as np
from klopf.mind import Mind
r = np.random.default_rng(0)
X = r.integers(0, 2, (10_000, 20)).astype(np.float32)
y = X.sum(1)
m = Mind(20, 1, (5,), "continual-backprop", "linear", step_size=0.001)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(3):
    m.learn(X, y)
first, size = peak(), sum(a.nbytes for a in m._tables.arrays().values())
while m.steps < 10_000_000:
    m.learn(X, y)
assert sum(a.nbytes for a in m._tables.arrays().values()) == size and np.isfinite(m._net.P).all() and m.births > 1000
print(peak() - first)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 2048  # kilobytes
