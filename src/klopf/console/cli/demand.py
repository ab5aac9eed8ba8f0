"""``klopf demand``: have a model trained by devices that keep their data, and pay them for what it was worth."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter, validators

from klopf.console.cli.access import KeyFile, Rpc, klp, load_key, open_ledger, place_of, units
from klopf.console.cli.command import CommandGroup, Json, print_json
from klopf.console.cli.dividing import divide
from klopf.console.cli.finding import collect, find, publish
from klopf.console.cli.working import cards_in, lead, object_, serve
from klopf.errors import FleetError, KlopfError

if TYPE_CHECKING:
    from klopf.fleet import Card, DemandFolder, DemandSettings, Outcome, Round
    from klopf.ledger import Ledger

__all__ = ["Demand"]

_NOTED = 1000
"""Units of a price that are kept for what was noted for devices before they worked, a unit each."""


class Demand(CommandGroup):
    help = "Have a model trained by devices that keep their data, and pay them for what it was worth."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"example": example, "post": post, "serve": serve, "lead": lead, "run": run, "status": status,
                "find": find, "divide": divide, "object": object_}  # fmt: skip


def example() -> None:
    """Print a demand's file with every setting, to start from.

    Example: klopf demand example > demand.toml
    """
    from klopf.fleet import EXAMPLE

    print(EXAMPLE, end="")


def post(
    demand: Path,
    folder: Path,
    *,
    price: str | None = None,
    days: float = 7,
    dispute_hours: float = 24,
    rpc: Rpc = None,
    deployment: Annotated[Path | None, Parameter(help="The network's file, where a price is locked.")] = None,
    key: KeyFile = None,
    announce: Annotated[bool, Parameter(negative="")] = False,
    json_: Json = False,
) -> None:
    """Check a demand and make the folder of its server; with --price, lock what devices are to share, first of all.

    The card in the folder is what devices need to know of the server.

    Example: klopf demand post demand.toml load --price 100 --deployment net/deployment.json --key payer.json

    Parameters
    ----------
    demand
        The demand's file; `klopf demand example` prints one.
    folder
        Where to; nothing may be there yet.
    price
        In KLP: what is locked for the devices, from the account of --key. They share it by what their work was worth,
        whether the goal is reached or not.
    days
        Until when it must be done, at least an hour; what is not reported by then is the payer's again.
    dispute_hours
        How long anybody may object to the report before it is paid.
    announce
        With --price: say on the ledger what is wanted, so that devices find it with klopf demand find, and apply there.
    """
    from klopf import fleet

    if announce and price is None:
        raise FleetError("--announce is of a price that is locked: give --price, or hand the server's card to devices")

    settings = fleet.DemandSettings.read(demand)
    if price is None:
        made = fleet.DemandFolder.create(folder, settings)
    else:
        terms = _Terms(units(price), days, dispute_hours)
        if deployment is None:
            raise FleetError("a price is locked on a ledger: name the network's file with --deployment")
        with open_ledger(rpc, deployment, load_key(key)) as payer:
            at = place_of(rpc, deployment)
            made = _locked(payer, folder, settings, terms, at, deployment, again=announce)
    server = made.post().card()
    server.save(folder / "card.json")
    if announce:
        publish(made)
    remarks = made.remarks()
    for line in remarks:
        print(f"note: {line}", file=sys.stderr)
    escrow = made.job()
    job, amount = escrow.get("id", 0), escrow.get("price", 0)
    said = {"folder": str(folder), "card": str(folder / "card.json"), "server": server.peer.key,
            "validation": made.records()[0].commitment(), "job": job, "price": klp(amount),
            "remarks": remarks}  # fmt: skip
    if json_:
        print_json(said)
        return
    if announce:
        print(f"{folder}: announced on the ledger; then: klopf demand run {folder} --announced 3")
    else:
        print(f"{folder}: give devices {said['card']}, then: klopf demand run {folder} --devices CARDS")
    print(f"validation set committed as {said['validation']}")
    if job:
        print(f"{said['price']} KLP are locked as job {job}; {server.peer.key} will report on it")


def run(
    folder: Path,
    *,
    devices: Path | None = None,
    announced: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=300))] = None,
    wait: float = 60,
    json_: Json = False,
) -> int:
    """Train until the demand's test is met, then say on the ledger who is due what; exit status 1 if it is not met.

    It begins when enough devices answer, and says for whom it waits. Started again, it goes on after the last round
    that was finished; when nobody has objected in time, it pays.

    Example: klopf demand run load --devices cards

    Parameters
    ----------
    folder
        As `klopf demand post` made it.
    devices
        A folder of devices' or leaders' cards; by default "devices" in the demand's folder.
    announced
        In place of cards: wait until so many of those who applied on the ledger answer, and take all who do.
    wait
        Minutes for which it looks for devices before a round, at most; never beyond the time in which an escrow must be
        reported on.
    """
    from klopf import fleet

    if not 0 <= wait <= 525_600:
        raise FleetError(f"--wait {wait:g}: minutes, from 0 to 525600 (a year)")
    if announced and devices:
        raise FleetError("--devices is a folder of cards, --announced takes them from the ledger: give one of the two")

    made = fleet.DemandFolder(folder)
    with made.held():
        if announced and not _over(made):
            devices = collect(made, announced, 60 * wait)
        cards = cards_in(devices or folder / "devices")
        patience = min(60 * wait, _due_in_time(made, cards))
        outcome = asyncio.run(_trained(made, cards, patience, _silent if json_ else _tell))
        paid = _pay(made, cards, outcome.shares)
    said = {"met": outcome.met, "score": made.state()["score"], "shares": dict(outcome.shares), **paid}
    if json_:
        print_json(said)
    else:
        for name, share in sorted(outcome.shares.items(), key=lambda row: -row[1]):
            print(f"{name:<24} {100 * share:6.2f} %")
        print("the test is met" if outcome.met else "the test is not met")
        if paid:
            print(f"job {paid['job']}: {paid['what']}")
    return 0 if outcome.met else 1


def _over(made: DemandFolder) -> bool:
    """Whether nobody trains for it any more."""
    state = made.state()
    return bool(state) and (state["met"] or state["round"] >= made.settings.rounds)


def status(folder: Path, *, json_: Json = False) -> int:
    """Say how far a demand is; exit status 1 while its test is not met.

    Example: klopf demand status load

    Parameters
    ----------
    folder
        As `klopf demand post` made it.
    """
    from klopf import fleet

    made = fleet.DemandFolder(folder)
    state = made.state()
    rounds = state.get("rounds", [])
    said = {
        "job": made.settings.job, "round": state.get("round", 0), "of": made.settings.rounds,
        "goal": made.settings.goal,
        "score": state.get("score"), "met": state.get("met", False), "model": state.get("model"),
        "sent": sum(one["sent"] for one in rounds), "received": sum(one["received"] for one in rounds),
        "shares": fleet.shares(state.get("values", {})), "escrow": made.job(), "pay": _pay_so_far(made),
        "left_out": rounds[-1]["left_out"] if rounds else {},
    }  # fmt: skip
    if json_:
        print_json(said)
    else:
        score = "not tested yet" if said["score"] is None else f"score {said['score']:.4f}"
        print(f"{said['job']}: round {said['round']} of {said['of']}, {score}, goal {said['goal']}")
        print(f"{said['sent']:,} bytes sent, {said['received']:,} received")
        for name, share in sorted(said["shares"].items(), key=lambda row: -row[1]):
            print(f"{name:<24} {100 * share:6.2f} %")
        for name, why in said["left_out"].items():
            print(f"left out of the last round: {name} ({why})")
        if said["pay"]:
            print(said["pay"])
    return 0 if said["met"] else 1


def _pay_so_far(made: DemandFolder) -> str:
    """Where a demand's escrow is, as the ledger has it; empty where there is none."""
    from klopf import fleet, ledger

    job = made.job()
    if not job:
        return ""
    locked = f"job {job['id']}: {klp(job['price'])} KLP were locked"
    try:
        with ledger.connect(job["rpc"], None, ledger.Deployment.load(job["deployment"])) as book:
            if left := fleet.objections(book, job["id"]):
                return f"{locked}, and are reported on; {_objecting(left)}"
            held, due = book.jobs.left(job["id"]), fleet.report_left(book, job["id"])
    except KlopfError as error:
        return f"{locked}; the ledger cannot be asked ({str(error)[:100]})"
    if due < float("inf"):
        return f"{locked}, and must be reported on within {due:.0f} s; until then nobody is paid"
    return f"{locked}; {klp(held)} are there still"


