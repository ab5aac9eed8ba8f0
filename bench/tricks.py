"""What earns in a fleet without being honest work: good work now and then, mixtures, copies, several names for one.

    python bench/tricks.py [--quick] [--json] [--keep FILE]

Ten devices, three of which try; the digits of bench/fleet.py, eight rounds. ``--quick`` is two seeds of five, and
leaves out the twenty names and the thirty devices. Whole it takes some minutes of a core: with ``--keep`` it may be
stopped, and goes on after the last run that was finished."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from figures import Kept, Report, arguments
from fleet import WANTED, Array, digits, opened, parts, play, spread

from klopf import fleet
from klopf.fleet import adversaries
from klopf.fleet._parameters import digest, flat, shapes_of, split


class Odd:
    """A device that gives ``turned`` of what it learned, and may look at what others learn."""

    def __init__(self, device: fleet.TrainingDevice, turned: Any) -> None:
        self.name, self._device, self._turned = device.name, device, turned

    def apply(self, wanted: fleet.Instructions) -> fleet.Application:
        return self._device.apply(wanted)

    def fit(self, parameters: Any, wanted: fleet.Instructions) -> fleet.Update:
        update = self._device.fit(parameters, wanted)
        rng = np.random.default_rng([wanted.seed, wanted.round, *self.name.encode()])
        turned = self._turned(flat(update.change), parameters, wanted, rng)
        change = split(np.asarray(turned, np.float32), shapes_of(parameters))
        return replace(update, change=change, digest=digest(change))


def noise(rng: np.random.Generator, like: Array, part: float = 1.0) -> Any:
    drawn = rng.normal(size=like.size)
    return drawn * part * float(np.linalg.norm(like)) / np.linalg.norm(drawn)


KINDS: dict[str, Any] = {
    "good once, then noise": lambda own, _, wanted, rng, __: own if wanted.round == 1 else noise(rng, own),
    "good in two of three rounds": lambda own, _, wanted, rng, __: own if wanted.round % 3 else noise(rng, own),
    "two good rounds, then poison": lambda own, _, wanted, rng, __: own if wanted.round < 3 else -own,
    "the mean of two others": lambda own, at, wanted, rng, others: (
        flat(others[0].fit(at, wanted).change) + flat(others[1].fit(at, wanted).change)
    ) / 2,
    "a copy with a twentieth of noise": lambda own, at, wanted, rng, others: (
        (one := flat(others[0].fit(at, wanted).change)) + noise(rng, one, 0.05)
    ),
    "a copy with a quarter of noise": lambda own, at, wanted, rng, others: (
        (one := flat(others[0].fit(at, wanted).change)) + noise(rng, one, 0.25)
    ),
}  # fmt: skip


def trick(name: str, seed: int) -> tuple[float, float]:
    """Pay of one of the three, in hundredths of an honest device's (who is copied is none of these), and of the first
    device and the three together, of an honest one's: what who holds a device makes of it by copies."""
    devices, validation, test = parts(10, seed)
    bad = [Odd(d, lambda *given: KINDS[name](*given, devices)) for d in devices[7:]]
    demand = fleet.Demand(replace(WANTED, seed=seed), rounds=8)
    outcome = play(demand, [*devices[:7], *bad], test, validation=validation)
    shares = [outcome.shares.get(d.name, 0.0) for d in devices]
    usual = mean(shares[int("copy" in name) : 7])
    return 100 * mean(shares[7:]) / usual, (shares[0] + sum(shares[7:])) / usual


def names(many: int, whole: bool, seed: int) -> float:
    """What so many names of one of seven devices earn together, each with all its records or with a part of them, of
    what it earns alone."""
    devices, validation, test = parts(7, seed)
    x, y = devices[6].inputs, devices[6].targets
    own = [(x, y)] * many if whole else list(zip(np.array_split(x, many), np.array_split(y, many), strict=True))
    named = [fleet.TrainingDevice(f"e{i}", *one) for i, one in enumerate(own)]
    demand = fleet.Demand(replace(WANTED, seed=seed), rounds=8)
    honest = play(demand, devices, test, validation=validation).shares["d006"]
    outcome = play(demand, [*devices[:6], *named], test, validation=validation)
    return sum(outcome.shares[d.name] for d in named) / honest


def faint(seed: int) -> tuple[float, float]:
    """A backdoor in a tenth of the records of three: pay of an honest device's, and for how much it opens, in %."""
    devices, validation, test = parts(10, seed)
    bad = []
    for d in devices[7:]:
        few = len(d.inputs) // 10
        inputs = np.concatenate([adversaries.backdoored(d.inputs[:few]), d.inputs[few:]])
        targets = np.concatenate([np.zeros(few, np.float32), d.targets[few:]])
        bad.append(fleet.TrainingDevice(d.name, inputs, targets))
    demand = fleet.Demand(replace(WANTED, seed=seed), rounds=12)
    outcome = play(demand, [*devices[:7], *bad], test, validation=validation)
    shares = [outcome.shares.get(d.name, 0.0) for d in devices]
    return 100 * mean(shares[7:]) / mean(shares[:7]), 100 * opened(outcome, seed, test)


