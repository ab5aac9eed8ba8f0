"""Rules for PyTorch's users: endless permuted images beside plain Adam and ccbp-pytorch, and what a rule costs.

    python bench/torch.py [--quick] [--json] [--data mnist] [--seeds 5]

Digits (1,797 of 8 by 8; ``--data mnist``: 2,000 of 28 by 28 a task, of the 10,000 in ../shared/data) are permuted anew
in each of 150 tasks (500), one pass in batches of 16 each, two hidden layers of 100. What counts is the part of samples
told right before they are learned, in the last ten tasks. Everybody has the same budget of tuning: three step-sizes by
two settings of its own, one seed that is not used again, a third of the tasks. ``--quick``: 40 tasks, two seeds, no
tuning but the middle of each. ``ccbp-pytorch`` takes part where it is installed. Time is of the processor, one thread.
"""

from __future__ import annotations

import gzip
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from figures import Report, arguments  # isort: split

import torch  # PyTorch, and not this file: figures, which comes first, sees to that
from sklearn.datasets import load_digits
from torch import nn

from klopf.mind.torch import ContinualBackprop, L2Init, SharedRule, ShrinkAndPerturb, report

DATA = Path(__file__).parents[2] / "shared/data/mnist-10k"
STEPS = (1e-3, 3e-3, 1e-2)
BATCH, HIDDEN, LAST = 16, 100, 10
RULES: dict[str, tuple[Callable[..., Any] | None, tuple[float, float]]] = {
    "Adam": (None, (0.0, 1e-4)),  # its own setting is weight decay
    "L2-Init": (lambda *model, own: L2Init(*model, rate=own), (1e-3, 1e-4)),
    "Shrink-and-Perturb": (lambda *model, own: ShrinkAndPerturb(*model, shrink=own, noise=own), (1e-5, 1e-4)),
    "continual backprop": (lambda *model, own: ContinualBackprop(*model, rate=own), (1e-3, 1e-4)),
    "Klopf": (lambda *model, own: SharedRule(*model, rate=own), (1e-3, 1e-4)),
}
"""Each with two values of a setting of its own, to be tuned."""
if find_spec("ccbp_pytorch"):
    from ccbp_pytorch import CCBP

    RULES["ccbp-pytorch"] = (lambda model, adam, _, own: CCBP(adam, model=model, replacement_rate=own), (0.015, 0.05))


