"""Problems can be added: Klopf's own keep the promises of their base class, and each broken promise is said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from klopf.checks import check_problem
from klopf.console import make_app
from klopf.errors import ExtensionError
from klopf.mind import PROBLEMS, MindError, Problem, bench
from klopf.mind.problems import Stream
from tests.mind import faulty_problems as bad


@pytest.mark.parametrize("name", PROBLEMS.shipped)
def test_klopfs_own_keep_their_promises(name: str) -> None:
    check_problem(name, samples=200)


def test_a_sound_one_passes() -> None:
    check_problem(bad.Sound)
    check_problem(bad.Locked)


def test_what_is_no_class_derived_from_problem_is_refused() -> None:
    for given in (dict, bad.Sound(), Problem, 3):
        with pytest.raises(AssertionError, match="Problem"):
            check_problem(given)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=r"'nothing'.*: one of"):
        check_problem("nothing")


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (bad.Settingless, "settings must be"),
        (bad.Gap, "an input is NaN"),
        (bad.Wide, r"shape \(500, 2\) where \(500, 3\)"),
        (bad.Double, "inputs are float64"),
        (bad.Beyond, "classes from 0 to 2 where 0 to 1"),
        (bad.Seedless, "same samples for another seed"),
        (bad.Fickle, "another stream in its second pass"),
        (bad.Unseeded, "other samples for the same seed"),
        (bad.Buffered, "writes to a block"),
        (bad.Shared, "two passes run at once"),
        (bad.Long, "12001 samples where 12000"),
        (bad.Uncounted, "more blocks than the 1 it declares"),
        (bad.Looking, "do not begin with"),
        (bad.Huge, "diverge"),
        (bad.Broken, "after 1 blocks fails: ZeroDivisionError: of mine"),
        (bad.Leaving, "after 1 blocks.* fails: SystemExit: 3"),
        (bad.Unmade, "fails: SystemExit: unmade"),
        (bad.Endless, "more blocks than the 24 it declares"),
        (bad.Widening, r"block 1: inputs of shape \(500, 6\)"),
        (bad.Columned, "block 1: targets of another shape"),
        (bad.Scalar, r"inputs of shape \(\)"),
        (bad.Masked, "must be a tuple of two NumPy arrays"),
        (bad.Listed, "must be a tuple of two NumPy arrays"),
        (bad.Objects, "inputs are object"),
        (bad.Later, "an input is NaN"),
        (bad.Rewritten, "writes to a block"),
        (bad.Shaking, "a generator that everybody shares"),
        (bad.Drawing, "a generator that everybody shares"),
        (bad.Property, "fails: RuntimeError: no settings"),
        (bad.Vast, "sensors is 1099511627776"),
        (bad.Halved, "outputs is 1.5"),
        (bad.Odd, r"output is \['linear'\]"),
        (bad.Inventing, "fails: TypeError|gives no samples"),
        (bad.Uncallable, "must be functions"),
        (bad.Examined, "tests of task 0.* fails: SystemExit: no tests"),
        (bad.Reproducing, r"1 steps.* fails: ValueError: steps"),
        (bad.Wordy, "which means the first two"),
        (bad.Countless, "counts is 'minutes'"),
        (bad.Deep, "hidden must be"),
        (bad.Derived, "gives a 'Unanswering'"),
        (bad.Fresh, "neither True nor False"),
        (bad.Vacant, "gives no samples"),
        (bad.Void, "block 0: a block must be a tuple"),
        (bad.Short, "declares 12000 samples and gives 1500"),
        (bad.Partitioned, "2147483647 blocks of 12000 samples"),
        (bad.Rounds, "2147483647 blocks: at most 100000"),
        (bad.Stretched, "larger than 2 GiB"),
        (bad.Lines, "settings must be"),
        (bad.Contained, "settings must be"),
        (bad.Once, "fails: SystemExit: settings"),
        (bad.Ended, "fails: GeneratorExit: of its own"),
        (bad.Wordless, "fails: Ill, whose text cannot be had"),
        (bad.Ours, "fails: MindError: something else"),
        (bad.Lasting, "closing a pass after 1 blocks fails: SystemExit: closed"),
        (bad.Immense, "block 0: an input is .* beyond 1e[+]12"),
        (bad.Replaced, "has no attribute 'stream'"),
        (bad.Swapped, "inputs are >f4"),
        (bad.Viewed, "must be a tuple of two NumPy arrays"),
    ],
)
def test_each_fault_is_found(faulty: type[Problem], said: str) -> None:
    with pytest.raises(AssertionError, match=said) as caught:
        check_problem(faulty)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(faulty.__name__)


def test_what_a_stranger_raises_is_one_line_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {
        "broken": [("stranger", f"{bad.__name__}:Broken")], "none": [("stranger", f"{bad.__name__}:Nothing")],
    }  # fmt: skip
    monkeypatch.setattr(type(PROBLEMS), "_added", lambda self: found if self is PROBLEMS else {})
    with pytest.raises(MindError, match=r"'broken' of stranger breaks off: ZeroDivisionError: of mine$"):
        bench.run(bench.Run("broken", "usual", "linear", 0, 1000))
    with pytest.raises(ExtensionError, match="'none' of stranger cannot be loaded"):
        bench.run(bench.Run("none", "usual", "linear", 0, 1000))
    with pytest.raises(MindError, match="no problem broken with setting x"):
        bench.run(bench.Run("broken", "x", "linear", 0, 1000))


@pytest.mark.parametrize(
    "faulty",
    [
        bad.Leaving,
        bad.Unmade,
        bad.Endless,
        bad.Widening,
        bad.Scalar,
        bad.Masked,
        bad.Objects,
        bad.Gap,
        bad.Beyond,
        bad.Property,
        bad.Vast,
        bad.Halved,
        bad.Odd,
        bad.Examined,
        bad.Derived,
        bad.Fresh,
        bad.Vacant,
        bad.Void,
        bad.Short,
        bad.Partitioned,
        bad.Stretched,
        bad.Lines,
        bad.Contained,
        bad.Ended,
        bad.Wordless,
        bad.Ours,
        bad.Immense,
        bad.Replaced,
    ],
)
def test_a_bench_of_a_faulty_one_is_one_line_with_its_package(
    faulty: type[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"faulty": [("stranger", f"{bad.__name__}:{faulty.__name__}")]}
    monkeypatch.setattr(type(PROBLEMS), "_added", lambda self: found if self is PROBLEMS else {})
    how = ["--learners", "linear", "--steps", "3000", "--seeds", "2", "--json", "--cores", "1"]
    with pytest.raises(MindError, match="the problem 'faulty' of stranger") as caught:
        make_app("bench")(["bench", "problem", "faulty", *how], exit_on_error=False, result_action="return_value")
    assert "\n" not in str(caught.value)


def test_what_a_problem_prints_is_no_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"noisy": [("stranger", f"{bad.__name__}:Noisy")]}
    monkeypatch.setattr(type(PROBLEMS), "_added", lambda self: found if self is PROBLEMS else {})
    how = ["--learners", "linear", "--steps", "3000", "--seeds", "1", "--json"]
    make_app("bench")(["bench", "problem", "noisy", *how], exit_on_error=False, result_action="return_value")
    written = capsys.readouterr()
    (row,) = json.loads(written.out)
    assert row["learner"] == "linear" and "noise" in written.err


def test_any_problem_runs_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    def call(*words: str) -> dict[str, Any]:
        how = ["--learners", "linear", "--steps", "3000", "--seeds", "2", "--json"]
        make_app("bench")(["bench", *words, *how], exit_on_error=False, result_action="return_value")
        (row,) = json.loads(capsys.readouterr().out)
        return {key: value for key, value in row.items() if key != "steps_per_second"}

    assert call("problem", "regression") == call("regression")
    with pytest.raises(ExtensionError, match="regression, permuted"):
        call("problem", "nothing")
    with pytest.raises(MindError, match="not one of redraw, flip-one"):
        call("problem", "regression", "--setting", "x")


@pytest.mark.parametrize("output", ["linear", "logistic"])
def test_held_out_samples_are_scored_as_learning_scores_them(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the targets of one output are 1 and those of the other are -1 or 0: what a learner that says 0 misses."""
    n = 64
    X, low = np.zeros((n, 2), np.float32), -1 if output == "linear" else 0
    y = np.stack([np.arange(n) % 2, np.full(n, low)], 1).astype(np.float32)
    stream = Stream("flat", 2, 2, output, n, n, lambda: iter([(X, y)]), tests=lambda k: (X, y))
    monkeypatch.setattr(bench, "stream_of", lambda *a: stream)
    monkeypatch.setattr(bench, "problem_called", lambda name: Problem)
    monkeypatch.setattr(bench.Mind, "predict", lambda self, X: np.zeros((len(X), 2), np.float32))
    ran = bench.run(bench.Run("regression", "usual", "backprop", 0, n, hidden=(2,)))
    assert ran["curve"] == [1.5 if output == "linear" else 0.5]
