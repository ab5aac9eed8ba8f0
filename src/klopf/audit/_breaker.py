"""When most look bad at once, the fault is the network's: the breaker opens, and nobody is judged.

Of the neurons that an auditor found something about, let those count that had passed their last audit; whoever never
passed one opens nothing, however many they are. If these are three at least, and more than half of them now miss a
mark, the auditor keeps what it found about all who miss one to itself: fewer results than a quorum conclude nothing, so
nobody is silenced or loses a seat over a torn data feed or a bad link, and whoever disagrees stands out from nobody. It
opens twice in a row at most: what most have become, and stay, is judged.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from klopf import files, ledger

__all__ = ["Breaker"]

FEWEST, IN_A_ROW = 3, 2


class Breaker:
    """An auditor's, which remembers in ``folder`` in which epochs it opened."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state" / "breaker.json"

    def through(
        self, epoch: int, results: Sequence[ledger.Result], passed: Collection[int], marks: Mapping[str, int]
    ) -> list[ledger.Result]:
        """Those of ``results`` that are told. ``passed``: who passed its last audit; ``marks``: by task, in
        1/10,000."""
        missed = {r.neuron for r in results if any(c.score.value < marks.get(t, 0) for t, c in r.counts.items())}
        among = {r.neuron for r in results} & set(passed)
        bad = among & missed
        before = [e for e in self._opened() if e < epoch]
        tired = all(epoch - k in before for k in range(1, IN_A_ROW + 1))
        if len(among) < FEWEST or 2 * len(bad) <= len(among) or tired:
            return list(results)
        files.replace(self._file, json.dumps([*before[-IN_A_ROW:], epoch]))
        return [r for r in results if r.neuron not in missed]

    def _opened(self) -> list[int]:
        try:
            return [int(e) for e in json.loads(self._file.read_text())]
        except (OSError, ValueError, TypeError):
            return []
