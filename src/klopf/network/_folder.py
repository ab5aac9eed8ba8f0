"""A run folder: what it holds, and how it is read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from klopf import files, ledger, peers
from klopf.errors import PeersError
from klopf.network._schema import Schema
from klopf.network._settings import NetworkSettings

__all__ = ["Member", "Run", "read_run"]


@dataclass(frozen=True)
class Member:
    """One participant of a run: where it lives and how it is registered."""

    id: int
    name: str
    role: str
    folder: str
    model: str
    honest: bool


@dataclass(frozen=True)
class Run:
    """``run.json``: what a run folder holds. ``members`` are in the order of their registration."""

    folder: Path
    settings: NetworkSettings
    members: tuple[Member, ...]
    task: peers.Task
    where: str
    """The ledger: an absolute path or a URL."""
    schema: Schema
    """The plan by which its tables were prepared, as ``schema.json``, too, says it."""

    @property
    def network(self) -> str:
        """What its settings call it."""
        return self.settings.name

    @property
    def deployment(self) -> ledger.Deployment:
        return ledger.Deployment.load(self.folder / "deployment.json")

    def connect(self, key: ledger.keys.Key | None = None) -> ledger.Ledger:
        return ledger.connect(self.where, key, self.deployment)

    def write(self) -> None:
        """Write ``run.json``."""
        content = {
            "settings": self.settings.model_dump(mode="json"),
            "members": [asdict(m) for m in self.members],
            "task": peers.task_to_json(self.task),
            "schema": json.loads(self.schema.text),
        }
        files.replace(self.folder / "run.json", json.dumps(content, indent=2))

    def named(self, id: int) -> str:
        return next((m.name for m in self.members if m.id == id), f"#{id}")


def read_run(folder: Path) -> Run:
    """The run that :func:`prepare` made in ``folder``.

    Raises:
        PeersError: there is none, or it is damaged.
    """
    try:
        raw = json.loads((folder / "run.json").read_text())
        settings = NetworkSettings.model_validate(raw["settings"])
        members = tuple(Member(**m) for m in raw["members"])
        where = settings.ledger.rpc or str((folder / settings.ledger.file).absolute())
        schema = Schema.model_validate(raw["schema"], strict=False)
        return Run(folder, settings, members, peers.task_from_json(raw["task"]), where, schema)
    except FileNotFoundError:
        raise PeersError(
            f"{folder} is not a run folder: it has no run.json; `klopf demo` or `klopf run` makes one"
            " (`klopf join` makes a participant's)"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PeersError(
            f"{folder / 'run.json'} is damaged ({type(error).__name__}), or another version of Klopf wrote it: restore "
            "it from a backup, or read it with that version"
        ) from None
