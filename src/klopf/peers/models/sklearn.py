"""Any online estimator of scikit-learn: classifiers that give probabilities, and regressors.

Nothing is ever unpickled: estimators go through skops, which loads only types that it is told to trust.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers.models._model import Model, absorb
from klopf.peers.models._scale import Scale
from klopf.peers.tasks import Classes, Numbers, Task

__all__ = ["SklearnModel"]

_NEEDED = {
    Classes: ("classifier", ("partial_fit", "predict_proba"), "SGDClassifier(loss='log_loss')"),
    Numbers: ("regressor", ("partial_fit", "predict"), "SGDRegressor"),
}
"""What an estimator for each kind of task is, must be able to do, and an example."""


class SklearnModel(Model):
    """``model = "sklearn:<Estimator>"``; ``settings`` are the estimator's, and ``batch``.

    Samples are learned in batches of ``batch``: these estimators pay a fixed price a call.
    """

    TRUSTED = ("sklearn.", "numpy.")
    """Only types from these packages are ever loaded."""

    def __init__(self, task: Task, estimator: Any, batch: int = 16, scale: Scale | None = None) -> None:
        _, methods, example = _needed(task)
        for method in methods:
            if not hasattr(estimator, method):
                raise PeersError(
                    f"{type(estimator).__name__} has no {method}: choose an estimator that learns {task.kind} online "
                    f"and has it, such as {example}"
                )
        self.task = task
        self._estimator = estimator
        self._batch = batch
        self._scale = scale

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        from sklearn.utils import all_estimators

        kind, _, _ = _needed(task)
        own = dict(settings)
        name, batch = own.pop("variant", ""), own.pop("batch", 16)
        known = {name: made for name, made in all_estimators(type_filter=kind) if hasattr(made, "partial_fit")}
        if name not in known:
            raise PeersError(f"no online {kind} called {name!r} in scikit-learn: one of {', '.join(sorted(known))}")
        if "random_state" in known[name]().get_params():
            own.setdefault("random_state", seed)
        try:
            made = known[name](**own)
        except TypeError as error:
            raise PeersError(f"scikit-learn's {name} does not take these settings: {error}") from None
        if isinstance(task, Numbers) and len(task.names) > 1 and not _learns_several(made):
            raise PeersError(f"scikit-learn's {name} learns one number, not {len(task.names)}: choose MLPRegressor")
        return cls(task, made, batch, Scale.of(len(task.names)) if isinstance(task, Numbers) else None)

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self.task.check_inputs(inputs)
        self.task.check_targets(targets, len(inputs))
        more: dict[str, Any] = {"classes": np.arange(len(self.task.names))}
        if self._scale is not None:
            self._scale.meet(targets)
            targets, more = self._scale.small(targets), {}
            targets = targets[:, 0] if targets.shape[1] == 1 else targets
        for start in range(0, len(targets), self._batch):
            part = slice(start, start + self._batch)
            self._estimator.partial_fit(inputs[part], targets[part], **more)

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        self.task.check_inputs(inputs)
        if not hasattr(self._estimator, "n_features_in_"):
            return self._before_learning(len(inputs))
        if self._scale is not None:
            return self._scale.large(self._estimator.predict(inputs).reshape(len(inputs), -1))
        with np.errstate(divide="ignore"):  # naive Bayes takes the logarithm of the prior of a class it has not seen
            return np.asarray(self._estimator.predict_proba(inputs), dtype=np.float32)

    def _before_learning(self, n: int) -> NDArray[Any]:
        width = len(self.task.names)
        return np.full((n, width), 0.0 if self._scale is not None else 1.0 / width, dtype=np.float32)

    def commitment(self) -> bytes:
        digest = hashlib.sha256()
        absorb(digest, self._estimator)
        if self._scale is not None:
            absorb(digest, self._scale)
        return digest.digest()

    def save(self, folder: Path) -> None:
        import skops.io

        skops.io.dump(self._estimator, folder / "estimator.skops")
        (folder / "estimator.json").write_text(json.dumps({"batch": self._batch}))
        if self._scale is not None:
            self._scale.save(folder / "scale.json")

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        import skops.io

        file, scale = folder / "estimator.skops", folder / "scale.json"
        foreign = [t for t in skops.io.get_untrusted_types(file=file) if not t.startswith(cls.TRUSTED)]
        if foreign:
            raise PeersError(
                f"{file} holds types that Klopf does not load ({', '.join(foreign)}): it was not saved by Klopf"
            )
        estimator = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
        batch = json.loads((folder / "estimator.json").read_text())["batch"]
        return cls(task, estimator, batch, Scale.load(scale) if scale.exists() else None)


def _learns_several(estimator: Any) -> bool:
    """Whether a regressor learns two numbers at once: tried, since estimators do not say so reliably."""
    from sklearn.base import clone

    try:
        clone(estimator).partial_fit(np.zeros((2, 1)), np.zeros((2, 2)))
    except ValueError:
        return False
    return True


def _needed(task: Task) -> tuple[str, tuple[str, ...], str]:
    found = _NEEDED.get(type(task))
    if found is None:
        raise PeersError(f"scikit-learn's estimators learn classes or numbers, not {task.kind}: choose another model")
    return found
