"""A network of units that learns from a stream, one sample at a time."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.mind import _file
from klopf.mind._layout import layout_for
from klopf.mind._settings import ACTIVATIONS, LIVES, LOSSES, RULES, UTILITIES, settings_for

__all__ = ["Mind"]


class Mind:
    """A multilayer network that learns one sample at a time, for ever, in bounded memory.

    Args:
        sensors: how many numbers one input has.
        outputs: how many numbers it predicts: classes, or targets.
        hidden: units in each hidden layer; empty for a linear learner.
        learner: a name from ``klopf.mind.LEARNERS``.
        output: "softmax" (classes, cross-entropy), "linear" (numbers, half the squared error) or "logistic"
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
        sensors: int,
        outputs: int,
        hidden: Sequence[int] = (64,),
        learner: str = "continual-backprop",
        output: str = "softmax",
        seed: int = 0,
        dtype: str = "float32",
        **options: Any,
    ) -> None:
        sizes = (sensors, *hidden, outputs)
        if any(not isinstance(n, int | np.integer) or n < 1 for n in sizes):
            raise MindError(f"sensors, hidden units and outputs must be whole numbers from 1, not {sizes}")
        if output not in LOSSES:
            raise MindError(f"output={output!r} is not one of {', '.join(LOSSES)}")
        if output == "softmax" and outputs < 2:
            raise MindError("a softmax needs at least 2 outputs; use output='logistic' for one yes/no output")
        if dtype not in ("float32", "float64"):
            raise MindError(f"dtype={dtype!r} is not float32 or float64")
        self.sensors = int(sensors)
        self.outputs = int(outputs)
        self.hidden = tuple(int(n) for n in hidden)
        self.learner = learner
        self.output = output
        self.seed = int(seed)
        self.settings = settings_for(learner, **options)
        self._dtype: Any = np.dtype(dtype)
        self._lay_out()
        self._draw()

    # --- state -------------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Geometry, work arrays and hyperparameters: all that follows from the arguments alone."""
        s = self.settings
        fold = 2 if s.activation == "crelu" else 1
        sizes = (self.sensors, *self.hidden, self.outputs)
        geo = np.zeros((len(sizes) - 1, 8), np.int64)
        weights = inputs_at = units_at = unit = 0
        for l in range(len(sizes) - 1):
            rows = sizes[l] * (fold if l else 1)
            stride = -(-sizes[l + 1] // 8) * 8
            geo[l] = (rows, sizes[l + 1], stride, weights, inputs_at, units_at, unit, rows)
            weights += (rows + 1) * stride
            inputs_at += rows + 1
            units_at += stride
            unit += sizes[l + 1]
        self._geo = geo
        self._small = bool((geo[:, 2] == 8).all())
        self._weights = weights
        self._units = sum(self.hidden)
        self._A = np.zeros(inputs_at, self._dtype)
        self._Z = np.zeros(units_at, self._dtype)
        self._D = np.zeros(units_at, self._dtype)
        self._C = np.zeros(units_at, self._dtype)
        self._idx = np.zeros(inputs_at, np.int64)
        self._cnt = np.zeros(len(sizes) - 1, np.int64)
        self._layout = layout_for(s.rule, s.step_size)
        self._births = (
            np.array([q.birth for q in self._layout.weights], self._dtype),
            np.array([q.outgoing for q in self._layout.weights], self._dtype),
            np.array([q.birth for q in self._layout.units], self._dtype),
        )
        order = (
            s.step_size, s.meta_step_size, s.tau, s.beta1, s.beta2, s.epsilon, s.kappa, s.leak,
            s.replacement_rate, s.maturity, s.utility_decay, s.active_decay, s.gain,
        )  # fmt: skip
        self._hyp = np.array(order, self._dtype)

    def _draw(self) -> None:
        """Everything that is learned, as it is at birth."""
        rng = np.random.default_rng(self.seed)
        self._P = np.zeros((len(self._layout.weights), self._weights), self._dtype)
        self._U = np.zeros((len(self._layout.units), max(self._units, 1)), self._dtype)
        self._P[1:] = self._births[0][1:, None]
        self._U[:] = self._births[2][:, None]
        last = len(self._geo) - 1
        for l, (rows, units, stride, at, *_) in enumerate(self._geo.tolist()):
            gain = 1.0 if l == last else self.settings.gain
            bound = gain * math.sqrt(3.0 / rows)
            block = self._P[0, at : at + rows * stride].reshape(rows, stride)
            block[:, :units] = rng.uniform(-bound, bound, (rows, units))
            if l < last:
                at_unit = int(self._geo[l, 6])
                self._U[7, at_unit : at_unit + units] = np.abs(block[:, :units]).mean(0)
        for l in range(last):
            fold = 2 if self.settings.activation == "crelu" else 1
            rows, _, stride, at = self._geo[l + 1, :4].tolist()
            loud = np.abs(self._P[0, at : at + rows * stride].reshape(rows, stride)).sum(1)
            at_unit = int(self._geo[l, 6])
            self._U[6, at_unit : at_unit + self.hidden[l]] = loud.reshape(-1, fold).sum(1)
        self._G = np.zeros(4, np.float64)
        self._rng = rng.integers(0, 2**64, 1, dtype=np.uint64)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"weights": self._P, "units": self._U, "globals": self._G, "random": self._rng}

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
        }

    # --- learning and predicting -------------------------------------------------------------------------------------

    def _inputs(self, X: ArrayLike) -> NDArray[Any]:
        try:
            x = np.ascontiguousarray(X, dtype=self._dtype)
        except (TypeError, ValueError) as error:
            raise MindError(f"an input must be numbers: {error}") from error
        if x.ndim != 2 or x.shape[1] != self.sensors:
            wide = x.shape[-1] if x.ndim else 0
            raise MindError(f"an input has {wide} numbers where this learner has {self.sensors} sensors")
        if not np.isfinite(x).all():
            row = int(np.argmin(np.isfinite(x).all(1)))
            raise MindError(f"the input in row {row} contains NaN or infinity; drop or fill it first")
        return x

    def _targets(self, y: ArrayLike, rows: int) -> NDArray[Any]:
        if self.output == "softmax":
            given = np.asarray(y)
            if given.shape != (rows,):
                raise MindError(f"{rows} inputs need {rows} class numbers, not an array of shape {given.shape}")
            try:
                labels = np.ascontiguousarray(given, dtype=np.int64)
                whole = bool((labels == given).all())
            except (TypeError, ValueError, OverflowError):
                whole = False
            if not whole:
                raise MindError("a class must be a whole number; number the classes from 0")
            if labels.min() < 0 or labels.max() >= self.outputs:
                bad = int(labels.min() if labels.min() < 0 else labels.max())
                raise MindError(f"class {bad} was never declared: this learner has classes 0 to {self.outputs - 1}")
            return labels
        try:
            numbers = np.ascontiguousarray(y, dtype=self._dtype)
        except (TypeError, ValueError) as error:
            raise MindError(f"a target must be a number: {error}") from error
        if numbers.size != rows * self.outputs or numbers.shape[:1] != (rows,):
            raise MindError(f"{rows} inputs need {rows} x {self.outputs} targets, not the shape {numbers.shape}")
        if not np.isfinite(numbers).all():
            raise MindError("a target is NaN or infinite; drop it first")
        return numbers.reshape(rows, self.outputs)

    def _kernel(self) -> Any:
        from klopf.mind import _k_learn  # compiled code is loaded when first needed: importing klopf.mind stays quick

        s = self.settings
        return _k_learn.build_learn(
            ACTIVATIONS.index(s.activation),
            LOSSES[self.output],
            RULES.index(s.rule),
            LIVES.index(s.life),
            UTILITIES.index(s.utility),
            self._small,
        )

    def learn(self, X: ArrayLike, y: ArrayLike) -> NDArray[Any]:
        """Learn from a whole stream, row by row, in one compiled call.

        Args:
            X: inputs, shape ``(n, sensors)``.
            y: class numbers ``(n,)``, or targets ``(n,)`` or ``(n, outputs)``.

        Returns:
            Errors of the predictions made before each row was learned, shape ``(n,)``: 1 for a wrong class and 0 for a
            right one, the number of wrong yes/no outputs, or the squared error summed over outputs.

        Raises:
            MindError: anything in ``X`` or ``y`` that cannot be learned from; the learner is then as it was.
        """
        return self._learn(X, y)[0]

    def _learn(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        x = self._inputs(X)
        if not len(x):
            raise MindError("the stream is empty; there is nothing to learn from")
        targets = self._targets(y, len(x))
        errors = np.empty(len(x), self._dtype)
        out = np.empty((len(x), self.outputs), self._dtype)
        self._kernel()(
            self._P, self._U, *self._births, self._G, self._rng, self._geo, self._hyp,
            self._A, self._Z, self._D, self._C, self._idx, self._cnt, x, targets, errors, out,
        )  # fmt: skip
        return errors, out

    def learn_one(self, x: ArrayLike, y: Any) -> Mind:
        """Learn from one sample: ``x`` of shape ``(sensors,)``, ``y`` a class number or target(s). Returns itself."""
        self._learn(np.asarray(x)[None], np.asarray(y)[None])
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Probabilities of classes, or the predicted numbers, for every row of ``X``; shape ``(n, outputs)``."""
        from klopf.mind import _k_learn

        x = self._inputs(X)
        out = np.empty((len(x), self.outputs), self._dtype)
        kernel = _k_learn.build_infer(ACTIVATIONS.index(self.settings.activation), LOSSES[self.output])
        kernel(self._P, self._geo, self._hyp, self._A, self._Z, self._idx, x, out)
        return out

    def predict_proba_one(self, x: ArrayLike) -> NDArray[Any]:
        """The same for one input of shape ``(sensors,)``; shape ``(outputs,)``."""
        out: NDArray[Any] = self.predict_proba(np.asarray(x)[None])[0]
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

    # --- a life ------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole learner to ``path``, atomically. ``Mind.load`` goes on from it to the bit."""
        _file.write(path, _file.pack(self._header(), self._arrays()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Mind:
        """The learner saved at ``path``.

        Raises:
            MindError: no such file, not a learner, another version, cut short, or altered.
        """
        header, arrays = _file.read(path)
        try:
            self = cls(
                header["sensors"], header["outputs"], header["hidden"], header["learner"], header["output"],
                header["seed"], header["dtype"], **header["settings"],
            )  # fmt: skip
            own = self._arrays()
            if {k: (v.shape, v.dtype) for k, v in own.items()} != {k: (v.shape, v.dtype) for k, v in arrays.items()}:
                raise MindError(f"the saved learner {path} is laid out differently; load it with its own Klopf")
        except (KeyError, TypeError) as error:
            raise MindError(f"the saved learner {path} lacks {error}; restore it from a copy") from error
        for name, array in arrays.items():
            own[name][...] = array
        return self

    def commitment(self) -> bytes:
        """SHA-256 of the complete learner, 32 bytes: equal for equal settings and state, different otherwise."""
        return hashlib.sha256(_file.pack(self._header(), self._arrays())).digest()

    def __repr__(self) -> str:
        shape = "-".join(str(n) for n in (self.sensors, *self.hidden, self.outputs))
        return f"Mind({shape}, learner={self.learner!r}, output={self.output!r}, seed={self.seed})"
