"""Where a page's network is: a run folder, or an address on a chain of others."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from klopf import ledger, network

__all__ = ["Source", "of_remote", "of_run"]


@dataclass(frozen=True)
class Source:
    """What a page reads. Nothing of it is ever written to."""

    name: str
    where: str
    deployment: ledger.Deployment
    names: dict[int, str] = field(default_factory=dict)
    adversaries: frozenset[int] = frozenset()
    folder: Path | None = None

    def place(self) -> object:
        """What tells one ledger file from another at the same path: its file number; of a node's URL, nothing."""
        try:
            found = os.stat(self.where)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def again(self) -> Source:
        """The same place, read afresh: a run may have been made anew in its folder."""
        return self if self.folder is None else of_run(self.folder)

    def connect(self) -> ledger.Ledger:
        """The ledger, read-only. KlopfError where it cannot be reached."""
        return ledger.connect(self.where, None, self.deployment)

    def explain(self, neuron: int, epoch: int) -> network.Explanation:
        """Why a neuron was paid what it was paid.

        Raises:
            KlopfError: there is no such neuron or epoch, or the ledger cannot be reached.
        """
        if self.folder is not None:
            return network.explain(network.read_run(self.folder), f"{neuron}", epoch)
        with self.connect() as book:
            everybody = book.registry.all()
        members = tuple(
            network.Member(p.id, self.names.get(p.id, f"#{p.id}"), p.role.name.lower(), f"#{p.id}", p.model, True)
            for p in everybody
        )
        return network.explain(network.Own(Path("."), members, self.deployment, self.where), f"{neuron}", epoch)


def of_run(folder: Path) -> Source:
    """The run in ``folder``, which may still go on. KlopfError where there is none."""
    run = network.read_run(folder)
    return Source(
        run.network, run.where, run.deployment, {m.id: m.name for m in run.members},
        frozenset(m.id for m in run.members if not m.honest), folder,
    )  # fmt: skip


def of_remote(rpc: str, directory: str) -> Source:
    """The network with its directory at an address, over a node's URL. KlopfError where there is none."""
    with ledger.connect(rpc, None, directory=directory) as book:
        return Source(directory, rpc, book.deployment)
