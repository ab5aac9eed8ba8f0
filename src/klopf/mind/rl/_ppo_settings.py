"""What may be chosen about an agent that learns by proximal policy optimisation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from klopf.errors import MindError
from klopf.mind.rl._options import at_least, at_most, below, numbers, sizes, with_options, words

__all__ = ["PPOSettings", "ppo_settings_for"]

ACTIVATIONS = ("tanh", "relu")
TIME_OUTS = ("bootstrap", "terminate")


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
        words(self, {"activation": ACTIVATIONS, "time_out": TIME_OUTS})
        numbers(self)
        below(self, 1, ("beta1", "beta2", "utility_decay", "replacement_rate"))
        at_most(self, 1, ("gamma", "trace_decay", "smallest"))
        at_least(self, 1, ("rollout", "epochs"))
        if not 2 <= self.minibatch <= self.rollout:
            raise MindError(f"minibatch={self.minibatch!r} must be from 2 to the rollout's {self.rollout:,} steps")
        if self.smallest == 0 or self.epsilon == 0:
            raise MindError("smallest and epsilon must be above 0")
        sizes(self, fewest=1)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self) | {"hidden": list(self.hidden)}


def ppo_settings_for(**options: Any) -> PPOSettings:
    """The settings with ``options`` in place of the defaults.

    Raises:
        MindError: no such option, or a value it cannot have.
    """
    return with_options(PPOSettings(), PPOSettings.algorithm, options)
