"""A learner whose numbers are no longer finite says so in one line, and says nothing else from then on."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.errors import Diverged
from klopf.mind import Mind, learn_together


def stream(n: int = 2000) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    X = np.random.default_rng(0).normal(size=(n, 5))
    return X, 1000 + X[:, 0]


def test_one_line_names_the_step_and_the_mend_however_the_stream_is_cut() -> None:
    X, y = stream()
    lines = set()
    for whole in (True, False):
        m = Mind(5, 1, output="linear", learner="backprop")
        with pytest.raises(Diverged, match=r"diverged at step \d+: .*scale the targets.*step_size \(0\.01\)") as caught:
            if whole:
                m.learn(X, y)
            else:
                for i in range(len(X)):
                    m.learn_one(X[i], y[i])
        lines.add(str(caught.value))
        for call in (lambda m=m: m.learn_one(X[0], 0.0), lambda m=m: m.predict_one(X[0])):  # type: ignore[misc]
            with pytest.raises(Diverged) as again:
                call()
            assert str(again.value) in lines
    assert len(lines) == 1 and "\n" not in lines.pop()


@pytest.mark.parametrize("output", ["softmax", "logistic", "linear"])
def test_every_kind_of_output_is_watched(output: str) -> None:
    r = np.random.default_rng(0)
    X = r.normal(size=(3000, 5)) * 1e8
    outputs = 2 if output == "softmax" else 3
    y = r.integers(0, 2, 3000 if output == "softmax" else (3000, 3))
    m = Mind(5, outputs, output=output, learner="backprop", step_size=1e25)
    with pytest.raises(Diverged, match="normalise_inputs=True"):
        m.learn(X, y)
    one = Mind(5, outputs, output=output, learner="backprop", step_size=1e25)
    with pytest.raises(Diverged, match="normalise_inputs=True"):
        for i in range(len(X)):
            one.learn_one(X[i], y[i])


def test_a_unit_that_no_output_hears_is_found_too(tmp_path: Path) -> None:
    X, y = stream(300)
    m = Mind(5, 1, output="linear", learner="backprop", step_size=1e-6)
    m._tables.rows(0)[0, 0, 3] = np.nan  # a ReLU unit whose sum is NaN is silent
    with pytest.raises(Diverged, match=r"by step 256: a weight|at step"):
        for i in range(300):
            m.learn_one(X[i], y[i] / 1000)
    m.save(tmp_path / "mind")
    for other in (Mind.load(tmp_path / "mind"), pickle.loads(pickle.dumps(m))):
        with pytest.raises(Diverged, match="a weight"):
            other.predict_one(X[0])


def test_one_of_many_does_not_stop_the_others() -> None:
    X, y = stream(300)
    minds = [Mind(5, 1, output="linear", learner="backprop", step_size=s) for s in (0.01, 1e-8)]
    with pytest.warns(RuntimeWarning, match="diverged at step"):
        errors = learn_together(minds, X, y)
    assert np.isnan(errors[0]).all() and np.isfinite(errors[1]).all()
