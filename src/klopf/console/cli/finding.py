"""Demands and devices find each other by the ledger: ``klopf demand find``, and what other commands need of it."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from klopf.console.cli.access import Rpc, as_rows, klp, open_ledger
from klopf.console.cli.command import Json, print_json
from klopf.errors import FleetError

if TYPE_CHECKING:
    from klopf.fleet import Card, DemandFolder
    from klopf.ledger import Ledger

__all__ = ["collect", "find", "publish"]

_LOOK = 3.0
"""Seconds after which it is looked again for applicants."""
_AGAIN = 60.0
"""Seconds after which it is said again how many there are."""
_MOST = 300
"""Devices of a demand that is announced, those of earlier starts included: more notes than are kept for them would take
from what is reported."""


def find(
    *, deployment: Annotated[Path, Parameter(help="The network's file.")], rpc: Rpc = None, json_: Json = False
) -> int:
    """List the demands that are announced on the ledger and open, the newest first: what is locked, and for what.

    Work for one with klopf demand serve HOME --data MINE.csv --job JOB --deployment FILE.

    Example: klopf demand find --deployment net/deployment.json
    """
    from klopf import fleet

    with open_ledger(rpc, deployment) as book:
        found = fleet.demands(book)
    if json_:
        print_json([{"job": d.job, "price": klp(d.price), "until": d.until, "dispute_seconds": d.dispute,
                     "server": d.server.peer.key, "what": d.what} for d in found])  # fmt: skip
        return 0
    rows = [{"job": d.job, "KLP": klp(d.price), "until": time.strftime("%Y-%m-%d %H:%M", time.localtime(d.until)),
             "hours to object": f"{d.dispute / 3600:g}", "server": d.server.peer.key, "what": d.what}
            for d in found]  # fmt: skip
    print("\n".join(as_rows(rows)) if rows else "no demand is announced and open")
    return 0


def publish(made: DemandFolder) -> int:
    """Have a demand that has an escrow found by the ledger; gives its server's id there. Raises FleetError."""
    from klopf import fleet

    s = made.settings
    said = f"{s.job}: {s.target} by {s.model.name} from {', '.join(made.columns)}"
    with _as_server(made) as book:
        return fleet.announce(book, made.post().card(), made.job()["id"], said)


def collect(made: DemandFolder, least: int, patience: float) -> Path:
    """The folder in which the cards are of those who applied on the ledger and answer, once there are ``least``.

    Raises:
        FleetError: there is no escrow, or nobody else came in ``patience`` seconds.
    """
    place = made.path / "devices"
    place.mkdir(exist_ok=True)
    with _as_server(made) as book:
        asyncio.run(_collected(made, book, place, least, patience))
    return place


async def _collected(made: DemandFolder, book: Ledger, place: Path, least: int, patience: float) -> None:
    from klopf import fleet

    post, begun, told = made.post(), time.monotonic(), -_AGAIN
    try:
        while True:
            applied = await asyncio.to_thread(fleet.applicants, book, made.job()["id"])
            there: list[Card] = await fleet.answering(post, applied)
            waited = time.monotonic() - begun
            line = f"{len(applied)} have applied on the ledger, {len(there)} of them answer, {least} are wanted"
            if len(there) >= least:
                _forget(made, place, {card.name for card in there})
                for card in there:
                    file = place / f"{card.name}.json"
                    if file.exists() or len(list(place.glob("*.json"))) < _MOST:
                        card.save(file)
                return
            if waited > patience:
                raise FleetError(f"{line}; nobody else came in {waited:.0f} s")
            if waited - told >= _AGAIN:
                print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)
                told = waited
            await asyncio.sleep(_LOOK)
    finally:
        await post.close()


def _forget(made: DemandFolder, place: Path, there: set[str]) -> None:
    """Whoever applied once, gave nothing and is gone counts no more: a round begins when a part of all answers."""
    gave = {name.partition("/")[0] for name in made.state().get("values", {})}
    for file in place.glob("0x*.json"):
        if file.stem not in gave | there:
            file.unlink(missing_ok=True)


def _as_server(made: DemandFolder) -> Ledger:
    """The ledger, as a demand's server signs for it. Raises FleetError."""
    from klopf import ledger

    job = made.job()
    if not job:
        raise FleetError(f"{made.path} locks no price: what is announced on the ledger is an escrow (--price)")
    return ledger.connect(job["rpc"], ledger.Key(made.secret()), ledger.Deployment.load(job["deployment"]))
