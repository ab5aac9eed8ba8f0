"""The same learners with River's interface: samples are dicts, features and classes may appear at any time.

River (https://riverml.xyz) is an optional extra: ``pip install klopf[river]``. The estimators pass River's own checks.
One file because the estimators share all but the few lines in which each differs, and are read side by side.

>>> from klopf.mind.river import MindClassifier
>>> model = MindClassifier(hidden=8, seed=1)
>>> for x, y in [({"a": 1.0}, True), ({"a": -1.0, "b": 2.0}, False)] * 30:
...     model.learn_one(x, y)
>>> model.predict_one({"a": 1.0})
True
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from klopf.extras import require as _require
from klopf.mind._checked import checked_options, checked_weights
from klopf.mind._company import options_of
from klopf.mind._frames import columns, frame, series, values, weights_of
from klopf.mind._intervals import Intervals, checked_level
from klopf.mind._named import Named, Numbers, Places
from klopf.mind._rows import roomy
from klopf.mind._stage import Stage
from klopf.mind._staged import stage_given
from klopf.mind._targets import check_class, holds, named, target_of, weight_of
from klopf.mind._turns import Kept, Turns, in_turn
from klopf.mind.kernels.state import MOST

_require("river", "klopf.mind.river")

from river import base, conf

from klopf.mind._signals import MindAnomalyDetector, MindDriftDetector

__all__ = [
    "MindAnomalyDetector",
    "MindClassifier",
    "MindDriftDetector",
    "MindMultiLabelClassifier",
    "MindMultiTargetRegressor",
    "MindRegressor",
]

_FEW = 7
"""Classes whose probabilities NumPy would add up one after another too."""


class _Estimator(Kept, base.Estimator):  # type: ignore[misc, unused-ignore]
    """What all of them share: the parameters, which any of River's tools may copy and choose among.

    River takes a tuple among parameters for a class with its own parameters; so it is given lists.
    """

    _output = "linear"
    _keeps_company = False

    def __init__(
        self,
        hidden: Any = 32,
        learner: str = "klopf",
        seed: int = 0,
        options: dict[str, Any] | None = None,
        max_features: int = 1024,
        stage: Stage | None = None,
    ) -> None:
        self.hidden = tuple(hidden) if isinstance(hidden, Iterable) and not isinstance(hidden, str) else hidden
        self.learner = learner
        self.seed = seed
        self.options = options
        self.max_features = max_features
        self.stage = stage_given(stage)
        scaled = stage is not None and stage.scaled
        own = options_of(learner, scaled) if self._keeps_company else {"normalise_inputs": not scaled}
        made = {**own, "scale_targets": self._output == "linear", **checked_options(options)}
        self._named = Named(self.hidden, learner, self._output, seed, max_features, made, self.stage)
        self._turns = Turns()

    def _given(self, X: Any, y: Any, w: Any) -> tuple[list[Hashable], Any, list[Any], Any]:
        """A frame with targets and weights: names, numbers ``(n, names)``, targets and weights, checked."""
        names, table = columns(X, self._named.gaps)
        self._named.check(names)
        weights = checked_weights(weights_of(w, len(table)), len(table), np.float64)
        return names, table, values(y, len(table)), weights

    def _asked(self, X: Any) -> tuple[int, Any]:
        """How many rows a frame has, and what the mind says of each, ``(n, outputs)``: None before the first sample."""
        names, table = columns(X, self._named.gaps)
        mind = self._named.mind
        return len(table), mind and mind.predict_proba(self._named.rows(mind, names, table)).astype(np.float64)

    def _get_params(self) -> dict[str, Any]:
        return {name: _listed(value) for name, value in super()._get_params().items()}

    def clone(self, new_params: dict[str, Any] | None = None, include_attributes: bool = False) -> Any:
        """A fresh estimator with the same parameters, but for ``new_params``."""
        return super().clone({name: _listed(value) for name, value in (new_params or {}).items()}, include_attributes)

    @classmethod
    def _unit_test_params(cls) -> Any:
        yield {"hidden": 6, "learner": "backprop"}


def _listed(value: Any) -> Any:
    plain = isinstance(value, tuple) and not (len(value) == 2 and isinstance(value[0], type))
    return list(value) if plain else value


class MindClassifier(_Estimator, base.MiniBatchClassifier):  # type: ignore[misc, unused-ignore]
    """A mind that tells classes apart, any number of them, under any names.

    Args:
        hidden: units in each hidden layer: a number for one layer, or a sequence.
        learner: a name from ``klopf.mind.LEARNERS``.
        seed: of everything random.
        options: fields of ``klopf.mind.Settings``. Inputs are normalised unless they say otherwise, and the Klopf
            learner keeps company (``memory=1000, trees=10, shortcut=True, listening_prior=1.0``); ``memory=0,
            trees=0`` leaves it alone.
        max_features: how many features are known at a time. A new one then takes the place of one that came in one
            sample only, or was seen longest ago.
        max_classes: the same of classes.
        stage: what a sample is, and the features that the network hears in its place: ``klopf.mind.Images(8, 8)``. The
            first sample then names all its numbers in their order, and no other ever comes.
    """

    _output = "softmax"
    _keeps_company = True

    def __init__(
        self,
        hidden: Any = 32,
        learner: str = "klopf",
        seed: int = 0,
        options: dict[str, Any] | None = None,
        max_features: int = 1024,
        max_classes: int = 1024,
        stage: Stage | None = None,
    ) -> None:
        super().__init__(hidden, learner, seed, options, max_features, stage)
        self.max_classes = max_classes
        self._seen = Places(max_classes, "class")
        self.surprise = 0.0
        """How little the class was expected that was learned last: minus the logarithm of the probability that it had
        been given. What to give a drift detector."""

    @property
    def _multiclass(self) -> bool:
        return True

    @property
    def _classes(self) -> dict[Hashable, int]:
        return self._seen.at

    @in_turn
    def learn_one(self, x: dict[Hashable, Any], y: Any, w: float = 1.0) -> None:
        """Learn one sample, which counts ``w`` times."""
        check_class(y)
        numbers, w = self._named.numbers(x), weight_of(w)
        if w > 0:
            self._see(y)
            place = self._classes[y]
            _, out = self._named.learn(numbers, place, self._outputs, w)
            self._surprised(out.item(place))

    @in_turn
    def learn_many(self, X: Any, y: Any, w: Any = 1.0) -> None:
        """Learn the rows of a frame one after another: the same as :meth:`learn_one` for each."""
        names, table, found, weights = self._given(X, y, w)
        for name in found:
            check_class(name)
        start = 0
        numbers = np.zeros(len(table), np.int64)
        for row, name in enumerate(found):
            if weights[row] == 0:
                continue
            if name not in self._classes:  # the mind may have to be widened, or a class to give way
                self._learn_rows(names, table[start:row], numbers[start:row], weights[start:row])
                start = row
            self._see(name)
            numbers[row] = self._classes[name]
        self._learn_rows(names, table[start:], numbers[start:], weights[start:])

    def _learn_rows(self, names: list[Hashable], table: Any, numbers: Any, weights: Any) -> None:
        if weights.any():
            _, outs = self._named.learn_rows(names, table, numbers, self._outputs, weights)
            last = int(np.flatnonzero(weights)[-1])
            self._surprised(outs[last, numbers[last]])

    def _surprised(self, probability: Any) -> None:
        self.surprise = -math.log(max(float(probability), 1e-12))

    def _see(self, y: Any) -> None:
        for place in self._seen.see([y]):
            if self._named.mind is not None:
                self._named.mind._tables.forget_output(place)

    @property
    def _outputs(self) -> int:
        many = len(self._classes)
        return 2 if many < 3 else min(roomy(many), self.max_classes)

    @in_turn
    def predict_proba_one(self, x: dict[Hashable, Any], **_: Any) -> dict[Any, float]:
        """Probability of each class seen so far; empty before the first sample."""
        mind = self._named.mind
        if mind is None:
            return {}
        said = self._named.predicted(mind, x)[1].astype(np.float64)
        places = self._classes
        if len(places) > _FEW:
            return dict(zip(places, self._probabilities(said[None])[0].tolist(), strict=True))
        p, total = said.tolist(), 0.0  # for few classes a third of the time
        for place in places.values():  # not by ``sum``, which is more exact from Python 3.12 on
            total += p[place]
        return {name: p[place] / max(total, 1e-300) for name, place in places.items()}

    @in_turn
    def predict_one(self, x: dict[Hashable, Any], **_: Any) -> Any:
        """The likeliest class, of those seen so far; None before the first sample."""
        mind = self._named.mind
        if mind is None:
            return None
        p, best, most = self._named.predicted(mind, x)[1].tolist(), None, -1.0
        for name, place in self._classes.items():
            if p[place] > most:
                best, most = name, p[place]
        return best

    @in_turn
    def predict_proba_many(self, X: Any) -> Any:
        """A frame with a column for each class seen so far; without columns before the first sample."""
        _, said = self._asked(X)
        return frame(X, {} if said is None else dict(zip(self._classes, self._probabilities(said).T, strict=True)))

    @in_turn
    def predict_many(self, X: Any) -> Any:
        """The likeliest class of each row, as a series."""
        rows, said = self._asked(X)
        classes = list(self._classes)
        return series(X, [None] * rows if said is None else [classes[k] for k in self._probabilities(said).argmax(1)])

    def _probabilities(self, said: Any) -> Any:
        """Of the classes in the order in which ``_classes`` has them, ``(n, classes)``."""
        p = said.take(list(self._classes.values()), 1)
        return p / np.maximum(p.sum(1, keepdims=True), 1e-300)


class MindRegressor(_Estimator, base.MiniBatchRegressor):  # type: ignore[misc, unused-ignore]
    """A mind that predicts one number, and says within which bounds; arguments as for :class:`MindClassifier`.

    Targets are shifted and scaled inside, so that their unit does not matter, and as that may change: an outlier costs
    nothing, another level or unit is followed.

    >>> import random
    >>> model, r, held = MindRegressor(hidden=8), random.Random(1), 0
    >>> for t in range(2000):
    ...     x = {"a": r.random(), "b": r.random()}
    ...     y = 3 * x["a"] + r.gauss(0, 1)
    ...     held += t >= 1000 and y in model.predict_interval(x, level=0.9)
    ...     model.learn_one(x, y)
    >>> abs(held / 1000 - 0.9) < 0.03
    True
    """

    _keeps_company = True

    def __init__(
        self,
        hidden: Any = 32,
        learner: str = "klopf",
        seed: int = 0,
        options: dict[str, Any] | None = None,
        max_features: int = 1024,
        stage: Stage | None = None,
    ) -> None:
        super().__init__(hidden, learner, seed, options, max_features, stage)
        self._intervals = Intervals()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Also of a time when targets were scaled outside of the mind."""
        scale = state.pop("_scale", None)
        super().__setstate__(state)
        if scale is not None:
            self._named.scale_inside([scale])

    @property
    def surprise(self) -> float:
        """How large the last error was, in deviations as they were expected there. What to give a drift detector."""
        return self._intervals.surprise

    @in_turn
    def learn_one(self, x: dict[Hashable, Any], y: float, w: float = 1.0) -> None:
        """Learn one sample, which counts ``w`` times."""
        numbers, target, w = self._named.numbers(x), target_of(y), weight_of(w)
        if w == 0:
            return
        said = self._named.mind is not None
        row, out = self._named.learn(numbers, target, 1, w)
        if said:
            predicted = out.item(0)
            self._intervals.learn_one(row, predicted, target - predicted)

    @in_turn
    def learn_many(self, X: Any, y: Any, w: Any = 1.0) -> None:
        """Learn the rows of a frame one after another: the same as :meth:`learn_one` for each."""
        names, table, found, weights = self._given(X, y, w)
        found = [target_of(value) for value in found]
        kept = np.flatnonzero(weights)
        if not len(kept):
            return
        first = 0 if self._named.mind is not None else 1
        targets = np.array([found[row] for row in kept])
        rows, outs = self._named.learn_rows(names, table[kept], targets, 1, weights[kept])
        predicted = outs[:, 0]
        self._intervals.learn(rows[first:], predicted[first:], (targets - predicted)[first:])

    @in_turn
    def predict_one(self, x: dict[Hashable, Any], with_interval: bool = False, level: float = 0.9) -> Any:
        """The predicted number; 0 before the first sample.

        With ``with_interval``, what :meth:`predict_interval` says.
        """
        checked_level(level)
        row, predicted = self._said(x)
        return self._around(row, predicted, level) if with_interval else predicted

    @in_turn
    def predict_interval(self, x: dict[Hashable, Any], level: float = 0.9) -> Any:
        """A ``river.conf.Interval`` that holds the target with probability ``level`` (from .05 to .995), and lies below
        it as often as above.

        It is wide where errors were large, by the features and the prediction, and follows the errors of late.
        """
        checked_level(level)
        return self._around(*self._said(x), level)

    def _said(self, x: dict[Hashable, Any]) -> tuple[Any, float]:
        mind = self._named.mind
        if mind is None:
            return np.zeros(0), 0.0
        row, out = self._named.predicted(mind, x)
        return row, float(out[0])

    def _around(self, row: Any, predicted: float, level: float) -> Any:
        return conf.Interval(*self._intervals.bounds(level, row, predicted)[0].tolist())

    @in_turn
    def predict_many(self, X: Any) -> Any:
        """The predicted number of each row, as a series."""
        rows, said = self._asked(X)
        return series(X, [0.0] * rows if said is None else said[:, 0])


