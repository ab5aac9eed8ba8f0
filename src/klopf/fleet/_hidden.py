"""Whose update does something that nobody else's does and that the validation set does not see, such as a backdoor.

A backdoor beside honest work lowers the loss as honest work does: no value shows it. What shows it is where it works:
it moves numbers that others leave almost as they are. So does whoever alone has rare data; but what he alone changes
is seen on the validation set, and he is used. What the validation set does not see is not paid for, and not taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from klopf.fleet._contribution import Game
from klopf.fleet._players import Player

__all__ = ["hidden", "opposed", "own_parts"]

_FEW = 4
"""Players from which on it can be said what is usual."""
_MOST, _USUAL = 0.15, 3.5
"""Of an update's energy, what may be its own unseen: the first, or so many deviations above the round's median."""
_MUCH, _OFTEN = 2.0, 0.7
"""A number is changed as others do up to so many times what this part of the others stay below."""
_AGAINST = -0.25
"""Cosine to what the used ones change, below which an update undoes that."""
_SEEN, _LEAST = 0.25, 1e-3
"""What the own part must gain: so much of what its energy would let expect, and this part of the loss that is left."""


def own_parts(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of changes ``(n, numbers)`` what each changes beyond what others do, and its part of the energy, ``(n,)``.

    >>> own, energy = own_parts(np.array([[1, 0, 0]] * 4 + [[1, 0, 2]], np.float32))
    >>> own[4].tolist(), np.round(energy, 2).tolist()
    ([0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.8])
    """
    wide = rows.astype(np.float64)
    lengths = np.maximum(np.linalg.norm(wide, axis=1), 1e-300)[:, None]
    sizes = np.abs(wide) / lengths
    own = np.zeros_like(wide)
    n = len(wide)
    place = int(_OFTEN * (n - 1)) if n > 1 else 0
    ordered = np.sort(sizes, axis=0)
    for i in range(n):
        # the others' quantile: without this one, everything from its own place on moves down by one
        others = np.where(sizes[i] <= ordered[place], ordered[min(place + 1, n - 1)], ordered[place])
        own[i] = np.sign(wide[i]) * np.maximum(sizes[i] - _MUCH * others, 0)
    return own * lengths, (own**2).sum(1)


def hidden(game: Game) -> list[str]:
    """Names of the players whose own part is large and shows nowhere on the validation set."""
    rows, weights = game.rows, np.array([game.weights[name] for name in game.names])
    if len(rows) < _FEW:
        return []
    own, energy = own_parts(rows)
    median = float(np.median(energy))
    bound = max(_MOST, median + _USUAL * (median - float(np.quantile(energy, 0.16))))
    found = []
    for i in np.flatnonzero(energy >= bound):
        parts = weights / weights.sum()
        whole = parts @ rows.astype(np.float64)
        full, less = game.at(whole), game.at(whole - parts[i] * own[i])
        without = game.at(whole - parts[i] * rows[i].astype(np.float64))
        least = max(_SEEN * float(energy[i]) * (full - without), _LEAST * abs(without))
        if full - less < least:
            found.append(game.names[i])
    return found


def opposed(players: Sequence[Player], used: Sequence[Player]) -> list[Player]:
    """Of those who are not used, who gives what undoes the others' work: by chance two updates are not opposed.

    >>> one = np.ones(9, np.float32)
    >>> crew = [Player(name, change, 1.0, {name: 1.0}) for name, change in zip("abcde", [one] * 4 + [-one])]
    >>> [player.name for player in opposed(crew, crew[:4])]
    ['e']
    """
    if len(used) < _FEW - 1:
        return []
    names = {player.name for player in used}
    middle = np.sum([player.weight * player.change.astype(np.float64) for player in used], axis=0)
    least = _AGAINST * float(np.linalg.norm(middle))
    return [
        p for p in players if p.name not in names and float(p.change @ middle) < least * float(np.linalg.norm(p.change))
    ]
