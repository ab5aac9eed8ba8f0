"""A network as whoever joined it from a folder sees it: its own name, and everybody else by number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from klopf import ledger
from klopf.network._folder import Member
from klopf.network._join import read_home

__all__ = ["Own", "read_own"]


@dataclass(frozen=True)
class Own:
    """What a folder that ``klopf join`` made knows of its network, in the form in which a run tells it."""

    folder: Path
    members: tuple[Member, ...]
    """All that the registry has, in the order of their registration."""
    deployment: ledger.Deployment
    where: str
    """The ledger: an absolute path or a URL."""

    @property
    def network(self) -> str:
        """The address that all share."""
        return self.deployment.directory

    def connect(self) -> ledger.Ledger:
        return ledger.connect(self.where, None, self.deployment)

    def named(self, id: int) -> str:
        return next((m.name for m in self.members if m.id == id), f"#{id}")


def read_own(folder: Path) -> Own:
    """The network that was joined from ``folder``, as its ledger has it now.

    Raises:
        PeersError, LedgerError: the folder is damaged, or the chain cannot be reached.
    """
    settings, deployment, where = read_home(folder)
    address = ledger.keys.read_address(folder / "key.json")
    with ledger.connect(where, None, deployment) as book:
        own, everybody = book.registry.id_of(address), book.registry.all()
    members = tuple(
        Member(p.id, settings.name, settings.role, ".", p.model, True) if p.id == own  # also after it has left
        else Member(p.id, f"#{p.id}", p.role.name.lower(), f"#{p.id}", p.model, True)
        for p in everybody
    )  # fmt: skip
    return Own(folder, members, deployment, where)