class MindMultiLabelClassifier(_Estimator, base.MultiLabelClassifier):  # type: ignore[misc, unused-ignore]
    """A mind that says of each label whether it holds; arguments as for :class:`MindClassifier`, ``max_labels`` of
    labels.

    Labels may appear at any time. Of one that a sample does not speak of nothing is learned.

    >>> model = MindMultiLabelClassifier(hidden=8)
    >>> for _ in range(60):
    ...     model.learn_one({"a": 1.0}, {"big": True, "red": False})
    ...     model.learn_one({"a": -1.0}, {"big": False, "red": False})
    >>> model.predict_one({"a": 1.0})
    {'big': True, 'red': False}
    """

    _output = "logistic"

    def __init__(
        self,
        hidden: Any = 32,
        learner: str = "klopf",
        seed: int = 0,
        options: dict[str, Any] | None = None,
        max_features: int = 1024,
        max_labels: int = 256,
        stage: Stage | None = None,
    ) -> None:
        super().__init__(hidden, learner, seed, options, max_features, stage)
        self.max_labels = max_labels
        self._labels = Places(max_labels, "label")

    @in_turn
    def learn_one(self, x: dict[Hashable, Any], y: Mapping[Hashable, Any], w: float = 1.0) -> None:
        """Learn one sample, which counts ``w`` times; ``y`` says of its labels whether they hold."""
        numbers, labels, w = (
            self._named.numbers(x),
            {name: holds(name, value) for name, value in named("a sample's labels", y).items()},
            weight_of(w),
        )
        self._labels.check(labels)
        if w == 0 or not labels:
            return
        _learn_named(self._named, self._labels, numbers, labels, w, max(self.max_labels, 1))

    @in_turn
    def predict_proba_one(self, x: dict[Hashable, Any], **_: Any) -> dict[Any, dict[bool, float]]:
        """For each label seen so far the probability that it does not hold, and that it does."""
        mind = self._named.mind
        if mind is None:
            return {}
        p = self._named.predicted(mind, x)[1].astype(float)
        return {name: {False: 1.0 - float(p[k]), True: float(p[k])} for name, k in self._labels.at.items()}


