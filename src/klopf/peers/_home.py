"""A participant's folder: what it says of itself, and who lives in it::

participant.json    its settings (no secrets)
key.json            its key, encrypted; the passphrase comes from KLOPF_PASSPHRASE
certificate.*       its TLS certificate and that one's key
data.npz            its private samples
state/              what it has learned
receipts/           receipts in which it was listened to, a file an epoch
given/              receipts that it gave as a listener, a file an epoch
openings/           an auditor's transcripts, until nobody may doubt them any more
told/               what neurons signed for an auditor, of the last epochs
statements.jsonl    answers that it signed for auditors, of the last two epochs
vouchers.json       fees that it promised, or was promised
patience.json       who hung lately
gained.jsonl        what a neuron gained that learns from others, a line an epoch
neighbours.json     where the others say they are, for when the chain is away
disputes.json       up to which epoch nothing is left to dispute
log.txt             what it did
lock                held by the process that lives here
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from klopf import files
from klopf.errors import PeersError
from klopf.peers._conduct import ConductSettings
from klopf.peers.tasks import Task, task_from_json, task_to_json

__all__ = ["ParticipantSettings", "lived_in", "lock", "read_data"]


@dataclass(frozen=True)
class ParticipantSettings:
    """What ``participant.json`` holds. Paths are relative to the participant's folder."""

    name: str
    role: str
    """``neuron``, ``auditor`` or ``requester``."""
    ledger: str
    """A file of the embedded chain, or an RPC URL."""
    deployment: str
    epochs: int
    task: Task
    """What the network is for."""
    seed: int
    host: str = "127.0.0.1"
    """Where others reach it; empty: the address from which it reaches the ledger's node, found anew at each start."""
    port: int = 0
    listen: str = ""
    """Where it listens; empty: at ``host``."""
    relay: str = ""
    """``host:port`` of the relay through which it is reached, where it cannot be dialled itself."""
    seal_seconds: float = 30.0
    """How long answers are sealed before they are opened, the same for everybody in a network; 0: they are not. Where
    LISTEN is short, a quarter of it."""
    stake: str = "0"
    """What it keeps at stake, in the token's smallest unit, out of what it owns: a missed value of the beacon takes a
    part of it, and below what its role wants it would fall silent."""
    conduct: ConductSettings = field(default_factory=ConductSettings)
    more: dict[str, Any] = field(default_factory=dict)
    """What only this role needs; see ``_neuron.py``, ``_requester.py`` and ``audit/_auditor.py``."""

    def write(self, folder: Path) -> None:
        content = asdict(replace(self, task=None)) | {"task": task_to_json(self.task)}  # type: ignore[arg-type]
        files.replace(folder / "participant.json", json.dumps(content, indent=2))

    @classmethod
    def read(cls, folder: Path) -> ParticipantSettings:
        try:
            saved = json.loads((folder / "participant.json").read_text())
            task, conduct = task_from_json(saved.pop("task")), ConductSettings(**saved.pop("conduct"))
            return cls(task=task, conduct=conduct, **saved)
        except KeyError as error:
            raise PeersError(
                f"{folder} was made by a version of Klopf without a declared {error.args[0]}: begin a new run"
            ) from None
        except (OSError, ValueError, TypeError, PeersError) as error:
            raise PeersError(
                f"{folder} is not a participant's folder ({error}): `klopf join` and `klopf run` make them, and "
                "the `klopf join` that made this one mends it"
            ) from None


def lock(folder: Path) -> int:
    """Hold a participant's ``folder``, until what is returned is closed. PeersError where another process does."""
    try:
        return files.lock(folder / "lock")
    except BlockingIOError:
        raise PeersError(
            f"another process lives in {folder}: end that one first, or join from another folder"
        ) from None


def lived_in(folder: Path) -> bool:
    """Whether a process lives in a participant's ``folder`` now."""
    try:
        os.close(files.lock(folder / "lock"))
    except BlockingIOError:
        return True
    return False


def read_data(folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays of ``data.npz``."""
    try:
        return files.arrays(folder / "data.npz")
    except (OSError, ValueError) as error:
        raise PeersError(
            f"no samples can be read in {folder / 'data.npz'} ({error}): restore the file; the `klopf join` that "
            "made the folder writes it anew"
        ) from None
