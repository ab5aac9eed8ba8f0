"""What noise on what devices give costs on MNIST's images, and which learner stands it.

    python bench/noise.py [--quick] [--json]

8,000 images in 30 unequal shares (as in bench/fleet.py), a group for each record, 20 rounds, delta 0.00001. *local*:
each device adds noise for its own records, so nobody need be believed. *central*: the rival, one place that has all
records and adds noise once. Needs ../shared/data, and says so without."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
from figures import Report, arguments
from fleet import DATA, Array, play, spread

from klopf import fleet

ROUNDS, STEP = 20, 2.0
LEARNERS: dict[str, dict[str, Any]] = {
    "layers": {"inputs": [784], "layers": [["dense", 10]], "output": "softmax"},
    "mind": {"sensors": 784, "outputs": 10, "hidden": [32]},
}


@dataclass
class Shares:
    """Images and labels, 2,000 of them to test with, and whose each of the others is."""

    images: Array
    labels: Array
    owner: Any

    @classmethod
    def drawn(cls, seed: int) -> Shares:
        place = DATA / "mnist-10k"
        shown, called = ((place / f"t10k-{name}-ubyte.gz").read_bytes() for name in ("images-idx3", "labels-idx1"))
        x = np.frombuffer(gzip.decompress(shown), np.uint8, offset=16).reshape(-1, 784)
        y = np.frombuffer(gzip.decompress(called), np.uint8, offset=8)
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(x))
        images, labels = (x[order] / np.float32(255)).astype(np.float32), y[order].astype(np.float32)
        owner = np.empty(8000, int)
        for label in range(10):
            mine = np.flatnonzero(labels[2000:] == label)
            owner[mine] = rng.choice(30, len(mine), p=rng.dirichlet(np.full(30, 0.5)))
        return cls(images, labels, owner)

    def learned(self, seed: int, model: str, epsilon: float, central: bool) -> float:
        """The accuracy after all rounds."""
        privacy = fleet.Privacy(epsilon, rounds=ROUNDS, clip=STEP, groups=0)
        owner = np.zeros_like(self.owner) if central else self.owner
        devices = []
        for i in range(owner.max() + 1):
            own = np.flatnonzero(owner == i) + 2000
            if len(own):
                one = fleet.TrainingDevice(f"d{i:03}", self.images[own], self.labels[own], privacy=privacy)
                one._noise = np.random.default_rng([seed, i])  # so that this can be run again
                devices.append(one)
        wanted = fleet.Instructions("images", model, {**LEARNERS[model], "step_size": STEP}, seed=seed)
        test = fleet.Test(self.images[:2000], self.labels[:2000])
        return play(fleet.Demand(wanted, rounds=ROUNDS), devices, test, "diloco").rounds[-1].score


def noise(report: Report, quick: bool) -> None:
    if not (DATA / "mnist-10k").exists():
        report.say(f"no {DATA.name}/mnist-10k: there are no images to learn from")
        return
    shares = [Shares.drawn(seed) for seed in range(1 if quick else 3)]
    for model in LEARNERS:
        for epsilon in (8.0, 4.0, 1.0):
            reached = {}
            for central in (False, True):
                scores = [one.learned(seed, model, epsilon, central) for seed, one in enumerate(shares)]
                where = "central" if central else "local"
                reached[where] = mean(scores)
                report.say(f"{model:<8} ε = {epsilon:g} {where:<8} {spread(scores)}")
                report.figure(f"images, {model}, ε = {epsilon:g}, {where}: accuracy", mean(scores))
            part = reached["local"] / reached["central"]
            report.figure(f"images, {model}, ε = {epsilon:g}: local, of central", part, "times")


def main() -> None:
    given = arguments(__doc__).parse_args()
    with Report(given.json) as report:
        noise(report, given.quick)


if __name__ == "__main__":
    main()
