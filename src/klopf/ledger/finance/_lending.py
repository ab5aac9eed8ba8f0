"""The loans' arithmetic, written a second time in Python from its documentation, in whole numbers and fractions.

Of s tokens supplied, l are lent, for shares of both: beside all shares stand a million virtual ones of one virtual
token. A year costs a rate that rises in two straight lines with the part u = l/s that is lent; over t seconds what is
lent grows by x + x²/2 + x³/6, x being the rate times t in years. Whatever is rounded is rounded against whoever calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["MarketModel", "MarketTerms", "growth", "rate"]

ONE = 10**18
PRICE = 10**36
YEAR = 365 * 24 * 3600
_VIRTUAL_SHARES, _VIRTUAL_ASSETS = 10**6, 1


@dataclass(frozen=True)
class MarketTerms:
    """What holds in a market, for ever. Parts have 18 decimals, ``notice`` is in seconds."""

    loan: str
    """Address of the token that is lent."""
    collateral: str
    """Address of the token that is locked for it."""
    prices: str
    """Address of whoever says what the collateral is worth; such as the exchange's."""
    limit: int = 7 * 10**17
    """Of that worth, how much may be lent."""
    at_kink: int = 5 * 10**16
    """What a year costs where four fifths are lent."""
    at_full: int = ONE
    """What it costs where all is."""
    notice: int = 24 * 3600
    """From a margin call to the sale."""

    def as_tuple(self) -> tuple[str, str, str, int, int, int, int]:
        """In the contract's order."""
        return self.loan, self.collateral, self.prices, self.limit, self.at_kink, self.at_full, self.notice

    @property
    def sold_at(self) -> int:
        """The part of the collateral's worth beyond which it is sold without notice: half way from the limit to all."""
        return (ONE + self.limit) // 2

    @property
    def bonus(self) -> int:
        """What whoever pays gets beyond what was paid, as a part of it."""
        return min((ONE - self.limit) // 4, ONE // 10)


def rate(lent: int, supplied: int, at_kink: int, at_full: int) -> int:
    """What a year costs, with 18 decimals.

    >>> rate(8, 10, 5 * 10**16, 10**18) / 10**18
    0.05
    >>> rate(9, 10, 5 * 10**16, 10**18) / 10**18
    0.525
    """
    if not supplied:
        return 0
    used, kink = ONE * lent // supplied, 4 * ONE // 5
    if used <= kink:
        return at_kink * used // kink
    return at_kink + (at_full - at_kink) * (used - kink) // (ONE - kink)


def growth(yearly: int, seconds: int) -> int:
    """What one token grows by, with 18 decimals.

    >>> growth(10**17, YEAR)
    105166666666666666
    """
    x = yearly * seconds // YEAR
    second = x**2 // (2 * ONE)
    return x + second + second * x // (3 * ONE)


def _up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


@dataclass
class MarketModel:
    """A market. ``spare`` is what rounding left in it, of nobody."""

    terms: MarketTerms
    supplied: int = 0
    supply_shares: int = 0
    lent: int = 0
    debt_shares: int = 0
    time: int = 0
    spare: int = 0

    @property
    def yearly(self) -> int:
        """What a year costs now, with 18 decimals."""
        return rate(self.lent, self.supplied, self.terms.at_kink, self.terms.at_full)

    def accrue(self, now: int) -> int:
        """Count interest until ``now``; how much it was."""
        passed, self.time = now - self.time, now
        interest = self.lent * growth(self.yearly, passed)
        self.lent, self.supplied = self.lent + interest // ONE, self.supplied + interest // ONE
        return interest // ONE

    def shares_for(self, assets: int) -> int:
        """Shares that are made for tokens that come in."""
        return int(Fraction(assets * (self.supply_shares + _VIRTUAL_SHARES), self.supplied + _VIRTUAL_ASSETS))

    def assets_of(self, shares: int) -> int:
        """Tokens that shares are."""
        return int(Fraction(shares * (self.supplied + _VIRTUAL_ASSETS), self.supply_shares + _VIRTUAL_SHARES))

    def debt_for(self, assets: int) -> int:
        """Shares of debt that are made for tokens that go out."""
        return _up(Fraction(assets * (self.debt_shares + _VIRTUAL_SHARES), self.lent + _VIRTUAL_ASSETS))

    def debt_of(self, shares: int) -> int:
        """Tokens that shares of debt are."""
        return _up(Fraction(shares * (self.lent + _VIRTUAL_ASSETS), self.debt_shares + _VIRTUAL_SHARES))

    def supply(self, assets: int) -> int:
        shares = self.shares_for(assets)
        self.supplied, self.supply_shares = self.supplied + assets, self.supply_shares + shares
        return shares

    def withdraw(self, shares: int) -> int:
        assets = self.assets_of(shares)
        self.supplied, self.supply_shares = self.supplied - assets, self.supply_shares - shares
        return assets

    def borrow(self, assets: int) -> int:
        shares = self.debt_for(assets)
        self.lent, self.debt_shares = self.lent + assets, self.debt_shares + shares
        return shares

    def repay(self, shares: int) -> int:
        assets = self.debt_of(shares)
        self.spare += assets - self._off(shares)
        return assets

    def _off(self, shares: int) -> int:
        """Take shares of debt off; by how much the debt falls, rounded down while any is left."""
        worth = Fraction(shares * (self.lent + _VIRTUAL_ASSETS), self.debt_shares + _VIRTUAL_SHARES)
        off = min(_up(worth), self.lent) if shares == self.debt_shares else int(worth)
        self.lent, self.debt_shares = self.lent - off, self.debt_shares - shares
        return off

    def lose(self, shares: int) -> int:
        """Write debt off; what those who supplied lose."""
        lost = self._off(shares)
        self.supplied -= lost
        return lost

    def seized(self, assets: int, high: int, collateral: int) -> int:
        """Collateral for ``assets`` that are paid, at a price of 36 decimals."""
        worth = Fraction(assets * (ONE + self.terms.bonus) * PRICE, ONE * high)
        return min(int(worth), collateral)
