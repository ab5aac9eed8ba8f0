"""A world to fail in: how fast it is, whether a seed is one world, what coupling adds to a storm.

    python bench/twin.py [--quick] [--json]

Speed is that of 1,000 households, without agents, in steps of a quarter of an hour; processor seconds of one core, of a
year where ``--quick`` does not take a twentieth of it.
"""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from figures import Report, arguments

from klopf.twin import Plan, Scenario, World

YEAR = 35_040
LARGE = Plan(households=1000, minutes=15, feeders=20, depth=5)


def speed(report: Report, quick: bool) -> None:
    steps = YEAR // 20 if quick else YEAR
    world = World(LARGE, 0).run(10)  # what is compiled once is not counted
    before = time.process_time()
    world.run(steps)
    took = time.process_time() - before
    report.figure("1,000 households, a year at quarter hours", took * YEAR / steps, "s of one core", at_most=60)
    report.figure("the same, steps a second", steps / took, "1/s")
    tracemalloc.start()
    world.run(200)
    early = tracemalloc.get_traced_memory()[0]
    world.run(200 if quick else 2000)
    grown = (tracemalloc.get_traced_memory()[0] - early) / 1e6
    tracemalloc.stop()
    report.figure("memory that the next steps add", grown, "MB", at_most=1)


def one_seed(report: Report) -> None:
    code = (
        "from klopf.twin import *; w = World(Plan(households=50, minutes=30), 7, scenario=Scenario.read('storm')); "
        "print(w.run(672).digest())"
    )
    said = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    report.figure("worlds that a seed makes in two processes", len(said), "", at_most=1)


def storm(report: Report, quick: bool) -> None:
    """What coupling adds to a storm, and what it is worth to mend the line to the waterworks first."""
    lost: dict[str, list[float]] = {}
    for seed in range(3 if quick else 20):
        for name, coupled, first in (("coupled", True, 0), ("uncoupled", False, 0), ("waterworks first", True, 1)):
            world = World(Plan(), seed, scenario=Scenario.read("storm"), coupled=coupled)
            urgent = np.full((world.plan.buses, 1), np.nan)
            urgent[first] = 1.0 if first else np.nan
            for _ in range(7 * 24):
                world.advance({"power": urgent})
            sums = world.sums()
            lost.setdefault(name, []).append(float(sums["people"]["lost"].sum()))
            lost.setdefault(f"{name}, outages", []).append(float(sums["power"]["outages"][0]))
    for name, values in lost.items():
        unit = "customer hours" if "outages" in name else "money lost by people"
        report.figure(f"storm, {name}: mean of {len(values)} seeds", float(np.mean(values)), unit)
        report.say(f"storm, {name}: {np.mean(values):.1f} [{min(values):.1f}, {max(values):.1f}] {unit}")
    added = np.mean(lost["coupled"]) / np.mean(lost["uncoupled"])
    report.figure("storm: loss where sectors are coupled, of that where they are not", float(added), "", at_least=1)


def main() -> None:
    asked = arguments(__doc__).parse_args()
    with Report(asked.json) as report:
        one_seed(report)
        storm(report, asked.quick)
        speed(report, asked.quick)


if __name__ == "__main__":
    main()