class _Terms(NamedTuple):
    """Of an escrow: what is locked, and for how long. Raises FleetError."""

    price: int
    days: float
    dispute_hours: float

    def seconds(self) -> tuple[int, int]:
        if not self.price:
            raise FleetError("--price 0 locks nothing: leave it out for a demand without pay")
        if not 1 / 24 <= self.days <= 3650:
            raise FleetError(f"--days {self.days:g}: a demand has from an hour (0.05) to 3650 days")
        if not 1 <= self.dispute_hours <= 720:
            raise FleetError(f"--dispute-hours {self.dispute_hours:g}: from 1 to 720 (30 days)")
        return int(self.days * 86_400), int(self.dispute_hours * 3600)


def _locked(
    payer: Ledger, folder: Path, settings: DemandSettings, terms: _Terms, place: str, deployment: Path, *, again: bool
) -> DemandFolder:
    """The folder and its escrow. Stopped between the two, the same command goes on: the folder says what was wanted,
    and terms, which are this folder's alone, tell whether it was locked. ``again``: one that is locked already may
    be announced still."""
    from klopf import fleet

    lasts, objecting = terms.seconds()
    if fleet.wants_escrow(folder) or (again and (folder / "job.json").exists()):
        made = fleet.DemandFolder(folder)
        if made.settings != settings or (made.wanted() or made.job()["price"]) != terms.price:
            raise FleetError(f"{folder} was begun with another demand or price: give those again, or another folder")
    else:
        if payer.key and (has := payer.token.balance(payer.key.address)) < terms.price:
            raise FleetError(f"{payer.key.address} has {klp(has)} KLP, of which {klp(terms.price)} cannot be locked")
        made = fleet.DemandFolder.create(folder, settings, terms.price)
    with made.held():  # two at once would lock twice
        if made.job():
            return made
        server = made.post().peer.key
        job = fleet.job_of(payer, server, made.terms())
        if not job:
            until = payer.clock.now().time + lasts
            job = payer.jobs.open(server, terms.price, until, objecting, made.terms())
        made.note_job(job, terms.price, place if "://" in place else str(Path(place).resolve()), deployment)
    return made


