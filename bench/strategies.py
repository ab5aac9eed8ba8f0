"""What each strategy earns, in incomes of an honest neuron: listening, weighing and consensus as they run, no wires.

Eight neurons on the digits (shares skewed by Dirichlet(0.5), four kinds of model); the last of them is dishonest, alone
or with more names, and has a quarter of its share to learn from. In each of six epochs every neuron asks those it is
bound to and is weighed by ``peers._adding``, the task's ``Listener``, ``attention``, and the ledger's reference of
committees, consensus and trust; a requester learns from its reference rows and buys the test rows' answers.

Whoever resells or copies *knows* here what the others say at the moment it answers, which seals deny it in a network:
its rows say what the law of pay does where seals would not. Three of them earn more than they should ("no seals" in the
table, and nothing is asked of them); what a network leaves of them is what their copier *remembers*: it answers like
that where the same asker puts the same question again, and else as its own model does. Of its asker's own answers it
knows nothing, but where a strategy says so: those are as good as labels.
"earned" is emission in means of the honest; of several names all together. "fees" is what the requester pays a name for
an answer, likewise. "accuracy" is what the requester gets; "change" is against the same network without the dishonest.
What a wire is needed for (floods, half-open connections) is not here: see ``bench/flood.py``.
"""

from __future__ import annotations

import hashlib
import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from figures import Report
from numpy.typing import NDArray

from klopf.ledger import Parameters
from klopf.ledger.market._reference import bound_with, rank, trust_after
from klopf.network._data import Shares
from klopf.peers._adding import adding
from klopf.peers._conversations import attention
from klopf.peers._questions import asked_about
from klopf.peers._requester import MISSED, offers, study
from klopf.peers._sharing import worths

HONEST, EPOCHS, QUESTIONS, ASK, FRINGE_SEATS = 7, 6, 64, 6, 2
RULES = Parameters()
STAKE = 6_000
Voice = NDArray[np.float32]
Says = Callable[[Sequence[Voice], Voice, np.random.Generator], Sequence[Voice | None]]
"""What each name of the dishonest says to everything, given what the honest say and what its own model says; None where
it has no valid answer in time."""


@dataclass(frozen=True)
class Strategy:
    name: str
    says: Says
    sold: Says | None = None
    """What requesters are told, where that is something else."""
    listens: str = "learns"
    """How its names divide their attention: "learns", "friends", "nobody", "copies" (last epoch's consensus)."""
    stake: float | None = None
    """Its part of all stake; else each name has as much as an honest neuron."""
    first: bool = False
    """Its names registered before all others."""
    apart: bool = False
    """Its own model is three, each learned from another four fifths of its samples."""
    asker: bool = False
    """It knows what its asker itself says, too."""
    remembers: bool = False
    """It knows what others say only to what it was asked before."""
    most: float | None = 0.2
    """Asked: what all its names together earn at most."""


def alone(one: Voice) -> list[Voice | None]:
    return [one]


def noise(rng: np.random.Generator, like: Voice) -> Voice:
    return rng.dirichlet(np.full(like.shape[1], 0.3), len(like)).astype(np.float32)


def wrong(said: Voice, rng: np.random.Generator) -> Voice:
    """Sure of what it holds to be wrong."""
    n, classes = said.shape
    lie = np.full_like(said, 0.03 / (classes - 1))
    lie[np.arange(n), (said.argmax(axis=1) + rng.integers(1, classes, n)) % classes] = 0.97
    return lie


def louder(said: Voice, power: float) -> Voice:
    raised = np.maximum(said, 1e-9) ** power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def mean(voices: Sequence[Voice]) -> Voice:
    return np.asarray(np.mean(voices, axis=0), np.float32)


def best(voices: Sequence[Voice]) -> Voice:
    """Of the neighbours, who is surest on average: nobody knows who is right."""
    return max(voices, key=lambda one: float(one.max(axis=1).mean()))


def part(of: Voice, other: Voice, much: float) -> Voice:
    return np.asarray((1 - much) * of + much * other, np.float32)


def vote(voices: Sequence[Voice]) -> Voice:
    """Sure of what most say, weighed by how sure they are."""
    much = mean(voices)
    sure = np.full_like(much, 0.01 / (much.shape[1] - 1))
    sure[np.arange(len(sure)), much.argmax(axis=1)] = 0.99
    return sure


