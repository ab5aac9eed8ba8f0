"""Which modules make units, which listen to them, and which only pass them on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

__all__ = ["Kind", "kind_of"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_BATCH = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_GATES = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}


@dataclass(frozen=True)
class Kind:
    """How a module's parameters belong to the units that it makes, hears or passes on.

    made, heard: name and dimension of the weights along which the units of its output, of its input, lie; more than one
    where the module keeps them apart. beside: other entries of a unit that it makes (biases), along their first
    dimension. gates: rows of ``made`` that one unit has, that many units apart. passed: entries along their first
    dimension of a unit that goes through, and what a newborn's are. own: name and dimension of weights by which it
    hears its own output. bias: what is added to what it hears, and can take over what a dead unit gave. channel: the
    dimension of its input and output in which units lie.
    """

    made: tuple[tuple[str, int], ...] = ()
    heard: tuple[tuple[str, int], ...] = ()
    beside: tuple[str, ...] = ()
    gates: int = 1
    passed: tuple[tuple[str, float], ...] = ()
    own: tuple[tuple[str, int], ...] = ()
    bias: str = ""
    channel: int = -1


def kind_of(module: nn.Module) -> Kind | None:
    """What it is, or None where it is none of those that are known: its own parameters belong to nobody then."""
    if isinstance(module, nn.Linear):
        return Kind((("weight", 0),), (("weight", 1),), _there(module, "bias"), bias=_first(module, "bias"))
    if isinstance(module, _CONVOLUTIONS):
        if module.groups == 1:
            return Kind(
                (("weight", 0),), (("weight", 1),), _there(module, "bias"), bias=_first(module, "bias"), channel=1
            )
        if module.groups == module.in_channels == module.out_channels:  # each channel by itself
            return Kind(passed=(("weight", float("nan")), *((one, 0.0) for one in _there(module, "bias"))), channel=1)
        return None
    if isinstance(module, _TRANSPOSED) and module.groups == 1:
        return Kind((("weight", 1),), (("weight", 0),), _there(module, "bias"), bias=_first(module, "bias"), channel=1)
    if isinstance(module, nn.Embedding):
        return Kind((("weight", 1),))
    if isinstance(module, _BATCH):
        rows = (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0))
        return Kind(passed=tuple(row for row in rows if getattr(module, row[0], None) is not None), channel=1)
    if isinstance(module, nn.LayerNorm) and len(module.normalized_shape) == 1:
        return Kind(passed=_scale(module))
    if isinstance(module, nn.GroupNorm):
        return Kind(passed=_scale(module), channel=1)
    if isinstance(module, nn.PReLU) and len(module.weight) > 1:
        return Kind(passed=(("weight", 0.25),), channel=1)
    if isinstance(module, (nn.LSTM, nn.GRU, nn.RNN)):
        if module.num_layers > 1 or module.bidirectional or module.proj_size:
            return None
        biases = ("bias_ih_l0", "bias_hh_l0") if module.bias else ()
        return Kind((("weight_ih_l0", 0), ("weight_hh_l0", 0)), (("weight_ih_l0", 1),), biases, _GATES[type(module)],
                    own=(("weight_hh_l0", 1),))  # fmt: skip
    if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
        beside = ("out_proj.bias",) if module.out_proj.bias is not None else ()
        return Kind((("out_proj.weight", 0),), (("in_proj_weight", 1),), beside,
                    bias="in_proj_bias" if module.in_proj_bias is not None else "")  # fmt: skip
    return None


def _scale(module: nn.Module) -> tuple[tuple[str, float], ...]:
    """Of a norm's own scale and shift those that it has, and what they begin with."""
    return tuple(row for row in (("weight", 1.0), ("bias", 0.0)) if getattr(module, row[0]) is not None)


def _there(module: nn.Module, name: str) -> tuple[str, ...]:
    return (name,) if getattr(module, name, None) is not None else ()


def _first(module: nn.Module, name: str) -> str:
    return name if getattr(module, name, None) is not None else ""
