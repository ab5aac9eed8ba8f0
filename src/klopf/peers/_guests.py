"""Whom a neuron answers without being paid, and how much: those who are bound to ask.

A registration costs little and an answer takes work, so free answers are for neurons with a standing, which have a
stake, and for the auditors that were drawn for this neuron in the running epoch; and for so many samples.

Whoever it is, paying or not, one of its questions is thought about at a time, and the next when all who have waited
had their turn. So whoever puts many at once waits for itself, and others for one of its questions.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from klopf import ledger, wire
from klopf.peers._participant import Participant

__all__ = ["MOST_SAMPLES", "Guests"]

MOST_SAMPLES = 65_536
"""That one neuron or auditor is answered in an epoch."""

MOST_WAITING = 16_384
"""Samples of one asker that may wait for their turn; a question is taken where none of its waits."""


class Guests:
    """What each was answered in the running epoch."""

    def __init__(self, who: Participant) -> None:
        self.who = who
        self._epoch = -1
        self._drawn: set[int] | None = None
        self._answered: defaultdict[int, int] = defaultdict(int)
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: defaultdict[int, int] = defaultdict(int)

    async def admit(self, peer: wire.Peer, epoch: int, samples: int) -> None:
        """Let ``peer`` ask about so many samples in ``epoch``, which runs. Requesters pay, and are always let in.

        Raises:
            wire.Decline: it is nobody's guest, or has had its share.
        """
        asks = self.who.others.get(peer.id)
        if asks is None:
            raise wire.Decline("not in the registry yet: ask in the next phase")
        if asks.role is ledger.Role.REQUESTER:
            return
        if epoch != self._epoch:
            self._epoch, self._drawn, self._answered = epoch, None, defaultdict(int)
        if asks.role is ledger.Role.AUDITOR:
            if self._drawn is None:
                self._drawn = set(await self.who.on_ledger(self.who.book.audits.drawn, epoch, self.who.id))
            if peer.id not in self._drawn:
                raise wire.Decline(f"not drawn for this neuron in epoch {epoch}: only who audits it is answered")
        if asks.role is ledger.Role.NEURON and asks.standing in (ledger.Standing.NONE, ledger.Standing.SILENT):
            raise wire.Decline("a neuron without a standing is not answered: stake first")
        if self._answered[peer.id] + samples > MOST_SAMPLES:
            raise wire.Decline(f"{MOST_SAMPLES} samples an epoch are answered: ask less")
        self._answered[peer.id] += samples

    @asynccontextmanager
    async def turn(self, peer: int, samples: int) -> AsyncIterator[None]:
        """While it is ``peer``'s turn.

        Raises:
            wire.Decline: too many of its samples wait already.
        """
        if self._waiting[peer] and self._waiting[peer] + samples > MOST_WAITING:
            raise wire.Decline(f"{self._waiting[peer]} samples of yours wait already: ask again when they are answered")
        self._waiting[peer] += samples
        try:
            async with self._turns[peer]:
                yield
        finally:
            self._waiting[peer] -= samples
            if not self._waiting[peer]:
                del self._waiting[peer], self._turns[peer]