def surest(voices: Sequence[Voice]) -> Voice:
    """To each question what the surest of the neighbours says."""
    said = np.stack(voices)
    return np.asarray(said[said.max(axis=2).argmax(axis=0), np.arange(said.shape[1])])


def shuffled(said: Voice, rng: np.random.Generator, much: float) -> Voice:
    """``much`` of the answers are those to other questions."""
    which = np.flatnonzero(rng.random(len(said)) < much)
    mixed = said.copy()
    mixed[which] = said[rng.permutation(which)]
    return mixed


def noisy(said: Voice, rng: np.random.Generator, much: float) -> Voice:
    return part(said, noise(rng, said), much)


def foil(voices: Sequence[Voice], rng: np.random.Generator) -> list[Voice | None]:
    """One copies, with a lie in it; the other lies, so that the first seems to differ from all."""
    lie = wrong(best(voices), rng)
    return [part(best(voices), lie, 0.3), lie]


def ring(said: Voice, rng: np.random.Generator) -> list[Voice | None]:
    return [wrong(said, rng) for _ in range(3)]


STRATEGIES = (
    Strategy("honest, with as little data", lambda v, own, r: alone(own), most=None),
    Strategy("resells the average", lambda v, own, r: alone(mean(v))),
    Strategy("resells it a tenth noise", lambda v, own, r: alone(noisy(mean(v), r, 0.1))),
    Strategy("resells it three tenths noise", lambda v, own, r: alone(noisy(mean(v), r, 0.3))),
    Strategy("resells it four tenths noise", lambda v, own, r: alone(noisy(mean(v), r, 0.4))),
    Strategy("resells it half noise", lambda v, own, r: alone(noisy(mean(v), r, 0.5))),
    Strategy("no seals: asker's in it, noise", lambda v, own, r: alone(noisy(mean(v), r, 0.4)), asker=True, most=None),
    Strategy("remembers, asker's in it", lambda v, own, r: alone(noisy(mean(v), r, 0.4)), asker=True, remembers=True),
    Strategy("resells it, louder", lambda v, own, r: alone(louder(mean(v), 4))),
    Strategy("resells it, far louder", lambda v, own, r: alone(louder(mean(v), 16))),
    Strategy("a vote of all, sure of it", lambda v, own, r: alone(vote(v))),
    Strategy("whoever is surest of each", lambda v, own, r: alone(surest(v))),
    Strategy("resells it, rows shuffled", lambda v, own, r: alone(shuffled(mean(v), r, 0.3))),
    Strategy("forwards, rows shuffled", lambda v, own, r: alone(shuffled(best(v), r, 0.3))),
    Strategy("another mixture each time", lambda v, own, r: alone(mean([v[k] for k in r.permutation(len(v))[:3]]))),
    Strategy("lies so that a copy adds", lambda v, own, r: foil(v, r)),
    Strategy("no seals: ten of it, noise", lambda v, own, r: [noisy(mean(v), r, 0.4) for _ in range(10)], most=None),
    Strategy("ten that remember, noise", lambda v, own, r: [noisy(mean(v), r, 0.4) for _ in range(10)], remembers=True),
    Strategy("resells it with its own", lambda v, own, r: alone(part(mean(v), own, 0.3)), most=None),
    Strategy("forwards to the surest", lambda v, own, r: alone(best(v))),
    Strategy("no seals: a copy, registered first", lambda v, own, r: alone(best(v)), first=True, most=None),
    Strategy("remembers it, registered first", lambda v, own, r: alone(best(v)), first=True, remembers=True),
    Strategy("three names of one model", lambda v, own, r: [own] * 3, most=None),
    Strategy("ten names of one model", lambda v, own, r: [own] * 10, most=None),
    Strategy("ten names, each a tenth noise", lambda v, own, r: [noisy(own, r, 0.1) for _ in range(10)], most=None),
    Strategy("ten names, four tenths noise", lambda v, own, r: [noisy(own, r, 0.4) for _ in range(10)], most=None),
    Strategy("three names trained apart", lambda v, own, r: list(own), apart=True, most=None),
    Strategy("lies in what is bought", lambda v, own, r: alone(own), lambda v, own, r: alone(wrong(own, r))),
    Strategy("random in service", lambda v, own, r: alone(noise(r, own))),
    Strategy("sharpens", lambda v, own, r: alone(louder(own, 8)), most=None),
    Strategy("never listens", lambda v, own, r: alone(own), listens="nobody", most=None),
    Strategy("copies weights", lambda v, own, r: alone(own), listens="copies", most=None),
    Strategy("malformed, or too late", lambda v, own, r: [None]),
    Strategy("slow: in time for neighbours only", lambda v, own, r: alone(own), lambda v, own, r: [None]),
    Strategy("copies one who leaks", lambda v, own, r: alone(v[0])),
    Strategy("copies one who leaks, a third noise", lambda v, own, r: alone(noisy(v[0], r, 0.33))),
    Strategy("two names, one leaks to the other", lambda v, own, r: [own, noisy(own, r, 0.33)], most=None),
    Strategy("every second answer", lambda v, own, r: [own if r.random() < 0.5 else None], most=None),
    Strategy("lies", lambda v, own, r: alone(wrong(own, r))),
    Strategy("ring of three liars, 40 %", lambda v, own, r: ring(own, r), listens="friends", stake=0.4),
    Strategy("ring at random, 40 %", lambda v, own, r: [noise(r, own) for _ in range(3)], listens="friends", stake=0.4),
    Strategy("resells, 40 %", lambda v, own, r: alone(mean(v)), stake=0.4),
)  # fmt: skip
QUICK = ("honest, with as little data", "resells the average", "forwards to the surest", "ten names of one model",
         "random in service", "ring of three liars, 40 %")  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """What is the same for all strategies of one seed."""

    shares: Shares
    honest: list[Voice]
    own: Voice
    """What the dishonest one's own model says."""
    apart: list[Voice]
    """What three of its models say that each learned from another four fifths of its samples."""
    parts: list[NDArray[np.int64]]
    """Rows of each honest neuron, of the reference, and of the test."""
    targets: NDArray[np.int64]
    seed: int


