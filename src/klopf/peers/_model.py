"""What a neuron is made of: one small interface, and the models that stand behind it.

A model joins the network if it can learn from labelled samples, answer with class probabilities, be saved, and name
its own state by a hash. Nothing is ever unpickled: a mind has its own file format, scikit-learn estimators go through
skops, which loads only types that it is told to trust.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError

__all__ = ["MindModel", "Model", "SklearnModel", "create_model", "load_model", "model_names", "save_model"]

Inputs = NDArray[np.float32]
Labels = NDArray[np.int64]
Probabilities = NDArray[np.float32]


@runtime_checkable
class Model(Protocol):
    """A classifier that learns from a stream.

    Every implementation must pass ``tests/peers/test_model.py``, the conformance test of this interface. A model is
    called from one thread at a time and may use working memory of its own.
    """

    classes: int
    """How many classes it answers over, from the start, whether or not it has seen them all."""

    def learn(self, inputs: Inputs, labels: Labels) -> None:
        """Learn from ``inputs`` of shape ``(n, features)`` with ``labels`` of shape ``(n,)``, in their order."""

    def answer(self, inputs: Inputs) -> Probabilities:
        """Class probabilities of shape ``(n, classes)``; every row sums to 1. Changes nothing."""

    def commitment(self) -> bytes:
        """32 bytes that name the learned state: equal states, equal bytes."""

    def save(self, folder: Path) -> None:
        """Write the whole state into ``folder``, which exists and is empty."""

    @classmethod
    def load(cls, folder: Path) -> Model:
        """The model that :meth:`save` wrote, to the bit."""


class MindModel:
    """A Klopf mind: one network of units, learning one sample at a time."""

    def __init__(self, mind: Any) -> None:
        self._mind = mind
        self.classes = int(mind.outputs)

    @classmethod
    def create(cls, features: int, classes: int, seed: int, **settings: Any) -> MindModel:
        from klopf.mind import Mind

        return cls(Mind(features, classes, seed=seed, **settings))

    def learn(self, inputs: Inputs, labels: Labels) -> None:
        self._mind.learn(inputs, labels)

    def answer(self, inputs: Inputs) -> Probabilities:
        return np.asarray(self._mind.predict_proba(inputs), dtype=np.float32)

    def commitment(self) -> bytes:
        return bytes(self._mind.commitment())

    def save(self, folder: Path) -> None:
        self._mind.save(folder / "mind.npz")

    @classmethod
    def load(cls, folder: Path) -> MindModel:
        from klopf.mind import Mind

        return cls(Mind.load(folder / "mind.npz"))


class SklearnModel:
    """Any scikit-learn classifier with ``partial_fit`` and ``predict_proba``.

    Labels are learned in batches of ``batch``: these estimators pay a fixed price a call.
    """

    TRUSTED = ("sklearn.", "numpy.")
    """Only types from these packages are ever loaded."""

    def __init__(self, estimator: Any, classes: int, batch: int = 16) -> None:
        for method in ("partial_fit", "predict_proba"):
            if not hasattr(estimator, method):
                name = type(estimator).__name__
                raise PeersError(
                    f"{name} has no {method}: choose a classifier that learns online and gives "
                    "probabilities, such as SGDClassifier(loss='log_loss')"
                )
        self._estimator = estimator
        self.classes = classes
        self._batch = batch

    @classmethod
    def create(cls, estimator: str, classes: int, seed: int, batch: int = 16, **settings: Any) -> SklearnModel:
        from sklearn.base import is_classifier
        from sklearn.utils import all_estimators

        known = {name: kind for name, kind in all_estimators(type_filter="classifier") if hasattr(kind, "partial_fit")}
        if estimator not in known:
            raise PeersError(
                f"no online classifier called {estimator!r} in scikit-learn: one of {', '.join(sorted(known))}"
            )
        if "random_state" in known[estimator]().get_params():
            settings.setdefault("random_state", seed)
        try:
            made = known[estimator](**settings)
        except TypeError as error:
            raise PeersError(f"scikit-learn's {estimator} does not take these settings: {error}") from None
        assert is_classifier(made)
        return cls(made, classes, batch)

    def learn(self, inputs: Inputs, labels: Labels) -> None:
        everything = np.arange(self.classes)
        for start in range(0, len(labels), self._batch):
            part = slice(start, start + self._batch)
            self._estimator.partial_fit(inputs[part], labels[part], classes=everything)

    def answer(self, inputs: Inputs) -> Probabilities:
        if not hasattr(self._estimator, "classes_"):
            return np.full((len(inputs), self.classes), 1.0 / self.classes, dtype=np.float32)
        with np.errstate(divide="ignore"):  # naive Bayes takes the logarithm of the prior of a class it has not seen
            return np.asarray(self._estimator.predict_proba(inputs), dtype=np.float32)

    def commitment(self) -> bytes:
        digest = hashlib.sha256()
        _absorb(digest, self._estimator)
        return digest.digest()

    def save(self, folder: Path) -> None:
        import skops.io

        skops.io.dump(self._estimator, folder / "estimator.skops")
        (folder / "estimator.json").write_text(json.dumps({"classes": self.classes, "batch": self._batch}))

    @classmethod
    def load(cls, folder: Path) -> SklearnModel:
        import skops.io

        file = folder / "estimator.skops"
        foreign = [t for t in skops.io.get_untrusted_types(file=file) if not t.startswith(cls.TRUSTED)]
        if foreign:
            raise PeersError(
                f"{file} holds types that Klopf does not load ({', '.join(foreign)}): it was not saved by Klopf"
            )
        estimator = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
        return cls(estimator, **json.loads((folder / "estimator.json").read_text()))


def _absorb(digest: Any, value: Any) -> None:
    """Feed ``value`` to ``digest`` unambiguously: type, length, content, with the keys of mappings in order."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, np.ndarray):
        content = np.ascontiguousarray(value)
        digest.update(f"{kind}:{content.dtype.str}:{content.shape};".encode())
        if content.dtype == object:
            for item in content.ravel():
                _absorb(digest, item)
        else:
            digest.update(content.tobytes())
    elif isinstance(value, np.random.RandomState):
        _absorb(digest, value.get_state(legacy=True))
    elif isinstance(value, dict):
        digest.update(f"{kind}:{len(value)};".encode())
        for key in sorted(value, key=repr):
            _absorb(digest, key)
            _absorb(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"{kind}:{len(value)};".encode())
        for item in value:
            _absorb(digest, item)
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        digest.update(f"{kind}{{".encode())
        _absorb(digest, vars(value))
    elif value is None or isinstance(value, bool | int | float | str | bytes | np.generic):
        text = repr(value.item() if isinstance(value, np.generic) else value)
        digest.update(f"{kind}:{len(text)}:{text};".encode())
    else:
        digest.update(f"{kind};".encode())


