"""What listeners told that nobody could know: the second implementation of ``News`` and ``Listening``.

Whole numbers in, whole numbers out; where a contract rounds (toward zero), so does this. A speaker is expected to be
heard as a forecast says that anybody can make from what was said before. A listener's weight and the weight that the
*others* of the same committee agreed on, both sealed before either was seen, are each compared with it. Over the epochs
of late a listener is known by the square of the correlation of the two, less what chance alone would give. Who repeats
what was known has no news; who says what friends like is contradicted as often as confirmed.

What that square is worth is told by what is usual. Friends who say the same are confirmed where they are many; but not
as often as those who are more, unless they are louder than the truth. So who is confirmed much less than is usual, or
whose news are much larger than is usual, or who is silent about those whom others speak of, is paid nothing. Where
next to nobody is confirmed, the network is *still*: there is nothing to tell, and nobody is asked for it. That takes a
network some twenty epochs to find out, in which chance decides what is held back; so of a listener's first day the rest
is paid a day later, as far as the network is still then, by what is known of the listener then. What is usual
is an average over stake in which nobody is further from it than a part of it: less than half of the stake moves it
little.

Source: correlated agreement in peer prediction (Dasgupta and Ghosh 2013; Shnayder et al. 2016), against a forecast;
for what is usual Huber's location (*Annals of Mathematical Statistics* 35, 1964), a step in an epoch.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

__all__ = [
    "DAY",
    "FEW",
    "Forecast",
    "Newsroom",
    "Reach",
    "Said",
    "Skill",
    "Usual",
    "agreed",
    "expected_of",
    "held_back",
    "news",
]

DAY = 24
"""So many epochs after it could first be judged a listener is known."""
FEW = 8
"""Where so many neurons or fewer are bound to listen, nobody is asked for news."""
_ONE, _FINE = 10_000, 1 << 16
_MOST = 5_000  # a speaker that is heard half as much again or more is news of one half
_MANY = 20_000  # comparisons of a listener in an epoch
_ENOUGH = 3  # listeners that say something of a speaker: two others for each
_WEAK, _LOUD = 7_500, 14_500  # of what is usual: skill up to which nothing is paid, variance from which on nothing is
_NARROW = 6_500  # of the usual breadth: up to which nothing is paid
_STEEP = 4  # and a quarter of what is usual on the other side of each is paid in full
_LUCK, _MOST_LUCK = 36, 2_500  # so many times what chance gives is forgiven, and a quarter of what is usual at most
_STILL, _MOVING = 300, 900  # usual skill up to which a network is still, and from which on it is not
_STILL_LOUD = 1_500  # what more of the usual variance is paid where it is
_LEAST = 100  # what is usual is no less
_STEP = 8  # nobody counts as further from what is usual than an eighth of it


def _div(a: int, b: int) -> int:
    """``a / b`` toward zero."""
    return a // b if a >= 0 else -(-a // b)


def news(weight: int, expected: int) -> int:
    """How much more than ``expected`` (1/65536 of a weight) ``weight`` is, in 1/10,000, within a half.

    >>> news(110, 100 << 16), news(300, 100 << 16), news(1, 100 << 16)
    (1000, 5000, -5000)
    """
    return min(max(weight * _FINE * _ONE // expected - _ONE, -_MOST), _MOST)


def agreed(column: Sequence[tuple[int, int]]) -> tuple[int, list[int]]:
    """The largest weight that half of the stake gives, or more; and the same without each entry in turn.

    ``column`` holds (stake, weight), the heaviest weight first.

    >>> agreed([(1, 9), (1, 5), (1, 4)])
    (5, [5, 9, 9])
    """
    sums = list(accumulate(stake for stake, _ in column))
    total, without = sums[-1], []
    for n, (stake, _) in enumerate(column):
        half = -(-(total - stake) // 2)
        place = bisect_left(sums, half)
        without.append(column[place if place < n else bisect_left(sums, half + stake)][1])
    return column[bisect_left(sums, -(-total // 2))][1], without


@dataclass(frozen=True)
class Forecast:
    """What a speaker was heard with last, and on average, in 1/65536 of a weight: of the first ten claims the mean,
    then each claim counts a tenth."""

    last: int = 0
    slow: int = 0
    claims: int = 0

    def expected(self, share: int) -> int:
        """``share`` in 1/10,000 of the way from the average to the last."""
        return (self.slow * (_ONE - share) + self.last * share) // _ONE

    def after(self, weight: int) -> Forecast:
        fine, claims = weight * _FINE, min(self.claims + 1, 10)
        return Forecast(fine, (self.slow * (claims - 1) + fine) // claims, claims)


@dataclass
class Drift:
    """How much of what was said last, beyond the average, is said again: a regression over all speakers, an epoch
    counting 0.95 of the next."""

    moved: int = 0
    squares: int = 0
    epoch: int = 0
    share: int = 5_000
    began: int = 0
    """The first epoch in which anything was compared."""

    def opened(self, epoch: int) -> None:
        """Before the first claim of an epoch; within one the share stays."""
        if epoch == self.epoch:
            return
        if self.squares:
            self.share = min(max(_div(self.moved * _ONE, self.squares), 0), _ONE)
        self.moved, self.squares, self.epoch = _div(self.moved * 95, 100), self.squares * 95 // 100, epoch

    def add(self, forecast: Forecast, weight: int) -> None:
        before = min(max(forecast.last * _ONE // forecast.slow - _ONE, -_MOST), _MOST)
        self.moved += before * news(weight, forecast.slow)
        self.squares += before**2


@dataclass
class Said:
    """A listener's news of an epoch and the others' on the same speakers: sums, of products too; and what these
    speakers hold of all stake, in millionths."""

    n: int = 0
    x: int = 0
    y: int = 0
    xy: int = 0
    xx: int = 0
    yy: int = 0
    heard: int = 0

    def add(self, x: int, y: int, part: int) -> None:
        """``part`` of all stake, in millionths, is the speaker's."""
        if self.n == _MANY:
            return
        self.heard += part
        self.n, self.x, self.y = self.n + 1, self.x + x, self.y + y
        self.xy, self.xx, self.yy = self.xy + x * y, self.xx + x * x, self.yy + y * y