def stage(shares: Shares, voices: Sequence[Callable[[NDArray[Any]], NDArray[Any]]], seed: int) -> Stage:
    """``voices``: of the honest, of the dishonest one, and of its three models, each a function of inputs."""
    heaps = [*shares.neurons[:HONEST], shares.reference, shares.test]
    inputs, targets = (np.concatenate([getattr(heap, name) for heap in heaps]) for name in ("inputs", "targets"))
    ends = np.cumsum([0, *map(len, heaps)])
    parts = [np.arange(a, b) for a, b in itertools.pairwise(ends)]
    said = [np.asarray(told(inputs), np.float32) for told in voices]
    return Stage(shares, said[:HONEST], said[HONEST], said[HONEST + 1 :], parts, targets, seed)


@dataclass(frozen=True)
class Outcome:
    earned: float
    fees: float
    accuracy: float
    spread: float
    """Coefficient of variation of the honest neurons' emission."""
    incomes: tuple[float, ...] = ()
    """Emission of each honest neuron."""


def play(s: Stage, strategy: Strategy | None) -> Outcome:
    """Six epochs; without a strategy those of the honest among themselves."""
    rng = np.random.default_rng([s.seed, 7])
    own: Any = s.apart if strategy and strategy.apart else s.own
    names = len(strategy.says(s.honest, own, rng)) if strategy else 0
    honest = [k + 1 + (names if strategy and strategy.first else 0) for k in range(HONEST)]
    bad = [k for k in range(1, HONEST + names + 1) if k not in honest]
    stakes = dict.fromkeys(honest, STAKE) | dict.fromkeys(bad, STAKE)
    if strategy and strategy.stake:
        each = STAKE * HONEST * strategy.stake / (1 - strategy.stake) / names
        stakes |= dict.fromkeys(bad, int(each))
    task = s.shares.test.task
    listeners = {k: task.listener() for k in (*honest, *bad)}
    requester, trusts, consensus = task.listener(), {k: (0, 0) for k in stakes}, dict.fromkeys(stakes, 0)
    earned, fees, accuracy = dict.fromkeys(stakes, 0.0), dict.fromkeys(stakes, 0.0), 0.0
    met = {i: np.zeros(len(s.own), bool) for i in (0, *stakes)}
    """By listener, 0 the requester: what it has asked about before."""
    for epoch in range(1, EPOCHS + 1):
        told = dict(zip(honest, s.honest, strict=True))
        sold: dict[int, Voice | None] = dict(told)
        said: dict[int, Voice | None] = dict(told)
        if strategy:
            sold |= dict(zip(bad, strategy.says(s.honest, own, rng), strict=True))
            said = dict(sold)
            if strategy.sold:
                sold |= dict(zip(bad, strategy.sold(s.honest, own, rng), strict=True))
        if strategy and strategy.remembers:
            sold |= {j: _recalled(s, sold[j], met[0]) for j in bad}
            met[0][np.concatenate(s.parts[HONEST:])] = True
        draw = hashlib.sha256(f"{s.seed} {epoch}".encode()).digest()
        total = sum(stakes.values())
        bound = {(i, j): bound_with(draw, i, j, stakes[i], total, len(stakes), RULES.committee)
                 for i in stakes for j in stakes if i != j}  # fmt: skip
        weights: dict[tuple[int, int], int] = {}
        for i in stakes:
            mine = [j for j in stakes if bound.get((i, j))]
            place = honest.index(i) if i in honest else None
            if strategy and place is not None:
                others = [voice for k, voice in enumerate(s.honest) if k != place or strategy.asker]
                said |= dict(zip(bad, strategy.says(others, own, rng), strict=True))
                if strategy.remembers:
                    said |= {j: _recalled(s, said[j], met[i]) for j in bad}
                    met[i][_asks(s, i, place, epoch)] = True
            row = _weighs(s, i, place, strategy, mine, bad, said, listeners[i], epoch, consensus)
            weights |= {(i, j): w for j, w in row.items()}
        ranks = {}
        for j in stakes:
            column = [(bound[i, j], weights.get((i, j), 0)) for i in stakes if i != j and bound[i, j]]
            others = total - stakes[j]
            consensus[j], ranks[j] = rank(column, others, RULES.kappa)
            trusting = sum(stake for stake, w in column if w > 0)
            trusts[j] = trust_after(*trusts[j], 1, trusting, others, RULES.decay)
            if trusts[j][0] * 65_535 < trusts[j][1] * RULES.kappa:
                ranks[j] = 0
        for j, r in ranks.items():
            earned[j] += r / max(1, sum(ranks.values()))
        accuracy, paid = _buys(s, requester, sold, epoch)
        for j, part_of_fee in paid.items():
            fees[j] += part_of_fee
    incomes = [earned[k] for k in honest]
    usual, fee = statistics.mean(incomes), statistics.mean(fees[k] for k in honest)
    return Outcome(
        sum(earned[k] for k in bad) / usual if usual else float("inf"),
        sum(fees[k] for k in bad) / fee if fee else float("inf"),
        accuracy,
        statistics.pstdev(incomes) / usual if usual else float("inf"),
        tuple(incomes),
    )


