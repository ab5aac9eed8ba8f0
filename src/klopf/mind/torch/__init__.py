"""Klopf's shared rule and its rivals for any PyTorch module and optimiser (extra ``torch``).

One line is all: a rule finds which units a model has and what belongs to each, listens to them, and acts whenever the
optimiser has made a step.

    optimizer = torch.optim.Adam(model.parameters())
    rule = SharedRule(model, optimizer, example)

What is named here is loaded when it is first used, and needs PyTorch then.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from klopf.extras import require

if TYPE_CHECKING:
    from klopf.mind.torch._report import LayerReport, Report, report
    from klopf.mind.torch._rule import Rule
    from klopf.mind.torch._rules import (
        ContinualBackprop,
        L2Init,
        ReDo,
        SelfNormalisedResets,
        SharedRule,
        ShrinkAndPerturb,
    )

__all__ = [
    "ContinualBackprop",
    "L2Init",
    "LayerReport",
    "ReDo",
    "Report",
    "Rule",
    "SelfNormalisedResets",
    "SharedRule",
    "ShrinkAndPerturb",
    "report",
]

_PLACES = {"LayerReport": "_report", "Report": "_report", "report": "_report", "Rule": "_rule"}
"""Where what is none of the rules is."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require("torch", "klopf.mind.torch")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES.get(name, '_rules')}"), name)


def __dir__() -> list[str]:
    return __all__
