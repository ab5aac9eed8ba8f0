"""Opinion groups: members who stand in one place, as many groups as part them best.

``groups`` looks at where the model believes members to stand, and leaves out whom it knows too little of. ``polis`` is
the classical way, for comparison: what members have not said is taken to be what all say on average, two principal
components, k-means (Small et al. 2021, *Recerca* 26).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klopf.dao._opinions import Opinions
from klopf.dao._votes import Votes

__all__ = ["Groups", "groups", "polis"]

Array = NDArray[np.float64]

_KNOWN = 0.5
"""A member is known whose place is less than this share as unsure as before its first vote."""
_LEAST = 0.05
"""A group has at least this share of all weight: a few alike are no group that must agree to everything."""
_TELLING = 1_000
"""Members that tell how well groups are parted; more are spaced evenly."""
_ROUNDS = 100


@dataclass(frozen=True, eq=False)
class Groups:
    """Who belongs together."""

    of: NDArray[np.int64]
    """(members,): the group of each, from 0, the largest first; -1 for who is in none."""
    count: int
    parted: float
    """Silhouette, from -1 to 1: how much nearer members are to their own group than to the next one."""


def groups(opinions: Opinions, most: int = 5) -> Groups:
    """Two to ``most`` groups of the members whose place is known, by where they stand; one where all stand together,
    and one of everybody where nobody is known. Members count by the model's weights, so who has none makes no group."""
    spread = (1.0 / opinions.prior(statements=True)[1:]) ** 0.5
    places = opinions.members[:, 1:] * spread
    unsure = np.einsum("idd,d->i", opinions.unsure(statements=False)[:, 1:, 1:], spread**2)
    known = unsure < _KNOWN * (spread**2).sum() if len(spread) else np.zeros(len(places), bool)
    return _parted(places, known, opinions.weights, most)


def polis(votes: Votes, most: int = 5) -> Groups:
    """Polis' groups of the members who voted on at least seven statements, or on all of fewer."""
    table = np.full((len(votes.members), len(votes.statements)), np.nan)
    table[votes.who, votes.what] = votes.said
    seen = (~np.isnan(table)).sum(0)
    table = np.where(np.isnan(table), np.nansum(table, 0) / np.maximum(seen, 1), table)
    left = table - table.mean(0)
    _, _, across = np.linalg.svd(left, full_matrices=False)
    cast = np.bincount(votes.who, minlength=len(votes.members))
    places = left @ across[:2].T * np.sqrt(len(votes.statements) / np.maximum(cast, 1))[:, None]
    return _parted(places, cast >= min(7, len(votes.statements)), np.ones(len(places)), most)


def _parted(places: Array, known: NDArray[np.bool_], weights: Array, most: int) -> Groups:
    inside = np.flatnonzero(known & (weights > 0))
    w = weights[inside]
    alone = known if len(inside) else np.ones(len(places), bool)  # where nobody is known yet, all are one group
    best = Groups(np.where(alone & (weights > 0), 0, -1), 1 if (weights > 0).any() else 0, 0.0)
    for count in range(2, min(most, 2 + len(inside) // 12) + 1):
        if len(inside) < 2 * count:
            break
        labels = _k_means(places[inside], w, count)
        heavy = np.bincount(labels, w, count)
        if heavy.min() < _LEAST * heavy.sum():
            continue
        parted = _silhouette(places[inside], w, labels, count)
        if parted > best.parted:
            size = np.argsort(-heavy, kind="stable")
            rank = np.empty(count, np.int64)
            rank[size] = np.arange(count)
            of = np.full(len(places), -1)
            of[inside] = rank[labels]
            best = Groups(of, count, parted)
    return best


def _apart(places: Array, centres: Array) -> Array:
    """(members, centres): squared distances."""
    return np.asarray(((places[:, None] - centres[None]) ** 2).sum(-1))


def _k_means(places: Array, weights: Array, count: int) -> NDArray[np.int64]:
    """Lloyd's k-means from centres that are each the farthest (by weight) from those before: no chance, so that
    everybody gets the same groups."""
    middle = (places * weights[:, None]).sum(0) / weights.sum()
    centres = places[[int((_apart(places, middle[None])[:, 0] * weights).argmax())]]
    while len(centres) < count:
        centres = np.vstack([centres, places[int((_apart(places, centres).min(1) * weights).argmax())]])
    labels = _apart(places, centres).argmin(1)
    for _ in range(_ROUNDS):
        heavy = np.bincount(labels, weights, count)
        for g in np.flatnonzero(heavy > 0):
            inside = labels == g
            centres[g] = (places[inside] * weights[inside, None]).sum(0) / heavy[g]
        new = _apart(places, centres).argmin(1)
        if (new == labels).all():
            break
        labels = new
    return np.asarray(labels)


def _silhouette(places: Array, weights: Array, labels: NDArray[np.int64], count: int) -> float:
    """Rousseeuw's (1987), by weight, of up to a thousand members against all."""
    asked = np.unique(np.linspace(0, len(places) - 1, min(len(places), _TELLING)).astype(int))
    member = (labels[None] == np.arange(count)[:, None]) * weights
    heavy = member.sum(1)
    far = np.empty((len(asked), count))
    for row, i in enumerate(asked):
        far[row] = (member * np.sqrt(((places - places[i]) ** 2).sum(1))).sum(1)
    rows, own = np.arange(len(asked)), labels[asked]
    others = heavy[own] - weights[asked]
    inner = far[rows, own] / np.maximum(others, 1e-12)
    far /= heavy
    far[rows, own] = np.inf
    outer = far.min(1)
    each = np.where(others > 1e-12, (outer - inner) / np.maximum(np.maximum(inner, outer), 1e-12), 0.0)
    return float((each * weights[asked]).sum() / weights[asked].sum())
