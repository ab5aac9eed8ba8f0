"""The circle of capital, played on a chain of its own (E5): a maker sells devices, an investor funds a provider, who
buys data and rounds of their owners; the model is audited, becomes shares, is licensed by the maker, and what it earns
reaches whoever bought half of the investor's shares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from klopf import ledger
from klopf.audit import audit_tasks
from klopf.audit._transcript import transcript
from klopf.fleet import Outcome, amounts, pay_out, report_job
from klopf.fleet._circle import DAY, MODEL, WORKS, Cast, digits, effort, into, klp, sell, train, why
from klopf.fleet._parameters import Parameters, digest
from klopf.fleet.models.mind import MindModel
from klopf.ledger import KLP, Ledger, ReceiptTree, Result, Role
from klopf.ledger.finance import Kind, Thing, VentureTerms
from klopf.ledger.finance.models import SHARES
from klopf.ledger.finance.ventures import Use
from klopf.peers import Classes

__all__ = ["play_economy"]

_PACKS = ("core", "market", "audit", "fleet", "finance")
_RULES = ledger.Parameters(maturity=0, dispute_seconds=0)
_GOAL, _DATA, _COMPUTE, _AUDIT = 400 * KLP, 200 * KLP, 100 * KLP, 30 * KLP
_LICENCE, _HALF, _STAKE = 120 * KLP, 180 * KLP, 10 * KLP
_FOUNDER_BPS, _WINDOW, _QUESTIONS = 2500, 3 * DAY, 200


class _Town(Cast):
    """The fleet's people, an investor, who buys half of its shares, and three auditors; with what each had at first."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed, parameters=_RULES, packs=_PACKS)
        self.investor, self.buyer = self.one("investor", 1000), self.one("buyer", 500)
        self.auditors = [self.one(f"auditor{i}", 200) for i in range(3)]
        self.roles = {
            "maker": [self.maker], "owners": self.owners, "provider": [self.provider], "investor": [self.investor],
            "buyer": [self.buyer], "auditors": self.auditors, "leader": [self.leader], "server": [self.server],
        }  # fmt: skip
        self.had = {role: self._has(them) for role, them in self.roles.items()}
        self.supplied = self.admin.token.supply()

    def _has(self, them: list[Ledger]) -> int:
        """Tokens, and those that are staked."""
        people = {one.me.address for one in them}
        staked = [self.admin.stake.account(p.id) for p in self.admin.registry.all() if p.owner in people]
        return sum(self.balance(one) for one in them) + sum(a.staked + a.thawing for a in staked)

    def money(self) -> list[dict[str, Any]]:
        """Of each role, what it had and has."""
        rows = [(role, self.had[role], self._has(them)) for role, them in self.roles.items()]
        return [{"who": role, "had": klp(had), "has": klp(has), "gained": klp(has - had)} for role, had, has in rows]

    def social(self) -> dict[str, Any]:
        """The account of all: every token that there is, where it is, and how many were made and burnt since."""
        token, places = self.admin.token, self.deployment.addresses
        people = sum(map(self._has, self.roles.values()))
        staked = people - sum(self.balance(one) for them in self.roles.values() for one in them)
        founders = {self.admin.me.address, self.deployment.treasury}
        held = {
            "people (with their stakes)": people,
            "who founded the network, and its treasury": sum(map(token.balance, founders)),
        }
        for name, address in places.items():
            if here := token.balance(address) - (staked if name == "Stake" else 0):
                held[f"the contract {name}"] = here
        supply, burnt = token.supply(), token.burnt()
        return {
            "there were": klp(self.supplied), "there are": klp(supply),
            "made": f"{supply + burnt - self.supplied}e-18",
            "burnt": f"{burnt}e-18", "where": {who: klp(amount) for who, amount in held.items()},
            "nowhere": f"{supply - sum(held.values())}e-18",
        }  # fmt: skip


