"""Run by test_full_disk.py in a mount namespace of its own: what happens on a disk that is full, and after that."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PLACE = Path(sys.argv[1] if len(sys.argv) > 1 else ".")  # the disk; doctests are looked for here, too
KLOPF = [sys.executable, "-c", "from klopf.console import main; main()"]


@contextlib.contextmanager
def filled(left: int) -> Iterator[None]:
    """All but about ``left`` KiB of the disk is taken."""
    hole = PLACE / "filler"
    with hole.open("wb") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(4096))
    os.truncate(hole, hole.stat().st_size - 1024 * left)
    try:
        yield
    finally:
        hole.unlink()


def demand(cards: Path) -> dict[str, Any]:
    """A demand is run on a full disk, then with room: its exit statuses, what it said, how far it was."""
    words = [*KLOPF, "demand", "run", str(PLACE / "load"), "--devices", str(cards)]
    with filled(44):
        first = subprocess.run(words, capture_output=True, text=True, timeout=90)
        there = sorted(one.name for one in (PLACE / "load").iterdir())
    state = json.loads((PLACE / "load" / "state.json").read_text())
    second = subprocess.run(words, capture_output=True, text=True, timeout=90)
    after = json.loads((PLACE / "load" / "state.json").read_text())
    return {"first": first.returncode, "said": first.stderr, "there": there, "round": state["round"],
            "second": second.returncode, "rounds": [one["number"] for one in after["rounds"]]}  # fmt: skip


def budget() -> dict[str, Any]:
    """Noise is asked for until the disk is full, and a budget opened again: what was given, what is written."""
    from klopf import fleet

    def spending() -> str:
        try:
            own = fleet.Accountant(PLACE / "spent.jsonl", 4.0)
            for _ in range(100):
                own.spend(whole / 60, "a round with a long name " + "x" * 400)
                given.append(whole / 60)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    given: list[float] = []
    whole = fleet.Accountant(None, 4.0).left
    with filled(12):
        full = spending()
    when_full, left = len(given), fleet.Accountant(PLACE / "spent.jsonl", 4.0).left
    room = spending()
    return {"full": full, "given": when_full, "left": left, "whole": whole, "room": room, "all": len(given)}


if __name__ == "__main__":
    shutil.copytree(sys.argv[2], PLACE / "load")
    print(json.dumps({"demand": demand(Path(sys.argv[3])), "budget": budget()}))
