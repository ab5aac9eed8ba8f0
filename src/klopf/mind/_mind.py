"""A network of units that learns from a stream, one sample at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import Diverged, MindError
from klopf.mind import _divergence, _file
from klopf.mind._checked import checked_inputs, checked_targets, checked_weights, read
from klopf.mind._company import apart, learn_in, predict_in
from klopf.mind._direct import direct
from klopf.mind._memory import enough_room
from klopf.mind._outside import blame, learner_of
from klopf.mind._settings import LOSSES, checked_seed, settings_for
from klopf.mind._stage import Stage
from klopf.mind._staged import born_state, checked_stage, gains_of, heard, is_own, saved_stage, sensed, stage_of
from klopf.mind._tables import Tables
from klopf.mind._turns import Kept, Turns, in_turn, slices
from klopf.mind.kernels.parts import package_of
from klopf.mind.kernels.state import BIRTHS, LISTENING, OUTGOING, STEPS, UNITS, UNITS_AT

__all__ = ["Mind"]

APART = 64
"""From so many rows on, what predicts works on a copy of the weights, so that nobody waits for it. Copying them costs
less than one row does."""
_OWN = frozenset(
    ("seed", "sensors", "stage", "outputs", "hidden", "learner", "output", "settings",
     "_dtype", "_said", "_given", "_tables", "_net", "_turns", "_learner", "_predictor",
     "_unseen", "_lost")
)  # fmt: skip
"""Attributes that a learner's header and tables say all about."""


