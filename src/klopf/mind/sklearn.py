"""The same learners with scikit-learn's interface, for all its tools: ``fit``, ``partial_fit``, ``predict``, ``score``.

scikit-learn is an optional extra: ``pip install klopf[sklearn]``. The estimators pass ``check_estimator``; no check is
expected to fail.

>>> import numpy as np
>>> from klopf.mind.sklearn import MindClassifier
>>> X = np.random.default_rng(0).normal(size=(300, 2))
>>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
>>> model = MindClassifier(hidden=(16,)).fit(X[:200], y[:200])
>>> model.score(X[200:], y[200:]) > 0.9
True
>>> model.predict([[1.0, 1.0]])
array(['same'], dtype='<U5')
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.extras import require as _require
from klopf.mind import diagnostics
from klopf.mind._intervals import Intervals, checked_level
from klopf.mind._labels import Classes, Groups, Numbers
from klopf.mind._mind import Mind
from klopf.mind._rows import blocks, dense, keys, roomy, visits

_require("sklearn", "klopf.mind.sklearn")

from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

__all__ = ["MindClassifier", "MindRegressor"]

_FOLDS = 5
"""Of whose rows none helps to predict its own, where intervals are learned from a table."""


class _MindEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """What classifier and regressor share: rows of a table go through one mind, one after another."""

    _scales = False
    """Whether the mind is to scale its targets."""

    def __init__(
        self,
        hidden: Any = (32,),
        learner: str = "klopf",
        *,
        passes: int = 5,
        shuffle: bool = True,
        random_state: Any = 0,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.hidden = hidden
        self.learner = learner
        self.passes = passes
        self.shuffle = shuffle
        self.random_state = random_state
        self.options = options

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self._gaps
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags

    @property
    def _gaps(self) -> bool:
        """Whether NaN is what is missing: where inputs are normalised, unless ``options`` say otherwise."""
        return bool((self.options or {}).get("normalise_inputs", True))

    def _looked_at(self, X: Any) -> Any:
        """Rows to predict, checked."""
        check_is_fitted(self)
        return self._rows_of(X, reset=False)

    def _rows_of(self, X: Any, y: Any = "no_validation", **how: Any) -> Any:
        finite = "allow-nan" if self._gaps else True
        return validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_all_finite=finite, **how
        )

    # --- learning -----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Learn a table anew, in ``passes`` passes.

        Args:
            X: inputs ``(n, features)``: an array, a frame of pandas or polars, or a sparse matrix.
            y: ``(n,)``, or ``(n, outputs)`` for several outputs.
            sample_weight: how much each row counts, ``(n,)``; a whole number is as good as the row so many times.

        Returns:
            itself.

        With ``shuffle`` every pass is in another order, which depends on ``random_state`` and on what is in the rows,
        not on how they are sorted; without, rows are learned in the order in which they stand.
        """
        X, y = self._checked(X, y, reset=True)
        self._targets_ = self._new_targets(y)
        weights = self._weighed(X, y, sample_weight)
        often, each = visits(weights)
        rng = check_random_state(self.random_state)
        self._seed_ = int(rng.randint(2**31 - 1)) if self.random_state is None else self._as_seed(rng)
        self._mind_: Mind | None = None
        order = np.arange(X.shape[0])
        if self.shuffle:
            mixed = keys(X) ^ (keys(self._targets_.table(y)) * np.uint64(3))
            order = np.lexsort((each, mixed))
        order = order.repeat(often[order])
        self._targets_.see(y, order)
        shuffled = np.random.default_rng(self._seed_)
        for _ in range(self.passes):
            self._learn(X, y, shuffled.permutation(order) if self.shuffle else order, each)
        self._after()
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        first = not hasattr(self, "_targets_")
        X, y = self._checked(X, y, reset=first)
        if first:
            self._targets_ = self._new_targets(y)
            self._seed_ = self._as_seed(check_random_state(self.random_state))
            self._mind_ = None
        weights = self._weighed(X, y, sample_weight)
        order = np.arange(X.shape[0])
        self._targets_.see(y, order)
        self._learn(X, y, order, weights)
        self._after()
        return self

    def _weighed(self, X: Any, y: Any, sample_weight: Any) -> NDArray[np.float64]:
        """How much each row counts, ``(n,)``."""
        weights: NDArray[np.float64] = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        return weights

    def _as_seed(self, rng: Any) -> int:
        whole = isinstance(self.random_state, int | np.integer)
        return int(self.random_state) if whole else int(rng.randint(2**31 - 1))

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = self._rows_of(X, y, reset=reset, multi_output=True, y_numeric=isinstance(self, MindRegressor))
        y = y.toarray() if hasattr(y, "toarray") else y
        return X, y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y

    def _learn(self, X: Any, y: Any, order: Any, weights: NDArray[np.float64]) -> None:
        """The rows in that order, each as heavy as ``weights`` says of it."""
        outputs = self._targets_.outputs
        mind = self._mind_
        if mind is None:
            hidden = tuple(self.hidden) if isinstance(self.hidden, Iterable) else (self.hidden,)
            mind = Mind(
                X.shape[1], outputs, hidden, self.learner, self._targets_.output, self._seed_,
                **{"normalise_inputs": True, "scale_targets": self._scales, **(self.options or {})},
            )  # fmt: skip
        elif outputs > mind.outputs:
            mind = mind.widened(mind.sensors, roomy(outputs))
        self._mind_ = mind
        for rows in blocks(order, X.shape[1]):
            part = dense(X, rows)
            _, out, _ = mind._learn(part, self._targets_.coded(y[rows]), weights[rows])
            self._came(part, y[rows], out)

    def _came(self, X: Any, y: Any, out: NDArray[Any]) -> None:
        """Those rows were learned; ``out`` is what the mind said of each before."""

    def _after(self) -> None:
        """What is public of what was learned."""

    # --- predicting ---------------------------------------------------------------------------------------------------

    def _predicted(self, X: Any) -> NDArray[np.float64]:
        X = self._looked_at(X)
        mind: Any = self._mind_
        out = np.empty((X.shape[0], mind.outputs))
        for rows in blocks(np.arange(X.shape[0]), X.shape[1]):
            out[rows] = mind.predict_proba(dense(X, slice(rows[0], rows[-1] + 1)))
        return out

    def transform(self, X: Any) -> NDArray[np.float64]:
        """What the last hidden layer says of each row, ``(n, units)``: features that were learned. Without hidden
        units, the inputs themselves. ``set_output(transform="pandas")`` (or ``"polars"``) makes a frame of it."""
        X = self._looked_at(X)
        mind: Any = self._mind_
        out = np.empty((X.shape[0], self._n_features_out))
        for rows in blocks(np.arange(X.shape[0]), X.shape[1]):
            part = dense(X, slice(rows[0], rows[-1] + 1))
            out[rows] = diagnostics.activities(mind, part)[-1] if mind.hidden else part
        return out

    @property
    def _n_features_out(self) -> int:
        mind: Any = self._mind_
        if not mind.hidden:
            return int(mind.sensors)
        return int(mind.units[-1] * (2 if mind.settings.activation == "crelu" else 1))

    @property
    def mind_(self) -> Mind:
        """The mind that has learned; ``mind_.save(path)`` keeps it."""
        check_is_fitted(self)
        mind: Any = self._mind_
        return mind  # type: ignore[no-any-return]

    def __sklearn_is_fitted__(self) -> bool:
        return getattr(self, "_mind_", None) is not None


