"""What liquidity and circulation earn out of their reserves."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Column, Network, Row, View
from klopf.ledger import events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Rewards"]

MOST = 2_000
"""Owners that are followed; of more, the first are."""


class Rewards(View):
    title = "Rewards"
    lead = "What each earned for shares of pools that it left where they earn, and what came back of paying others."
    columns = (
        Column("owner"), Column("shares that earn", "number"), Column("earned for pools", "money"),
        Column("of it paid", "money"), Column("burnt by paying", "money"), Column("came back of it", "money"),
        Column("to do", "act"),
    )  # fmt: skip

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.sums: dict[str, list[int]] = {}
        """By owner: shares that earn, earned, paid, burnt, come back."""
        self.fresh: set[str] = set()

    def take(self, event: events.Event) -> None:
        l, c = events.liquidity, events.circulation
        if isinstance(event, l.Staked):
            self._add(event.owner, 0, event.shares)
        elif isinstance(event, l.Unstaked):
            self._add(event.owner, 0, -event.shares)
        elif isinstance(event, l.LiquidityEarned):
            self._add(event.owner, 1, event.amount)
        elif isinstance(event, l.LiquidityPaid):
            self._add(event.owner, 2, event.amount)
        elif isinstance(event, c.CirculationPayment):
            self._add(event.by, 3, event.burnt)
        elif isinstance(event, c.CirculationPaid):
            self._add(event.owner, 4, event.amount)

    def _add(self, owner: str, place: int, amount: int) -> None:
        if owner in self.sums or len(self.sums) < MOST:
            self.sums.setdefault(owner, [0] * 5)[place] += amount
            self.fresh.add(owner)

    def news(self) -> Mapping[str, Row | None]:
        found: dict[str, Row | None] = {}
        for owner in self.fresh:
            shares, *money = self.sums[owner]
            # of shares, 18 decimals as a number: what counts is how many beside others
            found[owner] = [owner, shares / 10**18, *(plain(klp(one)) for one in money), "claim-rewards"]
        self.fresh.clear()
        return found
