"""``klopf demand``: have a model trained by devices that keep their data, and pay them for what it was worth."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from klopf import files
from klopf.console.cli.access import KeyFile, Rpc, klp, load_key, open_ledger, place_of, units
from klopf.console.cli.command import CommandGroup, Json, print_json
from klopf.errors import FleetError, KlopfError

if TYPE_CHECKING:
    from klopf.fleet import Card, DemandFolder, DemandSettings, Home, Outcome, Round
    from klopf.ledger import Key, Ledger

__all__ = ["Demand"]

_NOTED = 1000
"""Units of a price that are kept for what was noted for devices before they worked, a unit each."""


class Demand(CommandGroup):
    help = "Have a model trained by devices that keep their data, and pay them for what it was worth."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"example": example, "post": post, "serve": serve, "run": run, "status": status,
                "object": object_}  # fmt: skip


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
    """
    from klopf import fleet

    settings = fleet.DemandSettings.read(demand)
    if price is None:
        made = fleet.DemandFolder.create(folder, settings)
    else:
        terms = _Terms(units(price), days, dispute_hours)
        if deployment is None:
            raise FleetError("a price is locked on a ledger: name the network's file with --deployment")
        with open_ledger(rpc, deployment, load_key(key)) as payer:
            made = _locked(payer, folder, settings, terms, place_of(rpc, deployment), deployment)
    server = made.post().card()
    server.save(folder / "card.json")
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
    print(f"{folder}: give devices {said['card']}, then: klopf demand run {folder} --devices CARDS")
    print(f"validation set committed as {said['validation']}")
    if job:
        print(f"{said['price']} KLP are locked as job {job}; {server.peer.key} will report on it")


