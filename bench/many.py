"""What an epoch takes where many neurons live: ``klopf run`` with real processes, several neurons in each.

``python bench/many.py [--quick] [--json] [--sizes 50,200] [--together 50]``

Naive Bayes on made rows of 16 features and four classes, 40 a neuron; each asks six others about 32 of its rows, over
mutual TLS, signed and sealed; three auditors, one requester; all on the embedded chain. One run of five epochs; what is
told is of the third and fourth, from where the clock begins the one to where it begins the next but one. "cpu" is of
all processes together as /proc has it, which other work on the machine does not change much; "wall" is the clock's, and
"busy" how many of this machine's processors others kept busy meanwhile, as /proc/stat has it. Where more than 32 live
seals wait their time (here 10 s).

50 neurons in one process, the second epoch of three, on two cores that forty other processes wanted, too: 18.5 s of CPU
an epoch, 371 ms a neuron, 46 s of the clock, 33 paid; the same before seals were come back to when due and the clock
and registry were read together, right after: 24.7 s, 493 ms, 63 s, 8 paid (who is late is not). 100 neurons in two
processes took 37.7 s of CPU an epoch, 377 ms a neuron, 55.9 s of the clock, 46 paid. 200 at that cost would take 38 s
of two cores and 10 s for the seals; they have not been run.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from figures import Report, arguments

from klopf.network import DEMO_PASSPHRASE, Progress, parse_settings, run

FEATURES, CLASSES, ROWS, MORE = 16, 4, 40, 400
EPOCHS, FIRST, LAST = 5, 3, 5


def table(place: Path, neurons: int) -> Path:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, CLASSES, neurons * ROWS + MORE)
    middles = rng.standard_normal((CLASSES, FEATURES))
    rows = middles[kinds] + 1.5 * rng.standard_normal((len(kinds), FEATURES))
    with (place / "rows.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow([f"x{k}" for k in range(FEATURES)] + ["target"])
        out.writerows([*(f"{value:.4f}" for value in row), f"k{kind}"] for row, kind in zip(rows, kinds, strict=True))
    return place / "rows.csv"


def spent(root: int) -> float:
    """Seconds of CPU of the process ``root`` and of all that it started and that still live."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(place.name))
        ticks[int(place.name)] = int(fields[11]) + int(fields[12])
    family = [root]
    for one in family:
        family += children.get(one, [])
    return sum(ticks.get(one, 0) for one in family) / os.sysconf("SC_CLK_TCK")


def all_spent() -> float:
    """Seconds of CPU of everything on this machine, ever."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def lived(neurons: int, together: int) -> dict[str, float]:
    """What an epoch takes: seconds of the clock, seconds of CPU of all processes, how many processors others kept busy,
    and how many neurons were paid something in the fourth."""
    seen: dict[int, tuple[float, float, float]] = {}

    def look(now: Progress) -> None:
        if now.epoch not in seen:
            seen[now.epoch] = (time.monotonic(), spent(os.getpid()), all_spent())

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings: dict[str, Any] = {
            "seed": 0, "epochs": EPOCHS, "data": {"file": str(table(place, neurons)), "alpha": 100.0},
            "neuron": [{"name": f"n{k}", "model": "sklearn:GaussianNB"} for k in range(neurons)],
            "auditor": [{"name": name} for name in ("vera", "walt", "xeno")],
            "rules": {"seal_seconds": 10, "questions": 32, "seats": max(4, neurons // 2)},
            "ledger": {"listen_seconds": 900, "claim_seconds": 900}, "wire": {"together": together},
        }  # fmt: skip
        summary = run(parse_settings(settings, "many", place), place / "run", DEMO_PASSPHRASE, progress=look)
        wall, cpu, everything = ((b - a) / (LAST - FIRST) for a, b in zip(seen[FIRST], seen[LAST], strict=True))
        paid = {p.neuron for p in summary.payments if p.epoch == LAST - 1 and p.amount > 0}
        return {"wall": wall, "cpu": cpu, "busy": (everything - cpu) / wall, "paid": len(paid)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", default="")
    parser.add_argument("--together", type=int, default=50)
    options = parser.parse_args()
    sizes = [int(n) for n in (options.sizes or ("10,20" if options.quick else "50,100,200")).split(",")]
    os.environ["OMP_NUM_THREADS"] = "1"
    with Report(options.json) as report:
        report.say(f"{'neurons':>8} {'wall/epoch':>11} {'cpu/epoch':>10} {'cpu/neuron':>11} {'busy':>5} {'paid':>5}")
        costs = {}
        for size in sizes:
            found = lived(size, options.together)
            costs[size] = found["cpu"] / size
            report.say(
                f"{size:>8} {found['wall']:>9.1f} s {found['cpu']:>8.1f} s {1e3 * costs[size]:>8.0f} ms "
                f"{found['busy']:>5.1f} {found['paid']:>5.0f}"
            )
            report.figure(f"an epoch of {size} neurons", found["wall"], "s", at_most=60)
            report.figure(
                f"an epoch of {size} neurons, if two processors did nothing else", found["cpu"] / 2, "s", at_most=60
            )
            report.figure(f"cost of one of {size} neurons", 1e3 * costs[size], "ms of CPU an epoch")
        if len(costs) > 1:
            change = costs[max(costs)] / costs[min(costs)] - 1
            report.figure(f"cost of a neuron, {max(costs)} beside {min(costs)}", 100 * change, "%", at_most=10)


if __name__ == "__main__":
    main()
