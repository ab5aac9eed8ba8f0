"""PyTorch modules, as their owners would write them."""

from __future__ import annotations

import torch
from torch import nn


class Perceptron(nn.Module):
    """With what is hard to keep: running means, dropout, tied weights."""

    def __init__(self, sizes):
        super().__init__()
        wide, high, out = sizes
        self.first, self.again = nn.Linear(wide, high), nn.Linear(high, high)
        self.tied = nn.Linear(high, high)
        self.tied.weight = self.again.weight
        self.norm, self.drop, self.last = nn.BatchNorm1d(high), nn.Dropout(0.1), nn.Linear(high, out)

    def forward(self, x):
        hidden = torch.relu(self.norm(self.first(x)))
        return self.last(self.drop(torch.relu(self.tied(torch.relu(self.again(hidden))))))


def linear(out=1):
    return nn.Linear(3, out)


class Small(nn.Linear):
    """A class that takes nothing."""

    def __init__(self):
        super().__init__(4, 3)