def serve(
    home: Path,
    *,
    data: Path,
    server: Path,
    name: str | None = None,
    payee: str | None = None,
    deployment: Annotated[Path | None, Parameter(help="The network's file: work only for pay that is locked.")] = None,
    rpc: Rpc = None,
    least: str = "0",
    dispute_hours: float = 1,
    epsilon: float | None = None,
    noise_rounds: int = 100,
    groups: int = 50,
    masked: Annotated[bool, Parameter(negative="")] = False,
    host: str = "127.0.0.1",
    port: int = 0,
) -> int:
    """Work for a demand with records of one's own, which stay here: serve them to its server until Ctrl-C.

    The card that it writes into the home is what the server needs to reach it.

    Example: klopf demand serve ann --data meter.csv --server load/card.json

    Parameters
    ----------
    home
        A folder for its key and certificate; made at the first start, gone on from later.
    data
        Its records, CSV or Parquet, with the columns and the target that the demand names; numbers throughout.
    server
        The card of the demand's server: who may ask.
    name
        Its name among the demand's devices; by default the home's.
    payee
        The address that its work is paid to; by default its own key's.
    least
        In KLP, with --deployment: how much must be locked, at least.
    dispute_hours
        With --deployment: for how long it must be possible to object, at least.
    epsilon
        Noise on all that it gives: how much its answers may ever tell of one record (differential privacy with delta
        0.00001); what was spent is kept in the home. Where that is used up, it declines.
    noise_rounds
        With --epsilon: over how many rounds that is spread.
    groups
        With --epsilon: of its records; more need less noise and learn less each.
    masked
        Give the server nothing but a part of a sum: for a demand of mode "masked", and for no other.
    host
        Where it answers, and what its card says.
    port
        The same; a free one by default.
    """
    from klopf import fleet

    device = fleet.Home.open(home, name or home.resolve().name)
    try:
        files.lock(home / "lock")  # held as long as this process lives
    except BlockingIOError:
        raise FleetError(f"{home} is served by another process: end that one first, or serve another home") from None
    asker = fleet.Card.read(server)
    privacy = None if epsilon is None else fleet.Privacy(epsilon, noise_rounds, groups=groups)
    spent = None if privacy is None else fleet.Accountant(home / "privacy.jsonl", privacy.epsilon, privacy.delta)
    records = fleet.TableDevice(device.name, data, privacy=privacy, accountant=spent)

    async def answering(asked: Callable[[Any, Any], str]) -> None:
        post = device.post()
        post.knows(asker)
        if masked:
            await fleet.serve_masked(post, fleet.Masker(records), host, port, asked)
        else:
            await post.open(fleet.Local(records), host, port, fleet.Told(home / "said.jsonl", device.name, asked))
        post.card(payee or "").save(home / "card.json")
        print(f"{device.name} serves {len(records)} records of {data}; its card: {home / 'card.json'}", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await post.close()

    if deployment is None:
        asyncio.run(answering(lambda peer, wanted: ""))
        return 0
    if not 1 <= dispute_hours <= 720:
        raise FleetError(f"--dispute-hours {dispute_hours:g}: from 1 to 720 (30 days)")
    with open_ledger(rpc, deployment, _worker(device)) as book:
        payee_ = payee or book.me.address
        paid = fleet.PaidOnly(book, price=max(1, units(least)), dispute=int(dispute_hours * 3600), payee=payee_)

        async def both() -> None:
            watching = asyncio.create_task(_watching(book, home, paid.jobs))
            try:
                await answering(paid)
            finally:
                watching.cancel()

        asyncio.run(both())
    return 0


async def _watching(book: Ledger, home: Path, jobs: set[int]) -> None:
    """Once a minute, look whether a job that was worked for is reported on as it should be."""
    from klopf import fleet

    said = ""
    while True:
        for job in sorted(jobs):
            try:
                line = fleet.object_to(book, job, _told_of(home, job, book))
            except KlopfError as error:
                line = f"job {job}: {error}"
            if line not in ("", said):
                said = line
                print(time.strftime("%H:%M:%S"), line, flush=True)
        await asyncio.sleep(60)


def object_(
    home: Path, *, deployment: Annotated[Path, Parameter(help="The network's file.")], rpc: Rpc = None,
    job: int | None = None, bond: Annotated[bool, Parameter(negative="")] = False, json_: Json = False,
) -> int:  # fmt: skip
    """Object where nobody reported on a job in time, for nothing, or where less is reported than told, for a bond.

    `klopf demand serve --deployment` does the first by itself, and says where the second is called for.

    Example: klopf demand object ann --deployment net/deployment.json

    Parameters
    ----------
    home
        The device's home, whose key objects: the one that is paid.
    job
        Which; by default all that the home was told of.
    bond
        Put down a bond (a twentieth of the price) where less is reported than half of what the server had signed. It is
        lost where the report stands.
    """
    from klopf import fleet

    device = fleet.Home.open(home, home.resolve().name)
    jobs = [job] if job is not None else sorted({int(line["escrow"]) for line in _said(home) if line["escrow"]})
    with open_ledger(rpc, deployment, _worker(device)) as book:
        lines = [line for one in jobs if (line := fleet.object_to(book, one, _told_of(home, one, book), bond=bond))]
    if json_:
        print_json({"jobs": jobs, "said": lines})
    else:
        print("\n".join(lines) or "there is nothing to object to")
    return 0


def _worker(device: Home) -> Key:
    from klopf.ledger import Key

    return Key(device.secret())


def _said(home: Path) -> list[dict[str, Any]]:
    return files.json_lines(home / "said.jsonl")


def _told_of(home: Path, job: int, book: Ledger) -> int:
    """Half of what the server's last word gave a device of a job's price, in units: later rounds may have moved it."""
    shares = [float(line["share"]) for line in _said(home) if line.get("escrow") == job]
    price = int(book.jobs._read("jobs", job)[2])
    return int(shares[-1] * 0.5 * price) if shares else 0


def run(folder: Path, *, devices: Path | None = None, wait: float = 60, json_: Json = False) -> int:
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
    wait
        Minutes for which it looks for devices before a round, at most; never beyond the time in which an escrow must be
        reported on.
    """
    from klopf import fleet

    if not 0 <= wait <= 525_600:
        raise FleetError(f"--wait {wait:g}: minutes, from 0 to 525600 (a year)")

    made = fleet.DemandFolder(folder)
    with made.held():
        cards = _cards(devices or folder / "devices")
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
        "shares": fleet.shares(state.get("values", {})), "escrow": made.job(),
    }  # fmt: skip
    if json_:
        print_json(said)
    else:
        score = "not tested yet" if said["score"] is None else f"score {said['score']:.4f}"
        print(f"{said['job']}: round {said['round']} of {said['of']}, {score}, goal {said['goal']}")
        print(f"{said['sent']:,} bytes sent, {said['received']:,} received")
        for name, share in sorted(said["shares"].items(), key=lambda row: -row[1]):
            print(f"{name:<24} {100 * share:6.2f} %")
    return 0 if said["met"] else 1


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
    payer: Ledger, folder: Path, settings: DemandSettings, terms: _Terms, place: str, deployment: Path
) -> DemandFolder:
    """The folder and its escrow. Stopped between the two, the same command goes on: the folder says what was wanted,
    and terms, which are this folder's alone, tell whether it was locked."""
    from klopf import fleet

    lasts, objecting = terms.seconds()
    if fleet.wants_escrow(folder):
        made = fleet.DemandFolder(folder)
        if made.settings != settings or made.wanted() != terms.price:
            raise FleetError(f"{folder} was begun with another demand or price: give those again, or another folder")
    else:
        if payer.key and (has := payer.token.balance(payer.key.address)) < terms.price:
            raise FleetError(f"{payer.key.address} has {klp(has)} KLP, of which {klp(terms.price)} cannot be locked")
        made = fleet.DemandFolder.create(folder, settings, terms.price)
    job = fleet.job_of(payer, made.terms())
    if not job:
        until = payer.clock.now().time + lasts
        job = payer.jobs.open(made.post().card().peer.key, terms.price, until, objecting, made.terms())
    made.note_job(job, terms.price, place if "://" in place else str(Path(place).resolve()), deployment)
    return made


def _cards(place: Path) -> list[Card]:
    """All in a folder, each of another name. Raises FleetError."""
    from klopf import fleet

    cards: dict[str, tuple[Card, Path]] = {}
    for path in sorted(place.glob("*.json")):
        card = fleet.Card.read(path)
        if card.name in cards:
            both = f"{cards[card.name][1].name} and {path.name}"
            raise FleetError(f"{both} in {place} are both of a device {card.name!r}: have one of them renamed")
        cards[card.name] = card, path
    if not cards:
        raise FleetError(f"no cards in {place}: copy there what whoever serves a device gave you")
    return [card for card, _ in cards.values()]


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
