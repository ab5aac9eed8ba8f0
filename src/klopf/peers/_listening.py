"""Learning whom to listen to: what a listener keeps about its neighbours, whatever it is that they answer.

A listener is a layer of units whose inputs are the neighbours' answers. Each neighbour has listening weights, a utility
(R1) and a step-size that it earns (R5), by the shared rule of ``klopf.neuron``. How answers are combined and what is
learned from the right ones depends on the task: ``tasks/classes.py``, ``tasks/numbers.py`` and ``tasks/text.py`` have a
subclass of :class:`Listener` each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from klopf import neuron

__all__ = ["Listener", "Neighbour"]

PASSES = 4
"""How often a requester learns from the same labelled samples."""
Answers = Mapping[int, NDArray[Any]]
"""Answers to the same ``n`` questions by the id of the neighbour who gave them."""


@dataclass
class Neighbour:
    """What a listener keeps about one neighbour."""

    weight: NDArray[np.float64]
    """What has been learned about it, as the task's listener says."""
    utility: float = 0.0
    age: int = 0
    """Samples on which it has been heard."""
    tried: int = 0
    """The round in which it was last asked."""


@dataclass
class Listener(ABC):
    """Learns, from samples with their targets and the neighbours' answers to them, how much to listen to each.

    Args:
        outputs: classes, numbers or texts in one answer.
        decay: eta of the utility (R1), in steps of one sample.
        maturity: samples before a neighbour's step-size may grow.
        smallest, largest: step-sizes of a newcomer and of a neighbour with at least a fair share of the listening.
    """

    outputs: int
    decay: float = 0.995
    maturity: int = 32
    smallest: float = 0.02
    largest: float = 0.2
    neighbours: dict[int, Neighbour] = field(default_factory=dict)
    round: int = 0

    OUTPUTS: ClassVar[str] = "outputs"
    """What ``outputs`` is called in a saved listener."""

    # ---- choosing

    def choose(self, candidates: Sequence[int], seats: int, fringe_seats: int, lot: int = 0) -> list[int]:
        """Whom to ask in this round: the best heard, and in ``fringe_seats`` of the seats those longest not tried.

        Returns at most ``seats`` of ``candidates``; everybody, if there are seats for all. Ties are decided by a draw
        from ``lot`` and the round: each listener brings its own, so that not all try the same first.
        """
        self.round += 1
        drawn = np.random.default_rng([lot, self.round]).permutation(sorted(candidates)).tolist()
        best = sorted(drawn, key=lambda k: -self.heard(k))[: max(0, seats - fringe_seats)]
        others = sorted((k for k in drawn if k not in best), key=self._last_tried)
        chosen = best + others[: seats - len(best)]
        for k in chosen:
            self.known(k).tried = self.round
        return chosen

    def _last_tried(self, k: int) -> int:
        return self.neighbours[k].tried if k in self.neighbours else 0

    # ---- listening

    @abstractmethod
    def combine(self, answers: Answers) -> NDArray[Any]:
        """The combined answer to the ``n`` questions. Changes nothing."""

    @abstractmethod
    def learn(self, answers: Answers, targets: NDArray[Any]) -> float:
        """Learn from the targets of the samples answered, in their order; returns the mean loss before each step."""

    def study(self, answers: Answers, targets: NDArray[Any], seed: Sequence[int]) -> float:
        """:meth:`learn` from the same samples ``PASSES`` times, in orders drawn from ``seed``: for who has few, and
        gives nobody's weights a meaning on the ledger. Returns the mean loss of the first time."""
        rng, first = np.random.default_rng(seed), None
        for _ in range(PASSES):
            order = rng.permutation(len(targets))
            loss = self.learn({k: answer[order] for k, answer in answers.items()}, targets[order])
            first = loss if first is None else first
        return first or 0.0

    @abstractmethod
    def unheard(self) -> NDArray[np.float64]:
        """The ``weight`` of a neighbour that has never been heard."""

    def step_sizes(self, neighbours: Sequence[Neighbour]) -> NDArray[np.float64]:
        """What each may be listened to anew (R5), from ``smallest`` to ``largest``; shape ``(neighbours,)``."""
        utilities = [neuron.corrected_utility(one.utility, one.age, self.decay) for one in neighbours]
        fair = sum(utilities) * neuron.fair_share(len(neighbours))
        return np.array(
            [
                neuron.admitted_step_size(one.age, utility, fair, self.smallest, self.largest, self.maturity)
                for one, utility in zip(neighbours, utilities, strict=True)
            ]
        )

    def hear(self, neighbour: Neighbour, activity: float, listening: float = 1.0) -> None:
        """One sample more on which ``neighbour`` was heard: its utility (R1) and its age."""
        neighbour.utility = neuron.updated_utility(neighbour.utility, activity, listening, self.decay)
        neighbour.age += 1

    def pass_over(self, k: int, samples: int) -> None:
        """Neighbour ``k`` spoke on ``samples`` samples and was not heard: its utility falls, its age grows."""
        for _ in range(samples):
            self.hear(self.known(k), 0.0)

    # ---- what it amounts to

    def heard(self, k: int) -> float:
        """Corrected utility of neighbour ``k``; 0 for one never heard."""
        one = self.neighbours.get(k)
        return 0.0 if one is None else neuron.corrected_utility(one.utility, one.age, self.decay)

    def record(self) -> dict[int, float]:
        """:meth:`heard` of everybody who was."""
        return {k: self.heard(k) for k in self.neighbours}

    def shares(self, among: Sequence[int]) -> dict[int, float]:
        """How this listener's attention divides over ``among``: utilities normalised to sum 1 (all 0 if unheard)."""
        heard = {k: self.heard(k) for k in among}
        total = sum(heard.values())
        return {k: (h / total if total > 0 else 0.0) for k, h in heard.items()}

    def shares_by(self, adds: Mapping[int, float], among: Sequence[int]) -> dict[int, float]:
        """:meth:`shares`, of each as much as it ``adds`` to what others say; they sum to 1 again (all 0 if nobody adds
        anything)."""
        heard = {k: share * adds[k] for k, share in self.shares(among).items()}
        total = sum(heard.values())
        return {k: (h / total if total > 0 else 0.0) for k, h in heard.items()}

    def forget(self, k: int) -> None:
        """Remove a neighbour that fell silent or was replaced; nothing is inherited by who takes its place (R6).

        No mean contribution has to be moved into a bias: answers are combined over those who gave one.
        """
        self.neighbours.pop(k, None)

    def keep_only(self, living: Collection[int]) -> None:
        """Forget all others."""
        for k in [k for k in self.neighbours if k not in living]:
            self.forget(k)

    def known(self, k: int) -> Neighbour:
        """What is kept about neighbour ``k``; from now on, if nothing was."""
        if k not in self.neighbours:
            self.neighbours[k] = Neighbour(self.unheard())
        return self.neighbours[k]

    # ---- a life

    def to_json(self) -> dict[str, Any]:
        """All that is needed to go on as if nothing had happened; exact, since floats are written in full."""
        return {
            self.OUTPUTS: self.outputs, "decay": self.decay, "maturity": self.maturity,
            "smallest": self.smallest, "largest": self.largest, **self.own_state(), "round": self.round,
            "ears": {str(k): {"weight": one.weight.tolist(), "utility": one.utility, "age": one.age, "tried": one.tried}
                     for k, one in self.neighbours.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        neighbours = {
            int(k): Neighbour(np.array(one["weight"]), one["utility"], one["age"], one["tried"])
            for k, one in saved["ears"].items()
        }
        rest = {name: saved[name] for name in ("decay", "maturity", "smallest", "largest", "round")}
        made = cls(saved[cls.OUTPUTS], **rest, neighbours=neighbours)
        made.take_own_state(saved)
        return made

    @abstractmethod
    def own_state(self) -> dict[str, Any]:
        """What a subclass keeps besides, as JSON holds it."""

    @abstractmethod
    def take_own_state(self, saved: Mapping[str, Any]) -> None:
        """Put back what :meth:`own_state` gave."""
