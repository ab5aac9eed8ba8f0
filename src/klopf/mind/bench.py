"""Learners compared on problems: one run, and sweeps of runs that can be interrupted and taken up again.

The command ``klopf bench`` is a thin skin over this module. A run is named by its problem, learner, options, seed and
length alone, so that a sweep's file says which runs are done whatever order they were made in.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import Diverged, MindError
from klopf.mind._effective import effective
from klopf.mind._mind import Mind
from klopf.mind._problem import PROBLEMS, blocks_of, problem_called, stream_of, tests_of
from klopf.mind._settings import LEARNERS, settings_for
from klopf.mind._tuned import PUBLISHED, TUNED
from klopf.mind.diagnostics import diagnose

__all__ = [
    "COMPARED",
    "NEAR",
    "PROBLEMS",
    "WINDOW",
    "Run",
    "hidden_for",
    "options_for",
    "problem_called",
    "recovered_after",
    "run",
    "summary",
    "sweep",
]

COMPARED = (
    "backprop", "continual-backprop", "l2", "l2-init", "shrink-perturb", "redo", "snr", "upgd", "weight-reinit",
    "layer-norm", "crelu", "linear", "klopf",
)  # fmt: skip
"""The learners of the tables: the rivals, and ours."""


@dataclass(frozen=True)
class Run:
    """One learner on one stream. ``steps`` counts what the problem says: samples (regression, growth), tasks (permuted,
    binary-tasks), or how often each stage shows its images (class-incremental)."""

    problem: str
    setting: str
    learner: str
    seed: int
    steps: int
    options: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    """Where the problem's data are; for Klopf's own MNIST's folder, or downsampled ImageNet (see ``problems.images``);
    empty for the digits."""
    hidden: tuple[int, ...] = ()
    samples: int = 0
    """Images a task; 0 for all."""

    @property
    def key(self) -> str:
        """What names this run in a sweep's file."""
        return json.dumps(asdict(self), sort_keys=True)


def options_for(problem: str, setting: str, learner: str, tuned: bool, data: str = "") -> dict[str, Any]:
    """The options a table uses: published ones, or those that tuning with the stated budget chose.

    With ``data`` those chosen on MNIST, where there are such; otherwise those chosen on the digits.
    """
    if learner not in LEARNERS:
        raise MindError(f"no learner is called {learner!r}; choose one of {', '.join(LEARNERS)}")
    if tuned:
        place = f"{problem}/{setting}"
        own = (TUNED.get(f"{place}/mnist") if data else None) or TUNED.get(place, {})
        chosen = own.get(learner)
        if chosen is not None:
            return dict(chosen)
    return dict(PUBLISHED.get(problem, {}).get(learner, {}))


def hidden_for(r: Run) -> tuple[int, ...]:
    """The network of the published figure, unless the run names its own."""
    if r.hidden:
        return r.hidden
    return problem_called(r.problem).hidden


