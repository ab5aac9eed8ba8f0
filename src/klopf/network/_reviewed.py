"""A neuron of a run as an auditor at a desk finds it: its newest model, what it was trained on, what the ledger
knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import peers, tables
from klopf.errors import PeersError
from klopf.network._folder import read_run
from klopf.network._schema import Schema
from klopf.network._summarise import summarise

__all__ = ["Reviewed", "reviewed"]


@dataclass(frozen=True)
class Reviewed:
    """See :func:`reviewed`."""

    name: str
    task: peers.Task
    model: peers.Model
    public_name: str
    schema: Schema
    """How a table becomes what the model is asked."""
    form: tables.Format
    """How the run's files are written, unless they tell."""
    members: tuple[NDArray[Any], NDArray[Any]]
    """Inputs, prepared, and targets that it was trained on."""
    record: dict[str, str]
    """What the ledger knows of it."""


def reviewed(folder: Path) -> Reviewed:
    """The neuron whose folder this is, such as ``RUN/neurons/ada``. Nothing is asked, paid or changed.

    Raises:
        PeersError: no neuron's folder in a run folder, or no state of its model.
    """
    try:
        settings = peers.ParticipantSettings.read(folder)
        run = read_run(folder.parent.parent)
    except PeersError as error:
        raise PeersError(f"{folder} is no neuron of a run, such as RUN/neurons/ada: {error}") from None
    if settings.role != "neuron":
        raise PeersError(f"{folder} is a {settings.role}: only neurons are audited")
    name = settings.more["model"]
    model = peers.load_model(folder / "state" / str(peers.last_state(folder)) / "model", settings.task, name)
    own = peers.read_data(folder)
    summary = summarise(run, None, 0.0, [])
    row = next((one for one in summary.neurons if one.name == settings.name), None)
    record: dict[str, str] = {}
    if row is not None:
        record = {"standing": row.standing, "earned": f"{row.earned:f} KLP", "slashed": f"{row.slashed:f} KLP",
                  "heard": f"{row.heard:.1%} of all listening"}  # fmt: skip
        record |= {f"audits' {task}": f"{value:.2f}" for task, value in row.audit.items()}
        record["reward to stake"] = f"{float(row.earned) / run.settings.rules.stake:.3f}"
    inputs = own["inputs"] if own["inputs"].dtype.kind != "f" else own["inputs"].astype(np.float32)
    shown = row.model if row else name
    members = inputs, own["targets"]
    return Reviewed(settings.name, settings.task, model, shown, run.schema, run.settings.data.form, members, record)