def play_economy(folder: Path, seed: int = 0, told: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Play it into the new ``folder``: ledger, ``report.json`` and ``report.html``; returns what the report says.
    Stopped before its end, it leaves no folder.

    All keys are made from ``seed``, so this is for looking at, not for money.

    Raises:
        FleetError: the folder is there already.
    """
    return into(folder, lambda: _Town(folder, seed), lambda town: _play(town, seed, told), _page)


def _play(town: Any, seed: int, told: Callable[[str], None]) -> dict[str, Any]:
    sold = sell(town)
    told(f"the maker sold {len(sold)} devices to their owners")
    node = town.leader.effort.found(by_data=True, fee_bps=500)
    for owner, device in zip(town.owners, sold, strict=True):
        owner.effort.join(device, node)
    receiver = town.provider.registry.register(Role.REQUESTER, endpoint="", model="", certificate=b"")
    town.provider.stake.stake(receiver, _STAKE)
    town.admin.emission.roll()
    venture = _fund(town, told)
    spend = partial(_spend, town, venture, told)
    outcome, data, validation = train(town, seed, told, partial(spend, Use.DATA, _DATA))
    compute = spend(Use.COMPUTE, _COMPUTE, town.admin.clock.now().time + 10 * DAY, _digest_of("rounds"))
    cycle = effort(town, outcome, sold, receiver)
    payees = {f"device{i}": owner.me.address for i, owner in enumerate(town.owners)}
    work = _seconds(outcome)
    paid = _pay(town, {data: (outcome.shares, _DATA), compute: (work, _COMPUTE)}, payees)
    told("the owners were paid: for data by what it was worth, for rounds by the time that they took")
    model = bytes.fromhex(digest(outcome.parameters))
    neuron, scores = _audit(town, outcome.parameters, model, seed, venture, told)
    deed = town.provider.models.deed(venture, neuron, _LICENCE)
    signed = {0: town.investor.models.sign(deed)}
    minted = town.provider.models.mint(deed, town.provider.models.sign(deed), signed)
    town.did(f"provider and investor have signed: model {minted} becomes shares", town.provider)
    told(f"model {minted} is minted: a quarter of its shares is the provider's, the rest the investor's")
    half = town.investor.models.shares(minted, town.investor.me.address) // 2
    _trade_shares(town, minted, half, told)
    town.maker.models.license(minted)
    town.did(f"the maker buys a licence of model {minted}", town.maker, amount=_LICENCE)
    told(f"the maker licensed the model for {_LICENCE // KLP} KLP")
    claimed = {}
    for name in ("provider", "investor", "buyer"):
        one = getattr(town, name)
        claimed[name] = one.models.claimable(minted, one.me.address)
        one.models.claim(minted)
        town.did(f"the {name} claims what its shares have earned", one, amount=claimed[name])
    _end(town, venture, cycle, node, sold)
    told("the venture is over: what was not spent went back to the investor")
    differences = ledger.verify(town.admin, [])
    return {
        "score": outcome.rounds[-1].score, "rounds": len(outcome.rounds), "met": outcome.met, "model": model.hex(),
        "validation": validation.commitment(), "audits": scores, "differences": [str(d) for d in differences],
        "devices": [
            {
                "device": i, "works": works or "honestly", "why": why(outcome, f"device{i}"),
                "for data": klp(paid[data].get(payees[f"device{i}"], 0)),
                "for rounds": klp(paid[compute].get(payees[f"device{i}"], 0)),
            }
            for i, works in enumerate(WORKS)
        ],
        "revenue": {name: klp(amount) for name, amount in claimed.items()},
        "shares": {name: town.admin.models.shares(minted, getattr(town, name).me.address) / SHARES for name in claimed},
        "money": town.money(), "social": town.social(), "steps": town.steps,
    }  # fmt: skip


def _digest_of(what: str) -> bytes:
    """Terms of a job."""
    return hashlib.sha256(what.encode()).digest()


def _fund(town: Any, told: Callable[[str], None]) -> int:
    """The provider asks, the investor brings all of it."""
    now = town.admin.clock.now().time
    plan = _digest_of("a model of handwritten digits")
    terms = VentureTerms(_GOAL, now + 7 * DAY, now + 60 * DAY, town.server.me.address, _FOUNDER_BPS, plan)
    venture: int = town.provider.ventures.open(terms)
    town.did(f"the provider asks for {_GOAL // KLP} KLP as venture {venture}", town.provider)
    town.investor.ventures.fund(venture, _GOAL)
    town.did("the investor brings them", town.investor, amount=_GOAL)
    told(f"the investor brought {_GOAL // KLP} KLP, which can be spent on data, compute, audits and storage alone")
    return venture


def _spend(
    town: Any, venture: int, told: Callable[[str], None], use: Use, price: int, until: int, terms: bytes
) -> int:  # fmt: skip
    job: int = town.provider.ventures.spend(venture, price, until, terms, use=use, window=_WINDOW)
    town.did(f"the provider spends on {use.name.lower()}, as job {job}", town.provider, amount=price)
    told(f"{price // KLP} KLP of the investor's are locked for {use.name.lower()}, as job {job}")
    return job


def _seconds(outcome: Outcome) -> dict[str, float]:
    """Of each device whose work was worth something, its part of the time that all worked."""
    found: dict[str, float] = {}
    for one in outcome.rounds:
        for name, (_, seconds, _) in one.work.items():
            if outcome.shares.get(name, 0) > 0:
                found[name] = found.get(name, 0) + seconds
    whole = sum(found.values())
    return {name: seconds / whole for name, seconds in found.items()}


def _pay(
    town: Any, jobs: Mapping[int, tuple[Mapping[str, float], int]], payees: Mapping[str, str]
) -> dict[int, dict[str, int]]:
    """The server says who is due what of each job, three days pass in which anybody may object, and all is paid."""
    for job, (shares, price) in jobs.items():
        report_job(town.server, job, amounts(shares, payees, price))
        town.did(f"the server reports on job {job} who is due what", town.server)
    town.pass_time(_WINDOW)
    paid = {}
    for job in jobs:
        paid[job] = pay_out(town.admin, job, list(payees.values()))
        town.did(f"job {job} has paid", town.admin, amount=sum(paid[job].values()))
        town.admin.ventures.collect(job)
    return paid


def _audit(
    town: Any, parameters: Parameters, model: bytes, seed: int, venture: int, told: Callable[[str], None]
) -> tuple[int, list[dict[str, float]]]:
    """The provider's neuron commits to the model; three auditors ask it questions of their own, and are paid."""
    machine = town.one("neuron")  # its key is no other participant's
    neuron = _join(town.provider, Role.NEURON, machine)
    ids = [_join(one, Role.AUDITOR) for one in town.auditors]
    town.admin.clock.start()
    now = town.admin.clock.now().epoch
    machine.settlement.post(neuron, ReceiptTree([]).root, model)
    town.did(f"neuron {neuron} commits to the model", town.provider)
    found = {}
    for number, (one, id) in enumerate(zip(town.auditors, ids, strict=True)):
        found[id] = [_asked(parameters, seed, number, neuron)]
        one.audits.commit(id, found[id], _digest_of(f"{seed} {number}"))
    _advance(town)
    machine.settlement.claim(neuron, [])
    for number, (one, id) in enumerate(zip(town.auditors, ids, strict=True)):
        one.audits.reveal(id, found[id], _digest_of(f"{seed} {number}"))
        town.did(f"auditor {id} reveals what it found", one)
    _advance(town)
    town.admin.settle(now)
    scores = [{task: c.score.value / 10_000 for task, c in rows[0].counts.items()} for rows in found.values()]
    told(f"three auditors asked {_QUESTIONS} questions each: " + ", ".join(f"{s['accuracy']:.1%}" for s in scores))
    job = _spend(town, venture, told, Use.AUDIT, _AUDIT, town.admin.clock.now().time + DAY, _digest_of("audit"))
    names = {f"auditor{i}": one.me.address for i, one in enumerate(town.auditors)}
    _pay(town, {job: (dict.fromkeys(names, 1 / 3), _AUDIT)}, names)
    return neuron, scores


def _join(one: Ledger, role: Role, machine: Ledger | None = None) -> int:
    works = machine or one
    id = one.registry.register(role, key=works.me, endpoint="", model="digits", certificate=b"")
    one.stake.stake(id, 100 * KLP)
    works.clock.arrive(id)
    return id


def _advance(town: Any) -> None:
    if not town.admin.clock.advance():
        town.pass_time(_RULES.listen_seconds + 1)
        town.admin.clock.advance()


def _asked(parameters: Parameters, seed: int, number: int, neuron: int) -> Result:
    """What an auditor finds by the usual tasks, with samples that it draws among those that no device saw."""
    mind = MindModel.create(MODEL, seed)
    mind.load(parameters)
    x, y = digits(seed)
    rng = np.random.default_rng([seed, number])
    drawn = rng.permutation(500)[:_QUESTIONS]
    inputs, targets = x[drawn], y[drawn].astype(np.int64)
    spread = np.where((deviation := inputs.std(axis=0)) > 0, deviation, 1).astype(np.float32)
    task = Classes(features=tuple(f"pixel {i}" for i in range(64)), names=tuple(map(str, range(10))))
    counts = {}
    for name, one in audit_tasks((), task).items():
        questions = one.questions(inputs / spread, rng) * spread
        answers = mind.answer(questions)
        each = one.score(answers, targets).in_ten_thousandths(len(targets))
        counts[name] = transcript(questions, answers, targets, each).counts
    return Result(neuron, counts)


def _trade_shares(town: Any, model: int, half: int, told: Callable[[str], None]) -> None:
    """Half of what the investor has, for a price, in one transaction."""
    until = town.admin.clock.now().time + DAY
    offer = town.investor.trades.offer(Thing(Kind.SHARES, model, half), _HALF, until)
    town.did(f"the investor offers half of its shares as {offer}", town.investor)
    town.buyer.trades.buy(offer, _HALF)
    town.did("they and their price change hands", town.buyer, town.investor.me.address, _HALF)
    told(f"the investor sold half of its shares for {_HALF // KLP} KLP")


def _end(town: Any, venture: int, cycle: int, node: int, sold: list[int]) -> None:
    """The cycle's effort is paid, and what the venture did not spend goes back."""
    town.admin.effort.pay_node(cycle, node)
    for owner, device in zip(town.owners, sold, strict=True):
        town.admin.effort.pay_device(cycle, node, device, owner.me.address)
    town.pass_time(60 * DAY)
    town.admin.ventures.take_back(venture, 0)
    town.did("what was not spent goes back to the investor", town.admin, town.investor.me.address)


def _page(said: dict[str, Any]) -> str:
    """The report for people: one page, nothing loaded from anywhere."""

    def table(rows: list[dict[str, Any]]) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
        lines = ("".join(f"<td>{escape(str(value))}</td>" for value in row.values()) for row in rows)
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"

    social = said["social"]
    where = table([{"where": who, "KLP": amount} for who, amount in social["where"].items()])
    revenue = ", ".join(f"the {who} {amount} KLP" for who, amount in said["revenue"].items())
    checked = "nothing differs" if not said["differences"] else f"{len(said['differences'])} differences"
    return (
        "<!doctype html><meta charset=utf-8><title>Klopf: the circle of capital</title>"
        "<style>body{font-family:system-ui;max-width:60rem;margin:2rem auto;line-height:1.5}"
        "td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #ccc;overflow-wrap:anywhere}</style>"
        "<h1>The circle of capital</h1>"
        "<p>An investor's money bought data and rounds of a fleet, and audits; it could buy nothing else. The model "
        f"gets {100 * said['score']:.1f} % right after {said['rounds']} rounds, passed its audit, became shares, and "
        f"was licensed by the maker of the devices. Of that licence {revenue}.</p>"
        f"<h2>Whose money</h2>{table(said['money'])}"
        f"<h2>The account of all</h2><p>There were {social['there were']} KLP, {social['made']} were made and "
        f"{social['burnt']} burnt, so there are {social['there are']}; {social['nowhere']} are nowhere.</p>{where}"
        f"<h2>Devices</h2>{table(said['devices'])}<h2>Step by step</h2>{table(said['steps'])}"
        f"<p>The ledger was played again and compared: {checked}.</p>"
    )
