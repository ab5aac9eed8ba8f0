"""Problems each of which breaks one promise, for the check and the bench to find."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from klopf.mind import MindError, Problem
from klopf.mind.problems import Block, Stream


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


class Unanswering(Stream):
    @property
    def number(self) -> int:
        raise SystemExit("number")


class Derived(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        return Unanswering("derived", 3, 1, "linear", steps, 500, lambda: self.blocks(seed, steps))


class Undecided:
    def __bool__(self) -> bool:
        raise SystemExit("bool")


class Fresh(Sound):
    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        made = super().stream(setting, seed, steps)
        return replace(made, fresh_outputs=Undecided())  # type: ignore[arg-type]


class Vacant(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return iter(())


class Void(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return (None for _ in super().blocks(seed, steps))  # type: ignore[misc]


class Short(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return itertools.islice(super().blocks(seed, steps), 3)


class Partitioned(Sound):
    """Two thousand million blocks are within what it declares."""

    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        def blocks() -> Iterator[Block]:
            return itertools.cycle(self.blocks(seed, steps))

        return Stream("partitioned", 3, 1, "linear", 0, 0, blocks, parts=2**31 - 1)


class Rounds(Partitioned):
    counts = "rounds"


class Stretched(Sound):
    """A block of 24 GB that takes four bytes of its own."""

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        one, n = np.float32(1), 2 * 10**9
        yield np.broadcast_to(one, (n, 3)), np.broadcast_to(one, n)


class Lines(Sound):
    settings = ("two\nlines",)


class Beside(tuple[str, ...]):
    def __iter__(self) -> Iterator[str]:
        raise SystemExit("iter")


class Contained(Sound):
    settings = Beside(("usual",))


class Changing(type(Problem)):  # type: ignore[misc]
    """Its settings can be read once, then not, then again."""

    read = itertools.count()

    @property
    def settings(cls) -> tuple[str, ...]:
        if next(Changing.read) % 2:
            raise SystemExit("settings")
        return ("usual",)


class Once(Sound, metaclass=Changing):
    pass


class Ended(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        yield next(super().blocks(seed, steps))
        raise GeneratorExit("of its own")


class Ill(Exception):
    def __str__(self) -> str:
        raise SystemExit("no text")


class Wordless(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        raise Ill


class Ours(Sound):
    """Raises what Klopf itself does."""

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        raise MindError("something\nelse")


class Lasting(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        try:
            yield from super().blocks(seed, steps)
        except GeneratorExit:
            raise SystemExit("closed") from None


class Immense(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X * np.float32(1e30), y) for X, y in super().blocks(seed, steps))


class Replaced(Sound):
    def __new__(cls, *given: Any) -> Any:
        return 3


class Swapped(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X.astype(">f4"), y) for X, y in super().blocks(seed, steps))


class Derivative(np.ndarray):  # type: ignore[type-arg]
    pass


class Viewed(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        return ((X.view(Derivative), y) for X, y in super().blocks(seed, steps))


class Noisy(Sound):
    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        print("noise")
        return super().blocks(seed, steps)


class Locked(Sound):
    """What may not be written to may be learned from."""

    def blocks(self, seed: int, steps: int) -> Iterator[Block]:
        for X, y in super().blocks(seed, steps):
            X.setflags(write=False)
            yield X, y
