"""What scikit-learn's classifier and regressor share: a table goes through one mind, one row after another.

What was learned is one value that is replaced as a whole, so that other threads may predict meanwhile.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from klopf.errors import MindError
from klopf.mind import diagnostics
from klopf.mind._checked import checked_options
from klopf.mind._given import classes_given, numbers_given, rows_given
from klopf.mind._importance import importances
from klopf.mind._labels import Classes
from klopf.mind._mind import Mind
from klopf.mind._rows import blocks, dense, keys, roomy, visits
from klopf.mind._stage import Stage
from klopf.mind._staged import stage_given
from klopf.mind._turns import Turns

__all__ = ["Learned", "MindEstimator"]


class Learned(NamedTuple):
    """What was learned at one moment; it is replaced as a whole, so that other threads may predict meanwhile."""

    mind: Any
    targets: Any
    seed: int


class MindEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """What classifier and regressor share: rows of a table go through one mind, one after another."""

    _numeric = False
    """Whether targets are numbers, which the mind is to scale."""
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
            state["_learned_"] = Learned(state.pop("_mind_"), targets, state.pop("_seed_"))
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
            shuffled, learned = np.random.default_rng(seed), Learned(None, targets, seed)
            for _ in range(passes):
                learned = self._learn(learned, X, y, shuffled.permutation(order) if shuffle else order, each)
            self._after(learned, X, y, weights * by_class)
            self._learned_ = learned
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        with self._turn("learns"):
            before: Learned | None = getattr(self, "_learned_", None)
            X, y = self._checked(X, y, reset=before is None)
            if before is None:
                learned = Learned(None, self._new_targets(y), self._as_seed(check_random_state(self.random_state)))
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
                learned = fitting(learned)
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
        numeric = self._numeric
        y = numbers_given(y) if numeric else classes_given(y)
        X, y = rows_given(self, X, y, gaps=self._gaps, reset=reset, multi_output=True, y_numeric=numeric)
        y = y.toarray() if hasattr(y, "toarray") else y
        return X, y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y

    def _learn(
        self, learned: Learned, X: Any, y: Any, order: Any, weights: NDArray[np.float64], streams: bool = False
    ) -> Learned:
        """The rows in that order, each as heavy as ``weights`` says of it; ``streams``: they come once."""
        targets = learned.targets
        if learned.mind is None:
            hidden = tuple(self.hidden) if isinstance(self.hidden, Iterable) else (self.hidden,)
            stage = stage_given(self.stage)
            usual = {"normalise_inputs": not (stage and stage.scaled), "scale_targets": self._numeric}
            mind = Mind(
                stage or X.shape[1], targets.outputs, hidden, self.learner, targets.output, learned.seed,
                **{**usual, **checked_options(self.options)},
            )  # fmt: skip
            learned = learned._replace(mind=mind)
        learned = fitting(learned)
        for rows in blocks(order, X.shape[1]):
            part = dense(X, rows)
            _, out, _ = learned.mind._learn(part, targets.coded(y[rows]), weights[rows])
            if streams:
                self._came(targets, part, y[rows], out)
        return learned

    def _came(self, targets: Any, X: Any, y: Any, out: NDArray[Any]) -> None:
        """Those rows of a stream were learned; ``out`` is what the mind said of each before."""

    def _after(self, learned: Learned, X: Any, y: Any, weights: NDArray[np.float64]) -> None:
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


def fitting(learned: Learned) -> Learned:
    """With a mind that has an output for each of the targets': another one where it had not."""
    mind, outputs = learned.mind, learned.targets.outputs
    return learned if outputs <= mind.outputs else learned._replace(mind=mind.widened(mind.sensors, roomy(outputs)))
