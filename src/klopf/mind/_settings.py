"""The settings of a learner, and the learners that have a name."""

from __future__ import annotations

import functools
import math
from dataclasses import asdict, dataclass, fields, make_dataclass
from typing import Any

import numpy as np

from klopf.errors import MindError
from klopf.mind.kernels.part import Hyperparameter, Part
from klopf.mind.kernels.parts import COMMON as COMMON_OPTIONS
from klopf.mind.kernels.parts import LIVES, POINT, RULES, life_called, registered, rule_called

__all__ = [
    "ACTIVATIONS",
    "COMMON",
    "LEARNERS",
    "LOSSES",
    "UTILITIES",
    "Settings",
    "checked_seed",
    "defaults",
    "plain",
    "settings_for",
]

ACTIVATIONS = ("relu", "leaky-relu", "tanh", "sigmoid", "threshold", "crelu")
LOSSES = {"linear": 0, "softmax": 1, "logistic": 2}
WEIGHT_UTILITIES = ("magnitude", "gradient")
UTILITIES = ("contribution", "zero-contribution", "adaptable-contribution", "weight", "adaptation")

COMMON = (
    Hyperparameter("leak", 0.01),
    Hyperparameter("horizon", 1e5, at_least=1),
    Hyperparameter("epsilon", 1e-8, positive=True),
    Hyperparameter("gain", math.sqrt(2.0)),
    Hyperparameter("fan_in", 0),
    Hyperparameter("rewiring_rate", 0.0),
    Hyperparameter("step_size", 0.01),
    Hyperparameter("l2", 0.0),
    Hyperparameter("l2_init", 0.0),
    Hyperparameter("perturb", 0.0),
    Hyperparameter("perturb_every", 1, at_least=1),
    Hyperparameter("maturity", 100),
    Hyperparameter("utility_decay", 0.99, below=1),
    Hyperparameter("active_decay", 1e-3, below=1, positive=True),
    Hyperparameter("admission", 1.0),
    Hyperparameter("protect", 0.0),
    Hyperparameter("quiet", 0.0),
    Hyperparameter("explore", 0.0),
    Hyperparameter("grow_every", 0),
    Hyperparameter("memory", 0),
    Hyperparameter("trees", 0),
)
"""What any network has, whatever its rule and life; those have their own beside it."""


