"""Which of a learner's settings matter for it: a rule that is off has no say, and neither have its numbers."""

from __future__ import annotations

from typing import Any

from klopf.mind._settings import Settings

__all__ = ["effective"]

ALWAYS = (
    "activation", "gain", "layer_norm", "normalise_inputs", "shortcut", "fan_in", "rewiring_rate", "rule", "l2",
    "l2_init", "perturb", "life", "protect", "quiet", "explore", "grow_every",
)  # fmt: skip

RULES: dict[str, tuple[str, ...]] = {
    "nlms": ("epsilon",),
    "idbd": ("meta_step_size",),
    "autostep": ("meta_step_size", "tau"),
    "adam": ("beta1", "beta2", "epsilon"),
    "rmsprop": ("beta2", "epsilon"),
    "obgd": ("kappa",),
    "upgd": ("noise", "beta2"),
    "kalman": ("prior", "listening_prior", "drift", "surprise", "noise", "noise_share", "block", "shared"),
}

LIVES: dict[str, tuple[str, ...]] = {
    "continual": ("utility", "replacement_rate", "maturity", "utility_decay", "admission"),
    "redo": ("dormant", "check_every", "active_decay", "utility_decay"),
    "snr": ("tail", "maturity", "active_decay", "utility_decay"),
    "weights": ("check_every", "reset_fraction", "weight_utility"),
}


def effective(s: Settings) -> dict[str, Any]:
    """The settings that say how a learner learns: switches and strengths, and the numbers of what is switched on.

    >>> effective(Settings())["step_size"], "prior" in effective(Settings())
    (0.01, False)
    """
    names = {*ALWAYS, *RULES.get(s.rule, ()), *LIVES.get(s.life, ())}
    if s.rule != "kalman" or s.l2 or s.l2_init or s.quiet or s.explore:
        names.add("step_size")
    if s.activation == "leaky-relu":
        names.add("leak")
    if s.normalise_inputs:
        names.add("horizon")
    if s.perturb:
        names.add("perturb_every")
    if s.weight_utility == "gradient" and s.life == "weights":
        names.add("utility_decay")
    if s.quiet or s.protect or s.explore:
        names.add("active_decay")
    return {name: value for name, value in s.as_dict().items() if name in names}
