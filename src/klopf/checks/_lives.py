"""Whether a life replaces whom it may, wholly, and leaves the others alone: each call of its kernels is compared with
what rebirth alone would have done to the same network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.checks._kernels import callable_kernel, described, within
from klopf.checks._watched import Watched
from klopf.mind import Mind, diagnostics
from klopf.mind._outside import learner_of
from klopf.mind.kernels.parts import life_called
from klopf.mind.kernels.rebirth import build_rebirth
from klopf.mind.kernels.state import (
    ADMITTED,
    AGE,
    BIAS,
    BIRTH,
    BIRTHS,
    COPIES,
    INCOMING,
    INPUTS,
    PATIENCE,
    SILENT,
    STEPS,
    STRIDE,
    UNITS,
    UNITS_AT,
    UTILITY,
    WEIGHT_DEBT,
    WEIGHTS_AT,
    WEIGHTS_REBORN,
)
from klopf.neuron import is_mature

__all__ = ["life_writes"]

_SAMPLES = 4000
_SEEN = 200
"""Samples by which a unit's standing is judged."""
_CHOICE = 4
"""Mature units of a layer from which on a life has a choice."""
_JUDGED = (UTILITY, SILENT, PATIENCE, ADMITTED)
"""What a life may keep of units in rows that every network has."""
_Tables = dict[str, NDArray[Any]]


def life_writes(name: str, options: dict[str, Any]) -> None:
    """One network, in which a unit never speaks and is heard by nobody, lives ``_SAMPLES`` samples by the life."""
    _Lived(name, options).live()


