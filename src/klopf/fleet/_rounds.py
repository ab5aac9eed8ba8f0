"""Rounds of a demand: choose, send, train where the data is, collect, value, combine, test; until its own test is
met."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet._accounts import Accounts
from klopf.fleet._check import fits, judged
from klopf.fleet._choose import Oort
from klopf.fleet._contribution import Game, Validation, gtg, shares
from klopf.fleet._device import Instructions, Update
from klopf.fleet._gather import gathered
from klopf.fleet._hidden import hidden, opposed
from klopf.fleet._members import Member, Step
from klopf.fleet._parameters import Parameters, digest, flat, shapes_of, split
from klopf.fleet._players import Near, Player, repeated, stale, unfolded
from klopf.fleet._sealed import Keeps, Sealing, gathered_sealed
from klopf.fleet._sparse import pack, part_of, unpack
from klopf.fleet.models import made
from klopf.fleet.strategies import Strategy
from klopf.fleet.strategies.robust import bounded, clipped

__all__ = ["Demand", "Outcome", "Ready", "Round", "Rounds", "Test", "at_once"]

_CLEARLY = 0.05
"""Of the loss that is left: who lowers it by as much beside those who are used is used, too."""
_PATIENCE = 5
"""Lost tries in a row after which a demand ends."""


@dataclass(frozen=True)
class Demand:
    """What somebody wants trained.

    wanted: model and instructions. rounds: at most so many. goal: the score on the server's own test at which it ends.
    share: of the members that take part in a round, from 0 to 1. enough: the part of those asked with whose answers a
    round goes on. deadline: seconds for a round. grace: seconds for the others once enough have answered. sealed:
    everybody commits to an update before anybody's is sent (:mod:`klopf.fleet._sealed`), so that whoever sees what
    others send is too late to copy it, at one more message a member and round; None: where contributions are valued,
    for elsewhere there is nothing to earn by a copy.
    """

    wanted: Instructions
    rounds: int = 10
    goal: float = 1.0
    share: float = 1.0
    enough: float = 1.0
    deadline: float = 60.0
    grace: float = 0.25
    sealed: bool | None = None

    def __post_init__(self) -> None:
        if self.rounds < 1 or not 0 < self.share <= 1 or not 0 < self.enough <= 1:
            raise FleetError("a demand has at least 1 round, and a share and enough above 0 and at most 1")
        if not 0 < self.deadline <= 600 or self.grace < 0:
            raise FleetError("a round's deadline is above 0 and at most 600 s, and its grace at least 0")


@dataclass(frozen=True)
class Test:
    """The server's own records, which no device sees: inputs ``(n, features)``, targets ``(n,)``, float32."""

    __test__ = False  # not pytest's

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]


@dataclass(frozen=True)
class Round:
    """What came of one round: score and loss after it, seconds, bytes sent and received, each member's weight in the
    change, why others have none, what each one's update was worth, and its work: bytes that arrived and were verified,
    seconds of work as it says, and seconds until it had answered. near: with whom somebody shares what was worth."""

    number: int
    score: float
    loss: float
    seconds: float
    sent: int
    received: int
    used: Mapping[str, float]
    left_out: Mapping[str, str]
    values: Mapping[str, float] = field(default_factory=dict)
    work: Mapping[str, tuple[int, float, float]] = field(default_factory=dict)
    near: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def lost(self) -> bool:
        """Whether no update could be used or valued."""
        return not (self.used or self.values)


@dataclass
class Outcome:
    """A demand's end: the parameters, its rounds, whether the test was met, and each one's share of the pay, 1 in all
    (0 for everybody where nothing was valued)."""

    parameters: Parameters
    rounds: list[Round] = field(default_factory=list)
    met: bool = False
    shares: Mapping[str, float] = field(default_factory=dict)


class Ready(Protocol):
    """Waits until there are members for a round."""

    async def __call__(self, *, first: bool) -> None: ...


async def at_once(*, first: bool) -> None:
    """Nobody is waited for."""


