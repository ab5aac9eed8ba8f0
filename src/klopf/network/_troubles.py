"""What the participants' logs say that the operator should see: what is installed beside Klopf failed while it ran."""

from __future__ import annotations

from collections import Counter

from klopf import peers
from klopf.network._folder import Run

__all__ = ["troubles"]

MOST = 5
"""Different lines told of one participant."""


def troubles(run: Run) -> list[str]:
    """A line for each different trouble in a participant's log, with how often it was met."""
    lines = []
    for member in run.members:
        log = run.folder / member.folder / "log.txt"
        with log.open(errors="replace") as written:
            met = Counter(line.partition(peers.TROUBLE)[2].strip() for line in written if peers.TROUBLE in line[:20])
        for line, times in list(met.items())[:MOST]:
            lines.append(f"{member.name}: {line}" + (f" ({times} times)" if times > 1 else ""))
        if len(met) > MOST:
            lines.append(f"{member.name}: {len(met) - MOST} other troubles stand in {log}")
    return lines
