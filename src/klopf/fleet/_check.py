"""What an update must be before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from klopf.fleet._device import Application, Update
from klopf.fleet._parameters import Parameters, digest, shapes_of
from klopf.fleet.models import FleetModel

__all__ = ["fits", "judged", "wrong"]

_FAR = 1 << 62
"""An integer of any length can be compared with it; what is no number is not between."""


def wrong(update: Update, now: Parameters, bases: frozenset[str]) -> str:
    """Why an update is refused, in a few words; "" where nothing is wrong with it.

    now: the parameters of this round. bases: digests that it may have begun from.
    """
    if shapes_of(update.change) != shapes_of(now):
        return "wrong shape"
    if not all(array.dtype == np.float32 for array in update.change):
        return "not float32"
    if not all(np.isfinite(array).all() for array in update.change):
        return "not finite"
    if update.base not in bases:
        return "began from other parameters"
    if update.digest != digest(update.change):
        return "wrong digest"
    if not 0 < update.records < 1 << 40 or not -_FAR < update.loss < _FAR or not -_FAR < update.seconds < _FAR:
        return "impossible figures"
    return ""


def fits(model: FleetModel, one: Application) -> bool:
    """Whether an application is possible, and the records that it shows, if it does, are some that ``model`` learns."""
    if not 0 < one.records < 1 << 40 or not 0 <= one.loss < _FAR or not 0 <= one.seconds < _FAR:
        return False
    if not one.inputs.size:
        return True
    try:
        return bool(np.isfinite(model.loss(one.inputs, one.targets)))
    except Exception:  # whatever it is: another table, classes beyond the last
        return False


def judged(
    updates: Mapping[str, Update], now: Parameters, bases: frozenset[str] | None = None
) -> tuple[dict[str, Update], dict[str, str]]:
    """The updates with which nothing is wrong, in their order, and what is wrong with the others. bases: digests that
    they may have begun from, by default that of ``now``."""
    bases = frozenset((digest(now),)) if bases is None else bases
    reasons = {name: wrong(update, now, bases) for name, update in updates.items()}
    return {n: updates[n] for n, why in reasons.items() if not why}, {n: why for n, why in reasons.items() if why}