class Rounds:
    """The synchronous rounds of one demand.

    Args:
        members: devices, or nodes behind leaders; names are unique. A node's devices are valued and used as
            ``node/device``, where the node's member says as ``devices`` which it has.
        strategy: how their updates become one.
        validation: on what contributions are valued; None values nothing. Who was worth nothing so far in all is valued
            but neither used nor paid, nor is who was worth less than 0.2 of the usual by weight, until it is. What
            repeats the model's own changes, empty updates, and those that do mostly what the validation set does not
            see are not valued; who gives what another one gives shares his pay.
        choice: whom to ask where ``demand.share`` is under 1; by default as drawn. With it all apply first.
        told: called after each round.
        says: what the server says, signed, to a member before each round but the first: a :class:`Statement`.
        ready: waited for before the first round and after each lost one.
    """

    def __init__(
        self,
        demand: Demand,
        members: Sequence[Member],
        strategy: Strategy,
        test: Test,
        *,
        validation: Validation | None = None,
        choice: Oort | None = None,
        told: Callable[[Round], None] = lambda _: None,
        says: Callable[[str], Mapping[str, Any]] = lambda _: {},
        ready: Ready = at_once,
    ) -> None:
        self._says = says
        self.demand, self.members, self.strategy, self.test = demand, {m.name: m for m in members}, strategy, test
        if not members or len(self.members) != len(members):
            raise FleetError("rounds need at least one member, each with a name of its own")
        self._accounts = Accounts()
        self._enrolled = {m.name: frozenset(getattr(m, "devices", ())) for m in members}
        self._sealing = {m.name: m if isinstance(m, Sealing) else Keeps(m, m.name) for m in members}
        self._validation, self._choice, self._told = validation, choice, told
        self._model = made(demand.wanted.model, demand.wanted.settings, demand.wanted.seed)
        self.now: Parameters = []
        """The parameters after the newest round."""
        self._seen: list[NDArray[np.float32]] = []  # the model's own last changes, and all of them together
        self._step: Step | None = None
        self._kept = np.zeros(0, np.float32)
        self._asked: list[str] = []
        self._near = Near()
        self._before: dict[str, NDArray[np.float32]] = {}  # what was given in the round before
        self.lost = 0  # rounds, since the last one in which an update was used
        self.ready = ready
        """Returns when there are enough members for a round; ``first``: for the first one of all."""

    async def run(self, start: Parameters | None = None, done: int = 0) -> Outcome:
        """All rounds after the first ``done``, from ``start`` or a new model's parameters.

        Raises:
            FleetError: as :meth:`close`.
        """
        outcome = Outcome(self.begin() if start is None else start)
        number = done + 1
        while number <= self.demand.rounds and not outcome.met:
            if number == done + 1 or self.lost:
                await self.ready(first=number == 1)
            if number == done + 1:
                await self._applications(number)
            after, one = await self.once(outcome.parameters, number)
            outcome.rounds.append(one)
            self.close(outcome, after, one)
            number += not self.lost
        return outcome

    async def _applications(self, number: int) -> None:
        """Ask everybody what it has and how fast it is, where not everybody is asked in each round. Who does not say,
        or shows a sample that this model cannot learn, may be tried later."""
        if self._choice is None:
            return
        asked = {
            name: one.apply(self.wanted_of(name, number), self.demand.deadline) for name, one in self.members.items()
        }
        said, _ = await gathered(asked, len(asked), self.demand.deadline, self.demand.grace)
        for name, one in sorted(said.items()):
            if fits(self._model, one):
                seconds = one.seconds * one.records * max(1, self.demand.wanted.epochs)
                self._choice.applied(name, one.records, one.loss, seconds)
            else:
                self._choice.missed(name, self.demand.deadline)

    def wanted_of(self, name: str, number: int) -> Instructions:
        """What a member is told for a round."""
        said = self._says(name) if number > 1 else {}
        parts = self.valued and bool(self._enrolled[name])  # of whoever is no node they would not be looked at
        return replace(self.demand.wanted, round=number, parts=parts, said=said)

    @property
    def values(self) -> dict[str, float]:
        """What each one is owed so far: its parts of what rounds gained by those whose updates were used, less what it
        forfeits by rounds in which it gave what was nobody's work."""
        return self._accounts.due()

    def begin(self) -> Parameters:
        """A new model's parameters."""
        return made(self.demand.wanted.model, self.demand.wanted.settings, self.demand.wanted.seed).parameters()

    @property
    def valued(self) -> bool:
        """Whether contributions are."""
        return self._validation is not None

    @property
    def sealed(self) -> bool:
        """Whether everybody commits before anybody's update is sent."""
        return self.valued if self.demand.sealed is None else self.demand.sealed

    def close(self, outcome: Outcome, after: Parameters, one: Round) -> None:
        """A round is over: keep what came of it, and tell. A round in which no update can be used is lost, and tried
        again.

        Raises:
            FleetError: five in a row were lost.
        """
        self.now = outcome.parameters = after
        outcome.shares = shares(self.values) or dict.fromkeys(self.members, 0.0)
        outcome.met = one.score >= self.demand.goal
        self._told(one)
        self.lost = self.lost + 1 if one.lost else 0
        if self.lost >= _PATIENCE:
            why = ": ".join(next(iter(sorted(one.left_out.items())), ("nobody", "was asked")))[:160]
            more = f"round {one.number}: no update can be used ({why}), nor in the {self.lost - 1} tries before"
            raise FleetError(f"{more}; are the devices served?")

    def standing(self) -> dict[str, Any]:
        """What each member was worth so far and the weight it had, and who was near whom, as JSON can hold it, to go
        on from."""
        return {**self._accounts.standing(), "near": self._near.standing()}

    def restore(self, standing: Mapping[str, Any]) -> None:
        """Back from :meth:`standing`. What sparse changes had left out, and a strategy's own state, begin anew."""
        self._accounts.restore(standing)
        self._near.restore(standing.get("near", {}))

    def seen(self) -> list[NDArray[np.float32]]:
        """What the model itself changed, all together and lately: whoever sends that did no work."""
        return list(self._seen)

    def restore_seen(self, seen: Sequence[NDArray[np.float32]]) -> None:
        """Back from :meth:`seen`."""
        self._seen = list(seen)

    async def once(self, now: Parameters, number: int) -> tuple[Parameters, Round]:
        """One round from ``now``: the parameters after it, and what came of it."""
        begun = time.perf_counter()
        chosen = self._asked = self._chosen(number)
        took: dict[str, float] = {}

        async def asking(name: str) -> Update:
            wanted = self.wanted_of(name, number)
            update = await self.members[name].fit(now, wanted, self.demand.deadline, self._step)
            took[name] = time.perf_counter() - begun
            return update

        enough = max(1, int(np.ceil(self.demand.enough * len(chosen))))
        deadline, grace = self.demand.deadline, self.demand.grace
        if self.sealed:
            sealing = {name: self._sealing[name] for name in chosen}
            wanted = {name: replace(self.wanted_of(name, number), sealed=True) for name in chosen}
            updates, left_out, took = await gathered_sealed(
                sealing, now, wanted, enough=enough, deadline=deadline, grace=grace, step=self._step
            )
        else:
            asked = {name: asking(name) for name in chosen}
            updates, left_out = await gathered(asked, enough, deadline, grace)
        return self.settle(now, number, updates, left_out, begun, took)

    def settle(
        self,
        now: Parameters,
        number: int,
        updates: Mapping[str, Update],
        left_out: dict[str, str],
        begun: float,
        took: Mapping[str, float],
        ages: Mapping[str, int] | None = None,
    ) -> tuple[Parameters, Round]:
        """What becomes of the updates of a round, in the order of their arrival. ages: how many rounds ago each
        began."""
        bases = None if ages is None else frozenset(update.base for update in updates.values())
        good, refused = judged(updates, now, bases)
        left_out |= refused
        updates_of, whose, wrong = unfolded(good, now, self._enrolled if self.valued else {})
        left_out |= wrong
        changes = {name: flat(update.change) for name, update in updates_of.items()}
        no_work: set[str] = set()
        if self.valued:
            old = stale(changes, self._seen)
            old |= repeated({name: one for name, one in changes.items() if name not in old}, self._before)
            left_out |= old
            no_work = {name for name in old if np.any(changes[name])}  # who gives nothing does not pretend
            self._before = changes
        names = [name for name in changes if name not in left_out]
        fresh = {name: (1.0 + (ages or {}).get(whose[name], 0)) ** -0.5 for name in names}
        heavy = bounded({name: float(updates_of[name].records) for name in names}) if names else {}
        players = self._players({name: changes[name] for name in names}, {n: heavy[n] * fresh[n] for n in names})
        players, unseen = self._shown(now, players)
        left_out |= unseen
        values, trusted, proven = self._value(now, number, players, whose)
        no_work |= set(unseen) | {name for p in opposed(players, trusted) for name in p.members}
        self._accounts.given([*changes], no_work)
        left_out |= dict.fromkeys(
            (n for p in players if p not in trusted for n in p.members), "worth too little so far"
        )
        used: dict[str, float] = {}
        if trusted:
            self.strategy.proven = proven
            weights = {one.name: one.weight for one in trusted}
            combined = self.strategy.combine({one.name: one.change for one in trusted}, weights)
            for one in trusted:
                left_out |= dict.fromkeys(one.members if one.name in combined.left_out else (),
                                          combined.left_out.get(one.name, ""))  # fmt: skip
                used |= {name: combined.used.get(one.name, 0.0) * part for name, part in one.members.items()
                         if one.name in combined.used}  # fmt: skip
            late = sum(w * fresh[n] for n, w in used.items()) / sum(used.values()) if ages and used else 1.0
            change = self._travels(combined.change * np.float32(late), now, len(trusted))
            now = split(flat(now) + change, shapes_of(now))
            self._see(change)
        self._note(updates, good, took, begun, values, whose)
        self._model.load(now)
        score = self._model.score(self.test.inputs, self.test.targets)
        loss = self._model.loss(self.test.inputs, self.test.targets)
        sent, received = sum(u.sent for u in updates.values()), sum(u.received for u in updates.values())
        work = {n: (good[n].received, min(good[n].seconds or took[n], took[n]), took[n])
                for n in sorted({whose[name] for name in names})}  # fmt: skip
        seconds = time.perf_counter() - begun
        near = {name: [other for other in p.members if other != name] for p in players for name in p.members
                if len(p.members) > 1}  # fmt: skip
        return now, Round(number, score, loss, seconds, sent, received, used, left_out, values, work, near)

    def _players(self, changes: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> list[Player]:
        """Who counts as one: each update alone, or, where contributions are valued, with those that are near it, as
        loud as the loudest of them."""
        if not changes:
            return []
        names = sorted(changes)
        groups = [[name] for name in names]
        if self.valued:
            changes = dict(zip(names, clipped(np.stack([changes[name] for name in names])), strict=True))
            groups = self._near.clusters(changes, weights)
        found = []
        for group in groups:
            total = sum(weights[name] for name in group)
            parts = {name: weights[name] / total for name in group}
            mean = changes[group[0]]
            if len(group) > 1:
                mean = np.asarray(sum(parts[n] * changes[n].astype(np.float64) for n in group), np.float32)
            found.append(Player(group[0], mean, max(weights[name] for name in group), parts))
        return found

    def _shown(self, now: Parameters, players: list[Player]) -> tuple[list[Player], dict[str, str]]:
        """The players without those who do what only they do and the validation set does not see; why these are left
        out."""
        if self._validation is None or not players:
            return players, {}
        changes, weights = {p.name: p.change for p in players}, {p.name: p.weight for p in players}
        found = hidden(Game(self._model, self._validation, now, changes, weights))
        why = "what only it changes shows nowhere on the validation set"
        return [p for p in players if p.name not in found], {
            n: why for p in players if p.name in found for n in p.members
        }

    def _see(self, change: NDArray[np.float32]) -> None:
        """Keep what the model changed: everybody can read it from the parameters."""
        total = self._seen[0] + change if self._seen else change
        self._seen = [total, *self._seen[-1:], change] if len(self._seen) > 1 else [total, change]

    def _note(
        self, updates: Mapping[str, Update], good: Mapping[str, Update], took: Mapping[str, float], begun: float,
        values: Mapping[str, float], whose: Mapping[str, str],
    ) -> None:  # fmt: skip
        """Tell the choice what came of those who were asked: refused is as good as missed."""
        if self._choice is None:
            return
        worth: dict[str, float] = defaultdict(float)
        for name, value in values.items():
            worth[whose[name]] += value
        for name, seconds in took.items():
            if name in good:
                measured = worth[name] if name in worth and any(values.values()) else None
                self._choice.note(name, good[name].records, good[name].loss, seconds, measured)
        for name in (set(updates) | set(self._asked)) - set(good):
            self._choice.missed(name, time.perf_counter() - begun)

    def _travels(self, change: NDArray[np.float32], now: Parameters, many: int) -> NDArray[np.float32]:
        """The change of the model, or the part of it that is sent now where changes are sparse; the rest is kept."""
        if not self.demand.wanted.sparse:
            return change
        self._kept = self._kept + change if self._kept.shape == change.shape else change
        packed = pack(self._kept, part_of(change.size, many))
        sent = unpack(packed, change.size)
        self._kept = self._kept - sent
        self._step = Step(digest(now), packed)
        return sent

    def _value(
        self, now: Parameters, number: int, players: Sequence[Player], whose: Mapping[str, str]
    ) -> tuple[dict[str, float], list[Player], frozenset[str]]:
        """What each update was worth (a player's worth is shared by its members by their weight), who is used, and who
        of them is proven to help."""
        if self._validation is None or not players:
            return {}, list(players), frozenset()
        changes, weights = {p.name: p.change for p in players}, {p.name: p.weight for p in players}
        game = Game(self._model, self._validation, now, changes, weights)
        seed, in_nodes = self.demand.wanted.seed + number, {one.name: whose[one.name] for one in players}
        nodes = in_nodes if len(set(in_nodes.values())) < len(players) else None
        whole = gtg(game, seed, nodes)
        values = {name: whole[one.name] * part for one in players for name, part in one.members.items()}
        heavy = {name: one.weight * part for one in players for name, part in one.members.items()}
        self._accounts.note(values, heavy)
        used = [p for p in players if whole[p.name] >= 0 and any(self._accounts.trusted(name) for name in p.members)]
        used, helps = self._joined(game, players, used, whole)
        gained = gtg(game.among([one.name for one in used]), seed, nodes) if used else {}
        groups = [one.members for one in players if len(one.members) > 1]
        due = {name: gained[one.name] * part for one in used for name, part in one.members.items()}
        self._accounts.settle(dict.fromkeys(values, 0.0) | due, {name for group in groups for name in group})
        for group in groups:
            if self._near.sure(group):
                self._accounts.joined(group)
        return values, used, frozenset(one.name for one in used) if helps else frozenset()

    def _joined(
        self, game: Game, players: Sequence[Player], used: list[Player], whole: Mapping[str, float]
    ) -> tuple[list[Player], bool]:
        """Those who are used, with whoever else makes the change of these clearly better (many who have the same may be
        worth nothing one by one, and be needed), and whether all together help."""
        place = {name: i for i, name in enumerate(game.names)}

        def utility(these: Sequence[Player]) -> float:
            return game.utility(frozenset(place[one.name] for one in these))

        least = _CLEARLY * abs(game.utility(()))
        for one in sorted(players, key=lambda one: (-whole[one.name], one.name)):
            if one not in used and utility([*used, one]) - utility(used) > least:
                used = [*used, one]
        return sorted(used, key=lambda one: one.name), utility(used) > utility(())

    def _chosen(self, number: int) -> list[str]:
        names = sorted(self.members)
        again = [self.lost] if self.lost else []  # others than those who were not there
        rng = np.random.default_rng([self.demand.wanted.seed, number, *again])  # so that who was killed goes on
        many = max(1, round(self.demand.share * len(names)))
        if self._choice is not None:
            return self._choice.choose(names, many, number, rng)
        return sorted(rng.choice(names, many, replace=False).tolist())
