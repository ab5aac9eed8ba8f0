"""``klopf chain``: the embedded chain by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
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
        return {"restore": restore, "serve": serve, "verify": verify}


def serve(
    file: Path, *, host: str = "127.0.0.1", port: Port = 8545, dev: bool = False, origin: tuple[str, ...] = ()
) -> None:
    """Serve a chain file as JSON-RPC over HTTP, for wallets and tools. Stop it with Ctrl-C.

    Example: klopf chain serve ledger.sqlite --port 8545

    Parameters
    ----------
    file
        The chain's file, such as RUN/ledger.sqlite.
    host
        Address to listen at.
    port
        Port to listen at.
    dev
        Offer also what only a development chain does: its clock moves, blocks are undone, accounts are played. The
        chain must have been made for that.
    origin
        A web page that may ask and read, such as http://localhost:3000; may be given several times.
    """
    from klopf import chain as embedded

    embedded.open(file, read_only=True).close()  # what cannot be served says so before anything is promised
    tell = partial(print, f"serving {file} at", file=sys.stderr, flush=True)
    embedded.serve(file, host=host, port=port, dev=dev, origins=origin, ready=tell)


def restore(copy: Path, file: Path) -> None:
    """Put a copy of a chain in the place of one that is damaged or lost, and remove what lies beside it of that one.

    Example: klopf chain restore copy.sqlite ledger.sqlite

    Parameters
    ----------
    copy
        The copy's file; it is left as it is.
    file
        The chain's file, such as RUN/ledger.sqlite. Nobody may have it open.
    """
    from klopf import chain as embedded

    height = embedded.restore(copy, file)
    print(f"{file} is the chain of {copy} now, up to block {height}")


def verify(
    file: Path,
    *,
    jobs: Annotated[int, Parameter(validator=validators.Number(gte=1))] | None = None,
    checkpoint: str | None = None,
) -> None:
    """Run a chain again from its first block and compare all that its file holds; print its height and newest hash.

    Example: klopf chain verify ledger.sqlite --jobs 2

    Parameters
    ----------
    file
        The chain's file, such as RUN/ledger.sqlite. Others may go on writing to it.
    jobs
        In how many processes; by default as many as there are cores, where the chain is long.
    checkpoint
        The hash that an earlier run of this command printed: up to that block nothing is run again, but all that the
        file holds is compared with what the hash commits to.
    """
    from klopf import chain as embedded
    from klopf.errors import ChainError

    try:
        trusted = None if checkpoint is None else bytes.fromhex(checkpoint.removeprefix("0x"))
    except ValueError:
        raise ChainError(f"{checkpoint!r} is not a block's hash; give the one that was printed") from None
    with embedded.open(file, read_only=True) as opened:
        height = opened.verify(jobs=jobs, checkpoint=trusted)
        print(f"{file} is whole up to block {height}, whose hash is 0x{opened.block_hash(height).hex()}")
