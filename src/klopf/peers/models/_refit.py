"""An estimator that learns a whole table at once: fitted anew, from the beginning, to the last different samples.

Refitted and not frozen: a neuron that only ever said what it was born with would be paid less and less where its stream
changes; a frozen one is an ONNX file. The window bounds what that costs, in time and memory. Samples are the whole
state, since a seeded fit of the same samples is the same estimator: so nothing that scikit-learn makes is ever written
or read, and any estimator will do, whoever wrote it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.peers.models._model import Model, absorb
from klopf.peers.models._window import Window
from klopf.peers.tasks import Classes, Task

__all__ = ["Refit"]


_DRAWING = threading.Lock()


@contextlib.contextmanager
def _drawn_anew() -> Iterator[None]:
    """Whatever draws inside from the generators that all share, as some estimators do whatever their seed is, draws the
    same each time; they are put back as they were."""
    with _DRAWING:
        numpys, pythons = np.random.get_state(), random.getstate()
        np.random.seed(0)
        random.seed(0)
        try:
            yield
        finally:
            np.random.set_state(numpys)
            random.setstate(pythons)


class Refit(Model):
    """An estimator of scikit-learn's interface: ``fit``, ``predict`` and, of a classifier, ``predict_proba`` where it
    has that; else all of the probability is on the class that it predicts."""

    def __init__(self, task: Task, make: Callable[..., Any], settings: Mapping[str, Any], window: int) -> None:
        self.task = task
        self._make, self._settings, self._most = make, dict(settings), window
        self._window = Window.of(task)
        self._fitted: Any = None
        self._mean = self._spread = np.zeros(0)

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Any:
        raise NotImplementedError  # scikit-learn's adapter knows what to make

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self.task.check_inputs(inputs)
        self.task.check_targets(targets, len(inputs))
        if self._window.add_new(inputs, targets, self._most):
            self._fit()

    def _fit(self) -> None:
        inputs, targets = self._window.inputs, self._window.targets
        self._fitted = None
        if isinstance(self.task, Classes):
            if len(np.unique(targets)) > 1:
                self._fitted = self._made(inputs, targets)
            return
        wide = targets.astype(np.float64)
        self._mean, spread = wide.mean(axis=0), wide.std(axis=0)
        self._spread = np.where(spread > 0, spread, 1.0)
        small = (wide - self._mean) / self._spread
        self._fitted = self._made(inputs, small[:, 0] if small.shape[1] == 1 else small)

    def _made(self, inputs: NDArray[Any], targets: NDArray[Any]) -> Any:
        with _drawn_anew():
            return self._make(**self._settings).fit(inputs, targets)

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        self.task.check_inputs(inputs)
        if not len(inputs) or self._fitted is None:
            if isinstance(self.task, Classes) and not len(self._window):
                return np.full((len(inputs), len(self.task.names)), 1 / len(self.task.names), np.float32)
            return self.task.know_nothing(self._window.targets, len(inputs))
        if not isinstance(self.task, Classes):
            said = np.asarray(self._fitted.predict(inputs), np.float64).reshape(len(inputs), -1)
            return np.asarray(said * self._spread + self._mean, np.float32)
        answers = np.zeros((len(inputs), len(self.task.names)), np.float32)
        if hasattr(self._fitted, "predict_proba"):
            answers[:, np.asarray(self._fitted.classes_, np.int64)] = self._fitted.predict_proba(inputs)
        else:
            answers[np.arange(len(inputs)), np.asarray(self._fitted.predict(inputs), np.int64)] = 1.0
        return answers

    def commitment(self) -> bytes:
        digest = hashlib.sha256()
        absorb(digest, [self._most, self._settings, self._window.inputs, self._window.targets])
        return digest.digest()

    def save(self, folder: Path) -> None:
        self._window.save(folder / "window.npz")
        (folder / "refit.json").write_text(json.dumps({"settings": self._settings, "window": self._most}))

    @classmethod
    def load(cls, folder: Path, task: Task) -> Any:
        raise NotImplementedError  # as create

    @classmethod
    def read(cls, folder: Path, task: Task, make: Callable[..., Any]) -> Refit:
        """What :meth:`save` wrote, of an estimator that ``make`` makes."""
        kept = json.loads((folder / "refit.json").read_text())
        loaded = cls(task, make, kept["settings"], kept["window"])
        loaded._window = Window.load(folder / "window.npz", task)
        if len(loaded._window):
            loaded._fit()
        return loaded
