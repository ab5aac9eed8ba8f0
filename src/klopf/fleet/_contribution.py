"""What each device's update was worth: Shapley values of a round, on a validation set that was committed beforehand.

The game (Liu et al., GTG-Shapley, arXiv 2109.02053): a coalition's parameters are those of the round plus the mean of
its updates by weight, and its utility is minus their loss on the validation set. Values are estimated over
permutations in which each leads in turn, cut off where the rest can change little."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet._parameters import Parameters, flat, shapes_of, split
from klopf.fleet.models import FleetModel

__all__ = ["Game", "Validation", "exact", "gtg", "shares"]

SKIP, CUT = 1e-4, 0.01
"""A round that changes the loss by less than the first part of what is left of it is not valued; what is left of a
permutation that can change less than the second part of what the round changed is cut off."""
BUDGET = 4000
"""Coalitions that are tried in one round at most, but for the first permutation."""
_LEAST, _LOOK, _CHANGE, _MOST = 30, 10, 0.05, 300
"""Permutations at least; over how many last ones the running means may change by at most this part; and at most."""


@dataclass(frozen=True)
class Validation:
    """Records on which contributions are valued: inputs ``(n, features)``, targets ``(n,)``, float32.

    ``commitment`` is published before the first round, and binds the server to them: whoever is shown inputs, targets
    and salt afterwards can compare."""

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    salt: bytes = field(default_factory=lambda: os.urandom(16))

    def __post_init__(self) -> None:
        if len(self.salt) != 16:
            raise FleetError(f"a validation set's salt has 16 bytes, not {len(self.salt)}: take os.urandom(16)")
        if self.inputs.ndim != 2 or self.targets.shape != (len(self.inputs),):
            raise FleetError("a validation set is a table of inputs and a column of as many targets")

    def commitment(self) -> str:
        """sha256, hexadecimal, over salt, shape, inputs and targets, each after its length in 8 bytes: no other set
        has the same, wherever somebody says that the salt ends.

        >>> x, y = np.zeros((1, 2), np.float32), np.zeros(1, np.float32)
        >>> Validation(x, y, bytes(16)).commitment() == Validation(x, y, b"another salt 16b").commitment()
        False
        """
        parts = [self.salt, repr(self.inputs.shape).encode()]
        parts += [np.ascontiguousarray(array, "<f4").tobytes() for array in (self.inputs, self.targets)]
        hashed = hashlib.sha256(b"klopf validation set 1")
        for part in parts:
            hashed.update(len(part).to_bytes(8, "little") + part)
        return hashed.hexdigest()


class Game:
    """The utility of coalitions in one round.

    Args:
        model: any model of the demand's kind; its parameters are overwritten.
        now: the round's parameters. changes: by name, ``(numbers,)`` each. weights: above 0, by the same names.
    """

    def __init__(
        self,
        model: FleetModel,
        validation: Validation,
        now: Parameters,
        changes: Mapping[str, NDArray[np.float32]],
        weights: Mapping[str, float],
        *,
        floored: bool = False,
    ) -> None:
        self._floored = floored
        self.names = sorted(changes)
        self._model, self._validation, self._shapes = model, validation, shapes_of(now)
        self._now = flat(now)
        self.rows = np.stack([changes[name] for name in self.names])
        self.weights = dict(weights)
        self._weights = np.array([weights[name] for name in self.names], np.float64)
        self._known: dict[frozenset[int], float] = {}

    def utility(self, members: Sequence[int] | frozenset[int]) -> float:
        """Of a coalition, by places in ``names``."""
        coalition = frozenset(members)
        if coalition not in self._known:
            value = self._value(sorted(coalition))
            self._known[coalition] = max(value, self.utility(())) if coalition and self._floored else value
        return self._known[coalition]

    def among(self, names: Collection[str]) -> Game:
        """The game of these alone, by which they are paid: no coalition is worth less than the model without the round.
        (Who has only rare data would spoil the model if nobody else trained it; but nobody would use that.)"""
        changes = {name: row for name, row in zip(self.names, self.rows, strict=True) if name in names}
        now = split(self._now, self._shapes)
        return Game(self._model, self._validation, now, changes, self.weights, floored=True)

    @property
    def tried(self) -> int:
        """Coalitions so far."""
        return len(self._known)

    def at(self, change: NDArray[Any]) -> float:
        """The utility of the round's parameters and ``change``, ``(numbers,)``."""
        self._model.load(split(self._now + change.astype(np.float32), self._shapes))
        value = -self._model.loss(self._validation.inputs, self._validation.targets)
        return value if math.isfinite(value) else -1e9

    def _value(self, members: list[int]) -> float:
        weights = self._weights[members]
        mean = (
            (weights / weights.sum()).astype(np.float32) @ self.rows[members] if members else np.zeros_like(self._now)
        )
        return self.at(mean)


