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
from klopf.mind._k_known import BLOCK, COUNT, GAINS, NUMBERS, POWER, RIDGE, SCALE, SHARED, SPREAD, WAITING
from klopf.mind._k_places import ADMITTED, BIRTH, BIRTHS, COPIES, INCOMING, LISTENING, MOST, OUTGOING, STEPS
from klopf.mind._layout import layout_for
from klopf.mind._settings import ACTIVATIONS, LIVES, LOSSES, RULES, UTILITIES, checked_seed, settings_for

__all__ = ["Mind"]


class Mind:
    """A multilayer network that learns one sample at a time, for ever, in bounded memory.

    Args:
        sensors: how many numbers one input has.
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
        sensors: int,
        outputs: int,
        hidden: Sequence[int] = (64,),
        learner: str = "klopf",
        output: str = "softmax",
        seed: int = 0,
        dtype: str = "float32",
        **options: Any,
    ) -> None:
        try:
            sizes = (sensors, *hidden, outputs)
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
        self.sensors = int(sensors)
        self.outputs = int(outputs)
        self.hidden = () if learner == "linear" else tuple(int(n) for n in hidden)
        self.learner = learner
        self.output = output
        self.settings = settings_for(learner, **options)
        self._dtype: Any = np.dtype(dtype)
        self._lay_out()
        self._draw()

    # --- state ----------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Geometry, tables at birth, work arrays and hyperparameters: all that follows from the arguments alone."""
        s = self.settings
        fold = self._fold
        sizes = (self.sensors, *self.hidden, self.outputs)
        layers = len(sizes) - 1
        grows = s.grow_every > 0 and layers > 1
        geo = np.zeros((layers, 10), np.int64)
        ko = np.full((layers, 5), -1, np.int64)
        weights = inputs_at = units_at = unit = covariances = scratch = 0
        for l in range(layers):
            heard = sizes[l] * (fold if l else 1)
            extra = self.sensors if s.shortcut and 0 < l == layers - 1 else 0
            rows = heard + extra
            stride = -(-sizes[l + 1] // 8) * 8
            live_in = rows if l == 0 or extra or not grows else 0
            live = sizes[l + 1] if l == layers - 1 or not grows else 0
            shortcut = heard if extra else -1
            geo[l] = (live_in, live, stride, weights, inputs_at, units_at, unit, rows, shortcut, sizes[l + 1])
            weights += (rows + 1) * stride
            inputs_at += rows + 1
            units_at += stride
            unit += sizes[l + 1]
            if s.rule == "kalman":
                width = -(-(rows + 1) // 8) * 8
                kind = BLOCK if rows <= s.block else SHARED if rows <= s.shared else SPREAD
                matrices = sizes[l + 1] if kind == BLOCK else 1
                tail = covariances + (matrices * (rows + 1) if kind != SPREAD else 1) * width
                ko[l] = (covariances, width, scratch, kind, tail)
                covariances = tail + (0 if kind == BLOCK else NUMBERS + (WAITING * width if kind == SHARED else 0))
                scratch += matrices * width
        self._geo, self._ko = geo, ko
        self._small = bool((geo[:, 2] == 8).all())
        self._A = np.zeros(inputs_at, self._dtype)
        self._Z, self._D, self._C = (np.zeros(units_at, self._dtype) for _ in range(3))
        self._H = np.zeros(scratch, self._dtype)
        self._idx = np.zeros(inputs_at, np.int64)
        self._cnt = np.zeros(layers, np.int64)
        self._layout = layout_for(s)
        self._births = np.array(
            [
                [q.birth for q in self._layout.weights],
                [q.outgoing for q in self._layout.weights],
                [q.copies for q in self._layout.weights],
                [q.outgoing if q.newcomer is None else q.newcomer for q in self._layout.weights],
            ],
            self._dtype,
        )
        self._birth_unit = np.array([q.birth for q in self._layout.units], self._dtype)
        order = (
            s.step_size, s.meta_step_size, s.tau, s.beta1, s.beta2, s.epsilon, s.kappa, s.leak, s.replacement_rate,
            s.maturity, s.utility_decay, s.active_decay, s.gain, s.l2, s.l2_init, s.perturb, s.noise, s.noise_share,
            s.prior, s.listening_prior, s.drift, s.horizon, s.dormant, s.check_every, s.reset_fraction, s.tail,
            s.protect, s.quiet, s.explore, s.fan_in, s.rewiring_rate, s.grow_every, s.perturb_every, s.admission,
            s.surprise,
        )  # fmt: skip
        self._hyp = np.array(order, self._dtype)
        self._P = np.zeros((len(self._layout.weights), weights), self._dtype)
        self._U = np.zeros((len(self._layout.units), max(sum(self.hidden), 1)), self._dtype)
        self._K = np.zeros(covariances, self._dtype)
        self._S = np.stack([np.zeros(self.sensors), np.ones(self.sensors)]).astype(self._dtype)
        self._G = np.zeros(8, np.float64)

    def _draw(self) -> None:
        """Everything that is learned, as it is at birth."""
        rng = np.random.default_rng(self.seed)
        self._P[1:] = self._births[BIRTH, 1:, None]
        self._U[:] = self._birth_unit[:, None]
        last = len(self._geo) - 1
        connected = self._layout.row("connected")
        for l in range(last + 1):
            rows, units = self._geo[l, :2].tolist()
            cap_rows = int(self._geo[l, 7])
            block = self._rows(l)
            fan = min(self.settings.fan_in, rows) if l < last and self.settings.fan_in else rows
            bound = (1.0 if l == last else self.settings.gain) * math.sqrt(3.0 / max(fan, 1))
            block[0, :rows, :units] = rng.uniform(-bound, bound, (rows, units))
            if l == last:
                block[1:] = self._births[OUTGOING, 1:, None, None]
                if self.settings.grow_every and last:
                    block[0] = 0.0  # nothing is listened to before it has been learned
            elif connected:
                order = rng.random((rows, units)).argsort(0).argsort(0)
                if l:
                    block[connected, :cap_rows] = 0.0  # nobody hears the unborn
                block[connected, :rows, :units] = order < fan
                block[0, :rows, :units] *= order < fan
            for q in np.flatnonzero(self._births[COPIES]):
                block[q] = block[0]
            self._know_nothing(l)
        for l in range(last):
            at_unit, units = int(self._geo[l, 6]), int(self._geo[l, 1])
            self._U[INCOMING, at_unit : at_unit + units] = np.abs(self.weights(l)[:-1]).mean(0)
            loud = np.abs(self.weights(l + 1)).sum(1)[: units * self._fold]
            self._U[LISTENING, at_unit : at_unit + units] = loud.reshape(-1, self._fold).sum(1)
            self._U[ADMITTED, at_unit : at_unit + units] = 1.0  # only the newborn must be admitted
        self._rng = rng.integers(0, 2**64, 1, dtype=np.uint64)

    @property
    def _fold(self) -> int:
        """Inputs through which one unit speaks."""
        return 2 if self.settings.activation == "crelu" else 1

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that changes by learning."""
        return {
            "weights": self._P,
            "units": self._U,
            "covariances": self._K,
            "sensors": self._S,
            "globals": self._G,
            "geometry": self._geo,
            "random": self._rng,
        }

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

    def _rows(self, l: int) -> NDArray[Any]:
        """Layer ``l``'s part of the weight table, not a copy: ``(quantities, inputs + 1, stride)``."""
        at, stride, rows = int(self._geo[l, 3]), int(self._geo[l, 2]), int(self._geo[l, 7]) + 1
        return self._P[:, at : at + rows * stride].reshape(-1, rows, stride)

    # what a Kalman learner knows: matrices over the inputs of a layer's units, the bias last; see ``_k_share``

    def _know_nothing(self, l: int) -> None:
        """Layer ``l`` knows as little as at birth."""
        start, width, _, kind, tail = self._ko[l].tolist()
        if kind < 0:
            return
        rows, s = int(self._geo[l, 7]) + 1, self.settings
        prior = s.listening_prior if l == len(self._geo) - 1 else s.prior
        self._K[start:tail] = 0.0
        if kind == SPREAD:
            self._K[start : start + rows] = prior
            return
        matrices = self._K[start:tail].reshape(-1, rows, width)
        matrices[:, np.arange(rows), np.arange(rows)] = prior / rows if kind == BLOCK else prior
        connected = self._layout.row("connected")
        if kind == BLOCK and connected and l < len(self._geo) - 1:  # only about what each unit hears
            fan = min(s.fan_in, rows - 1) + 1
            matrices[:, np.arange(rows), np.arange(rows)] = self._rows(l)[connected].T[: len(matrices)] * (prior / fan)
        if kind == SHARED:
            self._K[tail + 1 :][: NUMBERS - 1 + WAITING * width] = 0.0
            self._K[tail + SCALE] = 1.0

    def _covariances(self, l: int) -> NDArray[Any]:
        """What layer ``l`` knows, in float64: ``(units or 1, rows, rows)``."""
        start, width, _, kind, tail = self._ko[l].tolist()
        rows = int(self._geo[l, 7]) + 1
        if kind == SPREAD:
            return np.diag(self._K[start : start + rows].astype(np.float64))[None]
        matrices: NDArray[Any] = self._K[start:tail].reshape(-1, rows, width)[:, :, :rows].astype(np.float64)
        if kind == SHARED:
            n = int(self._K[tail + COUNT])
            gains = self._K[tail + GAINS :][:n].astype(np.float64)
            waiting = self._K[tail + NUMBERS :][: n * width].reshape(n, width)[:, :rows].astype(np.float64)
            matrices = matrices * float(self._K[tail + SCALE]) + float(self._K[tail + RIDGE]) * np.eye(rows)
            matrices = matrices - (waiting.T * gains) @ waiting
        return matrices

    def _take_over(self, other: Mind, l: int) -> None:
        """What ``other``, which has fewer inputs or outputs, knows in layer ``l``, where both keep it alike."""
        start, width, _, kind, tail = self._ko[l].tolist()
        if kind < 0 or kind != other._ko[l, 3]:
            return
        old, new = int(other._geo[l, 7]), int(self._geo[l, 7])
        known = other._covariances(l)
        if kind == SPREAD:
            self._K[start : start + old] = np.diag(known[0])[:old]
            self._K[start + new] = known[0, old, old]
        else:
            matrices = self._K[start:tail].reshape(-1, new + 1, width)[: len(known)]
            at = np.append(np.arange(old), new)
            matrices[:, at[:, None], at] = known
        if kind != BLOCK:
            self._K[tail + POWER] = other._K[other._ko[l, 4] + POWER]

    def _variances(self, layer: int) -> NDArray[Any]:
        known = np.diagonal(self._covariances(layer), axis1=1, axis2=2).T
        kind, tail = int(self._ko[layer, 3]), int(self._ko[layer, 4])
        scale = 1.0 if kind == BLOCK else 1.0 / max(float(self._K[tail + POWER]), 1.0)
        return np.asarray(np.broadcast_to(known * scale, (len(known), int(self._geo[layer, 9])))).astype(self._dtype)

    def weights(self, layer: int, quantity: str = "weight") -> NDArray[Any]:
        """A copy of one layer's weights: shape ``(inputs + 1, units)``, the last row the biases; layer 0 is the first.

        ``quantity`` names another row of the weight table, such as "variance" or "step-size".
        """
        at, stride, rows = int(self._geo[layer, 3]), int(self._geo[layer, 2]), int(self._geo[layer, 7]) + 1
        if quantity == "variance" and self.settings.rule == "kalman":
            return self._variances(layer)[:, : self._geo[layer, 1]].copy()
        names = [q.name for q in self._layout.weights]
        if quantity not in names:
            raise MindError(f"this learner keeps no {quantity!r} per weight; it keeps {', '.join(names)}")
        row: NDArray[Any] = self._P[names.index(quantity), at : at + rows * stride].reshape(rows, stride)
        return row[:, : self._geo[layer, 1]].copy()

    # --- learning and predicting -------------------------------------------------------------------------------------

    def _inputs(self, X: ArrayLike) -> NDArray[Any]:
        try:
            with np.errstate(over="ignore"):  # beyond float32 it becomes infinite, and is refused below
                x = np.ascontiguousarray(X, dtype=self._dtype)
        except (TypeError, ValueError) as error:
            raise MindError(f"an input must be numbers: {error}") from error
        if x.ndim != 2:
            raise MindError(
                f"inputs must have the shape (n, {self.sensors}), not {np.shape(X)}; one input has a call of its own"
            )
        if x.shape[1] != self.sensors:
            raise MindError(f"an input has {x.shape[1]} numbers where this learner has {self.sensors} sensors")
        if x.size and not np.abs(x).max() <= MOST:  # NaN is not either
            row = int(np.argmin((np.abs(x) <= MOST).all(1)))
            raise MindError(
                f"the input in row {row} contains NaN, infinity or more than {MOST:g}; drop, fill or scale it first"
            )
        return x

    def _targets(self, y: ArrayLike, rows: int) -> NDArray[Any]:
        if self.output == "softmax":
            given = np.asarray(y)
            if given.shape != (rows,):
                raise MindError(f"{rows} inputs need {rows} class numbers, not an array of shape {given.shape}")
            try:
                with np.errstate(invalid="ignore"):  # NaN is no whole number: refused below
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
            with np.errstate(over="ignore"):
                numbers = np.ascontiguousarray(y, dtype=self._dtype)
        except (TypeError, ValueError) as error:
            raise MindError(f"a target must be a number: {error}") from error
        if numbers.size != rows * self.outputs or numbers.shape[:1] != (rows,):
            raise MindError(f"{rows} inputs need {rows} x {self.outputs} targets, not the shape {numbers.shape}")
        if not np.abs(numbers).max() <= MOST:
            raise MindError(f"a target is NaN, infinite or beyond {MOST:g}; drop or scale it first")
        if self.output == "logistic" and not (numbers.min() >= 0 and numbers.max() <= 1):
            raise MindError("a target of a yes/no output must be from 0 (no) to 1 (yes)")
        return numbers.reshape(rows, self.outputs)

    def _kernel(self) -> Any:
        from klopf.mind import _k_learn  # compiled code is loaded when first needed: importing klopf.mind stays quick

        s = self.settings
        rules = _k_learn.Rules(
            activation=ACTIVATIONS.index(s.activation),
            loss=LOSSES[self.output],
            rule=RULES.index(s.rule),
            life=LIVES.index(s.life),
            utility=UTILITIES.index(s.utility) if s.life == "continual" else 0,
            small=self._small,
            track=s.track,
            decay=bool((s.rule != "upgd" and s.l2) or s.l2_init or s.perturb),
            layer_norm=s.layer_norm,
            sense=s.normalise_inputs,
            local=bool(s.protect or s.quiet or s.explore),
            grow=bool(s.grow_every and self.hidden),
            initial=self._layout.row("initial"),
            connected=self._layout.row("connected"),
            worth=self._layout.row("worth"),
            blocks=bool((self._ko[:, 3] == BLOCK).any()),
            shares=bool((self._ko[:, 3] == SHARED).any()),
            admits=s.admission < 1.0 and s.rule in ("sgd", "nlms"),
        )
        return _k_learn.build_learn(rules)

    def prepare(self) -> None:
        """Load or compile the code that this learner needs; otherwise done when it first learns and predicts."""
        kind = Mind(
            self.sensors, self.outputs, self.hidden, self.learner, self.output, self.seed, str(self._dtype),
            **self.settings.as_dict(),
        )  # fmt: skip
        kind.learn(
            np.zeros((1, self.sensors)), np.zeros(1, int) if self.output == "softmax" else np.zeros((1, self.outputs))
        )
        kind.predict_proba(np.zeros((1, self.sensors)))

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
            self._P, self._U, self._K, self._S, self._births, self._birth_unit, self._G, self._rng, self._geo, self._ko,
            self._hyp, self._A, self._Z, self._D, self._C, self._H, self._idx, self._cnt, x, targets, errors, out,
        )  # fmt: skip
        return errors, out

    def learn_one(self, x: ArrayLike, y: Any) -> Mind:
        """Learn from one sample: ``x`` of shape ``(sensors,)``, ``y`` a class number or target(s). Returns itself."""
        self._learn(self._one(x), np.asarray(y)[None])
        return self

    def _one(self, x: ArrayLike) -> NDArray[Any]:
        row = np.asarray(x)
        if row.shape != (self.sensors,):
            raise MindError(
                f"one input must have the shape ({self.sensors},), not {row.shape}; this learner has "
                f"{self.sensors} sensors"
            )
        return row[None]

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Probabilities of classes, or the predicted numbers, for every row of ``X``; shape ``(n, outputs)``."""
        from klopf.mind import _k_learn

        x = self._inputs(X)
        out = np.empty((len(x), self.outputs), self._dtype)
        s = self.settings
        kernel = _k_learn.build_infer(
            ACTIVATIONS.index(s.activation), LOSSES[self.output], s.layer_norm, s.normalise_inputs
        )
        kernel(self._P, self._S, self._G, self._geo, self._hyp, self._A, self._Z, self._idx, x, out)
        return out

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
        return int(self._G[STEPS])

    @property
    def finite(self) -> bool:
        """Whether every weight is a finite number; once not, too large a step-size has made it diverge."""
        return bool(np.isfinite(self._P[0]).all())

    @property
    def births(self) -> int:
        """Units born since: replaced or grown."""
        return int(self._G[BIRTHS])

    @property
    def units(self) -> tuple[int, ...]:
        """Live units in each hidden layer; with growth they start from 0."""
        return tuple(int(n) for n in self._geo[:-1, 1])

    def sensor_statistics(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Copies of the sensors' running mean and variance, ``(sensors,)`` each; 0 and 1 where they are not kept."""
        return self._S[0].copy(), self._S[1].copy()

    def record(self, quantity: str) -> list[NDArray[Any]]:
        """One quantity of every live unit, a copy by hidden layer: "age", "utility", "active", "movement" and so on."""
        names = [q.name for q in self._layout.units]
        if quantity not in names:
            raise MindError(f"a unit has no {quantity!r}; it has {', '.join(names)}")
        row = self._U[names.index(quantity)]
        return [row[g[6] : g[6] + g[1]].copy() for g in self._geo[:-1].tolist()]

    def forget_outputs(self) -> None:
        """Set the output units' weights and biases to zero, with everything kept per such weight at its birth value."""
        at, stride, rows = int(self._geo[-1, 3]), int(self._geo[-1, 2]), int(self._geo[-1, 7]) + 1
        self._P[:, at : at + rows * stride] = self._births[OUTGOING, :, None]
        self._know_nothing(len(self._geo) - 1)
        if self.hidden:
            last = self._geo[-2].tolist()
            self._U[LISTENING, last[6] : last[6] + last[1]] = 0.0

    def widened(self, sensors: int, outputs: int) -> Mind:
        """A learner with more sensors or outputs that goes on where this one is.

        It predicts what this one does while the new sensors are 0. What is new is as at birth, new outputs listen to
        nobody yet. Units that hear ``fan_in`` sensors already hear no new one until they are rewired or born again.

        Raises:
            MindError: fewer sensors or outputs than there are.
        """
        if sensors < self.sensors or outputs < self.outputs:
            raise MindError(f"a mind with {self.sensors} sensors and {self.outputs} outputs cannot be made narrower")
        wide = Mind(
            sensors, outputs, self.hidden, self.learner, self.output, self.seed, str(self._dtype),
            **self.settings.as_dict(),
        )  # fmt: skip
        wide._U[:], wide._G[:], wide._rng[:] = self._U, self._G, self._rng
        wide._S[:, : self.sensors] = self._S
        last = len(self._geo) - 1
        for l in range(last + 1):
            old, new = self._geo[l].tolist(), wide._geo[l].tolist()
            if l < last:
                wide._geo[l, 1] = old[1]
            if l:
                wide._geo[l, 0] = old[0] + (sensors - self.sensors if old[8] >= 0 else 0)
            a, b = self._rows(l), wide._rows(l)
            if l == last:
                b[0] = 0.0
            b[:, : old[7], : old[9]] = a[:, : old[7], : old[9]]
            b[:, new[7], : old[9]] = a[:, old[7], : old[9]]
            connected = self._layout.row("connected")
            if connected and l == 0 < last:  # a unit with free places listens to the first of the new sensors
                free = self.settings.fan_in - a[connected, : self.sensors, : old[9]].sum(0)
                b[connected, self.sensors : sensors, : old[9]] = np.arange(sensors - self.sensors)[:, None] < free
                b[0] *= b[connected]
                wide._know_nothing(l)
            wide._take_over(self, l)
        return wide

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
        if "kind" in header:
            raise MindError(f"{path} is a saved {header['kind']}, not a Mind; load it with klopf.mind.rl")
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