class MindMultiTargetRegressor(_Estimator, base.MultiTargetRegressor):  # type: ignore[misc, unused-ignore]
    """A mind that predicts several numbers, under any names; arguments as for :class:`MindClassifier`, ``max_targets``
    of targets.

    Targets may appear at any time, each has a scale of its own. Of one that a sample does not have nothing is learned.
    """

    def __init__(
        self,
        hidden: Any = 32,
        learner: str = "klopf",
        seed: int = 0,
        options: dict[str, Any] | None = None,
        max_features: int = 1024,
        max_targets: int = 256,
        stage: Stage | None = None,
    ) -> None:
        super().__init__(hidden, learner, seed, options, max_features, stage)
        self.max_targets = max_targets
        self._targets = Places(max_targets, "target")
        self._intervals: dict[Hashable, Intervals] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Also of a time when targets were scaled outside of the mind."""
        scales = state.pop("_scales", None)
        super().__setstate__(state)
        if scales is not None:
            self._named.scale_inside(
                [scales[name] for name in sorted(self._targets.at, key=lambda name: self._targets.at[name])]
            )

    @in_turn
    def learn_one(self, x: dict[Hashable, Any], y: Mapping[Hashable, float], w: float = 1.0, **_: Any) -> None:
        """Learn one sample, which counts ``w`` times."""
        found = {name: target_of(value) for name, value in named("a sample's targets", y).items()}
        numbers, w = self._named.numbers(x), weight_of(w)
        self._targets.check(found)
        if w == 0 or not found:
            return
        said = set(self._targets.at)
        row, out = _learn_named(self._named, self._targets, numbers, found, w, max(self.max_targets, 1))
        for name in said & found.keys() & self._targets.at.keys():
            predicted = float(out[self._targets.at[name]])
            self._intervals.setdefault(name, Intervals()).learn_one(row, predicted, found[name] - predicted)
        if said - self._targets.at.keys():  # of who gave way nothing is kept
            self._intervals = {name: each for name, each in self._intervals.items() if name in self._targets.at}

    @in_turn
    def predict_one(self, x: dict[Hashable, Any]) -> dict[Any, float]:
        """The predicted number of each target seen so far."""
        mind = self._named.mind
        if mind is None:
            return {}
        out = self._named.predicted(mind, x)[1].astype(float)
        return {name: float(out[k]) for name, k in self._targets.at.items()}

    @in_turn
    def predict_interval(self, x: dict[Hashable, Any], level: float = 0.9) -> dict[Any, Any]:
        """A ``river.conf.Interval`` for each target seen so far, which holds it with probability ``level``; see
        :meth:`MindRegressor.predict_interval`."""
        checked_level(level)
        mind = self._named.mind
        if mind is None:
            return {}
        row, found = self._named.vector(mind, x), {}
        out = mind.predict_proba_one(row).astype(float)
        for name, k in self._targets.at.items():
            low, high = self._intervals.get(name, Intervals()).bounds(level, row, float(out[k]))[0].tolist()
            found[name] = conf.Interval(low, high)
        return found


def _learn_named(
    named: Named, places: Places, x: Numbers, y: Mapping[Hashable, float], w: float, most: int
) -> tuple[Any, Any]:
    """Learn a sample whose outputs have names; of those that it does not have nothing is learned.

    Returns:
        the sample as the mind heard it, and what was predicted of it before, ``(outputs,)``.
    """
    freed = places.see(list(y))
    mind = named.ready(named.names(x), min(roomy(max(len(places), 1)), most))
    for place in freed:
        mind._tables.forget_output(place)
    rows = named.heard(mind, x, w)
    wanted = np.full(mind.outputs, np.nan)
    unknown = mind._tables.plan.scale_targets or mind.output == "logistic"
    if not unknown and len(y) < mind.outputs:  # what is predicted of them tells nothing new
        wanted[:] = np.nan_to_num(np.clip(mind.predict_proba(rows)[0], -MOST, MOST))
    for name, value in y.items():
        wanted[places.at[name]] = value
    _, out, _ = mind._learn(rows, wanted[None], np.array([w]), unknown)
    return rows[0], out[0]
