"""The tables of one network: laid out by its settings and sizes, drawn from its seed, and what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.mind._company import company_for, company_forgets, company_took_over, nothing_asked
from klopf.mind._layout import layout_for
from klopf.mind._memory import apart, zeros
from klopf.mind._settings import ACTIVATIONS, COMMON, LOSSES, UTILITIES, Settings
from klopf.mind.kernels.part import GradientRule
from klopf.mind.kernels.parts import life_called, rule_called
from klopf.mind.kernels.plan import Plan
from klopf.mind.kernels.state import (
    ADMITTED,
    BIAS,
    BIRTH,
    COPIES,
    COUNT,
    COUNTERS,
    DIAGONAL,
    FACTOR,
    GAINS,
    INCOMING,
    INPUTS,
    KIND,
    LISTENING,
    MOST_UNITS,
    OUTGOING,
    OWN,
    POWER,
    REACH,
    RIDGE,
    S_COUNT,
    S_GAIN,
    S_MEAN,
    S_REACH,
    S_ROWS,
    S_VARIANCE,
    SENSORS_AT,
    SHARED,
    STRIDE,
    TAIL,
    TAIL_AT,
    UNITS,
    UNITS_AT,
    WAITING,
    WEIGHTS_AT,
    Net,
    Work,
)

__all__ = ["Tables"]


class Tables:
    """All arrays of a network of ``sizes`` (sensors, hidden units by layer, outputs), and the plan of its kernels."""

    def __init__(self, settings: Settings, sizes: Sequence[int], output: str, dtype: Any) -> None:
        s = self.settings = settings
        self.layout = layout_for(s)
        self.staged: dict[str, NDArray[Any]] = {}
        """What its input stage has learned, if it has one."""
        self.company = company_for(s, sizes[0], sizes[-1], output)
        self.asked = nothing_asked(self.company, sizes[0], sizes[-1])
        """What its company said last; no part of what it has learned."""
        self.company_cost = 0 if self.company is None else self.company.inputs.size + 1000 * s.trees
        """Numbers that its company goes through for a sample, about."""
        self.fold = 2 if s.activation == "crelu" else 1
        """Inputs through which one unit speaks."""
        rule, life = rule_called(s.rule), life_called(s.life)
        parts = (*rule.hyperparameters, *life.hyperparameters)
        self.hyper = tuple(dict.fromkeys(h.name for h in (*COMMON, *parts)))
        layers, weights, inputs, sums = self._layers(sizes)
        matrices, covariances, products = self._matrices(layers)
        births = [(q.birth, q.outgoing, q.copies, q.outgoing if q.newcomer is None else q.newcomer)
                  for q in self.layout.weights]  # fmt: skip
        units = max(sum(sizes[1:-1]), 1)
        scaled = s.scale_targets and output == "linear"
        P = zeros((len(self.layout.weights), weights), dtype)
        self.net = Net(
            W=P[0],
            P=P,
            U=zeros((len(self.layout.units), units), dtype),
            K=zeros(covariances, dtype),
            S=_usual(sizes[0], s.normalise_inputs, np.float64 if s.normalise_inputs else dtype),
            T=_usual(sizes[-1], scaled, np.float64),
            G=zeros(COUNTERS, np.float64),
            rng=zeros(1, np.uint64),
            layers=layers,
            matrices=matrices,
            hyper=np.array([getattr(s, name) for name in self.hyper], dtype),
            outputs=sizes[-1],
            births=np.ascontiguousarray(np.array(births, dtype).T),
            unit_births=np.array([q.birth for q in self.layout.units], dtype),
        )
        self._sensor_birth, self._target_birth = self.net.S[:, 0].copy(), self.net.T[:, 0].copy()
        widest = max(sizes[1:])
        self.work = Work(
            A=zeros(inputs, dtype),
            Z=zeros(sums, dtype),
            D=zeros(sums, dtype),
            C=zeros(sums, dtype),
            H=zeros(products, dtype),
            usual=zeros((3, sizes[0] if s.normalise_inputs else 0), np.float64),
            active=zeros(inputs, np.int64),
            count=zeros(len(layers), np.int64),
            inverse=zeros(len(layers), dtype),
            scale=zeros(len(layers), dtype),
            doubt=zeros(len(layers), dtype),
            curvature=zeros(len(layers), dtype),
            moves=zeros(sizes[-1], dtype),
            spoken=zeros(widest, dtype),
            deviation=zeros(widest, dtype),
            corrected=zeros(widest, np.float64),
            mature=zeros(widest, np.bool_),
            pool=zeros(weights if s.life == "weights" else 0, dtype),
            told=zeros(2, dtype),
            refresh=np.array([_refresh(row) for row in layers.tolist()], np.int64),
        )
        self.plan = Plan(
            activation=ACTIVATIONS.index(s.activation),
            loss=LOSSES[output],
            rule=s.rule,
            life=s.life,
            utility=UTILITIES.index(s.utility) if s.life == "continual" else 0,
            small=bool((layers[:, STRIDE] == 8).all()),
            track=s.track,
            decay=bool((s.l2 and not rule.decays_by_itself) or s.l2_init or s.perturb),
            layer_norm=s.layer_norm,
            normalise_inputs=s.normalise_inputs,
            scale_targets=scaled,
            local=bool(s.protect or s.quiet or s.explore),
            grows=bool(s.grow_every and len(sizes) > 2),
            admits=s.admission < 1.0 and issubclass(rule, GradientRule),
            plain=issubclass(rule, GradientRule),
            curvature=rule.curvature,
            follows_error=rule.follows_error,
            moves_all=rule.moves_all or bool((s.l2 and not rule.decays_by_itself) or s.l2_init or s.perturb),
            decays_by_itself=rule.decays_by_itself,
            covariances=rule.covariances,
            records=life.records,
            magnitudes=life.magnitudes,
            weights=tuple(q.name for q in self.layout.weights),
            units=tuple(q.name for q in self.layout.units),
            hyper=self.hyper,
        )

    def _layers(self, sizes: Sequence[int]) -> tuple[NDArray[np.int64], int, int, int]:
        """The table of layers; how many weights, inputs and sums all layers have together."""
        s, last = self.settings, len(sizes) - 2
        grows = s.grow_every > 0 and last > 0
        table = np.zeros((last + 1, 10), np.int64)
        weights = inputs = sums = unit = 0
        for l in range(last + 1):
            heard = sizes[l] * (self.fold if l else 1)
            extra = sizes[0] if s.shortcut and 0 < l == last else 0
            rows = heard + extra
            stride = _padded(sizes[l + 1])
            live_inputs = rows if l == 0 or extra or not grows else 0
            live_units = sizes[l + 1] if l == last or not grows else 0
            sensors = heard if extra else -1
            table[l] = (live_inputs, live_units, stride, weights, inputs, sums, unit, rows, sensors, sizes[l + 1])
            weights += (rows + 1) * stride
            inputs += rows + 1
            sums += stride
            unit += sizes[l + 1]
        return table, weights, inputs, sums

    def _matrices(self, layers: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, int]:
        """The table of covariances; how many numbers they have, and how many their products with inputs."""
        s = self.settings
        table = np.full((len(layers), 5), -1, np.int64)
        numbers = products = 0
        if rule_called(s.rule).covariances:
            for l, layer in enumerate(layers.tolist()):
                rows = layer[BIAS]
                width = _padded(rows + 1)
                kind = OWN if rows <= s.block else SHARED if rows <= s.shared else DIAGONAL
                count = layer[MOST_UNITS] if kind == OWN else 1
                tail = numbers + (count * (rows + 1) if kind != DIAGONAL else 1) * width
                table[l] = (numbers, width, products, kind, tail)
                numbers = tail + (0 if kind == OWN else TAIL + (WAITING * width if kind == SHARED else 0))
                if kind != OWN and l == len(layers) - 1:  # each output's doubt, and that of all; see ``rules._classes``
                    numbers += layer[MOST_UNITS] + 1
                products += count * width
        return table, numbers, products

    def draw(self, seed: int) -> None:
        """Everything that is learned, as it is at birth."""
        net, s = self.net, self.settings
        rng = np.random.default_rng(seed)
        net.P[1:] = net.births[BIRTH, 1:, None]
        net.U[:] = net.unit_births[:, None]
        last = len(net.layers) - 1
        connected = self.layout.row("connected")
        for l in range(last + 1):
            rows, units, inputs = (int(net.layers[l, column]) for column in (INPUTS, UNITS, BIAS))
            block = self.rows(l)
            fan = min(s.fan_in, rows) if l < last and s.fan_in else rows
            bound = (1.0 if l == last else s.gain) * math.sqrt(3.0 / max(fan, 1))
            block[0, :rows, :units] = rng.uniform(-bound, bound, (rows, units))
            if l == last:
                block[1:] = net.births[OUTGOING, 1:, None, None]
                if s.grow_every and last:
                    block[0] = 0.0  # nothing is listened to before it has been learned
            elif connected:
                order = rng.random((rows, units)).argsort(0).argsort(0)
                if l:
                    block[connected, :inputs] = 0.0  # nobody hears the unborn
                block[connected, :rows, :units] = order < fan
                block[0, :rows, :units] *= order < fan
            for q in np.flatnonzero(net.births[COPIES]):
                block[q] = block[0]
            self.know_nothing(l)
        for l in range(last):
            at, units = int(net.layers[l, UNITS_AT]), int(net.layers[l, UNITS])
            listening = np.abs(self.live(l + 1)[0]).sum(1)[: units * self.fold]
            net.U[INCOMING, at : at + units] = np.abs(self.live(l)[0, :-1]).mean(0)
            net.U[LISTENING, at : at + units] = listening.reshape(-1, self.fold).sum(1)
            net.U[ADMITTED, at : at + units] = 1.0  # only the newborn must be admitted
        net.rng[:] = rng.integers(0, 2**64, 1, dtype=np.uint64)
        if self.company is not None:
            self.company.rng[:] = rng.integers(0, 2**64, 1, dtype=np.uint64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that changes by learning."""
        net = self.net
        return {
            "weights": net.P,
            "units": net.U,
            "covariances": net.K,
            "sensors": net.S,
            "globals": net.G,
            "geometry": net.layers,
            "random": net.rng,
            **({} if self.company is None else {f"company {k}": v for k, v in self.company._asdict().items()}),
            **({"targets": net.T} if self.plan.scale_targets or self.plan.counts_classes else {}),
            **{f"stage {name}": array for name, array in self.staged.items()},
        }

    @property
    def gaps(self) -> bool:
        """Whether NaN is a missing input: where inputs are normalised, and the network hears them itself."""
        return self.settings.normalise_inputs and not self.staged

    def apart(self) -> tuple[Net, Work]:
        """A copy of all that a prediction reads, and room of its own."""
        net, work = self.net, self.work
        still = {name: apart(table) for name, table in net._asdict().items() if name not in ("P", "U", "K", "outputs")}
        room = {name: apart(getattr(work, name)) for name in ("A", "Z", "active", "count", "inverse")}
        return net._replace(**still), work._replace(**room)

    def standardised(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Inputs ``(n, sensors)`` as the first layer hears them, where inputs are normalised."""
        S = self.net.S
        deviation = np.sqrt(S[S_VARIANCE] + 1e-29 * S[S_MEAN] ** 2 + 1e-200)
        z = np.clip((X - S[S_MEAN]) / deviation, -S[S_REACH], S[S_REACH])
        return np.where(np.isnan(X) | (S[S_COUNT] == 0), 0.0, z * S[S_GAIN])

    def rows(self, l: int) -> NDArray[Any]:
        """Layer ``l``'s part of the weight table, not a copy: ``(quantities, inputs + 1, stride)``."""
        at, stride, rows = (int(self.net.layers[l, column]) for column in (WEIGHTS_AT, STRIDE, BIAS))
        part: NDArray[Any] = self.net.P[:, at : at + (rows + 1) * stride].reshape(-1, rows + 1, stride)
        return part

    def live(self, l: int) -> NDArray[Any]:
        """The same, of live units only: ``(quantities, inputs + 1, units)``."""
        return self.rows(l)[:, :, : self.net.layers[l, UNITS]]

    # what a Kalman learner knows: matrices over the inputs of a layer's units, the bias last; see ``covariance``

    def hear(self, gains: NDArray[np.float64] | None) -> None:
        """Each sensor as loud as ``gains`` says, ``(sensors,)``, where they are scaled."""
        if gains is not None and self.plan.normalise_inputs:
            self.net.S[S_GAIN] = gains

    def know_nothing(self, l: int) -> None:
        """Layer ``l`` knows as little as at birth."""
        K, s = self.net.K, self.settings
        start, width, _, kind, tail = self.net.matrices[l].tolist()
        if kind < 0:
            return
        rows, last = int(self.net.layers[l, BIAS]) + 1, len(self.net.layers) - 1
        prior = s.listening_prior if l == last else s.prior
        K[start:tail] = 0.0
        if kind != OWN and l == last:
            K[-self.net.outputs - 1 :] = prior
        if kind == DIAGONAL:
            K[start : start + rows] = prior
            return
        matrices = K[start:tail].reshape(-1, rows, width)
        matrices[:, np.arange(rows), np.arange(rows)] = prior / rows if kind == OWN else prior
        connected = self.layout.row("connected")
        if kind == OWN and connected and l < last:  # only about what each unit hears
            fan = min(s.fan_in, rows - 1) + 1
            matrices[:, np.arange(rows), np.arange(rows)] = self.rows(l)[connected].T[: len(matrices)] * (prior / fan)
        if kind == SHARED:
            K[tail + 1 :][: TAIL - 1 + WAITING * width] = 0.0
            K[tail + FACTOR] = 1.0

    def covariances(self, l: int) -> NDArray[Any]:
        """What layer ``l`` knows, in float64: ``(units or 1, rows, rows)``."""
        K = self.net.K
        start, width, _, kind, tail = self.net.matrices[l].tolist()
        rows = int(self.net.layers[l, BIAS]) + 1
        if kind == DIAGONAL:
            return np.diag(K[start : start + rows].astype(np.float64))[None]
        matrices: NDArray[Any] = K[start:tail].reshape(-1, rows, width)[:, :, :rows].astype(np.float64)
        if kind == SHARED:
            n = int(K[tail + COUNT])
            gains = K[tail + GAINS :][:n].astype(np.float64)
            waiting = K[tail + TAIL :][: n * width].reshape(n, width)[:, :rows].astype(np.float64)
            matrices = matrices * float(K[tail + FACTOR]) + float(K[tail + RIDGE]) * np.eye(rows)
            matrices = matrices - (waiting.T * gains) @ waiting
        return matrices

    def variances(self, l: int) -> NDArray[Any]:
        """Of each weight of layer ``l``: ``(inputs + 1, units it may have)``."""
        known = np.diagonal(self.covariances(l), axis1=1, axis2=2).T
        kind, tail = (int(self.net.matrices[l, column]) for column in (KIND, TAIL_AT))
        scale = 1.0 if kind == OWN else 1.0 / max(float(self.net.K[tail + POWER]), 1.0)
        shape = (len(known), int(self.net.layers[l, MOST_UNITS]))
        return np.asarray(np.broadcast_to(known * scale, shape)).astype(self.net.K.dtype)

    def forget_sensor(self, i: int) -> None:
        """Something else is behind sensor ``i``: whoever hears it gives it no weight yet, and what was known of it, of
        its scale too, is as at birth."""
        net, last = self.net, len(self.net.layers) - 1
        net.S[:, i] = self._sensor_birth
        if self.company is not None:
            company_forgets(self.company, i)
            self.asked[:1] = 0.0
        for l in {0, last}:
            first = int(net.layers[l, SENSORS_AT]) if l else 0
            if first < 0:
                continue
            block = self.rows(l)[:, first + i]
            connected = self.layout.row("connected")
            kept = block[connected].copy()
            block[:] = net.births[BIRTH, :, None]
            block[0] = 0.0
            if connected and l < last:
                block[connected] = kept
            self._know_nothing_of(l, first + i)

    def _know_nothing_of(self, l: int, i: int) -> None:
        K, s = self.net.K, self.settings
        start, width, _, kind, tail = self.net.matrices[l].tolist()
        if kind < 0:
            return
        rows, last = int(self.net.layers[l, BIAS]) + 1, len(self.net.layers) - 1
        prior = s.listening_prior if l == last else s.prior
        if kind == DIAGONAL:
            K[start + i] = prior
            return
        matrices = K[start:tail].reshape(-1, rows, width)
        matrices[:, i] = matrices[:, :, i] = 0.0
        if kind == SHARED:
            K[tail + TAIL :][: WAITING * width].reshape(WAITING, width)[:, i] = 0.0
            matrices[0, i, i] = (prior - K[tail + RIDGE]) / K[tail + FACTOR]
            return
        heard = np.ones(len(matrices))
        connected = self.layout.row("connected")
        if connected and l < last:
            heard = self.rows(l)[connected, i, : len(matrices)]
            rows = min(s.fan_in, rows - 1) + 1
        matrices[:, i, i] = heard * (prior / rows)

    def forget_output(self, k: int) -> None:
        """Something else is behind output ``k``: it listens to nobody yet, and knows as little as at birth."""
        last = len(self.net.layers) - 1
        self.rows(last)[:, :, k] = self.net.births[OUTGOING, :, None]
        self.rows(last)[0, :, k] = 0.0
        self.net.T[:, k] = self._target_birth
        start, width, _, kind, tail = self.net.matrices[last].tolist()
        if kind > 0 and kind != OWN:
            self.net.K[-self.net.outputs - 1 + k] = self.settings.listening_prior
        if kind == OWN:
            rows = int(self.net.layers[last, BIAS]) + 1
            self.net.K[start:tail].reshape(-1, rows, width)[k] = np.eye(rows, width) * (
                self.settings.listening_prior / rows
            )

    def take_over(self, other: Tables) -> None:
        """Go on where ``other``, which has fewer sensors or outputs, is; what is new is as at birth."""
        net, old_net = self.net, other.net
        sensors, before = net.S.shape[1], old_net.S.shape[1]
        net.U[:], net.G[:], net.rng[:] = old_net.U, old_net.G, old_net.rng
        if self.company is not None and other.company is not None:
            company_took_over(self.company, other.company)
        net.S[:, :before] = old_net.S
        net.T[:, : old_net.outputs] = old_net.T
        last = len(net.layers) - 1
        connected = self.layout.row("connected")
        for l in range(last + 1):
            old, new = old_net.layers[l].tolist(), net.layers[l].tolist()
            if l < last:
                net.layers[l, UNITS] = old[UNITS]
            if l:
                net.layers[l, INPUTS] = old[INPUTS] + (sensors - before if old[SENSORS_AT] >= 0 else 0)
            a, b = other.rows(l), self.rows(l)
            units = old[MOST_UNITS]
            if l == last:
                b[0] = 0.0
            b[:, : old[BIAS], :units] = a[:, : old[BIAS], :units]
            b[:, new[BIAS], :units] = a[:, old[BIAS], :units]
            if connected and l == 0 < last:  # a unit with free places listens to the first of the new sensors
                free = self.settings.fan_in - a[connected, :before, :units].sum(0)
                b[connected, before:sensors, :units] = np.arange(sensors - before)[:, None] < free
                b[0] *= b[connected]
                self.know_nothing(l)
            self._take_over_matrices(other, l)

    def _take_over_matrices(self, other: Tables, l: int) -> None:
        """What ``other`` knows in layer ``l``, where both keep it alike."""
        K = self.net.K
        start, width, _, kind, tail = self.net.matrices[l].tolist()
        if kind < 0 or kind != other.net.matrices[l, KIND]:
            return
        old, new = int(other.net.layers[l, BIAS]), int(self.net.layers[l, BIAS])
        known = other.covariances(l)
        if kind == DIAGONAL:
            K[start : start + old] = np.diag(known[0])[:old]
            K[start + new] = known[0, old, old]
        else:
            matrices = K[start:tail].reshape(-1, new + 1, width)[: len(known)]
            at = np.append(np.arange(old), new)
            matrices[:, at[:, None], at] = known
        if kind != OWN:
            K[tail + POWER] = other.net.K[int(other.net.matrices[l, TAIL_AT]) + POWER]
            if l == len(self.net.layers) - 1:
                n, before = self.net.outputs, other.net.outputs
                K[len(K) - n - 1 : len(K) - n - 1 + before] = other.net.K[-before - 1 : -1]
                K[-1] = other.net.K[-1]


def _usual(n: int, kept: bool, dtype: Any) -> NDArray[Any]:
    """What is usual of ``n`` sensors or targets before anything was seen; see ``scaling``."""
    table = zeros((S_ROWS if kept else 2, n), dtype)
    table[S_VARIANCE] = 1.0
    if kept:
        table[S_REACH] = REACH
        table[S_GAIN] = 1.0
    return table


def _padded(n: int) -> int:
    """``n`` up to a multiple of 8, which a vector register holds."""
    return -(-n // 8) * 8


def _refresh(layer: list[int]) -> int:
    """Steps between two computations of a layer's mean incoming weights, less one: by the size it may grow to, so that
    where a stream is cut makes no difference."""
    every = 16
    while every * 2048 < layer[BIAS] * layer[MOST_UNITS]:
        every *= 2
    return every - 1
