"""What faking pays: the income of each strategy beside that of an honest neuron, from ten neurons to ten thousand.

``python bench/economy.py [--quick] [--json]``

A part of all stake plays one strategy, the rest is honest; epochs go by, and what each side gets for a KLP at risk is
divided by what an honest KLP gets in the same world. Consensus, trust, ranks and news are those of the contracts (their
second implementation, which tests compare with them); honest weights follow what a listener measures of its neighbours
(usefulness 0.7 to 1.3 that moves by 15 % in an epoch and comes back slowly, 1 on either side, a tenth of it noise) and
are rounded as Klopf's neurons round theirs. Lots come from a random generator, but for the cells that are played again
on the contracts, where they come from the chain's seed: there both must agree to the last unit. Sparse is eight
listeners to a speaker on average, dense is 64.

What is not a neuron's income is counted as the contracts count it: fees and prices that go round in one's own pocket,
bytes that are paid for out of burnt stake, values held back from the beacon, auditors who are slashed.

Not everything holds. Whoever relays another's answers earns as the honest do: its listeners receive the same bytes as
they would from the original. Friends with about two fifths of the stake or more who draw what they say from a common
secret confirm one another as the truth confirms the honest. And where a fifth of the honest is late, 45 % are the
majority of those who come. These are limits of the rules, see docs/contracts.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from figures import Report, arguments
from numpy.typing import NDArray

from klopf.ledger import BeaconTerms, Economy, Parameters
from klopf.ledger.audit._reference import draw
from klopf.ledger.fleet import _reference as effort
from klopf.ledger.market import _bonds as published
from klopf.ledger.market import _reference as ref
from klopf.ledger.market._news import FEW, Newsroom
from klopf.peers import attention

Floats = NDArray[np.float64]
Columns = dict[int, list[tuple[int, int, int]]]
RULES = Parameters()
STAKE, SPLIT = 10**20, 4
BEYOND = 1e6  # where the honest get nothing at all
SHARES = (0.05, 0.1, 0.2, 0.4, 0.45)
EPOCHS = 60
SIZES = (10, 100, 1_000, 10_000)


@dataclass
class World:
    """Neurons, the first ``fakes`` of which play ``strategy``; ``committee`` listeners to a speaker on average."""

    size: int
    fakes: int
    strategy: str
    committee: int
    seed: int
    trusts: dict[int, tuple[int, int]] = field(default_factory=dict)
    agreed: list[int] = field(default_factory=list)
    """Of each listener's attention, what counted in the last epoch."""
    newsroom: Newsroom = field(default_factory=Newsroom)
    told: list[int] = field(default_factory=list)
    """The part of its reward that each listener's news have earned, in 1/10,000."""
    epoch: int = 0
    moves: float = 0.15
    """By how much of itself a neuron's usefulness moves in an epoch."""
    earned: Floats = field(init=False)
    useful: Floats = field(init=False)
    """What each one's answers are worth to an honest listener: ``level`` times a walk that comes back slowly."""

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, self.size, self.fakes, self.committee])
        self.earned = np.zeros(self.size)
        self.level = self.rng.uniform(0.7, 1.3, self.size)
        self.walk = np.zeros(self.size)
        fake = STAKE // SPLIT if self.strategy == "sybils" else STAKE
        self.stakes = [fake] * self.fakes + [STAKE] * (self.size - self.fakes)
        self.total = sum(self.stakes)

    def move(self) -> None:
        """An epoch's usefulness; the mean is 1 on either side, so that nobody's luck is counted."""
        self.epoch += 1
        self.walk = 0.95 * self.walk + self.moves * self.rng.standard_normal(self.size)
        self.useful = self.level * np.exp(self.walk)
        for side in (slice(0, self.fakes), slice(self.fakes, None)):
            self.useful[side] /= self.useful[side].mean() if self.useful[side].size else 1.0
        if self.strategy in WORTHLESS:
            self.useful[: self.fakes] = 0.0
        self.common = self.rng.choice([0.6, 1.5], self.size)  # what friends agree to say, true or not

    def weight_of(self, listener: int) -> int:
        """The stake with which a listener counts where it is bound."""
        stake = self.stakes[listener]
        alone = self.size <= self.committee or stake * self.committee >= self.total
        return stake if alone else self.total // self.committee

    def lots(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs (listener, speaker) that are bound in an epoch."""
        found = []
        for first, last in ((0, self.fakes), (self.fakes, self.size)):
            if first == last:
                continue
            chance = self.stakes[first] * self.committee / self.total
            if self.size <= self.committee or chance >= 1:
                found.append(np.arange(first * self.size, last * self.size))
                continue
            if self.size <= 2_000:
                bound = np.flatnonzero(self.rng.random((last - first) * self.size) < chance)
                found.append(first * self.size + bound)
                continue
            count = self.rng.binomial(last - first, chance, self.size)  # few are drawn twice among so many
            speakers = np.repeat(np.arange(self.size), count)
            found.append(np.unique(self.rng.integers(first, last, len(speakers)) * self.size + speakers))
        listeners, speakers = np.divmod(np.concatenate(found), self.size)
        other = listeners != speakers
        return listeners[other], speakers[other]

    def present(self) -> NDArray[np.bool_]:
        """Who posts in this epoch."""
        here = np.ones(self.size, bool)
        if self.strategy in ("idle", "withhold"):
            here[: self.fakes] = False
        if self.strategy == "race":  # a fifth of the honest are late whenever they are raced
            here[self.fakes :] = self.rng.random(self.size - self.fakes) > 0.2
        return here

    def weights(self, listener: int, speakers: NDArray[np.int64]) -> dict[int, int]:
        """How a listener divides its attention among those to whom it is bound."""
        friends = speakers < self.fakes
        if listener < self.fakes and self.strategy in RINGS:
            return attention({int(k): 1 / max(1, friends.sum()) for k in speakers[friends]})
        heard = self.useful[speakers] * np.maximum(0.0, 1 + 0.1 * self.rng.standard_normal(len(speakers)))
        if listener < self.fakes:
            heard = self.said_by_fakes(heard, speakers, friends)
        total = heard.sum()
        return attention({int(k): float(h / total) if total else 0.0 for k, h in zip(speakers, heard, strict=True)})

    def said_by_fakes(self, heard: Floats, speakers: NDArray[np.int64], friends: NDArray[np.bool_]) -> Floats:
        """What a faking listener says in place of what it ``heard``."""
        forecasts = [self.newsroom.forecasts[int(s)] for s in speakers]
        if self.strategy == "copy weights":
            return np.array([f.last or 1 for f in forecasts], float)
        if self.strategy == "copy averages":
            return np.array([f.slow or 1 for f in forecasts], float)
        if self.strategy == "copy forecasts":
            return np.array([f.expected(self.newsroom.drift.share) or 1 for f in forecasts], float)
        if self.strategy == "false news":
            return np.array([f.slow or 1 for f in forecasts], float) * self.common[speakers]
        if self.strategy == "ring that speaks ill":
            alone: Floats = np.where(friends, 1.0, 1e-3)
            return alone
        if self.strategy == "ring by a little":
            return heard * np.where(friends, 1.3, 0.8)
        return heard

    def columns(self) -> Columns:
        """An epoch's stakes, weights and listeners, by speaker."""
        listeners, speakers = self.lots()
        order = np.argsort(listeners, kind="stable")
        listeners, speakers = listeners[order], speakers[order]
        found: Columns = {s: [] for s in range(self.size)}
        edges = np.searchsorted(listeners, np.arange(self.size + 1))
        here = self.here = self.present()
        for i in np.flatnonzero(here):
            for s, w in self.weights(int(i), speakers[edges[i] : edges[i + 1]]).items():
                found[s].append((self.weight_of(int(i)), w, int(i)))
        if self.strategy == "idle":
            for s in range(self.fakes):
                found[s] = []
        return found

    def play(self, epochs: int) -> None:
        """So many epochs, each of which pays one unit in all."""
        for _ in range(epochs):
            self.move()
            columns = self.columns()
            if self.strategy == "grind":  # the luckiest for it of four seeds
                columns = max([columns, *(self.columns() for _ in range(3))], key=self.luck)
            self.pay(self.ranks(columns))

    def luck(self, columns: Columns) -> float:
        others = self.total - self.stakes[0]
        said = ([(stake, weight) for stake, weight, _ in columns[s]] for s in range(self.fakes))
        return sum(ref.rank(column, others, RULES.kappa)[1] for column in said)

    def ranks(self, columns: Columns) -> list[int]:
        """Everybody's rank, by consensus over this epoch and trust over those of late."""
        found = []
        self.agreed = [0] * self.size
        self.told = [self.newsroom.posted(i) if here else 0 for i, here in enumerate(self.here)]
        for speaker, said in columns.items():
            others, column = self.total - self.stakes[speaker], [(stake, weight) for stake, weight, _ in said]
            consensus, rank = ref.rank(column, others, RULES.kappa)
            trusting = sum(stake for stake, weight in column if weight)
            before = self.trusts.get(speaker, (0, 0))
            heard, most = ref.trust_after(*before, 1, trusting, others, RULES.decay)
            self.trusts[speaker] = heard, most
            trusted = heard * ref.ATTENTION >= most * RULES.kappa
            for _, weight, listener in said if trusted else ():
                self.agreed[listener] += min(weight, consensus)
            if self.size > FEW:
                self.newsroom.claimed(self.epoch, speaker, sorted(said, key=lambda entry: -entry[1]))
            found.append(rank * RULES.fringe_bps // 10_000 if trusted else 0)
        if self.size <= self.committee:
            self.agreed = [ref.ATTENTION] * self.size  # not asked where all are bound to all
        if self.size <= FEW:
            self.told = [10_000] * self.size
        return found

    def pay(self, ranks: list[int]) -> None:
        if total := sum(ranks):
            agreed = np.array(self.agreed, float) / ref.ATTENTION * np.array(self.told, float) / 10_000
            self.earned += agreed * np.array([rank / total for rank in ranks])

    @property
    def ratio(self) -> float:
        """Income of a faking KLP beside that of an honest one."""
        staked = self.total - STAKE * (self.size - self.fakes)
        fake = self.earned[: self.fakes].sum() / staked
        honest = self.earned[self.fakes :].sum() / (self.total - staked)
        return float(fake / honest) if honest else float(fake > 0) * BEYOND


RINGS = ("ring", "sybils", "race", "grind", "ring that answers well")
WORTHLESS = ("idle", "random", "ring", "sybils", "race", "grind")
PLAYED = ("honest", "idle", "random", "copy answers", "copy weights", "copy averages", "copy forecasts", "ring",
          "sybils", "grind", "race", "withhold", "ring that answers well", "ring that speaks ill", "ring by a little",
          "false news")  # fmt: skip


def cell(strategy: str, size: int, dense: bool, share: float, epochs: int, seeds: int) -> float:
    """The mean ratio over seeds."""
    fakes = int(share * size)
    if strategy == "sybils":  # the least stake is a quarter of what the honest have
        size, fakes = size + (SPLIT - 1) * fakes, SPLIT * fakes
    worlds = [World(size, fakes, strategy, 64 if dense else 8, seed) for seed in range(seeds)]
    for world in worlds:
        world.play(epochs)
    return float(np.mean([world.ratio for world in worlds]))


def by_bonds(seed: int) -> float:
    """What bonds would pay one listener of eleven that copies the last epoch's weights, beside the other ten."""
    rng = np.random.default_rng(seed)
    walk, bonds, stake = np.zeros(20), np.zeros((11, 20)), np.full(11, 1 / 11)
    last, earned = np.full(20, 1 / 20), np.zeros(11)
    for _ in range(60):
        walk = 0.95 * walk + 0.15 * rng.standard_normal(20)
        weights = np.exp(walk) * np.maximum(0.0, 1 + 0.1 * rng.standard_normal((11, 20)))
        weights[10] = last
        weights /= weights.sum(axis=1, keepdims=True)
        consensus = np.array(ref.weighted_consensus(list(stake), weights.tolist(), 0.5))
        rank = stake @ np.minimum(weights, consensus)
        bonds = published.bonds_after(stake, weights, consensus, bonds)
        earned += published.dividends(bonds, rank / rank.sum())
        last = consensus / consensus.sum()
    return float(earned[10] / earned[:10].mean())


# ---- what is no neuron's income: gains in KLP for each that is spent or at risk, beyond what comes back


def wash_requests(share: float, rng: np.random.Generator) -> float:
    """A requester pays its own neuron: fees go round, a requester's weights count for nothing."""
    fees = rng.uniform(1, 100)
    return (fees - fees) / fees


def wash_jobs(share: float, rng: np.random.Generator) -> float:
    """A payer pays its own workers through a friend who verifies."""
    price = rng.uniform(1, 100)
    return (price - price) / price


def fake_bytes(share: float, rng: np.random.Generator) -> float:
    """A receiver signs for bytes of its own devices: what is burnt against what the node is paid at most."""
    terms = Economy()
    spent = effort.price(int(rng.integers(1, 10**18)), terms.bytes_per_stake)
    factor = effort.bonus(300, terms.bonus_from, terms.bonus_until, terms.bonus_bps)
    return (effort.backing(spent, factor, terms.bonus_bps) - spent) / spent


def bribe(share: float, rng: np.random.Generator) -> float:
    """Auditors with ``share`` of the stake pass a neuron that nobody listens to. Where they are not the majority of the
    seats they are slashed; where they are, it may have a seat, and twice nothing is nothing."""
    auditors = [(id, 100) for id in range(20)]
    bribed = round(share * 20)
    lost = 0.0
    for n in range(200):
        drawn = draw(rng.bytes(32), n, auditors, RULES.audit_seats)
        own = sum(id < bribed for id in drawn)
        lost += own * RULES.slash_bps / 10_000 if own * 2 < len(drawn) else 0.0
    return -lost / 200 / max(1, bribed)


def hold_back(share: float, rng: np.random.Generator) -> float:
    """A value held back from the beacon costs a part of the stake, whatever the draw is good for."""
    return -BeaconTerms().miss_bps / 10_000


SPENT: dict[str, Callable[[float, np.random.Generator], float]] = {
    "wash requests": wash_requests,
    "wash jobs": wash_jobs,
    "fake bytes": fake_bytes,
    "bribe auditors": bribe,
    "hold back values": hold_back,
}


# ---- the same on the contracts


@dataclass
class Chained(World):
    """A world whose lots come from a chain's seed, to be compared with what the contracts pay."""

    chain_seed: bytes = b""

    def lots(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n, total = self.size, STAKE * self.size
        pairs = [
            (i, s)
            for i in range(n)
            for s in range(n)
            if i != s and ref.bound_with(self.chain_seed, i + 1, s + 1, STAKE, total, n, self.committee)
        ]
        listeners, speakers = np.array(pairs, np.int64).reshape(-1, 2).T
        return listeners, speakers


def replayed(size: int, share: float, strategy: str, epochs: int) -> tuple[float, float, bool]:
    """The ratio by the second implementation and on the contracts, and whether all ranks and pay were the same."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.ledger import conftest
    from tests.ledger.farm import network

    net = network(Parameters(dispute_seconds=0, maturity=1000))
    for _ in range(size):
        net.join(conftest.Role.NEURON, stake=STAKE)
    net.admin.clock.start()
    world, same = Chained(size, int(share * size), strategy, 8, 0), True
    paid = np.zeros(size)
    for epoch in range(1, epochs + 1):
        world.move()
        world.chain_seed = net.admin.clock.seed(epoch)
        listeners, speakers = world.lots()
        here = world.here = world.present()
        rows = {int(i): world.weights(int(i), speakers[listeners == i]) for i in np.flatnonzero(here)}
        columns: Columns = {s: [] for s in range(size)}
        for i, row in rows.items():
            for s, w in row.items():
                columns[s].append((world.weight_of(i), w, i))
        ranks = world.ranks(columns)
        world.pay(ranks)
        before = [net.admin.token.balance(net.clients[s + 1].me.address) for s in range(size)]
        weights: dict[int, dict[int, int]] = {i + 1: {s + 1: w for s, w in row.items()} for i, row in rows.items()}
        played(net, weights, size)
        found = [net.admin.settlement.column(epoch, s + 1).rank for s in range(size)]
        pool = net.admin.settlement.epoch(epoch).pool
        got = [net.admin.token.balance(net.clients[s + 1].me.address) - b for s, b in enumerate(before)]
        parts = zip(ranks, world.agreed, world.told, strict=True)
        due = [pool * r // max(1, sum(ranks)) * a // ref.ATTENTION * t // 10_000 for r, a, t in parts]
        same &= found == ranks and got == due
        paid += np.array(got, float) / max(1, pool)
    fakes = world.fakes
    honest = paid[fakes:].mean()
    return world.ratio, float(paid[:fakes].mean() / honest) if fakes and honest else 0.0, same


def played(net, weights: dict[int, dict[int, int]], size: int) -> None:  # type: ignore[no-untyped-def]
    """An epoch in which everybody claims, also who was not listened to."""
    epoch = net.admin.clock.now().epoch
    columns: dict[int, list] = {s: [] for s in range(1, size + 1)}  # type: ignore[type-arg]
    for listener, row in weights.items():
        for signed in net.post(listener, row):
            columns[signed.receipt.speaker].append(signed)
    net.advance()
    for speaker, column in columns.items():
        net.clients[speaker].settlement.claim(speaker, column)
    net.advance()
    net.admin.settle(epoch)


def main() -> None:
    args = arguments(__doc__).parse_args()
    with Report(args.json) as report:
        tell(report, args)


def tell(report: Report, args: argparse.Namespace) -> None:
    sizes, shares = SIZES, (0.1, 0.4, 0.45) if args.quick else SHARES
    report.say("income per KLP at risk, beside the honest; sparse / dense" + " " * 12 + "share of all stake")
    report.say(f"{'':<24}{'neurons':>8}" + "".join(f"{share:>16.0%}" for share in shares))
    for strategy in PLAYED:
        for size in sizes:
            if args.quick and size > 100:
                continue
            line = f"{strategy:<24}{size:>8,}"
            for share in shares:
                if int(share * size) == 0 or (size > 1_000 and share != 0.4):
                    line += f"{'':>16}"
                    continue
                both = []
                for dense in (False, True):
                    if dense and (size > 100 or (args.quick and size > 10)):
                        continue  # lots by the million tell what they do among a thousand
                    seeds = 3 if size <= (10 if dense else 100) and not args.quick else 1
                    found = cell(strategy, size, dense, share, EPOCHS, seeds)
                    most = None if strategy == "honest" else 0.2 if share <= 0.4 else 1.0
                    what = f"{strategy}, {size:,} neurons, {'dense' if dense else 'sparse'}, {share:.0%} of the stake"
                    report.figure(what, found, "of an honest KLP's income", at_most=most)
                    both.append(f"{found:.3f}")
                line += f"{' / '.join(both):>16}"
            report.say(line)
    for moves in (0.0, 0.05, 0.15):
        world = World(100, 0, "honest", 8, 0, moves=moves)
        world.play(EPOCHS)
        part, what = (
            float(world.earned.sum()) / EPOCHS,
            f"of what 100 honest neurons could be paid, if it moves by {moves:.0%}",
        )
        report.say(f"{part:.0%} {what}")
        report.figure(f"{what} in an epoch", part, "paid")
    bonds = float(np.mean([by_bonds(seed) for seed in range(10)]))
    report.say(
        f"\nwhere bonds paid, one that copies the last weights would have {bonds:.3f} of an honest listener's income"
    )
    report.say("\ngain for each KLP spent or at risk, beyond what comes back" + " " * 3 + "share of all stake")
    rng = np.random.default_rng(1)
    for strategy, gain in SPENT.items():
        line = f"{strategy:<32}"
        for share in shares:
            found = gain(share, rng)
            report.figure(f"{strategy}, {share:.0%} of the stake", found, "KLP for each", at_most=0.0)
            line += f"{found:>16.3f}"
        report.say(line)
    report.say("\nplayed again on the contracts: neurons, share, income by the second implementation and on the chain")
    cells = [(10, 0.4, "ring that answers well"), (12, 0.25, "copy weights"), (10, 0.1, "honest")]
    cells += [(8, 0.25, "ring"), (10, 0.4, "false news"), (12, 0.42, "ring"), (9, 0.33, "withhold")]
    cells += [(6, 0.33, "race"), (12, 0.25, "random"), (10, 0.1, "idle"), (16, 0.25, "ring that speaks ill")]
    for size, share, strategy in cells[: 3 if args.quick else len(cells)]:
        simulated, chained, same = replayed(size, share, strategy, 5 if args.quick else 10)
        report.say(f"{strategy:<24}{size:>4} {share:6.0%} {simulated:10.4f} {chained:10.4f} {same}")
        what = f"{strategy}, {size} neurons, {share:.0%}, ranks and pay on the contracts as simulated"
        report.figure(what, float(same), "", at_least=1.0)


if __name__ == "__main__":
    main()
