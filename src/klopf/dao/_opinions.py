"""The opinion model: where members and statements stand, from votes alone, and how sure that is.

Each member and each statement has a level (who agrees to much, what is much agreed to) and a place; a member agrees
with the logistic function of both levels and of how well their places go together. That is an item response model in
several dimensions, or Community Notes' factorisation with intercepts (Wojcik et al. 2022, arXiv 2210.15723), with a
belief in place of each number: Gaussians that are fitted by variational Bayes under the bound of Jaakkola and Jordan
(2000, *Statistics and Computing* 10). How far levels and places spread is learned from all of them (empirical Bayes),
so a direction in which members do not differ fades by itself, and few votes say little.

The bound makes strengths too weak, and too few votes too strong; what that costs is measured: a fifth of all votes at a
time is forecast from the others, and strengths are multiplied by what makes those votes likeliest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.dao import _kernels as k
from klopf.dao._votes import Votes
from klopf.errors import DaoError

__all__ = ["Checked", "Forecast", "Opinions"]

Array = NDArray[np.float64]

_SWEEPS, _STILL = 100, 1e-4
"""So many rounds at most, or until votes' strengths move by less than a hundredth (root of the mean square)."""
_PARTS, _MANY = 5, 200_000
"""Parts of the votes that are forecast from the others; above so many votes one part says enough."""
_FAINT = 1e3
"""The greatest precision of a direction: there it has no length that matters."""
_ROUNDS = 5
"""Rounds between a new vote and what is believed of its member."""


@dataclass(frozen=True)
class Forecast:
    """What a member would say of a statement, if it does not pass."""

    agrees: float
    """Probability."""
    low: float
    high: float
    """Where that probability is believed to lie, nine times of ten."""


@dataclass(frozen=True)
class Checked:
    """How good forecasts are of votes that the model had not seen, each forecast from four fifths of the others."""

    accuracy: float
    """Share that was as forecast."""
    loss: float
    """Mean of minus the logarithm of the probability of what was said, in nats."""
    calibration: float
    """How far the share that agreed lies from what was forecast, on average over ten bins of forecasts."""
    votes: int
    usual: float
    """Accuracy of forecasting of each statement what most say of it."""


