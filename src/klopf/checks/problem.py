"""Does a problem keep its promises?"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from klopf.checks._promise import derived, promise
from klopf.errors import Diverged
from klopf.mind import PROBLEMS, Mind, Problem
from klopf.mind._problem import no_block, no_stream, unasked, undeclared
from klopf.mind.problems import Block, Stream

__all__ = ["check_problem"]

_STEPS = {"samples": 12_000, "tasks": 3, "rounds": 1}
_MOST_BLOCKS, _MOST_BYTES = 100_000, 2**30
"""Of a round and of a pass: what ends must end soon enough to be looked at."""
_END = object()


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
    with promise(f"the problem {problem!r}" if type(problem) is str else "the class given to check_problem"):
        kind = PROBLEMS.load(problem) if isinstance(problem, str) else problem
        derived(kind, Problem, "check_problem")
        name = problem if isinstance(problem, str) else " ".join(kind.__name__.split())
    with promise(name, kind):
        wrong = undeclared(kind)
        assert not wrong, f"{name}.{wrong}"
        for setting in kind.settings:
            _check(f"{name} ({setting})", kind, (data, samples), setting, steps or _STEPS[kind.counts])


def _check(what: str, kind: type[Problem], made_with: tuple[str, int], setting: str, steps: int) -> None:
    stream = _stream(what, kind, made_with, setting, 0, steps)
    blocks = _passed(what, stream)
    _has_the_length(what, kind.counts, steps, stream, blocks)
    _is_given_again(what, stream, blocks)
    _comes_from_its_seed(what, kind, made_with, setting, steps, blocks)
    _tests_fit(what, stream, len(blocks))
    _can_be_learned_from(what, stream, blocks)


@contextlib.contextmanager
def _of_its_own(what: str) -> Iterator[None]:
    """What is inside neither seeds nor draws from the generators that a whole process shares."""
    kept = random.getstate(), np.random.get_state()
    random.random(), np.random.random()  # so that nobody's seed leads to where they stand
    before = random.getstate(), str(np.random.get_state())
    yield
    after = random.getstate(), str(np.random.get_state())
    random.setstate(kept[0])
    np.random.set_state(kept[1])
    assert after == before, (
        f"{what} seeds or draws from a generator that everybody shares: draw from np.random.default_rng(seed)"
    )


def _stream(what: str, kind: type[Problem], made_with: tuple[str, int], setting: str, seed: int, steps: int) -> Stream:
    with promise(f"{what}: stream() of {steps} steps"):
        stream = kind(*made_with).stream(setting, seed, steps)
        wrong = no_stream(stream) or unasked(stream, kind.counts, steps)
    assert not wrong, f"{what}: {wrong}"
    most = _MOST_BLOCKS * steps
    assert stream.number <= most, f"{what} declares {stream.number} blocks: at most {most} can be looked at"
    return replace(stream)  # so that what it declares stays


def _passed(what: str, stream: Stream) -> list[Block]:
    """The blocks of one pass, each copied while it is the newest."""
    return [(X.copy(), y.copy()) for X, y in _given(what, stream)]


def _given(what: str, stream: Stream) -> Generator[Block]:
    """One pass, of which each block is what the stream says it is, and which ends."""
    found, size, shape = 0, 0, None
    with promise(f"{what}: blocks()"):
        given = iter(stream)
    try:
        while (block := _next(what, stream, given, found)) is not _END:
            X, y = block
            assert found < stream.number, (
                f"{what} gives more blocks than the {stream.number} it declares: say parts=..., or task and samples"
            )
            assert shape in (None, y.ndim), f"{what}, block {found}: targets of another shape than those before"
            found, size, shape = found + 1, size + X.nbytes + y.nbytes, y.ndim
            assert size <= _MOST_BYTES, f"{what} gives more than 1 GiB: check it with fewer steps or samples"
            yield block
        assert found, f"{what} gives no samples: blocks() must give them anew in every pass"
    finally:
        with promise(f"{what}: closing a pass after {found} blocks"):
            if callable(close := getattr(given, "close", None)):
                close()


def _next(what: str, stream: Stream, given: Iterator[Block], number: int) -> Any:
    with promise(f"{what}, after {number} blocks"):
        block = next(given, _END)
        wrong = "" if block is _END else no_block(stream, block)
    assert not wrong, f"{what}, block {number}: {wrong}"
    return block


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
    with contextlib.closing(_given(what, stream)) as broken_off:
        next(broken_off)
    kept, copies = [], []
    for X, y in _given(what, stream):
        kept.append((X, y))
        copies.append((X.copy(), y.copy()))
    assert _same(copies, blocks), f"{what} is another stream in its second pass: draw inside blocks()"
    left, right = [], []
    one, other = _given(what, stream), _given(what, stream)
    for X, y in one:
        left.append((X.copy(), y.copy()))
        right += [(X.copy(), y.copy()) for X, y in islice(other, 1)]
    right += other
    assert _same(kept, blocks), f"{what} writes to a block after it gave it: give a new array each time"
    at_once = f"{what} is another stream where two passes run at once: keep nothing outside blocks()"
    assert _same(left, blocks) and _same(right, blocks), at_once


def _comes_from_its_seed(
    what: str, kind: type[Problem], made_with: tuple[str, int], setting: str, steps: int, blocks: list[Block]
) -> None:
    with _of_its_own(what):  # not the first time, when it may have imported what draws
        again = _passed(what, _stream(what, kind, made_with, setting, 0, steps))
    assert _same(again, blocks), f"{what} gives other samples for the same seed: draw everything random from it"
    other = _passed(what, _stream(what, kind, made_with, setting, 1, steps))
    assert not _same(other, blocks), f"{what} gives the same samples for another seed: draw from the seed"
    if kind.counts != "rounds":
        fewer = max(1, steps * 2 // 3 - 1)
        X, y = _joined(_passed(what, _stream(what, kind, made_with, setting, 0, fewer)))
        whole = _joined(blocks)
        begins = _same([(X, y)], [(whole[0][: len(X)], whole[1][: len(y)])])
        assert begins, f"{what}: {steps} steps do not begin with what {fewer} steps give: draw without looking at steps"
        _stream(what, kind, made_with, setting, 0, 1)


def _tests_fit(what: str, stream: Stream, number: int) -> None:
    if stream.tests is None:
        return
    for k in (0, number - 1):
        where = f"{what}, tests of task {k}"
        with promise(where):
            block, again = stream.tests(k), stream.tests(k)
            wrong = no_block(stream, block) or no_block(stream, again)
        assert not wrong, f"{where}: {wrong}"
        assert _same([again], [block]), f"{where} are others when asked again"


def _can_be_learned_from(what: str, stream: Stream, blocks: list[Block]) -> None:
    X, y = _joined(blocks)
    try:
        with promise(f"{what}: learning from it"):
            m = Mind(stream.sensors, stream.outputs, (8,), "backprop", stream.output, 0)
            fine = np.isfinite(m.learn(X[:500], y[:500])).all() and m.finite
    except AssertionError as error:
        if not isinstance(error.__cause__, Diverged):
            raise
        fine = False
    assert fine, f"{what} makes plain backpropagation diverge in 500 samples: scale inputs and targets to about 1"


def _joined(blocks: list[Block]) -> Block:
    return np.concatenate([X for X, _ in blocks]), np.concatenate([y for _, y in blocks])


def _same(one: list[Block], other: list[Block]) -> bool:
    """To the bit, whatever the blocks' lengths."""
    if not one or not other:
        return not one and not other
    pairs = zip(_joined(one), _joined(other), strict=True)
    return all(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)
