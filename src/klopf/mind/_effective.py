"""Which of a learner's settings matter for it: a rule that is off has no say, and neither have its numbers."""

from __future__ import annotations

from typing import Any

from klopf.mind._settings import Settings
from klopf.mind.kernels.parts import life_called, rule_called

__all__ = ["effective"]

ALWAYS = (
    "activation", "gain", "layer_norm", "normalise_inputs", "shortcut", "fan_in", "rewiring_rate", "rule", "l2",
    "l2_init", "perturb", "life", "protect", "quiet", "explore", "grow_every",
    "memory", "trees",
)  # fmt: skip

CHOICES = {"continual": ("utility",), "weights": ("weight_utility",)}
"""Settings of a life that are words, not numbers."""


def effective(s: Settings) -> dict[str, Any]:
    """The settings that say how a learner learns: switches and strengths, and the numbers of what is switched on.

    >>> effective(Settings())["step_size"], "prior" in effective(Settings())
    (0.01, False)
    """
    rule, life = rule_called(s.rule), life_called(s.life)
    own = {h.name for part in (rule, life) for h in part.hyperparameters}
    names = {*ALWAYS, *own, *CHOICES.get(s.life, ())}
    if s.l2 or s.l2_init or s.quiet or s.explore:
        names.add("step_size")
    if s.activation == "leaky-relu":
        names.add("leak")
    if s.scale_targets:
        names.add("scale_targets")
    if s.normalise_inputs or s.scale_targets:
        names.add("horizon")
    if s.perturb:
        names.add("perturb_every")
    if s.weight_utility == "gradient" and s.life == "weights":
        names.add("utility_decay")
    if s.quiet or s.protect or s.explore:
        names.add("active_decay")
    return {name: value for name, value in s.as_dict().items() if name in names}
