"""The problems of our own tables: the streams of ``problems.py`` by name, with the networks of published figures."""

from __future__ import annotations

import functools
import threading

from klopf.mind import problems
from klopf.mind._problem import Problem

__all__ = ["BinaryTasks", "ClassIncremental", "Growth", "Permuted", "Regression"]

_reading = threading.Lock()


@functools.lru_cache(maxsize=1)
def _read(data: str) -> problems.Images:
    return problems.images(data) if data else problems.digits()


def _images(data: str) -> problems.Images:
    """Once for all runs, whatever their number."""
    with _reading:
        return _read(data)


class Regression(Problem):
    """The slowly-changing regression."""

    settings = ("redraw", "flip-one")
    hidden = (5,)

    def stream(self, setting: str, seed: int, steps: int) -> problems.Stream:
        return problems.slowly_changing_regression(steps, setting, seed)


class Growth(Regression):
    """The same, for networks that grow."""

    hidden = (20,)


class Permuted(Problem):
    """Images whose pixels or labels are permuted in every task; ``data`` is where images are (the digits if empty)."""

    settings = ("input", "label", "returning")
    counts = "tasks"

    def stream(self, setting: str, seed: int, steps: int) -> problems.Stream:
        kinds = {
            "input": problems.input_permuted,
            "label": problems.label_permuted,
            "returning": problems.returning_tasks,
        }
        return kinds[setting](_images(self.data), steps, seed, samples=self.samples)


class BinaryTasks(Problem):
    """Two classes of images to tell apart in every task."""

    settings = ("images",)
    counts = "tasks"
    hidden = (100, 100)

    def stream(self, setting: str, seed: int, steps: int) -> problems.Stream:
        return problems.binary_tasks(_images(self.data), steps, seed)


class ClassIncremental(Problem):
    """Classes of images that arrive a few at a time; a step is one showing of each stage's images."""

    settings = ("images",)
    counts = "rounds"

    def stream(self, setting: str, seed: int, steps: int) -> problems.Stream:
        return problems.class_incremental(_images(self.data), seed, repeats=steps)
