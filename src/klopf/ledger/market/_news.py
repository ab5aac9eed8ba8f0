"""What listeners told that nobody could know: the second implementation of ``News`` and ``Listening``.

Whole numbers in, whole numbers out; where a contract rounds (toward zero), so does this. A speaker is expected to be
heard as a forecast says that anybody can make from what was said before. A listener's weight and the weight that the
*others* of the same committee agreed on, both sealed before either was seen, are each compared with it. Over the epochs
of late a listener is paid by the square of the correlation of the two, less what chance alone would give. Who repeats
what was known has no news; who says what friends like is contradicted as often as confirmed.

Source: correlated agreement in peer prediction (Dasgupta and Ghosh 2013; Shnayder et al. 2016), against a forecast.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

__all__ = ["FEW", "Newsroom", "Skill", "agreed", "news"]

FEW = 8
"""Where so many neurons or fewer are bound to listen, nobody is asked for news."""
_ONE, _FINE = 10_000, 1 << 16
_MOST = 5_000  # a speaker that is heard half as much again or more is news of one half
_LEAST = 3  # listeners that say something of a speaker: two others for each
_CHANCE, _FULL = 4, 4  # squared correlations that chance gives to so many, and what a quarter is paid in full by


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
    """What a speaker was heard with last, and on average, in 1/65536 of a weight."""

    last: int = 0
    slow: int = 0

    def expected(self, share: int) -> int:
        """``share`` in 1/10,000 of the way from the average to the last."""
        return (self.slow * (_ONE - share) + self.last * share) // _ONE

    def after(self, weight: int) -> Forecast:
        fine = weight * _FINE
        return Forecast(fine, (self.slow * 9 + fine) // 10 if self.slow else fine)


@dataclass
class Drift:
    """How much of what was said last, beyond the average, is said again: a regression over all speakers, an epoch
    counting 0.95 of the next."""

    moved: int = 0
    squares: int = 0
    epoch: int = 0
    share: int = 5_000

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
    """A listener's news of an epoch and the others' on the same speakers: sums, of products too."""

    n: int = 0
    x: int = 0
    y: int = 0
    xy: int = 0
    xx: int = 0
    yy: int = 0

    def add(self, x: int, y: int) -> None:
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
    def paid(self) -> int:
        """The part of its reward that a listener is paid, in 1/10,000."""
        if self.xy <= 0 or not self.n or not self.xx * self.yy:
            return 0
        explained = self.xy**2 * _ONE // (self.xx * self.yy)
        chance = _CHANCE * 1000 * _ONE // self.n
        return min(_ONE, _FULL * max(0, explained - chance))


class Newsroom:
    """What is kept of all speakers and listeners."""

    def __init__(self) -> None:
        self.drift = Drift()
        self.forecasts: defaultdict[int, Forecast] = defaultdict(Forecast)
        self.skills: defaultdict[int, Skill] = defaultdict(Skill)
        self.said: defaultdict[int, Said] = defaultdict(Said)
        """What each listener said in the last epoch in which it posted."""

    def posted(self, listener: int) -> int:
        """The part of its reward that a listener has earned when it posts; all before is weighed."""
        self.skills[listener] = self.skills[listener].after(self.said.pop(listener, Said()))
        return self.skills[listener].paid

    def claimed(self, epoch: int, speaker: int, column: Sequence[tuple[int, int, int]]) -> None:
        """A claim's (stake, weight, listener), the heaviest weight first; who is not bound has no stake."""
        column = [(stake, weight, listener) for stake, weight, listener in column if stake and weight]
        if len(column) < _LEAST:
            return
        self.drift.opened(epoch)
        forecast = self.forecasts[speaker]
        weight, others = agreed([(stake, weight) for stake, weight, _ in column])
        if forecast.slow:
            expected = forecast.expected(self.drift.share)
            for (_, own, listener), said in zip(column, others, strict=True):
                self.said[listener].add(news(own, expected), news(said, expected))
            self.drift.add(forecast, weight)
        self.forecasts[speaker] = forecast.after(weight)