def _recalled(s: Stage, copied: Voice | None, met: NDArray[np.bool_]) -> Voice | None:
    """What is copied, where it was asked before, and else what its own model says."""
    return copied if copied is None else np.where(met[:, None], copied, s.own)


def _asks(s: Stage, i: int, place: int | None, epoch: int) -> NDArray[np.int64]:
    """Rows about which neuron ``i`` asks in an epoch."""
    rows = s.parts[place if place is not None else i % HONEST]
    return np.asarray(rows[asked_about(s.seed + i, epoch, QUESTIONS, len(rows))])


def _weighs(
    s: Stage, i: int, place: int | None, strategy: Strategy | None, mine: list[int], bad: list[int],
    said: dict[int, Voice | None], listener: Any, epoch: int, consensus: dict[int, int],
) -> dict[int, int]:  # fmt: skip
    """How neuron ``i`` divides its attention in an epoch; an honest one as ``peers._neuron`` does."""
    how = "learns" if place is not None or strategy is None else strategy.listens
    if how == "nobody":
        return {}
    if how == "friends" and len(bad) > 1:
        return attention({j: 1 / (len(bad) - 1) for j in bad if j != i})
    if how == "copies":
        known = {j: w for j, w in consensus.items() if j != i}
        return attention({j: w / max(1, sum(known.values())) for j, w in known.items()})
    free = max(0, ASK - len(mine))
    others = [j for j in said if j != i and j not in mine]
    chosen = mine + listener.choose(others, free, min(free, FRINGE_SEATS), s.seed + i)
    rows = _asks(s, i, place, epoch)
    answers = {j: voice[rows] for j in chosen if (voice := said[j]) is not None}
    own = s.honest[place][rows] if place is not None else s.own[rows]
    task = s.shares.test.task
    new, adds = adding(task, answers, listener, s.targets[rows])
    listener.learn({j: a for j, a in answers.items() if j in new} | {i: own}, s.targets[rows])
    return attention(listener.shares_by(adds, [j for j in answers if j in mine] or list(answers)))


