"""What the participants' folders say that the operator should see: what is installed beside Klopf failed while it ran,
and what neurons gained that learn from others."""

from __future__ import annotations

from collections import Counter

from klopf import peers
from klopf.network._folder import Run

__all__ = ["gained", "troubles"]

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


def gained(run: Run) -> list[str]:
    """A line for each neuron that distils what it hears: how many lessons were a gain, and of how much."""
    lines = []
    for member in run.members:
        if found := peers.gains(run.folder / member.folder):
            kept = [gain for _, gain in sorted(found.items()) if gain.kept]
            told = "none was a gain"
            if kept:
                told = f"{len(kept)} kept, each lowered its held-out loss, by {_mean(kept):.4f} on average"
            lines.append(f"{member.name} distilled what it heard in {len(found)} epochs: {told}")
    return lines


def _mean(kept: list[peers.Gain]) -> float:
    return sum(gain.before - gain.after for gain in kept) / len(kept)
