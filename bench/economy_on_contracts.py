"""Cells of ``economy.py`` played on the contracts: are ranks and pay those of the simulation, to the last unit?

``python bench/economy_on_contracts.py [--quick] [--json]``

Whose lots these are comes from the chain's seed here, for both: who must listen to whom is what the contracts say,
what listeners write is what the strategy says, and each claims and settles by calls to a real machine. All three must
agree in every epoch: the ranks, the pay, and what the strategy's side has beside the honest one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import Report, arguments
from numpy.typing import NDArray
from worlds import STAKE, Columns, World

from klopf.ledger import Parameters
from klopf.ledger.market import _reference as ref

CELLS = (
    (10, 0.4, "ring that answers well"), (12, 0.25, "copy weights"), (10, 0.1, "honest"), (8, 0.25, "ring"),
    (10, 0.4, "false news"), (12, 0.42, "ring"), (9, 0.33, "withhold"), (6, 0.33, "race"), (12, 0.25, "random"),
    (10, 0.1, "idle"), (16, 0.25, "ring that speaks ill"), (10, 0.4, "ring by a little"),
)  # fmt: skip
"""Neurons, share of the stake, strategy."""


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
        due = [pool * r // max(1, sum(ranks)) * told // 10_000 for r, told in zip(ranks, world.told, strict=True)]
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


def tell(report: Report, quick: bool) -> None:
    """Each cell by the second implementation and on the chain; ``quick``: three of them, half the epochs."""
    report.say("\nplayed again on the contracts: neurons, share, income by the second implementation and on the chain")
    for size, share, strategy in CELLS[:3] if quick else CELLS:
        simulated, chained, same = replayed(size, share, strategy, 5 if quick else 10)
        report.say(f"{strategy:<24}{size:>4} {share:6.0%} {simulated:10.4f} {chained:10.4f} {same}")
        what = f"{strategy}, {size} neurons, {share:.0%}, ranks and pay on the contracts as simulated"
        report.figure(what, float(same), "", at_least=1.0)


def main() -> None:
    args = arguments(__doc__).parse_args()
    with Report(args.json) as report:
        tell(report, args.quick)


if __name__ == "__main__":
    main()
