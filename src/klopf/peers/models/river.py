"""Any estimator of River: ``model = "river:tree.HoeffdingTreeClassifier"``, or ``"river:package.module:name"`` for a
class or a function of yours that makes one, such as a pipeline.

River's objects can be written down only by pickling them, some not even so. So what is kept is what was learned: a log
of the last samples, in their order, which a newborn learns again when it is loaded. A log of ``2 * window`` samples is
cut to its last ``window``, and a newborn learns those: what is older is forgotten, and one state is one log.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.extensions import located
from klopf.extras import require
from klopf.peers.models._model import Model, absorb
from klopf.peers.models._scale import Scale
from klopf.peers.models._window import Window, window_of
from klopf.peers.tasks import Classes, Numbers, Task

__all__ = ["RiverModel"]

_WINDOW = 5_000


class RiverModel(Model):
    """``settings`` are the estimator's, and ``window`` (5,000). Several numbers are learned by an estimator each."""

    def __init__(self, task: Task, settings: Mapping[str, Any], window: int) -> None:
        self.task, self._settings, self._most = task, dict(settings), window
        self._classes = isinstance(task, Classes)
        self._log = Window.of(task)
        self._scale = Scale.of(len(task.names))
        self._make = _maker(self.variant)
        self._models = self._newborns()

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        if not isinstance(task, Classes | Numbers):
            raise PeersError(f"River's estimators learn classes or numbers, not {task.kind}: choose another model")
        own = {name: value for name, value in settings.items() if name != "variant"}
        window = window_of(own, _WINDOW)
        if "seed" in inspect.signature(_maker(cls.variant)).parameters:
            own.setdefault("seed", seed)
        return cls(task, own, window)

    def _newborns(self) -> list[Any]:
        try:
            made = [self._make(**self._settings) for _ in range(1 if self._classes else len(self.task.names))]
        except TypeError as error:
            raise PeersError(f"{self.variant} of River does not take these settings: {error}") from None
        needed = ("learn_one", "predict_proba_one" if self._classes else "predict_one")
        for method in needed:
            if not hasattr(made[0], method):
                raise PeersError(f"{self.variant} of River has no {method}: choose one that learns {self.task.kind}")
        return made

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self.task.check_inputs(inputs)
        self.task.check_targets(targets, len(inputs))
        if not self._classes:
            self._scale.meet(targets)
        self._log.add(inputs, targets)
        if len(self._log) > 2 * self._most:
            self._log.keep_last(self._most)
            self._models = self._newborns()
            inputs, targets = self._log.inputs, self._log.targets
        self._study(inputs, targets)

    def _study(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        if self._classes:
            for x, y in zip(self._rows(inputs), targets.tolist(), strict=True):
                self._models[0].learn_one(x, y)
            return
        for x, row in zip(self._rows(inputs), self._scale.small(targets).tolist(), strict=True):
            for model, y in zip(self._models, row, strict=True):
                model.learn_one(dict(x), y)

    def _rows(self, inputs: NDArray[Any]) -> list[dict[str, float]]:
        return [dict(zip(self.task.features, row, strict=True)) for row in inputs.tolist()]

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        self.task.check_inputs(inputs)
        width = len(self.task.names)
        if not self._classes:
            said = [[float(model.predict_one(dict(x))) for model in self._models] for x in self._rows(inputs)]
            return self._scale.large(np.array(said, np.float64).reshape(-1, width))
        answers = np.zeros((len(inputs), width))
        for i, x in enumerate(self._rows(inputs)):
            for place, probability in (self._models[0].predict_proba_one(x) or {}).items():
                answers[i, int(place)] = probability if probability > 0 else 0.0
        total = answers.sum(axis=1, keepdims=True)
        return np.where(total > 0, answers / np.where(total > 0, total, 1.0), 1.0 / width).astype(np.float32)

    def commitment(self) -> bytes:
        digest = hashlib.sha256()
        absorb(digest, [self._most, self._settings, self._scale, self._log.inputs, self._log.targets])
        return digest.digest()

    def save(self, folder: Path) -> None:
        self._log.save(folder / "log.npz")
        self._scale.save(folder / "scale.json")
        (folder / "river.json").write_text(json.dumps({"settings": self._settings, "window": self._most}))

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        kept = json.loads((folder / "river.json").read_text())
        loaded = cls(task, kept["settings"], kept["window"])
        loaded._log, loaded._scale = Window.load(folder / "log.npz", task), Scale.load(folder / "scale.json")
        loaded._study(loaded._log.inputs, loaded._log.targets)
        return loaded


def _maker(variant: str) -> Callable[..., Any]:
    """What makes an estimator, by its name: in River or, with a colon, anywhere."""
    require("river", "a model of River")
    place = variant
    if ":" not in variant:
        module, _, name = variant.rpartition(".")
        if not module or not name:
            raise PeersError(
                f"{variant!r} is no estimator of River: name one such as river:tree.HoeffdingTreeClassifier"
            )
        place = f"river.{module}:{name}"
    found = located(place, f"River's {variant}")
    if not callable(found):
        raise PeersError(f"{place} makes no estimator: name a class, or a function that makes one")
    made: Callable[..., Any] = found
    return made
