"""The full circle, played on a chain of its own: a maker sells devices, their owners' data trains a provider's model,
the provider pays by contribution, and the maker licenses the model (E5)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import chain, files, ledger
from klopf.errors import FleetError
from klopf.fleet._contribution import Validation
from klopf.fleet._device import Instructions
from klopf.fleet._hosts import Hosted, hosts
from klopf.fleet._parameters import digest
from klopf.fleet._pay import amounts, effort_receipt, pay_out, report_effort, report_job
from klopf.fleet._post import Post
from klopf.fleet._rounds import Demand, Outcome, Round, Rounds, Test
from klopf.fleet.strategies import strategy
from klopf.ledger import KLP, Key, Ledger, Role

__all__ = [
    "DAY",
    "MODEL",
    "PRICE",
    "WORKS",
    "Cast",
    "digits",
    "effort",
    "into",
    "klp",
    "play_circle",
    "sell",
    "train",
    "why",
]

DAY = 24 * 3600
PRICE, _JOB, _LICENCE, _STAKE = 50 * KLP, 300 * KLP, 120 * KLP, 10 * KLP
WORKS = ("", "", "", "", "", "", "free-riding", "label flips")
"""How each device works: six honestly, one sends what the model changed last, one learns wrong labels."""

MODEL = {"sensors": 64, "outputs": 10, "hidden": [32], "step_size": 0.05}
"""Settings of the mind that is trained."""


def secret(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"klopf fleet demo {seed} {name}".encode()).digest()


class Cast:
    """Everybody's key and ledger, and what was done on it."""

    def __init__(self, folder: Path, seed: int, **deployed: Any) -> None:
        """``deployed`` is what :func:`klopf.ledger.deploy` is given beyond the usual."""
        self.steps: list[dict[str, Any]] = []
        self._seed, self._opened = seed, list[Ledger]()
        self._place = place = str(folder / "ledger.sqlite")
        chain.create(place, chain_id=31337, dev=True).close()
        self.deployment = ledger.deploy(place, self._key("admin", seed), **deployed)
        self.admin = self.one("admin")
        self.deployment.save(folder / "deployment.json")
        self.maker, self.provider, self.server, self.leader = (
            self.one(name) for name in ("maker", "provider", "server", "leader")
        )
        self.owners = [self.one(f"owner{i}") for i in range(len(WORKS))]
        self.devices = [self._key(f"device{i}", seed) for i in range(len(WORKS))]
        for one, tokens in ((self.maker, 500), (self.provider, 1000), *((owner, 200) for owner in self.owners)):
            self.admin.fund(one.me.address, tokens=tokens * KLP)

    @staticmethod
    def _key(name: str, seed: int) -> Key:
        return Key(secret(name, seed))

    def one(self, name: str, tokens: int = 0) -> Ledger:
        """Somebody of that name, with so many KLP."""
        made = ledger.connect(self._place, self._key(name, self._seed), self.deployment)
        self._opened.append(made)
        if tokens:
            self.admin.fund(made.me.address, tokens=tokens * KLP)
        return made

    def did(self, what: str, by: Ledger, to: str = "", amount: int = 0) -> None:
        """The transaction that was just sent, for the report."""
        block: Any = self.admin.rpc.request("eth_getBlockByNumber", "latest", False)
        step = {"what": what, "by": by.me.address, "to": to, "KLP": klp(amount)}
        self.steps.append({**step, "transaction": block["transactions"][-1]})

    def pass_time(self, seconds: int) -> None:
        self.admin.rpc.request("evm_increaseTime", hex(seconds))

    def balance(self, one: Ledger) -> int:
        return self.admin.token.balance(one.me.address)

    def close(self) -> None:
        for one in self._opened:
            one.close()


