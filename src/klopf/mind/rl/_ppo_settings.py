"""What may be chosen about an agent that learns by proximal policy optimisation."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar

from klopf.errors import MindError
from klopf.mind._settings import plain

__all__ = ["PPOSettings", "ppo_settings_for"]

ACTIVATIONS = ("tanh", "relu")
TIME_OUTS = ("bootstrap", "terminate")
_BELOW_ONE = ("beta1", "beta2", "utility_decay", "replacement_rate")
_AT_MOST_ONE = ("gamma", "trace_decay", "smallest")
_FROM_ONE = ("rollout", "epochs")


@dataclass(frozen=True)
class PPOSettings:
    """Everything that may be chosen about PPO. The defaults are what is usual for continuous control."""

    algorithm: ClassVar[str] = "ppo"
    hidden: tuple[int, ...] = (64, 64)
    """Units in each hidden layer, of the policy and of the value."""
    activation: str = "tanh"
    """tanh or relu."""
    gamma: float = 0.99
    """Discount."""
    trace_decay: float = 0.95
    """Lambda of generalised advantages."""
    step_size: float = 3e-4
    beta1: float = 0.9
    beta2: float = 0.999
    """Of Adam's running means; equal to ``beta1`` for what later papers call proper."""
    epsilon: float = 1e-5
    rollout: int = 2048
    """Steps that are lived before they are learned from."""
    epochs: int = 10
    minibatch: int = 64
    clip: float = 0.2
    """How far from 1 the ratio of an action's new probability to its old one is rewarded."""
    entropy: float = 0.0
    value_weight: float = 0.5
    """Weight of the values' mean squared error."""
    largest_gradient: float = 0.5
    """Norm to which the whole gradient is shortened; 0 for none."""
    weight_decay: float = 0.0
    """L2: this part of each weight is added to its gradient, before Adam."""
    noise: float = 0.0
    """After each step of Adam weights get noise of this many times 1/sqrt(fan-in)."""
    normalise_observations: bool = True
    scale_rewards: bool = True
    time_out: str = "bootstrap"
    """What follows a truncated episode: its estimated value ("bootstrap"), or nothing ("terminate")."""
    replacement_rate: float = 0.0
    """Part of the mature hidden units that are reborn in a step of Adam: continual backpropagation; 0 for none."""
    maturity: int = 10_000
    """Steps of Adam before a unit is judged."""
    utility_decay: float = 0.99
    protected: float = 0.0
    """A unit of at least so many times its layer's mean utility is not reborn (R2); 0 for no such protection."""
    smallest: float = 1.0
    """Part of a step by which listeners of a newborn move their weights for it until it is mature (R5); 1 for all."""

    def __post_init__(self) -> None:
        for name, values in (("activation", ACTIVATIONS), ("time_out", TIME_OUTS)):
            if getattr(self, name) not in values:
                raise MindError(f"{name}={getattr(self, name)!r} is not one of {', '.join(values)}")
        for field in fields(self):
            value, default = plain(getattr(self, field.name)), field.default
            object.__setattr__(self, field.name, value)
            if isinstance(default, bool):
                if not isinstance(value, bool):
                    raise MindError(f"{field.name}={value!r} must be True or False")
            elif isinstance(default, int | float):
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise MindError(f"{field.name}={value!r} must be a number")
                if not math.isfinite(value) or value < 0:
                    raise MindError(f"{field.name}={value!r} must be finite and not negative")
                if isinstance(default, int) and value != int(value):
                    raise MindError(f"{field.name}={value!r} must be a whole number")
        for name in _BELOW_ONE:
            if getattr(self, name) >= 1:
                raise MindError(f"{name}={getattr(self, name)!r} must be below 1")
        for name in _AT_MOST_ONE:
            if getattr(self, name) > 1:
                raise MindError(f"{name}={getattr(self, name)!r} must be at most 1")
        for name in _FROM_ONE:
            if getattr(self, name) < 1:
                raise MindError(f"{name}={getattr(self, name)!r} must be at least 1")
        if not 2 <= self.minibatch <= self.rollout:
            raise MindError(f"minibatch={self.minibatch!r} must be from 2 to the rollout's {self.rollout:,} steps")
        if self.smallest == 0 or self.epsilon == 0:
            raise MindError("smallest and epsilon must be above 0")
        if not isinstance(self.hidden, tuple) or not self.hidden or any(
            isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in self.hidden
        ):  # fmt: skip
            raise MindError(f"hidden={self.hidden!r} must be a tuple of whole numbers from 1")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self) | {"hidden": list(self.hidden)}


def ppo_settings_for(**options: Any) -> PPOSettings:
    """The settings with ``options`` in place of the defaults.

    Raises:
        MindError: no such option, or a value it cannot have.
    """
    known = {field.name for field in fields(PPOSettings)}
    for name in options:
        if name not in known:
            raise MindError(f"ppo has no option {name!r}; it has {', '.join(sorted(known))}")
    if "hidden" in options:
        try:
            options["hidden"] = tuple(plain(n) for n in options["hidden"])
        except TypeError as error:
            raise MindError(f"hidden={options['hidden']!r} must be a sequence of sizes, such as (64, 64)") from error
    return replace(PPOSettings(), **options)
