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

from figures import Report, arguments

from klopf.store import Store
from klopf.store._build import PROFILES, build_file, chunks
from klopf.store._slices import slices

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


if __name__ == "__main__":
    main()
