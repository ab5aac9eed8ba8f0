"""Worlds of many neurons, an epoch at a time in whole arrays: what ``economy.World`` plays one claim after the other.

Where all who are bound count with one seat each, consensus, trust and news are order statistics of a speaker's column.
``check`` plays both and says where they differ; integers are those of the contracts' second implementation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from worlds import ERRS, FAVOURS, FRIENDS_SAY, RINGS, RULES, World

from klopf.ledger.core._reference import WAD
from klopf.ledger.market import _news as law
from klopf.ledger.market import _reference as ref
from klopf.ledger.market._news import DAY, FEW, Usual, expected_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ONE, FINE, MOST = 10_000, 1 << 16, 5_000


def toward_zero(a: Ints, b: Ints | int) -> Ints:
    """``a / b`` without its fraction."""
    found: Ints = np.sign(a) * (np.abs(a) // b)
    return found


def news(weight: Ints, expected: Ints) -> Ints:
    """See ``_news.news``."""
    return np.clip(weight * (FINE * ONE) // expected - ONE, -MOST, MOST)


@njit(cache=True)
def compare(listener, weight, starts, counts, place, known, expected, parts, sums):  # type: ignore[no-untyped-def]
    """Adds to the ``sums`` of each listener its news of an epoch and the others'; see ``Said.add``."""
    for speaker in np.flatnonzero(known):
        first, middle = starts[speaker], starts[speaker] + place[speaker]
        for entry in range(first, first + counts[speaker]):
            at = middle + 1 if middle >= entry else middle
            x = min(max(weight[entry] * FINE * ONE // expected[speaker] - ONE, -MOST), MOST)
            y = min(max(weight[at] * FINE * ONE // expected[speaker] - ONE, -MOST), MOST)
            for i, value in enumerate((1, x, y, x * y, x * x, y * y, parts[speaker])):
                sums[i, listener[entry]] += value


@dataclass
class Entries:
    """What was said in an epoch, sorted by speaker and then by weight, the heaviest first."""

    listener: Ints
    speaker: Ints
    weight: Ints

    @classmethod
    def of(cls, listener: Ints, speaker: Ints, weight: Ints) -> Entries:
        # one key for all three: equal weights by listener, as a stable sort leaves them
        key = np.sort((speaker << 40) | ((ref.ATTENTION - weight) << 20) | listener)
        return cls(key & (1 << 20) - 1, key >> 40, ref.ATTENTION - (key >> 20 & (1 << 20) - 1))


@dataclass
class Crowd(World):
    """A world in which everybody who is bound counts with one seat."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size <= max(FEW, self.committee) or max(self.stakes) * self.committee >= self.total:
            raise ValueError("some count with their whole stake here: play a World")
        self.seat = self.total // self.committee
        others = [self.total - stake for stake in self.stakes]
        needed = [-(-other * RULES.kappa // ref.ATTENTION) for other in (others[0], others[-1])]
        seats = [-(-one // self.seat) for one in needed]
        fake = np.arange(self.size) < self.fakes
        self.needed: Ints = np.where(fake, *seats)
        self.part = np.array([self.seat * WAD // other for other in others], object)
        self.others = np.array(others, object)
        self.heard = np.zeros(self.size, object)
        self.most = 0
        self.last = np.zeros(self.size, np.int64)
        self.slow = np.zeros(self.size, np.int64)
        self.claims = np.zeros(self.size, np.int64)
        self.moved, self.squares, self.share, self.began = 0, 0, 5_000, 0
        self.usual = Usual()
        self.sums = np.zeros((7, self.size), np.int64)
        self.parts = np.array([stake * 10**6 // self.total for stake in self.stakes])
        self.skill = np.zeros((4, self.size), np.int64)
        self.ranked: Floats = np.zeros(self.size)
        self.agreed: Ints = np.zeros(self.size, np.int64)
        """Of each listener's attention, what counted in the epoch in which it posted last."""
        self.due = np.array([expected_of(stake, self.total, self.size, self.committee) for stake in self.stakes])
        self.posts = np.zeros(self.size, np.int64)
        self.first = np.zeros(self.size, np.int64)
        self.reach = np.zeros((4, self.size), np.int64)
        """See ``Reach``: told, bound, agreed, epochs."""
        self.paid: Floats = np.zeros(self.size)
        self.rest: Floats = np.zeros(self.size)
        """Of what was held back a day before, the part that is paid now, in 1/10,000."""

    def play(self, epochs: int) -> None:
        for _ in range(epochs):
            self.move()
            said = self.entries()
            if self.strategy == "grind":
                said = max([said, *(self.entries() for _ in range(3))], key=self.luck_of)
            self.settle(said)

    # ---- what is said

    def entries(self) -> Entries:
        listeners, speakers = self.lots()  # by listener
        here = self.here = self.present()
        come = here[listeners]
        listeners, speakers = listeners[come], speakers[come]
        weight = self.divided(listeners, speakers)
        if self.strategy == "idle":
            kept = speakers >= self.fakes
            listeners, speakers, weight = listeners[kept], speakers[kept], weight[kept]
        return Entries.of(listeners, speakers, weight)

    def divided(self, listeners: Ints, speakers: Ints) -> Ints:
        """The weights, as ``World.weights`` gives them; ``listeners`` is sorted."""
        fake, friends = listeners < self.fakes, speakers < self.fakes
        ring = fake if self.strategy in RINGS else np.zeros(len(fake), bool)
        heard = np.zeros(len(listeners))
        noise = self.rng.standard_normal(int((~ring).sum()))
        heard[~ring] = self.useful[speakers[~ring]] * np.maximum(0.0, 1 + 0.1 * noise)
        heard = np.where(fake & ~ring, self.instead(heard, speakers, friends), heard)
        heard[ring] = friends[ring]
        counted = np.ones(len(heard), np.int64)
        counted[ring] = friends[ring]
        starts = np.flatnonzero(np.diff(listeners, prepend=-1))
        lengths = np.diff(np.append(starts, len(listeners)))
        totals = np.repeat(np.add.reduceat(heard, starts), lengths)
        many = np.repeat(np.add.reduceat(counted, starts), lengths)
        share = np.divide(heard, totals, out=np.zeros_like(heard), where=totals > 0)
        return np.where(4 * share * many >= 1, (ref.ATTENTION * share).astype(np.int64), 0)

    def instead(self, heard: Floats, speakers: Ints, friends: NDArray[np.bool_]) -> Floats:
        """See ``World.said_by_fakes``."""
        last, slow = self.last[speakers], self.slow[speakers]
        if self.strategy == "copy weights":
            return np.where(last > 0, last, 1).astype(float)
        if self.strategy == "copy averages":
            return np.where(slow > 0, slow, 1).astype(float)
        if self.strategy == "copy forecasts":
            expected = self.expected()[speakers]
            return np.where(expected > 0, expected, 1).astype(float)
        if self.strategy in FRIENDS_SAY:
            said: Floats = np.where(slow > 0, slow, 1) * self.common[speakers]
            return said
        if self.strategy == "ring that speaks ill":
            return np.where(friends, 1.0, 1e-3)
        if self.strategy in FAVOURS:
            return heard * np.where(friends, *self.favours)
        if self.strategy in ERRS:
            return heard * np.maximum(0.0, 1 + ERRS[self.strategy] * self.rng.standard_normal(len(heard)))
        return heard

    # ---- what it is paid

    def columns_of(self, said: Entries) -> tuple[Ints, Ints]:
        edges = np.searchsorted(said.speaker, np.arange(self.size + 1))
        return edges[:-1], np.diff(edges)

    def agreement(self, said: Entries) -> tuple[Ints, Ints]:
        """Everybody's consensus weight and rank, in seats."""
        starts, counts = self.columns_of(said)
        enough = counts >= self.needed
        place = np.where(enough, starts + self.needed - 1, 0)
        consensus = np.where(enough, said.weight[place], 0)
        kept = np.minimum(said.weight, consensus[said.speaker])
        return consensus, np.bincount(said.speaker, kept, self.size).astype(np.int64)

    def luck_of(self, said: Entries) -> int:
        return int(self.agreement(said)[1][: self.fakes].sum())

    def settle(self, said: Entries) -> None:
        """Ranks, trust, agreement and news of an epoch, and its pay of one unit."""
        self.post()
        consensus, rank = self.agreement(said)
        trusting = np.bincount(said.speaker[said.weight > 0], minlength=self.size).astype(object)
        share = trusting * self.seat * WAD // self.others
        self.heard = self.heard * RULES.decay // WAD + (WAD - RULES.decay) * share // WAD
        self.most = WAD - (WAD - self.most) * RULES.decay // WAD
        trusted = np.array(self.heard * ref.ATTENTION >= self.most * RULES.kappa, bool)
        counted = np.where(trusted[said.speaker], np.minimum(said.weight, consensus[said.speaker]), 0)
        agreed = np.bincount(said.listener, counted, self.size).astype(np.int64)
        self.agreed = np.where(self.here, agreed, self.agreed)
        self.claim(said)
        self.ranked = np.where(trusted, rank, 0).astype(float)
        self.pay_by(self.paid / ONE, self.rest / ONE, self.ranked / max(1, self.ranked.sum()))

    def post(self) -> None:
        """What each who is here has earned by news of before; see ``Newsroom.posted`` and ``Skill``."""
        n, x, y, xy, xx, yy, heard = self.sums
        new = self.here & (n > 0)
        some = np.maximum(n, 1)
        after = (
            toward_zero(self.skill[0] * 97, 100) + xy - toward_zero(x * y, some),
            self.skill[1] * 97 // 100 + xx - x**2 // some,
            self.skill[2] * 97 // 100 + yy - y**2 // some,
            self.skill[3] * 97 // 100 + (n - 1) * 1000,
        )
        self.skill = np.where(new, np.array(after), self.skill)
        self.reached(heard)
        self.sums[:, self.here] = 0
        if not self.began:
            self.paid = np.where(self.here, float(ONE), 0.0)
            return
        cov, own, theirs, many = self.skill.astype(object)
        some = np.maximum(many, 1)
        product = np.maximum(own * theirs, 1)
        explained: Ints = (np.sign(cov) * (abs(cov) * abs(cov) * ONE // product)).astype(np.int64)
        explained = np.where(self.skill[1] * (self.skill[2] > 0) > 0, explained, 0)
        chance = (1000 * ONE // some).astype(np.int64)
        told = self.here & (many > 0)
        self.first = np.where(told & (self.first == 0), self.epoch, self.first)
        self.weigh(explained - chance, (own * 1000 // some).astype(np.int64), chance, told)

    def reached(self, heard: Ints) -> None:
        """See ``Reach.after``."""
        told, bound, agreed, epochs = self.reach
        weighed = self.here & (self.posts > 0)
        counts = weighed & (0 < self.began <= self.posts)
        self.reach = np.array((
            np.where(counts, told * 97 // 100 + heard, told),
            np.where(counts, bound * 97 // 100 + self.due, bound),
            np.where(weighed, agreed * 97 // 100 + self.agreed, agreed),
            np.where(weighed, epochs * 97 // 100 + 1000, epochs),
        ))  # fmt: skip
        self.posts = np.where(self.here, self.epoch, self.posts)

    def weigh(self, skill: Ints, loud: Ints, chance: Ints, told: NDArray[np.bool_]) -> None:
        """See ``Skill.paid`` and ``Usual.add``; of those who ``told`` something."""
        self.paid, self.rest = np.zeros(self.size), np.zeros(self.size)
        if not told.any():
            return
        usual = self.usual
        usual.opened(self.epoch)

        def part(above: Ints) -> Ints:
            return np.clip(law._STEEP * above, 0, ONE)

        breadth = np.minimum(self.reach[0] * ONE // np.maximum(self.reach[1], 1), 2 * ONE)
        attention = self.reach[2] * 1000 // np.maximum(self.reach[3], 1)
        luck, most = np.minimum(law._LUCK * chance, law._MOST_LUCK), law._LOUD + law._STILL_LOUD * usual.still // ONE
        strong = np.maximum(part(skill * ONE // usual.skill + luck - law._WEAK), usual.still)
        quiet = part(most - loud * ONE // usual.loud)
        broad = part(breadth * ONE // usual.breadth - law._NARROW)
        attentive = np.minimum(ONE, attention * ONE // usual.attention)
        self.paid = np.where(told, strong * quiet * broad * attentive // ONE**3, 0).astype(float)
        if self.epoch > DAY:
            self.rest = np.where(self.epoch < self.first + 2 * DAY, self.paid * usual.still // ONE, 0.0)
        found = (
            ("skills", skill, usual.skill),
            ("louds", loud, usual.loud),
            ("attentions", attention, usual.attention),
            ("breadths", breadth, usual.breadth),
        )
        for side in (slice(0, self.fakes), slice(self.fakes, None)):  # each side's stakes are equal
            here, stake = told[side], self.stakes[side.start] if self.stakes[side] else 0
            usual.stake += stake * int(here.sum())
            for name, values, level in found:
                most = level // law._STEP
                steps = np.clip(values[side] - level, -most, most)[here]
                setattr(usual, name, getattr(usual, name) + stake * int(steps.sum()))

    def expected(self) -> Ints:
        return (self.slow * (ONE - self.share) + self.last * self.share) // ONE

    def claim(self, said: Entries) -> None:
        """See ``Newsroom.claimed``."""
        positive = said.weight > 0
        said = Entries(said.listener[positive], said.speaker[positive], said.weight[positive])
        starts, counts = self.columns_of(said)
        active = counts >= 3
        if not active.any():
            return
        if self.squares:
            self.share = min(max(int(self.moved * ONE / self.squares), 0), ONE)
        self.moved, self.squares = int(self.moved * 95 / 100), self.squares * 95 // 100
        weight = said.weight[np.where(active, starts + (counts + 1) // 2 - 1, 0)]
        known = active & (self.slow > 0)
        place = counts // 2 - 1
        if known.any():
            self.began = self.began or self.epoch
        compare(said.listener, said.weight, starts, counts, place, known, self.expected(), self.parts, self.sums)
        last, slow = self.last[known], self.slow[known]
        before = np.clip(last * ONE // slow - ONE, -MOST, MOST)
        self.moved += int((before * news(weight[known], slow)).sum())
        self.squares += int((before**2).sum())
        fine = weight * FINE
        self.claims = np.where(active, np.minimum(self.claims + 1, 10), self.claims)
        mean = (self.slow * (self.claims - 1) + fine) // np.maximum(self.claims, 1)
        self.slow = np.where(active, mean, self.slow)
        self.last = np.where(active, fine, self.last)


def check(strategy: str, size: int, committee: int, share: float, epochs: int) -> bool:
    """Whether both play the same world, to a thousandth of a millionth of what each is paid."""
    one = World(size, int(share * size), strategy, committee, 1)
    many = Crowd(size, int(share * size), strategy, committee, 1)
    one.play(epochs)
    many.play(epochs)
    return bool(np.allclose(one.earned, many.earned, rtol=1e-9, atol=1e-9) and one.told == many.paid.tolist())
