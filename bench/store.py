"""How fast the store cuts, hashes, writes and reads, beside the limit of the machine; and what slicing saves.

    python bench/store.py [--quick] [--json]

The limit is one thread's SHA-256 over the same bytes in the same run: an identifier cannot do without it, and
two threads can come to twice as much. Each figure is the best of three turns, taken in turns with the limit's.
"""

from __future__ import annotations

import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from figures import Report, arguments

from klopf.extras import missing
from klopf.store import Policy, Store, check
from klopf.store._build import PROFILES, build_file, chunks
from klopf.store._opendp import discrete_laplace
from klopf.store._prepare import prepare
from klopf.store._slices import slices
from klopf.tables import read

MIB = 1 << 20
PROFILE = PROFILES["unixfs-v1-2025"]
POLICY = """
device = "bench"
[screen]
duplicates = ["time", "home"]
[anonymity]
k = 5
suppress = 0.05
[fields]
home = { action = "pseudonym" }
time = { action = "coarsen-time", to = "day" }
age = { action = "generalise", widths = [10, 20, 40] }
load = { action = "keep" }
"""


def main() -> None:
    asked = arguments(__doc__).parse_args()
    size, rows = (256 * MIB, 50_000) if asked.quick else (1024 * MIB, 500_000)
    with Report(asked.json) as report, tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        file = random_file(place / "bytes", size)
        hashing(report, file, size)
        whole(report, place, file, size)
        records(report, place, rows)
        versions(report, 20_000 if asked.quick else 100_000)
        households(report, asked.quick)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report.figure("most memory in all this, tables included", peak, "MiB")


