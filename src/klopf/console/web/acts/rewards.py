"""What liquidity and circulation earn: leaving shares where they earn, taking them back, claiming."""

from __future__ import annotations

from klopf import ledger
from klopf.console.cli.access import klp
from klopf.console.web.acts._act import Act, Field, Given
from klopf.errors import LedgerError

__all__ = ["Claim", "StakeShares", "UnstakeShares"]

WHICH = Field("pool", "pool", "whole")
_DAY, _WEEK = 24 * 3600, 7 * 24 * 3600


class StakeShares(Act):
    title = "Leave a pool's shares where they earn"
    lead = "All that this key has of a pool; they can be taken back at any time."
    fields = (WHICH,)
    needs = "Liquidity"
    last = "stake"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        mine = book.exchange.shares(given["pool"], book.me.address)
        if not mine:
            raise LedgerError(f"{book.me.address} has no shares of pool {given['pool']}")
        book.liquidity.stake(given["pool"], mine)


class UnstakeShares(Act):
    title = "Take a pool's shares back"
    lead = "All that this key left to earn; what they earned until then is counted."
    fields = (WHICH,)
    needs = "Liquidity"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        mine = book.liquidity.staked(given["pool"], book.me.address)
        if not mine:
            raise LedgerError(f"no shares of pool {given['pool']} are here for {book.me.address}")
        book.liquidity.unstake(given["pool"], mine)


class Claim(Act):
    title = "Claim rewards"
    lead = (
        "For pools and for paying others, one transaction at a time: what is over is closed, and what is due is paid."
    )
    fields = ()
    needs = "Liquidity"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        me, l, c = book.me.address, book.liquidity, book.circulation
        today = book.clock.now().time // _DAY
        weeks, days = _due(book)
        for day in c.days(me):
            if not c.day(day)[2] and day < today:
                c.close(day)
        for week in weeks:
            l.claim(week)
        for day in days:
            c.claim(day)
        staked = [pool for pool in l.pools() if l.staked(pool, me)]
        if not weeks and not days and not staked:
            raise LedgerError(f"nothing is due to {me} now")
        for pool in staked:
            l.count(pool)

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        weeks, days = _due(book)
        return [
            *(f"week {week}: {klp(due)} KLP for pools" for week, due in weeks.items()),
            *(f"day {day}: {klp(due)} KLP for paying" for day, due in days.items()),
        ]


def _due(book: ledger.Ledger) -> tuple[dict[int, int], dict[int, int]]:
    """What is due by weeks of liquidity and by days of circulation, as counted and closed so far."""
    from klopf.ledger.finance.liquidity import vested

    me, now, l, c = book.me.address, book.clock.now().time, book.liquidity, book.circulation
    weeks = {week: vested(l.earned(me, week), (week + 1) * _WEEK, now) - l.paid(me, week) for week in l.weeks(me)}
    days = {}
    for day in c.days(me):
        burnt, reward, closed = c.day(day)
        if closed and burnt:
            days[day] = vested(reward * c.burnt(day, me) // burnt, (day + 1) * _DAY, now) - c.paid(day, me)
    return {week: due for week, due in weeks.items() if due > 0}, {day: due for day, due in days.items() if due > 0}
