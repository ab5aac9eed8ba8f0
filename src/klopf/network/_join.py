"""Join a network of strangers, and leave it: one's own folder, key and file; the ledger is all that both know.

Every step can be taken again, so whoever is stopped half-way calls the same once more.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import audit, files, ledger, peers, tables, wire
from klopf.errors import LedgerError, PeersError
from klopf.network._home import enter, furnish, with_targets
from klopf.network._schema import Schema
from klopf.network._units import prepared
from klopf.peers.models import public_name

__all__ = ["Joined", "Joining", "check_joining", "join"]

ROLES = ("neuron", "auditor", "requester")
MADE = (
    "lock", "deployment.json", "schema.json", "key.json", wire.Certificate.KEY_FILE, wire.Certificate.CERTIFICATE_FILE,
    "data.npz", "participant.json",
)  # fmt: skip
"""What joining writes into a folder, in this order; whatever else is in a participant's comes after."""
LIVED = (
    "state", "receipts", "given", "results", "statements.jsonl", "vouchers.json", "patience.json", "neighbours.json",
    "disputes.json", "slashed", "listener.json", "gained.jsonl", "log.txt", "process", "door",
)  # fmt: skip
"""What a life writes there."""
COIN = 10**16
"""Wei that a participant should have for gas, where gas is not free."""
LOOK, AGAIN = 1.0, 60.0
"""Seconds between two looks for money, and after which it is said again what is waited for."""
SPARE = (6, 5)
"""Times what a role wants it puts at stake where nothing else is said: three values may be missed (5 % each)."""
FEWEST = 10
"""Different samples that a neuron needs, of which it keeps some to know how good it is."""


@dataclass(frozen=True)
class Joining:
    """What whoever joins chooses."""

    rpc: str
    """A node's URL, or the file of an embedded chain."""
    network: str
    """Address of the network's directory."""
    role: str = "neuron"
    data: Path | None = None
    """Its own samples with their targets: what a neuron learns from, an auditor asks about, and a requester learns from
    whom to listen to (which may have none)."""
    form: tables.Format = field(default_factory=tables.Format)
    name: str = ""
    """By default the folder's."""
    model: str = "mind"
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the model."""
    knows: dict[str, Any] = field(default_factory=dict)
    """What a neuron claims to know (:class:`klopf.peers.Domain`), its region in the units of a file; nothing:
    everything."""
    distil: int = 0
    """Probes in an epoch on which a neuron learns from what its neighbours say together; 0: it does not."""
    price: int = 0
    """What a neuron asks a requester for each sample, in the token's smallest unit."""
    deposit: int = 0
    """What a requester deposits for fees."""
    stake: int = 0
    """What it puts at stake and keeps there; 0: what its role wants and, so that a missed value of the beacon silences
    nobody, a fifth more."""
    host: str = ""
    """Where others reach it; by default the address from which this machine reaches the node, found anew at each
    start."""
    port: int = 0
    listen: str = ""
    """This machine's address to listen at, where that is another than ``host``, as behind a router that forwards."""
    relay: str = ""
    """``host:port`` of a relay, for who cannot be dialled: it is reached there, and needs no open port."""
    wait: float = 600.0
    """Seconds to wait for the money that it takes."""


@dataclass(frozen=True)
class Joined:
    """Who it is from now on."""

    folder: Path
    id: int
    role: str
    address: str
    network: str
    stake: int


def join(folder: Path, how: Joining, passphrase: str, begun: Callable[[str], None] = lambda _: None) -> Joined:
    """Make ``folder`` one's own, with a key that never leaves it, and take one's place in the network: registered, with
    the stake that its rules want. Who has joined already is brought to what ``how`` says, and pays nothing twice.

    Raises:
        KlopfError: the file does not fit the schema, the model cannot be made, the money did not come; one line.
    """
    if how.role not in ROLES:
        raise PeersError(f"nobody joins as {how.role!r}: choose neuron, auditor or requester")
    if how.data is None and how.role != "requester":
        raise PeersError(f"a file of one's own is what a {how.role} joins with: name it with --data")
    host = how.host and peers.announced_host(how.host)
    if how.relay:
        peers.relay_place(how.relay)
    begun(f"reading the network at {how.network}")
    with ledger.connect(_place(how.rpc), directory=how.network) as book:
        deployment, schema = book.deployment, Schema.from_text(book.schema.text(), "what this network agreed on")
        task, rules = schema.made_task, book.rules.current()
        data, how = _data(how, schema), replace(how, knows=prepared(how.knows, schema))
        more = _more(how, task, data, book)
        stake = _stake(how, {"neuron": rules.neuron_stake, "auditor": rules.auditor_stake}.get(how.role, 0))
    _is_ones_own(folder, deployment, how)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = files.lock(folder / "lock")
    except BlockingIOError:
        raise PeersError(
            f"another process lives in {folder}: end that one first, or join from another folder"
        ) from None
    except OSError as error:
        raise PeersError(f"cannot make the folder {folder}: {error.strerror}; choose another") from None
    try:
        _can_listen(replace(how, host=host))
        deployment.save(folder / "deployment.json")
        files.replace(folder / "schema.json", schema.text)
        settings = _settings(folder, replace(how, host=host, stake=stake), schema, more)
        key, certificate = furnish(folder, settings, data, passphrase)
        if how.role == "neuron" and not any((folder / "state").glob("*/listener.json")):
            begun(f"learning from {len(data['targets'])} samples")
            peers.birth(folder, task, settings.seed, peers.NeuronSettings(**more))
        with ledger.connect(_place(how.rpc), key, deployment) as own:
            _is_no_loss(own, folder, stake)
            _await_money(own, stake, how, begun)
            begun(f"taking a place as {how.role}")
            told = peers.Domain.registered(how.knows, task, public_name(how.model, how.settings))
            model = told if how.role == "neuron" else ""
            role = ledger.Role[how.role.upper()]
            id = enter(own, role, certificate, model=model, stake=stake, deposit=how.deposit)
    finally:
        os.close(lock)
    return Joined(folder, id, how.role, key.address, deployment.directory, stake)