def exact(game: Game) -> dict[str, float]:
    """Shapley values over all coalitions: 1,024 for ten devices.

    Raises:
        FleetError: more than twelve.
    """
    n = len(game.names)
    if n > 12:
        raise FleetError(f"{n} devices have 2^{n} coalitions: exact values are for at most 12")
    values = dict.fromkeys(game.names, 0.0)
    for size in range(n):
        factor = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
        for coalition in itertools.combinations(range(n), size):
            for i in set(range(n)) - set(coalition):
                gain = game.utility((*coalition, i)) - game.utility(coalition)
                values[game.names[i]] += factor * gain
    return values


def gtg(game: Game, seed: int, nodes: Mapping[str, str] | None = None) -> dict[str, float]:
    """Estimated values by name; all 0 where the round changed too little to value it.

    nodes: the node of each device, above some tens of devices. Then a node's devices stay together in a permutation,
    which gives Owen values: first between nodes, then inside them; what a node does not change is not looked into."""
    n = len(game.names)
    groups = _groups(game.names, nodes)
    empty, full = game.utility(()), game.utility(range(n))
    totals = np.zeros(n)
    if abs(full - empty) <= SKIP * abs(empty):
        return dict.fromkeys(game.names, 0.0)
    rng = np.random.default_rng(seed)
    means: list[NDArray[np.float64]] = []
    for turn in range(_MOST):
        totals += _walk(game, _order(groups, turn, rng), rng, empty, full)
        means.append(totals / (turn + 1))
        if game.tried >= BUDGET or (turn + 1 >= max(_LEAST, len(groups)) and _settled(means)):
            break
    return dict(zip(game.names, means[-1].tolist(), strict=True))


def _groups(names: Sequence[str], nodes: Mapping[str, str] | None) -> list[list[int]]:
    if nodes is None:
        return [[i] for i in range(len(names))]
    found: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        found.setdefault(nodes[name], []).append(i)
    return [found[node] for node in sorted(found)]


def _order(groups: list[list[int]], turn: int, rng: np.random.Generator) -> list[list[int]]:
    """The groups, the one whose turn it is first, the others as drawn."""
    first = turn % len(groups)
    rest = [groups[i] for i in rng.permutation(len(groups)) if i != first]
    return [groups[first], *rest]


def _walk(
    game: Game, order: list[list[int]], rng: np.random.Generator, empty: float, full: float
) -> NDArray[np.float64]:
    """What each adds in one permutation."""
    gains = np.zeros(len(game.names))
    inside: list[int] = []
    value, least = empty, CUT * abs(full - empty)
    for group in order:
        if abs(full - value) < least:
            break
        after = game.utility((*inside, *group))
        if len(group) > 1 and abs(after - value) >= least:
            members, reached = list(inside), value
            for i in rng.permutation(group).tolist():
                members.append(i)
                step = game.utility(members)
                gains[i] += step - reached
                reached = step
        else:
            gains[group] += (after - value) / len(group)
        inside += group
        value = after
    return gains


def _settled(means: list[NDArray[np.float64]]) -> bool:
    """Whether the last running means hardly differ from the newest."""
    newest = means[-1]
    scale = float(np.abs(newest).mean()) + 1e-12
    return all(float(np.abs(old - newest).mean()) <= _CHANGE * scale for old in means[-_LOOK - 1 : -1])


def shares(values: Mapping[str, float]) -> dict[str, float]:
    """Each one's part of the pay, 1 in all: what is above 0, by its sum. All 0 where nobody's is.

    >>> shares({"a": 3.0, "b": 1.0, "c": -2.0})
    {'a': 0.75, 'b': 0.25, 'c': 0.0}
    """
    total = sum(max(value, 0.0) for value in values.values())
    return {name: max(value, 0.0) / total if total else 0.0 for name, value in values.items()}
