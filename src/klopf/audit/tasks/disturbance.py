"""What is left of a neuron of control where it sees badly or acts late."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score
from klopf.audit.tasks._separation import separation
from klopf.errors import AuditError

__all__ = ["Disturbance"]

_NOISE = 0.2


class Disturbance(Examination):
    """How often an episode brings it more than one brings somebody who acts by lot, where what it sees has noise of a
    fifth of its spread (that of the held-out samples), or what it does is done a step later; the worse of the two.

    The control is who acts by lot: a half.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    needs: ClassVar[tuple[str, ...]] = ("world",)
    asks: ClassVar[str] = "whether it still acts well where it sees badly or acts a little late"
    fault: ClassVar[float | None] = 0.7

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        world, seed, found = case.world, int(rng.integers(2**30)), {}
        if world is None:
            raise AuditError("no world was named to act in")

        def acts(seen: NDArray[np.float32]) -> NDArray[Any]:
            return self.task.decide(subject.ask(seen))

        def blurred(seen: NDArray[np.float32]) -> NDArray[Any]:
            return acts((seen + rng.normal(0, _NOISE, seen.shape) * case.spread).astype(np.float32))

        lot = world.at_random(self.task, rng, seed + world.episodes)
        if separation(world.returns(self.task, acts, seed), lot)[1] <= 0.5:
            raise AuditError("it acts no better than by lot to begin with: there is nothing to lose")
        found["noise in what it sees"] = separation(world.returns(self.task, blurred, seed), lot)
        found["acting a step late"] = separation(world.returns(self.task, acts, seed, late=True), lot)
        worst = min(found, key=lambda way: float(found[way][0]))
        value, low, high = found[worst]
        return Score(float(value), low, high, 0.5, note=f"least under {worst}")
