"""Does a problem keep its promises?"""

from __future__ import annotations

from itertools import islice, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import Diverged
from klopf.mind import PROBLEMS, Mind, Problem
from klopf.mind.problems import Block, Stream

__all__ = ["check_problem"]

_STEPS = {"samples": 12_000, "tasks": 3, "rounds": 1}
_KINDS = {"softmax": np.dtype(np.int64), "linear": np.dtype(np.float32), "logistic": np.dtype(np.float32)}


def check_problem(problem: str | type[Problem], steps: int = 0, data: str = "", samples: int = 0) -> None:
    """Draw streams of ``problem`` in all its settings, look at each sample, and let a learner learn from some.

    Args:
        problem: its name, or its class.
        steps: how long the streams are; by default 12,000 samples, 3 tasks or 1 round.
        data: where its data are, if it needs any.
        samples: samples a task; 0 for all.

    Raises:
        AssertionError: a promise of :class:`klopf.mind.Problem` is broken; one line says which.
    """
    kind = PROBLEMS.load(problem) if isinstance(problem, str) else problem
    name = problem if isinstance(problem, str) else problem.__name__
    _declares(name, kind)
    steps = steps or _STEPS[kind.counts]
    for setting in kind.settings:
        what = f"{name} ({setting})"
        stream = _stream(what, kind(data, samples), setting, 0, steps)
        blocks = _passed(what, stream)
        for X, y in blocks:
            _fits(what, stream, X, y)
        _has_the_length(what, kind.counts, steps, stream, blocks)
        _is_given_again(what, stream, blocks)
        _comes_from_its_seed(what, kind, (data, samples), setting, steps, blocks)
        _tests_fit(what, stream, len(blocks))
        _can_be_learned_from(what, stream, blocks)


def _declares(name: str, kind: type[Problem]) -> None:
    assert isinstance(kind, type) and issubclass(kind, Problem), f"{name} is no klopf.mind.Problem: derive it from it"
    words = kind.settings
    fine = isinstance(words, tuple) and words and all(isinstance(word, str) and word for word in words)
    assert fine and len(set(words)) == len(words), f"{name}.settings must be a tuple of different words, not {words!r}"
    assert "both" not in words, f"{name}.settings has 'both', which means the first two of them: use another word"
    assert kind.counts in _STEPS, f"{name}.counts is {kind.counts!r}, not one of {', '.join(_STEPS)}"
    units = kind.hidden
    fine = isinstance(units, tuple) and all(type(n) is int and n > 0 for n in units)
    assert fine, f"{name}.hidden must be a tuple of whole numbers from 1, not {units!r}"


def _stream(what: str, made: Problem, setting: str, seed: int, steps: int) -> Stream:
    try:
        stream = made.stream(setting, seed, steps)
    except Exception as error:
        raise AssertionError(f"{what} makes no stream of {steps} steps: {_said(error)}") from None
    assert isinstance(stream, Stream), f"{what} gives a {type(stream).__name__}, not a klopf.mind.problems.Stream"
    known = stream.output in _KINDS
    assert known, f"{what}: the stream's output is {stream.output!r}, not one of {', '.join(_KINDS)}"
    return stream


def _passed(what: str, stream: Stream) -> list[Block]:
    """The blocks of one pass, each copied while it is the newest."""
    blocks = []
    try:
        for X, y in stream:
            blocks.append((np.array(X), np.array(y)))
    except Exception as error:
        raise AssertionError(f"{what} breaks off after {len(blocks)} blocks: {_said(error)}") from None
    assert blocks, f"{what} gives no samples: blocks() must give them anew in every pass"
    return blocks


def _fits(what: str, stream: Stream, X: NDArray[Any], y: NDArray[Any]) -> None:
    """Samples are what the stream says they are."""
    n, width = len(X), stream.outputs
    assert n > 0, f"{what} gives a block without samples: leave it out"
    assert X.shape == (n, stream.sensors), (
        f"{what}: inputs of shape {X.shape} where ({n}, {stream.sensors}) is declared"
    )
    assert X.dtype == np.float32, f"{what}: inputs are {X.dtype}, not float32"
    assert np.isfinite(X).all(), f"{what}: an input is NaN or infinite"
    numbers = stream.output != "softmax"
    shapes = ([(n, width)] if numbers else []) + ([(n,)] if width == 1 or not numbers else [])
    wanted = " or ".join(map(str, shapes))
    assert y.shape in shapes, f"{what}: targets of shape {y.shape} where {wanted} is declared"
    dtype = _KINDS[stream.output]
    assert y.dtype == dtype, f"{what}: targets are {y.dtype}, not {dtype} as output={stream.output!r} wants"
    assert np.isfinite(y).all(), f"{what}: a target is NaN or infinite"
    if not numbers:
        low, high = int(y.min()), int(y.max())
        assert 0 <= low <= high < width, f"{what}: classes from {low} to {high} where 0 to {width - 1} are declared"
    if stream.output == "logistic":
        assert ((y == 0) | (y == 1)).all(), f"{what}: a yes/no target is neither 0 nor 1"


