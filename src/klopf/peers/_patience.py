"""Who hung lately: a participant that is stopped, or cut off, costs the others a wait once and not in each epoch.

Whoever lets a question run out of time is asked again with a quarter of the patience: anybody may be late once. Then it
is not asked for four times as long as it was waited for, and each further time for twice as long, up to four minutes:
where epochs are short pauses are, too. One answer, or one question of its own, and it counts as any other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from klopf import files

__all__ = ["Patience"]

SAME, LONGEST_PAUSE = 1.0, 240.0
"""Seconds in which several questions that run out of time are one lateness; and of a pause, at most."""
LEAST = 2.0
"""Seconds for which somebody who hung is waited for, at least."""


@dataclass
class Patience:
    """Kept in ``file``, so that whoever buys answers once, and again, does not wait anew; a lost one costs a wait."""

    file: Path
    clock: Callable[[], float] = time.time
    _hung: dict[int, tuple[int, float]] = field(default_factory=dict)
    """By participant: how often in a row, and when it may be asked again."""

    @classmethod
    def open(cls, file: Path) -> Patience:
        """As it was left; empty where the file cannot be read."""
        self = cls(file)
        try:
            saved = json.loads(file.read_text())
            self._hung = {int(k): (int(times), float(again)) for k, (times, again) in saved.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            pass
        return self

    def seconds(self, k: int, usual: float) -> float:
        """How long to wait for ``k``, for whom one would wait ``usual``; 0: it is not to be asked now."""
        if k not in self._hung:
            return usual
        again = self._hung[k][1]
        now = self.clock()
        if again - LONGEST_PAUSE <= now < again:  # else the clock was set back
            return 0.0
        return min(usual, max(LEAST, usual / 4))

    def hung(self, k: int, waited: float) -> float:
        """``k`` let a question run out of time, for which one ``waited`` so many seconds; returns for how many it is
        not asked."""
        times, again = self._hung.get(k, (0, 0.0))
        now = self.clock()
        if again - LONGEST_PAUSE <= now < again:
            return again - now
        pause = SAME if times == 0 else min(LONGEST_PAUSE, max(SAME, 4.0 * waited) * 2.0 ** min(times - 1, 10))
        self._hung[k] = (times + 1, now + pause)
        self._save()
        return pause

    def heard(self, k: int) -> None:
        """``k`` is there."""
        if self._hung.pop(k, None) is not None:
            self._save()

    def _save(self) -> None:
        files.replace(self.file, json.dumps(self._hung))
