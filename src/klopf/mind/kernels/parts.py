"""The rules and lives there are: Klopf's own, a line each, and those of packages installed beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.errors import ExtensionError, MindError
from klopf.extensions import Point, imported
from klopf.mind.kernels.part import Life, Part, Rule, checked_part

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan

__all__ = [
    "COMMON",
    "LIVES",
    "POINT",
    "RULES",
    "SHIPPED",
    "birth_factor",
    "is_known",
    "life_called",
    "package_of",
    "registered",
    "rule_called",
]

RULES = {
    "sgd": "klopf.mind.kernels.rules.sgd:SGD",
    "nlms": "klopf.mind.kernels.rules.nlms:NLMS",
    "idbd": "klopf.mind.kernels.rules.idbd:IDBD",
    "autostep": "klopf.mind.kernels.rules.autostep:Autostep",
    "adam": "klopf.mind.kernels.rules.adam:Adam",
    "rmsprop": "klopf.mind.kernels.rules.rmsprop:RMSProp",
    "obgd": "klopf.mind.kernels.rules.obgd:ObGD",
    "upgd": "klopf.mind.kernels.rules.upgd:UPGD",
    "kalman": "klopf.mind.kernels.rules.kalman:Kalman",
}
LIVES = {
    "none": "klopf.mind.kernels.life.none:NoLife",
    "continual": "klopf.mind.kernels.life.continual:Continual",
    "redo": "klopf.mind.kernels.life.redo:ReDo",
    "snr": "klopf.mind.kernels.life.snr:SNR",
    "weights": "klopf.mind.kernels.life.weights:Weights",
}
SHIPPED = {**RULES, **LIVES}

POINT = Point("klopf.learners", "rule or life of learners", "klopf.mind.kernels.part:Part", SHIPPED)


def rule_called(name: str) -> type[Rule]:
    """The rule of that name, complete.

    Raises:
        MindError: there is none, it is a life, its package cannot be loaded, or it is registered by half.
    """
    part = _part(name, "rule", RULES)
    if not issubclass(part, Rule):
        raise MindError(f"rule={name!r} is no rule but a life; say life={name!r}")
    return part


def life_called(name: str) -> type[Life]:
    """The life of that name, complete. Raises as :func:`rule_called`."""
    part = _part(name, "life", LIVES)
    if not issubclass(part, Life):
        raise MindError(f"life={name!r} is no life but a rule; say rule={name!r}")
    return part


def package_of(name: str) -> str:
    """The package that has the rule or life of that name."""
    return name.split(":")[0].split(".")[0] if ":" in name else POINT.origin(name)


def is_known(name: str) -> bool:
    """Whether a rule or life of that name is installed, or, of one that is named by its place, was used already."""
    return name in _CHECKED if ":" in name else name in POINT


def _part(name: Any, kind: str, own: dict[str, str]) -> type[Part]:
    if name in _CHECKED:
        return _CHECKED[name]
    try:
        if isinstance(name, str) and ":" in name:  # module:Class, of what is not installed as a package
            return registered(name, imported(name, POINT.base, f"the {kind} {name!r}"))
        if name in POINT:
            return registered(name, POINT.load(name))
    except ExtensionError as error:
        raise MindError(str(error)) from error
    names = ", ".join((*own, *(n for n in POINT if n not in SHIPPED)))
    raise MindError(f"{kind}={name!r} is not one of {names}")


_CHECKED: dict[str, type[Part]] = {}

COMMON: dict[str, Any] = {}
"""The options that every learner has, with their defaults; the settings, which know them, put them here."""


def registered(name: str, part: type[Part]) -> type[Part]:
    """``part``, which is to be found as ``name``, if it is complete and goes with all others.

    Raises:
        MindError: what is missing or said twice, in one line.
    """
    if ":" not in name and getattr(part, "name", None) != name:
        raise MindError(f"{part.__module__}.{part.__qualname__} is registered as {name!r} but has the name "
                        f"{getattr(part, 'name', None)!r}; let both be the same")  # fmt: skip
    _CHECKED[name] = checked_part(part, COMMON, _CHECKED)
    return part


def birth_factor(plan: Plan) -> Any:
    """The rule's kernel by which the rate of births is multiplied, or None."""
    return rule_called(plan.rule)().birth_factor(plan)
