"""The devices' side of ``klopf demand``: serve records of one's own, lead a node, object."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from klopf import files
from klopf.console.cli.access import Rpc, open_ledger, units
from klopf.console.cli.command import Json, print_json
from klopf.errors import FleetError, KlopfError

if TYPE_CHECKING:
    from klopf.fleet import Card, Home, Post
    from klopf.ledger import Key, Ledger

__all__ = ["cards_in", "lead", "object_", "serve"]


def serve(
    home: Path,
    *,
    data: Path,
    server: Path | None = None,
    job: int | None = None,
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
    job
        In place of it: the job on the ledger, as klopf demand find lists it. The device applies there.
    name
        Its name among the demand's devices; by default the home's. Of a --job it is its key's address.
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

    device, asker = _for(home, name, server, job, deployment, rpc)
    privacy = None if epsilon is None else fleet.Privacy(epsilon, noise_rounds, groups=groups)
    spent = None if privacy is None else fleet.Accountant(home / "privacy.jsonl", privacy.epsilon, privacy.delta)
    records = fleet.TableDevice(device.name, data, privacy=privacy, accountant=spent)

    async def answering(asked: _Allowed) -> None:
        async with _closed(device.post()) as post:
            post.card(payee or "")  # whatever is wrong with it is said before anybody can ask
            post.knows(asker)
            if masked:
                await fleet.serve_masked(post, fleet.Masker(records), host, port, asked)
            else:
                await post.open(fleet.Local(records), host, port, fleet.Told(home / "said.jsonl", device.name, asked))
            post.card(payee or "").save(home / "card.json")
            if job is not None and deployment is not None:
                _applied(device, post.card(payee or ""), job, deployment, rpc)
            print(f"{device.name} serves {len(records)} records of {data}; its card: {home / 'card.json'}", flush=True)
            await asyncio.Event().wait()

    _work(device, answering, _Pay(payee, deployment, rpc, least, dispute_hours))
    return 0


def lead(
    home: Path,
    *,
    devices: Path,
    server: Path | None = None,
    job: int | None = None,
    least_devices: int = 1,
    name: str | None = None,
    strategy: str = "robust",
    enough: float = 1.0,
    fee: float = 0.0,
    payee: str | None = None,
    deployment: Annotated[Path | None, Parameter(help="The network's file: work only for pay that is locked.")] = None,
    rpc: Rpc = None,
    least: str = "0",
    dispute_hours: float = 1,
    host: str = "127.0.0.1",
    port: int = 0,
) -> int:
    """Lead a node: answer a demand's server for devices that talk to nobody but this leader, until Ctrl-C.

    The card in the home is what the node's devices take as their server's, from the first start on, and what the
    server needs to reach the node. What each device is due of the node's pay is in parts.json in the home, and told to
    it, signed, in each round.

    Example: klopf demand lead street --server load/card.json --devices street-cards

    Parameters
    ----------
    home
        A folder for its key and certificate; made at the first start, gone on from later.
    server
        The card of the demand's server: who may ask.
    job
        In place of it: the job on the ledger, as klopf demand find lists it. The node applies there.
    devices
        A folder of the node's devices' cards, each as `klopf demand serve DEVICE --server HOME/card.json` wrote it.
    least_devices
        It waits until so many cards are there; those that come later take part from the next start on. At most 300.
    name
        Its name among the demand's devices; by default the home's.
    strategy
        By which it combines what its devices give: robust, average, diloco, or package.module:Class.
    enough
        The part of its devices with whose answers it goes on.
    fee
        The part of the node's pay that the leader keeps, from 0 to under 1.
    payee
        The address that the node's work is paid to; by default the leader's own key's.
    least
        In KLP, with --deployment: how much must be locked, at least.
    dispute_hours
        With --deployment: for how long it must be possible to object, at least.
    host
        Where it answers, and what its card says.
    port
        The same; a free one by default.
    """
    from klopf import fleet

    if not 0 < enough <= 1:
        raise FleetError(f"--enough {enough:g}: the part of its devices, above 0 and at most 1")
    if not 1 <= least_devices <= 300:
        raise FleetError(f"--least-devices {least_devices}: a node has from 1 to 300")
    fleet.strategy(strategy)
    leader, asker = _for(home, name, server, job, deployment, rpc)
    divided = fleet.Divided(home / "parts.json", leader.post().sign, fee)

    async def answering(asked: _Allowed) -> None:
        async with _closed(leader.post()) as post:
            post.knows(asker)
            post.card(payee or "").save(home / "card.json")
            print(f"{leader.name}: its devices take {home / 'card.json'} as their server's", flush=True)
            cards = await _enough_cards(devices, least_devices)
            names = [card.name for card in cards]
            post.card(payee or "", names)  # what is wrong with them is said before anybody can ask
            node = fleet.Leader(leader.name, post.reach(cards), lambda: fleet.strategy(strategy), enough=enough,
                                divided=divided)  # fmt: skip
            await post.open(node, host, port, fleet.Told(home / "said.jsonl", leader.name, asked))
            post.card(payee or "", names).save(home / "card.json")
            if job is not None and deployment is not None:
                _applied(leader, post.card(payee or ""), job, deployment, rpc)
            many = f"{len(cards)} device" + "s" * (len(cards) > 1)
            print(f"{leader.name} leads {many}; its card: {home / 'card.json'}", flush=True)
            await asyncio.Event().wait()

    _work(leader, answering, _Pay(payee, deployment, rpc, least, dispute_hours))
    return 0


async def _enough_cards(place: Path, least: int) -> list[Card]:
    """Cards in a folder, once there are so many; it says once for how many it waits."""
    said = False
    while (there := len(list(place.glob("*.json")))) < least:
        if not said:
            print(f"{there} of {least} cards are in {place}; waiting for the others", flush=True)
            said = True
        await asyncio.sleep(0.5)
    return cards_in(place)


_Allowed = Callable[[Any, Any], str]


class _Pay(NamedTuple):
    """For which pay somebody works: as the commands' options say."""

    payee: str | None
    deployment: Path | None
    rpc: str | None
    least: str
    dispute_hours: float