def play_circle(folder: Path, seed: int = 0, told: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Play it into the new ``folder``: ledger, model, ``report.json`` and ``report.html``; returns what the report
    says. Stopped before its end, it leaves no folder.

    All keys are made from ``seed``, so this is for looking at, not for money.

    Raises:
        FleetError: the folder is there already.
    """
    return into(folder, lambda: Cast(folder, seed), lambda cast: _play(cast, folder, seed, told), _page)


def into(
    folder: Path, begin: Callable[[], Cast], play: Callable[[Cast], dict[str, Any]], page: Callable[[Any], str]
) -> dict[str, Any]:
    """Play something into a new folder, with its report; nothing stays of it where it is stopped.

    Raises:
        FleetError: the folder is there already.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise FleetError(f"{folder} exists: the demonstration needs a new folder; choose another name") from None
    try:
        cast = begin()
        try:
            said = play(cast)
        finally:
            cast.close()
        files.replace(folder / "report.json", json.dumps(said, indent=1) + "\n")
        files.replace(folder / "report.html", page(said))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # of a play that was stopped nothing is of use
        raise
    return said


def _play(cast: Cast, folder: Path, seed: int, told: Callable[[str], None]) -> dict[str, Any]:
    sold = sell(cast)
    told(f"the maker sold {len(sold)} devices for {PRICE // KLP} KLP each, token and price in one transaction")
    node = cast.leader.effort.found(by_data=True, fee_bps=500)
    for owner, device in zip(cast.owners, sold, strict=True):
        owner.effort.join(device, node)
    receiver = cast.provider.registry.register(Role.REQUESTER, endpoint="", model="", certificate=b"")
    cast.provider.stake.stake(receiver, _STAKE)
    cast.admin.emission.roll()

    def lock(until: int, terms: bytes) -> int:
        job = cast.provider.jobs.open(cast.server.me.address, _JOB, until, DAY, terms)
        cast.did(f"the provider locks what devices are to share as job {job}", cast.provider, amount=_JOB)
        told(f"the provider locked {_JOB // KLP} KLP as job {job}, and committed its validation set")
        return job

    outcome, job, validation = train(cast, seed, told, lock)
    before = {i: cast.balance(owner) for i, owner in enumerate(cast.owners)}
    payees = {f"device{i}": owner.me.address for i, owner in enumerate(cast.owners)}
    report_job(cast.server, job, amounts(outcome.shares, payees, _JOB))
    cast.did(f"the server reports on job {job} who is due what", cast.server)
    told("the server reported on the escrow; a day passes, in which nobody objects")
    cycle = effort(cast, outcome, sold, receiver)
    cast.pass_time(DAY)
    paid = pay_out(cast.admin, job, list(payees.values()))
    cast.did(f"job {job} has paid, and returns what nobody is due", cast.admin, amount=sum(paid.values()))
    cast.admin.effort.pay_node(cycle, node)
    cast.did(f"the node is paid for its effort in cycle {cycle}", cast.admin)
    for owner, device in zip(cast.owners, sold, strict=True):
        cast.admin.effort.pay_device(cycle, node, device, owner.me.address)
    earned = {i: cast.balance(owner) - before[i] for i, owner in enumerate(cast.owners)}
    model = digest(outcome.parameters)
    licence = {"model": model, "licensee": cast.maker.me.address, "use": "in devices of its own make, for ever"}
    trade(cast, cast.provider, cast.maker, _LICENCE, licence, "the licence of the model")
    told(f"the maker licensed the model for {_LICENCE // KLP} KLP")
    np.savez(folder / "model.npz", **{f"p{i}": a for i, a in enumerate(outcome.parameters)})  # type: ignore[arg-type]
    differences = ledger.verify(cast.admin, [])
    last, staked = outcome.rounds[-1], cast.admin.stake.account(receiver).staked
    return {
        "score": last.score, "rounds": len(outcome.rounds), "met": outcome.met, "model": model,
        "validation": validation.commitment(), "bytes": sum(r.sent + r.received for r in outcome.rounds),
        "job": job, "paid by the escrow": klp(sum(paid.values())), "differences": [str(d) for d in differences],
        "steps": cast.steps, "licence": licence,
        "devices": [
            {
                "device": i, "token": sold[i], "owner": payees[f"device{i}"], "works": works or "honestly",
                "why": why(outcome, f"device{i}"), "share": outcome.shares.get(f"device{i}", 0.0),
                "from the job": klp(paid.get(payees[f"device{i}"], 0)),
                "for effort": f"{earned[i] - paid.get(payees[f'device{i}'], 0)}e-18",
            }
            for i, works in enumerate(WORKS)
        ],
        "money": {
            "maker": klp(cast.balance(cast.maker) - 500 * KLP),
            "provider": klp(cast.balance(cast.provider) + staked - 1000 * KLP),
            "owners": klp(sum(cast.balance(owner) - 200 * KLP for owner in cast.owners)),
        },
    }  # fmt: skip


def sell(cast: Cast) -> list[int]:
    """The maker makes a device for each owner, who buys it. The devices' numbers."""
    sold = []
    for key, owner in zip(cast.devices, cast.owners, strict=True):
        device = cast.maker.devices.mint(key, 4, 1, 1024, hashlib.sha256(b"a sensor of the demonstration").digest())
        cast.did(f"the maker makes device {device}", cast.maker)
        said = {"device": device, "buyer": owner.me.address}
        trade(cast, cast.maker, owner, PRICE, said, f"device {device}", device)
        sold.append(device)
    return sold


def trade(
    cast: Cast, seller: Ledger, buyer: Ledger, price: int, said: dict[str, Any], what: str, device: int = 0
) -> None:
    """It is offered to the buyer by terms that name what is sold, and changes hands with its price, in one
    transaction."""
    terms = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()
    until = cast.admin.clock.now().time + DAY
    offer = seller.sales.offer(price, until, device=device, what=terms, buyer=buyer.me.address)
    cast.did(f"{what} is offered as {offer}", seller, buyer.me.address)
    buyer.sales.buy(offer)
    cast.did(f"offer {offer}: {what} and its price change hands", buyer, seller.me.address, price)


def why(outcome: Outcome, name: str) -> str:
    """Of a device: in how many rounds it was used, with whom it shared, and the usual reason why it was not."""
    used = sum(name in one.used for one in outcome.rounds)
    reasons = Counter(one.left_out[name] for one in outcome.rounds if name in one.left_out)
    near = sorted({other for one in outcome.rounds for other in one.near.get(name, ())})
    rest = f"; not used: {reasons.most_common(1)[0][0]}" if reasons else ""
    shares = f"; shares with {', '.join(near)}" if near else ""
    return f"used in {used} of {len(outcome.rounds)} rounds{shares}{rest}"


def digits(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Handwritten digits in the order that the seed says: inputs ``(n, 64)`` between 0 and 1, and classes ``(n,)``. The
    first 500 no device sees."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    return (x[order] / 16).astype(np.float32), y[order].astype(np.float32)


def train(
    cast: Cast, seed: int, told: Callable[[str], None], lock: Callable[[int, bytes], int]
) -> tuple[Outcome, int, Validation]:
    """The provider's demand: pay locked first (``lock`` does so by a time and on terms, and returns the job), then
    rounds until its test is met."""
    x, y = digits(seed)
    validation, test = Validation(x[:250], y[:250], os.urandom(16)), Test(x[250:500], y[250:500])
    parts = np.array_split(np.arange(500, len(x)), len(WORKS))
    server = Post("server", secret=secret("server", seed))
    wanted = Instructions("digits", "mind", MODEL, epochs=2, seed=seed)
    demand = Demand(wanted, rounds=12, goal=0.94)
    until = cast.admin.clock.now().time + 10 * DAY
    terms = hashlib.sha256(f"{demand} {validation.commitment()}".encode()).digest()
    job = lock(until, terms)
    held = [
        Hosted(f"device{i}", x[part], y[part], secret(f"device{i}", seed), works)
        for i, (part, works) in enumerate(zip(parts, WORKS, strict=True))
    ]

    def note(one: Round) -> None:
        told(f"round {one.number}: {100 * one.score:.1f} % right, {one.seconds:.1f} s; not used: {len(one.left_out)}")

    async def run(cards: list[Any]) -> Outcome:
        members = server.reach(cards)
        try:
            return await Rounds(demand, members, strategy("robust"), test, validation=validation, told=note).run()
        finally:
            await server.close()

    with tempfile.TemporaryDirectory() as place, hosts(held, 2, server.card(), Path(place)) as cards:
        told(f"{len(cards)} devices in 2 processes answer over mutual TLS")
        return asyncio.run(run(cards)), job, validation


def effort(cast: Cast, outcome: Outcome, sold: list[int], receiver: int) -> int:
    """A receipt for each device whose updates arrived, were in order and were worth something, for all rounds; the
    cycle they count in."""
    cycle = cast.admin.emission.cycle()
    for i, device in enumerate(sold):
        work = [one.work[f"device{i}"] for one in outcome.rounds if f"device{i}" in one.work]
        if work and outcome.shares.get(f"device{i}", 0) > 0:  # harm has no effort
            received, seconds, took = (sum(column) for column in zip(*work, strict=True))
            receipt = effort_receipt(cycle, 1, device, receiver, int(received), seconds, took)
            report_effort(cast.admin, receipt, cast.devices[i], cast.provider.me)
    return cycle


def klp(amount: int) -> float:
    return round(amount / KLP, 6)


def _page(said: dict[str, Any]) -> str:
    """The report for people: one page, nothing loaded from anywhere."""

    def cell(value: Any) -> str:
        return f"<td>{escape(str(round(value, 4) if isinstance(value, float) else value))}</td>"

    rows = "".join(f"<tr>{''.join(map(cell, row.values()))}</tr>" for row in said["devices"])
    head = "".join(f"<th>{escape(name)}</th>" for name in said["devices"][0])
    steps = "".join(f"<tr>{''.join(map(cell, step.values()))}</tr>" for step in said["steps"])
    steps = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in said['steps'][0])}</tr>{steps}"
    money = "".join(f"<li>{escape(who)}: {amount:+} KLP</li>" for who, amount in said["money"].items())
    checked = "nothing differs" if not said["differences"] else f"{len(said['differences'])} differences"
    return (
        "<!doctype html><meta charset=utf-8><title>Klopf: a fleet's full circle</title>"
        "<style>body{font-family:system-ui;max-width:60rem;margin:2rem auto;line-height:1.5}"
        "td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #ccc}"
        ".steps td{font-size:.8rem;overflow-wrap:anywhere}</style>"
        "<h1>A fleet's full circle</h1>"
        f"<p>A maker sold {len(said['devices'])} devices. Their owners' data trained a provider's model, which gets "
        f"{100 * said['score']:.1f} % of the provider's own test right after {said['rounds']} rounds and "
        f"{said['bytes']:,} bytes. The provider paid {said['paid by the escrow']} KLP by contribution, measured on a "
        f"validation set that it had committed as <code>{escape(said['validation'][:16])}…</code>; the rest of what "
        "it had locked went back. The maker licensed the model "
        f"<code>{escape(said['model'][:16])}…</code>.</p><table><tr>{head}</tr>{rows}</table>"
        f"<h2>Gained and spent</h2><ul>{money}</ul><h2>What was done on the ledger, step by step</h2>"
        f"<table class=steps>{steps}</table><p>The ledger was played again and compared: {checked}.</p>"
    )  # fmt: skip
