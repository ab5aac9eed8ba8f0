"""What the kernels compute, checked from outside with the kernels run as plain Python (``NUMBA_DISABLE_JIT``).

So every combination of rules is checked without compiling each one. ``test_mind.py`` runs them compiled, and the last
test here shows that both learn the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from klopf.mind import Mind


def plain_python(*arguments: str) -> str:
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.mark.parametrize(
    "file",
    [
        "plain_gradients.py",
        "plain_papers.py",
        "plain_rebirth.py",
        "plain_levels.py",
        "plain_learners.py",
        "plain_kalman.py",
        "plain_options.py",
        "plain_weights.py",
        "plain_parts.py",
        "plain_misbehaving.py",
    ],
)
@pytest.mark.long
def test_in_plain_python(file: str) -> None:
    path = str(Path(__file__).with_name(file))
    out = plain_python("-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", "--timeout", "150", path)
    assert " passed" in out and "skipped" not in out


@pytest.mark.long
def test_plain_python_and_compiled_code_learn_the_same() -> None:
    code = """
import warnings, numpy as np
from klopf.mind import Mind
warnings.filterwarnings("ignore")
r = np.random.default_rng(0)
m = Mind(5, 3, hidden=(7,), learner="klopf", dtype="float64", seed=2, replacement_rate=0.9, maturity=5)
X = r.normal(size=(60, 5))
m.learn(X, np.arange(60) // 10 % 3)
print(repr(m.births), *m._net.W.tolist())
"""
    births, *weights = plain_python("-c", code).split()
    r = np.random.default_rng(0)
    m = Mind(5, 3, hidden=(7,), learner="klopf", dtype="float64", seed=2, replacement_rate=0.9, maturity=5)
    X = r.normal(size=(60, 5))
    m.learn(X, np.arange(60) // 10 % 3)
    assert int(births) == m.births > 0
    assert m._net.W.tolist() == pytest.approx([float(w) for w in weights], abs=1e-9)
