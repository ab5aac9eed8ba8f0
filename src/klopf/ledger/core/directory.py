"""Where the contracts of a network are: the packs that it began with, and those that its owner added since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from klopf.ledger._abi import as_name, as_text
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import Replay

__all__ = [
    "Directory",
    "DirectoryReplay",
    "PackAdded",
]


@dataclass(frozen=True)
class PackAdded(Event):
    pack: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]

    @classmethod
    def read(cls, place: tuple[int, int, str, str], values: Sequence[Any]) -> Self:
        pack, names, addresses = values
        return cls(*place, as_text(pack), tuple(as_text(name) for name in names), addresses)


class DirectoryReplay(Replay):
    """Every pack once, every name once, and all where the deployment has them, with the shipped code."""

    def begin(self) -> None:
        self.packs: dict[str, tuple[str, ...]] = {}
        self.entries: dict[str, str] = {}

    def on_PackAdded(self, e: PackAdded) -> None:
        self.differ(f"pack {e.pack} there before {self.where(e)}", False, e.pack in self.packs)
        self.packs[e.pack] = e.names
        for name, address in zip(e.names, e.addresses, strict=True):
            self.differ(f"contract {name} there before {self.where(e)}", False, name in self.entries)
            self.entries[name] = address

    def compare(self) -> None:
        deployment = self.run.ledger.deployment
        self.differ("packs", {pack: list(names) for pack, names in self.packs.items()}, deployment.packs)
        self.differ("addresses", {"Directory": self.address, **self.entries}, deployment.addresses)
        for line in deployment.tampered(self.run.ledger.rpc):
            self.differ("the contracts", "the shipped ones", line)


class Directory(Contract):
    """One address that leads to all others."""

    name = "Directory"
    events = (PackAdded,)
    replay = DirectoryReplay

    def packs(self) -> list[str]:
        """The packs that this network has, in the order in which they came."""
        return [as_text(pack) for pack in self._read("packs")]

    def entry(self, pack: str, contracts: dict[str, str]) -> bytes:
        """The call that enters a pack of ``contracts`` (address by name)."""
        names = [as_name(name) for name in contracts]
        return self._functions["add"].call_data((as_name(pack), names, list(contracts.values())))

    def add(self, pack: str, contracts: dict[str, str]) -> Sent:
        """Enter a pack, for good; the owner of the rules only."""
        return self._ledger.send(self.address, self.entry(pack, contracts))
