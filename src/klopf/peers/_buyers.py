"""Who pays for answers has time to say whom it listened to: a neuron ends LISTEN after its buyers have ended theirs.

A phase ends when the stake that is expected has arrived, and a requester has none: nobody could hold up a network with
names alone. It asks about more than neurons do, and learns longer from what it hears. Where neurons have little to do,
because their models do not learn or remember what they said, the phase was over before it could post. So those whom it
pays wait: nobody else is asked to, and none of them longer than half of LISTEN.
"""

from __future__ import annotations

import asyncio

from klopf import ledger
from klopf.peers._participant import POLL, Participant

__all__ = ["Buyers"]

MOST = 32
"""Buyers that are waited for, the last who paid."""


class Buyers:
    """Who has paid for answers of a neuron of late."""

    def __init__(self, who: Participant) -> None:
        self.who = who
        self._paid: dict[int, int] = {}
        """In which epoch each did last."""

    def paid(self, buyer: int, epoch: int) -> None:
        """``buyer`` pays for an answer about ``epoch``."""
        self._paid.pop(buyer, None)
        self._paid[buyer] = epoch

    async def have_posted(self, epoch: int) -> None:
        """Wait until all who paid in ``epoch``, or in the one before, and take part in it have arrived; return at once
        where there are none, and once half of LISTEN is over."""
        self._paid = {k: e for k, e in self._paid.items() if e >= epoch - 1}
        wait, waiting = POLL, list(self._paid)[-MOST:]
        if not waiting:
            return
        most = (await self.who.on_ledger(self.who.book.rules.current)).listen_seconds
        while True:
            now = await self.who.now()
            if (now.epoch, now.phase) != (epoch, ledger.Phase.LISTEN) or now.deadline - now.time <= most / 2:
                return
            waiting = [k for k in waiting if await self._at_it(k, epoch)]
            if not waiting:
                return
            await asyncio.sleep(wait)
            wait = min(1.5 * wait, 1.0)

    async def _at_it(self, buyer: int, epoch: int) -> bool:
        """Whether ``buyer`` was there in the epoch before and has not arrived in this one. Who buys once was not, nor
        was who died two epochs ago; and who has nothing to post arrives without that."""
        last = await self.who.on_ledger(self.who.book.clock.last_turn, buyer)
        return 2 * epoch - 1 <= last <= 2 * epoch
