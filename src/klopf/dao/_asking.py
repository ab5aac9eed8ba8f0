"""Which statement to show whom next, and when to stop.

A member is asked what tells most of all else that it would say. A vote is a measurement of its strength with the
noise 1 / (p (1 - p)), more where the statement's own place is unsure; by how much that lowers the variance of the
strength of every other statement follows from what is believed of the member (V-optimal design), and half of p (1 - p)
times that is, to second order, what the forecast of it loses less, in nats.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from klopf.dao import _kernels as k
from klopf.dao._opinions import Opinions
from klopf.errors import DaoError

__all__ = ["Interview"]

Array = NDArray[np.float64]

_ROUNDS = 5


class Interview:
    """What is believed of somebody while it is asked, by a model that stays as it is."""

    def __init__(self, opinions: Opinions, said: Iterable[tuple[str, int]] = ()) -> None:
        """``said``: statements and votes that are known of it already."""
        self._opinions = opinions
        self._answers: dict[int, int] = {}
        self._mean, self._cov = opinions.stranger()
        for statement, vote in said:
            self.hear(statement, vote)

    def hear(self, statement: str, said: int) -> None:
        """It said so of ``statement``; a pass only means that it is not asked again.

        Raises:
            DaoError: there is no such statement or vote.
        """
        if said not in (-1, 0, 1):
            raise DaoError(f"{said!r} is no vote; give 1 (agree), -1 (disagree) or 0 (pass)")
        self._answers[self._opinions.statement(statement)] = said
        what = np.array([j for j, vote in self._answers.items() if vote], np.int64)
        votes = np.array([float(vote) for vote in self._answers.values() if vote])
        side, prior = self._opinions.side(statements=True), self._opinions.prior(statements=False)
        start, who, ones = np.zeros(len(prior)), np.zeros(len(what), np.int64), np.ones(len(what))
        xi, work = np.empty(len(what)), np.zeros((len(prior) + 1, len(prior)))
        for _ in range(_ROUNDS):
            k.touch(who, what, self._mean, self._cov, *side, xi)
            k.learn_row(
                0, np.arange(len(what)), what, votes, ones, xi, *side, prior, start, self._mean, self._cov, work
            )

    def probabilities(self) -> Array:
        """(statements,): with what probability it agrees with each."""
        return np.asarray(1.0 / (1.0 + np.exp(-self._opinions.slope * self._strengths())))

    @property
    def answers(self) -> dict[int, int]:
        """What it has said so far: votes by the statements' places."""
        return dict(self._answers)

    def gains(self, aims: Array | None = None) -> Array:
        """(statements,): by how much an answer to each is expected to lower the mean loss of the forecasts of all of
        them, in nats; 0 for what it has answered. ``aims`` (statements,): how much the forecast of each matters; one
        each unless given."""
        p = self.probabilities()
        places, cov = self._opinions.side(statements=True)
        towards = places.copy()
        towards[:, 0] = 1.0
        together = towards @ self._cov[0] @ towards.T
        around = np.outer(self._mean[0, 1:], self._mean[0, 1:]) + self._cov[0, 1:, 1:]
        blurred = cov[:, 0, 0] + np.einsum("jde,de->j", cov[:, 1:, 1:], around)
        noise = (1.0 + np.pi * blurred / 8.0) / np.maximum(p * (1.0 - p), 1e-9)
        less = together**2 / (together.diagonal() + noise)
        matters = p * (1.0 - p) if aims is None else aims * p * (1.0 - p)
        gains = 0.5 * matters @ less / len(p)
        gains[list(self._answers)] = 0.0
        return np.asarray(gains)

    def next(self, among: Iterable[str] | None = None) -> str | None:
        """The statement to ask now (one of ``among``, if given); None where all are answered."""
        gains = self.gains()
        allowed = np.ones(len(gains), bool)
        if among is not None:
            allowed[:] = False
            allowed[[self._opinions.statement(one) for one in among]] = True
        allowed[list(self._answers)] = False
        if not allowed.any():
            return None
        return self._opinions.votes.statements[int(np.where(allowed, gains, -1.0).argmax())]

    def left(self) -> float:
        """What the next answer is expected to tell: the greatest of ``gains``."""
        return float(self.gains().max(initial=0.0))

    def enough(self, nats: float = 0.002) -> bool:
        """Whether forecasts of it would hardly get better: by less than ``nats`` by one more answer."""
        return self.left() < nats

    def _strengths(self) -> Array:
        n = len(self._opinions.statements)
        out = np.empty(n)
        side = self._opinions.side(statements=True)
        k.strengths(np.zeros(n, np.int64), np.arange(n), self._mean, self._cov, *side, out)
        return out
