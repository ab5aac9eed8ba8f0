"""Six networks, and for one unit of each, written out by hand, all that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Unit(NamedTuple):
    """A unit of a layer: where its weights come in, what is beside, where they go out, and whose bias takes over."""

    layer: str
    number: int
    incoming: dict[str, Any]
    zeros: dict[str, Any]
    ones: dict[str, Any]
    outgoing: dict[str, Any]
    takes_over: tuple[str, ...]


class Case(NamedTuple):
    make: Callable[[], nn.Module]
    example: Callable[[], Tensor]
    classes: int
    units: tuple[Unit, ...]


ALL = slice(None)


class Block(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.down = (
            None if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.down is None else self.down(x)))


class ResNet18(nn.Module):
    """Of He et al. (2016), for images of 32 by 32; ``width`` is 64 as published."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        sizes = [width, width, 2 * width, 4 * width, 8 * width]
        blocks = [(sizes[i] if first == 0 else sizes[i + 1], sizes[i + 1], 2 if i and first == 0 else 1)
                  for i in range(4) for first in range(2)]  # fmt: skip
        self.blocks = nn.ModuleList(Block(*one) for one in blocks)
        self.fc = nn.Linear(sizes[-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn(self.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 32)
        self.block = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(32)
        self.out = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.norm(self.block(self.embed(x))).mean(1))


class Heads(nn.Module):
    """A trunk that two heads share."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 16), nn.ReLU())
        self.left, self.right = nn.Linear(16, 4), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = self.trunk(x)
        return self.left(h) + self.right(h)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(5, 12, batch_first=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        _, (last, _) = self.lstm(x)
        return self.out(last[0])


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.LayerNorm(16), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3))


def convolutional() -> nn.Module:
    first = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(
        *first, nn.Conv2d(8, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(150, 16), nn.ReLU(), nn.Linear(16, 2)
    )


def _bn(name: str, unit: int) -> tuple[dict[str, int], dict[str, int]]:
    return {f"{name}.bias": unit, f"{name}.running_mean": unit}, {f"{name}.weight": unit, f"{name}.running_var": unit}


_STREAM = {name: _bn(name, 7) for name in ("bn", "blocks.0.bn2", "blocks.1.bn2")}

CASES = {
    "perceptron": Case(perceptron, lambda: torch.randn(32, 20), 3, (
        Unit("0", 5, {"0.weight": 5}, {"0.bias": 5, "2.bias": 5}, {"2.weight": 5}, {"3.weight": (ALL, 5)}, ("3.bias",)),
        Unit("3", 0, {"3.weight": 0}, {"3.bias": 0}, {}, {"5.weight": (ALL, 0)}, ("5.bias",)),
    )),
    "convolutional": Case(convolutional, lambda: torch.randn(8, 3, 16, 16), 2, (
        Unit("0", 3, {"0.weight": 3}, {"0.bias": 3, **_bn("1", 3)[0]}, _bn("1", 3)[1], {"4.weight": (ALL, 3)},
             ("4.bias",)),
        Unit("4", 2, {"4.weight": 2}, {"4.bias": 2}, {}, {"7.weight": (ALL, slice(50, 75))}, ("7.bias",)),
    )),
    "resnet-18": Case(lambda: ResNet18(16), lambda: torch.randn(4, 3, 32, 32), 10, (
        Unit("blocks.0.conv1", 9, {"blocks.0.conv1.weight": 9}, _bn("blocks.0.bn1", 9)[0], _bn("blocks.0.bn1", 9)[1],
             {"blocks.0.conv2.weight": (ALL, 9)}, ()),
        Unit("conv + blocks.0.conv2 + blocks.1.conv2", 7,
             {"conv.weight": 7, "blocks.0.conv2.weight": 7, "blocks.1.conv2.weight": 7},
             {k: v for zeros, _ in _STREAM.values() for k, v in zeros.items()},
             {k: v for _, ones in _STREAM.values() for k, v in ones.items()},
             {"blocks.0.conv1.weight": (ALL, 7), "blocks.1.conv1.weight": (ALL, 7), "blocks.2.conv1.weight": (ALL, 7),
              "blocks.2.down.0.weight": (ALL, 7)}, ()),
    )),
    "transformer": Case(Transformer, lambda: torch.randint(0, 50, (8, 7)), 5, (
        Unit("block.linear1", 11, {"block.linear1.weight": 11}, {"block.linear1.bias": 11}, {},
             {"block.linear2.weight": (ALL, 11)}, ("block.linear2.bias",)),
        Unit("embed + block.self_attn + block.linear2", 4,
             {"embed.weight": (ALL, 4), "block.self_attn.out_proj.weight": 4, "block.linear2.weight": 4},
             {"block.self_attn.out_proj.bias": 4, "block.linear2.bias": 4, "block.norm1.bias": 4, "block.norm2.bias": 4,
              "norm.bias": 4},
             {"block.norm1.weight": 4, "block.norm2.weight": 4, "norm.weight": 4},
             {"block.self_attn.in_proj_weight": (ALL, 4), "block.linear1.weight": (ALL, 4), "out.weight": (ALL, 4)},
             ("block.self_attn.in_proj_bias", "block.linear1.bias", "out.bias")),
    )),
    "shared heads": Case(Heads, lambda: torch.randn(32, 12), 4, (
        Unit("trunk.2", 6, {"trunk.2.weight": 6}, {"trunk.2.bias": 6}, {},
             {"left.weight": (ALL, 6), "right.weight": (ALL, 6)}, ("left.bias", "right.bias")),
    )),
    "lstm": Case(Recurrent, lambda: torch.randn(16, 9, 5), 3, (
        Unit("lstm", 3, {"lstm.weight_ih_l0": [3, 15, 27, 39], "lstm.weight_hh_l0": [3, 15, 27, 39]},
             {"lstm.bias_ih_l0": [3, 15, 27, 39], "lstm.bias_hh_l0": [3, 15, 27, 39]}, {},
             {"out.weight": (ALL, 3), "lstm.weight_hh_l0": (ALL, 3)}, ("out.bias",)),
    )),
}  # fmt: skip
