"""Problems can be added: Klopf's own keep the promises of their base class, and each broken promise is said."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from klopf.checks import check_problem
from klopf.console import make_app
from klopf.errors import ExtensionError
from klopf.mind import PROBLEMS, MindError, Problem, bench
from klopf.mind.problems import Block, Stream


@pytest.mark.parametrize("name", PROBLEMS.shipped)
def test_klopfs_own_keep_their_promises(name: str) -> None:
    check_problem(name, samples=200)


class Sound(Problem):
    """Three numbers, of which the first counts; each planted fault below changes one thing in it."""

    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("sound", 3, 1, "linear", steps, 500, lambda: self.blocks(seed, steps))

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        for start in range(0, steps, 500):
            rng = np.random.default_rng((seed, start))
            X = rng.normal(size=(500, 3)).astype(np.float32)[: steps - start]
            yield X, X[:, 0]


class Settingless(Sound):
    settings = ()


class Gap(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        for X, y in super().blocks(seed, steps):
            X[-1, 1] = np.nan
            yield X, y


class Wide(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X[:, :2], y) for X, y in super().blocks(seed, steps))


class Double(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X.astype(float), y) for X, y in super().blocks(seed, steps))


class Beyond(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("beyond", 3, 2, "softmax", steps, 500, lambda: self.blocks(seed, steps))

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X, np.arange(len(X)) % 3) for X, _ in super().blocks(seed, steps))


class Seedless(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return super().blocks(7, steps)


class Fickle(Sound):
    drawn = itertools.count()

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return super().blocks(next(self.drawn), steps)


class Unseeded(Sound):
    """The same in every pass, but another each time it is made."""

    made = itertools.count()

    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return super().stream(setting, next(self.made), steps)


class Buffered(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        buffer = np.zeros((500, 3), np.float32)
        for X, y in super().blocks(seed, steps):
            buffer[: len(X)] = X
            yield buffer[: len(X)], y


class Shared(Sound):
    """Two passes at once write to one another's position."""

    at = 0

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        given = list(super().blocks(seed, steps))
        self.at = 0
        while self.at < len(given):
            yield given[self.at]
            self.at += 1