def check_joining(how: Joining) -> tuple[Schema, int, str]:
    """Look at all that joining would need but the key and its money: nothing is made. Returns what the network agreed
    on, how many samples fit it, and what it would put at stake, in tokens.

    Raises:
        KlopfError: what :func:`join` would end with.
    """
    if how.data is None and how.role != "requester":
        raise PeersError(f"a file of one's own is what a {how.role} joins with: name it with --data")
    with ledger.connect(_place(how.rpc), directory=how.network) as book:
        schema, rules = Schema.from_text(book.schema.text(), "what this network agreed on"), book.rules.current()
        data, how = _data(how, schema), replace(how, knows=prepared(how.knows, schema))
        _more(how, schema.made_task, data, book)
    stake = _stake(how, {"neuron": rules.neuron_stake, "auditor": rules.auditor_stake}.get(how.role, 0))
    _can_listen(how)
    return schema, len(data["targets"]), f"{stake / ledger.KLP:g}"


def _place(rpc: str) -> str:
    return rpc if "://" in rpc else str(Path(rpc).absolute())


def _stake(how: Joining, least: int) -> int:
    """What it puts at stake, of which its role wants ``least``."""
    if how.stake and how.stake < least:
        raise PeersError(f"{how.role}s of this network stake {least / ledger.KLP:g} KLP at least: raise --stake")
    if how.stake and not least:
        raise PeersError(f"a {how.role} stakes nothing: leave --stake out")
    return how.stake or least * SPARE[0] // SPARE[1]


def _data(how: Joining, schema: Schema) -> dict[str, Any]:
    """The file's samples as ``data.npz`` has them; none where there is no file."""
    if how.data is None:
        plain = schema.task == "text"
        inputs = len(schema.made_task.features)
        empty: NDArray[Any] = np.zeros(0, np.str_) if plain else np.zeros((0, inputs), np.float32)
        return {"inputs": empty, "targets": np.zeros(0, np.int64)}
    return with_targets(schema.samples(how.data, how.form))


def _more(how: Joining, task: peers.Task, data: dict[str, Any], book: ledger.Ledger) -> dict[str, Any]:
    """What only this role's settings need, all of it tried."""
    has = len(peers.different(data["inputs"]))
    if how.role == "neuron":
        if has < FEWEST:
            raise PeersError(f"{how.data} has {has} different samples, and a neuron needs {FEWEST}: bring more")
        peers.create_model(how.model, task, 0, how.settings)
        peers.Domain.registered(how.knows, task, public_name(how.model, how.settings))
        return {
            "model": how.model, "settings": how.settings, "passes": 4, "questions": 64, "ask": 6, "fringe_seats": 2,
            "price": str(how.price), "distil": how.distil, "knows": how.knows,
        }  # fmt: skip
    if how.role == "requester":
        return {"fee": "0"}
    terms = book.audit_terms.current()
    needs = max([terms.fewest, *(one.fewest for one in audit.audit_tasks((), task).values())])
    if has < needs:
        raise PeersError(f"{how.data} has {has} different samples, and an audit takes {needs} at least: bring more")
    return {"questions": min(has, 120, terms.most), "tasks": []}


def _is_ones_own(folder: Path, deployment: ledger.Deployment, how: Joining) -> None:
    """PeersError where the folder is somebody else's, or holds another place than this network's in this role."""
    if folder.is_symlink():
        raise PeersError(f"{folder} is a link to {folder.readlink()}: name the folder itself")
    if not folder.exists():
        return
    if not folder.is_dir() or not _is_made(folder):
        raise PeersError(f"{folder} exists and is no participant's: choose another folder")
    if (folder / "participant.json").exists() and not (folder / "key.json").exists():
        raise PeersError(f"{folder} has lost its key: restore key.json from a backup, or join from another folder")
    if (folder / "deployment.json").exists():
        before = ledger.Deployment.load(folder / "deployment.json")
        if (before.directory, before.genesis) != (deployment.directory, deployment.genesis):
            raise PeersError(f"{folder} belongs to the network {before.directory}: join from another folder")
    if (folder / "participant.json").exists() and (role := peers.ParticipantSettings.read(folder).role) != how.role:
        raise PeersError(f"{folder} is that of a {role}: join as {how.role} from another folder")


