"""How fast rounds are, how few bytes they need, whether who cheats earns, and what privacy costs.

    python bench/fleet.py [--quick] [--json] [--only rounds,bytes,value,cheats,rare,late,homes,images]

*rounds*: what a round takes beside training (one record each): devices in two processes, each with a key and a
certificate, over mutual TLS; the best of the last rounds. *bytes*: what travels until the digits are 95 % right.
*value*: the estimate against exact Shapley values. *cheats*: three of ten. *rare*: two devices alone hold two classes.
*late*: stragglers. *homes*: net load an hour ahead of five households. *images*: MNIST among 30. The last two need
../shared/data, and are left out without.

``--quick`` leaves out the 100 devices of *rounds*, the bytes of *images*, and seeds: it has one, two of *value* and
*rare*, and so no errors of means elsewhere; rounds of *images* are 10 in place of 30."""

from __future__ import annotations

import asyncio
import csv
import gzip
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from figures import Report, arguments
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from klopf import fleet
from klopf.fleet import adversaries
from klopf.fleet._parameters import flat
from klopf.fleet.models import made

DATA = Path(__file__).parents[2] / "shared" / "data"
SETTINGS = {"sensors": 64, "outputs": 10, "hidden": [32], "step_size": 0.05}
WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2)
Array = NDArray[np.float32]


def digits(seed: int) -> tuple[Array, Array]:
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    return (x[order] / 16).astype(np.float32), y[order].astype(np.float32)


def parts(count: int, seed: int) -> tuple[list[fleet.TrainingDevice], fleet.Validation, fleet.Test]:
    """Equal parts of 1,397 digits; 200 to value with and 200 to test with."""
    x, y = digits(seed)
    cut = np.array_split(np.arange(400, len(x)), count)
    made = [fleet.TrainingDevice(f"d{i:03}", x[part], y[part]) for i, part in enumerate(cut)]
    return made, fleet.Validation(x[:200], y[:200]), fleet.Test(x[200:400], y[200:400])


def play(
    demand: fleet.Demand, devices: Sequence[Any], test: fleet.Test, strategy: str = "robust", **more: Any
) -> fleet.Outcome:
    members = [fleet.Local(device) for device in devices]
    return asyncio.run(fleet.Rounds(demand, members, fleet.strategy(strategy), test, **more).run())


def spread(values: Sequence[float]) -> str:
    error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{mean(values):.4g} ± {error:.2g}"


# -- rounds


