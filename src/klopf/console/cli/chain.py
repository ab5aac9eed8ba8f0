"""``klopf chain``: the embedded chain by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from klopf.console.cli.command import CommandGroup

__all__ = ["Chain"]

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]


class Chain(CommandGroup):
    help = "The embedded chain: an EVM in one file."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"serve": serve}


def serve(file: Path, *, host: str = "127.0.0.1", port: Port = 8545) -> None:
    """Serve a chain file as JSON-RPC over HTTP, for wallets and tools. Stop it with Ctrl-C.

    Parameters
    ----------
    file
        The chain's file, such as RUN/ledger.sqlite.
    host
        Address to listen at.
    port
        Port to listen at.
    """
    from klopf import chain as embedded

    embedded.open(file, read_only=True).close()  # what cannot be served says so before anything is promised
    print(f"serving {file} at http://{host}:{port}", file=sys.stderr)
    embedded.serve(file, host=host, port=port)