@dataclass(frozen=True)
class Skill:
    """Covariance and variances of late, an epoch counting 0.97 of the next in which the listener posts; ``n`` in
    thousandths of a comparison."""

    xy: int = 0
    xx: int = 0
    yy: int = 0
    n: int = 0

    def after(self, said: Said) -> Skill:
        """With an epoch more; what all comparisons of an epoch share, as the number of speakers does, is no news."""
        if not said.n:
            return self
        return Skill(
            _div(self.xy * 97, 100) + said.xy - _div(said.x * said.y, said.n),
            self.xx * 97 // 100 + said.xx - said.x**2 // said.n,
            self.yy * 97 // 100 + said.yy - said.y**2 // said.n,
            self.n * 97 // 100 + (said.n - 1) * 1000,
        )

    @property
    def chance(self) -> int:
        """The square of the correlation that chance gives on average, in 1/10,000."""
        return 1000 * _ONE // self.n

    @property
    def skill(self) -> int:
        """The square of the correlation, with its sign, less what chance gives: as often too little as too much."""
        product = self.xx * self.yy
        return (_div(self.xy * abs(self.xy) * _ONE, product) if product else 0) - self.chance

    @property
    def loud(self) -> int:
        """The variance of what it told, in 1/10,000²."""
        return self.xx * 1000 // self.n if self.n else 0

    def paid(self, usual: Usual, reach: Reach, lots: bool) -> int:
        """The part of its reward that a listener is paid, in 1/10,000. ``lots``: not all are bound to all."""
        if not self.n:
            return 0
        still, luck = usual.still, min(_LUCK * self.chance, _MOST_LUCK)
        strong = max(still, _within(_STEEP * (self.skill * _ONE // usual.skill + luck - _WEAK)))
        quiet = _within(_STEEP * (_LOUD + _STILL_LOUD * still // _ONE - self.loud * _ONE // usual.loud))
        broad = _within(_STEEP * (reach.breadth * _ONE // usual.breadth - _NARROW))
        attentive = _within(reach.attention * _ONE // usual.attention) if lots else _ONE
        return strong * quiet * broad * attentive // _ONE**3


@dataclass(frozen=True)
class Reach:
    """What those to whom it listened hold of all stake, beside those to whom it was bound, in millionths, and how much
    of its attention agreed; sums of late, an epoch counting 0.97 of the next in which it posts. By stake, not by
    heads: whoever speaks under many names is not more to listen to."""

    told: int = 0
    bound: int = 0
    """On average."""
    agreed: int = 0
    """Of 65535 in an epoch."""
    epochs: int = 0
    """In thousandths."""
    posted: int = 0
    """The epoch of its last post,"""
    due: int = 0
    """and to what part of all stake it was bound then, on average, in millionths."""
    first: int = 0
    """The first epoch before which something that it said was compared; 0 for none."""

    def after(self, heard: int, agreed: int, counts: bool, epoch: int, due: int) -> Reach:
        """With the last post weighed, in which ``heard`` of all stake was listened to if it ``counts``, and another in
        ``epoch``."""
        if not self.posted:
            return Reach(posted=epoch, due=due)
        return Reach(
            self.told * 97 // 100 + heard if counts else self.told,
            self.bound * 97 // 100 + self.due if counts else self.bound,
            self.agreed * 97 // 100 + agreed, self.epochs * 97 // 100 + 1000, epoch, due, self.first,
        )  # fmt: skip

    def rest(self, usual: Usual, news: int, epoch: int) -> int:
        """Of what was held back a day before ``epoch`` from a listener of which too little was known then, the part
        that it is paid, if it has earned ``news`` by now: where next to nobody is confirmed it was held back by
        chance."""
        return news * usual.still // _ONE if DAY < epoch < self.first + 2 * DAY else 0

    @property
    def breadth(self) -> int:
        """In 1/10,000, twice as much as it was bound to at most."""
        return min(self.told * _ONE // self.bound, 2 * _ONE) if self.bound else 0

    @property
    def attention(self) -> int:
        """Of 65535."""
        return self.agreed * 1000 // self.epochs if self.epochs else 0


def expected_of(stake: int, total: int, count: int, seats: int) -> int:
    """What those to whom a listener with ``stake`` is bound hold of all stake on average, in millionths; see
    ``bound_with``."""
    others = (total - stake) * 10**6 // total
    return others if count <= seats or stake * seats >= total else others * stake * seats // total


@dataclass
class Usual:
    """What is usual among listeners: ``Skill.skill`` and ``loud``, ``Reach.attention`` and ``breadth``. An epoch's
    posts count from the next on."""

    skill: int = 700
    loud: int = 9_000_000
    attention: int = 45_875
    breadth: int = 6_500
    epoch: int = 0
    stake: int = 0
    """Of those who posted in ``epoch``; and times it how far each is from what is usual."""
    skills: int = 0
    louds: int = 0
    attentions: int = 0
    breadths: int = 0

    def opened(self, epoch: int) -> None:
        """Before the first post of an epoch; within one nothing moves, whatever the order of posts."""
        if epoch == self.epoch:
            return
        if self.stake:
            self.skill = max(_LEAST, self.skill + _div(self.skills, self.stake))
            self.loud = max(_LEAST, self.loud + _div(self.louds, self.stake))
            self.attention = max(_LEAST, self.attention + _div(self.attentions, self.stake))
            self.breadth = max(_LEAST, self.breadth + _div(self.breadths, self.stake))
        self.epoch, self.stake = epoch, 0
        self.skills = self.louds = self.attentions = self.breadths = 0

    def add(self, stake: int, skill: Skill, reach: Reach) -> None:
        self.stake += stake
        self.skills += stake * _step(skill.skill, self.skill)
        self.louds += stake * _step(skill.loud, self.loud)
        self.attentions += stake * _step(reach.attention, self.attention)
        self.breadths += stake * _step(reach.breadth, self.breadth)

    @property
    def still(self) -> int:
        """How little can be told, in 1/10,000: all of it where next to nobody is confirmed."""
        return _within((_MOVING - self.skill) * _ONE // (_MOVING - _STILL))


def _within(part: int) -> int:
    return min(max(part, 0), _ONE)


def _step(found: int, usual: int) -> int:
    return min(max(found - usual, -(usual // _STEP)), usual // _STEP)


def held_back(reward: int, news: int, part: int) -> int:
    """The part ``part`` of what was held back of a ``reward`` of which the part ``news`` was paid, in 1/10,000.

    >>> held_back(1000, 4_000, 9_000)
    540
    """
    return (reward - reward * news // _ONE) * part // _ONE


class Newsroom:
    """What is kept of all speakers and listeners."""

    def __init__(self) -> None:
        self.drift = Drift()
        self.usual = Usual()
        self.forecasts: defaultdict[int, Forecast] = defaultdict(Forecast)
        self.skills: defaultdict[int, Skill] = defaultdict(Skill)
        self.reaches: defaultdict[int, Reach] = defaultdict(Reach)
        self.said: defaultdict[int, Said] = defaultdict(Said)
        """What each listener said in the last epoch in which it posted."""

    def posted(self, epoch: int, listener: int, stake: int, agreed: int, due: int, lots: bool) -> tuple[int, int]:
        """The part of its reward that a listener has earned when it posts, and the part that it is paid of what was
        held back a day before; all before is weighed.

        ``stake``: with which it is bound; ``agreed``: of 65535, how much of its attention was counted in the epoch of
        its last post (``reaches[listener].posted``); ``due``: ``expected_of`` it now; ``lots``: not all are bound to
        all. Until a first comparison was made nothing is known of anybody, and all are paid.
        """
        if not stake:
            return 0, 0
        said, before, began = self.said.pop(listener, Said()), self.reaches[listener], self.drift.began
        skill = self.skills[listener] = self.skills[listener].after(said)
        reach = self.reaches[listener] = before.after(said.heard, agreed, 0 < began <= before.posted, epoch, due)
        if not began:
            return _ONE, 0
        if not skill.n:
            return 0, 0
        if not reach.first:
            reach = self.reaches[listener] = replace(reach, first=epoch)
        self.usual.opened(epoch)
        self.usual.add(stake, skill, reach)
        paid = skill.paid(self.usual, reach, lots)
        return paid, reach.rest(self.usual, paid, epoch)

    def claimed(self, epoch: int, speaker: int, part: int, column: Sequence[tuple[int, int, int]]) -> None:
        """A claim's (stake, weight, listener), the heaviest weight first; who is not bound has no stake. ``part`` of
        all stake, in millionths, is the speaker's."""
        column = [(stake, weight, listener) for stake, weight, listener in column if stake and weight]
        if len(column) < _ENOUGH:
            return
        self.drift.opened(epoch)
        forecast = self.forecasts[speaker]
        weight, others = agreed([(stake, weight) for stake, weight, _ in column])
        if forecast.slow:
            self.drift.began = self.drift.began or epoch
            expected = forecast.expected(self.drift.share)
            for (_, own, listener), said in zip(column, others, strict=True):
                self.said[listener].add(news(own, expected), news(said, expected), part)
            self.drift.add(forecast, weight)
        self.forecasts[speaker] = forecast.after(weight)
