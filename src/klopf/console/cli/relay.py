"""``klopf relay``: lend ports to neurons that nobody can dial."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter, validators

from klopf.console.cli.command import Command

__all__ = ["Relay"]

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=10_000))]
Seconds = Annotated[float, Parameter(validator=validators.Number(gte=1, lte=1e6))]


class Relay(Command):
    help = "Lend ports to neurons that nobody can dial, and pass on what is said to them, unread."
    extra = "network"

    def run(
        self, *, host: str = "", port: Port = 7600, first_port: Port = 0, ports: Count = 64, each: Count = 8,
        streams: Count = 512, idle: Seconds = 300.0,
    ) -> None:  # fmt: skip
        """Neurons join with `klopf join --relay HOST:PORT`. What passes is TLS between those who ask and the neuron: it
        cannot be read or changed here. It needs no key and no chain, and keeps nothing on the disk.

        Example: klopf relay --host relay.example.org --port 7600

        Parameters
        ----------
        host
            Address to listen at; by default all of this machine's.
        port
            Port at which neurons reserve theirs.
        first_port
            The ports that are lent are this one and those that follow, twice PORTS of them; 0: the system chooses.
        ports
            How many are lent at a time.
        each
            How many of them to one address.
        streams
            Connections through all of them at a time, an eighth of that through one; each takes up to 160 KiB.
        idle
            Seconds without a byte after which a connection ends.
        """
        import asyncio
        import signal

        from klopf import wire

        limits = wire.RelayLimits(ports, each, max(1, streams // 8), streams, idle)

        async def relay() -> int:
            told: asyncio.Queue[int] = asyncio.Queue()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, told.put_nowait, number)
            async with wire.Relay(host, port, first_port=first_port, limits=limits) as open_:
                print(f"lending ports at {wire.endpoint(host or '*', open_.port)}", file=sys.stderr, flush=True)
                return await told.get()

        sys.exit(128 + asyncio.run(relay()))
