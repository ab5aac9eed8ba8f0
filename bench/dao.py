"""What a community would agree on: forecasts of held-out votes, asking, brigades, and what it costs.

    python bench/dao.py FOLDER          # conversations as Polis exports them, one in each folder of FOLDER; 5 splits
    python bench/dao.py FOLDER --quick  # 2 splits, and a tenth of the large one
    python bench/dao.py                 # without conversations: only the large one, and names of one's own
    python bench/dao.py FOLDER --part asking    # one part: forecasts, asking, brigade, names or big
    python bench/dao.py --part big --beside PYTHON   # red-dwarf beside, by a Python that has it (dao_beside.py)

Votes are parted in five, each part is forecast from the others, passes dropped; a split is such a parting. "Statement"
is each statement's majority, "groups" the majority of Polis' group on it, "factor" a factorisation with intercepts and
one factor (squared loss, as Community Notes has it).
Asking is ``dao_asking.py``, which also says what the best choice could give; five halvings (``--quick``: one).
Calibration is the mean distance of forecast and share, in ten bins.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from dao_asking import asking
from figures import Report
from numpy.typing import NDArray

from klopf import dao

Array = NDArray[np.float64]
Forecast = Callable[[dao.Votes, NDArray[np.int64], NDArray[np.int64]], Array]
PARTS = 5
PARTS_OF = ("forecasts", "asking", "brigade", "names", "big")


def statement(votes: dao.Votes, who: NDArray[np.int64], what: NDArray[np.int64]) -> Array:
    agrees, disagrees = votes.counts()
    return np.asarray(((agrees + 0.5) / (agrees + disagrees + 1.0))[what])


def by_group(votes: dao.Votes, who: NDArray[np.int64], what: NDArray[np.int64]) -> Array:
    found = dao.polis(votes)
    guess = statement(votes, who, what)
    for g in range(found.count):
        agrees, disagrees = votes.counts((found.of == g).astype(float))
        inside = found.of[who] == g
        guess[inside] = ((agrees + 0.5) / (agrees + disagrees + 1.0))[what[inside]]
    return guess


def factor(votes: dao.Votes, who: NDArray[np.int64], what: NDArray[np.int64]) -> Array:
    """mu + b_i + b_j + f_i g_j by Adam on the squared error, intercepts held five times as tightly as factors."""
    rng = np.random.default_rng(0)
    n, m, y = len(votes.members), len(votes.statements), votes.said.astype(float)
    i, j, count = votes.who, votes.what, len(votes)
    parts = [np.zeros(1), np.zeros(n), np.zeros(m), rng.normal(0, 0.3, n), rng.normal(0, 0.3, m)]
    held = [0.15, 0.15 / n, 0.15 / m, 0.03 / n, 0.03 / m]
    first, second = [np.zeros_like(p) for p in parts], [np.zeros_like(p) for p in parts]
    for step in range(1, 201):
        mu, a, b, f, g = parts
        off = 2 * (mu + a[i] + b[j] + f[i] * g[j] - y) / count
        slopes = [np.array([off.sum()]), np.bincount(i, off, n), np.bincount(j, off, m),
                  np.bincount(i, off * g[j], n), np.bincount(j, off * f[i], m)]  # fmt: skip
        for k, slope in enumerate(slopes):
            slope = slope + 2 * held[k] * parts[k]
            first[k] = 0.9 * first[k] + 0.1 * slope
            second[k] = 0.999 * second[k] + 0.001 * slope**2
            parts[k] = parts[k] - 0.05 * (first[k] / (1 - 0.9**step)) / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
    mu, a, b, f, g = parts
    return np.asarray(1 / (1 + np.exp(-2 * (mu + a[who] + b[what] + f[who] * g[what]))))


def ours(votes: dao.Votes, who: NDArray[np.int64], what: NDArray[np.int64]) -> Array:
    return dao.Opinions.fit(votes).probabilities(who, what)


WAYS: dict[str, Forecast] = {"statement": statement, "groups": by_group, "factor": factor, "klopf": ours}


def scored(p: Array, agreed: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Accuracy, log-loss in nats, calibration error."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    bins = np.minimum((p * 10).astype(int), 9)
    off = sum(abs(p[bins == b].mean() - agreed[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))
    return float(((p > 0.5) == agreed).mean()), float(-np.log(np.where(agreed, p, 1 - p)).mean()), float(off)


def held_out(report: Report, name: str, votes: dao.Votes, splits: int) -> None:
    votes = votes.where(votes.said != 0)
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
    for split in range(splits):
        part = np.random.default_rng(split).permutation(len(votes)) % PARTS
        for way, forecast in WAYS.items():
            p = np.empty(len(votes))
            for one in range(PARTS):
                p[part == one] = forecast(votes.where(part != one), votes.who[part == one], votes.what[part == one])
            found[way].append(scored(p, votes.said > 0))
    rows = {way: np.array(one) for way, one in found.items()}
    for way, row in rows.items():
        error = row.std(0, ddof=1) / splits**0.5 if splits > 1 else np.zeros(3)
        report.say(
            f"{name:24s} {way:10s} " + "   ".join(f"{m:.4f} ± {e:.4f}" for m, e in zip(row.mean(0), error, strict=True))
        )
    mean = {way: row.mean(0) for way, row in rows.items()}
    report.figure(f"{name}: accuracy, above one factor's", mean["klopf"][0] - mean["factor"][0], "share", at_least=1e-9)
    report.figure(
        f"{name}: log-loss, below the majority's", mean["statement"][1] - mean["klopf"][1], "nats", at_least=1e-9
    )
    report.figure(f"{name}: calibration error", mean["klopf"][2], "", at_most=0.03)


def brigade(report: Report, name: str, votes: dao.Votes, seeds: int) -> None:
    """One member in twenty more, who agree with the five statements that are agreed to least and nothing else; each
    honest member has something at risk and paid ten others, three of them once paid the brigade."""
    stay, unweighted = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        n = len(votes.members)
        fakes = [f"fake {i}" for i in range(max(1, n // 20))]
        start = dict.fromkeys(votes.members, 1.0)
        paid = [(a, votes.members[j], float(rng.exponential())) for a in votes.members for j in rng.integers(0, n, 10)]
        among = [(a, b, 100.0) for a in fakes for b in rng.choice(fakes, 3)]
        among += [(votes.members[i], fakes[0], 1.0) for i in rng.integers(0, n, 3)]
        before = dao.voices(dao.reputation(paid, start), start, votes.members)
        list_ = dao.consensus(dao.Opinions.fit(votes, weights=before))
        pushed = {one.statement for one in list_[-5:]}
        said = [
            (votes.members[i], votes.statements[j], int(s))
            for i, j, s in zip(votes.who, votes.what, votes.said, strict=True)
        ]
        said += [(fake, one, 1 if one in pushed else -1) for fake in fakes for one in votes.statements]
        more = dao.Votes.of(said, statements=votes.statements)
        after = dao.voices(dao.reputation(paid + among, start), start, more.members)
        top = {one.statement for one in list_[:5]}
        stay.append(len(top & {one.statement for one in dao.consensus(dao.Opinions.fit(more, weights=after))[:5]}))
        unweighted.append(len(top & {one.statement for one in dao.consensus(dao.Opinions.fit(more))[:5]}))
    report.say(f"{name:24s} of the top five stay {stay} with weights by reputation, {unweighted} without")
    report.figure(f"{name}: of the top five a brigade of 5 % moves at most", float(5 - min(stay)), "", at_most=1)


def sybils(report: Report, seeds: int) -> None:
    """A thousand names of one of two hundred members, who receipt to each other and to it all they like."""
    most, eigen = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        honest = [f"m{i}" for i in range(200)]
        start = dict.fromkeys(honest, 1.0)
        paid = [(a, honest[j], float(rng.exponential())) for a in honest for j in rng.integers(0, 200, 10)]
        names = [f"s{i}" for i in range(1000)]
        own = [("m0", s, 1e6) for s in names] + [(s, "m0", 1e6) for s in names]
        before, after = dao.reputation(paid, start), dao.reputation(paid + own, start)
        moved = [abs(after[m] - before[m]) for m in honest]
        most.append(max(*moved, sum(after[s] for s in names)))
        all_ = dict.fromkeys([*honest, *names], 1.0)  # EigenTrust: everybody is trusted a little to begin with
        trusted = dao.reputation(paid + own, all_, decay=0.85)
        eigen.append(sum(trusted[s] for s in names) + trusted["m0"])
    report.say(f"a thousand names of one of 200: moved at most {max(most):.4f}")
    report.say(f"where everybody is trusted a little to begin with they have {statistics.mean(eigen):.2f} of all")
    report.figure(
        "1,000 names of one member: any weight moves at most, and theirs together is at most",
        max(most),
        "of all",
        at_most=0.015,
    )


def large(report: Report, quick: bool, beside: str) -> None:
    members, filled = (10_000, 100_000) if quick else (100_000, 1_000_000)
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, members * 1000, filled + filled // 50))[:filled]
    who, what = cells // 1000, cells % 1000
    u, w, level = rng.normal(size=(members, 2)), rng.normal(size=(1000, 2)), rng.normal(size=1000)
    z = level[what] + (u[who] * w[what]).sum(1)
    said = np.where(rng.random(len(z)) < 1 / (1 + np.exp(-z)), 1, -1).astype(np.int8)
    votes = dao.Votes(tuple(map(str, range(members))), tuple(map(str, range(1000))), who, what, said)
    dao.Opinions.fit(votes.where(np.arange(len(votes)) < 100))  # compiled, or loaded
    began, worked = time.perf_counter(), time.process_time()
    model = dao.Opinions.fit(votes)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    size = f"{members:,} members x 1,000 statements, {len(votes):,} votes"
    report.figure(f"{size}: fit", took, "s", at_most=60)
    report.figure("of which the processor worked", worked, "s")
    report.figure(
        "memory of the process at most", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", at_most=2000
    )
    each = []
    for i in range(50):
        new = next(j for j in range(1000) if j not in set(what[who == i]))
        began = time.perf_counter()
        model.tell(str(i), str(new), 1)
        each.append(time.perf_counter() - began)
    report.figure("one more vote, median", 1000 * statistics.median(each), "ms", at_most=5)
    at_a_terminal(report, size, who, what, said)
    if beside:
        with tempfile.TemporaryDirectory() as folder:
            np.savez(Path(folder) / "votes.npz", who=who, what=what, said=said)
            done = [beside, str(Path(__file__).with_name("dao_beside.py")), str(Path(folder) / "votes.npz")]
            try:
                told = subprocess.run(done, check=True, capture_output=True, timeout=600).stdout
            except subprocess.TimeoutExpired:
                return report.figure("red-dwarf on the same votes, not done after", 600.0, "s")
            other = json.loads(told.splitlines()[-1])
            report.figure("red-dwarf on the same votes, its groups alone: processor", other["seconds"], "s")
            report.figure("red-dwarf, memory of the process at most", other["mb"], "MB")


def at_a_terminal(
    report: Report, size: str, who: NDArray[np.int64], what: NDArray[np.int64], said: NDArray[np.int8]
) -> None:
    """The same from a file of lines, with groups, lists and what others recompute it from: a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        table, made = Path(folder) / "votes.csv", Path(folder) / "model.json"
        with table.open("w") as file:
            file.write("comment-id,voter-id,vote\n")
            file.writelines(f"{j},{i},{s}\n" for i, j, s in zip(who, what, said, strict=True))
        command = [str(Path(sys.executable).with_name("klopf")), "dao", "model", str(table), "--publish", str(made)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*command, "--json"], check=True, capture_output=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report.figure(f"{size}: at a terminal, processor", used.ru_utime - before.ru_utime, "s")
    report.figure("memory at a terminal at most", used.ru_maxrss / 1024, "MB", at_most=2000)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", nargs="?", type=Path)
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--part", choices=PARTS_OF)
    asked.add_argument("--beside", default="", metavar="PYTHON", help="a Python that has red-dwarf")
    given = asked.parse_args()
    parts = (given.part,) if given.part else PARTS_OF
    with Report(given.json) as report:
        for place in sorted(given.folder.iterdir()) if given.folder else ():
            if place.is_dir():
                votes = dao.Votes.read(place)
                if "forecasts" in parts:
                    held_out(report, place.name, votes, 2 if given.quick else 5)
                if "asking" in parts:
                    asking(report, place.name, votes, 40 if given.quick else 120, 1 if given.quick else 5)
                if "brigade" in parts:
                    brigade(report, place.name, votes, 1 if given.quick else 5)
        if "names" in parts:
            sybils(report, 2 if given.quick else 5)
        if "big" in parts:
            large(report, given.quick, given.beside)


if __name__ == "__main__":
    main()
