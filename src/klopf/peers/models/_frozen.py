"""What does not learn here: a file, an endpoint, a function. And what it says, as answers of a task."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers.models._model import Model, absorb
from klopf.peers.tasks import Classes, Numbers, Task, Text

__all__ = ["Frozen", "as_answers", "taken"]

_FILE = "frozen.json"
_BEYOND = 1e-6
"""How far a probability may be below 0 by rounding."""


class Frozen(Model):
    """A model that stays as it is: it checks what it is given to learn from, and its commitment names what it is.

    A subclass has :meth:`says` and :meth:`identity`; ``settings`` are plain JSON.
    """

    learns = False

    def __init__(self, task: Task, settings: Mapping[str, Any]) -> None:
        self.task = task
        self.settings = dict(settings)

    @abstractmethod
    def says(self, inputs: NDArray[Any]) -> Any:
        """What it says to ``inputs``, in any form that :func:`as_answers` takes."""

    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """All that its answers depend on, as far as it can be known here."""

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self.task.check_inputs(inputs)
        self.task.check_targets(targets, len(inputs))

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        self.task.check_inputs(inputs)
        if not len(inputs):
            return np.zeros((0, *self.task.output_shape), np.str_ if isinstance(self.task, Text) else np.float32)
        return as_answers(self.task, self.says(inputs), len(inputs))

    def commitment(self) -> bytes:
        digest = hashlib.sha256()
        absorb(digest, dict(self.identity()) | {"settings": self.settings})
        return digest.digest()

    def save(self, folder: Path) -> None:
        kept = {"settings": self.settings, "commitment": self.commitment().hex()}
        (folder / _FILE).write_text(json.dumps(kept))

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        kept = json.loads((folder / _FILE).read_text())
        loaded = cls.opened(task, kept["settings"], folder)
        if loaded.commitment().hex() != kept["commitment"]:
            raise PeersError(
                f"what {folder} was saved for is another now, its version, its file or its settings: start the neuron "
                "anew, or let it change its model (`klopf serve FOLDER --model ...`)"
            )
        return loaded

    @classmethod
    @abstractmethod
    def opened(cls, task: Task, settings: Mapping[str, Any], folder: Path) -> Self:
        """What was saved in ``folder`` with ``settings``."""


def taken(settings: Mapping[str, Any], usual: Mapping[str, Any], what: str) -> dict[str, Any]:
    """``usual`` settings with those that were given instead. PeersError where one is unknown or of another type."""
    own = {name: value for name, value in settings.items() if name != "variant"}
    if more := sorted(set(own) - set(usual)):
        raise PeersError(f"{what} has no setting {more[0]!r:.60}: it takes {', '.join(usual)}")
    for name, value in own.items():
        kinds = (int, float) if isinstance(usual[name], float) else (type(usual[name]),)
        if type(value) not in kinds:
            raise PeersError(f"{what}'s {name} must be {_KINDS[type(usual[name])]}, such as {usual[name]!r}")
    return {**usual, **own}


_KINDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number", dict: "a table"}


def as_answers(task: Task, said: Any, n: int) -> NDArray[Any]:
    """What a foreign model ``said`` to ``n`` inputs, as answers of ``task``; nothing is changed but the precision.

    Classes: probabilities ``(n, classes)``; of two classes also those of the second, ``(n,)`` or ``(n, 1)`` that are
    no whole numbers; or a class each, by its name or place. Numbers: ``(n, outputs)`` or, of one, ``(n,)``. Text: ``n``
    texts.

    Raises:
        PeersError: they are none; one line.
    """
    try:
        given = np.asarray(said)
    except (ValueError, TypeError) as error:
        raise PeersError(f"answers are no table ({str(error)[:80]}): give one row to each input") from None
    if given.ndim == 0 or len(given) != n:
        raise PeersError(f"{len(given) if given.ndim else 'no'} answers to {n} inputs: give one to each")
    if isinstance(task, Classes):
        answers = _probabilities(task, given)
    elif isinstance(task, Numbers):
        if given.dtype.kind not in "fiub":
            raise PeersError(f"answers are {given.dtype}: numbers are wanted")
        answers = (given.reshape(n, 1) if given.ndim == 1 else given).astype(np.float32)
    else:
        if given.dtype.kind not in "UO" or not all(isinstance(one, str) for one in given.ravel()):
            raise PeersError(f"answers are {given.dtype}: texts are wanted")
        answers = given.reshape(-1).astype(np.str_)
    task.check_answers(answers, n)
    return answers


def _probabilities(task: Classes, given: NDArray[Any]) -> NDArray[np.float32]:
    classes = len(task.names)
    if given.dtype.kind in "UO":
        return _votes(_places(task, [str(one) for one in given.ravel()]), classes)
    if given.dtype.kind not in "fiub":
        raise PeersError(f"answers are {given.dtype}: probabilities, or classes by name or place, are wanted")
    if given.dtype.kind in "iub" and given.ndim == 1:
        if given.min() < 0 or given.max() >= classes:
            raise PeersError(f"classes are numbered from 0 to {classes - 1}: {int(given.max())} is none")
        return _votes(given.astype(np.int64), classes)
    if classes == 2 and given.shape[1:] in ((), (1,)):
        second = given.astype(np.float64).reshape(-1)
        given = np.stack([1.0 - second, second], axis=1)
    small = np.asarray(given, np.float64)
    return np.where((small < 0) & (small > -_BEYOND), 0.0, small).astype(np.float32)


def _places(task: Classes, said: Sequence[str]) -> NDArray[np.int64]:
    place = {name: i for i, name in enumerate(task.names)}
    if unknown := [one for one in said if one not in place]:
        known = ", ".join(task.names[:12]) + (", ..." if len(task.names) > 12 else "")
        raise PeersError(f"{unknown[0][:60]!r} is none of the classes: {known}")
    return np.array([place[one] for one in said], np.int64)


def _votes(places: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """All of the probability on one class each."""
    return np.eye(classes, dtype=np.float32)[places]
