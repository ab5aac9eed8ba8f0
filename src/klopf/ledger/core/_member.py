"""A participant as the events tell of it: the replay's own record."""

from __future__ import annotations

from dataclasses import dataclass, field

from klopf.ledger.core._participant import Role
from klopf.neuron import Standing

__all__ = ["Member"]


@dataclass
class Member:
    """A participant as the events tell of it."""

    role: Role
    owner: str
    key: str
    endpoint: str
    model: str
    certificate: bytes
    standing: Standing = Standing.NONE
    born: int = 0
    updated: int = 0
    utility: int = 0
    accounted: int = 0
    """Epochs that the utility contains."""
    rule_utility: float = 0.0
    """The same by the shared rule, in floating point."""
    passed: bool = False
    renewed: bool = False
    """It announced another model since it fell silent."""
    failed: int = 0
    commitment: bytes = bytes(32)
    replaced: dict[str, int] = field(default_factory=dict)
    """Every key it had before this one, and the epoch in which that was replaced."""
    deposit: int = 0
    """Of its registration, which returns when it leaves."""
    stakes: list[tuple[int, int]] = field(default_factory=list)
    """(epoch, staked after it changed)"""

    @property
    def staked(self) -> int:
        """What it has at stake now."""
        return self.stakes[-1][1] if self.stakes else 0

    def stake_at(self, epoch: int) -> int:
        """What it had at stake when ``epoch`` opened."""
        return next((staked for changed, staked in reversed(self.stakes) if changed < epoch), 0)

    def keys_of(self, epoch: int) -> set[str]:
        """The keys that it had in ``epoch`` or later: a receipt of that epoch may be signed with any of them."""
        return {self.key, *(key for key, last in self.replaced.items() if epoch <= last)}
