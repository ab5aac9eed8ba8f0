"""Where a participant is reached: it listens, directly or through a relay, and announces that."""

from __future__ import annotations

import asyncio
import hashlib

from klopf import wire
from klopf.errors import KlopfError
from klopf.peers._address import own_address, relay_place
from klopf.peers._participant import Participant, log, outlast

__all__ = ["Reach"]


class Reach:
    """Where the ``axon`` of a participant is reached."""

    def __init__(self, who: Participant, axon: wire.Axon) -> None:
        self.who = who
        self.axon = axon
        self._outlet: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and say in the registry where.

        Raises:
            WireError: the port is taken.
        """
        settings = self.who.settings
        if settings.relay:
            relay = relay_place(settings.relay)
            self.axon.host = settings.listen or "127.0.0.1"
            await self.axon.start()
            secret = self.who.key.sign(hashlib.sha256(b"klopf relay token").digest())
            here, token = (self.axon.host, self.axon.port), hashlib.sha256(secret).hexdigest()
            self._outlet = asyncio.create_task(wire.Outlet(relay, here, token, self._announce, log).run())
            return
        await self._announce(await outlast(self._listen_there))

    async def _listen_there(self) -> str:
        """Begin to answer; returns the endpoint to announce."""
        host = self.who.settings.host or own_address(self.who.settings.ledger)
        self.axon.host = self.who.settings.listen or host
        await self.axon.start()
        return wire.endpoint(host, self.axon.port)

    async def stop(self) -> None:
        if self._outlet is not None:
            self._outlet.cancel()
        await self.axon.stop()

    async def _announce(self, place: str) -> None:
        try:
            await outlast(lambda: self.who.announce(place))
        except KlopfError as error:
            log(f"{place} could not be announced: {error}")
        settings = self.who.settings
        log(f"{settings.role} {self.who.id} ({settings.name}) answers at {place}")
