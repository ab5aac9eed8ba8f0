"""What faking pays: the income of each strategy beside that of an honest neuron, from ten neurons to ten thousand.

``python bench/economy.py [--quick] [--json] [--keep FILE]``

A part of all stake plays one strategy, the rest is honest; epochs go by, and what each side gets for a KLP at risk is
divided by what an honest KLP gets in the same world. Consensus, trust, ranks and news are those of the contracts
(their second implementation, which tests compare with them; ``crowd.py`` plays many at once, and is compared with
it). Honest weights follow what a listener measures of its neighbours (usefulness 0.7 to 1.3 that moves by 15 % in an
epoch and comes back slowly, 1 on either side, a tenth of it noise) and are rounded as Klopf's neurons round theirs.
Lots come from a random generator, but for the cells that are played again on the contracts, where they come from the
chain's seed: there both must agree to the last unit. Sparse is eight listeners to a speaker on average, dense is 64.

What is not a neuron's income is counted as the contracts count it: fees and prices that go round in one's own pocket,
bytes that are paid for out of burnt stake, values held back from the beacon, auditors who are slashed.

Answers are sealed before they are opened (docs/ledger.md), so whoever copies them without a model of its own has
nothing to say but to what was asked before. "Remember answers" answers that as well as the honest: here each listener
has a file of 10,000 samples, asks about 64 in an epoch, and about none a second time before all; what smaller files
let it, and how long, is told below. In a race phases end as soon as the clock lets them: without the last fiftieth
of the stake, all of it honest. What it is where some need nearly a whole phase, and are waited for from the eighth on,
is told below, too.

Not everything holds. Once a file has been asked through, who remembers answers is paid as much as others. Favours
smaller than what honest listeners err by are paid as honest listening is. Friends with two fifths of the stake or more
who draw what they say from a common secret, as loud as pays best, confirm one another in committees of eight about as
well as the truth confirms the honest, and in those of 64 where usefulness moves by less than two fifths of the stake
move a median. Where nothing moves, copies are paid as the honest are. docs/ledger.md says why,
and what each has beside a world where all are honest.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist

import numpy as np
from crowd import Crowd, check, law
from economy_on_contracts import tell as tell_of_contracts
from figures import Kept, Report, arguments
from worlds import ERRS, PLAYED, QUESTIONS, RULES, SPLIT, World

from klopf.ledger import AuditShare, BeaconTerms, Economy
from klopf.ledger.audit._reference import draw
from klopf.ledger.fleet import _reference as effort
from klopf.ledger.market import _bonds as published
from klopf.ledger.market import _reference as ref

SHARES = (0.05, 0.2, 0.4, 0.45)
EPOCHS = 60
SIZES = (10, 100, 1_000, 10_000)


COPIES = ("copy weights", "copy averages", "copy forecasts")
SETTLED = (0.0, 0.02, 0.05, 0.15)
"""By how much usefulness moves in an epoch where it is asked what an honest network is paid."""


def cell(
    strategy: str, size: int, dense: bool, share: float, epochs: int, seeds: int, moves: float | None = None
) -> float:
    """The mean ratio over seeds; of a world in which usefulness ``moves`` by so much in an epoch, if that is said."""
    fakes = int(share * size)
    if strategy == "sybils":  # the least stake is a quarter of what the honest have
        size, fakes = size + (SPLIT - 1) * fakes, SPLIT * fakes
    kind = Crowd if size >= 100 else World
    how = {} if moves is None else {"moves": moves}
    worlds = [kind(size, fakes, strategy, 64 if dense else 8, seed, **how) for seed in range(seeds)]
    for world in worlds:
        world.play(epochs)
    return float(np.mean([world.ratio for world in worlds]))


class Cells(Kept):
    """Cells that were played. Another law of pay needs another file."""

    def cell(self, strategy: str, size: int, dense: bool, share: float, epochs: int, seeds: int) -> float:
        what = f"{strategy}/{size}/{dense}/{share}/{epochs}/{seeds}"
        return float(self.get(what, lambda: cell(strategy, size, dense, share, epochs, seeds)))


def lets(share: float, noise: float = 0.1) -> float:
    """What friends with ``share`` of the stake can gain by speaking a little better of each other than of the others,
    where honest listeners err by ``noise``: they move the median as many standard deviations up for themselves as down
    for all others. No other rule over what listeners say is moved less by so many (Huber, *Annals of Mathematical
    Statistics* 35, 1964, for the location of a normal distribution)."""
    bias = noise * NormalDist().inv_cdf(0.5 / (1 - share))
    return (1 + bias) / (1 - bias)


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


def make_up_audits(share: float, rng: np.random.Generator) -> float:
    """Auditors with ``share`` of the stake ask half of their questions and make up the others from what was found last:
    paid as often as the lot falls on what was asked, and cut where another's doubt falls on what was not."""
    auditors, epochs, made_up = 20, 200, 0.5
    pay = RULES.emission * AuditShare().share_bps / 10_000 / auditors / RULES.auditor_stake
    paid = (rng.random(epochs) >= made_up).sum() * pay
    doubts = rng.random((epochs, round((1 - share) * auditors))) < made_up / (auditors - 1)
    return float(paid - doubts.any(axis=1).sum() * 2 * RULES.slash_bps / 10_000) / epochs