def _kinds() -> dict[str, Any]:
    """What a saved model calls itself, and what reads it."""
    from klopf.peers._adversaries import FreeRider, Liar, Litigant, Perjurer

    own = {"mind": MindModel, "sklearn": SklearnModel}
    return own | {"free-rider": FreeRider, "liar": Liar, "perjurer": Perjurer, "litigant": Litigant}


def model_names() -> list[str]:
    """What :func:`create_model` understands."""
    return ["mind", "sklearn:<Estimator>", "free-rider", "liar", "perjurer", "litigant"]


def create_model(name: str, *, features: int, classes: int, seed: int, settings: dict[str, Any] | None = None) -> Model:
    """A newborn model.

    Args:
        name: ``mind``, ``sklearn:GaussianNB`` (or any other online classifier of scikit-learn), or one of the four
            adversaries that networks are tried with: ``free-rider``, ``liar``, ``perjurer`` and ``litigant``.
        features: width of an input.
        classes: number of classes answered over.
        seed: of everything random in it.
        settings: passed on to the model.

    Raises:
        PeersError: no such model, or it does not take these settings.
    """
    from klopf.peers._adversaries import FreeRider, Liar, Litigant, Perjurer

    settings = settings or {}
    kind, _, detail = name.partition(":")
    try:
        if kind == "mind":
            return MindModel.create(features, classes, seed, **settings)
        if kind == "sklearn":
            return SklearnModel.create(detail, classes, seed, **settings)
        if kind == "free-rider":
            return FreeRider(classes, seed)
        if kind == "liar":
            return Liar(MindModel.create(features, classes, seed, **settings), seed)
        if kind in ("perjurer", "litigant"):
            honest = MindModel.create(features, classes, seed, **settings)
            return Perjurer(honest) if kind == "perjurer" else Litigant(honest)
    except TypeError as error:
        raise PeersError(f"model {name!r} does not take these settings: {error}") from None
    raise PeersError(f"no model called {name!r}: one of {', '.join(model_names())}")


def save_model(model: Model, folder: Path) -> None:
    """Write ``model`` into ``folder`` at once or not at all: a reader never finds half of it."""
    unfinished = folder.with_name(folder.name + ".unfinished")
    if unfinished.exists():
        _remove(unfinished)
    unfinished.mkdir(parents=True)
    model.save(unfinished)
    (unfinished / "kind").write_text(_kind_of(model))
    for file in unfinished.rglob("*"):
        _sync(file)
    _sync(unfinished)
    if folder.exists():
        _remove(folder)
    unfinished.rename(folder)
    _sync(folder.parent)


def load_model(folder: Path) -> Model:
    """What :func:`save_model` wrote.

    Raises:
        PeersError: there is nothing there, or it was not written by :func:`save_model`.
    """
    try:
        kind = (folder / "kind").read_text()
        loaded: Model = _kinds()[kind].load(folder)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise PeersError(
            f"no saved model can be read in {folder} ({error}): restore it or start the neuron anew"
        ) from None
    return loaded


def _kind_of(model: Model) -> str:
    for name, kind in _kinds().items():
        if type(model) is kind:
            return name
    raise PeersError(f"{type(model).__name__} is not a model that Klopf can save")


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
