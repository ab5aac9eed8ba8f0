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

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.extras import require as _require
from klopf.mind import diagnostics
from klopf.mind._checked import checked_options
from klopf.mind._given import classes_given, numbers_given, rows_given
from klopf.mind._importance import importances
from klopf.mind._intervals import Intervals, checked_level, learn_errors
from klopf.mind._labels import Classes, Groups, Numbers
from klopf.mind._mind import Mind
from klopf.mind._rows import blocks, dense, keys, roomy, visits
from klopf.mind._stage import Stage
from klopf.mind._staged import stage_given
from klopf.mind._turns import Turns

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
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

__all__ = ["MindClassifier", "MindRegressor"]

_FOLDS = 5
"""Of whose rows none helps to predict its own, where intervals are learned from a table."""


class _Learned(NamedTuple):
    """What was learned at one moment; it is replaced as a whole, so that other threads may predict meanwhile."""

    mind: Any
    targets: Any
    seed: int


class _MindEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """What classifier and regressor share: rows of a table go through one mind, one after another."""

    _scales = False
    """Whether the mind is to scale its targets."""
    stage: Stage | None

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
        """Whether NaN is what is missing: where inputs are normalised, unless ``options`` or a stage forbid."""
        return self.stage is None and bool(checked_options(self.options).get("normalise_inputs", True))

    @property
    def _ordered(self) -> bool:
        """Whether rows follow each other, so that they are learned in their order and each once a pass."""
        return getattr(stage_given(self.stage), "ordered", False)

    def _looked_at(self, X: Any) -> Any:
        """Rows to predict, checked."""
        check_is_fitted(self)
        return rows_given(self, X, gaps=self._gaps, reset=False)

    def _turn(self, of: str) -> Turns:
        """The lock ``of`` who "learns", one after another, or of who is with the intervals."""
        turns: Turns = self.__dict__.setdefault(f"_{of}_", Turns())
        return turns

    def __getstate__(self) -> dict[str, Any]:
        """Of one moment, as others may learn meanwhile."""
        with self.__dict__.get("_spread_") or Turns():
            state = {k: v for k, v in super().__getstate__().items() if k not in ("_learns_", "_spread_")}
            return copy.deepcopy(state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Also of a time when mind, targets, seed and declared classes were kept apart."""
        if "_targets_" in state:
            targets = state.pop("_targets_")
            targets.declared = state.pop("_declared_", None)
            state["_learned_"] = _Learned(state.pop("_mind_"), targets, state.pop("_seed_"))
            state.pop("classes_", None)
        super().__setstate__(state)

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
        passes = self.passes
        if isinstance(passes, bool) or not isinstance(passes, int | np.integer) or passes < 1:
            raise MindError(f"passes={passes!r} must be a whole number from 1")
        with self._turn("learns"):
            X, y = self._checked(X, y, reset=True)
            targets = self._new_targets(y)
            targets.check(y)
            weights = self._weighed(X, sample_weight)
            by_class = self._class_weights(targets, y, weights)
            (often, each), (more, of_each) = self._visits(weights), self._visits(by_class)
            often, each = often * more, each * of_each
            shuffle, rng = self.shuffle and not self._ordered, check_random_state(self.random_state)
            seed = int(rng.randint(2**31 - 1)) if self.random_state is None else self._as_seed(rng)
            order = np.arange(X.shape[0])
            if shuffle:
                mixed = keys(X) ^ (keys(targets.table(y)) * np.uint64(3))
                order = np.lexsort((each, mixed))
            order = order.repeat(often[order])
            targets.see(y, order[each[order] > 0])
            shuffled, learned = np.random.default_rng(seed), _Learned(None, targets, seed)
            for _ in range(passes):
                learned = self._learn(learned, X, y, shuffled.permutation(order) if shuffle else order, each)
            self._after(learned, X, y, weights * by_class)
            self._learned_ = learned
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        with self._turn("learns"):
            before: _Learned | None = getattr(self, "_learned_", None)
            X, y = self._checked(X, y, reset=before is None)
            if before is None:
                learned = _Learned(None, self._new_targets(y), self._as_seed(check_random_state(self.random_state)))
            else:
                learned = before._replace(targets=copy.copy(before.targets))
            targets = learned.targets
            if classes is not None:
                targets.declare(classes)
            targets.check(y)
            weights = self._weighed(X, sample_weight)
            often, each = self._visits(self._class_weights(targets, y, weights))
            order, weights = np.arange(X.shape[0]).repeat(often), weights * each
            targets.see(y, order[weights[order] > 0])
            learned = self._learn(learned, X, y, order, weights, True)
            if isinstance(targets, Classes) and targets.declared is not None:
                targets.see(targets.declared, None)
                learned = _fitting(learned)
            self._learned_ = learned
        return self

    def _visits(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """How often each row is learned, and how heavy; once where it is a moment."""
        return (np.ones(len(weights), np.int64), weights) if self._ordered else visits(weights)

    def _class_weights(self, targets: Any, y: Any, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much each row counts for its class, ``(n,)``."""
        return np.ones(len(weights))

    def _weighed(self, X: Any, sample_weight: Any) -> NDArray[np.float64]:
        """How much each row counts, ``(n,)``."""
        weights: NDArray[np.float64] = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        return weights

    def _as_seed(self, rng: Any) -> int:
        whole = isinstance(self.random_state, int | np.integer)
        return int(self.random_state) if whole else int(rng.randint(2**31 - 1))

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        numeric = isinstance(self, MindRegressor)
        y = numbers_given(y) if numeric else classes_given(y)
        X, y = rows_given(self, X, y, gaps=self._gaps, reset=reset, multi_output=True, y_numeric=numeric)
        y = y.toarray() if hasattr(y, "toarray") else y
        return X, y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y

    def _learn(
        self, learned: _Learned, X: Any, y: Any, order: Any, weights: NDArray[np.float64], streams: bool = False
    ) -> _Learned:
        """The rows in that order, each as heavy as ``weights`` says of it; ``streams``: they come once."""
        targets = learned.targets
        if learned.mind is None:
            hidden = tuple(self.hidden) if isinstance(self.hidden, Iterable) else (self.hidden,)
            stage = stage_given(self.stage)
            usual = {"normalise_inputs": not (stage and stage.scaled), "scale_targets": self._scales}
            mind = Mind(
                stage or X.shape[1], targets.outputs, hidden, self.learner, targets.output, learned.seed,
                **{**usual, **checked_options(self.options)},
            )  # fmt: skip
            learned = learned._replace(mind=mind)
        learned = _fitting(learned)
        for rows in blocks(order, X.shape[1]):
            part = dense(X, rows)
            _, out, _ = learned.mind._learn(part, targets.coded(y[rows]), weights[rows])
            if streams:
                self._came(targets, part, y[rows], out)
        return learned

    def _came(self, targets: Any, X: Any, y: Any, out: NDArray[Any]) -> None:
        """Those rows of a stream were learned; ``out`` is what the mind said of each before."""

    def _after(self, learned: _Learned, X: Any, y: Any, weights: NDArray[np.float64]) -> None:
        """What else there is to learn of a table."""

    # --- predicting ---------------------------------------------------------------------------------------------------

    def _predicted(self, X: Any) -> tuple[NDArray[np.float64], Any]:
        """What the mind says of each row, ``(n, outputs)``, and of what."""
        X = self._looked_at(X)
        mind, targets, _ = self._learned_
        out = np.empty((X.shape[0], mind.outputs))
        for rows in self._parts(X):
            out[rows] = mind.predict_proba(dense(X, slice(rows[0], rows[-1] + 1)))
        return out, targets

    def transform(self, X: Any) -> NDArray[np.float64]:
        """What the last hidden layer says of each row, ``(n, units)``: features that were learned. Without hidden
        units, the inputs themselves. ``set_output(transform="pandas")`` (or ``"polars"``) makes a frame of it."""
        X = self._looked_at(X)
        mind: Any = self._learned_.mind
        out = np.empty((X.shape[0], self._n_features_out))
        for rows in self._parts(X):
            part = dense(X, slice(rows[0], rows[-1] + 1))
            out[rows] = diagnostics.activities(mind, part)[-1] if mind.hidden else part
        return out

    def _parts(self, X: Any) -> Iterable[NDArray[np.int64]]:
        """Rows that are predicted together: all, where each follows the one before it."""
        every = np.arange(X.shape[0])
        return [every] if self._ordered else blocks(every, X.shape[1])

    @property
    def _n_features_out(self) -> int:
        mind: Any = self._learned_.mind
        if not mind.hidden:
            return int(mind.sensors)
        return int(mind.units[-1] * (2 if mind.settings.activation == "crelu" else 1))

    @property
    def mind_(self) -> Mind:
        """The mind that has learned; ``mind_.save(path)`` keeps it."""
        check_is_fitted(self)
        return self._learned_.mind  # type: ignore[no-any-return]

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """How much each feature matters to what is predicted, ``(features,)``; they sum to 1.

        It is the mean square of what changes where that feature alone is drawn anew, of independent normal features
        with the means and deviations that were seen; computed at each call. Behind a stage there is none.
        """
        if self.stage is not None:
            raise AttributeError(f"behind {self.stage} no single input matters by itself; ask a mind without a stage")
        return importances(self.mind_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learned_")


def _fitting(learned: _Learned) -> _Learned:
    """With a mind that has an output for each of the targets': another one where it had not."""
    mind, outputs = learned.mind, learned.targets.outputs
    return learned if outputs <= mind.outputs else learned._replace(mind=mind.widened(mind.sensors, roomy(outputs)))


class MindClassifier(ClassifierMixin, _MindEstimator):  # type: ignore[misc, unused-ignore]
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
        self, hidden: Any = (32,), learner: str = "klopf", *, passes: int = 5, shuffle: bool = True,
        random_state: Any = 0, options: dict[str, Any] | None = None, intervals: bool = False,
        stage: Stage | None = None,
    ) -> None:  # fmt: skip
        super().__init__(hidden, learner, passes=passes, shuffle=shuffle, random_state=random_state, options=options)
        self.stage = stage
        self.intervals = intervals

    def _after(self, learned: _Learned, X: Any, y: Any, weights: NDArray[np.float64]) -> None:
        found = self._errors_of(learned, X, y, weights) if self.intervals else None
        with self._turn("spread"):
            self.__dict__.pop("_intervals_", None)
            if found is not None:
                self._intervals_ = found

    def _errors_of(self, learned: _Learned, X: Any, y: Any, weights: NDArray[np.float64]) -> list[Intervals]:
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