class _Lived:
    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.name = name
        self.mind = m = Mind(4, 2, hidden=(9, 7), learner="backprop", seed=1, **options)
        self.layers = m._tables.net.layers
        self.watched = Watched(m)
        self._silence_one()
        plan, life = m._tables.plan, life_called(m.settings.life)()
        self.learn = learner_of(replace(plan, life="none"))
        live, after = life.live(plan), life.after(plan)
        self.kernel: Any = None if live is None else callable_kernel(live, 5)
        self.after = None if after is None else callable_kernel(after, 3)
        self.reborn = build_rebirth(plan)
        rows, units = m._tables.layout.weights, [q.name for q in m._tables.layout.units]
        names = [q.name for q in rows]
        self.rows = names
        self.own_rows = [names.index(q.name) for q in life.weight_rows(m.settings)]
        self.own_units = [*_JUDGED, *(units.index(q.name) for q in life.unit_rows(m.settings))]
        self.units = units
        self.drawn = [q for q, row in enumerate(rows) if q == 0 or row.copies or row.name == "connected"]
        self.maturity = self.mind.settings.maturity
        self.replaced = 0
        self.chosen = 0
        """Calls that replaced somebody where there was a choice."""
        self.best = 0
        """Those of them that replaced the one heard most."""

    def _silence_one(self) -> None:
        """The last unit of the first layer: whoever looks for somebody to replace finds it."""
        W, (first, second) = self.watched.net.W, self.layers[:2]
        W[self._incoming(0, int(first[UNITS]) - 1)] = 0.0
        row = second[WEIGHTS_AT] + (first[UNITS] - 1) * self.mind._tables.fold * second[STRIDE]
        W[row : row + self.mind._tables.fold * second[STRIDE]] = 0.0

    def _incoming(self, l: int, j: int) -> NDArray[np.intp]:
        """Places of the weights by which unit ``j`` of layer ``l`` listens, its bias the last."""
        layer = self.layers[l]
        found: NDArray[np.intp] = layer[WEIGHTS_AT] + np.arange(layer[BIAS] + 1) * layer[STRIDE] + j
        return found

    def live(self) -> None:
        net, work, dtype = self.watched.net, self.watched.work, self.watched.net.P.dtype
        X = np.random.default_rng(0).normal(size=(_SAMPLES, 4)).astype(dtype)
        y = (X[:, 0] > X[:, 1]).astype(np.int64)
        if self.kernel is None and self.after is None:  # such as life='none', which says so
            return
        weight, errors, expected, out = np.ones(1, dtype), *np.zeros((2, 1), dtype), np.zeros((1, 2), dtype)
        for t in range(_SAMPLES):
            self.learn(net, work, X[t : t + 1], y[t : t + 1], weight, errors, out, expected)
            now, seen = int(net.G[STEPS]), X[max(t - _SEEN, 0) : t + 1]
            for l in range(len(self.layers) - 1 if self.kernel is not None else 0):
                units = self.layers[l, UNITS_AT] + np.arange(self.layers[l, UNITS])
                mature = sum(is_mature(age, self.maturity) for age in net.U[AGE, units])
                was = self.watched.snapshot()
                self.kernel(net, work, l, int(mature), now)
                self._compare(was, seen)
            if self.after is not None:
                was = self.watched.snapshot()
                self.after(net, work, now)
                self._compare(was, seen)
            if t % 50 == 0:
                within(self.name, self.watched)
        within(self.name, self.watched)
        assert self.best < 3 or 2 * self.best < self.chosen, (
            f"{self.name} replaces the unit that is heard most, {self.best} times in {self.chosen}: the backbone is "
            "protected; ask least_heard, or judge in another way who is worth least"
        )
        due = self.replaced or net.G[WEIGHT_DEBT] > 0
        assert due, (
            f"{self.name} replaced nobody within {_SAMPLES:,} samples, not even a unit that never spoke: give the "
            "check options that make it replace often; a life that replaces nobody is life='none'"
        )

    def _compare(self, was: _Tables, seen: NDArray[Any]) -> None:
        """What one call changed since ``was``."""
        changed = self.watched.changed(was)
        if not changed:
            return
        newborn = self._newborn(was)
        births = float(self.watched.net.G[BIRTHS] - was["net.G"][BIRTHS])
        by_hand = f"{self.name} replaces units by hand: call what build_rebirth(plan) gives, which resets everything"
        assert births == 0 or newborn, by_hand
        assert births == len(newborn), (
            f"{self.name} counts {births:g} births where it replaced {len(newborn)} units: add 1 to net.G[BIRTHS] for "
            "each"
        )
        for l, j in newborn:
            age = was["net.U"][AGE, self.layers[l, UNITS_AT] + j]
            assert is_mature(age, self.maturity), (
                f"{self.name} replaces a unit of {age:g} steps, which is immature: ask is_mature(age, maturity) first"
            )
        should = self._as_rebirth_leaves(was, newborn) if newborn else was
        self._units(should, newborn, by_hand)
        self._weights(was, should, newborn, by_hand)
        self._the_rest(changed, bool(newborn))
        if newborn:
            self._standing(was, newborn, seen)
        self.replaced += len(newborn) + int(self.watched.net.G[WEIGHTS_REBORN] - was["net.G"][WEIGHTS_REBORN])

    def _newborn(self, was: _Tables) -> list[tuple[int, int]]:
        """Layer and place of each unit that is younger than it was."""
        younger = self.watched.net.U[AGE] < was["net.U"][AGE]
        hidden = self.layers[:-1]
        return [(l, j) for l, a in enumerate(hidden) for j in range(a[UNITS]) if younger[a[UNITS_AT] + j]]

    def _as_rebirth_leaves(self, was: _Tables, newborn: list[tuple[int, int]]) -> _Tables:
        """The tables if rebirth alone had done it."""
        now = self.watched.snapshot()
        self.watched.restore(was)
        for l, j in newborn:
            self.reborn(self.watched.net, l, j)
        should = self.watched.snapshot()
        self.watched.restore(now)
        return should

    def _units(self, should: _Tables, newborn: list[tuple[int, int]], by_hand: str) -> None:
        U = self.watched.net.U
        differs = should["net.U"] != U
        places = [self.layers[l, UNITS_AT] + j for l, j in newborn]
        for row, quantity in enumerate(self.units):
            if row != INCOMING:
                assert not differs[row, places].any(), f"{by_hand} ({quantity!r} was kept)"
            differs[row, places] = False
            assert row in self.own_units or not differs[row].any(), (
                f"{self.name} writes into net.U's row {quantity!r} of units that it does not replace: write to rows "
                "that it declares in unit_rows"
            )

    def _weights(self, was: _Tables, should: _Tables, newborn: list[tuple[int, int]], by_hand: str) -> None:
        net = self.watched.net
        P, births = net.P, net.births
        differs = P.view(f"u{P.itemsize}") != should["net.P"].view(f"u{P.itemsize}")
        for l, j in newborn:
            own = self._incoming(l, j)
            self._drawn(was, l, own, by_hand)
            differs[np.ix_(np.array(self.drawn), own)] = False
            kept = np.flatnonzero(differs[:, own].any(1))
            assert not len(kept), f"{by_hand} ({self.rows[kept[0]]!r} was kept)"
            listener = self.layers[l + 1]
            bias = listener[WEIGHTS_AT] + listener[BIAS] * listener[STRIDE] + np.arange(listener[UNITS])
            moved = np.allclose(P[0, bias], should["net.P"][0, bias], rtol=1e-3, atol=1e-5)
            assert moved, f"{by_hand} (the mean of what it said is not in its listeners' biases)"
            differs[0, bias] = False
            fold, stride = self.mind._tables.fold, listener[STRIDE]
            voice = listener[WEIGHTS_AT] + j * fold * stride + np.arange(fold * stride)
            heard = np.flatnonzero(differs[:, voice].any(1))
            assert not len(heard), f"{by_hand} (its listeners keep {self.rows[heard[0]]!r} of it)"
        reborn = np.flatnonzero(differs[0])
        counted = float(net.G[WEIGHTS_REBORN] - was["net.G"][WEIGHTS_REBORN])
        assert counted == len(reborn), (
            f"{self.name} changes {len(reborn)} weights of units that it does not replace, and counts {counted:g}: "
            "leave them alone, or draw them anew by reset_weight and add 1 to net.G[WEIGHTS_REBORN] for each"
        )
        for q, quantity in enumerate(self.rows):
            if q and not births[COPIES, q]:
                whole = q in self.own_rows or (P[q, reborn] == births[BIRTH, q]).all()
                assert whole, f"{self.name} draws a weight anew and keeps its {quantity!r}: call reset_weight"
            differs[q, reborn] = False
            assert q in self.own_rows or not differs[q].any(), (
                f"{self.name} writes into net.P's row {quantity!r} of units that it does not replace: write to rows "
                "that it declares in weight_rows"
            )

    def _drawn(self, was: _Tables, l: int, own: NDArray[np.intp], by_hand: str) -> None:
        """The weights of a newborn are fresh: none is as it was, all within the bound, the bias 0, copies as they."""
        net = self.watched.net
        P, s = net.P, self.mind.settings
        fresh, bias = own[: self.layers[l, INPUTS]], own[-1]
        fan = min(s.fan_in, len(fresh)) if s.fan_in else len(fresh)
        bound = s.gain * (3.0 / max(fan, 1)) ** 0.5 * 1.001
        moved = (P[0, fresh] != was["net.P"][0, fresh]) | (P[0, fresh] == 0 if s.fan_in else False)
        sound = moved.all() and (np.abs(P[0, fresh]) <= bound).all() and P[0, fresh].any() and P[0, bias] == 0
        sound = sound and all((P[q, own] == P[0, own]).all() for q in np.flatnonzero(net.births[COPIES]))
        assert sound, f"{by_hand} (its incoming weights were not drawn anew)"

    def _the_rest(self, changed: dict[str, NDArray[np.bool_]], newborn: bool) -> None:
        may = {"net.U", "net.P", "net.rng", "work.corrected", "work.mature", "work.pool"}
        if newborn:
            may.add("net.K")
        for array, where in changed.items():
            if array == "net.G":
                others = np.delete(where, [BIRTHS, WEIGHTS_REBORN, WEIGHT_DEBT])
                assert not others.any(), f"{self.name} writes into {described(array)}, beyond those of births"
                continue
            assert array in may, (
                f"{self.name} writes into {described(array)}: write to rows that it declares, and to work.corrected, "
                "work.mature and work.pool"
            )

    def _standing(self, was: _Tables, newborn: list[tuple[int, int]], seen: NDArray[Any]) -> None:
        """Whether the unit that the layer hears most was among those replaced, where there was a choice."""
        tables = self.mind._tables
        tables.net.P[:], tables.net.S[:] = was["net.P"], was["net.S"]
        said = diagnostics.activities(self.mind, seen)
        for l in {l for l, _ in newborn}:
            layer, fold = self.layers[l], tables.fold
            units = int(layer[UNITS])
            ages = was["net.U"][AGE, layer[UNITS_AT] : layer[UNITS_AT] + units]
            moves = said[l].std(0) * np.abs(tables.live(l + 1)[0, : units * fold]).sum(1)
            moves = np.where([is_mature(age, self.maturity) for age in ages], moves.reshape(-1, fold).sum(1), -1.0)
            if (moves >= 0).sum() < _CHOICE:
                continue
            self.chosen += 1
            self.best += (l, int(moves.argmax())) in newborn