class Opinions:
    """Beliefs over members and statements; made by ``Opinions.fit``."""

    def __init__(self, votes: Votes, dimensions: int, weights: Array) -> None:
        self.votes = votes
        self.weights = weights
        kept = votes.said != 0
        self._who, self._what = votes.who[kept], votes.what[kept]
        self._said = votes.said[kept].astype(np.float64)
        self._xi = np.ones(len(self._said))
        self._by = _by(self._who, len(votes.members)), _by(self._what, len(votes.statements))
        size = dimensions + 1
        rows = len(votes.members), len(votes.statements)
        self.members, self.statements = np.zeros((rows[0], size)), np.zeros((rows[1], size))
        """(rows, D): mean level and place of each."""
        self._unsure = tuple(np.tile(np.eye(size), (n, 1, 1)) for n in rows)
        self._prior = np.ones(size), np.ones(size)
        self._start = np.zeros(size), np.zeros(size)
        self.slope = 1.0
        self.checked: Checked | None = None
        """How good it is on votes that it had not seen; None where there are too few to say."""
        self._more: dict[tuple[int, int], float] = {}

    @classmethod
    def fit(cls, votes: Votes, dimensions: int = 3, *, weights: Array | None = None) -> Self:
        """The model of ``votes``: the same votes and weights give the same model, to the bit.

        Passes are left out. ``weights`` (members,): how much each member's votes count for all but its own place,
        between 0 and 1; one each unless given.

        Raises:
            DaoError: nobody agreed or disagreed with anything, or weights are no weights.
        """
        if not 0 <= dimensions <= 8:
            raise DaoError(f"dimensions={dimensions}: from 0 to 8")
        weights = np.ones(len(votes.members)) if weights is None else np.asarray(weights, np.float64)
        if weights.shape != (len(votes.members),) or not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise DaoError(f"weights must be a number from 0 for each of {len(votes.members)} members")
        if weights.max(initial=0.0) > 1.0:
            raise DaoError("a weight is above 1: divide all by the greatest")
        if not (votes.said != 0).any():
            raise DaoError("nobody agrees or disagrees with anything yet: a model needs votes")
        whole = cls._fitted(votes, dimensions, weights)
        counted = np.flatnonzero(votes.said != 0)
        part = np.random.default_rng(len(votes)).permutation(len(counted)) % _PARTS
        strengths, said, heard, usual = [], [], [], []
        for one in range(_PARTS if len(counted) < _MANY else 1):
            kept = np.ones(len(votes), bool)
            kept[counted[part == one]] = False
            if not (votes.said[kept] != 0).any():
                continue
            model = cls._fitted(votes.where(kept), dimensions, weights)
            strengths.append(model.strengths(votes.who[~kept], votes.what[~kept]))
            said.append(votes.said[~kept].astype(np.float64))
            heard.append(weights[votes.who[~kept]])
            agrees, disagrees = votes.where(kept).counts(weights)
            usual.append((agrees >= disagrees)[votes.what[~kept]] == (said[-1] > 0))
        if sum(len(one) for one in said):
            seen = np.concatenate(strengths), np.concatenate(said), np.concatenate(heard)
            whole.slope = float(k.slope(*seen, 30))
            whole.checked = _checked(whole.slope * seen[0], seen[1] > 0, np.concatenate(usual))
        return whole

    @classmethod
    def _fitted(cls, votes: Votes, dimensions: int, weights: Array) -> Self:
        self = cls(votes, dimensions, weights)
        alike, heard = np.ones(len(self._said)), weights[self._who]
        self._begin(heard)
        for _ in range(_SWEEPS):
            self._touch()
            self._learn(1, self._who, heard)
            self._touch()
            self._learn(0, self._what, alike)
            level, square = k.spread(self.statements, self._unsure[1], np.ones(len(self.statements)), self._start[1])
            self._start[1][0] = level
            self._prior[1][:] = np.minimum(1.0 / square, _FAINT)
            _, square = k.spread(self.members, self._unsure[0], weights, self._start[0])
            self._prior[0][0] = min(1.0 / square[0], _FAINT)  # members' places spread by one, statements' tell how far
            if self._touch() < _STILL:
                break
        return self

    def _learn(self, side: int, other: NDArray[np.int64], weight: Array) -> None:
        given = *self._by[side], other, self._said, weight, self._xi
        k.learn_side(*given, *self._side(1 - side), self._prior[side], self._start[side], *self._side(side))

    def _begin(self, heard: Array) -> None:
        """Levels from each statement's votes, places along what those leave."""
        n, m = self.members.shape[0], self.statements.shape[0]
        share = (np.bincount(self._what, heard * (self._said > 0), m) + 0.5) / (np.bincount(self._what, heard, m) + 1.0)
        left = ((self._said > 0) - share[self._what]) * heard
        dimensions = self.members.shape[1] - 1
        a, b = np.zeros((n, dimensions)), np.random.default_rng(0).uniform(-1.0, 1.0, (m, dimensions))
        k.directions(self._who, self._what, left, a, b, 20)
        self.members[:, 1:], self.statements[:, 1:] = 0.3 * a * n**0.5, 0.3 * b * m**0.5
        for unsure in self._unsure:
            unsure *= 0.5

    def _side(self, side: int) -> tuple[Array, Array]:
        return (self.members, self.statements)[side], self._unsure[side]

    def _touch(self) -> float:
        return float(k.touch(self._who, self._what, *self._side(0), *self._side(1), self._xi))

    def side(self, *, statements: bool) -> tuple[Array, Array]:
        """Mean (rows, D) and covariance (rows, D, D) of what is believed of members, or of statements."""
        return self._side(int(statements))

    def unsure(self, *, statements: bool) -> Array:
        """(rows, D, D): covariance of what is believed of each member, or of each statement."""
        return self._unsure[statements]

    def prior(self, *, statements: bool) -> Array:
        """(D,): precision of level and place before any vote."""
        return self._prior[statements]

    def stranger(self) -> tuple[Array, Array]:
        """What is believed of a member without votes, as one row: mean (1, D), covariance (1, D, D)."""
        return self._start[0][None].copy(), np.diag(1.0 / self._prior[0])[None].copy()

    def statement(self, name: str) -> int:
        """The place of the statement called ``name``.

        Raises:
            DaoError: there is none.
        """
        return _at(self.votes.statements, name, "statement")

    # --- what it says -------------------------------------------------------------------------------------------------

    def strengths(self, who: NDArray[Any], what: NDArray[Any]) -> Array:
        """(pairs,): how strongly members ``who`` are expected to agree (above 0) with statements ``what``, by place,
        before the slope."""
        out = np.empty(len(who))
        k.strengths(np.asarray(who), np.asarray(what), *self._side(0), *self._side(1), out)
        return out

    def probabilities(self, who: NDArray[Any], what: NDArray[Any]) -> Array:
        """(pairs,): how likely members ``who`` agree with statements ``what``, by place, if they do not pass."""
        strengths: Array = self.slope * self.strengths(who, what)
        return np.asarray(1.0 / (1.0 + np.exp(-strengths)))

    def table(self, members: NDArray[np.int64] | None = None) -> Array:
        """(members, statements): how likely each (or each of ``members``, by place) agrees with each statement."""
        rows = np.arange(len(self.votes.members)) if members is None else members
        m = len(self.votes.statements)
        return self.probabilities(np.repeat(rows, m), np.tile(np.arange(m), len(rows))).reshape(len(rows), m)

    def forecast(self, member: str | None, statement: str) -> Forecast:
        """What ``member`` would say of ``statement``; None is somebody of whom no vote is known.

        Raises:
            DaoError: there is no such member or statement.
        """
        j = self.statement(statement)
        if member is None:
            middle, var = k.belief(0, j, *self.stranger(), *self._side(1))
        else:
            i = _at(self.votes.members, member, "member")
            middle, var = k.belief(i, j, *self._side(0), *self._side(1))
        point = middle / (1.0 + np.pi * var / 8.0) ** 0.5
        low, high = middle - 1.645 * var**0.5, middle + 1.645 * var**0.5
        return Forecast(*(float(k.logistic(self.slope * one)) for one in (point, low, high)))

    # --- one more vote ------------------------------------------------------------------------------------------------

    def tell(self, member: str, statement: str, said: int) -> None:
        """One more vote, of a known member on a known statement: what is believed of both follows at once, the rest
        when the model is fitted again. A pass changes nothing.

        Raises:
            DaoError: no such member or statement, no such vote, or it is known already.
        """
        if said not in (-1, 0, 1):
            raise DaoError(f"{said!r} is no vote; give 1 (agree), -1 (disagree) or 0 (pass)")
        i, j = _at(self.votes.members, member, "member"), self.statement(statement)
        if j in self._votes_of(0, i)[0]:
            raise DaoError(f"{member!r} has voted on {statement!r}: fit the model again with the new votes")
        if said == 0:
            return
        self._more[i, j] = float(said)
        for side, row in ((0, i), (1, j)):
            other, votes = self._votes_of(side, row)
            weight = np.ones(len(votes)) if side == 0 else self.weights[other]
            xi = np.empty(len(votes))
            work = np.zeros((self.members.shape[1] + 1, self.members.shape[1]))
            for _ in range(_ROUNDS):
                k.touch(np.full(len(votes), row), other, *self._side(side), *self._side(1 - side), xi)
                given = row, np.arange(len(votes)), other, votes, weight, xi
                before = self._prior[side], self._start[side]
                k.learn_row(*given, *self._side(1 - side), *before, *self._side(side), work)

    def _votes_of(self, side: int, row: int) -> tuple[NDArray[np.int64], Array]:
        """Of one member's or one statement's votes, whom or what they are of, and what was said."""
        others = self._what if side == 0 else self._who
        first, order = self._by[side]
        at = order[first[row] : first[row + 1]]
        more = [(pair[1 - side], said) for pair, said in self._more.items() if pair[side] == row]
        other = np.concatenate([others[at], np.array([one for one, _ in more], np.int64)])
        return other, np.concatenate([self._said[at], np.array([said for _, said in more])])

    # --- to be recomputed -----------------------------------------------------------------------------------------

    def commitment(self) -> str:
        """A hash of all that the model says, of whom and of what: whoever fits the same votes has the same."""
        found = hashlib.sha256(b"klopf opinions 2")
        texts = self.votes.texts or ("",) * len(self.votes.statements)
        named = [self.votes.members, list(zip(self.votes.statements, texts, strict=True))]
        found.update(hashlib.sha256(json.dumps(named).encode()).digest())
        for part in (self.members, self.statements, *self._unsure, *self._prior, *self._start, np.array([self.slope])):
            found.update(np.ascontiguousarray(part, "<f8").tobytes())
        return found.hexdigest()


def _checked(strengths: Array, agreed: NDArray[np.bool_], usual: NDArray[np.bool_]) -> Checked:
    p = 1.0 / (1.0 + np.exp(-strengths))
    bins = np.minimum((p * 10).astype(int), 9)
    off = sum(abs(p[bins == b].sum() - agreed[bins == b].sum()) for b in np.unique(bins)) / len(p)
    loss = -np.log(np.clip(np.where(agreed, p, 1.0 - p), 1e-12, 1.0)).mean()
    return Checked(float(((p > 0.5) == agreed).mean()), float(loss), float(off), len(p), float(usual.mean()))


def _by(rows: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each row's votes begin in the order by rows, and that order."""
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))]), np.argsort(rows, kind="stable")


def _at(names: tuple[str, ...], name: str, kind: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        raise DaoError(f"no {kind} is called {name!r}") from None