@dataclass(frozen=True)
class Settings:
    """Everything that may be chosen about how a network learns, at four levels: connections, weights, step-sizes and
    the life of units. The rules compose. Names follow the papers; the pages in docs/mind give equations and sources.
    """

    activation: str = "relu"
    leak: float = 0.01
    layer_norm: bool = False
    """Normalise every hidden layer before its activation, without learned scale or shift."""
    normalise_inputs: bool = False
    """Shift and scale every sensor by its running mean and deviation, which follow changes and bear outliers; NaN is
    then a missing value."""
    scale_targets: bool = False
    """With numbers as targets: shift and scale every one in the same way, inside; predictions are in its unit. On for
    the Klopf learner; the rivals are as in their papers."""
    horizon: float = 1e5
    """Samples over which those means and deviations run."""
    gain: float = math.sqrt(2.0)
    """Hidden weights are drawn from +-gain*sqrt(3/fan-in) (Kaiming uniform); output weights with gain 1."""
    shortcut: bool = False
    """The output units listen to the sensors too."""

    fan_in: int = 0
    """Connections: inputs that a hidden unit listens to; 0 for all."""
    rewiring_rate: float = 0.0
    """Connections: share of a layer's units that turn, each step, from their weakest input to one never heard."""

    rule: str = "sgd"
    step_size: float = 0.01
    meta_step_size: float = 0.01
    tau: float = 10_000.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    kappa: float = 2.0
    prior: float = 3.0
    """kalman: how uncertain a newborn hidden unit's input is, as a variance, when its inputs are as loud as usual; each
    of its weights has an equal part of it."""
    listening_prior: float = 3.0
    """kalman: the same for output units."""
    drift: float = 1e-3
    """kalman: how fast, per step that tells something, what is known drifts back to the prior."""
    surprise: float = 0.0
    """kalman, of classes: above 0 the drift is multiplied by this power of (errors that came / errors expected)."""
    noise: float = 1.0
    """kalman, of classes: 1 follows the likelihood, more is more careful; upgd: deviation of the noise in gradients."""
    noise_share: float = 0.3
    """kalman, of numbers: the variance of the targets' noise is this share of the running squared error; with
    ``surprise`` above 0 it is the share where four fifths are explained, and rises to 1 where nothing is."""
    block: int = 0
    """kalman: a unit with at most this many inputs keeps a covariance of its own."""
    shared: int = 1024
    """kalman: above that, and up to this many inputs, a layer's units share one covariance; wider, its diagonal."""

    l2: float = 0.0
    l2_init: float = 0.0
    perturb: float = 0.0
    """Deviation of the noise added to every weight, every step."""
    perturb_every: int = 1
    """Add it only every so many steps, with the same variance per step."""

    life: str = "none"
    utility: str = "adaptable-contribution"
    replacement_rate: float = 1e-4
    """continual: births per mature unit and step; with rule "kalman" and classes as far as errors surprise."""
    maturity: int = 100
    utility_decay: float = 0.99
    active_decay: float = 1e-3
    dormant: float = 0.025
    """redo: a unit whose mean activity is at most this share of its layer's is replaced."""
    check_every: int = 1000
    """redo, weights: steps between replacements."""
    reset_fraction: float = 1e-3
    """weights: share of a layer's weights, the least useful, drawn anew at each check."""
    weight_utility: str = "magnitude"
    """weights: "magnitude", or "gradient": the running mean, with ``utility_decay``, of ``|weight * gradient|``."""
    tail: float = 0.02
    """snr: a unit silent for longer than all but this share of its own silences is replaced."""
    admission: float = 1.0
    """Share of the others' step-size that listeners give a newborn at first (R5); it grows if the newborn is useful."""

    protect: float = 0.0
    """Backbone: a unit's step is divided by 1 + protect * (its share of its layer's movement, 1 on average)."""
    quiet: float = 0.0
    """Local goal: a unit active for less than this share of the time raises its bias."""
    explore: float = 0.0
    """Fringe: step of the units that nobody hears, towards what their listener still gets wrong."""

    grow_every: int = 0
    """Start without hidden units and add one every so many steps, up to the sizes in ``hidden``; 0 for all at once."""
    memory: int = 0
    """Company: how many of the last samples are remembered, for their nearest neighbours to speak; 0 for none."""
    trees: int = 0
    """Company: trees that grow with the stream; with ``memory`` or trees, what came lately speaks too."""
    track: bool = False
    """Keep every unit's record even where no rule needs it, for ``report``."""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("activation", ACTIVATIONS),
            ("utility", UTILITIES),
            ("weight_utility", WEIGHT_UTILITIES),
        ):
            if getattr(self, name) not in allowed:
                raise MindError(f"{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}")
        rule, life = rule_called(self.rule), life_called(self.life)
        for field in fields(self):
            value = plain(getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            if isinstance(field.default, bool) and not isinstance(value, bool):
                raise MindError(f"{field.name}={value!r} must be True or False")
        for hyperparameter in _hyperparameters(rule, life):
            hyperparameter.check(getattr(self, hyperparameter.name, hyperparameter.default))
        if self.admission > 1.0:
            raise MindError(f"admission={self.admission!r} is a share: at most 1")
        if self.admission < 1.0 and (self.life != "continual" or not rule.admits):
            rules = ", ".join(name for name in RULES if rule_called(name).admits)
            raise MindError(f"admission below 1 needs life='continual' and one of the rules {rules}")
        rule().check(self)
        life().check(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


def _hyperparameters(*parts: type[Part]) -> dict[Hyperparameter, None]:
    """Those that any network has, those of everything that Klopf ships, so that none is wrong that is not used, and
    those of ``parts``."""
    shipped = (*(rule_called(name) for name in RULES), *(life_called(name) for name in LIVES))
    return dict.fromkeys((*COMMON, *(h for part in (*shipped, *parts) for h in part.hyperparameters)))


def defaults(settings: type[Settings]) -> dict[str, Any]:
    """The options that Klopf has, with their defaults."""
    return {field.name: field.default for field in fields(settings)}


def plain(value: Any) -> Any:
    """A number of NumPy's as Python's own, so that it can be saved; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def checked_seed(seed: Any) -> int:
    """``seed`` as Python's own whole number.

    Raises:
        MindError: it is not a whole number from 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise MindError(f"seed={seed!r} must be a whole number from 0")
    return int(seed)


COMMON_OPTIONS.update(defaults(Settings))
for _name in (*RULES, *LIVES):  # what is registered by half is refused here, not when somebody first learns by it
    registered(_name, POINT.load(_name))


LEARNERS: dict[str, Settings] = {
    "klopf": Settings(
        activation="tanh", gain=1.0, rule="kalman", block=24, prior=10.0, drift=5e-4, surprise=2.0, life="continual",
        replacement_rate=3e-4, scale_targets=True,
    ),
    "backprop": Settings(),
    "continual-backprop": Settings(life="continual"),
    "l2": Settings(l2=1e-2),
    "l2-init": Settings(l2_init=1e-2),
    "shrink-perturb": Settings(l2=1e-2, perturb=1e-3),
    "redo": Settings(life="redo"),
    "snr": Settings(life="snr"),
    "upgd": Settings(rule="upgd", l2=1e-3, noise=1e-3, beta2=0.999),
    "weight-reinit": Settings(life="weights"),
    "layer-norm": Settings(layer_norm=True),
    "crelu": Settings(activation="crelu"),
    "linear": Settings(),
    "autostep": Settings(rule="autostep"),
}  # fmt: skip
"""The learners that have a name, at their defaults. ``linear`` has no hidden units whatever ``hidden`` says."""


def settings_for(learner: str, **options: Any) -> Settings:
    """The settings of the learner called ``learner``, with ``options`` in place of its own.

    Raises:
        MindError: no such learner, no such option, or a value it cannot have.
    """
    if learner not in LEARNERS:
        raise MindError(f"no learner is called {learner!r}; choose one of {', '.join(LEARNERS)}")
    own = LEARNERS[learner]
    rule, life = rule_called(options.get("rule", own.rule)), life_called(options.get("life", own.life))
    kind = _with_options_of(rule, life)
    known = {field.name for field in fields(kind)}
    for name in options:
        if name not in known:
            raise MindError(f"a learner has no option {name!r}; it has {', '.join(sorted(known))}")
    return kind(**{**own.as_dict(), **options})


@functools.cache
def _with_options_of(rule: type[Part], life: type[Part]) -> type[Settings]:
    """``Settings``, with a field more for each option that only a rule or life from outside has."""
    known = set(defaults(Settings))
    more = {h.name: h.default for part in (rule, life) for h in part.hyperparameters if h.name not in known}
    if not more:
        return Settings
    return make_dataclass("Settings", [(n, type(v), v) for n, v in more.items()], bases=(Settings,), frozen=True)