def images(data: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Inputs in [0, 1], labels, and how many a task has."""
    if data == "digits":
        x, y = load_digits(return_X_y=True)
        return (x / 16).astype(np.float32), y, len(x)
    shown, called = (
        gzip.decompress((DATA / f"t10k-{n}-ubyte.gz").read_bytes()) for n in ("images-idx3", "labels-idx1")
    )
    x = np.frombuffer(shown, np.uint8, offset=16).reshape(-1, 784)
    return (x / 255).astype(np.float32), np.frombuffer(called, np.uint8, offset=8).astype(np.int64), 2000


def play(name: str, step: float, own: Any, data: str, tasks: int, seed: int) -> tuple[float, float]:
    """Part told right in the last ten tasks, and microseconds of the processor a step."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    x, y, many = images(data)
    sizes = [x.shape[1], HIDDEN, HIDDEN, 10]
    layers = [m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())][:-1]
    model = nn.Sequential(*layers)
    decay = own if name == "Adam" else 0.0
    adam = torch.optim.Adam(model.parameters(), lr=step, weight_decay=decay)
    make = RULES[name][0]
    rule = make(model, adam, torch.from_numpy(x[:2]), own=own) if make else None
    optimizer = rule if name == "ccbp-pytorch" else adam
    right, spent, steps = [], 0.0, 0
    for _ in range(tasks):
        pixels, order = random.permutation(x.shape[1]), random.permutation(len(x))[:many]
        inputs, targets = torch.from_numpy(x[order][:, pixels]), torch.from_numpy(y[order])
        begun, told = time.process_time(), 0
        for first in range(0, many - BATCH + 1, BATCH):
            a, b = inputs[first : first + BATCH], targets[first : first + BATCH]
            out = model(a)
            told += int((out.detach().argmax(1) == b).sum())
            optimizer.zero_grad()
            nn.functional.cross_entropy(out, b).backward()
            optimizer.step()
            steps += 1
        spent += time.process_time() - begun
        right.append(told / (many // BATCH * BATCH))
    return statistics.mean(right[-LAST:]), spent / steps * 1e6


def endless(said: Report, data: str, tasks: int, seeds: int, step: float | None) -> None:
    found: dict[str, list[float]] = {}
    times: dict[str, float] = {}
    for name, (_, owns) in RULES.items():
        grid = [(step, owns[0])] if step else list(itertools.product(STEPS, owns))
        best = max(grid, key=lambda one: play(name, *one, data, tasks // 3, 1000)[0]) if len(grid) > 1 else grid[0]
        rows = [play(name, *best, data, tasks, seed) for seed in range(seeds)]
        found[name] = [row[0] for row in rows]
        times[name] = statistics.median(row[1] for row in rows)
        error = statistics.stdev(found[name]) / seeds**0.5 if seeds > 1 else 0.0
        said.say(f"{name:<20} {statistics.mean(found[name]):.3f} ± {error:.3f}   {times[name]:6.0f} us a step   "
                 f"step {best[0]:g}, own {best[1]:g}")  # fmt: skip
    where = f"{data}, {tasks} tasks"
    for rival in ("Adam", "ccbp-pytorch"):
        if rival in found:
            ahead = statistics.mean(found["Klopf"]) - statistics.mean(found[rival])
            said.figure(f"{where}: Klopf before {rival}, right in the last ten tasks", ahead, at_least=0.0)
    said.figure(f"{where}: a step with the shared rule, of one of plain Adam", times["Klopf"] / times["Adam"], "times",
                at_most=1.15)  # fmt: skip


def residual(said: Report) -> None:
    """A step of a ResNet-18 with the rule, in the same run as without; and what is found in it."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.mind.torch.architectures import ResNet18

    x, y = torch.randn(16, 3, 32, 32), torch.randint(0, 10, (16,))
    spent = {}
    for ruled in (False, True):
        torch.manual_seed(0)
        model = ResNet18()
        adam = torch.optim.Adam(model.parameters())
        rule = SharedRule(model, adam, x[:1, :, :16, :16]) if ruled else None
        each = []
        for _ in range(12):
            begun = time.process_time()
            adam.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            adam.step()
            each.append(time.process_time() - begun)
        spent[ruled] = statistics.mean(each[2:])  # a look is taken every ten steps, and counts
        if rule is not None:
            units = sum(one.units for one in report(model, x[:2, :, :16, :16], rule).layers)
            many = len(rule.heard)
            said.say(f"ResNet-18: {units:,} units in {many} layers, {spent[False]:.2f} s a step without a rule")
    said.figure("ResNet-18, 16 images of 32 by 32: a step with the shared rule, of one without", spent[True] /
                spent[False], "times", at_most=1.15)  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--data", choices=("digits", "mnist"), default="digits", help="which images")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--tasks", type=int, help="how many in place of 40 (--quick), 150 (digits) or 500 (mnist)")
    parser.add_argument("--step", type=float, help="tune nothing: this step-size, and the first setting of each")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with Report(asked.json) as said:
        if asked.data == "mnist" and not DATA.exists():
            said.say(f"MNIST's images are not at {DATA}: nothing was measured")
            return
        tasks = asked.tasks or (40 if asked.quick else 150 if asked.data == "digits" else 500)
        step = asked.step or (STEPS[1] if asked.quick else None)
        endless(said, asked.data, tasks, 2 if asked.quick else asked.seeds, step)
        residual(said)


if __name__ == "__main__":
    main()