def _is_made(folder: Path) -> bool:
    """Whether all that is in ``folder`` can be what :func:`join` made, to its end, with one file lost since, or up to
    where it was stopped."""
    there = {path.name for path in folder.iterdir()} - {path.name for path in folder.glob(".*.unfinished")}
    made = [name for name in MADE if name in there]
    plain = all((folder / name).is_file() and not (folder / name).is_symlink() for name in made)
    if not plain or ("lock" in made and (folder / "lock").stat().st_size):
        return False
    if len(made) >= len(MADE) - 1 and ("participant.json" in made or there <= {*MADE, *LIVED}):
        return True
    return made == list(MADE[: len(made)]) and there == set(made)


def _settings(folder: Path, how: Joining, schema: Schema, more: dict[str, Any]) -> peers.ParticipantSettings:
    seed = secrets.randbelow(2**32)
    if (folder / "participant.json").exists():
        seed = peers.ParticipantSettings.read(folder).seed
    return peers.ParticipantSettings(
        name=(how.name or folder.absolute().name)[:32], role=how.role, ledger=_place(how.rpc),
        deployment="deployment.json", epochs=2**32 - 1, task=schema.made_task, seed=seed,
        host=how.host, port=how.port, listen=how.listen, relay=how.relay, seal_seconds=schema.seal_seconds,
        stake=str(how.stake), more=more,
    )  # fmt: skip


def _can_listen(how: Joining) -> None:
    """PeersError where it could not answer at the address and port that it is to have: nothing is staked for a place
    that nobody could reach."""
    if how.role != "neuron" or how.relay:
        return
    host = how.listen or how.host or peers.own_address(how.rpc)
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, how.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as who listens does: what lingers is no one's
            probe.bind(place)
    except OSError as error:
        raise PeersError(
            f"cannot listen at {host} port {how.port} ({error.strerror or error}): choose another --port or --listen, "
            "or go through a --relay"
        ) from None


def _is_no_loss(own: ledger.Ledger, folder: Path, stake: int) -> None:
    """PeersError where the key would stake once more for a neuron that fell silent, as whoever leaves does."""
    id = own.registry.id_of(own.me.address)
    silent = id and own.registry.get(id).standing is ledger.Standing.SILENT
    if silent and own.stake.account(id).staked < stake:
        raise PeersError(
            f"neuron {id} of {folder} left or fell silent, and more stake would not bring it back: `klopf leave "
            f"{folder}` takes out what it has, and joining from another folder begins anew"
        )


def _await_money(own: ledger.Ledger, stake: int, how: Joining, begun: Callable[[str], None]) -> None:
    """Wait until the key can pay for its place."""
    until, told, said = time.monotonic() + how.wait, "", 0.0
    while True:
        id = own.registry.id_of(own.me.address)
        staked = own.stake.account(id).staked if id and stake else 0
        free = own.vouchers.free(id) if id and how.deposit else 0
        lacks = max(0, stake - staked) + max(0, how.deposit - free) - own.token.balance(own.me.address)
        coin = 0 if own.rpc.gas_price() == 0 else COIN - own.rpc.balance(own.me.address)
        if lacks <= 0 and coin <= 0:
            return
        wants = [f"{lacks / ledger.KLP:g} KLP"] if lacks > 0 else []
        wants += [f"{coin / 1e18:g} of the chain's coin for gas"] if coin > 0 else []
        line = f"{own.me.address} needs {' and '.join(wants)} more"
        if lacks > 0:
            line += f": `klopf ledger send {own.me.address} {lacks / ledger.KLP:g}` sends KLP"
        if time.monotonic() > until:
            raise LedgerError(f"{line}; then call this again")
        if line != told or time.monotonic() > said + AGAIN:
            begun(f"waiting {max(0.0, until - time.monotonic()):.0f} s more: {line}")
            told, said = line, time.monotonic()
        time.sleep(LOOK)


def read_home(folder: Path) -> tuple[peers.ParticipantSettings, ledger.Deployment, str]:
    """The settings, the network and the chain's place of whoever joined from ``folder``."""
    settings = peers.ParticipantSettings.read(folder)
    where = settings.ledger if "://" in settings.ledger else str((folder / settings.ledger).resolve())
    return settings, ledger.Deployment.load(folder / settings.deployment), where


def read_schema(folder: Path) -> Schema:
    """The schema of the network that was joined from ``folder``."""
    try:
        return Schema.from_text((folder / "schema.json").read_text(encoding="utf-8"), str(folder / "schema.json"))
    except (OSError, json.JSONDecodeError) as error:
        raise PeersError(
            f"{folder} has no schema ({error}): the `klopf join` that made the folder brings it back"
        ) from None
