"""The world in which ``economy.py`` tries strategies: neurons, lots, weights, ranks and pay, epoch after epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from klopf.ledger import Parameters
from klopf.ledger.market import _reference as ref
from klopf.ledger.market._news import DAY, FEW, Newsroom, expected_of
from klopf.network._settings import RuleSettings
from klopf.peers import attention
from klopf.peers._questions import asked_about

Floats = NDArray[np.float64]
Columns = dict[int, list[tuple[int, int, int]]]
RULES = Parameters()
STAKE, SPLIT = 10**20, 4
BEYOND = 1e6  # where the honest get nothing at all


@dataclass
class World:
    """Neurons, the first ``fakes`` of which play ``strategy``; ``committee`` listeners to a speaker on average."""

    size: int
    fakes: int
    strategy: str
    committee: int
    seed: int
    trusts: dict[int, tuple[int, int]] = field(default_factory=dict)
    agreed: list[int] = field(default_factory=list)
    """Of each listener's attention, what counted in the epoch in which it posted last."""
    newsroom: Newsroom = field(default_factory=Newsroom)
    told: list[int] = field(default_factory=list)
    """The part of its reward that each listener's news have earned, in 1/10,000."""
    epoch: int = 0
    moves: float = 0.15
    """By how much of itself a neuron's usefulness moves in an epoch."""
    late: float = 0.0
    """In a race, the part of the honest that needs nearly a whole phase. Until one has lasted its whole time, the
    eighth since the start, they are left out; from then on they are expected, and only the last fiftieth is."""
    loud: float | None = None
    """How far above or below the average friends' secret is, if not as far as ``FRIENDS_SAY`` has it."""
    favour: float | None = None
    """How far above and below their worth a ring speaks of friends and others, if not as ``FAVOURS`` has it."""
    samples: int = 10_000
    """In each listener's file, of which it asks about ``QUESTIONS`` in an epoch."""
    held: list[Floats] = field(default_factory=list)
    """What each epoch held back of the rewards of those who posted."""
    rests: list[int] = field(default_factory=list)
    """The part that each listener is paid of what was held back a day before, in 1/10,000."""
    earned: Floats = field(init=False)
    useful: Floats = field(init=False)
    """What each one's answers are worth to an honest listener: ``level`` times a walk that comes back slowly."""

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, self.size, self.fakes, self.committee])
        self.earned = np.zeros(self.size)
        self.level = self.rng.uniform(0.7, 1.3, self.size)
        self.walk = np.zeros(self.size)
        fake = STAKE // SPLIT if self.strategy == "sybils" else STAKE
        self.stakes = [fake] * self.fakes + [STAKE] * (self.size - self.fakes)
        self.total = sum(self.stakes)

    def move(self) -> None:
        """An epoch's usefulness; the mean is 1 on either side, so that nobody's luck is counted."""
        self.epoch += 1
        self.walk = 0.95 * self.walk + self.moves * self.rng.standard_normal(self.size)
        self.useful = self.level * np.exp(self.walk)
        for side in (slice(0, self.fakes), slice(self.fakes, None)):
            self.useful[side] /= self.useful[side].mean() if self.useful[side].size else 1.0
        if self.strategy in WORTHLESS:
            self.useful[: self.fakes] = 0.0
        if self.strategy == "remember answers":
            again = asked_before(self.seed, self.epoch, self.samples)
            self.useful[: self.fakes] = again * self.useful[self.fakes :].mean()
        usual = FRIENDS_SAY.get(self.strategy, (0.6, 1.5))
        self.common = self.rng.choice(usual if self.loud is None else (1 - self.loud, 1 + self.loud), self.size)

    def weight_of(self, listener: int) -> int:
        """The stake with which a listener counts where it is bound."""
        stake = self.stakes[listener]
        alone = self.size <= self.committee or stake * self.committee >= self.total
        return stake if alone else self.total // self.committee

    def lots(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs (listener, speaker) that are bound in an epoch."""
        found = []
        for first, last in ((0, self.fakes), (self.fakes, self.size)):
            if first == last:
                continue
            chance = self.stakes[first] * self.committee / self.total
            if self.size <= self.committee or chance >= 1:
                found.append(np.arange(first * self.size, last * self.size))
                continue
            if self.size <= 2_000:
                bound = np.flatnonzero(self.rng.random((last - first) * self.size) < chance)
                found.append(first * self.size + bound)
                continue
            count = self.rng.binomial(last - first, chance, self.size)  # few are drawn twice among so many
            speakers = np.repeat(np.arange(self.size), count)
            pairs = np.sort(self.rng.integers(first, last, len(speakers)) * self.size + speakers)
            found.append(pairs[np.diff(pairs, prepend=-1) > 0])
        listeners, speakers = np.divmod(np.concatenate(found), self.size)
        other = listeners != speakers
        return listeners[other], speakers[other]

    def present(self) -> NDArray[np.bool_]:
        """Who posts in this epoch."""
        here = np.ones(self.size, bool)
        if self.strategy in ("idle", "withhold"):
            here[: self.fakes] = False
        if self.strategy == "race":
            honest, last = self.size - self.fakes, int(self.size * NOT_AWAITED)
            if self.late and self.epoch <= HURRIED // 2 + 1:
                here[self.fakes :] = self.rng.random(honest) > self.late
            elif last:
                here[self.fakes + self.rng.choice(honest, min(last, honest), replace=False)] = False
        return here

    def weights(self, listener: int, speakers: NDArray[np.int64]) -> dict[int, int]:
        """How a listener divides its attention among those to whom it is bound."""
        friends = speakers < self.fakes
        if listener < self.fakes and self.strategy in RINGS:
            return attention({int(k): 1 / max(1, friends.sum()) for k in speakers[friends]})
        heard = self.useful[speakers] * np.maximum(0.0, 1 + 0.1 * self.rng.standard_normal(len(speakers)))
        if listener < self.fakes:
            heard = self.said_by_fakes(heard, speakers, friends)
        total = heard.sum()
        return attention({int(k): float(h / total) if total else 0.0 for k, h in zip(speakers, heard, strict=True)})

    @property
    def favours(self) -> tuple[float, float]:
        return FAVOURS[self.strategy] if self.favour is None else (1 + self.favour, 1 - self.favour)

    def said_by_fakes(self, heard: Floats, speakers: NDArray[np.int64], friends: NDArray[np.bool_]) -> Floats:
        """What a faking listener says in place of what it ``heard``."""
        forecasts = [self.newsroom.forecasts[int(s)] for s in speakers]
        if self.strategy == "copy weights":
            return np.array([f.last or 1 for f in forecasts], float)
        if self.strategy == "copy averages":
            return np.array([f.slow or 1 for f in forecasts], float)
        if self.strategy == "copy forecasts":
            return np.array([f.expected(self.newsroom.drift.share) or 1 for f in forecasts], float)
        if self.strategy in FRIENDS_SAY:
            return np.array([f.slow or 1 for f in forecasts], float) * self.common[speakers]
        if self.strategy == "ring that speaks ill":
            alone: Floats = np.where(friends, 1.0, 1e-3)
            return alone
        if self.strategy in FAVOURS:
            return heard * np.where(friends, *self.favours)
        if self.strategy in ERRS:
            more = ERRS[self.strategy] * self.rng.standard_normal(len(heard))
            return heard * np.maximum(0.0, 1 + more)
        return heard

    def columns(self) -> Columns:
        """An epoch's stakes, weights and listeners, by speaker."""
        listeners, speakers = self.lots()
        order = np.argsort(listeners, kind="stable")
        listeners, speakers = listeners[order], speakers[order]
        found: Columns = {s: [] for s in range(self.size)}
        edges = np.searchsorted(listeners, np.arange(self.size + 1))
        here = self.here = self.present()
        for i in np.flatnonzero(here):
            for s, w in self.weights(int(i), speakers[edges[i] : edges[i + 1]]).items():
                found[s].append((self.weight_of(int(i)), w, int(i)))
        if self.strategy == "idle":
            for s in range(self.fakes):
                found[s] = []
        return found

    def play(self, epochs: int) -> None:
        """So many epochs, each of which pays one unit in all."""
        for _ in range(epochs):
            self.move()
            columns = self.columns()
            if self.strategy == "grind":  # the luckiest for it of four seeds
                columns = max([columns, *(self.columns() for _ in range(3))], key=self.luck)
            self.pay(self.ranks(columns))

    def luck(self, columns: Columns) -> float:
        others = self.total - self.stakes[0]
        said = ([(stake, weight) for stake, weight, _ in columns[s]] for s in range(self.fakes))
        return sum(ref.rank(column, others, RULES.kappa)[1] for column in said)

    def ranks(self, columns: Columns) -> list[int]:
        """Everybody's rank, by consensus over this epoch and trust over those of late."""
        found = []
        former, self.agreed = self.agreed or [0] * self.size, [0] * self.size
        parts = [self.posted(i, former[i]) if here else (0, 0) for i, here in enumerate(self.here)]
        self.told, self.rests = map(list, zip(*parts, strict=True))
        for speaker, said in columns.items():
            others, column = self.total - self.stakes[speaker], [(stake, weight) for stake, weight, _ in said]
            consensus, rank = ref.rank(column, others, RULES.kappa)
            trusting = sum(stake for stake, weight in column if weight)
            before = self.trusts.get(speaker, (0, 0))
            heard, most = ref.trust_after(*before, 1, trusting, others, RULES.decay)
            self.trusts[speaker] = heard, most
            trusted = heard * ref.ATTENTION >= most * RULES.kappa
            for _, weight, listener in said if trusted else ():
                self.agreed[listener] += min(weight, consensus)
            if self.size > FEW:
                part = self.stakes[speaker] * 10**6 // self.total
                self.newsroom.claimed(self.epoch, speaker, part, sorted(said, key=lambda entry: -entry[1]))
            found.append(rank * RULES.fringe_bps // 10_000 if trusted else 0)
        self.agreed = [now if here else f for now, f, here in zip(self.agreed, former, self.here, strict=True)]
        if self.size <= FEW:  # all are bound to all, and not asked
            self.told, self.rests = [10_000] * self.size, [0] * self.size
        return found

    def posted(self, listener: int, agreed: int) -> tuple[int, int]:
        stake, total = self.stakes[listener], self.total
        due = expected_of(stake, total, self.size, self.committee)
        return self.newsroom.posted(self.epoch, listener, stake, agreed, due, self.size > self.committee)

    def pay(self, ranks: list[int]) -> None:
        total = max(1, sum(ranks))
        self.pay_by(np.array(self.told) / 10_000, np.array(self.rests) / 10_000, np.array([r / total for r in ranks]))

    def pay_by(self, told: Floats, rests: Floats, full: Floats) -> None:
        """``full`` is what each would have if it had earned all, ``told`` the part that it has, ``rests`` what it is
        paid of what was held back a day before."""
        self.earned += told * full
        self.held.append(np.where(self.here, (1 - told) * full, 0.0))
        if self.epoch > DAY:
            self.earned += rests * self.held[self.epoch - DAY - 1]

    @property
    def ratio(self) -> float:
        """Income of a faking KLP beside that of an honest one."""
        staked = self.total - STAKE * (self.size - self.fakes)
        fake = self.earned[: self.fakes].sum() / staked
        honest = self.earned[self.fakes :].sum() / (self.total - staked)
        return float(fake / honest) if honest else float(fake > 0) * BEYOND


RINGS = ("ring", "sybils", "race", "grind", "ring that answers well")
WORTHLESS = ("idle", "random", "copy answers", "ring", "sybils", "race", "grind")
"""Who has no model. A copier of answers has none either, and what it is told comes after its seal is due."""
FRIENDS_SAY = {"false news": (0.6, 1.5), "false news, quieter": (0.65, 1.35)}
"""What friends agree to say of a speaker, true or not, in what it is heard with on average: at random one of two."""
FAVOURS = {"ring by a little": (1.3, 0.8), "ring by less": (1.1, 0.93)}
"""What friends are said to be worth, and others, in what they are."""
ERRS = {"errs by a fifth more": 0.066, "errs by half more": 0.112, "errs twice as much": 0.173}
"""What these honest listeners err by beside the tenth of all: with it 0.12, 0.15 and 0.2."""
NOT_AWAITED, HURRIED = 1 / 50, 7
"""Of the expected stake, what the clock does not wait for; and how many phases may end early without a twentieth."""
QUESTIONS = RuleSettings().questions
"""Samples that a listener asks its neighbours about in an epoch."""


@lru_cache
def asked_before(seed: int, epoch: int, samples: int) -> float:
    """The part of an epoch's questions that the same listener asked in one before: of these whoever was asked then
    remembers what the best said. By the draw that neurons make, the same for all listeners but for what is drawn."""
    before = {int(s) for e in range(1, epoch) for s in asked_about(seed, e, QUESTIONS, samples)}
    now = asked_about(seed, epoch, QUESTIONS, samples)
    return float(np.isin(now, list(before)).mean())


PLAYED = ("honest", "idle", "random", "copy answers", "remember answers", "copy weights", "copy averages",
          "copy forecasts", "ring", "sybils", "grind", "race", "withhold", "ring that answers well",
          "ring that speaks ill", "ring by a little", "ring by less", "false news", "false news, quieter")  # fmt: skip
