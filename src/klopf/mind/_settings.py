"""The settings of a learner, and the learners that have a name."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from klopf.errors import MindError

__all__ = ["ACTIVATIONS", "LEARNERS", "LIVES", "LOSSES", "RULES", "UTILITIES", "Settings", "settings_for"]

ACTIVATIONS = ("relu", "leaky-relu", "tanh", "sigmoid", "threshold", "crelu")
LOSSES = {"linear": 0, "softmax": 1, "logistic": 2}
RULES = ("sgd", "nlms", "idbd", "autostep", "adam", "rmsprop", "obgd")
LIVES = ("none", "continual")
UTILITIES = ("contribution", "zero-contribution", "adaptable-contribution", "weight", "adaptation")


@dataclass(frozen=True)
class Settings:
    """Everything that may be chosen about how a network learns. Names follow the papers; see docs/mind.md."""

    activation: str = "relu"
    gain: float = math.sqrt(2.0)
    """Hidden weights are drawn from +-gain*sqrt(3/fan-in) (Kaiming uniform); output weights with gain 1."""
    leak: float = 0.01
    rule: str = "sgd"
    step_size: float = 0.01
    meta_step_size: float = 0.01
    tau: float = 10_000.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    kappa: float = 2.0
    life: str = "none"
    utility: str = "adaptable-contribution"
    replacement_rate: float = 1e-4
    maturity: int = 100
    utility_decay: float = 0.99
    active_decay: float = 1e-3

    def __post_init__(self) -> None:
        for name, allowed in (
            ("activation", ACTIVATIONS),
            ("rule", RULES),
            ("life", LIVES),
            ("utility", UTILITIES),
        ):
            if getattr(self, name) not in allowed:
                raise MindError(f"{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}")
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and (not math.isfinite(value) or value < 0):
                raise MindError(f"{field.name}={value!r} must be a finite number and not negative")
        for name in ("utility_decay", "beta1", "beta2", "active_decay"):
            if getattr(self, name) >= 1.0:
                raise MindError(f"{name}={getattr(self, name)!r} must be below 1")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


LEARNERS: dict[str, Settings] = {
    "backprop": Settings(),
    "continual-backprop": Settings(life="continual"),
    "autostep": Settings(rule="autostep"),
}


def settings_for(learner: str, **options: Any) -> Settings:
    """The settings of the learner called ``learner``, with ``options`` in place of its own.

    Raises:
        MindError: no such learner, no such option, or a value it cannot have.
    """
    if learner not in LEARNERS:
        raise MindError(f"no learner is called {learner!r}; choose one of {', '.join(LEARNERS)}")
    known = {field.name for field in fields(Settings)}
    for name in options:
        if name not in known:
            raise MindError(f"a learner has no option {name!r}; it has {', '.join(sorted(known))}")
    return replace(LEARNERS[learner], **options)
