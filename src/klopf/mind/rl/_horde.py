"""Many predictions about one stream, learned at once: general value functions."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.mind import _file
from klopf.mind._checked import plain
from klopf.mind._memory import enough_room, zeros
from klopf.mind._turns import Kept, Turns, in_turn
from klopf.mind.kernels.state import MOST

__all__ = ["Horde"]


class Horde(Kept):
    """Demons that each predict the discounted sum of their own cumulant from the same features.

    Sutton, Modayil, Delp, Degris, Pilarski, White and Precup (2011), *Horde*; each demon learns by linear TD(λ) within
    ObGD's bound, on policy. Give features that include a constant 1 where a demon should have a bias.

    Args:
        features: how many numbers describe what is seen.
        discounts: one for each demon, from 0 to 1 (1 only where something ends); or its horizon as ``1 - 1/steps``.
        trace_decay: lambda, one number or one for each demon.
        step_size: alpha of ObGD.
        kappa: how far below overshooting a step stays.

    Raises:
        MindError: a number that makes no sense.

    >>> h = Horde(features=2, discounts=[0.0, 0.9])
    >>> h.begin([1.0, 0.0])
    >>> h.step([1.0, 1.0], [1.0, 0.0]).shape
    (2,)
    """

    def __init__(
        self,
        features: int,
        discounts: Sequence[float] | NDArray[Any],
        trace_decay: float | Sequence[float] | NDArray[Any] = 0.8,
        step_size: float = 1.0,
        kappa: float = 2.0,
    ) -> None:
        if isinstance(features, bool) or not isinstance(features, int | np.integer) or features < 1:
            raise MindError(f"features={features!r} must be a whole number from 1")
        try:
            self.discounts = np.array(discounts, np.float64).reshape(-1)
            self.trace_decay = np.broadcast_to(np.asarray(trace_decay, np.float64), self.discounts.shape).copy()
        except (TypeError, ValueError) as error:
            raise MindError(f"discounts and trace_decay must be numbers, one for each demon: {error}") from error
        for name, values in (("discounts", self.discounts), ("trace_decay", self.trace_decay)):
            if not len(values) or not ((values >= 0) & (values <= 1)).all():
                raise MindError(f"{name} must be from 0 to 1, one for each demon")
        for name, value in (("step_size", step_size), ("kappa", kappa)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise MindError(f"{name}={value!r} must be a number above 0")
        self.features, self.step_size, self.kappa = int(features), float(step_size), float(kappa)
        demons = len(self.discounts)
        with enough_room(f"{demons} demons of {self.features} features"):
            self._W, self._E = zeros((demons, self.features), float), zeros((demons, self.features), float)
        self._x, self._faded = zeros(self.features, float), zeros(demons, float)
        self._V, self._D, self._out = zeros(demons, float), zeros(demons, float), zeros(demons, float)
        self._begun = False
        self._turns = Turns()

    def __len__(self) -> int:
        return len(self.discounts)

    @property
    @in_turn
    def weights(self) -> NDArray[Any]:
        """A copy of all weights, shape ``(demons, features)``."""
        return self._W.copy()

    @property
    @in_turn
    def errors(self) -> NDArray[Any]:
        """A copy of the last TD errors, shape ``(demons,)``."""
        return self._D.copy()

    @in_turn
    def begin(self, x: ArrayLike) -> None:
        """A stream (or an episode of it) begins at features ``x``, shape ``(features,)``."""
        self._x = self._checked(x, self.features, "feature").copy()
        self._E[:] = 0.0
        self._faded[:] = 0.0
        self._begun = True

    @in_turn
    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """All predictions for features ``x``, shape ``(demons,)``. Changes nothing."""
        said: NDArray[Any] = self._W @ self._checked(x, self.features, "feature")
        return said

    @in_turn
    def step(
        self, cumulants: ArrayLike, x2: ArrayLike, terminated: bool = False, discounts: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Learn from one transition to features ``x2``; returns the predictions there, shape ``(demons,)``.

        Args:
            cumulants: what each demon just received, shape ``(demons,)``.
            x2: what is seen now.
            terminated: nothing follows; then ``begin`` again.
            discounts: of this transition, where they depend on the state; the demons' own if not given.

        Raises:
            MindError: anything that cannot be learned from; the Horde is then as it was.
        """
        if not self._begun:
            raise MindError("nothing has begun; call begin(features) first")
        seen = self._checked(x2, self.features, "feature")
        told = self._checked(cumulants, len(self), "cumulant")
        now = self.discounts if discounts is None else self._checked(discounts, len(self), "discount")
        if discounts is not None and not ((now >= 0) & (now <= 1)).all():
            raise MindError("discounts must be from 0 to 1, one for each demon")
        if terminated:
            now = np.zeros(len(self))
        kernel = importlib.import_module("klopf.mind.rl._kernels.linear")
        kernel.horde(
            self._W, self._E, self._V, self._D, self._x, told, now, self._faded, self.trace_decay, seen,
            self.step_size, self.kappa, bool(terminated), self._out,
        )  # fmt: skip
        self._x = seen.copy()
        self._faded = np.array(now)
        self._begun = not terminated
        return self._out.copy()

    def _checked(self, given: ArrayLike, n: int, what: str) -> NDArray[Any]:
        values = plain(given, np.float64, what)
        if values.shape != (n,):
            raise MindError(f"{n} {what}s are needed, not an array of shape {values.shape}")
        if not np.abs(values).max() <= MOST:
            raise MindError(f"a {what} is NaN, infinite or beyond {MOST:g}; mend what makes it")
        return values

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write this Horde to one file, atomically; ``load`` goes on to the bit."""
        with self._turns:
            header = {"kind": "Horde", "features": self.features, "step_size": self.step_size, "kappa": self.kappa,
                      "begun": self._begun}  # fmt: skip
            body = _file.pack(header, self._arrays())
        _file.write(path, body)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"weights": self._W, "traces": self._E, "seen": self._x, "faded": self._faded,
                "discounts": self.discounts, "lambdas": self.trace_decay, "errors": self._D}  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Horde:
        """The Horde that ``save`` wrote.

        Raises:
            MindError: no such file, damaged, or not a Horde.
        """
        header, arrays = _file.read(path)
        if header.get("kind") != "Horde":
            raise MindError(f"{path} is not a saved Horde")
        made = cls(header["features"], arrays["discounts"], arrays["lambdas"], header["step_size"], header["kappa"])
        for name, mine in made._arrays().items():
            mine[...] = arrays[name]
        made._begun = bool(header["begun"])
        return made
