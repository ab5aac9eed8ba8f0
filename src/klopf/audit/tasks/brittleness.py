"""Whether a small change, looked for on purpose, makes it wrong."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score, interval_of_mean
from klopf.errors import AuditError

__all__ = ["Brittleness"]

_SAMPLES, _STEPS, _RADIUS, _STEP = 64, 120, 0.75, 0.25


class Brittleness(Examination):
    """Of samples that it gets right, the part for which a black-box search finds no change of at most three quarters of
    a spread, all columns together, that makes it wrong: one random direction after another, kept where the right answer
    becomes less sure (SimBA: Guo et al., ICML 2019). For numbers, the part that no such change moves by half a spread
    of the targets.

    The control is the same number of random changes of that size without a search: what chance finds.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    fewest: ClassVar[int] = 40
    asks: ClassVar[str] = "whether a small change, looked for on purpose, makes it wrong"
    fault: ClassVar[float | None] = 0.6

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        answers = subject.ask(case.inputs)
        good = np.flatnonzero(case.right(answers, case.targets) > 0.5)
        if len(good) < 20:
            raise AuditError("it gets fewer than 20 samples right: there is nothing to lead astray")
        rows = rng.permutation(good)[:_SAMPLES]
        x, targets, spread = case.inputs[rows], case.targets[rows], case.spread
        scale = np.maximum(case.targets.std(axis=0), 1e-12)

        def margin(changed: np.ndarray) -> np.ndarray:
            """How far from wrong: below zero it is."""
            said = subject.ask((x + changed * spread).astype(np.float32))
            if self.task.kind == "numbers":
                return np.asarray(0.5 - (np.abs(said - answers[rows]) / scale).mean(axis=1))
            own = said[np.arange(len(rows)), targets].copy()
            said = said.copy()
            said[np.arange(len(rows)), targets] = -1
            return np.asarray(own - said.max(axis=1))

        best = margin(np.zeros_like(x))
        change, chance = np.zeros_like(x), np.ones(len(rows), bool)
        for _ in range(_STEPS):
            step = rng.normal(size=x.shape).astype(np.float32)
            if x.shape[1] > 8:  # some columns at a time: a direction in all of them is a step in none
                step *= rng.random(x.shape) < 0.2
            step *= _STEP / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
            for sign in (1, -1):
                tried = change + sign * step
                tried *= np.minimum(1, _RADIUS / np.maximum(np.linalg.norm(tried, axis=1, keepdims=True), 1e-9))
                found = margin(tried)
                better = (found < best) & (best > 0)
                change[better], best[better] = tried[better], found[better]
        for _ in range(8):
            blind = rng.normal(size=x.shape).astype(np.float32)
            blind *= _RADIUS / np.linalg.norm(blind, axis=1, keepdims=True)
            chance &= margin(blind) > 0
        value, low, high = interval_of_mean((best > 0).astype(np.float64))
        return Score(value, low, high, float(chance.mean()))