def hold_back(share: float, rng: np.random.Generator) -> float:
    """A value held back from the beacon costs a part of the stake, whatever the draw is good for."""
    return -BeaconTerms().miss_bps / 10_000


SPENT: dict[str, Callable[[float, np.random.Generator], float]] = {
    "wash requests": wash_requests,
    "wash jobs": wash_jobs,
    "fake bytes": fake_bytes,
    "bribe auditors": bribe,
    "make up audits": make_up_audits,
    "hold back values": hold_back,
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--keep", type=Path, help="a file of cells that were played already, and will be")
    args = parser.parse_args()
    with Report(args.json) as report:
        tell(report, args)


def tell_of_honest_worlds(report: Report) -> None:
    """What those strategies are paid that harm the honest, beside what the same stake is paid if all are honest."""
    usual, size = Crowd(100, 0, "honest", 8, 0), 100
    usual.play(EPOCHS)
    report.say("\nincome per KLP at risk, beside that of a KLP where all are honest; 100 neurons, sparse, 40 % / 45 %")
    for strategy in ("race", "false news", "false news, quieter", "ring by a little", "ring by less"):
        found = []
        for share in (0.4, 0.45):
            world = Crowd(size, int(share * size), strategy, 8, 0)
            world.play(EPOCHS)
            found.append(float(world.earned[: world.fakes].mean() / usual.earned.mean()))
            what = f"{strategy}, 100 neurons, sparse, {share:.0%} of the stake, beside a world where all are honest"
            report.figure(what, found[-1], "of an honest KLP's income", at_most=1.0)
        report.say(f"{strategy:<24}" + " / ".join(f"{one:.3f}" for one in found))


def tell_of_what_rules_leave(report: Report) -> None:
    """A race where some need nearly a whole phase, and a memory where a file was asked through."""
    report.say("\na race, where so many of the honest need nearly a whole phase; 100 neurons, sparse, 40 % / 45 %")
    for late in (0.05, 0.1, 0.2):
        found = []
        for share, most in ((0.4, 0.2), (0.45, 1.0)):
            world = Crowd(100, int(share * 100), "race", 8, 0, late=late)
            world.play(EPOCHS)
            found.append(world.ratio)
            what = f"race, 100 neurons, sparse, {share:.0%} of the stake, {late:.0%} of the honest late"
            report.figure(what, world.ratio, "of an honest KLP's income", at_most=most)
        report.say(f"{late:<24.0%}" + " / ".join(f"{one:.3f}" for one in found))
    report.say(
        "\nwho remembers answers, 40 % of 100 neurons, sparse: by samples in a file, while all is new / in 60 epochs"
    )
    for samples in (200, 1_000, 2_000, 3_840):
        new, found = samples // QUESTIONS, []
        for epochs, most in ((min(new, EPOCHS), 0.0), (EPOCHS, 0.2)):
            world = Crowd(100, 40, "remember answers", 8, 0, samples=samples)
            world.play(epochs)
            found.append(world.ratio)
            what = f"remember answers, files of {samples:,} samples, {epochs} epochs, {new} of which ask nothing again"
            report.figure(what, world.ratio, "of an honest KLP's income", at_most=most)
        report.say(f"{samples:<8,}{new:>4} epochs" + " " * 5 + " / ".join(f"{one:.3f}" for one in found))


def paid_of(size: int, dense: bool, moves: float, seeds: int) -> float:
    """The part of its emission that an honest network is paid over its first epochs."""
    committee, found = 64 if dense else 8, []
    for seed in range(seeds):
        world = (Crowd if size >= 100 else World)(size, 0, "honest", committee, seed, moves=moves)
        world.play(EPOCHS)
        found.append(world.earned.sum() / EPOCHS)
    return float(np.mean(found))


def tell_of_settled_networks(report: Report, quick: bool) -> None:
    """What an honest network is paid, however little it moves; and what that leaves to who fakes where nothing does.
    Who repeats the last weights says there what the honest say, without their errors: no law over weights tells them
    apart, so of these at most an honest income is asked."""
    report.say(
        "\npart of its emission that an honest network is paid in its first epochs; sparse / dense, by what it moves"
    )
    report.say(f"{'':<24}" + "".join(f"{moves:>16.0%}" for moves in SETTLED))
    for size in (5, 9, 12, 100) if quick else (5, 9, 12, 100, 1_000, 10_000):
        line = f"{size:<24,}"
        for moves in SETTLED:
            both = []
            for dense in (False, True):
                both.append(paid_of(size, dense, moves, 1 if quick or size >= 1_000 else 3))
                what = (
                    f"{size:,} honest neurons, {'dense' if dense else 'sparse'}, if it moves by {moves:.0%} in an epoch"
                )
                report.figure(what, both[-1], "of their emission", at_least=0.5)
            line += f"{' / '.join(f'{one:.2f}' for one in both):>16}"
        report.say(line)
    report.say(
        "\nincome per KLP at risk, beside the honest, where nothing moves; 100 neurons, sparse / dense, 40 % / 45 %"
    )
    for strategy in PLAYED:
        found = [
            cell(strategy, 100, dense, share, EPOCHS, 1 if quick else 3, 0.0)
            for dense in (False, True)
            for share in (0.4, 0.45)
        ]
        report.say(f"{strategy:<24}" + " / ".join(f"{one:.3f}" for one in found))
        for one, (where, share) in zip(found, ((w, a) for w in ("sparse", "dense") for a in (0.4, 0.45)), strict=True):
            most = None if strategy == "honest" else 0.2 if share <= 0.4 and strategy not in COPIES else 1.0
            what = f"{strategy}, 100 neurons, {where}, {share:.0%} of the stake, where nothing moves"
            report.figure(what, one, "of an honest KLP's income", at_most=most)


def tell_of_favours(report: Report, quick: bool) -> None:
    """What favours pay. Being heard more pays, and where honesty is best for each alone, nobody's own pay depends
    to first order on what it says: so friends gain by the smallest favours in any law of that kind."""
    sizes, seeds = ((0.02, 0.1), 1) if quick else ((0.0, 0.01, 0.02, 0.04, 0.07, 0.1, 0.2), 12)
    report.say(
        "\nfriends who speak of each other that much better, of others that much worse; 100 neurons, sparse / dense"
    )
    for favour in sizes:
        line = f"{favour:<24.0%}"
        for share in (0.2, 0.4, 0.45):
            both = []
            for dense in (False, True):
                worlds = [
                    Crowd(100, int(100 * share), "ring by less", 64 if dense else 8, seed, favour=favour)
                    for seed in range(seeds)
                ]
                for world in worlds:
                    world.play(EPOCHS)
                both.append(float(np.mean([world.ratio for world in worlds])))
                what = f"a favour of {favour:.0%}, {'dense' if dense else 'sparse'}, {share:.0%} of the stake"
                report.figure(what, both[-1], "of an honest KLP's income", at_most=1.0 if favour else None)
            line += f"{' / '.join(f'{one:.3f}' for one in both):>16}"
        report.say(line)


TRIED = ({}, {"_WEAK": 6_500}, {"_WEAK": 5_500}, {"_WEAK": 6_500, "_LOUD": 13_500}, {"_STEP": 32})
"""Constants of the law of news in place of those that the contracts have; see ``klopf.ledger.market._news``."""


def tell_of_other_constants(report: Report) -> None:
    """What else the law could be: each gives up one side for the other."""
    strategies = (
        ("honest", None, 0), ("false news", 0.15, 40), ("false news", 0.35, 40), ("false news", 0.15, 45),
        ("ring by a little", None, 40), ("copy weights", None, 40),
    )  # fmt: skip
    names = ", ".join(f"{strategy} {loud or ''} {fakes} %" for strategy, loud, fakes in strategies)
    report.say(f"\nother constants, 100 neurons, sparse / dense; of the honest the part of their emission: {names}")
    for constants in TRIED:
        before = {name: getattr(law, name) for name in constants}
        for name, value in constants.items():
            setattr(law, name, value)
        for moves in (0.05, 0.15):
            line = f"{', '.join(f'{k} {v}' for k, v in constants.items()) or 'as it is':<28}{moves:>5.0%}"
            for strategy, loud, fakes in strategies:
                both = []
                for committee in (8, 64):
                    worlds = [Crowd(100, fakes, strategy, committee, seed, moves=moves, loud=loud) for seed in range(2)]
                    for world in worlds:
                        world.play(EPOCHS)
                    found = [world.ratio if fakes else world.earned.sum() / EPOCHS for world in worlds]
                    both.append(float(np.mean(found)))
                line += f"{' / '.join(f'{one:.2f}' for one in both):>16}"
            report.say(line)
        for name, value in before.items():
            setattr(law, name, value)


def tell_of_secrets(report: Report, quick: bool) -> None:
    """What a common secret in place of listening is paid, as loud as that, by how much usefulness moves. Friends with
    two fifths of the stake move a median by about what one listener errs by: where the truth moves by less than that,
    what they say is what comes, and no law over what was said tells them apart."""
    louds = (0.15, 0.35) if quick else (0.1, 0.15, 0.2, 0.25, 0.35, 0.5)
    report.say("\nfalse news, by how loud; 100 neurons, sparse / dense, by their share and what usefulness moves")
    report.say(f"{'':<24}" + "".join(f"{loud:>16.0%}" for loud in louds))
    for fakes, moves in [(40, 0.05), (40, 0.15), (40, 0.3)] + ([] if quick else [(45, 0.05), (45, 0.15), (45, 0.3)]):
        line = f"{f'{fakes} %, {moves:.0%}':<24}"
        for loud in louds:
            both = []
            for dense in (False, True):
                committee, seeds = 64 if dense else 8, range(1 if quick else 2)
                worlds = [Crowd(100, fakes, "false news", committee, seed, moves=moves, loud=loud) for seed in seeds]
                for world in worlds:
                    world.play(EPOCHS)
                both.append(float(np.mean([world.ratio for world in worlds])))
                where = f"{'dense' if dense else 'sparse'}, {fakes} % of the stake"
                what = f"false news {loud:.0%} loud, {where}, if usefulness moves by {moves:.0%}"
                report.figure(what, both[-1], "of an honest KLP's income", at_most=0.2 if fakes <= 40 else 1.0)
            line += f"{' / '.join(f'{one:.2f}' for one in both):>16}"
        report.say(line)


def tell_of_rings(report: Report) -> None:
    """What a ring by a little is paid, by how much usefulness moves."""
    report.say(
        "\na ring by a little, 100 neurons, sparse / dense, 40 % and 45 % of the stake, by what usefulness moves"
    )
    for moves in (0.0, 0.05, 0.15, 0.3):
        line = f"{moves:<24.0%}"
        for share in (0.4, 0.45):
            both = [cell("ring by a little", 100, dense, share, EPOCHS, 3, moves) for dense in (False, True)]
            for one, where in zip(both, ("sparse", "dense"), strict=True):
                what = f"ring by a little, {where}, {share:.0%} of the stake, if usefulness moves by {moves:.0%}"
                report.figure(what, one, "of an honest KLP's income", at_most=0.2 if share <= 0.4 else 1.0)
            line += f"{' / '.join(f'{one:.2f}' for one in both):>16}"
        report.say(line)


def tell(report: Report, args: argparse.Namespace) -> None:
    sizes, shares, kept = SIZES, (0.1, 0.4, 0.45) if args.quick else SHARES, Cells(args.keep)
    report.say("income per KLP at risk, beside the honest; sparse / dense" + " " * 12 + "share of all stake")
    report.say(f"{'':<24}{'neurons':>8}" + "".join(f"{share:>16.0%}" for share in shares))
    for strategy in PLAYED:
        for size in sizes[:2] if args.quick else sizes:
            line = f"{strategy:<24}{size:>8,}"
            for share in shares:
                if int(share * size) == 0:
                    line += f"{'':>16}"
                    continue
                both = []
                for dense in (False, True):
                    seeds = 3 if size <= 100 and not args.quick else 1
                    found = kept.cell(strategy, size, dense, share, EPOCHS, seeds)
                    most = None if strategy == "honest" else 0.2 if share <= 0.4 else 1.0
                    what = f"{strategy}, {size:,} neurons, {'dense' if dense else 'sparse'}, {share:.0%} of the stake"
                    report.figure(what, found, "of an honest KLP's income", at_most=most)
                    if strategy == "ring by a little" and dense and share >= 0.4 and size > 64:
                        report.figure(f"{what}, and what a median lets it", found, at_most=lets(share))
                    both.append(f"{found:.3f}")
                line += f"{' / '.join(both):>16}"
            report.say(line)
    tell_of_honest_worlds(report)
    tell_of_what_rules_leave(report)
    for strategy in PLAYED if not args.quick else ("ring by a little", "false news"):
        if strategy != "sybils":  # of whom there are more than the others
            what = f"{strategy}: whole arrays pay what claims one after the other pay"
            report.figure(what, float(check(strategy, 100, 8, 0.4, 10)), "", at_least=1.0)
    report.say("\nhonest listeners, a tenth of all, that err more than the others; sparse / dense")
    for strategy in ERRS:
        found = [kept.cell(strategy, 100, dense, 0.1, EPOCHS, 1 if args.quick else 3) for dense in (False, True)]
        report.say(f"{strategy:<24}" + " / ".join(f"{one:.3f}" for one in found))
        for one, where in zip(found, ("sparse", "dense"), strict=True):
            report.figure(f"an honest tenth of 100 that {strategy}, {where}", one, "of another's income")
    tell_of_settled_networks(report, args.quick)
    tell_of_secrets(report, args.quick)
    tell_of_favours(report, args.quick)
    if not args.quick:
        tell_of_rings(report)
        tell_of_other_constants(report)
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
    tell_of_contracts(report, args.quick)


if __name__ == "__main__":
    main()
