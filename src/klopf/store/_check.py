"""What a policy would do to records and what it would leave, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from klopf.store._budget import Ledger
from klopf.store._policy import Policy
from klopf.store._prepare import Said, no_noise, prepare
from klopf.store._records import read_table

__all__ = ["Checked", "check"]


@dataclass(frozen=True)
class Checked:
    """The numbers of a check."""

    said: Said
    left: float | None
    """Epsilon that would be left in the fullest period; below 0 it would be refused; None where there is no noise."""

    def plain(self) -> dict[str, Any]:
        return {**self.said.plain(), "left": self.left}


def check(policy: Policy, file: Path, ledger: Ledger | None = None) -> Checked:
    """What ``policy`` would do to the records in ``file``; nothing is stored, spent or kept. ``ledger``: what was spent
    before, in the store that they are to be added to.

    Raises:
        StoreError, TableError: as adding them.
    """
    asked: dict[str, int] = {}
    ready = prepare(read_table(file), policy, bytes(32), no_noise, asked.update)
    if not policy.noised or policy.budget is None:
        return Checked(ready.said, None)
    if ledger is not None:
        return Checked(ready.said, ledger.left(policy, asked))
    return Checked(ready.said, policy.budget.epsilon - max(asked.values(), default=0) / 1_000_000)