def _held_out_error(m: Mind, output: str, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Of what was not learned from, counted as :meth:`klopf.mind.Mind.learn` counts its errors."""
    said = m.predict(X)
    if output == "linear":
        return float(((said.reshape(len(X), -1) - y.reshape(len(X), -1)) ** 2).sum(1).mean(dtype=np.float64))
    if output == "logistic":
        said = (said > 0.5).reshape(y.shape)
    return float((said != y).reshape(len(X), -1).sum(1).mean())


WINDOW, NEAR = 50, 0.05


def recovered_after(errors: NDArray[Any], before: float) -> int:
    """How many samples of a task pass until ``WINDOW`` in a row have a mean error within ``NEAR`` of ``before``.

    ``before`` is the learner's own error in the second half of the task before; a task's length if it never comes.
    """
    if len(errors) < WINDOW:
        return len(errors)
    sums = np.cumsum(np.concatenate([[0.0], errors.astype(np.float64)]))
    near = np.flatnonzero((sums[WINDOW:] - sums[:-WINDOW]) / WINDOW <= before + NEAR)
    return int(near[0]) if len(near) else len(errors)


def run(
    r: Run,
    tick: Callable[[float], None] = lambda done: None,
    told: Callable[[int, float], None] = lambda step, error: None,
) -> dict[str, Any]:
    """Carry out one run.

    Args:
        r: what to run.
        tick: called with the fraction of the stream that is done.
        told: called with the steps so far and the error of the block that they end with.

    Returns:
        ``error``: mean over the last tenth of the samples (where steps count them) or of the tasks, at least one,
        rounded down; ``curve``: mean error of each block (at most 500 points);
        ``steps_per_second`` of learning alone; ``early``: error in the first tenth of each of the last tenth of tasks,
        and ``recovery``: samples until a change is made good (see :func:`recovered_after`), in the last half of them;
        ``diagnosis`` at the end.
    """
    stream = stream_of(r.problem, r.setting, r.seed, r.steps, r.data, r.samples)
    try:
        m = Mind(stream.sensors, stream.outputs, hidden_for(r), r.learner, stream.output, r.seed, **r.options)
        m.prepare()
    except MemoryError as full:
        sizes = ", ".join(map(str, (stream.sensors, *hidden_for(r), stream.outputs)))
        whose = f"the problem {r.problem!r} of {PROBLEMS.origin(r.problem)}"
        raise MindError(f"{whose} wants layers of {sizes}, which do not fit in memory: choose smaller ones") from full
    errors: list[float] = []
    early: list[float] = []
    recovery: list[int] = []
    last: list[tuple[float, int]] = []  # mean and number of those of a block's errors that lie in the last tenth
    tail_from = r.steps - max(1, r.steps // 10)
    before = math.nan
    learned = seconds = 0.0
    blocks = stream.number
    X = None
    given = blocks_of(r.problem, stream)
    for number, (X, y) in enumerate(given):
        if stream.fresh_outputs and number:
            m.forget_outputs()
        started = time.perf_counter()
        try:
            e = m.learn(X, y)
        except Diverged:
            errors.append(float("nan"))
            break
        seconds += time.perf_counter() - started
        in_tail = e[max(0, tail_from - int(learned)) :]
        learned += len(X)
        if len(in_tail):
            last.append((float(in_tail.mean(dtype=np.float64)), len(in_tail)))
        held_out = tests_of(r.problem, stream, number)
        if held_out is not None:
            errors.append(_held_out_error(m, stream.output, *held_out))
        else:
            errors.append(float(e.mean(dtype=np.float64)))
            early.append(float(e[: max(1, len(e) // 10)].mean(dtype=np.float64)))
            if number and stream.output == "softmax":
                recovery.append(recovered_after(e, before))
            before = float(e[len(e) // 2 :].mean(dtype=np.float64))
        if not (math.isfinite(errors[-1]) and m.finite):
            errors[-1] = float("nan")  # diverged, even where a classifier still guesses: it will not come back
            break
        tick((number + 1) / blocks)
        told((number + 1) * r.steps // blocks, errors[-1])
    given.close()
    tail = max(1, blocks // 10)
    error = float(np.mean(errors[-tail:]))
    if problem_called(r.problem).counts == "samples" and last:  # steps are samples, and blocks need not be tenths
        means, numbers = np.array(last).T
        error = float(np.average(means, weights=numbers / numbers.max()))
    if not math.isfinite(errors[-1]):
        error = float("nan")
    width = max(1, math.ceil(len(errors) / 500))
    curve = [float(np.mean(errors[i : i + width])) for i in range(0, len(errors), width)]
    return {
        "error": error,
        "curve": curve,
        "early": float(np.mean(early[-tail:])) if early else None,
        "recovery": float(np.mean(recovery[len(recovery) // 2 :])) if recovery else None,
        "steps_per_second": learned / max(seconds, 1e-9),
        "diagnosis": diagnose(m, X[-500:]) if X is not None and math.isfinite(error) else None,
        "units": list(m.units),
    }


def _read(path: Path) -> dict[str, dict[str, Any]]:
    done: dict[str, dict[str, Any]] = {}
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
                done[entry["key"]] = entry["result"]
            except (ValueError, KeyError, TypeError):
                continue  # the line that an interruption cut short: that run is made again
    return done


def sweep(
    runs: Sequence[Run],
    *,
    file: str | os.PathLike[str] | None = None,
    cores: int | None = None,
    progress: Callable[[float], None] = lambda done: None,
    told: Callable[[Run, int, float], None] = lambda run, step, error: None,
) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Carry out many runs, ``cores`` at a time; yields each with its result as it ends.

    Args:
        runs: what to run.
        file: JSON lines of finished runs; those it already holds are not made again, each new one is appended.
        cores: all by default.
        progress: called from many threads with the number of runs done, with fractions.
        told: called from many threads, of a run that is being made, with its steps so far and the error at them.

    Raises:
        MindError: ``file`` cannot be written, ``cores`` is below 1, or a run cannot be made.
    """
    if cores is not None and cores < 1:
        raise MindError(f"cores={cores}: at least 1 is needed")
    path = Path(file) if file is not None else None
    done: dict[str, dict[str, Any]] = {}
    if path is not None:
        try:
            with path.open("a+b") as kept:  # before hours of work, not after
                if kept.tell() and (kept.seek(-1, os.SEEK_END), kept.read(1))[1] != b"\n":
                    kept.write(b"\n")  # an interruption cut the last line short
            done = _read(path)
        except OSError as error:
            raise MindError(
                f"cannot keep runs in {path}: {error.strerror}; choose a file that can be written"
            ) from error
    parts = [1.0 if r.key in done else 0.0 for r in runs]
    for r in runs:
        if r.key in done:
            yield r, done[r.key]
    progress(sum(parts))

    def carry_out(number: int) -> tuple[int, dict[str, Any]]:
        def tick(fraction: float) -> None:
            parts[number] = fraction
            progress(sum(parts))

        return number, run(runs[number], tick, partial(told, runs[number]))

    waiting = [i for i, r in enumerate(runs) if r.key not in done]
    with ThreadPoolExecutor(cores or os.cpu_count() or 1) as pool:
        futures = [pool.submit(carry_out, i) for i in waiting]
        try:
            for future in as_completed(futures):
                number, result = future.result()
                if path is not None:
                    with path.open("a") as out:
                        out.write(json.dumps({"key": runs[number].key, "result": result}) + "\n")
                yield runs[number], result
        finally:
            for future in futures:
                future.cancel()


def _hyperparameters(r: Run) -> dict[str, Any]:
    hidden = () if r.learner == "linear" else hidden_for(r)
    settings = settings_for(r.learner, **r.options)
    return {**effective(settings), **r.options, "hidden": list(hidden)}


def summary(results: Sequence[tuple[Run, dict[str, Any]]]) -> list[dict[str, Any]]:
    """One entry a learner and setting: mean error over seeds, its standard error, and how it was run.

    A diverged run makes the mean NaN: it is not left out. ``hyperparameters`` are all settings that matter for the
    learner and its hidden units; ``overrides`` what differs from its defaults on purpose.
    """
    groups: dict[tuple[str, str, str], list[tuple[Run, dict[str, Any]]]] = {}
    for r, result in results:
        how = {**r.options, "hidden": list(r.hidden)} if r.hidden else r.options
        groups.setdefault((r.learner, r.setting, json.dumps(how, sort_keys=True)), []).append((r, result))
    table = []
    for (learner, setting, how_text), members in groups.items():
        e = np.array([result["error"] for _, result in members])
        dormant = [
            float(np.mean([layer["dormant"] for layer in result["diagnosis"]["layers"]]))
            for _, result in members
            if result["diagnosis"] and result["diagnosis"]["layers"]
        ]
        early = [result["early"] for _, result in members if result.get("early") is not None]
        recovery = [result["recovery"] for _, result in members if result.get("recovery") is not None]
        table.append(
            {
                "learner": learner,
                "setting": setting,
                "seeds": len(e),
                "steps": members[0][0].steps,
                "error": float(e.mean()),
                "stderr": float(e.std(ddof=1) / math.sqrt(len(e))) if len(e) > 1 else float("nan"),
                "steps_per_second": float(np.median([result["steps_per_second"] for _, result in members])),
                "hyperparameters": _hyperparameters(members[0][0]),
                "overrides": json.loads(how_text),
                "dormant": float(np.mean(dormant)) if dormant else None,
                "early_error": float(np.mean(early)) if early else None,
                "recovery": float(np.mean(recovery)) if recovery else None,
                "units": members[0][1].get("units"),
            }
        )
    return sorted(table, key=lambda row: (row["setting"], not row["error"] >= 0, row["error"]))
