"""Continual ImageNet's protocol: endless tasks of two classes, on your images or on the digits that are at hand.

    python bench/continual_imagenet.py [--quick] [--json] [--images FOLDER_OR_NPZ] [--data mnist] [--folder FOLDER]
                                       [--tasks 5000] [--epochs 250] [--seeds 5] [--rules Klopf,SGD] [--step 0.01]

In each task two classes are drawn, with 600 images of each to learn from for so many epochs in batches of 100, and 100
of each to be told (of smaller classes 6 of 7 and the rest); between tasks the two outputs' weights become 0, and
nothing else (Dohare et al., Nature 632, 2024). Their network, too: convolutions of 32, 64 and 128 channels, each with
pooling, and layers of 128 and 128. ``--images``: a ``.npz`` with ``images``, (n, 32, 32, 3) or (n, 3, 32, 32) of uint8,
and ``labels``, (n,); or a folder of one ``.npy`` for each class, such images. Without it, 8 by 8 digits, or with
``--data mnist`` those in ../shared/data, made 32 by 32: of their ten classes 45 pairs come again and again.

All rules have one budget of tuning: three step-sizes by two settings of their own, one seed that is not used again, a
fiftieth of the tasks, five at least; ``--step``: this step-size and each one's first setting, nothing is tuned. With
``--folder`` what was lived is kept there after each ten tasks, and the same command goes on with it to the bit.
``--quick``: 4 tasks of 2 epochs, one seed, nothing tuned.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from figures import Kept, Report, arguments  # isort: split

import torch  # PyTorch, and not this file's neighbour: figures, which comes first, sees to that
from sklearn.datasets import load_digits
from torch import Tensor, nn

from klopf.mind.torch import ContinualBackprop, L2Init, ReDo, SelfNormalisedResets, SharedRule, ShrinkAndPerturb, report

DATA = Path(__file__).parents[2] / "shared/data/mnist-10k"
STEPS = (1e-3, 3e-3, 1e-2)
BATCH, LEARNED, TOLD, PIECE = 100, 600, 100, 10
RULES: dict[str, tuple[Callable[..., Any] | None, tuple[float, float]]] = {
    "SGD": (None, (0.0, 1e-4)),  # its own setting is weight decay, as Adam's
    "Adam": (None, (0.0, 1e-4)),
    "L2-Init": (lambda *model, own: L2Init(*model, rate=own), (1e-5, 1e-4)),
    "Shrink-and-Perturb": (lambda *model, own: ShrinkAndPerturb(*model, shrink=own, noise=own), (1e-5, 1e-4)),
    "ReDo": (lambda *model, own: ReDo(*model, threshold=own), (0.025, 0.1)),
    "SNR": (lambda *model, own: SelfNormalisedResets(*model, rejection=own), (0.01, 0.05)),
    "continual backprop": (lambda *model, own: ContinualBackprop(*model, rate=own), (1e-4, 1e-3)),
    "Klopf": (lambda *model, own: SharedRule(*model, rate=own), (1e-4, 1e-3)),
}
"""Each with two values of a setting of its own, to be tuned."""


def network(channels: int) -> nn.Module:
    """The published one, for images of 32 by 32."""
    convolutions = [
        module
        for inputs, outputs, size in ((channels, 32, 5), (32, 64, 3), (64, 128, 3))
        for module in (nn.Conv2d(inputs, outputs, size), nn.ReLU(), nn.MaxPool2d(2))
    ]
    linear = [nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)]
    return nn.Sequential(*convolutions, nn.Flatten(), *linear)


def classes(images: Path | None, data: str) -> list[np.ndarray]:
    """Images of each class, shape ``(n, channels, 32, 32)``, numbers in [0, 1]."""
    if images is None:
        if data == "digits":
            x, labels = load_digits(return_X_y=True)
            x = np.kron(x.reshape(-1, 8, 8) / 16, np.ones((4, 4)))[:, None]
        else:
            shown, called = (
                gzip.decompress((DATA / f"t10k-{n}-ubyte.gz").read_bytes()) for n in ("images-idx3", "labels-idx1")
            )
            x = np.frombuffer(shown, np.uint8, offset=16).reshape(-1, 1, 28, 28) / 255
            x, labels = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2))), np.frombuffer(called, np.uint8, offset=8)
        return [x[labels == one].astype(np.float32) for one in np.unique(labels)]
    try:
        if images.is_dir():
            found = [np.load(file, allow_pickle=False) for file in sorted(images.glob("*.npy"))]
        else:
            with np.load(images, allow_pickle=False) as kept:
                x, labels = kept["images"], kept["labels"]
            found = [x[labels == one] for one in np.unique(labels)]
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile) as error:
        raise SystemExit(f"{images} is no .npz with images and labels, nor a folder of .npy: {error}") from None
    shapes = {one.shape[1:] for one in found}
    if len(found) < 2 or not shapes <= {(32, 32, 3), (3, 32, 32)} or min(map(len, found)) < 14:
        raise SystemExit(f"{images} has {len(found)} classes of images of {sorted(shapes)[:3]}; two or more of 32 by "
                         "32, three channels, 14 images each are needed")  # fmt: skip
    return [(one if one.shape[1] == 3 else one.transpose(0, 3, 1, 2)).astype(np.float32) / 255 for one in found]


class Life:
    """One network with one rule, task after task; ``accuracy`` has what it told right of each task's images."""

    def __init__(self, name: str, step: float, own: float, seed: int, known: list[np.ndarray], epochs: int) -> None:
        torch.manual_seed(seed)
        self.known, self.epochs, self.seed = known, epochs, seed
        self.model = network(known[0].shape[1])
        decay = own if name in ("SGD", "Adam") else 0.0
        self.optimizer: torch.optim.Optimizer = (
            torch.optim.Adam(self.model.parameters(), lr=step, weight_decay=decay) if name == "Adam"
            else torch.optim.SGD(self.model.parameters(), lr=step, momentum=0.9, weight_decay=decay)
        )  # fmt: skip
        make = RULES[name][0]
        self.rule = make(self.model, self.optimizer, torch.from_numpy(known[0][:2]), own=own) if make else None
        self.accuracy: list[float] = []

    def task(self) -> None:
        """The next one: which it is and in which order it is learned follows from the seed and its number alone."""
        random = np.random.default_rng([self.seed, len(self.accuracy)])
        self._forget()
        learned, told = [], []
        for label, which in enumerate(random.choice(len(self.known), 2, replace=False)):
            order = random.permutation(len(self.known[which]))
            many = min(LEARNED, len(order) * 6 // 7)
            learned += [(which, n, label) for n in order[:many]]
            told += [(which, n, label) for n in order[many : many + TOLD]]
        x, y = self._batch(learned)
        for _ in range(self.epochs):
            order = random.permutation(len(x))
            for first in range(0, len(x), BATCH):
                some = torch.from_numpy(order[first : first + BATCH])
                self.optimizer.zero_grad()
                nn.functional.cross_entropy(self.model(x[some]), y[some]).backward()
                self.optimizer.step()
        x, y = self._batch(told)
        with torch.no_grad():
            self.accuracy.append(float((self.model(x).argmax(1) == y).float().mean()))

    def _batch(self, rows: list[tuple[int, int, int]]) -> tuple[Tensor, Tensor]:
        x = np.stack([self.known[which][n] for which, n, _ in rows])
        return torch.from_numpy(x), torch.tensor([label for *_, label in rows])

    @torch.no_grad()
    def _forget(self) -> None:
        """The two outputs begin anew, with what the optimiser keeps of them."""
        for parameter in self.model[-1].parameters():
            parameter.zero_()
            for kept in self.optimizer.state.get(parameter, {}).values():
                if isinstance(kept, Tensor) and kept.shape == parameter.shape:
                    kept.zero_()

    def state(self) -> dict[str, Any]:
        rule = self.rule.state_dict() if self.rule else None
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "rule": rule,
                "accuracy": self.accuracy}  # fmt: skip

    def load(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.rule:
            self.rule.load_state_dict(state["rule"])
        self.accuracy = list(state["accuracy"])


def lived(life: Life, tasks: int, file: Path | None) -> int:
    """The whole life, from where it stood in ``file``; how many tasks were lived now."""
    if file and file.exists():
        life.load(torch.load(file))
    before = len(life.accuracy)
    while len(life.accuracy) < tasks:
        life.task()
        if file and (len(life.accuracy) % PIECE == 0 or len(life.accuracy) == tasks):
            torch.save(life.state(), file.with_suffix(".part"))
            os.replace(file.with_suffix(".part"), file)
    return len(life.accuracy) - before


def compare(said: Report, given: argparse.Namespace, known: list[np.ndarray], where: str) -> None:
    tuned = Kept(given.folder / f"{where}-tuned.jsonl" if given.folder else None)
    few, last = max(5, given.tasks // 50), max(1, given.tasks // 10)

    def tried(name: str, step: float, own: float) -> float:
        life = Life(name, step, own, 1000, known, given.epochs)
        lived(life, few, None)
        return statistics.mean(life.accuracy)

    for name in given.rules:
        owns = RULES[name][1]
        best = (given.step, owns[0])
        if not given.step:
            each = {one: tuned.get(f"{name} {one} {few}", lambda name=name, one=one: tried(name, *one))
                    for one in itertools.product(STEPS, owns)}  # fmt: skip
            best = max(each, key=lambda one: each[one])
        ends, first, many, began = [], [], 0, time.process_time()
        for seed in range(given.seeds):
            called = f"{where}-{name.replace(' ', '-')}-{best[0]:g}-{best[1]:g}-{seed}.pt"
            life = Life(name, *best, seed, known, given.epochs)
            many += lived(life, given.tasks, given.folder / called if given.folder else None)
            ends.append(statistics.mean(life.accuracy[-last:]))
            first.append(statistics.mean(life.accuracy[:last]))
        spent = (time.process_time() - began) / max(many, 1)
        error = statistics.stdev(ends) / given.seeds**0.5 if given.seeds > 1 else 0.0
        found = report(life.model, torch.from_numpy(known[0][:50]))
        dormant = statistics.mean(one.dormant for one in found.layers)
        births = life.rule.births if life.rule else 0
        said.say(f"{name:<20} first {statistics.mean(first):.3f}, last {statistics.mean(ends):.3f} ± {error:.3f}   "
                 f"dormant {dormant:.2f}, births {births}   {spent:.1f} s a task, {many} lived now   "
                 f"step {best[0]:g}, own {best[1]:g}")  # fmt: skip
        said.figure(f"{where}, {given.tasks} tasks: {name}, told right in the last tenth", statistics.mean(ends))
        if many:
            hours = spent * 5000 * 250 / given.epochs / 3600
            said.figure(f"{where}: {name}, hours of one core for 5,000 tasks of 250 epochs", hours, "hours")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--images", type=Path, help="yours: a .npz, or a folder of .npy")
    parser.add_argument("--data", choices=("digits", "mnist"), default="digits", help="where no images are given")
    parser.add_argument("--folder", type=Path, help="where lives are kept and gone on with")
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rules", default=",".join(RULES), help="which")
    parser.add_argument("--step", type=float, help="tune nothing: this step-size, and the first setting of each")
    given = parser.parse_args()
    given.rules = [name.strip() for name in given.rules.split(",")]
    if unknown := [name for name in given.rules if name not in RULES]:
        parser.error(f"no rule {unknown[0]!r}; choose of {', '.join(RULES)}")
    if min(given.tasks, given.epochs, given.seeds) < 1:
        parser.error("tasks, epochs and seeds are whole numbers from 1")
    if given.quick:
        given.tasks, given.epochs, given.seeds, given.step = 4, 2, 1, given.step or STEPS[-1]
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with Report(given.json) as said:
        if given.images is None and given.data == "mnist" and not DATA.exists():
            said.say(f"MNIST's images are not at {DATA}: nothing was measured")
            return
        known = classes(given.images, given.data)
        where = given.images.stem if given.images else given.data
        said.say(f"{where}: {len(known)} classes, {given.tasks} tasks of {given.epochs} epochs, {given.seeds} seeds")
        compare(said, given, known, f"{where}-{given.epochs}")


if __name__ == "__main__":
    main()
