"""Use what a run came to: its neurons' newest models, listened to as its requester learned to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import peers, tables
from klopf.errors import PeersError
from klopf.network._folder import Run, read_run
from klopf.peers import Classes, Numbers

__all__ = ["Prediction", "predict", "said_by_all"]

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
    form = form or run.settings.data.form
    table = tables.read(file, form)
    said = said_by_all(run, run.schema.inputs(table))
    return replace(said, score=_score(run, table, form, said.answers))


def said_by_all(run: Run, inputs: NDArray[Any]) -> Prediction:
    """What the neurons of ``run`` say together to ``inputs``, which are prepared already.

    Raises:
        PeersError: no answers were bought yet, or a model has none.
    """
    listener, members = _heard(run)
    parts = []
    for start in range(0, len(inputs), AT_ONCE):
        some = inputs[start : start + AT_ONCE]
        said = {one.id: peers.answer(run.folder / one.folder, some) for one in members}
        parts.append(listener.combine(said, some))
    shares = listener.shares([one.id for one in members])
    return Prediction(run.task, np.concatenate(parts), {one.name: shares[one.id] for one in members}, None)


def _heard(run: Run) -> tuple[peers.Listener, list[Any]]:
    """The requester's listener, and the neurons it listens to."""
    asking = next(m for m in run.members if m.role == "requester")
    listener = peers.newest_listener(run.folder / asking.folder, run.task)
    members = [m for m in run.members if m.role == "neuron" and listener and listener.heard(m.id) > 0]
    if listener is None or not members:
        raise PeersError(f"nobody in {run.folder} has been listened to yet: let the run come through its first epoch")
    return listener, members


def _score(run: Run, table: tables.Table, form: tables.Format, answers: NDArray[Any]) -> float | None:
    """How good the answers are, where the table has the target and every value of it can be one."""
    target, task = run.schema.target, run.task
    if target not in table.names or None in (words := table.words(target)):
        return None
    if isinstance(task, Classes):  # also where some are none of the run's
        place = {name: k for k, name in enumerate(task.names)}
        targets: NDArray[Any] = np.array([place.get(form.spellings.get(str(w), str(w)), -1) for w in words], np.int64)
        if task.frequencies and (targets < 0).any():
            return None
    else:
        targets = run.schema.targets(table, form)
    return task.score(task.decide(answers), targets)