class MindClassifier(ClassifierMixin, _MindEstimator):  # type: ignore[misc, unused-ignore]
    """A mind that tells classes apart: of one output, of several, or any number of labels at once.

    Args:
        hidden: units in each hidden layer, or a number for one layer.
        learner: a name from ``klopf.mind.LEARNERS``.
        passes: how often ``fit`` goes through the table; ``partial_fit`` does once.
        shuffle: whether ``fit`` learns in another order each pass; False for a table that is a stream.
        random_state: seed of everything random; None for another one each time.
        options: fields of ``klopf.mind.Settings``. Inputs are normalised unless they say otherwise.
        class_weight: how much the rows of each class count, beside their own weights: a dict by class (a list of such
            for several outputs), or "balanced" for as much as those of every other class together, in ``fit``.

    Attributes:
        classes_: names of the classes; a list of such arrays where there are several outputs.
        mind_: the mind that has learned.
    """

    def __init__(
        self,
        hidden: Any = (32,),
        learner: str = "klopf",
        *,
        passes: int = 5,
        shuffle: bool = True,
        random_state: Any = 0,
        options: dict[str, Any] | None = None,
        class_weight: Any = None,
    ) -> None:
        super().__init__(hidden, learner, passes=passes, shuffle=shuffle, random_state=random_state, options=options)
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _new_targets(self, y: Any) -> Classes | Groups:
        check_classification_targets(y)
        return Groups() if type_of_target(y).startswith("multi") and y.ndim == 2 else Classes()

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Learn some more rows, in the order in which they stand.

        Args:
            classes: the names of all classes, at the first call; then another one is refused. Without it classes may
                appear at any time. (For one output.)
        """
        if isinstance(self.class_weight, str):
            raise ValueError("class_weight='balanced' needs all rows at once; give partial_fit a dict of weights")
        if classes is not None:
            names = np.unique(classes)
            if not hasattr(self, "_targets_"):
                self._declared_ = names
            elif not np.array_equal(names, getattr(self, "_declared_", names)):
                raise ValueError("classes are not those of the first call of partial_fit; leave them out after it")
        return self._partial_fit(X, y, sample_weight)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Learn a table anew; see the regressor's."""
        self.__dict__.pop("_declared_", None)
        return super().fit(X, y, sample_weight)

    fit.__doc__ = _MindEstimator.fit.__doc__

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = super()._checked(X, y, reset)
        check_classification_targets(y)
        declared = getattr(self, "_declared_", None)
        if declared is not None and not np.isin(y, declared).all():
            raise ValueError(f"y has classes that were not declared: those of the first call are {declared.tolist()}")
        return X, y

    def _weighed(self, X: Any, y: Any, sample_weight: Any) -> NDArray[np.float64]:
        weights = super()._weighed(X, y, sample_weight)
        if self.class_weight is None:
            return weights
        each: NDArray[np.float64] = compute_sample_weight(self.class_weight, y)
        if not (np.isfinite(each) & (each >= 0)).all():
            raise ValueError("class_weight holds a weight that is negative or not finite; give numbers from 0")
        return weights * each

    def _after(self) -> None:
        if getattr(self, "_declared_", None) is not None:
            self._targets_.see(self._declared_, None)
            if self._targets_.outputs > self.mind_.outputs:
                self._mind_ = self.mind_.widened(self.mind_.sensors, roomy(self._targets_.outputs))
        self.classes_ = self._targets_.classes

    def predict_proba(self, X: Any) -> Any:
        """Probability of each class, ``(n, classes)`` in the order of ``classes_``; a list of such arrays where there
        are several outputs."""
        out = self._predicted(X)
        return self._targets_.probabilities(out)

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row, ``(n,)``; ``(n, outputs)`` where there are several outputs."""
        p = self.predict_proba(X)
        return self._targets_.decoded(p)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows that are right; of several outputs, all of them."""
        if not isinstance(getattr(self, "_targets_", None), Groups):
            return float(super().score(X, y, sample_weight))
        right = (np.asarray(self.predict(X)) == np.asarray(y.toarray() if hasattr(y, "toarray") else y)).all(1)
        return float(np.average(right, weights=sample_weight))


