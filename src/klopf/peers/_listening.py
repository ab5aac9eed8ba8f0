"""Learning whom to listen to: what a listener keeps about its neighbours, whatever it is that they answer.

A listener is a layer of units whose inputs are the neighbours' answers. Each neighbour has listening weights, a utility
(R1) and a step-size that it earns (R5), by the shared rule of ``klopf.neuron``. How answers are combined and what is
learned from the right ones depends on the task: ``tasks/classes.py``, ``tasks/numbers.py`` and ``tasks/text.py`` have a
subclass of :class:`Listener` each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from klopf import neuron

__all__ = ["Listener", "Neighbour"]

PASSES = 4
"""How often a requester learns from the same labelled samples."""
LATELY = 128
"""Samples after which half is forgotten of how much somebody helped, and of what it was worth."""
TURNED = 0.3
"""By how much the likeness of what somebody says to what is right must change for it to be another than it was."""
NOTHING = 0.05
"""Of what is right: where all explain less of it, as where nobody knows the listener's classes, worth tells nothing."""
ENOUGH = 32
"""Samples on which that can be told."""
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
    recalled: int = 0
    """The round in which it was last heard."""
    helped: float = 0.0
    """Decayed sum of what :meth:`Listener.helps` was told."""
    worth: float = 0.0
    """Decayed sum of what it was worth by :meth:`Listener.helps`."""
    compared: float = 0.0
    """Decayed number of what both were told."""
    right: float = 0.0
    """Decayed sum of how like what is right it was, from -1 to 1."""
    judged: float = 0.0
    """Decayed number of those."""
    adds: float = 1.0
    """How much it added to what others said, from 0 to 1: at least half of what it was the last time, where it was
    known."""


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
        others = sorted((k for k in drawn if k not in best), key=self.last_tried)
        chosen = best + others[: seats - len(best)]
        for k in chosen:
            self.known(k).tried = self.round
        return chosen

    def last_tried(self, k: int) -> int:
        """The round in which neighbour ``k`` was last asked; 0 for one that never was."""
        return self.neighbours[k].tried if k in self.neighbours else 0

    # ---- listening

    @abstractmethod
    def combine(self, answers: Answers, about: NDArray[Any] | None = None) -> NDArray[Any]:
        """The combined answer to the ``n`` questions ``about`` which they are, where that is known. Changes nothing."""

    @abstractmethod
    def learn(self, answers: Answers, targets: NDArray[Any], about: NDArray[Any] | None = None) -> float:
        """Learn from the targets of the samples answered, in their order; returns the mean loss before each step.
        ``about`` are the samples' inputs, where they are known: some kinds of task learn who is good at what."""

    def study(
        self, answers: Answers, targets: NDArray[Any], seed: Sequence[int], about: NDArray[Any] | None = None
    ) -> float:
        """:meth:`learn` from the same samples ``PASSES`` times, in orders drawn from ``seed``: for who has few, and
        gives nobody's weights a meaning on the ledger. Returns the mean loss of the first time."""
        rng, first = np.random.default_rng(seed), None
        for _ in range(PASSES):
            order = rng.permutation(len(targets))
            asked = None if about is None else about[order]
            loss = self.learn({k: answer[order] for k, answer in answers.items()}, targets[order], asked)
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

    def recall(self, ids: Iterable[int], samples: int) -> None:
        """Neighbours are heard on ``samples`` samples in this round. What is known of one that was not asked in the
        rounds before is older than it seems: it counts as little as if it had been asked about as many in each. Its age
        goes back likewise, so that what is heard now counts the more."""
        for k in ids:
            one = self.known(k)
            missed = max(0, self.round - max(one.tried, one.recalled) - 1)
            one.recalled = self.round
            if missed > 0 and one.age:
                kept = self.decay ** (samples * missed)
                seen = kept * (1 - self.decay**one.age)
                one.utility, one.helped, one.worth = kept * one.utility, kept * one.helped, kept * one.worth
                one.compared *= kept
                before = self._heard_on(one.age)
                one.age = max(1, round(np.log1p(-seen) / np.log(self.decay)))
                self._fade(one, self._heard_on(one.age) / before)

    @abstractmethod
    def _fade(self, one: Neighbour, part: float) -> None:
        """What is kept of ``one`` is of only a ``part`` of the samples from now on."""

    def _heard_on(self, age: int) -> float:
        """On how many samples, decayed, a neighbour of that age was heard."""
        return float((1.0 - self.decay**age) / (1.0 - self.decay))

    def pass_over(self, k: int, samples: int) -> None:
        """Neighbour ``k`` spoke on ``samples`` samples and was not heard: its utility falls, its age grows."""
        for _ in range(samples):
            self.hear(self.known(k), 0.0)

    # ---- what it amounts to

    def heard(self, k: int) -> float:
        """Corrected utility of neighbour ``k``; 0 for one never heard."""
        one = self.neighbours.get(k)
        return 0.0 if one is None else neuron.corrected_utility(one.utility, one.age, self.decay)

    def shares(self, among: Sequence[int]) -> dict[int, float]:
        """How this listener's attention divides over ``among``: utilities normalised to sum 1 (all 0 if unheard)."""
        heard = {k: self.heard(k) for k in among}
        total = sum(heard.values())
        return {k: (h / total if total > 0 else 0.0) for k, h in heard.items()}

    def shares_by(self, adds: Mapping[int, float], among: Sequence[int]) -> dict[int, float]:
        """How attention divides over ``among`` by what each was worth, of that as much as it ``adds`` to what others
        say; where all together are worth ``NOTHING``, or that is not known, :meth:`shares` take its place. They sum to
        1 (all 0 if nobody adds anything)."""
        worth = {k: one.worth / one.compared if (one := self.known(k)).compared else 0.0 for k in among}
        basis = worth if sum(worth.values()) > NOTHING else self.shares(among)
        heard = {k: share * adds[k] for k, share in basis.items()}
        total = sum(heard.values())
        return {k: (h / total if total > 0 else 0.0) for k, h in heard.items()}

    def helps(self, k: int, now: float, worth: float, samples: int) -> float:
        """How much neighbour ``k`` has helped of late, on the last ``samples`` samples as much as ``now``: a mean in
        which half of what was is forgotten in ``LATELY`` samples, since one epoch's are too few to tell. What it was
        ``worth`` is kept likewise."""
        one, kept = self.known(k), 0.5 ** (samples / LATELY)
        one.helped, one.worth = kept * one.helped + now, kept * one.worth + worth
        one.compared = kept * one.compared + 1
        return one.helped / one.compared

    def judge(self, k: int, right: float, samples: int) -> bool:
        """What neighbour ``k`` says is now as like what is right as ``right``, from -1 to 1. Whoever has turned, for
        the better or the worse, is another: what was known of it is forgotten, and it is learned anew at once. Returns
        whether it has."""
        one = self.known(k)
        turned = samples >= ENOUGH and one.judged > 0 and abs(right - one.right / one.judged) > TURNED
        if turned:
            one = Neighbour(self.unheard(), tried=one.tried, recalled=one.recalled)
            self.neighbours[k] = one
        kept = 0.5 ** (samples / LATELY)
        one.right, one.judged = kept * one.right + right, kept * one.judged + 1
        return turned

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
            "ears": {str(k): {"weight": one.weight.tolist(), "utility": one.utility, "age": one.age, "tried": one.tried,
                              "recalled": one.recalled,
                              "helped": one.helped, "worth": one.worth, "compared": one.compared,
                              "right": one.right, "judged": one.judged, "adds": one.adds}
                     for k, one in self.neighbours.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        neighbours = {
            int(k): Neighbour(**{**one, "weight": np.array(one["weight"])}) for k, one in saved["ears"].items()
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