def rounds(report: Report, quick: bool) -> None:
    """Over TLS, plain and sealed: bytes are of one round, as the server counts them."""
    report.say("\na round beside training, seconds:")
    for count, most in ((3, 0.1), (300, 3.0)) if quick else ((3, 0.1), (100, 1.0), (300, 3.0)):
        x, y = digits(0)
        held = [fleet.Hosted(f"d{i:03}", x[i : i + 1], y[i : i + 1]) for i in range(count)]
        server = fleet.Post("server")
        demand = fleet.Demand(replace(WANTED, draws=1), rounds=4 if quick else 8, deadline=120)
        test = fleet.Test(x[-50:], y[-50:])

        async def run(cards: Any, server: fleet.Post = server, demand: fleet.Demand = demand, test: Any = test) -> Any:
            try:
                members, found = server.reach(cards), []
                for sealed in (False, True):
                    own = replace(demand, sealed=sealed)
                    found.append(await fleet.Rounds(own, members, fleet.strategy("average"), test).run())
                return found
            finally:
                await server.close()

        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            with fleet.hosts(held, 2 if count > 3 else 1, server.card(), Path(folder)) as cards:
                up = time.perf_counter() - begun
                outcome, sealed = asyncio.run(run(cards))
        taken, bound = ([one.seconds for one in which.rounds] for which in (outcome, sealed))
        travelled = [mean(one.sent + one.received for one in which.rounds[1:]) for which in (outcome, sealed)]
        size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        each = size / -(-count // (2 if count > 3 else 1))
        report.say(f"{count:4} devices: first {taken[0]:.2f}, then {min(taken[1:]):.3f} to {max(taken[1:]):.3f}; "
                   f"begun in {up:.1f}; the largest process {size:.0f} MB")  # fmt: skip
        report.say(f"{'sealed':>12}: {min(bound[1:]):.3f} to {max(bound[1:]):.3f}; bytes both ways "
                   f"{travelled[1]:,.0f}, plain {travelled[0]:,.0f}")  # fmt: skip
        report.figure(f"a round's overhead with {count} devices", min(taken[1:]), "s", at_most=most)
        report.figure(f"the same, sealed, with {count} devices", min(bound[1:]), "s", at_most=most)
        report.figure(
            f"bytes of a sealed round, {count} devices, of a plain one's", travelled[1] / travelled[0], "times"
        )
        report.figure(f"memory for each of {count} devices", each, "MB")


# -- bytes


def bytes_to_accuracy(report: Report, quick: bool) -> None:
    """Ten devices; what arrives at the server, and both ways, until 95 % of the test are right."""
    kinds = {
        "every 32 records": (replace(WANTED, draws=32), "average", 400),
        "every pass": (replace(WANTED, epochs=1), "average", 100),
        "sparse, every 10 passes": (replace(WANTED, epochs=10, sparse=True), "average", 60),
        "sparse, robust, every 10": (replace(WANTED, epochs=10, sparse=True), "robust", 60),
    }
    seeds = range(1 if quick else 4)
    found: dict[str, float] = {}
    for name, (wanted, strategy, most) in kinds.items():
        received, both, many = [], [], []
        for seed in seeds:
            devices, _, test = parts(10, seed)
            demand = fleet.Demand(replace(wanted, seed=seed), rounds=most, goal=0.95)
            outcome = asyncio.run(over_the_wire(demand, devices, test, strategy))
            received.append(sum(one.received for one in outcome.rounds))
            both.append(received[-1] + sum(one.sent for one in outcome.rounds))
            many.append(len(outcome.rounds) if outcome.met else float("nan"))
        found[name] = mean(received)
        report.say(f"{name:<24} {spread(many)} rounds, {spread(received)} bytes received, {spread(both)} both ways")
    best = min(value for name, value in found.items() if name.startswith("sparse"))
    often = best / found["every 32 records"]
    report.figure("bytes received: sparse and rare, of averaging every 32 records", often, at_most=0.01)
    report.figure("bytes received: sparse and rare, of averaging every pass", best / found["every pass"], "")


async def over_the_wire(demand: fleet.Demand, devices: Sequence[Any], test: fleet.Test, strategy: str) -> fleet.Outcome:
    server, posts = fleet.Post("server"), []
    for device in devices:
        post = fleet.Post(device.name)
        post.knows(server.card())
        await post.open(fleet.Local(device))
        posts.append(post)
    try:
        return await fleet.Rounds(demand, server.reach(p.card() for p in posts), fleet.strategy(strategy), test).run()
    finally:
        for post in (*posts, server):
            await post.close()


# -- value


def value(report: Report, quick: bool) -> None:
    cosines, times = [], []
    for seed in range(2 if quick else 6):
        devices, validation, _ = parts(10, seed)
        model = made("mind", SETTINGS, seed)
        now = model.parameters()
        changes = {d.name: flat(d.fit(now, replace(WANTED, seed=seed)).change) for d in devices}
        truly = fleet.exact(fleet.Game(model, validation, now, changes, dict.fromkeys(changes, 1.0)))
        begun = time.perf_counter()
        told = fleet.gtg(fleet.Game(model, validation, now, changes, dict.fromkeys(changes, 1.0)), seed)
        times.append(time.perf_counter() - begun)
        a, b = (np.array(list(one.values())) for one in (truly, told))
        cosines.append(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    report.say(f"\nestimate against exact, cosine: {spread(cosines)}, least {min(cosines):.4f}; {mean(times):.2f} s")
    report.figure("cosine of estimated and exact values, ten devices, the least", min(cosines), "", at_least=0.99)


# -- cheats


def cheats(report: Report, quick: bool) -> None:
    """Three of ten; pay of a cheat by an honest device's, and accuracy beside ten honest ones."""
    seeds = range(1 if quick else 5)
    usual = [
        play(fleet.Demand(replace(WANTED, seed=s), rounds=12), *_crew(s, "")[:2], **_crew(s, "")[2]) for s in seeds
    ]
    base = [100 * one.rounds[-1].score for one in usual]
    report.say(f"\nten honest: {spread(base)} % right")
    open_for: list[float] = []
    for kind in adversaries.KINDS:
        earned, lost = [], []
        for seed in seeds:
            devices, test, more = _crew(seed, kind)
            outcome = play(fleet.Demand(replace(WANTED, seed=seed), rounds=12), devices, test, **more)
            shares = [outcome.shares.get(d.name, 0.0) for d in devices]
            earned.append(100 * mean(shares[7:]) / mean(shares[:7]))
            lost.append(base[seed] - 100 * outcome.rounds[-1].score)
            if kind == "backdoor":
                open_for.append(100 * opened(outcome, seed, test))
        report.say(f"{kind:<12} earns {spread(earned)} % of an honest device's pay and costs {spread(lost)} points")
        report.figure(f"{kind}: pay, of an honest device's", mean(earned), "%", at_most=5)
        report.figure(f"{kind}: accuracy lost", mean(lost), "points", at_most=2)
    overheard(report, seeds)
    report.say(f"the backdoor opens for {spread(open_for)} % of the test")
    report.figure("backdoor: opens for", mean(open_for), "% of the test")


def overheard(report: Report, seeds: Sequence[int]) -> None:
    """Three more without records, who give what the first device sends: in plain rounds and in sealed ones."""
    for sealed in (False, True):
        earned, own = [], []
        for seed in seeds:
            devices, validation, test = parts(7, seed)
            victim = adversaries.Heard(fleet.Local(devices[0]))
            members = [victim, *(fleet.Local(d) for d in devices[1:])]
            members += [adversaries.Overhears(f"e{i}", victim) for i in range(3)]
            demand = fleet.Demand(replace(WANTED, seed=seed), rounds=12, sealed=sealed)
            made = fleet.Rounds(demand, members, fleet.strategy("robust"), test, validation=validation)
            outcome = asyncio.run(made.run())
            shares = [outcome.shares.get(one.name, 0.0) for one in members]
            earned.append(100 * mean(shares[7:]) / mean(shares[1:7]))
            own.append(100 * shares[0] / mean(shares[1:7]))
        name = f"overheard, {'sealed' if sealed else 'plain'} rounds"
        report.say(f"{name:<26} earns {spread(earned)} % of an honest device's pay, and whom it copies {spread(own)} %")
        report.figure(f"{name}: pay, of an honest device's", mean(earned), "%", at_most=5 if sealed else None)
        report.figure(f"{name}: pay of whom it copies, of an honest device's", mean(own), "%")


def _crew(seed: int, kind: str) -> tuple[list[Any], fleet.Test, dict[str, Any]]:
    devices, validation, test = parts(10, seed)
    bad = [adversaries.Dishonest(d, kind, devices[0].fit) if kind else d for d in devices[7:]]
    return [*devices[:7], *bad], test, {"validation": validation}


def opened(outcome: fleet.Outcome, seed: int, test: fleet.Test) -> float:
    """The part of the test's records of other classes that the trigger turns into class 0."""
    model = made("mind", SETTINGS, seed)
    model.load(outcome.parameters)
    others = test.targets != 0
    marked = adversaries.backdoored(test.inputs[others])
    return model.score(marked, np.zeros(int(others.sum()), np.float32))


# -- rare


def rare(report: Report, quick: bool) -> None:
    """Eight devices with the digits 0 to 7, two that alone have 8 and 9 beside: equally many records each."""
    ratios, least = [], []
    for seed in range(2 if quick else 5):
        x, y = digits(seed)
        own, common, special = x[400:], np.flatnonzero(y[400:] < 8), np.flatnonzero(y[400:] >= 8)
        size = len(common) // 10
        devices = [
            fleet.TrainingDevice(f"d{i:03}", own[p], y[400:][p]) for i, p in enumerate(np.split(common[: 8 * size], 8))
        ]
        for i, half in enumerate(np.array_split(special, 2)):
            mixed = np.concatenate(
                [half[: size // 2], common[(8 + i) * size : (9 + i) * size - min(len(half), size // 2)]]
            )
            devices.append(fleet.TrainingDevice(f"d{8 + i:03}", own[mixed], y[400:][mixed]))
        more = {"validation": fleet.Validation(x[:200], y[:200])}
        test = fleet.Test(x[200:400], y[200:400])
        outcome = play(fleet.Demand(replace(WANTED, seed=seed), rounds=12), devices, test, **more)
        shares = [outcome.shares.get(d.name, 0.0) for d in devices]
        ratios.append(mean(shares[8:]) / max(mean(shares[:8]), 1e-3))
        least.append(100 * min(shares[:8]))
    report.say(f"\nwho has rare data earns {spread(ratios)} times as much as who has common data")
    report.say(f"of whom none earns less than {spread(least)} % of all pay")
    report.figure("pay of rare data, of common data's", mean(ratios), "times", at_least=1)
    report.figure("of all pay, what who earns least of those with common data has", mean(least), "%", at_least=0.1)


# -- late


class Paced:
    """A device whose answer takes so many seconds, however fast this machine trains."""

    def __init__(self, device: fleet.TrainingDevice, seconds: float) -> None:
        self.name, self._device, self._seconds = device.name, device, seconds

    async def apply(self, wanted: fleet.Instructions, timeout: float) -> fleet.Application:
        return self._device.apply(wanted)

    async def fit(self, parameters: Any, wanted: fleet.Instructions, timeout: float, step: Any = None) -> fleet.Update:
        begun = time.perf_counter()
        update = self._device.fit(parameters, wanted)
        await asyncio.sleep(max(0.0, self._seconds - (time.perf_counter() - begun)))
        return update


def late(report: Report, quick: bool) -> None:
    """Seconds until 94 % are right: seven devices that take 0.15 s and three 3 s; waiting for all, and nobody."""
    waiting, nobody = [], []
    for seed in range(1 if quick else 5):
        devices, _, test = parts(10, seed)
        demand = fleet.Demand(replace(WANTED, seed=seed), rounds=200, goal=0.94)
        for found, buffer in ((waiting, 0), (nobody, 4)):
            paced = [Paced(d, 0.15 if i < 7 else 3.0) for i, d in enumerate(devices)]
            made = fleet.Rounds(demand, paced, fleet.strategy("average"), test)
            begun = time.perf_counter()
            outcome = asyncio.run(fleet.run_buffered(made, buffer) if buffer else made.run())
            found.append(time.perf_counter() - begun if outcome.met else float("nan"))
    report.say(
        f"\nwith stragglers, 94 % right after {spread(waiting)} s waiting for all, {spread(nobody)} s for nobody"
    )
    ratio = mean(waiting) / mean(nobody)
    report.figure("stragglers: seconds of waiting for all, of waiting for nobody", ratio, "times", at_least=3)


# -- homes

LAGS = (0, 1, 2, 3, 22, 23, 24, 47, 167)


def homes(report: Report, quick: bool) -> None:
    """R² of the net load an hour ahead, on the last fifth of the year of each of five households."""
    place = DATA / "citylearn-2022-phase-1"
    if not place.exists():
        report.say(f"\nno {place.parent.name}/{place.name}: households are left out")
        return
    train, test = zip(*(household(place, i) for i in range(1, 6)), strict=True)
    settings = {"sensors": train[0][0].shape[1], "outputs": 1, "hidden": [24], "output": "linear", "step_size": 0.003}
    wanted = fleet.Instructions("load", "mind", settings, epochs=2)
    many, every = 10, fleet.Test(np.concatenate([x for x, _ in test]), np.concatenate([y for _, y in test]))
    seeds = range(1 if quick else 5)
    results: dict[str, list[float]] = {}
    for seed in seeds:
        model = made("mind", settings, seed)
        alone = []
        for (x, y), (tx, ty) in zip(train, test, strict=True):
            model = made("mind", settings, seed)
            model.train(x, y, 2 * many, np.random.default_rng(seed))
            alone.append(model.loss(tx, ty))
        results.setdefault("each alone", []).append(1 - mean(alone) / float(every.targets.var()))
        pooled = made("mind", settings, seed)
        x, y = np.concatenate([x for x, _ in train]), np.concatenate([y for _, y in train])
        pooled.train(x, y, 2 * many, np.random.default_rng(seed))
        results.setdefault("pooled", []).append(pooled.score(every.inputs, every.targets))
        demand = fleet.Demand(replace(wanted, seed=seed), rounds=many)
        devices = [fleet.TrainingDevice(f"h{i}", x, y) for i, (x, y) in enumerate(train)]
        results.setdefault("federated", []).append(play(demand, devices, every, "average").rounds[-1].score)
        for epsilon in (8.0, 4.0, 1.0):
            privacy = fleet.Privacy(epsilon, rounds=many, clip=1.0, groups=100)
            held = [fleet.TrainingDevice(f"h{i}", x, y, privacy=privacy) for i, (x, y) in enumerate(train)]
            for i, device in enumerate(held):
                device._noise = np.random.default_rng([seed, i])  # so that this can be run again
            score = play(demand, held, every, "average").rounds[-1].score
            results.setdefault(f"federated, ε = {epsilon:g}", []).append(score)
        moments(results, train, test, every, seed)
    report.say("\nnet load an hour ahead, explained variance:")
    for name, scores in results.items():
        report.say(f"{name:<28} {spread(scores)}")
        report.figure(f"households, {name}: explained variance", mean(scores))


def moments(results: dict[str, list[float]], train: Any, test: Any, every: fleet.Test, seed: int) -> None:
    """Ridge regression, which takes one round: alone, pooled, federated, and with noise on each household's moments."""
    settings = {"features": train[0][0].shape[1]}
    demand = fleet.Demand(fleet.Instructions("load", "ridge", settings, seed=seed), rounds=1)
    rng = np.random.default_rng(seed)
    model, alone = made("ridge", settings, seed), []
    for (x, y), (tx, ty) in zip(train, test, strict=True):
        model.train(x, y, 1, rng)
        alone.append(model.loss(tx, ty))
    results.setdefault("ridge, each alone", []).append(1 - mean(alone) / float(every.targets.var()))
    model.train(np.concatenate([x for x, _ in train]), np.concatenate([y for _, y in train]), 1, rng)
    results.setdefault("ridge, pooled", []).append(model.score(every.inputs, every.targets))
    held = [fleet.TrainingDevice(f"h{i}", x, y) for i, (x, y) in enumerate(train)]
    results.setdefault("ridge, federated", []).append(play(demand, held, every, "average").rounds[-1].score)
    for epsilon in (8.0, 4.0, 1.0):
        noisy = []
        for i, (x, y) in enumerate(train):
            privacy = fleet.Privacy(epsilon, rounds=1, clip=2.0, groups=0)
            noisy.append(fleet.TrainingDevice(f"h{i}", x, y, privacy=privacy))
            noisy[-1]._noise = np.random.default_rng([seed, i])  # so that this can be run again
        score = play(demand, noisy, every, "average").rounds[-1].score
        results.setdefault(f"ridge, federated, ε = {epsilon:g}", []).append(score)


def household(place: Path, number: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Inputs and targets of a household: past net loads, the hour, the weather; scaled by constants that tell
    nothing."""
    with (place / f"Building_{number}.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (place / "weather.csv").open() as file:
        sky = list(csv.DictReader(file))
    load = np.array([float(r["non_shiftable_load"]) for r in rows])
    sun = np.array([float(r["solar_generation"]) for r in rows]) / 1000 * 4
    net = (load - sun) / 2
    hour = 2 * np.pi * np.array([float(r["hour"]) for r in rows]) / 24
    warm = np.array([float(r["outdoor_dry_bulb_temperature"]) for r in sky]) / 20 - 1
    bright = np.array([float(r["direct_solar_irradiance"]) for r in sky]) / 500
    first = max(LAGS)
    columns = [np.roll(net, lag)[first:-1] for lag in LAGS]
    columns += [np.sin(hour)[first:-1], np.cos(hour)[first:-1], warm[first:-1], bright[first:-1]]
    inputs, targets = np.stack(columns, 1).astype(np.float32), net[first + 1 :].astype(np.float32)
    cut = int(0.8 * len(inputs))
    return (inputs[:cut], targets[:cut]), (inputs[cut:], targets[cut:])


# -- images


def images(report: Report, quick: bool) -> None:
    """MNIST's 10,000 test images in unequal shares among 30: sizes and classes by Dirichlet draws of 0.5."""
    place = DATA / "mnist-10k"
    if not place.exists():
        report.say(f"\nno {place.parent.name}/{place.name}: images are left out")
        return
    shown, called = ((place / f"t10k-{name}-ubyte.gz").read_bytes() for name in ("images-idx3", "labels-idx1"))
    x = np.frombuffer(gzip.decompress(shown), np.uint8, offset=16).reshape(-1, 784)
    y = np.frombuffer(gzip.decompress(called), np.uint8, offset=8)
    settings = {"sensors": 784, "outputs": 10, "hidden": [32], "step_size": 0.02}
    results: dict[str, list[float]] = {}
    received: dict[str, list[float]] = {}
    reached: dict[str, list[float]] = {}
    for seed in range(1 if quick else 3):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(x))
        images, labels = (x[order] / np.float32(255)).astype(np.float32), y[order].astype(np.float32)
        test = fleet.Test(images[:2000], labels[:2000])
        owner = np.empty(8000, int)
        for label in range(10):
            mine = np.flatnonzero(labels[2000:] == label)
            owner[mine] = rng.choice(30, len(mine), p=rng.dirichlet(np.full(30, 0.5)))
        held = [np.flatnonzero(owner == i) + 2000 for i in range(30)]
        devices = [fleet.TrainingDevice(f"d{i:03}", images[p], labels[p]) for i, p in enumerate(held) if len(p)]
        alone = []
        for device in devices:
            model = made("mind", settings, seed)
            model.train(device.inputs, device.targets, 10, np.random.default_rng(seed))
            alone.append(model.score(test.inputs, test.targets))
        results.setdefault("each alone", []).append(mean(alone))
        pooled = made("mind", settings, seed)
        pooled.train(images[2000:], labels[2000:], 10, np.random.default_rng(seed))
        results.setdefault("pooled", []).append(pooled.score(test.inputs, test.targets))
        wanted = fleet.Instructions("images", "mind", settings, epochs=2, seed=seed)
        for name, (one, strategy, many) in {
            "federated": (wanted, "average", 10 if quick else 30),
            "federated, sparse": (replace(wanted, sparse=True), "average", 10 if quick else 30),
            "federated, robust": (wanted, "robust", 10 if quick else 30),
        }.items():
            demand = fleet.Demand(one, rounds=many)
            outcome = asyncio.run(over_the_wire(demand, devices, test, strategy))
            results.setdefault(name, []).append(outcome.rounds[-1].score)
            received.setdefault(name, []).append(sum(r.received for r in outcome.rounds))
        kinds = {
            "every 32 records": replace(wanted, draws=32), "every pass": replace(wanted, epochs=1),
            "sparse, every 10 passes": replace(wanted, epochs=10, sparse=True),
        }  # fmt: skip
        for name, one in () if quick else kinds.items():
            demand = fleet.Demand(one, rounds=100, goal=0.88)
            outcome = asyncio.run(over_the_wire(demand, devices, test, "average"))
            reached.setdefault(name, []).append(
                sum(r.received for r in outcome.rounds) if outcome.met else float("nan")
            )
    if reached:
        report.say("\nbytes received until 88 % are right:")
        for name, sizes in reached.items():
            report.say(f"{name:<24} {spread(sizes)}")
        few, often = mean(reached["sparse, every 10 passes"]), mean(reached["every 32 records"])
        report.figure("images: bytes until 88 %, of averaging every 32 records", few / often, at_most=0.01)
        report.figure("images: bytes until 88 %, of averaging every pass", few / mean(reached["every pass"]))
    report.say("\n30 unequal shares of MNIST's images, accuracy (and bytes received):")
    for name, scores in results.items():
        more = f"  {spread(received[name])} bytes" if name in received else ""
        report.say(f"{name:<20} {spread(scores)}{more}")
        report.figure(f"images, {name}: accuracy", mean(scores))
    part = mean(received["federated, sparse"]) / mean(received["federated"])
    report.figure("images: bytes received with sparse changes, of those without, in as many rounds", part)


ALL = {
    "rounds": rounds,
    "bytes": bytes_to_accuracy,
    "value": value,
    "cheats": cheats,
    "rare": rare,
    "late": late,
    "homes": homes,
    "images": images,
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", default=",".join(ALL), help=f"of {', '.join(ALL)}; commas between them")
    given = parser.parse_args()
    wrong = set(given.only.split(",")) - set(ALL)
    if wrong:
        parser.error(f"--only takes {', '.join(ALL)}, not {', '.join(sorted(wrong))}")
    with Report(given.json) as report:
        for name in given.only.split(","):
            ALL[name](report, given.quick)


if __name__ == "__main__":
    main()
