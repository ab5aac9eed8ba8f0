"""Any estimator of scikit-learn, or of whoever speaks its interface: ``model = "sklearn:GaussianNB"``, or
``"sklearn:package.module:name"`` for a class or a function of yours that makes one, such as a pipeline.

Those of scikit-learn that learn online (``partial_fit``) do so; all others are fitted anew (``_refit.py``). Nothing is
ever unpickled: online estimators go through skops, which loads only types that it is told to trust.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.extensions import located
from klopf.peers.models._archive import types_in
from klopf.peers.models._model import Model, absorb
from klopf.peers.models._refit import Refit
from klopf.peers.models._scale import Scale
from klopf.peers.models._window import window_of
from klopf.peers.tasks import Classes, Numbers, Task

__all__ = ["SklearnModel"]

_KINDS: dict[type[Task], str] = {Classes: "classifier", Numbers: "regressor"}
"""What an estimator for each kind of task is."""
_WINDOW = 2_000
"""Samples to which an estimator is fitted anew."""


class SklearnModel(Model):
    """An online one; ``settings`` are the estimator's, and ``batch`` (16), or ``window`` (2,000) of one that is fitted
    anew.

    Samples are learned in batches of ``batch``: these estimators pay a fixed price a call.
    """

    def __init__(self, task: Task, estimator: Any, batch: int = 16, scale: Scale | None = None) -> None:
        self.task = task
        self._estimator = estimator
        self._batch = batch
        self._scale = scale

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Any:
        own = {name: value for name, value in settings.items() if name != "variant"}
        make, online = _maker(task, cls.variant or settings.get("variant", ""))
        batch, window = own.pop("batch", 16) if online else 16, 0 if online else window_of(own, _WINDOW)
        if type(batch) is not int or batch < 1:
            raise PeersError(f"a batch is a whole number of samples from 1, not {batch!r:.40}")
        name = cls.variant.rpartition(":")[2]
        try:
            made = make(**own)
            if "random_state" in made.get_params():
                own.setdefault("random_state", seed)
                made = make(**own)
            # Its estimators look at their settings when they are fitted: better said before anything is begun.
            getattr(made, "_validate_params", lambda: None)()
        except (TypeError, AttributeError, ValueError) as error:
            raise PeersError(f"scikit-learn's {name} does not take these settings: {error}") from None
        for method in ("fit", "predict"):
            if not hasattr(made, method):
                raise PeersError(f"{name} has no {method}: name an estimator of scikit-learn's interface")
        several = isinstance(task, Numbers) and len(task.names) > 1
        if not online:
            return Refit(task, _each(make) if several else make, own, window)
        if several and not _learns_several(made):
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
            if hasattr(self._estimator, "predict_proba"):
                return np.asarray(self._estimator.predict_proba(inputs), dtype=np.float32)
        return np.asarray(np.eye(len(self.task.names), dtype=np.float32)[self._estimator.predict(inputs)])

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
    def load(cls, folder: Path, task: Task) -> Any:
        import skops.io

        make, online = _maker(task, cls.variant)
        if not online:
            several = isinstance(task, Numbers) and len(task.names) > 1
            return Refit.read(folder, task, _each(make) if several else make)
        file, scale = folder / "estimator.skops", folder / "scale.json"
        estimator = skops.io.load(file, trusted=types_in(file))
        batch = json.loads((folder / "estimator.json").read_text())["batch"]
        return cls(task, estimator, batch, Scale.load(scale) if scale.exists() else None)


def _learns_several(estimator: Any) -> bool:
    """Whether a regressor learns two numbers at once: tried, since estimators do not say so reliably."""
    from sklearn.base import clone

    try:
        tried = clone(estimator)
        inputs, targets = np.arange(40.0).reshape(20, 2), np.arange(40.0).reshape(20, 2)
        getattr(tried, "partial_fit", tried.fit)(inputs, targets)
    except ValueError:
        return False
    return True


def _each(make: Callable[..., Any]) -> Callable[..., Any]:
    """Makes one that learns several numbers: what ``make`` makes, or one of it for each where that learns only one."""

    def several(**settings: Any) -> Any:
        from sklearn.multioutput import MultiOutputRegressor

        one = make(**settings)
        return one if _learns_several(one) else MultiOutputRegressor(one)

    return several


@functools.cache
def _estimators(kind: str) -> dict[str, Callable[..., Any]]:
    """All of scikit-learn's by name. To find them it walks through all of its modules."""
    from sklearn.utils import all_estimators

    return dict(all_estimators(type_filter=kind))


def _maker(task: Task, variant: str) -> tuple[Callable[..., Any], bool]:
    """What makes the estimator that ``variant`` names, and whether that learns online: what is not scikit-learn's own
    is fitted anew, since its types are not loaded."""
    kind = _KINDS.get(type(task))
    if kind is None:
        raise PeersError(f"scikit-learn's estimators learn classes or numbers, not {task.kind}: choose another model")
    if ":" in variant:
        made: Callable[..., Any] = located(variant, f"the estimator {variant!r}")
        if not callable(made):
            raise PeersError(f"{variant} makes no estimator: name a class, or a function that makes one")
        return made, False
    known = _estimators(kind)
    if variant not in known:
        near = difflib.get_close_matches(variant, known, 3, 0.5) or sorted(
            n for n in known if hasattr(known[n], "partial_fit")
        )
        raise PeersError(
            f"no {kind} called {variant!r} in scikit-learn: {', '.join(near)}, or package.module:name of yours"
        )
    online = hasattr(known[variant], "partial_fit")
    return known[variant], online