class MindRegressor(RegressorMixin, _MindEstimator):  # type: ignore[misc, unused-ignore]
    """A mind that predicts a number, or several; arguments as for :class:`MindClassifier`, but for ``class_weight``.

    Targets are shifted and scaled inside, so that their unit does not matter, and as that may change where
    ``partial_fit`` is given a stream.

    Args:
        intervals: whether :meth:`predict_interval` is to work. ``fit`` then learns five more minds, each from four
            fifths of the rows, whose errors on the rest say how wide intervals are; ``partial_fit`` goes by the errors
            that were made before each row was learned.
    """

    _scales = True

    def __init__(
        self,
        hidden: Any = (32,),
        learner: str = "klopf",
        *,
        passes: int = 5,
        shuffle: bool = True,
        random_state: Any = 0,
        options: dict[str, Any] | None = None,
        intervals: bool = False,
    ) -> None:
        super().__init__(hidden, learner, passes=passes, shuffle=shuffle, random_state=random_state, options=options)
        self.intervals = intervals

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Learn a table anew; see the classifier's."""
        self.__dict__.pop("_intervals_", None)
        super().fit(X, y, sample_weight)
        if self.intervals:
            self._learn_errors(X, y, sample_weight)
        return self

    fit.__doc__ = _MindEstimator.fit.__doc__

    def _learn_errors(self, X: Any, y: Any, sample_weight: Any) -> None:
        """What is wrong of each row where it was not learned from."""
        X, y = self._checked(X, y, reset=False)
        weights = self._weighed(X, y, sample_weight)
        mixed = np.random.default_rng(self._seed_).permutation(X.shape[0])
        folds = np.array_split(mixed, min(_FOLDS, len(mixed)))
        predicted = np.zeros((len(mixed), self._targets_.outputs))
        for fold in folds if len(folds) > 1 else ():
            others = np.setdiff1d(mixed, fold)
            apart = clone(self).set_params(intervals=False)
            if weights[others].any():
                predicted[fold] = (
                    apart.fit(X[others], y[others], weights[others]).predict(X[fold]).reshape(len(fold), -1)
                )
        kept = mixed[weights[mixed] > 0]
        for rows in blocks(kept, X.shape[1]):
            self._take_errors(dense(X, rows), y[rows], predicted[rows])
        some = kept[: 1 << 12]  # enough to know the quantiles by
        errors = np.reshape(y[some], (len(some), -1)) - predicted[some]
        for k, each in enumerate(self._intervals_):
            each.settle(dense(X, some), predicted[some, k], errors[:, k])

    def _came(self, X: Any, y: Any, out: NDArray[Any]) -> None:
        if self.intervals and getattr(self, "_streams_", False):
            self._take_errors(X, y, self._targets_.decoded(out))

    def _take_errors(self, X: Any, y: Any, predicted: Any) -> None:
        outputs = self._targets_.outputs
        if not hasattr(self, "_intervals_"):
            self._intervals_ = [Intervals() for _ in range(outputs)]
        predicted = np.reshape(predicted, (-1, outputs))
        errors = np.reshape(y, (-1, outputs)) - predicted
        for k, each in enumerate(self._intervals_):
            each.learn(X, predicted[:, k], errors[:, k])

    def predict_interval(self, X: Any, level: float = 0.9) -> NDArray[np.float64]:
        """Bounds that hold each target with probability ``level`` (from .05 to .995), and miss it as often above as
        below: ``(n, 2)``, or ``(n, outputs, 2)`` as ``y`` was.

        Raises:
            MindError: ``intervals`` was not set, or ``level`` is none that can be promised.
        """
        checked_level(level)
        said = self.predict(X)
        if not hasattr(self, "_intervals_"):
            raise MindError("nothing is known of errors: set intervals=True before fit or partial_fit")
        X = self._looked_at(X)
        predicted = said.reshape(X.shape[0], -1)
        bounds = np.empty((*predicted.shape, 2))
        for rows in blocks(np.arange(X.shape[0]), X.shape[1]):
            part = dense(X, slice(rows[0], rows[-1] + 1))
            for k, each in enumerate(self._intervals_):
                bounds[rows, k] = each.bounds(level, part, predicted[rows, k])
        return bounds[:, 0] if said.ndim == 1 else bounds

    def _new_targets(self, y: Any) -> Numbers:
        inside = bool((self.options or {}).get("scale_targets", True))
        return Numbers(1 if y.ndim == 1 else y.shape[1], y.ndim == 1, inside)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Learn some more rows, in the order in which they stand."""
        self._streams_ = True
        try:
            return self._partial_fit(X, y, sample_weight)
        finally:
            self._streams_ = False

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The predicted numbers, ``(n,)`` or ``(n, outputs)`` as ``y`` was."""
        out = self._predicted(X)
        numbers: NDArray[np.float64] = self._targets_.decoded(out)
        return numbers