def _buys(s: Stage, requester: Any, sold: dict[int, Voice | None], epoch: int) -> tuple[float, dict[int, float]]:
    """The accuracy of what a requester gets, and which part of the fee it pays whom."""
    asked = offers(requester, sorted(sold), s.seed, epoch)
    known, test = s.parts[HONEST], s.parts[HONEST + 1]
    rows = np.concatenate([known, test])
    came = {j: voice[rows] for j in asked if (voice := sold[j]) is not None}
    for j in set(asked) - set(came):
        requester.pass_over(j, MISSED)
    _, new, _ = study(s.shares.test.task, requester, came, s.targets[known], [s.seed, epoch, 5])
    right = requester.combine({j: a[len(known) :] for j, a in came.items() if j in new}).argmax(axis=1)
    right = right == s.targets[test]
    return float(right.mean()), asked


def fair(s: Stage) -> NDArray[np.float64]:
    """What each honest neuron is worth on the test rows, by Shapley value, in means."""
    rows, classes = s.parts[HONEST + 1], s.own.shape[1]

    def centred(voice: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(voice - voice.mean(axis=0), np.float64).ravel()

    right = centred(np.eye(classes)[s.targets[rows]])
    voices = np.column_stack([centred(voice[rows].astype(np.float64)) for voice in s.honest])
    found = np.mean([worths(voices, right, seed) for seed in range(6)], axis=0)
    return np.asarray(found / found.mean())


def tell(report: Report, stages: Sequence[Stage], quick: bool) -> None:
    """The table, and what is asked of it."""
    without = [play(s, None) for s in stages]
    base = statistics.mean(one.accuracy for one in without)
    spread = statistics.mean(one.spread for one in without)
    report.say(
        f"\n{len(stages)} seeds, nobody dishonest: accuracy {base:.3f}, incomes vary by {spread:.2f} of their mean"
    )
    report.say(f"{'strategy':<32} earned (s.e.)   fees  accuracy  change   honest vary by")
    report.figure("honest incomes' coefficient of variation", spread)
    worth = [fair(s) for s in stages]
    alike = statistics.mean(
        float(np.corrcoef(one, found.incomes)[0, 1]) for one, found in zip(worth, without, strict=True)
    )
    vary = statistics.mean(float(one.std()) for one in worth)
    report.say(f"their Shapley values on the test rows vary by {vary:.2f}, and correlate with incomes by {alike:.2f}")
    report.figure("honest Shapley values' coefficient of variation", vary)
    report.figure("correlation of honest incomes with Shapley values", alike)
    honest = 0.0
    for strategy in STRATEGIES:
        if quick and strategy.name not in QUICK:
            continue
        found = [play(s, strategy) for s in stages]
        earned = [one.earned for one in found]
        error = statistics.stdev(earned) / len(earned) ** 0.5 if len(earned) > 1 else 0.0
        accuracy = statistics.mean(one.accuracy for one in found)
        fees, vary = (statistics.mean(getattr(one, name) for one in found) for name in ("fees", "spread"))
        report.say(
            f"{strategy.name:<32} {statistics.mean(earned):>6.2f} ({error:.2f})  {fees:>5.2f}  {accuracy:>8.3f}  "
            f"{100 * (accuracy - base):>+6.1f}  {vary:>10.2f}"
        )
        mean_earned = statistics.mean(earned)
        if strategy.name.startswith("honest"):
            honest = mean_earned
        several = "names" in strategy.name or strategy.apart
        report.figure(
            f"{strategy.name}: earned", mean_earned, "honest incomes",
            at_most=max(0.2, honest) if several else strategy.most,
        )  # fmt: skip
        report.figure(f"{strategy.name}: accuracy", 100 * (accuracy - base), "points", at_least=-2)