class Long(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("long", 3, 1, "linear", 0, 0, lambda: self.blocks(seed, steps + 1), parts=25)


class Uncounted(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("uncounted", 3, 1, "linear", steps, 0, lambda: self.blocks(seed, steps))


class Looking(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return super().blocks(seed * 100_000 + steps, steps)


class Huge(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X * np.float32(1e6), y * np.float32(1e6)) for X, y in super().blocks(seed, steps))


class Broken(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        yield next(super().blocks(seed, steps))
        raise ZeroDivisionError("of\nmine")


class Leaving(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        yield next(super().blocks(seed, steps))
        raise SystemExit(3)


class Unmade(Sound):
    def __init__(self, data: str = "", samples: int = 0) -> None:
        raise SystemExit("unmade")


class Endless(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        while True:
            yield from super().blocks(seed, steps)


class Widening(Sound):
    """As declared in the first block, and in the first pass."""

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        for k, (X, y) in enumerate(super().blocks(seed, steps)):
            yield (np.hstack([X, X]) if k else X), y


class Columned(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        for k, (X, y) in enumerate(super().blocks(seed, steps)):
            yield X, (y[:, None] if k % 2 else y)


class Scalar(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((np.ones((), np.float32), y) for _, y in super().blocks(seed, steps))


class Masked(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((np.ma.masked_array(X), y) for X, y in super().blocks(seed, steps))  # type: ignore[no-untyped-call]


class Listed(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X.tolist(), y) for X, y in super().blocks(seed, steps))


class Objects(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X.astype(object), y) for X, y in super().blocks(seed, steps))


class Later(Sound):
    """NaN from the second pass on."""

    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        passes = itertools.count()

        def blocks() -> Iterator[Block]:
            late = next(passes)
            for X, y in self.blocks(seed, steps):
                yield X * np.float32(np.nan if late else 1), y

        return Stream("later", 3, 1, "linear", steps, 500, blocks)


class Rewritten(Sound):
    """A pass writes over what the pass before has given, when that is over."""

    kept: ClassVar[list[Block]] = []

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        for X, _ in self.kept:
            X *= 2
        self.kept[:] = super().blocks(seed, steps)
        yield from list(self.kept)


class Shaking(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        np.random.seed(seed)
        return super().blocks(seed, steps)


class Drawing(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        random.random()
        return super().stream(setting, seed, steps)


class Counting(type(Problem)):  # type: ignore[misc]
    @property
    def settings(cls) -> tuple[str, ...]:
        raise RuntimeError("no\nsettings")


class Property(Sound, metaclass=Counting):
    pass


class Vast(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("vast", 2**40, 1, "linear", steps, 500, lambda: self.blocks(seed, steps))


class Halved(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("halved", 3, 1.5, "linear", steps, 500, lambda: self.blocks(seed, steps))  # type: ignore[arg-type]


class Odd(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("odd", 3, 1, ["linear"], steps, 500, lambda: self.blocks(seed, steps))  # type: ignore[arg-type]


class Inventing(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("inventing", 3, 1, "linear", steps, 500, list)  # type: ignore[arg-type]


class Uncallable(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Stream("uncallable", 3, 1, "linear", steps, 500, [])  # type: ignore[arg-type]


class Examined(Sound):
    """Its tests are well the first time."""

    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        asked = itertools.count()

        def tests(k: int) -> Block:
            if next(asked) % 2:
                raise SystemExit("no tests")
            return next(self.blocks(seed, steps))

        return Stream("examined", 3, 1, "linear", steps, 500, lambda: self.blocks(seed, steps), tests=tests)


class Reproducing(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        if steps == 1:
            raise ValueError("steps")
        return super().stream(setting, seed, steps)


class Wordy(Sound):
    settings = ("usual", "both")


class Countless(Sound):
    counts = "minutes"


class Deep(Sound):
    hidden = ()


def test_a_sound_one_passes() -> None:
    check_problem(Sound)


def test_what_is_no_class_derived_from_problem_is_refused() -> None:
    for given in (dict, Sound(), Problem, 3):
        with pytest.raises(AssertionError, match="Problem"):
            check_problem(given)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=r"'nothing'.*: one of"):
        check_problem("nothing")


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (Settingless, "settings must be"),
        (Gap, "an input is NaN"),
        (Wide, r"shape \(500, 2\) where \(500, 3\)"),
        (Double, "inputs are float64"),
        (Beyond, "classes from 0 to 2 where 0 to 1"),
        (Seedless, "same samples for another seed"),
        (Fickle, "another stream in its second pass"),
        (Unseeded, "other samples for the same seed"),
        (Buffered, "writes to a block"),
        (Shared, "two passes run at once"),
        (Long, "12001 samples where 12000"),
        (Uncounted, "more blocks than the 1 it declares"),
        (Looking, "do not begin with"),
        (Huge, "diverge"),
        (Broken, "after 1 blocks fails: ZeroDivisionError: of mine"),
        (Leaving, "after 1 blocks.* fails: SystemExit: 3"),
        (Unmade, "fails: SystemExit: unmade"),
        (Endless, "more blocks than the 24 it declares"),
        (Widening, r"block 1: inputs of shape \(500, 6\)"),
        (Columned, "block 1: targets of another shape"),
        (Scalar, r"inputs of shape \(\)"),
        (Masked, "must be a tuple of two NumPy arrays"),
        (Listed, "must be a tuple of two NumPy arrays"),
        (Objects, "inputs are object"),
        (Later, "an input is NaN"),
        (Rewritten, "writes to a block"),
        (Shaking, "a generator that everybody shares"),
        (Drawing, "a generator that everybody shares"),
        (Property, "fails: RuntimeError: no settings"),
        (Vast, "sensors is 1099511627776"),
        (Halved, "outputs is 1.5"),
        (Odd, r"output is \['linear'\]"),
        (Inventing, "fails: TypeError|gives no samples"),
        (Uncallable, "must be functions"),
        (Examined, "tests of task 0.* fails: SystemExit: no tests"),
        (Reproducing, r"1 steps.* fails: ValueError: steps"),
        (Wordy, "which means the first two"),
        (Countless, "counts is 'minutes'"),
        (Deep, "hidden must be"),
    ],
)
def test_each_fault_is_found(faulty: type[Problem], said: str) -> None:
    with pytest.raises(AssertionError, match=said) as caught:
        check_problem(faulty)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(faulty.__name__)


def test_what_a_stranger_raises_is_one_line_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {
        "broken": [("stranger", f"{__name__}:Broken")], "none": [("stranger", f"{__name__}:Nothing")],
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
    [Leaving, Unmade, Endless, Widening, Scalar, Masked, Objects, Gap, Beyond, Property, Vast, Halved, Odd, Examined],
)  # fmt: skip
def test_a_bench_of_a_faulty_one_is_one_line_with_its_package(
    faulty: type[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"faulty": [("stranger", f"{__name__}:{faulty.__name__}")]}
    monkeypatch.setattr(type(PROBLEMS), "_added", lambda self: found if self is PROBLEMS else {})
    how = ["--learners", "linear", "--steps", "3000", "--seeds", "2", "--json", "--cores", "1"]
    with pytest.raises(MindError, match="the problem 'faulty' of stranger") as caught:
        make_app("bench")(["bench", "problem", "faulty", *how], exit_on_error=False, result_action="return_value")
    assert "\n" not in str(caught.value)


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
