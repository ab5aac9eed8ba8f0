"""A network distilled into a requester's own model: what was bought, taught to a model that answers without anybody.

The folder of such a model holds the network's schema, the model, and ``distilled.json``, which says what kind it is and
what each lesson did. It is made by ``klopf ask --distil``, learns on with each further one, and is asked by
``klopf predict``.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files, peers, tables
from klopf.errors import PeersError
from klopf.network._predict import Prediction
from klopf.network._schema import Schema

__all__ = ["Distilled", "Pupil", "distil", "is_distilled", "predict_alone"]

_RECORD, _MODEL, _SCHEMA = "distilled.json", "model", "schema.json"
PART = 5
"""Of the questions one of so many is kept to see whether the model says what the network says, where nobody knows what
is right."""


@dataclass(frozen=True)
class Pupil:
    """A requester's own model: where it is, and what it is where it is new."""

    folder: Path
    model: str = "mind"
    settings: dict[str, Any] = field(default_factory=dict)

    def check(self, schema: Schema) -> None:
        """PeersError where it cannot learn this network's task: told before anything is paid."""
        if not self.folder.exists():
            peers.create_model(self.model, schema.made_task, 0, self.settings)
            return
        kind, agreed = _read(self.folder)
        if agreed.text != schema.text:
            raise PeersError(f"{self.folder} was distilled from another network: choose another folder")
        if kind["model"] != self.model:
            raise PeersError(
                f"{self.folder} holds a model of the kind {kind['model']}: name that one, or another folder"
            )


@dataclass(frozen=True)
class Distilled:
    """What a lesson did."""

    folder: Path
    samples: int
    """Answers that it was taught."""
    measured_on: str
    """What the scores are of: own labelled samples, or questions whose answers by the network it was not taught."""
    before: float
    after: float
    """Its score there, by the task's measure."""
    kept: bool

    @property
    def text(self) -> str:
        """In a line."""
        kept = "" if self.kept else "; no gain, so it stays as it was"
        return (
            f"{self.folder}: taught {self.samples:,} answers; on {self.measured_on} {self.before:.4f} -> "
            f"{self.after:.4f}{kept}"
        )


def is_distilled(folder: Path) -> bool:
    """Whether ``folder`` holds a model that a network was distilled into."""
    return (folder / _RECORD).is_file()


def distil(
    pupil: Pupil, schema: Schema, inputs: NDArray[Any], answers: NDArray[Any], known: dict[str, Any]
) -> Distilled:  # fmt: skip
    """Teach ``pupil`` the network's ``answers`` to ``inputs``.

    ``known`` are the requester's labelled samples, on which the model is examined and which it is not taught; where
    there are none a fifth of the questions is. What is no gain is not kept.

    Raises:
        PeersError: the model fails, or there is too little to learn from.
    """
    task = schema.made_task
    taught: NDArray[Any] = np.arange(len(inputs))
    if len(known["targets"]):
        exam, right = known["inputs"], known["targets"]
        measured = f"{len(right):,} labelled samples of your own"
    else:
        order = np.random.default_rng(0).permutation(len(inputs))
        apart, taught = order[: len(inputs) // PART], order[len(inputs) // PART :]
        exam, right = inputs[apart], task.decide(answers[apart])
        measured = f"{len(apart):,} questions that it was not taught, as the network answered them,"
    if not len(right) or not len(taught):
        raise PeersError(f"{len(inputs)} answers are too few to learn from: ask at least {PART}")
    name, new = f"{pupil.folder.name}: model {pupil.model}", not pupil.folder.exists()
    with contextlib.redirect_stdout(sys.stderr):
        if new:
            model = peers.create_model(pupil.model, task, secrets.randbelow(2**32), pupil.settings)
        else:
            model = peers.load_model(pupil.folder / _MODEL, task, pupil.model)
        before, after = peers.teach(name, model, peers.Lesson(inputs[taught], answers[taught]), exam)
    scores = [task.score(task.decide(said), right) for said in (before, after)]
    kept = new or task.loss(after, right) < task.loss(before, right)
    done = Distilled(pupil.folder, len(taught), measured, scores[0], scores[1], kept)
    if kept:
        _write(pupil, schema, model, done)
    return done


def _write(pupil: Pupil, schema: Schema, model: peers.Model, done: Distilled) -> None:
    lessons = [] if not pupil.folder.exists() else list(_read(pupil.folder)[0]["lessons"])
    lessons.append({"samples": done.samples, "before": done.before, "after": done.after})
    pupil.folder.mkdir(parents=True, exist_ok=True)
    peers.save_model(model, pupil.model, pupil.folder / _MODEL)
    files.replace(pupil.folder / _SCHEMA, schema.text)
    files.replace(pupil.folder / _RECORD, json.dumps({"model": pupil.model, "lessons": lessons}, indent=1))


def _read(folder: Path) -> tuple[dict[str, Any], Schema]:
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        str(record["model"]), list(record["lessons"])
        return record, Schema.from_text((folder / _SCHEMA).read_text(encoding="utf-8"), str(folder / _SCHEMA))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PeersError(
            f"{folder} holds no distilled model ({error}): name one that `klopf ask --distil` made, or a new folder"
        ) from None


def predict_alone(folder: Path, file: Path, form: tables.Format | None = None) -> Prediction:
    """What the distilled model in ``folder`` says to the samples in ``file``: nobody is asked or paid.

    Raises:
        KlopfError: no such model, or the file does not fit its schema; one line.
    """
    record, schema = _read(folder)
    task, inputs = schema.made_task, schema.questions(file, form)
    model = peers.load_model(folder / _MODEL, task, str(record["model"]))
    with contextlib.redirect_stdout(sys.stderr):
        answers = peers.said_by(f"{folder.name}: model {record['model']}", model, inputs)
    table, score = tables.read(file, form), None
    if schema.target in table.names and None not in table.words(schema.target):
        score = task.score(task.decide(answers), schema.samples(file, form).targets)
    return Prediction(task, answers, {folder.name: 1.0}, score)
