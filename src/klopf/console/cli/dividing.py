"""``klopf demand divide``: a leader hands its node's pay on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from klopf import files
from klopf.console.cli.access import Rpc, klp, open_ledger
from klopf.console.cli.command import Json, print_json
from klopf.console.cli.working import cards_in
from klopf.errors import FleetError, KlopfError

__all__ = ["divide"]


def divide(
    home: Path,
    *,
    devices: Path,
    deployment: Annotated[Path, Parameter(help="The network's file.")],
    rpc: Rpc = None,
    json_: Json = False,
) -> int:
    """Pay a node's devices their parts of what its leader was paid, each once; again, it pays what is new.

    Exit status 1 where something is due that could not be handed on.

    Example: klopf demand divide street --devices street-cards --deployment net/deployment.json

    Parameters
    ----------
    home
        The leader's home, whose key was paid.
    devices
        The folder of its devices' cards, which name whom to pay.
    """
    if not (home / "parts.json").is_file():
        raise FleetError(f"{home} is no home of a leader whose node has worked: `klopf demand lead` makes one")
    try:
        alone = files.lock(home / "divide.lock")
    except BlockingIOError:
        raise FleetError(f"another process divides what {home} was paid: leave it to that one") from None
    try:
        rows, told, short = _divided(home, devices, deployment, rpc)
    finally:
        os.close(alone)
    if json_:
        print_json({"paid": rows, "said": told})
        return int(short)
    for row in rows:
        print(f"job {row['job']}: {row['klp']} KLP to {row['payee']}")
    if told or not rows:
        print("\n".join(told) or f"{home} has worked for no pay that is locked: there is nothing to hand on")
    return int(short)


def _divided(
    home: Path, devices: Path, deployment: Path, rpc: str | None
) -> tuple[list[dict[str, object]], list[str], bool]:
    """Who was paid now, what there is to say, and whether something is due that was not handed on."""
    from klopf import fleet
    from klopf.ledger import Key

    divided = fleet.Divided(home / "parts.json", lambda digest: b"")
    payees = {card.name: card.payee for card in cards_in(devices)}
    secret = fleet.Home.open(home, home.resolve().name).secret()
    rows: list[dict[str, object]] = []
    told: list[str] = []
    short = False
    with open_ledger(rpc, deployment, Key(secret)) as book:
        for job, escrow in divided.escrows():
            try:
                due = fleet.still_due(book, divided, job, escrow)
            except FleetError as error:  # not paid yet
                told.append(str(error))
                continue
            try:
                paid = fleet.hand_on(book, divided, payees, job, escrow)
            except KlopfError as error:  # of the other jobs' pay that says nothing
                told.append(str(error))
                short = True
                continue
            missing = {name: amount for name, amount in due.items() if name not in payees}
            told += [f"job {escrow}: {klp(amount)} KLP wait for {name}, whose card is not in {devices}"
                     for name, amount in missing.items()]  # fmt: skip
            told += [] if paid or missing else [f"job {escrow}: all is handed on"]
            rows += [{"job": escrow, "payee": payee, "klp": klp(amount)} for payee, amount in paid.items()]
            short = short or bool(missing)
    return rows, told, short
