"""Pools that swap one token for another."""

from __future__ import annotations

from klopf.console.cli.coins import shown
from klopf.console.web.view import Column, Network, Row
from klopf.console.web.views._lately import Lately
from klopf.ledger import events

__all__ = ["Pools"]


class Pools(Lately):
    title = "Pools"
    lead = "What swaps one token for another: what each pool holds, and what it keeps of a swap for whoever filled it."
    columns = (
        Column("pool", "number"), Column("first token"), Column("holds of it", "amount"), Column("second token"),
        Column("holds of it too", "amount"), Column("kept of a swap", "share"), Column("swaps", "number"),
        Column("to do", "act"),
    )  # fmt: skip
    lately = False  # what is held is a sum

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self._held: dict[str, tuple[events.exchange.Opened, list[int]]] = {}
        """Of the pools that are shown: how each began; the smallest units that it holds of both, and its swaps."""

    def take(self, event: events.Event) -> None:
        e = events.exchange
        if isinstance(event, e.Opened):
            self._held[str(event.id)] = (event, [0, 0, 0])
            self._put(str(event.id))
        elif isinstance(event, e.Added | e.Removed | e.Swapped) and str(event.id) in self._held:
            held = self._held[str(event.id)][1]
            if isinstance(event, e.Swapped):
                held[0] += event.amount_in if event.first else -event.amount_out
                held[1] += -event.amount_out if event.first else event.amount_in
                held[2] += 1
            else:
                sign = 1 if isinstance(event, e.Added) else -1
                held[0] += sign * event.amount0
                held[1] += sign * event.amount1
            self._put(str(event.id))

    def _put(self, key: str) -> None:
        opened, held = self._held[key]
        coins = [self.network.coin(token) for token in (opened.token0, opened.token1)]
        amounts = [shown(max(0, amount), decimals) for amount, (_, decimals) in zip(held, coins, strict=False)]
        row: Row = [opened.id, coins[0][0], amounts[0], coins[1][0], amounts[1], opened.fee_bps / 10_000, held[2],
                    f"swap?pool={opened.id}"]  # fmt: skip
        self.put(key, row)
        if len(self._held) > self.most:
            self._held = {kept: self._held[kept] for kept in self.now}
