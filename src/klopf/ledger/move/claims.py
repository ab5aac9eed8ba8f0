"""The genesis tokens of a network that moved: each owner takes out once what it had on the former chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._replay import Replay

__all__ = [
    "Claims",
    "ClaimsReplay",
    "Restored",
]


@dataclass(frozen=True)
class Restored(Event):
    """Somebody took out what it had on the former chain."""

    index: int
    owner: str
    amount: int


class ClaimsReplay(Replay):
    """Nothing is taken out twice."""

    holds_tokens = True

    def begin(self) -> None:
        self.restored: set[int] = set()

    def on_Restored(self, e: Restored) -> None:
        self.differ(f"second claim by {self.where(e)}", False, e.index in self.restored)
        self.restored.add(e.index)
        self.move(self.address, e.owner, e.amount)


class Claims(Contract):
    """What everybody had on the former chain."""

    name = "Claims"
    events = (Restored,)
    replay = ClaimsReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["former"].root

    def restored(self, index: int) -> bool:
        """Whether claim number ``index`` was paid."""
        return bool(self._read("restored", index))

    def restore(self, claim: tuple[Any, ...]) -> Sent:
        """Pay a claim (index, owner, amount, proof) to its owner. Anybody may."""
        return self._write("restore", *claim)
