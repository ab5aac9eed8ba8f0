"""What happens to everything that belongs to a unit when another one is born in its place (R6)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from klopf.mind.torch._kinds import kind_of
from klopf.mind.torch._trace import Layer, Part

__all__ = ["reborn"]

_SQUARES = frozenset({"exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum", "exp_inf"})
"""What optimisers keep of squared gradients: a newborn's is the mean of its neighbours', since with none its first
steps would be several times as long as theirs."""


@torch.no_grad()
def reborn(
    model: nn.Module, optimizer: torch.optim.Optimizer, layer: Layer, units: Tensor, means: Mapping[str, Tensor],
    generator: torch.Generator,
) -> None:  # fmt: skip
    """Units ``units`` (shape ``(n,)``) of ``layer`` die, and others are born: incoming weights as a new module would
    have them, biases 0, what norms keep of them as new, outgoing weights 0, and nothing in the optimiser. A
    listener's bias takes over what the dead ones gave in the mean. means: of each listener, its input's mean by
    channel."""
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    modules = dict(model.named_modules())
    for part in layer.parts:
        tensor = tensors[part.name]
        places = torch.unique(part.index[units]).to(tensor.device)
        if part.role == "outgoing":
            _give_back(modules, part, tensor, places, means)
            tensor.index_fill_(part.dim, places, 0.0)
        elif part.role == "incoming" or (part.role == "passed" and math.isnan(part.newborn)):
            drawn = _drawn(tensor, part, modules, len(places), generator)
            tensor.index_copy_(part.dim, places, drawn.to(tensor))
        else:
            tensor.index_fill_(0, places, part.newborn)
        _forget(optimizer, tensor, part.dim, places)


def _drawn(
    tensor: Tensor, part: Part, modules: Mapping[str, nn.Module], many: int, generator: torch.Generator
) -> Tensor:
    """New weights, as PyTorch draws those of such a module: uniform within 1/sqrt(fan-in), of an embedding normal, of
    a recurrent module within 1/sqrt(units)."""
    shape = [*tensor.shape]
    shape[part.dim] = many
    module = modules[part.module]
    if isinstance(module, nn.Embedding):
        return torch.randn(shape, generator=generator)
    if isinstance(module, nn.RNNBase):
        within = 1 / math.sqrt(module.hidden_size)
    else:
        within = 1 / math.sqrt(max(1, tensor.numel() // tensor.shape[part.dim]))
    return (2 * torch.rand(shape, generator=generator) - 1) * within


def _give_back(
    modules: Mapping[str, nn.Module], part: Part, tensor: Tensor, places: Tensor, means: Mapping[str, Tensor]
) -> None:
    """The listener's bias takes over what it heard in the mean; where it has none, that is lost."""
    name = part.module.removesuffix("@")
    kind, mean = kind_of(modules[name]), means.get(part.module)
    if kind is None or not kind.bias or mean is None or part.module.endswith("@"):
        return
    bias = modules[name].get_parameter(kind.bias)
    weights = tensor.index_select(part.dim, places).movedim(part.dim, -1)
    if weights.ndim > 2 and weights.shape[0] != len(bias):  # of a transposed convolution the listeners come second
        return
    given = weights.reshape(len(bias), -1, len(places)).sum(1) @ mean.to(tensor)[places]
    bias.add_(given)


def _forget(optimizer: torch.optim.Optimizer, tensor: Tensor, dim: int, places: Tensor) -> None:
    """Of a parameter's entries, nothing stays in the optimiser."""
    for name, kept in optimizer.state.get(tensor, {}).items():
        if not isinstance(kept, Tensor) or kept.shape != tensor.shape:
            continue
        if name in _SQUARES and len(places) < tensor.shape[dim]:
            stays = torch.ones(tensor.shape[dim], dtype=torch.bool, device=kept.device)
            stays[places] = False
            kept.index_fill_(dim, places, float(kept.index_select(dim, stays.nonzero()[:, 0]).mean()))
        else:
            kept.index_fill_(dim, places, 0.0)