def _due_in_time(made: DemandFolder, cards: list[Card]) -> float:
    """Devices do not work for an escrow that cannot be reported on any more: its price goes back at once. Before they
    work each is noted in it, so that it can object where no report comes. Returns the seconds until it must be
    reported on; endless where there is none."""
    from klopf import fleet, ledger

    if fleet.wants_escrow(made.path):
        raise FleetError(f"{made.path} has no escrow yet: give `klopf demand post` with its --price once more")
    job = made.job()
    if not job:
        return float("inf")
    with ledger.connect(job["rpc"], ledger.Key(made.secret()), ledger.Deployment.load(job["deployment"])) as verifier:
        if fleet.too_late(verifier, job["id"]):
            raise FleetError(
                f"job {job['id']} was to be reported on by now, so its price has gone back to its payer: "
                "post the demand again, with more --days"
            )
        fleet.enlist(verifier, job["id"], [card.payee for card in cards])
        return fleet.report_left(verifier, job["id"])


async def _trained(made: DemandFolder, cards: list[Card], patience: float, told: Callable[[Round], None]) -> Outcome:
    def said(line: str) -> None:
        print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)

    return await made.run(cards, told, patience=patience, said=said)


def _pay(made: DemandFolder, cards: list[Card], shares: Mapping[str, float]) -> dict[str, Any]:
    """Report on the escrow, or pay what was reported; nothing where there is none."""
    from klopf import fleet, ledger

    job = made.job()
    if not job or not any(shares.values()):
        return {}
    known = ledger.Deployment.load(job["deployment"])
    with ledger.connect(job["rpc"], ledger.Key(made.secret()), known) as verifier:
        payees = {card.name: card.payee for card in cards}
        due = fleet.amounts(fleet.by_member(shares), payees, max(0, job["price"] - _NOTED))
        if fleet.report_job(verifier, job["id"], due):
            return {"job": job["id"], "what": f"reported; {_objecting(fleet.objections(verifier, job['id']))}"}
        if left := fleet.objections(verifier, job["id"]):
            return {"job": job["id"], "what": f"reported before; {_objecting(left)}"}
        paid = fleet.pay_out(verifier, job["id"], [*due, *payees.values()])
        rows = {address: klp(amount) for address, amount in paid.items()}
        what = f"paid {klp(sum(paid.values()))} KLP" if paid else "was paid before"
        return {"job": job["id"], "what": what, "paid": rows}


def _objecting(left: int) -> str:
    """When to come again, ``left`` seconds from now."""
    until = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + left))
    return f"whoever objects has {left} s more, until {until} here: run this again then, and it pays"


def _tell(one: Round) -> None:
    out = ", ".join(f"{name} ({why})" for name, why in list(one.left_out.items())[:3])
    more = f"; not used: {out}" if out else ""
    now = time.strftime("%H:%M:%S")
    if one.lost:
        print(f"{now} round {one.number} is lost, and tried again{more}", flush=True)
        return
    print(f"{now} round {one.number}: score {one.score:.4f}, {one.seconds:.1f} s{more}", flush=True)


def _silent(one: Round) -> None:
    pass
