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

from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.extras import require as _require
from klopf.mind._checked import checked_options
from klopf.mind._intervals import Intervals, checked_level, learn_errors
from klopf.mind._labels import Classes, Groups, Numbers
from klopf.mind._rows import blocks, dense
from klopf.mind._stage import Stage

_require("sklearn", "klopf.mind.sklearn")

from sklearn.base import ClassifierMixin, RegressorMixin, clone
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from klopf.mind._estimator import Learned, MindEstimator

__all__ = ["MindClassifier", "MindRegressor"]

_Learned = Learned  # by this name models are pickled that were learned before

_FOLDS = 5
"""Of whose rows none helps to predict its own, where intervals are learned from a table."""


class MindClassifier(ClassifierMixin, MindEstimator):  # type: ignore[misc, unused-ignore]
    """A mind that tells classes apart: of one output, of several, or any number of labels at once.

    Args:
        hidden: units in each hidden layer, or a number for one layer.
        learner: a name from ``klopf.mind.LEARNERS``.
        passes: how often ``fit`` goes through the table; ``partial_fit`` does once.
        shuffle: whether ``fit`` learns in another order each pass; False for a table that is a stream.
        random_state: seed of everything random; None for another one each time.
        options: fields of ``klopf.mind.Settings``. Inputs are normalised unless they say otherwise.
        stage: what a row is, and the features that the network hears in its place: ``klopf.mind.Images(28, 28)``. Rows
            of ``Sequences`` are learned and predicted in their order, whatever ``shuffle`` says.
        class_weight: how much the rows of each class count, beside their own weights: a dict by class (a list of such
            for several outputs), or "balanced" for as much as those of every other class together: of the table in
            ``fit``, of all that was seen so far in ``partial_fit``.

    Attributes:
        mind_: the mind that has learned.
    """

    def __init__(
        self, hidden: Any = (32,), learner: str = "klopf", *, passes: int = 5, shuffle: bool = True,
        random_state: Any = 0, options: dict[str, Any] | None = None, class_weight: Any = None,
        stage: Stage | None = None,
    ) -> None:  # fmt: skip
        super().__init__(hidden, learner, passes=passes, shuffle=shuffle, random_state=random_state, options=options)
        self.stage = stage
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
                appear at any time. Of several outputs, the names of each (a list), or those of all alike; without
                it the first call must show all.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = super()._checked(X, y, reset)
        check_classification_targets(y)
        return X, y

    def _class_weights(self, targets: Any, y: Any, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.class_weight is None:
            return np.ones(len(weights))
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            return targets.balanced(y, weights)  # type: ignore[no-any-return]
        each: NDArray[np.float64] = compute_sample_weight(self.class_weight, y)
        if not (np.isfinite(each) & (each >= 0)).all():
            raise ValueError("class_weight holds a weight that is negative or not finite; give numbers from 0")
        return each

    @property
    def classes_(self) -> Any:
        """Names of the classes, sorted; a list of such arrays where there are several outputs."""
        check_is_fitted(self)
        return self._learned_.targets.classes

    def predict_proba(self, X: Any) -> Any:
        """Probability of each class, ``(n, classes)`` in the order of ``classes_``; a list of such arrays where there
        are several outputs."""
        out, targets = self._predicted(X)
        return targets.probabilities(out)

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row, ``(n,)``; ``(n, outputs)`` where there are several outputs."""
        out, targets = self._predicted(X)
        return targets.decoded(targets.probabilities(out))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows that are right; of several outputs, all of them."""
        check_is_fitted(self)
        if not isinstance(self._learned_.targets, Groups):
            return float(super().score(X, y, sample_weight))
        right = (np.asarray(self.predict(X)) == np.asarray(y.toarray() if hasattr(y, "toarray") else y)).all(1)
        return float(np.average(right, weights=sample_weight))


class MindRegressor(RegressorMixin, MindEstimator):  # type: ignore[misc, unused-ignore]
    """A mind that predicts a number, or several; arguments as for :class:`MindClassifier`, but for ``class_weight``.

    Targets are shifted and scaled inside, so that their unit does not matter, and as that may change where
    ``partial_fit`` is given a stream.

    Args:
        intervals: whether :meth:`predict_interval` is to work. ``fit`` then learns five more minds, each from four
            fifths of the rows, whose errors on the rest say how wide intervals are; ``partial_fit`` goes by the errors
            that were made before each row was learned.
    """

    _numeric = True

    def __init__(
        self, hidden: Any = (32,), learner: str = "klopf", *, passes: int = 5, shuffle: bool = True,
        random_state: Any = 0, options: dict[str, Any] | None = None, intervals: bool = False,
        stage: Stage | None = None,
    ) -> None:  # fmt: skip
        super().__init__(hidden, learner, passes=passes, shuffle=shuffle, random_state=random_state, options=options)
        self.stage = stage
        self.intervals = intervals

    def _after(self, learned: Learned, X: Any, y: Any, weights: NDArray[np.float64]) -> None:
        found = self._errors_of(learned, X, y, weights) if self.intervals else None
        with self._turn("spread"):
            self.__dict__.pop("_intervals_", None)
            if found is not None:
                self._intervals_ = found

    def _errors_of(self, learned: Learned, X: Any, y: Any, weights: NDArray[np.float64]) -> list[Intervals]:
        """Intervals by what is wrong of each row where it was not learned from."""
        if self._ordered:  # no row can be left out: by what was wrong of each before it was learned
            return clone(self).partial_fit(X, y, weights)._intervals_  # type: ignore[no-any-return]
        outputs = learned.targets.outputs
        mixed = np.random.default_rng(learned.seed).permutation(X.shape[0])
        folds = np.array_split(mixed, min(_FOLDS, len(mixed)))
        predicted = np.zeros((len(mixed), outputs))
        for fold in folds if len(folds) > 1 else ():
            others = np.setdiff1d(mixed, fold)
            apart = clone(self).set_params(intervals=False)
            if weights[others].any():
                predicted[fold] = (
                    apart.fit(X[others], y[others], weights[others]).predict(X[fold]).reshape(len(fold), -1)
                )
        kept = mixed[weights[mixed] > 0]
        found = [Intervals() for _ in range(outputs)]
        for rows in blocks(kept, X.shape[1]):
            learn_errors(found, dense(X, rows), y[rows], predicted[rows])
        some = kept[: 1 << 12]  # enough to know the quantiles by
        errors = np.reshape(y[some], (len(some), -1)) - predicted[some]
        for k, each in enumerate(found):
            each.settle(dense(X, some), predicted[some, k], errors[:, k])
        return found

    def _came(self, targets: Any, X: Any, y: Any, out: NDArray[Any]) -> None:
        if self.intervals:
            with self._turn("spread"):
                if not hasattr(self, "_intervals_"):
                    self._intervals_ = [Intervals() for _ in range(targets.outputs)]
                learn_errors(self._intervals_, X, y, targets.decoded(out))

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
            with self._turn("spread"):
                for k, each in enumerate(self._intervals_):
                    bounds[rows, k] = each.bounds(level, part, predicted[rows, k])
        return bounds[:, 0] if said.ndim == 1 else bounds

    def _new_targets(self, y: Any) -> Numbers:
        inside = bool(checked_options(self.options).get("scale_targets", True))
        return Numbers(1 if y.ndim == 1 else y.shape[1], y.ndim == 1, inside)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Learn some more rows, in the order in which they stand."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The predicted numbers, ``(n,)`` or ``(n, outputs)`` as ``y`` was."""
        out, targets = self._predicted(X)
        return targets.decoded(out)  # type: ignore[no-any-return]