def _has_the_length(what: str, counts: str, steps: int, stream: Stream, blocks: list[Block]) -> None:
    found = sum(len(X) for X, _ in blocks)
    assert stream.samples in (0, found), f"{what} declares {stream.samples} samples and gives {found}"
    assert counts != "samples" or found == steps, f"{what} gives {found} samples where {steps} were asked for"
    assert counts != "tasks" or len(blocks) == steps, f"{what} gives {len(blocks)} blocks for {steps} tasks: one a task"
    assert stream.number == len(blocks), (
        f"{what} gives {len(blocks)} blocks and declares {stream.number}: say parts={len(blocks)}, or task and samples"
    )


def _is_given_again(what: str, stream: Stream, blocks: list[Block]) -> None:
    """However it is taken: broken off, in one piece, two passes at once."""
    for _ in islice(stream, 1):
        pass
    assert _same(_passed(what, stream), blocks), f"{what} is another stream in its second pass: draw inside blocks()"
    kept = list(stream)
    assert _same(kept, blocks), f"{what} writes to a block after it gave it: give a new array each time"
    at_once = list(zip_longest(stream, stream))
    for side in (0, 1):
        same = _same([pair[side] for pair in at_once if pair[side] is not None], blocks)
        assert same, f"{what} is another stream where two passes run at once: keep nothing outside blocks()"


def _comes_from_its_seed(
    what: str, kind: type[Problem], made_with: tuple[str, int], setting: str, steps: int, blocks: list[Block]
) -> None:
    again = _passed(what, _stream(what, kind(*made_with), setting, 0, steps))
    assert _same(again, blocks), f"{what} gives other samples for the same seed: draw everything random from it"
    other = _passed(what, _stream(what, kind(*made_with), setting, 1, steps))
    assert not _same(other, blocks), f"{what} gives the same samples for another seed: draw from the seed"
    if kind.counts != "rounds":
        fewer = max(1, steps * 2 // 3 - 1)
        X, y = _joined(_passed(what, _stream(what, kind(*made_with), setting, 0, fewer)))
        whole = _joined(blocks)
        begins = _same([(X, y)], [(whole[0][: len(X)], whole[1][: len(y)])])
        assert begins, f"{what}: {steps} steps do not begin with what {fewer} steps give: draw without looking at steps"


def _tests_fit(what: str, stream: Stream, number: int) -> None:
    if stream.tests is None:
        return
    for k in (0, number - 1):
        try:
            block = stream.tests(k)
        except Exception as error:
            raise AssertionError(f"{what} has no tests of task {k}: {_said(error)}") from None
        _fits(f"{what}, tests of task {k}", stream, *block)
        assert _same([stream.tests(k)], [block]), f"{what} has other tests of task {k} when asked again"


def _can_be_learned_from(what: str, stream: Stream, blocks: list[Block]) -> None:
    X, y = _joined(blocks)
    try:
        m = Mind(stream.sensors, stream.outputs, (8,), "backprop", stream.output, 0)
        errors = m.learn(X[:500], y[:500])
    except Diverged:
        errors = np.full(1, np.nan)
    except Exception as error:
        raise AssertionError(f"{what} cannot be learned from: {_said(error)}") from None
    fine = m.finite and np.isfinite(errors).all()
    assert fine, f"{what} makes plain backpropagation diverge in 500 samples: scale inputs and targets to about 1"


def _joined(blocks: list[Block]) -> Block:
    return np.concatenate([X for X, _ in blocks]), np.concatenate([y for _, y in blocks])


def _same(one: list[Block], other: list[Block]) -> bool:
    """To the bit, whatever the blocks' lengths."""
    if not one or not other:
        return not one and not other
    pairs = zip(_joined(one), _joined(other), strict=True)
    return all(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