def _held(home: Path, name: str | None) -> Home:
    """A home, held as long as this process lives. Raises FleetError."""
    from klopf import fleet

    device = fleet.Home.open(home, name or home.resolve().name)
    try:
        files.lock(home / "lock")
    except BlockingIOError:
        raise FleetError(f"{home} is served by another process: end that one first, or serve another home") from None
    return device


def _for(
    home: Path, name: str | None, server: Path | None, job: int | None, deployment: Path | None, rpc: str | None
) -> tuple[Home, Card]:
    """A home that is held, and whom it works for: by a card, or by a job on the ledger. Raises FleetError."""
    from klopf import fleet

    if (server is None) == (job is None):
        raise FleetError("whom to work for: give --server, a card, or --job, which klopf demand find lists")
    if server is not None:
        asker = fleet.Card.read(server)
        return _held(home, name), asker
    if deployment is None or name is not None:
        raise FleetError("--job is on a ledger, where a key's address is the name: give --deployment, and no --name")
    assert job is not None
    with open_ledger(rpc, deployment) as book:
        asker = fleet.server_of(book, job)
    unnamed = _held(home, None)
    return fleet.Home.open(home, unnamed.post().peer.key), asker


def _applied(device: Home, card: Card, job: int, deployment: Path, rpc: str | None) -> None:
    from klopf import fleet

    with open_ledger(rpc, deployment, _worker(device)) as book:
        fleet.apply_for(book, card, job)


@asynccontextmanager
async def _closed(post: Post) -> AsyncIterator[Post]:
    """However it ends: what answers still when the loop is gone writes a traceback."""
    try:
        yield post
    finally:
        await post.close()


def _work(device: Home, answering: Callable[[_Allowed], Coroutine[Any, Any, None]], pay: _Pay) -> None:
    """Answer until Ctrl-C; where a network is named, for locked pay only, and with an eye on how it is reported."""
    from klopf import fleet

    if pay.deployment is None:
        asyncio.run(answering(lambda peer, wanted: ""))
        return
    if not 1 <= pay.dispute_hours <= 720:
        raise FleetError(f"--dispute-hours {pay.dispute_hours:g}: from 1 to 720 (30 days)")
    with open_ledger(pay.rpc, pay.deployment, _worker(device)) as book:
        payee, seconds = pay.payee or book.me.address, int(pay.dispute_hours * 3600)
        paid = fleet.PaidOnly(book, price=max(1, units(pay.least)), dispute=seconds, payee=payee)

        async def both() -> None:
            watching = asyncio.create_task(_watching(book, device.path, paid.jobs))
            try:
                await answering(paid)
            finally:
                watching.cancel()

        asyncio.run(both())


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

    if not (home / "device.key").is_file():
        raise FleetError(f"{home} is no device's home: name the one that `klopf demand serve` made")
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
    """Half of what the server's last word gave a device of a job's price, in units: later rounds may have moved it.
    What a node's leader told is no word of the server's: an objection to a report would lose its bond by it."""
    from klopf import fleet

    said = book.jobs._read("jobs", job)
    for line in reversed(_said(home)):
        if line.get("escrow") == job:
            try:
                return int(fleet.Statement.read(line, str(said[1])).share * 0.5 * int(said[2]))
            except FleetError:
                continue
    return 0


def cards_in(place: Path) -> list[Card]:
    """All in a folder, each of another name and key. Raises FleetError."""
    from klopf import fleet

    cards: dict[str, tuple[Card, Path]] = {}
    keys: dict[str, Path] = {}
    for path in sorted(place.glob("*.json")):
        card = fleet.Card.read(path)
        if card.name in cards:
            both = f"{cards[card.name][1].name} and {path.name}"
            raise FleetError(f"{both} in {place} are both of a device {card.name!r}: have one of them renamed")
        if card.peer.key in keys:
            both = f"{keys[card.peer.key].name} and {path.name}"
            raise FleetError(f"{both} in {place} are both of the key {card.peer.key}: remove the copy")
        cards[card.name], keys[card.peer.key] = (card, path), path
    if not cards:
        raise FleetError(f"no cards in {place}: copy there what whoever serves a device gave you")
    return [card for card, _ in cards.values()]
