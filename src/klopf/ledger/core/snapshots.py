"""Graph snapshots as tokens. The code stands behind a proxy that only the timelock may point elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._proxy import ProxyReplay
from klopf.ledger._replay import ZERO

__all__ = [
    "Approval",
    "ApprovalForAll",
    "Snapshots",
    "SnapshotsReplay",
    "Taken",
    "Transfer",
    "Upgraded",
]


@dataclass(frozen=True)
class Taken(Event):
    id: int
    by: str
    hash: bytes
    at_block: int
    place: str


@dataclass(frozen=True)
class Transfer(Event):
    sender: str
    to: str
    id: int


@dataclass(frozen=True)
class Approval(Event):
    owner: str
    approved: str
    id: int


@dataclass(frozen=True)
class ApprovalForAll(Event):
    owner: str
    operator: str
    approved: bool


@dataclass(frozen=True)
class Upgraded(Event):
    """The code behind the proxy."""

    implementation: str


class SnapshotsReplay(ProxyReplay):
    """Who owns which snapshot, what each claims, and the code that was put there last."""

    def begin(self) -> None:
        self.owners: dict[int, str] = {}
        self.taken: set[int] = set()

    def on_Upgraded(self, e: Upgraded) -> None:
        self.implementation = e.implementation

    def on_Transfer(self, e: Transfer) -> None:
        self.differ(f"owner before {self.where(e)}", self.owners.get(e.id, ZERO), e.sender)
        self.owners[e.id] = e.to

    def on_Taken(self, e: Taken) -> None:
        self.differ(f"owner of {self.where(e)}", self.owners.get(e.id), e.by)
        self.taken.add(e.id)
        held = self.client(Snapshots).get(e.id)
        self.differ(f"the contract's snapshot {e.id}", (e.hash, e.at_block, e.place), held)

    def compare(self) -> None:
        super().compare()
        self.differ("snapshots taken", set(self.owners), self.taken)


class Snapshots(Contract):
    """Graph snapshots as tokens."""

    name = "Snapshots"
    behind_proxy = True
    events = (Taken, Transfer, Approval, ApprovalForAll, Upgraded)
    needs_none = (Approval, ApprovalForAll)
    """Who may sell a snapshot moves none."""
    replay = SnapshotsReplay

    def mint(self, digest: bytes, block: int, place: str = "") -> int:
        """Claim that the graph up to ``block`` hashes to ``digest``; returns the token's id."""
        self._write("mint", digest, block, place)
        return self.id_of(digest)

    def id_of(self, digest: bytes) -> int:
        """The token of a hash; 0 for none."""
        return int(self._read("idOf", digest))

    def get(self, id: int) -> tuple[bytes, int, str]:
        """Hash, block and place of a snapshot."""
        digest, block, place = self._read("snapshot", id)
        return digest, block, place
