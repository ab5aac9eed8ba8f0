"""How soon a network hears that a neuron has turned bad, or good: in samples that each of its listeners asked about.

``python bench/recovery.py [--quick] [--json]``

40 and 200 neurons whose voices are drawn (each knows every class in its own degree), six epochs as they run: whom
a neuron is bound to, 64 questions, ``peers._adding``, the listener, weights, committees, consensus, trust, and a
requester that buys the answers to 128 labelled and 256 other questions. Then one of the best begins to answer at
random, and one that did so from the beginning becomes as good as the best. "paid" is a neuron's part of the emission
in means; "right" is the accuracy of what the requester gets, and "heard" how much what the turned neuron says counts
for it, in means.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from figures import Report, arguments
from numpy.typing import NDArray

from klopf.ledger import Parameters
from klopf.ledger.market._reference import bound_with, rank, trust_after
from klopf.peers import Classes
from klopf.peers._adding import adding
from klopf.peers._conversations import attention
from klopf.peers._requester import offers, study

CLASSES, QUESTIONS, ASK, FRINGE_SEATS, WARM, AFTER = 10, 64, 6, 2, 6, 5
KNOWN, BOUGHT = 128, 256
BAD, GOOD = 1, 2
"""Who turns bad, and who turns good."""
RULES, STAKE = Parameters(), 6_000
TASK = Classes(("x",), tuple("abcdefghij"))


@dataclass
class Seen:
    paid: dict[int, float]
    heard: dict[int, float]
    right: float


def voice(rng: np.random.Generator, targets: NDArray[np.int64], knows: NDArray[np.float64]) -> NDArray[np.float32]:
    """What one that knows each class with the odds ``knows`` says, another each time."""
    said = rng.dirichlet(np.full(CLASSES, 0.3), len(targets))
    said[np.arange(len(targets)), targets] += knows[targets] * rng.uniform(0.0, 2.0, len(targets))
    return np.asarray(said / said.sum(axis=1, keepdims=True), np.float32)


def world(neurons: int, seed: int) -> list[Seen]:
    """What was seen in each epoch after the turn, the last before it first."""
    rng = np.random.default_rng([seed, neurons])
    ids, total = range(1, neurons + 1), STAKE * neurons
    knows = {k: rng.uniform(0.0, 0.3, CLASSES) for k in ids}
    knows[BAD], knows[GOOD], best = np.full(CLASSES, 0.6), np.zeros(CLASSES), np.full(CLASSES, 0.6)
    listeners, requester = {k: TASK.listener() for k in ids}, TASK.listener()
    trusts, seen = dict.fromkeys(ids, (0, 0)), []
    for epoch in range(1, WARM + AFTER + 1):
        if epoch == WARM + 1:
            knows[BAD], knows[GOOD] = knows[GOOD], best
        draw = hashlib.sha256(f"{seed} {neurons} {epoch}".encode()).digest()
        bound = {(i, j): seat for i in ids for j in ids if i != j
                 and (seat := bound_with(draw, i, j, STAKE, total, neurons, RULES.committee))}  # fmt: skip
        weights: dict[tuple[int, int], int] = {}
        for i in ids:
            mine = [j for j in ids if (i, j) in bound]
            free = max(0, ASK - len(mine))
            others = [j for j in ids if j != i and j not in mine]
            chosen = mine + listeners[i].choose(others, free, min(free, FRINGE_SEATS), seed + i)
            targets = rng.integers(0, CLASSES, QUESTIONS)
            answers = {j: voice(rng, targets, knows[j]) for j in chosen}
            new, adds = adding(TASK, answers, listeners[i], targets)
            own = voice(rng, targets, knows[i])
            listeners[i].learn({j: answers[j] for j in new} | {i: own}, targets)
            row = attention(listeners[i].shares_by(adds, [j for j in answers if j in mine] or list(answers)))
            weights |= {(i, j): w for j, w in row.items()}
        ranks = {}
        for j in ids:
            column = [(bound[i, j], weights.get((i, j), 0)) for i in ids if (i, j) in bound]
            others_stake = sum(seat for seat, _ in column) if neurons > RULES.committee else total - STAKE
            _, ranks[j] = rank(column, others_stake, RULES.kappa)
            trusting = sum(stake for stake, w in column if w > 0)
            trusts[j] = trust_after(*trusts[j], 1, trusting, others_stake, RULES.decay)
            if trusts[j][0] * 65_535 < trusts[j][1] * RULES.kappa:
                ranks[j] = 0
        right, heard = buys(requester, knows, rng, seed, epoch)
        if epoch >= WARM:
            each = sum(ranks.values()) / neurons or 1
            seen.append(Seen({k: ranks[k] / each for k in (BAD, GOOD)}, heard, right))
    return seen


def buys(
    requester: Any, knows: dict[int, NDArray[Any]], rng: np.random.Generator, seed: int, epoch: int
) -> tuple[float, dict[int, float]]:
    """The accuracy of what a requester gets, and how much it heard who turns, in means."""
    asked, targets = offers(requester, sorted(knows), seed, epoch), rng.integers(0, CLASSES, KNOWN + BOUGHT)
    came = {j: voice(rng, targets, knows[j]) for j in asked}
    _, new, _ = study(TASK, requester, came, targets[:KNOWN], [seed, epoch, 5])
    said = requester.combine({j: came[j][KNOWN:] for j in new}).argmax(axis=1)
    adds = {k: one.adds for k, one in requester.neighbours.items()}
    shares = requester.shares_by(adds, sorted(adds)) | {k: 0.0 for k in (BAD, GOOD) if k not in adds}
    return float((said == targets[KNOWN:]).mean()), {k: shares[k] * len(shares) for k in (BAD, GOOD)}


def until(row: list[float], fits: Callable[[float], bool], samples: int) -> float:
    """Samples after the turn from which on all that is seen fits; infinity where it never does."""
    ok = [fits(one) for one in row[1:]]
    first = next((k for k in range(len(ok)) if all(ok[k:])), None)
    return float("inf") if first is None else (first + 1) * samples


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int)
    options = parser.parse_args()
    seeds = options.seeds or (1 if options.quick else 3)
    with Report(options.json) as report:
        for neurons in (40,) if options.quick else (40, 200):
            runs = [world(neurons, seed) for seed in range(seeds)]
            report.say(f"\n{neurons} neurons, {seeds} seeds, by samples after the turn; the first row is before it")
            report.say("asked about  bad paid  good paid  bought  bad heard  good heard  right")
            rows = {
                name: [statistics.mean(of(run[k]) for run in runs) for k in range(AFTER + 1)]
                for name, of in (
                    ("bad paid", lambda s: s.paid[BAD]), ("good paid", lambda s: s.paid[GOOD]),
                    ("bad heard", lambda s: s.heard[BAD]), ("good heard", lambda s: s.heard[GOOD]),
                    ("right", lambda s: s.right),
                )
            }  # fmt: skip
            for k in range(AFTER + 1):
                report.say(
                    f"{k * QUESTIONS:>11}  {rows['bad paid'][k]:>8.2f}  {rows['good paid'][k]:>9.2f}  {k * KNOWN:>6}  "
                    f"{rows['bad heard'][k]:>9.2f}  {rows['good heard'][k]:>10.2f}  {rows['right'][k]:>5.3f}"
                )
            for name, fits, samples in (
                ("bad paid", lambda x: x <= 0.25, QUESTIONS), ("good paid", lambda x: x >= 1, QUESTIONS),
                ("bad heard", lambda x: x <= 0.25, KNOWN), ("good heard", lambda x: x >= 1, KNOWN),
            ):  # fmt: skip
                what = f"{neurons} neurons: {name} {'at most .25' if 'bad' in name else 'as much as the mean'}"
                report.figure(what, until(rows[name], fits, samples), "samples", at_most=200)


if __name__ == "__main__":
    main()
