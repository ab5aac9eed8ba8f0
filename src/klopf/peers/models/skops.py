"""A fitted estimator of scikit-learn in a file: ``model = "skops:rain.skops"``. It does not learn here.

``skops.io.dump(estimator, "rain.skops")`` writes one. Pickles (``.pkl``, ``.joblib``) can run anything when they are
read, and are not read.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers.models._archive import types_in
from klopf.peers.models._frozen import Frozen, taken
from klopf.peers.tasks import Classes, Task

__all__ = ["SkopsModel"]

_COPY = "model.skops"


class SkopsModel(Frozen):
    """It has no settings. Classes are found by the names, or places, that the estimator was fitted to."""

    def __init__(self, task: Task, settings: Mapping[str, Any], file: Path) -> None:
        super().__init__(task, settings)
        if file.suffix in (".pkl", ".pickle", ".joblib"):
            raise PeersError(f"{file} is a pickle, which can run anything: write it by skops.io.dump(), or as ONNX")
        import skops.io

        try:
            self._hash = hashlib.sha256(file.read_bytes()).hexdigest()
            self._estimator = skops.io.load(file, trusted=types_in(file))
        except OSError as error:
            raise PeersError(f"cannot read {file}: {error.strerror or error}") from None
        except PeersError:
            raise
        except Exception as error:  # a damaged archive raises whatever its parts do
            raise PeersError(f"{file} is no estimator that skops wrote ({str(error)[:80]})") from None
        if not hasattr(self._estimator, "predict"):
            raise PeersError(f"{file} holds {type(self._estimator).__name__}, which predicts nothing")
        self._file = file

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        return cls(task, taken(settings, {}, "a skops file"), Path(cls.variant).absolute())

    @classmethod
    def opened(cls, task: Task, settings: Mapping[str, Any], folder: Path) -> Self:
        return cls(task, settings, folder / _COPY)

    def says(self, inputs: NDArray[Any]) -> Any:
        if not isinstance(self.task, Classes):
            return self._estimator.predict(inputs)
        known = [str(one) for one in self._estimator.classes_]
        by_name = {name: i for i, name in enumerate(self.task.names)}
        by_place = {str(i): i for i in range(len(self.task.names))}
        place = by_name if all(one in by_name for one in known) else by_place
        if strange := [one for one in known if one not in place]:
            raise PeersError(f"{self._file.name} knows the class {strange[0]!r:.60}, which is none of the task's")
        table = np.zeros((len(inputs), len(self.task.names)))
        if hasattr(self._estimator, "predict_proba"):
            table[:, [place[one] for one in known]] = self._estimator.predict_proba(inputs)
        else:
            table[np.arange(len(inputs)), [place[str(one)] for one in self._estimator.predict(inputs)]] = 1
        return table

    def identity(self) -> Mapping[str, Any]:
        return {"file": self._hash}

    def save(self, folder: Path) -> None:
        super().save(folder)
        shutil.copyfile(self._file, folder / _COPY)
