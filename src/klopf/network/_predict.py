"""Use what a run came to: its neurons' newest models, listened to as its requester learned to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import peers, tables
from klopf.errors import PeersError
from klopf.network._data import read_inputs
from klopf.network._folder import Run, read_run
from klopf.peers import Classes, Numbers, Text

__all__ = ["Prediction", "predict"]

AT_ONCE = 4096
"""Samples that a model is asked about in one call."""


@dataclass(frozen=True)
class Prediction:
    """What a network says to ``n`` samples."""

    task: peers.Task
    answers: NDArray[Any]
    """Combined: for classes the probability of each, ``(n, classes)``; numbers ``(n, numbers)``; texts ``(n,)``."""
    shares: dict[str, float]
    """How the listening divides over the neurons, by their names."""
    score: float | None
    """By the task's measure, where the file says what is right."""

    @property
    def columns(self) -> dict[str, list[Any]]:
        """As columns of a table: what was decided, and for classes how probable that is."""
        decided = self.task.decide(self.answers)
        if isinstance(self.task, Classes):
            names = [self.task.names[k] for k in decided]
            return {"prediction": names, "probability": [float(p) for p in self.answers.max(axis=1)]}
        if isinstance(self.task, Numbers):
            return {name: decided[:, k].tolist() for k, name in enumerate(self.task.names)}
        return {self.task.names[0]: [str(text) for text in decided]}


def predict(folder: Path, file: Path, form: tables.Format | None = None) -> Prediction:
    """What the network in the run folder ``folder`` says to the samples in ``file``, a CSV or Parquet file.

    The columns are found by their names, in any order; others are passed over. Models run in this process, as they lie
    in the folder: nobody is asked or paid, and nothing changes.

    Raises:
        PeersError: no run folder, one that has bought no answers yet, or a model without an answer; one line.
        TableError: no such file, or a column that is missing or no numbers.
    """
    run = read_run(folder)
    data = run.settings.data
    table = tables.read(file, form or tables.Format(data.delimiter, data.decimal, data.encoding))
    inputs = read_inputs(table, run.task.features, isinstance(run.task, Text))
    if not isinstance(run.task, Text):
        if run.scaling is None:
            raise PeersError(f"{folder} does not say how inputs are scaled: an earlier version of Klopf made it")
        inputs = run.scaling.scaled(inputs)
    listener, members = _heard(run)
    parts = []
    for start in range(0, len(inputs), AT_ONCE):
        some = inputs[start : start + AT_ONCE]
        parts.append(listener.combine({one.id: peers.answer(folder / one.folder, some) for one in members}))
    answers = np.concatenate(parts)
    shares = listener.shares([one.id for one in members])
    return Prediction(run.task, answers, {one.name: shares[one.id] for one in members}, _score(run, table, answers))


def _heard(run: Run) -> tuple[peers.Listener, list[Any]]:
    """The requester's listener, and the neurons it listens to."""
    asking = next(m for m in run.members if m.role == "requester")
    listener = peers.newest_listener(run.folder / asking.folder, run.task)
    members = [m for m in run.members if m.role == "neuron" and listener and listener.heard(m.id) > 0]
    if listener is None or not members:
        raise PeersError(f"nobody in {run.folder} has been listened to yet: let the run come through its first epoch")
    return listener, members


def _score(run: Run, table: tables.Table, answers: NDArray[Any]) -> float | None:
    """How good the answers are, where the table has the target and every value of it can be one."""
    target = run.settings.data.target
    if target not in table.names or table.gap(target):
        return None
    task = run.task
    if isinstance(task, Classes):
        labels, names = table.classes(target)
        place = {name: k for k, name in enumerate(task.names)}
        targets: NDArray[Any] = np.array([place.get(name, -1) for name in names], np.int64)[labels]
    elif isinstance(task, Numbers):
        targets = table.numbers(target).astype(np.float32)[:, None]
    else:
        targets = np.array([str(cell) for cell in table.columns[target]])
    return task.score(task.decide(answers), targets)
