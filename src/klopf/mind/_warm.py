"""The common kinds of learners compiled ahead: for this machine, or for a wheel that others install."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from klopf.errors import MindError
from klopf.extras import missing
from klopf.mind._shipped_stages import Images, Sequences

__all__ = ["KINDS", "compile_kind", "into_wheel", "warm"]

_MIND: dict[str, tuple[int, str, dict[str, Any]]] = {
    "Mind, classes": (2, "softmax", {}),
    "Mind, a number": (1, "linear", {}),
    "Mind, yes or no": (1, "logistic", {}),
    "scikit-learn's, classes": (2, "softmax", {"normalise_inputs": True}),
    "scikit-learn's and River's, numbers": (1, "linear", {"normalise_inputs": True}),
    "scikit-learn's and River's, labels": (1, "logistic", {"normalise_inputs": True}),
    "River's, classes": (2, "softmax", {"company": True}),
    "River's, a number": (1, "linear", {"company": True}),
    "Mind and scikit-learn's, images": (2, "softmax", {"stage": Images(5, 5)}),
    "River's, images": (2, "softmax", {"stage": Images(5, 5), "company": True}),
    "all, sequences": (2, "softmax", {"stage": Sequences(1), "normalise_inputs": True}),
}
_AGENTS = ("ac", "q", "sarsa", "td", "qrc")
KINDS = (*_MIND, *(f"agents, {algorithm}" for algorithm in _AGENTS))
"""Every kind by the name that people are told; all are the Klopf learner, or agents at their defaults."""


def compile_kind(kind: str) -> dict[str, Any]:
    """Put the kernels of ``kind`` into the cache, in this process. Returns how many were compiled, and the CPU's
    seconds."""
    import time

    from numba.core import event

    compiled = event.RecordingListener()  # type: ignore[no-untyped-call]
    before = time.process_time()
    with event.install_listener("numba:compile", compiled):
        if kind in _MIND:
            from klopf.mind._company import options_of
            from klopf.mind._intervals import Intervals
            from klopf.mind._mind import Mind

            outputs, output, given = _MIND[kind]
            options = {name: value for name, value in given.items() if name not in ("stage", "company")}
            stage = given.get("stage")
            if given.get("company"):
                options = options_of("klopf", stage is not None and stage.scaled)
            Mind(stage or 2, outputs, output=output, **options).prepare()
            if options and output == "linear":  # these say within which bounds
                intervals = Intervals()
                intervals.learn([[0.0]], [0.0], [0.0])
                intervals.bounds(0.9, [[0.0]], [0.0])
            if options.get("normalise_inputs"):  # River's say what is missing
                import numpy as np

                from klopf.mind.kernels.absent import hear

                hear(np.zeros((5, 1)), np.zeros((1, 1)), np.zeros(1))
        else:
            from klopf.mind.rl._agent import compile_here

            compile_here(kind.removeprefix("agents, "), "float64")
    starts = sum(happened.is_start for _, happened in compiled.buffer)
    return {"kind": kind, "compiled": starts, "cpu_seconds": round(time.process_time() - before, 2)}


def warm(cores: int | None = None, environment: dict[str, str] | None = None) -> Iterator[dict[str, Any]]:
    """Compile every kind that can be used here, each in a process of its own: the same code as if it were needed.

    Yields:
        for each kind, in the order in which they are ready, what :func:`compile_kind` returns.

    Raises:
        MindError: one cannot be compiled, or there is no folder to keep it in.
    """
    from klopf.mind._jit import cache_folder

    environment = {**os.environ, **(environment or {})}
    if environment.get("NUMBA_DISABLE_JIT", "0") != "0" or (
        cache_folder() is None and "KLOPF_CACHE" not in environment
    ):
        raise MindError("nothing can be kept: unset NUMBA_DISABLE_JIT, and let KLOPF_CACHE name a folder to write")
    kinds = [kind for kind in KINDS if kind in _MIND or not missing("rl")]
    yield _apart(kinds[0], environment)  # with what all of them are made of
    with ThreadPoolExecutor(cores or os.cpu_count() or 1) as pool:
        jobs = [pool.submit(_apart, kind, environment) for kind in kinds[1:]]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            for job in jobs:
                job.cancel()


def _apart(kind: str, environment: dict[str, str]) -> dict[str, Any]:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(p for p in (root, environment.get("PYTHONPATH", "")) if p)
    code = f"import json; from klopf.mind._warm import compile_kind; print(json.dumps(compile_kind({kind!r})))"
    here = {**environment, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=here, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it was killed"]
        raise MindError(f"{kind} cannot be compiled: {last[0]}")
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def into_wheel(
    folder: Path, told: Callable[[dict[str, Any]], None] = lambda row: None, cores: int | None = None
) -> None:
    """Fill ``folder`` with what belongs into ``klopf/mind/compiled`` of a wheel: for a level of processors instead of
    this one (``_jit.LEVEL``), loaded wherever the same versions of Python, Numba and llvmlite are.

    Raises:
        MindError: this machine is of another kind, or as :func:`warm`.
    """
    import platform

    from klopf.mind._jit import LEVEL

    if platform.machine().lower() not in ("x86_64", "amd64"):
        raise MindError(f"a wheel's kernels are compiled for {LEVEL}, on such a machine; this one is another")
    folder.mkdir(parents=True, exist_ok=True)
    target = {"KLOPF_CACHE": str(folder.resolve()), "NUMBA_CPU_NAME": LEVEL, "NUMBA_CPU_FEATURES": ""}
    for row in warm(cores, target):
        told(row)
    made = folder / "kernels"
    for each in made.iterdir():
        each.rename(folder / each.name)
    made.rmdir()
