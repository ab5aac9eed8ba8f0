"""Is it working? Which units there are, what belongs to each, which are dormant, and who would go next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from klopf.mind.torch._kinds import kind_of
from klopf.mind.torch._rule import Rule
from klopf.mind.torch._trace import Layer, traced

__all__ = ["LayerReport", "Report", "report"]

_ACTIVE = 0.01
"""Part of all samples for which a unit must be other than 0, to be none that is dormant."""


@dataclass(frozen=True)
class LayerReport:
    """Of one layer of units. resets: what of a unit is made anew, by tensor. dormant: the part of its units that are
    active for less than 1 % of the samples. rank: effective rank of what it gives (the exponential of the entropy of
    its singular values), at most ``units`` and the number of samples. next: the unit that would be reborn first; -1
    where no rule was asked."""

    name: str
    units: int
    makers: tuple[str, ...]
    listeners: tuple[str, ...]
    resets: tuple[str, ...]
    dormant: float
    rank: float
    next: int


@dataclass(frozen=True)
class Report:
    """What was found in a model; ``print`` it. left_alone: modules whose units no rule touches, and why; warnings:
    those of them that were perhaps not meant."""

    layers: tuple[LayerReport, ...]
    left_alone: dict[str, str]
    births: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        meant = "its units are the model's output"
        return tuple(f"{name}: {why}" for name, why in self.left_alone.items() if why != meant)

    def __str__(self) -> str:
        lines = [f"{'layer':<28}{'units':>7}{'dormant':>9}{'rank':>8}{'next':>6}  heard by"]
        for one in self.layers:
            going = str(one.next) if one.next >= 0 else ""
            lines.append(f"{one.name[:27]:<28}{one.units:>7}{100 * one.dormant:>8.1f}%{one.rank:>8.1f}{going:>6}  "
                         f"{', '.join(name.removesuffix('@') for name in one.listeners)}")  # fmt: skip
            lines.append(f"    of a unit is made anew: {', '.join(one.resets)}")
        lines += [f"left alone: {name}: {why}" for name, why in self.left_alone.items()]
        lines.append(f"{self.births} units were reborn so far")
        return "\n".join(lines)


def report(model: nn.Module, example: Any, rule: Rule | None = None) -> Report:
    """Ask a model which of its units a rule can judge, and how they are.

    Args:
        example: a batch that the model can be called with, the larger the better: dormant units and ranks are
            measured on it. rule: that is used with it, for who would go next and how many have gone.

    Raises:
        MindError: the model cannot be called with it.
    """
    model = getattr(model, "_orig_mod", model)
    trace = rule.trace if rule is not None else traced(model, example)
    going = dict(rule.next_to_go()) if rule is not None else {}
    given = _given(model, trace.layers, example if isinstance(example, tuple) else (example,))
    rows = []
    for layer in trace.layers:
        shown = given[layer.name]
        resets = dict.fromkeys(part.name for part in layer.parts)
        rows.append(LayerReport(
            layer.name, layer.units, layer.makers, tuple(layer.listeners), tuple(resets),
            float(((shown != 0).float().mean(0) < _ACTIVE).float().mean()), _rank(shown), going.get(layer.name, -1),
        ))  # fmt: skip
    return Report(tuple(rows), dict(trace.left_alone), rule.births if rule is not None else 0)


@torch.no_grad()
def _given(model: nn.Module, layers: list[Layer], example: tuple[Any, ...]) -> dict[str, Tensor]:
    """What the first listener of each layer is given, shape ``(samples, units)``; places of an image are samples,
    too."""
    found: dict[str, Tensor] = {}
    handles, modules = [], dict(model.named_modules())
    for layer in layers:
        name = next(iter(layer.listeners))
        kind = kind_of(modules[name.removesuffix("@")])
        assert kind is not None

        def look(
            module: nn.Module, args: Any, *more: Any, layer: Layer = layer, name: str = name, at: int = kind.channel
        ) -> None:
            given = more[-1][0] if name.endswith("@") else (args[0] if args else next(iter(more[0].values())))
            rows = given.detach().float().movedim(at, -1).reshape(-1, given.shape[at])
            index = layer.listeners[name].to(rows.device)
            found[layer.name] = rows[:, index].movedim(2, 1).reshape(-1, layer.units)

        module = modules[name.removesuffix("@")]
        handles.append(module.register_forward_hook(look) if name.endswith("@")
                       else module.register_forward_pre_hook(look, with_kwargs=True))  # fmt: skip
    was = model.training
    try:
        model.eval()
        model(*example)
    finally:
        model.train(was)
        for handle in handles:
            handle.remove()
    return found


def _rank(shown: Tensor) -> float:
    """Effective rank, of at most 2,000 samples."""
    rows = shown[torch.linspace(0, len(shown) - 1, min(len(shown), 2000)).long()]
    values = torch.linalg.svdvals(rows.double())
    if float(values.sum()) <= 0:
        return 0.0
    parts = values / values.sum()
    parts = parts[parts > 0]
    return float(torch.exp(-(parts * parts.log()).sum()))
