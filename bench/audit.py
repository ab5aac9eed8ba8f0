"""Does an audit find what is wrong with a model, and nothing else? A zoo of models with known faults.

    python bench/audit.py                     # 20 seeds
    python bench/audit.py --quick             # 3 seeds, without images of 28 x 28
    python bench/audit.py --data text,wine    # only these
    python bench/audit.py --keep FILE         # goes on where it was stopped

Every model is fitted to real data (``zoo.py``), and has one fault that is put there on purpose, or none. For each
fault: how often the examination that is meant for it finds it (power), and how often any sound model is found at fault
by it (false alarms). A planted mark that does not turn four samples of five is no backdoor, and mixed-up labels may by
luck be right ones: such a model is left out, and counted.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections import defaultdict
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from zoo import DATA, zoo

from klopf.audit.desk import Subject, examine
from klopf.errors import AuditError

warnings.filterwarnings("ignore")


def _audit(which: tuple[int, str]) -> list[dict[str, Any]]:
    """Everything of one seed on some data."""
    seed, data = which
    rows = []
    for one in zoo(seed, data):
        row = {"name": one.name, "data": one.data, "fault": one.fault, "seed": seed, "asked": 0, "cpu": 0.0}
        if not one.works:
            rows.append(row | {"found": None})
            continue
        cpu = time.process_time()
        subject = Subject(one.name, one.case.task, one.model, ordinary=one.ordinary)
        try:  # a sound one is asked everything
            card = examine(subject, one.case, [one.fault] if one.fault else [], seed=seed, cores=1)
        except AuditError:  # nothing is known of it: not found
            rows.append(row | {"found": {}})
            continue
        found = {f.task: (f.verdict, f.value, f.low, f.high, f.control) for f in card.findings}
        rows.append(row | {"asked": card.asked, "found": found, "cpu": time.process_time() - cpu})
    return rows


def _all(seeds: range, data: tuple[str, ...], cores: int, keep: Path | None) -> list[dict[str, Any]]:
    """All rows, those that are kept already and those that are found now, which are kept one by one."""
    lines = keep.read_text().splitlines() if keep and keep.exists() else []
    kept = {(seed, name): rows for (seed, name), rows in map(json.loads, lines)}
    wanted = [(seed, name) for seed in seeds for name in data]
    with Pool(cores) as pool:
        left = [which for which in wanted if which not in kept]
        for which, rows in zip(left, pool.imap(_audit, left), strict=True):
            kept[which] = rows
            if keep:
                with keep.open("a") as file:
                    file.write(json.dumps([which, rows]) + "\n")
    return [row for which in wanted for row in kept[which]]


def _summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Power by fault, false alarms by examination, what was left out, and the dearest audits."""
    power: dict[str, list[bool]] = defaultdict(list)
    alarms: dict[str, list[bool]] = defaultdict(list)
    left: dict[str, int] = defaultdict(int)
    for row in rows:
        if row["found"] is None:
            left[f"{row['name']}, {row['data']}"] += 1
        elif row["fault"]:
            power[f"{row['fault']}: {row['name']}, {row['data']}"].append(
                row["found"].get(row["fault"], ("",))[0] == "fault"
            )
        else:
            for task, found in row["found"].items():
                alarms[task].append(found[0] == "fault")
    results = [_result(f"power, {name}", 0.9, np.mean(hit), "of seeds", np.mean(hit) >= 0.9)
               for name, hit in sorted(power.items())]  # fmt: skip
    results += [_result(f"false alarms, {task}", 0.05, np.mean(hit), "of sound models", np.mean(hit) <= 0.05)
                for task, hit in sorted(alarms.items())]  # fmt: skip
    results += [
        _result(f"left out, {name}: its fault does not work", 0, n, "of seeds", True) for name, n in left.items()
    ]
    for kind, chosen in (("a table", _TABLES), ("images of 28 x 28", ("mnist",)), ("a series", ("household",))):
        slowest = max((row["cpu"] for row in rows if row["data"] in chosen), default=None)
        if slowest is not None:
            results.append(
                _result(f"a whole audit of {kind} on one core, the slowest", 10, slowest, "s", slowest <= 10)
            )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", help="only specimens on these, such as digits,text")
    parser.add_argument("--keep", type=Path, help="a file of what was found already, and will be")
    parser.add_argument("--each", action="store_true", help="every figure of every specimen")
    options = parser.parse_args()
    seeds = options.seeds or (3 if options.quick else 20)
    data = tuple(options.data.split(",")) if options.data else _QUICK if options.quick else tuple(DATA)
    rows = _all(range(seeds), data, options.cores, options.keep)
    if options.each:
        for row in rows:
            figures = "  ".join(
                f"{task[:8]}{_SIGNS[f[0]]} {f[1]:.2f}[{f[2]:.2f},{f[3]:.2f}]/{f[4]:.2f}"
                for task, f in (row["found"] or {}).items()
            )
            print(
                f"{row['data']:9s}{row['name']:30s}{row['fault']:12s}{row['cpu']:5.1f} s {row['asked']:7,d}  {figures}"
            )
    results = _summary(rows)
    if options.json:
        print(json.dumps(results, indent=1))
        return
    for one in results:
        holds = "" if one["holds"] else "NO"
        print(f"{one['what']:62s}{one['measured']:>8} {one['unit']:18s} asked {one['asked']:<5} {holds}")


_TABLES = ("digits", "cancer", "wine", "diabetes")
_QUICK = (*_TABLES, "text", "household")
_SIGNS = {"fault": "!", "unsure": "?", "good": "", "told": ""}


def _result(what: str, asked: float, measured: Any, unit: str, holds: Any) -> dict[str, Any]:
    return {"what": what, "asked": asked, "measured": round(float(measured), 3), "unit": unit, "holds": bool(holds)}


if __name__ == "__main__":
    main()
