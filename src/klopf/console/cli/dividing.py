"""``klopf demand divide``: a leader hands its node's pay on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from klopf.console.cli.access import Rpc, klp, open_ledger
from klopf.console.cli.command import Json, print_json
from klopf.console.cli.working import cards_in
from klopf.errors import FleetError

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

    Example: klopf demand divide street --devices street-cards --deployment net/deployment.json

    Parameters
    ----------
    home
        The leader's home, whose key was paid.
    devices
        The folder of its devices' cards, which name whom to pay.
    """
    from klopf import fleet
    from klopf.ledger import Key

    if not (home / "parts.json").is_file():
        raise FleetError(f"{home} is no home of a leader whose node has worked: `klopf demand lead` makes one")
    divided = fleet.Divided(home / "parts.json", lambda digest: b"")
    payees = {card.name: card.payee for card in cards_in(devices)}
    secret = fleet.Home.open(home, home.resolve().name).secret()
    rows, told = [], []
    with open_ledger(rpc, deployment, Key(secret)) as book:
        for job, escrow in divided.escrows():
            try:
                paid = fleet.hand_on(book, divided, payees, job, escrow)
            except FleetError as error:
                told.append(str(error))
                continue
            told += [] if paid else [f"job {escrow}: all is handed on"]
            rows += [{"job": escrow, "payee": payee, "klp": klp(amount)} for payee, amount in paid.items()]
    if json_:
        print_json({"paid": rows, "said": told})
        return 0
    for row in rows:
        print(f"job {row['job']}: {row['klp']} KLP to {row['payee']}")
    print("\n".join(told) or "handed on") if told or not rows else None
    return 0
