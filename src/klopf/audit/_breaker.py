"""When most look bad at once, the fault is the network's: the breaker opens, and nobody is judged.

Of the neurons that an auditor found something about, let those count that had passed their last audit; whoever never
passed one opens nothing, however many they are. If these are three at least (``fault_fewest``), and more than half of
them (``fault_bps``) now miss a mark, the auditor keeps what it found about all who miss one to itself: fewer results
than a quorum conclude nothing, so nobody is silenced or loses a seat over a torn data feed or a bad link, and whoever
disagrees stands out from nobody.

A majority that turns bad together looks the same at first, so it must gain nothing by that:

- The breaker opens in two (``fault_most``) of 24 epochs (``fault_span``) at most. A fault is over by then or is none;
  what stays is judged from the third epoch on, and who is bad now and then is spared two epochs in 24.
- Whoever does worse in a task than its control, beyond what chance allows, is told about and does not count. What is
  torn makes neurons guess; to be wrong more often than that one has to know what is right.

The numbers are the ledger's, which whoever owns the rules sets by vote (``klopf.ledger.SeatTerms``); that auditors go
by them is theirs: a contract sees results only, and a quorum of them counts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from klopf import files, ledger

__all__ = ["Breaker"]


class Breaker:
    """An auditor's, which remembers in ``folder`` in which epochs it opened, by the ``terms`` of the epoch."""

    def __init__(self, folder: Path, terms: ledger.SeatTerms | None = None) -> None:
        self._file = folder / "state" / "breaker.json"
        self._terms = terms or ledger.SeatTerms()

    def through(
        self, epoch: int, results: Sequence[ledger.Result], passed: Collection[int], marks: Mapping[str, int],
        worse: Collection[int] = (),
    ) -> list[ledger.Result]:  # fmt: skip
        """Those of ``results`` that are told. ``passed``: who passed its last audit; ``marks``: by task, in 1/10,000;
        ``worse``: who did worse than a control."""
        missed = {r.neuron for r in results if any(c.score.value < marks.get(t, 0) for t, c in r.counts.items())}
        missed -= set(worse)
        among = {r.neuron for r in results} & set(passed) - set(worse)
        terms = self._terms
        before = [e for e in self._opened() if epoch - terms.fault_span < e < epoch]
        most = 10_000 * len(among & missed) > terms.fault_bps * len(among)
        if len(among) < terms.fault_fewest or not most or len(before) >= terms.fault_most:
            return list(results)
        files.replace(self._file, json.dumps([*before, epoch]))
        return [r for r in results if r.neuron not in missed]

    def _opened(self) -> list[int]:
        try:
            return [int(e) for e in json.loads(self._file.read_text())]
        except (OSError, ValueError, TypeError):
            return []