def random_file(file: Path, size: int) -> Path:
    with file.open("wb") as out:
        for _ in range(size // (16 * MIB)):
            out.write(os.urandom(16 * MIB))
    return file


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def nowhere(cid: object, block: bytes) -> None:
    """Blocks that are only hashed."""


def hashing(report: Report, file: Path, size: int) -> None:
    def limit() -> None:
        hash_ = sha256()
        with file.open("rb") as handle:
            while piece := handle.read(MIB):
                hash_.update(piece)

    def ours() -> None:
        with file.open("rb") as handle:
            build_file(chunks(handle, PROFILE.chunk), PROFILE, nowhere)

    limit()  # the file is in memory from here on
    turns = [(timed(limit), timed(ours)) for _ in range(3)]
    slow, fast = min(a for a, _ in turns), min(b for _, b in turns)
    start = time.process_time()
    ours()
    busy = time.process_time() - start
    report.figure("chunked and hashed, by the processor's time", size / busy / 1e9, "GB a CPU-second", at_least=0.5)
    report.figure("plain SHA-256, one thread", size / slow / 1e9, "GB/s")
    report.figure("chunked and hashed, profile unixfs-v1-2025", size / fast / 1e9, "GB/s", at_least=0.5)
    report.figure("chunked and hashed, as a part of plain SHA-256", slow / fast, "", at_least=0.9)


def whole(report: Report, place: Path, file: Path, size: int) -> None:
    store = Store.create(place / "store")
    root = None

    def add() -> None:
        nonlocal root
        root = store.add_as_it_is(file).root

    report.figure("added as it is, every block on the disk", size / timed(add) / 1e9, "GB/s")
    assert root is not None
    found = root
    report.figure("verified", size / timed(store.verify) / 1e9, "GB/s")
    report.figure("got", size / timed(lambda: store.get(found, place / "out")) / 1e9, "GB/s")
    same = sha256((place / "out").read_bytes()).digest() == sha256(file.read_bytes()).digest()
    report.figure("what was got is what was added", float(same), "", at_least=1)


def written_records(count: int, seed: int = 0) -> str:
    draw, start = random.Random(seed), datetime(2026, 1, 5)
    lines = ["home,time,age,load"]
    for i in range(count):
        when = (start + timedelta(minutes=15 * (i // 50))).isoformat()
        lines.append(f"home {i % 50},{when},{20 + i % 50},{draw.gauss(1.5, 0.6):.3f}")
    return "\n".join(lines) + "\n"


def records(report: Report, place: Path, count: int) -> None:
    (place / "policy.toml").write_text(POLICY)
    (place / "records.csv").write_text(written_records(count))
    store = Store.create(place / "protected")
    took = timed(lambda: store.add(place / "records.csv", place / "policy.toml"))
    report.say(f"{count:,} records of four fields through a policy and into the store: {took:.1f} s")
    report.figure("records through a policy with k = 5, into the store", count / took, "records/s")


def versions(report: Report, count: int) -> None:
    """Two versions of the same records, one row put in near the beginning: bytes for both, cut before compressing and
    compressed before cutting."""
    import zstandard

    text = written_records(count).encode()
    header, _, rest = text.partition(b"\n")
    other = header + b"\nhome 99,2026-01-05T00:00:00,33,1.000\n" + rest
    ours: dict[bytes, int] = {}
    theirs: dict[bytes, int] = {}
    for version in (text, other):
        with tempfile.TemporaryFile() as handle:
            handle.write(version)
            handle.seek(0)
            start = time.perf_counter()
            build_file(slices(handle), PROFILE, lambda cid, block: ours.update({cid.digest: len(block)}))
            took = time.perf_counter() - start
        packed = zstandard.ZstdCompressor(level=9).compress(version)
        for at in range(0, len(packed), 1 << 16):
            block = packed[at : at + (1 << 16)]
            theirs[sha256(block).digest()] = len(block)
    report.figure("sliced, compressed and hashed", len(other) / took / 1e6, "MB/s")
    report.say(f"two versions: {sum(ours.values()):,} bytes sliced, {sum(theirs.values()):,} compressed before cutting")
    report.figure(
        "bytes of two versions, sliced before compressing, beside the other way round",
        sum(ours.values()) / sum(theirs.values()),
        at_most=0.7,
    )


HOMES = Path(__file__).parents[2] / "shared/data/citylearn-2022-phase-1"
LEFT_OUT = (
    "indoor_dry_bulb_temperature", "average_unmet_cooling_setpoint_difference", "indoor_relative_humidity",
    "dhw_demand", "cooling_demand", "heating_demand", "daylight_savings_status",
)  # fmt: skip


def household(load: str) -> Policy:
    """A policy for a household's hours: month, hour and day stay, load and sun as said."""
    drops = "\n".join(f'{name} = {{ action = "drop" }}' for name in LEFT_OUT)
    return Policy.parse(
        'device = "home"\n[screen]\nduplicates = false\n[budget]\nepsilon = 1e6\n[anonymity]\nk = 20\n[fields]\n'
        f'{drops}\nmonth = {{ action = "generalise", widths = [1, 3] }}\n'
        'hour = { action = "generalise", widths = [1] }\n'
        f'day_type = {{ action = "drop" }}\nnon_shiftable_load = {load}\nsolar_generation = {{ action = "drop" }}'
    )


def households(report: Report, quick: bool) -> None:
    """A year of hours of real households: who is alone, and what noise leaves of the mean day."""
    if not HOMES.is_dir() or missing("noise"):
        report.say("real households: skipped, without ../shared/data or klopf[noise]")
        return
    files = sorted(HOMES.glob("Building_*.csv"))[: 2 if quick else 5]
    alone = [check(household('{ action = "keep" }'), file).said.unique_in_all for file in files]
    report.figure("households' hours alone for who knows month, hour and load", mean(alone), "of the records")
    for each in (1, 4, 16):
        rule = household(f'{{ action = "noise", low = 0, high = 8, step = 0.01, epsilon = {each} }}')
        alone, errors = [], []
        for file in files:
            table = read(file)
            made = prepare(table, rule, bytes(32), discrete_laplace, lambda asked: None)
            alone.append(made.said.unique_in_all)
            real, noised = table.columns["non_shiftable_load"], made.columns["non_shiftable_load"]
            hours, given = np.asarray(table.columns["hour"]), np.asarray(made.columns["hour"])  # in orders of their own
            gaps = [
                abs(noised[given == f"[{hour},{hour + 1})"].mean() - real[hours == hour].mean())
                for hour in range(1, 25)
            ]
            errors.append(mean(gaps) / real.mean())
        error = stdev(errors) / len(errors) ** 0.5
        report.say(f"epsilon {each} an hour: the mean day is off by {mean(errors):.1%} ± {error:.1%} of the mean load")
        report.figure(f"households' mean day, epsilon {each} an hour, mean error", mean(errors), "of the mean load")
    report.figure(
        "households' hours alone for who knows all but what has noise", max(alone), "of the records", at_most=0
    )


if __name__ == "__main__":
    main()
