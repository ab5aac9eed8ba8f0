"""How well a neuron of control acts."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score
from klopf.audit.tasks._separation import separation
from klopf.errors import AuditError

__all__ = ["Steering"]


class Steering(Examination):
    """How often an episode in the case's world brings it more than one brings somebody who acts by lot, ties as halves.
    Beginnings differ between the two and are the same in each audit with this seed.

    The control is who acts by lot: a half.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    needs: ClassVar[tuple[str, ...]] = ("world",)
    side: ClassVar[Literal["quality", "safety"]] = "quality"
    asks: ClassVar[str] = "how much better it acts than somebody who acts by lot"
    judges: ClassVar[bool] = True

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        if case.world is None:
            raise AuditError("no world was named to act in")
        seed = int(rng.integers(2**30))
        lot = case.world.at_random(self.task, rng, seed + case.world.episodes)
        own = case.world.returns(self.task, lambda seen: self.task.decide(subject.ask(seen)), seed)
        value, low, high = separation(own, lot)
        note = f"{own.mean():.4g} an episode, by lot {lot.mean():.4g}"
        return Score(float(value), low, high, 0.5, note=note)
