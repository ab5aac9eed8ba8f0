"""What each one's updates were worth so far: who is listened to, and who is paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

__all__ = ["Accounts"]

_LEAST = 0.2
"""Of the median worth by weight: who is below was worth something by chance, or does harm with a part of it."""
_KEPT = 0.9
"""Of what was known of somebody, what counts still after his next update: whoever was worth nothing comes back."""


_FORFEITS = 5.0
"""For each part of its rounds in which somebody gave what is nobody's work, so many times that part of all that it
earned is forfeited: who cheats in a fifth of its rounds has nothing left of the others."""


class Accounts:
    """By name. ``pay`` is its part of what rounds gained by those whose updates were used; ``due`` is what is left of
    that where somebody also gave what was nobody's work, before or afterwards."""

    def __init__(self) -> None:
        self.pay: dict[str, float] = defaultdict(float)
        self._worth: dict[str, float] = defaultdict(float)
        self._weight: dict[str, float] = defaultdict(float)
        self._given: dict[str, int] = defaultdict(int)  # rounds, and those of them in which it was no work
        self._struck: dict[str, int] = defaultdict(int)
        self._alone: dict[str, float] = defaultdict(float)  # what of ``pay`` was earned as a player of one's own

    def note(self, values: Mapping[str, float], weights: Mapping[str, float]) -> None:
        """What came of a round."""
        if not any(values.values()):
            return
        for name, value in values.items():
            self._worth[name] = _KEPT * self._worth[name] + value
            self._weight[name] = _KEPT * self._weight[name] + weights[name]

    def settle(self, gained: Mapping[str, float], near: Collection[str] = ()) -> None:
        """Who was used is owed its part of what the round gained by those who were. Who was not owes nothing: the round
        lost nothing by it. near: those who counted as one with somebody."""
        for name, value in gained.items():
            due = max(value, 0.0)
            self.pay[name] += due
            self._alone[name] += due if name not in near else 0.0

    def given(self, names: Collection[str], no_work: Collection[str]) -> None:
        """These gave something in a round; of some of them it was made to look like work, or undoes that of others."""
        for name in names:
            self._given[name] += 1
            self._struck[name] += name in no_work

    def due(self) -> dict[str, float]:
        """What each is owed over the whole job, as far as it is known by now."""
        return {name: pay * self._left(name) for name, pay in self.pay.items()}

    def _left(self, name: str) -> float:
        return max(0.0, 1.0 - _FORFEITS * self._struck[name] / max(1, self._given[name]))

    def joined(self, names: Collection[str]) -> None:
        """These were one all along: what each earned before that was known, they share too."""
        for name in names:
            less = max(self._alone[name], 0.0) * (1 - 1 / len(names))
            self.pay[name] -= less
            self._alone[name] = 0.0

    def trusted(self, name: str) -> bool:
        """Whether what somebody gave lately was worth something, by weight at least a part of the usual."""
        each = {one: worth / self._weight[one] for one, worth in self._worth.items()}
        usual = float(np.median([worth for worth in each.values() if worth > 0] or [0.0]))
        return not any(each.values()) or (name in each and each[name] > 0 and each[name] >= _LEAST * usual)

    def standing(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "pay": dict(self.pay), "worth": dict(self._worth), "weight": dict(self._weight),
            "alone": dict(self._alone), "given": dict(self._given), "struck": dict(self._struck),
        }  # fmt: skip

    def restore(self, standing: Mapping[str, Any]) -> None:
        """Back from :meth:`standing`."""
        self.pay.update(standing["pay"])
        self._worth.update(standing["worth"])
        self._weight.update(standing["weight"])
        self._alone.update(standing["alone"])
        self._given.update(standing["given"])
        self._struck.update(standing["struck"])
