"""Connections: whoever holds one without having asked anything gives way where there is no room."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["AT_ONCE", "Guest"]

AT_ONCE = 256
"""Connections at a time."""


class Guest(H11Protocol):
    """A connection. A server of HTTP waits for a request for as long as its guest likes, so a few hundred connections
    that say nothing would keep out everybody else. Here the one that has waited longest is ended for whoever comes,
    whether it has not asked, not sent all of it, or does not read what it was answered."""

    since = 0.0

    def connection_made(self, transport: Any) -> None:  # an asyncio.Transport
        if len(self.connections) >= AT_ONCE - 1:
            idle = [one for one in self.connections if isinstance(one, Guest) and one.waits]
            if idle:
                first = min(idle, key=lambda one: one.since)
                self.connections.discard(first)
                first.transport.abort()
        self.since = self.loop.time()
        super().connection_made(transport)

    @property
    def waits(self) -> bool:
        """Whether it is its guest's turn."""
        cycle = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body or self.flow.write_paused
