"""Make a run folder: everything checked first, then keys, data, contracts and registrations; or nothing at all."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from klopf import audit, chain, files, ledger, peers
from klopf.errors import AuditError, KlopfError, PeersError
from klopf.network._data import Shares, share_out
from klopf.network._folder import Member, Run
from klopf.network._home import enter, furnish, with_targets, write_arrays
from klopf.network._settings import AuditorSettings, NetworkSettings, NeuronSettings
from klopf.network._units import prepared
from klopf.peers.models import public_name

__all__ = ["examined", "prepare"]

GAS_MONEY = 10**18
"""Wei given to each participant. The embedded chain's gas is free; elsewhere this pays for some 1,000 transactions."""


def prepare(
    settings: NetworkSettings, folder: Path, passphrase: str, begun: Callable[[str], None]
) -> tuple[Run, Shares]:
    """Check everything that can be checked, then make ``folder``. On any error nothing is left behind.

    ``begun`` gets a line for each thing begun. Returns the run and the shares (the test targets stay with the caller).

    Raises:
        KlopfError: what is wrong with data, ports, ledger or passphrase, in one line.
    """
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise PeersError(f"{folder} exists and is not empty: choose another folder with --folder, or move it away")
    begun("reading the data")
    shares, marks = examined(settings)
    operator = _operator(settings, passphrase)
    with _folder_or_nothing(folder):
        where = settings.ledger.rpc or str((folder / settings.ledger.file).absolute())
        if settings.ledger.rpc is None:
            begun("creating the ledger")
            chain_id = 1_000_000 + secrets.randbelow(2**31)
            chain.create(where, chain_id=chain_id, allocation={operator.address: 10**24}, same_second=True).close()
        ledger.keys.save(operator, folder / "operator.json", passphrase, light=True)
        begun("deploying the contracts")
        packs = ("evidence",) if settings.audit.challenge_seconds else ()
        terms = _asked(settings, shares)
        deployment = ledger.deploy(
            where, operator, _parameters(settings), marks=marks, audit=terms, packs=(*ledger.packs.USUAL, *packs)
        )
        for pack in settings.ledger.packs:
            begun(f"adding the pack {pack}")
            with ledger.connect(where, operator, deployment) as book:
                deployment = ledger.add_pack(book, pack).deployment or deployment
        deployment.save(folder / "deployment.json")
        with ledger.connect(where, operator, deployment) as book:
            members = _register_everybody(settings, folder, where, shares, book, passphrase, begun)
        run = Run(folder, settings, members, shares.test.task, where, shares.schema)
        run.write()
        for place in (".", *(member.folder for member in members)):
            files.replace(folder / place / "schema.json", shares.schema.text)
        write_arrays(folder / "test.npz", {"targets": shares.test.targets})
    return run, shares


def examined(settings: NetworkSettings) -> tuple[Shares, ledger.Marks]:
    """Everything that can be checked before a folder is made, and what follows from it.

    Raises:
        KlopfError: what is wrong with data, ports, models, audit tasks or packs, in one line.
    """
    shares = share_out(settings)
    _check_ports(settings)
    _check_models(settings, shares)
    marks = _marks(settings, shares)
    for pack in settings.ledger.packs:
        ledger.packs.pack_called(pack)
    return shares, marks


@contextlib.contextmanager
def _folder_or_nothing(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PeersError(
            f"cannot make the run folder {folder}: {error.strerror}; choose another with --folder"
        ) from None
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _check_ports(settings: NetworkSettings) -> None:
    first = settings.wire.first_port
    for port in range(first, first + len(settings.neuron)) if first else [0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.wire.host, port))
            except OSError as error:
                raise PeersError(
                    f"cannot listen at {settings.wire.host}:{port}: {error.strerror}; free the port, or set "
                    "wire.first_port to another (0 lets the system choose)"
                ) from None


def _check_models(settings: NetworkSettings, shares: Shares) -> None:
    """Every conduct and every model can be made: better said now than by a process that dies."""
    task, ids = shares.test.task, {n.name: i for i, n in enumerate(settings.neuron, start=1)}
    everybody: list[NeuronSettings | AuditorSettings] = [*settings.neuron, *settings.auditor]
    for i, one in enumerate(everybody):
        try:
            conduct = _conduct(one, i, ids).make(task)
            if isinstance(one, NeuronSettings):
                name, own = conduct.model(one.model, _model_settings(one, shares.sees[i]))
                peers.create_model(name, task, i, own)
                peers.Domain.registered(prepared(one.knows, shares.schema), task, public_name(one.model, one.settings))
        except KlopfError as error:
            kind = "neuron" if isinstance(one, NeuronSettings) else "auditor"
            raise type(error)(f"{kind} {one.name!r}: {error}") from None


def _model_settings(neuron: NeuronSettings, sees: tuple[int, ...]) -> dict[str, Any]:
    return dict(neuron.settings) | ({"sees": list(sees)} if sees else {})


def _conduct(one: NeuronSettings | AuditorSettings, seed: int, ids: dict[str, int]) -> peers.ConductSettings:
    """The honest conduct, or that which the settings name."""
    if one.conduct is None:
        return peers.ConductSettings()
    return peers.ConductSettings(one.conduct, dict(one.conduct_settings), seed, ids)


def _operator(settings: NetworkSettings, passphrase: str) -> ledger.keys.Key:
    """Who deploys and pays: the key that the settings name, or a new one."""
    if settings.ledger.key is None:
        return ledger.keys.new()
    return ledger.keys.load(settings.ledger.key, passphrase)


