"""Input stages of which each breaks one promise; ``Sound`` breaks none."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from klopf.mind import MindError, Stage


@dataclass(frozen=True)
class Sound(Stage):
    """Inputs, how many rows were learned, and a projection that was drawn."""

    width: int = 3

    kind: ClassVar[str] = "sound"

    def check(self) -> None:
        self.whole("width")

    @property
    def sensors(self) -> int:
        return self.width

    @property
    def features(self) -> int:
        return self.width + 1

    @property
    def cost(self) -> int:
        return self.width

    def state(self, seed: int, dtype: Any) -> Any:
        return {"drawn": np.random.default_rng(seed).normal(size=self.width).astype(dtype), "seen": np.zeros(1)}

    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        state["seen"] += (weights > 0).sum()
        return self.sense(state, x)

    def sense(self, state: Any, x: Any) -> Any:
        return np.concatenate([x, (x * state["drawn"]).sum(1, keepdims=True, dtype=x.dtype)], 1)


class Loud(Sound):
    @property
    def gains(self) -> Any:
        return np.full(self.width, 2.0)


class Raising(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        state["seen"] += 7
        raise ZeroDivisionError("two\nlines")


class Leaving(Sound):
    def sense(self, state: Any, x: Any) -> Any:
        sys.exit(3)


class Wide(Sound):
    def sense(self, state: Any, x: Any) -> Any:
        return np.zeros((len(x), self.features + 1), x.dtype)


class Double(Sound):
    def sense(self, state: Any, x: Any) -> Any:
        return super().sense(state, x).astype(float)


class Listed(Sound):
    def sense(self, state: Any, x: Any) -> Any:
        return super().sense(state, x).tolist()


class Nan(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        made = super().learn(state, x, weights)
        made[0, 0] = np.nan
        return made


class Dropping(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        state.pop("seen")
        return self.sense(state, x)


class Growing(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        state["seen"] = np.append(state["seen"], 1.0)
        return self.sense(state, x)


class Stateless(Sound):
    def state(self, seed: int, dtype: Any) -> Any:
        return None


class Objects(Sound):
    def state(self, seed: int, dtype: Any) -> Any:
        return {"seen": np.zeros(1, bool)}


class Unborn(Sound):
    def state(self, seed: int, dtype: Any) -> Any:
        raise RuntimeError("not yet")


class Half(Sound):
    @property
    def features(self) -> Any:
        return 3.0


class Priceless(Sound):
    @property
    def cost(self) -> int:
        raise RuntimeError("no cost")


@dataclass(frozen=True)
class Wordy(Sound):
    words: Any = ("a", "b")


class Nameless(Sound):
    kind = None  # type: ignore[assignment]


class Unsaved(Sound):
    def saved(self) -> Any:
        return {"kind": "sound"}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unsaved) and other.width == self.width

    __hash__ = None  # type: ignore[assignment]


class Images(Sound):
    kind = "images"


class Unseeded(Sound):
    def state(self, seed: int, dtype: Any) -> Any:
        return super().state(np.random.default_rng().integers(2**31), dtype)


class Shaking(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        np.random.seed(0)
        return super().learn(state, x, weights)


class Looking(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        return super().learn(state, x - x.mean(0), weights)


class Foreseeing(Sound):
    ordered = True

    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        return super().learn(state, x[::-1], weights)


class Forgetful(Sound):
    last = np.zeros((1, 1))

    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        made = super().learn(state, x, weights)
        made[:, 0] += type(self).last[0, 0]
        type(self).last = x[-1:].copy()
        return made


class Touching(Sound):
    def sense(self, state: Any, x: Any) -> Any:
        state["seen"] += 1
        return super().sense(state, x)


class Writing(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        x *= 2
        return super().learn(state, x, weights)


class Weightless(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        state["seen"] += len(x)
        return self.sense(state, x)


class Unordered(Sound):
    def sense(self, state: Any, x: Any) -> Any:
        made = super().sense(state, x)
        made[1:, 0] += x[:-1, 0]
        return made


class Deaf(Sound):
    def sense(self, state: Any, x: Any) -> Any:
        return np.ones((len(x), self.features), x.dtype)


class Refusing(Sound):
    def learn(self, state: Any, x: Any, weights: Any) -> Any:
        raise MindError("a row is dark")
