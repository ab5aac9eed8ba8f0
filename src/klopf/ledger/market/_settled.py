"""What is kept of an epoch's listening: what the client answers, and the replay's own records."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Column", "EpochTotals", "HeardSoFar", "Post", "Totals", "Trust"]


@dataclass(frozen=True)
class Column:
    """How a speaker was heard in an epoch."""

    consensus: int
    rank: int
    claimed: bool
    collected: bool
    weighed: bool = False
    """How it was heard counts for its standing; its money may still wait for the dispute window."""
    voided: bool = False
    """It signed a receipt that it did not post: no compute reward."""


@dataclass(frozen=True)
class Trust:
    """How a speaker was listened to over the epochs of late, and how it could have been at most; 18 decimals. ``epoch``
    is that of its last claim."""

    heard: int = 0
    most: int = 0
    epoch: int = 0


@dataclass(frozen=True)
class EpochTotals:
    """Sums over an epoch."""

    rank: int
    stake: int
    pool: int


@dataclass
class Post:
    """What a listener posted for an epoch."""

    root: bytes
    stake: int
    used: int = 0
    agreed: int = 0
    """Of its attention, what counted where it was bound to listen to speakers that are paid."""
    news: int = 0
    """The part of a reward that it has earned by how it listened before this epoch, in 1/10,000."""
    rest: int = 0
    """The part that it is paid of what was held back a day before."""


@dataclass
class HeardSoFar:
    """A column as the events tell of it."""

    consensus: int = 0
    rank: int = 0
    claimed: bool = False
    collected: bool = False
    voided: bool = False


@dataclass
class Totals:
    rank: int = 0
    stake: int = 0
    pool: int = 0
    lots: bool = False
    """Not all were bound to listen to all: where it is no crowd, each is paid as far as its attention agreed."""
    crowd: bool = False
    """So many were bound that each is paid as far as it has listened as others do."""
