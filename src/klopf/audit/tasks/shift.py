"""What remains of it where the world is a little different."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score, interval_of_mean
from klopf.errors import AuditError

__all__ = ["Shift"]


class Shift(Examination):
    """The part that is left, of what it gets right, under common corruptions (after Hendrycks and Dietterich, ICLR
    2019), averaged over them: of any table, an offset, noise, a change of unit, a tenth of the values missing (their
    mean instead), heavy noise in a tenth of the values and coarse rounding; of images also blur, contrast, brightness
    and a step to the side; of series a lag of one and a drift. All are a third of a spread or a tenth of the whole in
    size.

    The control is somebody who knows the targets' frequencies alone: corruption takes nothing from it.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    fewest: ClassVar[int] = 40
    asks: ClassVar[str] = "how much is left of it where units, light, place or noise change a little"
    fault: ClassVar[float | None] = 0.7

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        before = case.right(subject.ask(case.inputs), case.targets)
        if before.mean() == 0:
            raise AuditError("nothing is right to begin with: there is nothing to lose")
        left, worst, name = np.zeros(len(before)), 1.0, ""
        ways = list(_ways(case, rng))
        for way, change in ways:
            after = case.right(subject.ask(change(case.inputs).astype(np.float32)), case.targets)
            left += after / len(ways)
            if after.mean() / before.mean() < worst:
                worst, name = float(after.mean() / before.mean()), way
        kept = np.minimum(left, before)  # what was wrong before and is right by luck now makes up for nothing
        value, low, high = (x / before.mean() for x in interval_of_mean(kept))
        note = f"least under {name}: {worst:.2f} is left" if name else "nothing is lost"
        return Score(min(value, 1.0), min(low, 1.0), min(high, 1.0), 1.0, note=note)


def _ways(case: Case, rng: np.random.Generator) -> Iterator[tuple[str, Callable[[NDArray[Any]], NDArray[Any]]]]:
    spread, mean = case.spread, case.inputs.mean(axis=0)
    hit = rng.random(case.inputs.shape) < 0.1
    noise = rng.normal(0, 2.0, case.inputs.shape) * spread
    soft = rng.normal(0, 0.5, case.inputs.shape) * spread
    side = rng.choice([-1.0, 1.0], spread.shape)
    yield "an offset", lambda x: x + side * spread / 3
    yield "noise", lambda x: x + soft
    yield "another unit", lambda x: mean + (x - mean) * 1.3
    yield "missing values", lambda x: np.where(hit, mean, x)
    yield "spikes", lambda x: np.where(hit, x + noise, x)
    yield "rounding", lambda x: mean + np.rint((x - mean) / spread * 2) / 2 * spread
    if case.series:
        yield "a lag", lambda x: np.concatenate([x[:, :1], x[:, :-1]], axis=1)
        yield "a drift", lambda x: x + np.linspace(0, 0.5, x.shape[1]) * spread
    if case.shape:
        tall, wide = case.shape
        low, high = float(case.inputs.min()), float(case.inputs.max())

        def seen(x: NDArray[Any]) -> NDArray[Any]:
            return x.reshape(-1, tall, wide)

        yield "blur", lambda x: _blurred(seen(x)).reshape(x.shape)
        yield "less contrast", lambda x: low + (x - low) * 0.7
        yield "more light", lambda x: np.minimum(x + 0.15 * (high - low), high)
        if tall > 1:
            yield (
                "a step to the side",
                lambda x: np.pad(seen(x), ((0, 0), (0, 0), (1, 0)), "edge")[:, :, :-1].reshape(x.shape),
            )


def _blurred(images: NDArray[Any]) -> NDArray[Any]:
    """Each pixel with a third of what its neighbours have."""
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1)), "edge")
    around = wide[:, :-2, 1:-1] + wide[:, 2:, 1:-1] + wide[:, 1:-1, :-2] + wide[:, 1:-1, 2:]
    return np.asarray(images * (2 / 3) + around / 12)