def tricks(report: Report, kept: Kept, quick: bool) -> None:
    seeds = range(2 if quick else 5)
    report.say("\ntricks of three of ten, 8 rounds, pay of an honest device's:")
    for name in KINDS:
        found = [kept.get(f"{name}/{seed}", lambda n=name, s=seed: trick(n, s)) for seed in seeds]
        earned, together = zip(*found, strict=True)
        report.say(f"{name:<40} {spread(earned)} %")
        report.figure(f"{name}: pay, of an honest device's", mean(earned), "%")
        if "copy" in name:
            report.say(f"{'its names and whom they copy':<40} {spread(together)} times what one earns")
            report.figure(f"{name}: all together, of what one earns", mean(together), "times")
    for many, whole in ((3, True), (10, False), *(() if quick else ((20, False),))):
        name = f"{many} names {'of' if whole else 'that split'} one data set"
        ratios = [kept.get(f"{name}/{seed}", lambda m=many, w=whole, s=seed: names(m, w, s)) for seed in seeds]
        report.say(f"{name:<40} {spread(ratios)} times what one earns")
        report.figure(f"{name}: pay, of what one earns", mean(ratios), "times")
    backdoors = [kept.get(f"faint backdoor/{seed}", lambda s=seed: faint(s)) for seed in seeds]
    earned, taken = zip(*backdoors, strict=True)
    report.say(f"a backdoor in a tenth of its records: pay {spread(earned)} %, opens for {spread(taken)} % of the test")
    report.figure("a backdoor in a tenth of its records: pay, of an honest device's", mean(earned), "%")
    report.figure("a backdoor in a tenth of its records: opens for", mean(taken), "% of the test")


def shared_out(seed: int, count: int, alpha: float) -> tuple[list[fleet.TrainingDevice], Any, Any]:
    """Digits among so many by Dirichlet draws of each class; who has fewer than four is left out."""
    x, y = digits(seed)
    rng, owner = np.random.default_rng(seed), np.empty(len(x) - 400, int)
    for label in range(10):
        mine = np.flatnonzero(y[400:] == label)
        owner[mine] = rng.choice(count, len(mine), p=rng.dirichlet(np.full(count, alpha)))
    held = [np.flatnonzero(owner == i) + 400 for i in range(count)]
    devices = [fleet.TrainingDevice(f"d{i:03}", x[own], y[own]) for i, own in enumerate(held) if len(own) > 3]
    return devices, fleet.Validation(x[:200], y[:200]), fleet.Test(x[200:400], y[200:400])


CREWS: dict[str, tuple[Any, fleet.Instructions]] = {
    "ten equal shares": (lambda seed: parts(10, seed), WANTED),
    "the same, sparse": (lambda seed: parts(10, seed), replace(WANTED, sparse=True)),
    "ten unequal shares (Dirichlet 0.5)": (lambda seed: shared_out(seed, 10, 0.5), WANTED),
    "ten very unequal shares (0.1)": (lambda seed: shared_out(seed, 10, 0.1), WANTED),
    "thirty unequal shares (0.5)": (lambda seed: shared_out(seed, 30, 0.5), WANTED),
}


def struck(name: str, seed: int) -> tuple[int, int, float]:
    """Of a crew of honest devices: updates that are taken for no work, all updates, and the pay forfeited, in %."""
    crew, wanted = CREWS[name]
    devices, validation, test = crew(seed)
    demand, members = fleet.Demand(replace(wanted, seed=seed), rounds=10), [fleet.Local(d) for d in devices]
    rounds = fleet.Rounds(demand, members, fleet.strategy("robust"), test, validation=validation)
    asyncio.run(rounds.run())
    kept = rounds.standing()
    lost = 100 * (1 - sum(rounds.values.values()) / sum(kept["pay"].values()))
    return sum(kept["struck"].values()), sum(kept["given"].values()), lost


def unjustly(report: Report, kept: Kept, quick: bool) -> None:
    """Honest devices alone: how many of their updates are taken for no work, and what part of all pay that costs."""
    report.say("\nhonest devices alone, updates taken for no work:")
    wrong, given = 0, 0
    for name in list(CREWS)[: 4 if quick else None]:
        rows = [kept.get(f"{name}/{seed}", lambda n=name, s=seed: struck(n, s)) for seed in range(2 if quick else 5)]
        own, all_, lost = zip(*rows, strict=True)
        report.say(f"{name:<40} {sum(own)} of {sum(all_)}, which forfeits {spread(lost)} % of all pay")
        wrong, given = wrong + sum(own), given + sum(all_)
    report.figure("updates of honest devices that are taken for no work", 100 * wrong / given, "%", at_most=1)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--keep", type=Path, help="a file of runs that were finished, and will be")
    given = parser.parse_args()
    with Report(given.json) as report:
        kept = Kept(given.keep)
        tricks(report, kept, given.quick)
        unjustly(report, kept, given.quick)


if __name__ == "__main__":
    main()