class Mind(Kept):
    """A multilayer network that learns one sample at a time, for ever, in bounded memory.

    Any number of threads may read it and learn by it at once: each call finds it between two learning steps.

    Args:
        sensors: how many numbers one input has; or what an input is: ``klopf.mind.Images(28, 28)``.
        outputs: how many numbers it predicts: classes, or targets.
        hidden: units in each hidden layer; empty for a linear learner.
        learner: a name from ``klopf.mind.LEARNERS``.
        output: "softmax" (classes, cross-entropy), "linear" (numbers, squared error) or "logistic"
            (independent yes/no outputs, logistic loss).
        seed: of everything random in this learner.
        dtype: "float32", or "float64" for checks.
        options: any field of ``klopf.mind.Settings``, in place of the learner's own.

    Raises:
        MindError: a size, name or option that makes no sense.

    >>> m = Mind(2, 1, hidden=(8,), output="linear", seed=1)
    >>> m.predict_one([1.0, 2.0]) == m.predict_one([1.0, 2.0])
    True
    """

    def __init__(
        self,
        sensors: int | Stage,
        outputs: int,
        hidden: Sequence[int] = (64,),
        learner: str = "klopf",
        output: str = "softmax",
        seed: int = 0,
        dtype: str = "float32",
        **options: Any,
    ) -> None:
        try:
            stage = checked_stage(sensors) if isinstance(sensors, Stage) else None
            inputs: Any = stage.features if stage else sensors
            sizes = (inputs, *hidden, outputs)
        except TypeError as error:
            raise MindError(f"hidden={hidden!r} must be a sequence of sizes, such as (64,)") from error
        if any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in sizes):
            raise MindError(f"sensors, hidden units and outputs must be whole numbers from 1, not {sizes}")
        if output not in LOSSES:
            raise MindError(f"output={output!r} is not one of {', '.join(LOSSES)}")
        if output == "softmax" and outputs < 2:
            raise MindError("a softmax needs at least 2 outputs; use output='logistic' for one yes/no output")
        if dtype not in ("float32", "float64"):
            raise MindError(f"dtype={dtype!r} is not float32 or float64")
        self.seed = checked_seed(seed)
        self.stage = stage
        """What an input is, and the features that the network hears in its place; None where it hears the sensors."""
        self.sensors = stage.sensors if stage else int(inputs)
        self.outputs = int(outputs)
        self.hidden = () if learner == "linear" else tuple(int(n) for n in hidden)
        self.learner = learner
        self.output = output
        self._dtype: Any = np.dtype(dtype)
        try:
            self.settings = settings_for(learner, **options)
            with enough_room(f"a learner of {'-'.join(map(str, (inputs, *self.hidden, outputs)))} units"):
                self._tables = Tables(self.settings, (sizes[0], *self.hidden, self.outputs), output, self._dtype)
        except Exception as error:
            blame(error, options.get("rule", "sgd"), options.get("life", "none"))
            raise
        with enough_room("the first weights"):
            self._tables.draw(self.seed)
        if stage:
            self._tables.staged = born_state(stage, self.seed, self._dtype)
            self._tables.hear(gains_of(stage))
        self._ready()

    def _ready(self) -> None:
        self._net = self._tables.net
        self._turns = Turns()
        self._learner: Any = None
        self._predictor: Any = None
        self._unseen = 0  # samples since all weights were looked at
        self._lost = ""  # what is said of it if it has diverged
        # inputs are scaled before they are cut to 32 bits: of one that is far from 0 those might leave nothing
        own = self.stage is None and self._tables.plan.normalise_inputs
        self._given: Any = np.dtype(np.float64) if own else self._dtype
        self._said: Any = np.dtype(np.float64) if self._tables.plan.scale_targets else self._dtype

    # --- state ----------------------------------------------------------------------------------------------------

    def _header(self) -> dict[str, Any]:
        return {
            "sensors": self.sensors,
            "outputs": self.outputs,
            "hidden": list(self.hidden),
            "learner": self.learner,
            "output": self.output,
            "seed": self.seed,
            "dtype": str(self._dtype),
            "settings": self.settings.as_dict(),
            **({"stage": saved_stage(self.stage)} if self.stage else {}),
            **self._strangers(),
        }

    def _strangers(self) -> dict[str, Any]:
        """Packages whose rule or life this learner lives by, so that one who lacks them can be told."""
        names = (self.settings.rule, self.settings.life)
        others = {name: package_of(name) for name in names if package_of(name) != "klopf"}
        return {"packages": others} if others else {}

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copies: one moment. (The tables overlap in memory, which a plain copy would undo.)"""
        with self._turns:
            arrays = {name: array.copy() for name, array in self._tables.arrays().items()}
            more = {name: value for name, value in self.__dict__.items() if name not in _OWN}  # hung on by its user
            made = self._header()
            if self.stage and not is_own(self.stage):
                made["stage"] = self.stage  # whoever unpickles it has its package imported
            return {"made": made, "arrays": arrays, "more": more}

    def __setstate__(self, state: dict[str, Any]) -> None:
        made = {name: value for name, value in state["made"].items() if name not in ("packages", "settings", "stage")}
        stage = state["made"].get("stage")
        if stage:
            made["sensors"] = stage if isinstance(stage, Stage) else stage_of(stage)
        Mind.__init__(self, **made, **_file.of_before(state["made"]["settings"]))
        _file.migrate(state["arrays"], self._tables.arrays())
        self._fill(state["arrays"])
        self.__dict__.update(state["more"])

    def held(self) -> Turns:
        """For ``with``: nobody else learns by it or reads it, so that several reads are of one moment.

        >>> m = Mind(2, 2)
        >>> with m.held():
        ...     steps, weights = m.steps, [m.weights(0), m.weights(1)]
        """
        return self._turns

    @in_turn
    def weights(self, layer: int, quantity: str = "weight") -> NDArray[Any]:
        """A copy of one layer's weights: shape ``(inputs + 1, units)``, the last row the biases; layer 0 is the first.

        ``quantity`` names another row of the weight table, such as "variance" or "step-size".
        """
        if quantity == "variance" and self.settings.rule == "kalman":
            return self._tables.variances(layer)[:, : self._net.layers[layer, UNITS]].copy()
        names = [q.name for q in self._tables.layout.weights]
        if quantity not in names:
            raise MindError(f"this learner keeps no {quantity!r} per weight; it keeps {', '.join(names)}")
        row: NDArray[Any] = self._tables.live(layer)[names.index(quantity)].copy()
        return row

    # --- learning and predicting -------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Load or compile the code that this learner needs; otherwise done when it first learns and predicts."""
        kind = Mind(
            self.stage or self.sensors, self.outputs, self.hidden, self.learner, self.output, self.seed,
            str(self._dtype), **self.settings.as_dict(),
        )  # fmt: skip
        kind.learn(
            np.zeros((1, self.sensors)), np.zeros(1, int) if self.output == "softmax" else np.zeros((1, self.outputs))
        )
        kind.predict_proba(np.zeros((1, self.sensors)))

    def learn(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> NDArray[Any]:
        """Learn from a whole stream, row by row, in one compiled call.

        Args:
            X: inputs, shape ``(n, sensors)``.
            y: class numbers ``(n,)``, or targets ``(n,)`` or ``(n, outputs)``.
            sample_weight: how much each row counts, ``(n,)``, 1 for all by default: the loss is multiplied by it, and
                with covariances that is an observation whose noise has its variance divided by it. 2 is about as good
                as the row twice; a row of weight 0 is predicted, and nothing learned from it.

        Returns:
            Errors of the predictions made before each row was learned, shape ``(n,)``: 1 for a wrong class and 0 for a
            right one, the number of wrong yes/no outputs, or the squared error summed over outputs.

        Raises:
            MindError: anything in ``X`` or ``y`` that cannot be learned from; the learner is then as it was.
            Diverged: its numbers are no longer finite. It says nothing and learns nothing from then on.
        """
        return self._learn(X, y, sample_weight)[0]

    def _learn(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, unknown: bool = False
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The same; returns the predictions and the mean squared errors that were expected of them too. With
        ``unknown``, and scaled targets or yes and no, one that is NaN is not known: nothing is learned of it."""
        x = checked_inputs(X, self.sensors, self._given, self._tables.gaps, self.stage is not None)
        if not len(x):
            raise MindError("the stream is empty; there is nothing to learn from")
        targets = checked_targets(y, len(x), self.outputs, self.output, self._said, unknown)
        return self._learn_checked(x, targets, checked_weights(sample_weight, len(x), self._dtype))

    def _learn_checked(
        self, x: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The same of what was checked already, and lies as kernels take it."""
        errors, expected = np.empty(len(x), self._dtype), np.empty(len(x), self._dtype)
        out = np.empty((len(x), self.outputs), self._said)
        lock = self._turns.lock
        try:
            learn = self._learner or self._load(x, targets, weights, errors, out, expected)
            lock.acquire()  # less than half the time of a ``with``
            try:
                net, work, company, stage = self._net, self._tables.work, self._tables.company, self.stage
                scaled = company is not None and self._tables.plan.scale_targets
                if self._lost:
                    raise Diverged(self._lost)
                if len(x) == 1:
                    if stage is not None:
                        x = heard(stage, self._tables.staged, x, weights)
                    scale = net.T.copy() if scaled else None
                    learn(net, work, x, targets, weights, errors, out, expected)
                    self._unseen += 1
                    if not isfinite(errors.item(0) + out.item(0)) or self._unseen >= _divergence.EVERY:
                        self._look(errors, out)
                    if company is not None:
                        x = x if x.dtype is self._dtype else x.astype(self._dtype)
                        learn_in(
                            company, self._tables.asked, x, targets, weights, out, errors, scale, self.settings.horizon
                        )
                else:
                    cost = net.P.size + net.K.size + self._tables.company_cost + (stage.cost if stage else 0)
                    for part in slices(self._turns, len(x), cost):
                        made = heard(stage, self._tables.staged, x[part], weights[part]) if stage else x[part]
                        scale = net.T.copy() if scaled else None
                        learn(net, work, made, targets[part], weights[part], errors[part], out[part], expected[part])
                        self._unseen += part.stop - part.start
                        self._look(errors[part], out[part])
                        if company is not None:
                            learn_in(
                                company, self._tables.asked, made.astype(self._dtype, copy=False), targets[part],
                                weights[part], out[part], errors[part], scale, self.settings.horizon,
                            )  # fmt: skip
            finally:
                lock.release()
        except Exception as error:
            blame(error, self.settings.rule, self.settings.life)
            raise
        return errors, out, expected

    def _look(self, errors: NDArray[Any], out: NDArray[Any]) -> None:
        """Whether these rows, just learned, and now and then all weights, are finite.

        Raises:
            Diverged: they are not.
        """
        row = _divergence.first_lost(errors, out)
        what, when = "", ""
        if row is not None:
            what, when = "what it predicts", f"at step {self.steps - len(errors) + row + 1}"
        elif self._unseen >= _divergence.EVERY:
            self._unseen = 0
            if not self.finite:
                what, when = "a weight", f"by step {self.steps}"
        if what:
            self._lost = _divergence.line(self.settings, self.output, what, when)
            raise Diverged(self._lost)

    def _load(self, *given: NDArray[Any]) -> Any:
        self._learner = direct(learner_of(self._tables.plan), self._net, self._tables.work, *given)
        return self._learner

    def learn_one(self, x: ArrayLike, y: Any, sample_weight: float = 1.0) -> Mind:
        """Learn from one sample: ``x`` of shape ``(sensors,)``, ``y`` a class number or target(s). Returns itself."""
        weight = None if sample_weight == 1.0 else read(sample_weight, "sample's weight")[None]
        self._learn(self._one(x), read(y, "target")[None], weight)
        return self

    def _one(self, x: ArrayLike) -> NDArray[Any]:
        row = x if isinstance(x, np.ndarray) else read(x, "input")
        if row.shape != (self.sensors,):
            raise MindError(
                f"one input must have the shape ({self.sensors},), not {row.shape}; this learner has "
                f"{self.sensors} sensors"
            )
        return row[None]

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Probabilities of classes, or the predicted numbers, for every row of ``X``; shape ``(n, outputs)``."""
        return self._predict_checked(
            checked_inputs(X, self.sensors, self._given, self._tables.gaps, self.stage is not None)
        )

    def _predict_checked(self, x: NDArray[Any]) -> NDArray[Any]:
        """The same of rows that were checked already, and lie as kernels take them."""
        out = np.empty((len(x), self.outputs), self._said)
        predict = self._predictor or self._load_predictor(x, out)
        company, lock, stage = self._tables.company, self._turns.lock, self.stage
        lock.acquire()
        try:
            if self._lost:
                raise Diverged(self._lost)
            if len(x) < APART:
                if stage is not None:
                    x = sensed(stage, self._tables.staged, x)
                predict(self._net, self._tables.work, x, out)
                if company is not None:
                    scale = self._net.T if self._tables.plan.scale_targets else None
                    predict_in(company, self._tables.asked, x if x.dtype is self._dtype else x.astype(self._dtype), out,
                               scale)  # fmt: skip
                return out
            net, work = self._tables.apart()
            company, asked = apart(company), self._tables.asked.copy()
            staged = {name: array.copy() for name, array in self._tables.staged.items()}
        finally:
            lock.release()
        if stage is not None:
            x = sensed(stage, staged, x)
        predict(net, work, x, out)
        if company is not None:
            scale = net.T if self._tables.plan.scale_targets else None
            predict_in(company, asked, x.astype(self._dtype, copy=False), out, scale)
        return out

    def _load_predictor(self, *given: NDArray[Any]) -> Any:
        from klopf.mind.kernels.learn import build_predict  # compiled code is loaded late: importing stays quick

        kernel = build_predict(self._tables.plan.for_prediction())
        self._predictor = direct(kernel, self._net, self._tables.work, *given)
        return self._predictor

    def predict_proba_one(self, x: ArrayLike) -> NDArray[Any]:
        """The same for one input of shape ``(sensors,)``; shape ``(outputs,)``."""
        out: NDArray[Any] = self.predict_proba(self._one(x))[0]
        return out

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The likeliest class of every row, shape ``(n,)``; for other outputs the numbers, ``(n, outputs)``."""
        out = self.predict_proba(X)
        return out.argmax(1) if self.output == "softmax" else out

    def predict_one(self, x: ArrayLike) -> Any:
        """The likeliest class of one input; for one numeric output a float, for several an array."""
        out = self.predict_proba_one(x)
        if self.output == "softmax":
            return int(out.argmax())
        return float(out[0]) if self.outputs == 1 else out

    # --- what it is like now ------------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """Samples learned since birth."""
        return int(self._net.G[STEPS])

    @property
    def finite(self) -> bool:
        """Whether every weight is a finite number; once not, it has diverged and must begin anew."""
        return bool(np.isfinite(self._net.W).all())

    @property
    def births(self) -> int:
        """Units born since: replaced or grown."""
        return int(self._net.G[BIRTHS])

    @property
    def units(self) -> tuple[int, ...]:
        """Live units in each hidden layer; with growth they start from 0."""
        return tuple(int(n) for n in self._net.layers[:-1, UNITS])

    @in_turn
    def sensor_statistics(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Copies of the sensors' running mean and variance, ``(sensors,)`` each; 0 and 1 where they are not kept. Of an
        input stage's features, where there is one."""
        return self._net.S[0].copy(), self._net.S[1].copy()

    @in_turn
    def record(self, quantity: str) -> list[NDArray[Any]]:
        """One quantity of every live unit, a copy by hidden layer: "age", "utility", "active", "movement" and so on."""
        names = [q.name for q in self._tables.layout.units]
        if quantity not in names:
            raise MindError(f"a unit has no {quantity!r}; it has {', '.join(names)}")
        row = self._net.U[names.index(quantity)]
        return [row[g[UNITS_AT] : g[UNITS_AT] + g[UNITS]].copy() for g in self._net.layers[:-1].tolist()]

    @in_turn
    def forget_outputs(self) -> None:
        """Set the output units' weights and biases to zero, with everything kept per such weight at its birth value."""
        last = len(self.hidden)
        self._tables.rows(last)[:] = self._net.births[OUTGOING, :, None, None]
        self._tables.know_nothing(last)
        if self.hidden:
            layer = self._net.layers[-2].tolist()
            self._net.U[LISTENING, layer[UNITS_AT] : layer[UNITS_AT] + layer[UNITS]] = 0.0

    @in_turn
    def widened(self, sensors: int, outputs: int) -> Mind:
        """A learner with more sensors or outputs that goes on where this one is.

        It predicts what this one does while the new sensors are 0. What is new is as at birth, new outputs listen to
        nobody yet. Units that hear ``fan_in`` sensors already hear no new one until they are rewired or born again.

        Raises:
            MindError: fewer sensors or outputs than there are.
        """
        if self.stage and sensors != self.sensors:
            raise MindError(f"a mind with {self.stage} hears inputs of one shape only; give sensors={self.sensors}")
        if sensors < self.sensors or outputs < self.outputs:
            raise MindError(f"a mind with {self.sensors} sensors and {self.outputs} outputs cannot be made narrower")
        wide = Mind(
            self.stage or sensors, outputs, self.hidden, self.learner, self.output, self.seed, str(self._dtype),
            **self.settings.as_dict(),
        )  # fmt: skip
        wide._tables.take_over(self._tables)
        for name, array in self._tables.staged.items():
            wide._tables.staged[name][...] = array
        wide._lost = self._lost
        return wide

    # --- a life ------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole learner to ``path``, atomically. ``Mind.load`` goes on from it to the bit."""
        with self._turns:
            body = _file.pack(self._header(), self._tables.arrays())
        _file.write(path, body)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Mind:
        """The learner saved at ``path``.

        Raises:
            MindError: no such file, not a learner, another version, cut short, or altered.
        """
        header, arrays = _file.read(path)
        if "kind" in header:
            raise MindError(f"{path} is a saved {header['kind']}, not a Mind; load it with klopf.mind.rl")
        _file.refuse_strangers(path, header)
        try:
            self = cls(
                stage_of(header["stage"]) if "stage" in header else header["sensors"], header["outputs"],
                header["hidden"], header["learner"], header["output"], header["seed"], header["dtype"],
                **_file.of_before(header["settings"]),
            )  # fmt: skip
            own = self._tables.arrays()
            _file.migrate(arrays, own)
            if {k: (v.shape, v.dtype) for k, v in own.items()} != {k: (v.shape, v.dtype) for k, v in arrays.items()}:
                raise MindError(f"the saved learner {path} is laid out differently; load it with its own Klopf")
        except (KeyError, TypeError) as error:
            raise MindError(f"the saved learner {path} lacks {error}; restore it from a copy") from error
        self._fill(arrays)
        return self

    def _fill(self, arrays: dict[str, NDArray[Any]]) -> None:
        for name, array in self._tables.arrays().items():
            array[...] = arrays[name]
        if not self.finite:
            self._lost = _divergence.line(self.settings, self.output, "a weight", f"before step {self.steps + 1}")

    @in_turn
    def commitment(self) -> bytes:
        """SHA-256 of the complete learner, 32 bytes: equal for equal settings and state, different otherwise."""
        return hashlib.sha256(_file.pack(self._header(), self._tables.arrays())).digest()

    def __repr__(self) -> str:
        shape = "-".join(str(n) for n in (self.stage or self.sensors, *self.hidden, self.outputs))
        return f"Mind({shape}, learner={self.learner!r}, output={self.output!r}, seed={self.seed})"
