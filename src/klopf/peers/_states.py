"""What a neuron keeps on the disk: a state an epoch, and receipts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from klopf import files
from klopf.errors import PeersError
from klopf.peers._listening import Listener

__all__ = ["forget_states_before", "last_state", "receipts_file", "write_listener"]


def write_listener(folder: Path, epoch: int, listener: Listener) -> None:
    """Complete the state at the end of ``epoch``."""
    files.replace(folder / "state" / str(epoch) / "listener.json", json.dumps(listener.to_json()))


def last_state(folder: Path) -> int:
    """The latest epoch whose state is complete."""
    epochs = [int(p.parent.name) for p in (folder / "state").glob("*/listener.json") if p.parent.name.isdigit()]
    if not epochs:
        raise PeersError(
            f"{folder / 'state'} holds no complete state: restore it; the `klopf join` that made the folder learns anew"
        )
    return max(epochs)


def forget_states_before(folder: Path, epoch: int) -> None:
    """Remove older states."""
    for old in (folder / "state").iterdir():
        if old.name.isdigit() and int(old.name) < epoch:
            shutil.rmtree(old)


def receipts_file(folder: Path, epoch: int) -> Path:
    """Where the receipts are in which it was listened to in ``epoch``."""
    (folder / "receipts").mkdir(exist_ok=True)
    return folder / "receipts" / f"{epoch}.jsonl"
