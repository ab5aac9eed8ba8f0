"""What the doors of a folder are opened with, what was sold there, and the opening itself."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from klopf.doors._sales import Sale, Sales
from klopf.errors import DoorsError
from klopf.network import answering

__all__ = ["Opened", "Opening", "home_of", "sales_of"]


@dataclass(frozen=True)
class Opening:
    """What whoever opens the doors chooses."""

    price: int
    """For one sample, in the token's smallest unit."""
    host: str = "127.0.0.1"
    port: int = 0
    url: str = ""
    """Where others reach it, where that is another address than ``host`` and ``port``."""
    certificate: Path | None = None
    certificate_key: Path | None = None
    fee: int = 0
    """A requester's offer to each neuron for a sample."""
    most: int = 8
    patience: float = 600.0
    """Seconds after which what was paid and could not be answered is paid back."""
    confirmations: int = 0
    """Blocks that must follow a payment, over a node's URL."""
    also: tuple[str, ...] = ()
    """Doors of other packages that are opened beside Klopf's own, by their names."""


@dataclass(frozen=True)
class Opened:
    """Where the doors are, and what is asked for."""

    url: str
    about: str
    price: int
    pay_to: str


def sales_of(folder: Path, most: int = 100) -> list[Sale]:
    """The newest payments that came to the doors of ``folder``; DoorsError where it has none."""
    file = home_of(answering(folder).key) / "sales.sqlite"
    if not file.exists():
        raise DoorsError(f"{folder} has sold nothing: `klopf door {folder} --price KLP` opens its doors")
    with contextlib.closing(Sales(file)) as sales:
        return sales.newest(most)


def home_of(key: Path) -> Path:
    """Beside the key that is paid: what one key was paid for stands in one place, however it is asked."""
    return key.parent / "door"
