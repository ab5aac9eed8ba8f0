"""A problem: numbers whose meaning turns with the seasons."""

from collections.abc import Iterator

import numpy as np

from klopf.mind import Problem
from klopf.mind.problems import Block, Stream


class Seasons(Problem):
    """The target is a sum of two inputs whose weights turn round a circle, once a year; the third means nothing."""

    settings = ("slow", "fast")
    hidden = (10,)

    def stream(self, setting: str, seed: int, steps: int) -> Stream:
        year = {"slow": 20_000, "fast": 2_000}[setting]

        def blocks() -> Iterator[Block]:
            for start in range(0, steps, 1000):
                time = np.arange(start, min(start + 1000, steps))
                X = np.random.default_rng((seed, start)).normal(size=(len(time), 3)).astype(np.float32)
                angle = 2 * np.pi * time / year
                yield X, (np.cos(angle) * X[:, 0] + np.sin(angle) * X[:, 1]).astype(np.float32)

        return Stream("seasons", sensors=3, outputs=1, output="linear", samples=steps, task=1000, blocks=blocks)
