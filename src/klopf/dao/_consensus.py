"""What all groups would agree on, what divides them, and how far that can be relied on.

Polis multiplies the groups' agreement, so with every further group all consensus shrinks; here it is their geometric
mean, which one group against it still brings to nothing. What a member has not said, the model's forecast says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klopf.dao._groups import Groups, groups
from klopf.dao._opinions import Opinions
from klopf.dao._votes import Votes
from klopf.errors import DaoError

__all__ = ["MEASURES", "Ranked", "consensus", "stays"]

Array = NDArray[np.float64]

_BLOCK = 2_000
"""So many members at a time."""


@dataclass(frozen=True)
class Ranked:
    """A statement, and what groups make of it."""

    statement: str
    text: str
    consensus: float
    """By the measure that was asked for, from 0 to 1."""
    divides: float
    """Agreement of the group that agrees most, less that of the group that agrees least."""
    agreement: tuple[float, ...]
    """Share of each group that agrees, counting forecasts of those who have not voted."""
    votes: int
    """Votes cast on it, passes too."""


def _geometric(agreement: Array, counted: Array) -> Array:
    """The geometric mean of the groups' agreement."""
    return np.asarray(np.exp(np.log(np.maximum(agreement, 1e-12)).mean(0)))


def _product(agreement: Array, counted: Array) -> Array:
    """Polis': the product over groups of (agrees + 1) / (votes + 2), of votes that were cast."""
    agrees, _, cast = counted
    return np.asarray(np.prod((agrees + 1) / (cast + 2), axis=0))


def _undisputed(agreement: Array, counted: Array) -> Array:
    """The geometric mean over groups of agreement x (1 - disagreement), of votes that were cast; passes are neither,
    and half a vote is added to each side (Jeffreys' prior)."""
    agrees, disagrees, cast = counted
    each = (agrees + 0.5) / (cast + 1) * (1 - (disagrees + 0.5) / (cast + 1))
    return np.asarray(np.exp(np.log(each).mean(0)))


MEASURES: dict[str, Callable[[Array, Array], Array]] = {
    "geometric": _geometric, "undisputed": _undisputed, "product": _product,
}  # fmt: skip
"""From agreement (groups, statements) and counts of agrees, disagrees and votes (3, groups, statements)."""


def consensus(
    opinions: Opinions, found: Groups | None = None, measure: str = "geometric", *, forecasts: bool = True
) -> list[Ranked]:
    """All statements, those with the most consensus first; ties in the order of statements.

    ``found``: the groups; those of the model unless given. Members in no group count in none. Members count by the
    model's weights. ``forecasts=False``: only what was really said.

    Raises:
        DaoError: there is no such measure, or nobody is in a group.
    """
    if measure not in MEASURES:
        raise DaoError(f"{measure!r} is no measure of consensus: choose one of {', '.join(MEASURES)}")
    found = groups(opinions) if found is None else found
    if found.count < 1:
        raise DaoError("nobody is in a group yet: more votes are needed")
    votes = opinions.votes
    counted = np.zeros((3, found.count, len(votes.statements)))
    agree, held = np.full(counted.shape[1:], 0.5), np.ones(counted.shape[1:])
    first = np.searchsorted(votes.who, np.arange(len(votes.members) + 1))
    for start in range(0, len(votes.members), _BLOCK):  # so that no table of everybody is ever held
        rows = np.arange(start, min(start + _BLOCK, len(votes.members)))
        cast = slice(first[start], first[rows[-1] + 1])
        said = np.full((len(rows), len(votes.statements)), np.nan)
        said[votes.who[cast] - start, votes.what[cast]] = votes.said[cast]
        guess = opinions.table(rows) if forecasts else np.full(said.shape, np.nan)
        guess = np.where(said > 0, 1.0, np.where(said < 0, 0.0, guess))
        for g in range(found.count):
            w = (opinions.weights[rows] * (found.of[rows] == g))[:, None]
            for row, which in enumerate((said == 1, said == -1, ~np.isnan(said))):
                counted[row, g] += (w * which).sum(0)
            known = ~np.isnan(guess)
            agree[g] += (w * np.where(known, guess, 0.0)).sum(0)
            held[g] += (w * known).sum(0)
    agreement = agree / held
    scores = MEASURES[measure](agreement, counted)
    seen = np.bincount(votes.what, minlength=len(votes.statements))
    return [
        Ranked(votes.statements[j], votes.texts[j] if votes.texts else "", float(scores[j]),
               float(np.ptp(agreement[:, j])), tuple(float(one) for one in agreement[:, j]), int(seen[j]))
        for j in np.argsort(-scores, kind="stable")
    ]  # fmt: skip


def stays(
    votes: Votes, first: int = 5, *, times: int = 20, seed: int = 0, measure: str = "geometric"
) -> dict[str, float]:
    """How often each statement is among the ``first``, were members drawn anew (bootstrap); only those that ever are.

    The sum is ``first``: a list that can be relied on has ``first`` statements at 1.
    """
    rng = np.random.default_rng(seed)
    seen: dict[str, float] = {}
    for _ in range(times):
        drawn = _drawn(votes, rng.integers(0, len(votes.members), len(votes.members)))
        for one in consensus(Opinions.fit(drawn), measure=measure)[:first]:
            seen[one.statement] = seen.get(one.statement, 0.0) + 1.0 / times
    return dict(sorted(seen.items(), key=lambda one: -one[1]))


def _drawn(votes: Votes, members: NDArray[np.int64]) -> Votes:
    """The votes of ``members``, each as a person of its own as often as it occurs."""
    first = np.searchsorted(votes.who, np.arange(len(votes.members) + 1))
    taken = [np.arange(first[i], first[i + 1]) for i in members]
    who = np.repeat(np.arange(len(members)), [len(one) for one in taken])
    at = np.concatenate(taken) if taken else np.zeros(0, np.int64)
    names = tuple(f"{votes.members[i]}#{n}" for n, i in enumerate(members))
    return Votes(names, votes.statements, who, votes.what[at], votes.said[at], votes.texts)