def _parameters(settings: NetworkSettings) -> ledger.Parameters:
    rules, unit = settings.rules, ledger.KLP
    auditors = len(settings.auditor)
    return ledger.Parameters(
        listen_seconds=settings.ledger.listen_seconds,
        claim_seconds=settings.ledger.claim_seconds,
        dispute_seconds=settings.ledger.dispute_seconds,
        seats=rules.seats,
        maturity=rules.maturity,
        market_bps=10_000,  # nobody works for effort here: all of a cycle's reward is for being listened to
        emission=round(rules.emission * 10**6) * (unit // 10**6),
        neuron_stake=round(rules.stake * unit),
        auditor_stake=round(rules.stake * unit) // 2,
        audit_seats=min(3, auditors),
        audit_quorum=min(2, auditors),
    )


def _marks(settings: NetworkSettings, shares: Shares) -> ledger.Marks:
    """What each task's median must reach; what is named for a task goes before the rules' marks of the usual two."""
    asked = audit.audit_tasks(settings.audit.tasks, shares.test.task)
    questions = min(settings.audit.questions, len(peers.different(shares.audit.inputs)))
    for name, one in asked.items():
        if one.fewest > questions:
            raise AuditError(
                f"the audit task {name!r} needs at least {one.fewest} questions and would get {questions}: "
                "raise audit.questions or data.audit, or leave it out of audit.tasks"
            )
    usual = {"accuracy": settings.rules.pass_accuracy, "robustness": settings.rules.pass_robustness}
    named = {task: least for task, least in usual.items() if task in asked} | settings.audit.marks
    return ledger.Marks({task: round(least * 10_000) for task, least in audit.marks(asked, named).items()})


def _asked(settings: NetworkSettings, shares: Shares) -> ledger.AuditTerms:
    """The usual terms of audits, with room for as many questions as this network asks."""
    usual = ledger.AuditTerms()
    asked = min(settings.audit.questions, len(peers.different(shares.audit.inputs)))
    terms = replace(usual, fewest=min(usual.fewest, asked), most=max(usual.most, asked))
    if not settings.audit.challenge_seconds:
        return terms
    deposit = round(settings.rules.stake * ledger.KLP) // 100 or 1
    return replace(terms, challenge_seconds=settings.audit.challenge_seconds, deposit=deposit)


def _register_everybody(
    settings: NetworkSettings, folder: Path, where: str, shares: Shares,
    book: ledger.Ledger, passphrase: str, begun: Callable[[str], None],
) -> tuple[Member, ...]:  # fmt: skip
    """Folders, keys, certificates, money and registrations, in the order neurons, auditors, requester."""
    task = shares.test.task
    rules, unit = settings.rules, ledger.KLP
    members: list[Member] = []
    ids = {n.name: i for i, n in enumerate(settings.neuron, start=book.registry.count() + 1)}

    def join(name: str, role: str, model: str, place: str, data: dict[str, Any], more: dict[str, Any],
             stake: int, deposit: int, who: NeuronSettings | AuditorSettings | None = None,
             port: int = 0, spare: int = 0) -> None:  # fmt: skip
        begun(f"registering {name}")
        home = folder / place / name
        up = "/".join(".." for _ in Path(place, name).parts)
        conduct = _conduct(who, settings.seed * 1000 + len(members) + 1, ids) if who else peers.ConductSettings()
        own_settings = peers.ParticipantSettings(
            name=name, role=role, ledger=where if "://" in where else f"{up}/{settings.ledger.file}",
            deployment=f"{up}/deployment.json", epochs=settings.epochs, task=task,
            seed=settings.seed * 1000 + len(members), host=settings.wire.host, port=port,
            seal_seconds=rules.seal_seconds, conduct=conduct, more=more,
        )  # fmt: skip
        key, certificate = furnish(home, own_settings, data, passphrase, light=True)
        book.fund(key.address, GAS_MONEY, stake + deposit + spare)
        with ledger.connect(where, key, book.deployment) as own:
            id = enter(own, ledger.Role[role.upper()], certificate, model=model, stake=stake, deposit=deposit)
        shown = who.shown if isinstance(who, NeuronSettings) and who.conduct else model
        members.append(Member(id, name, role, f"{place}/{name}", shown, who is None or who.conduct is None))
        if role == "neuron":
            peers.birth(home, task, settings.seed * 1000 + len(members), peers.NeuronSettings(**more), conduct)

    stake, asking = round(rules.stake * unit), settings.requester
    fee = round(asking.fee * 10**9) * (unit // 10**9)
    for i, (neuron, share) in enumerate(zip(settings.neuron, shares.neurons, strict=True)):
        knows = prepared(neuron.knows, shares.schema)
        more = {
            "model": neuron.model, "settings": _model_settings(neuron, shares.sees[i]), "passes": neuron.passes,
            "questions": rules.questions, "ask": rules.ask, "fringe_seats": rules.fringe_seats,
            "price": str(fee // 100),  # what a requester offers to try somebody
            "distil": neuron.distil, "knows": knows,
        }  # fmt: skip
        port = settings.wire.first_port + i if settings.wire.first_port else 0
        told = peers.Domain.registered(knows, task, public_name(neuron.model, neuron.settings))
        join(neuron.name, "neuron", told, "neurons", with_targets(share), more, stake, 0, neuron, port)
    for auditor in settings.auditor:
        more = {"questions": settings.audit.questions, "tasks": list(settings.audit.tasks)}
        spare = stake // 2 if settings.audit.challenge_seconds else 0  # to doubt with
        join(auditor.name, "auditor", "", "auditors", with_targets(shares.audit), more, stake, 0, auditor, spare=spare)
    data = with_targets(shares.reference) | {"questions": shares.test.inputs}
    deposit = round(asking.budget * 10**9) * (unit // 10**9)
    join(asking.name, "requester", "", "requesters", data, {"fee": str(fee)}, stake, deposit)  # phases wait for stake
    return tuple(members)
