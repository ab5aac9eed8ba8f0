"""A usual training loop of PyTorch whose network stays able to learn: one line more. Needs the extra ``torch``.

Labels are dealt out anew in each of twenty tasks, so a network that cannot learn any more is seen at once.
"""

from __future__ import annotations

import torch
from torch import nn

from klopf.mind.torch import SharedRule, report


def main(tasks: int = 20) -> None:
    torch.manual_seed(0)
    inputs = torch.rand(256, 1, 8, 8)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 36, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rule = SharedRule(model, optimizer, inputs)  # that is all
    for task in range(tasks):
        labels = torch.randint(0, 10, (256,))
        for first in range(0, 256 * 4, 16):
            some = slice(first % 256, first % 256 + 16)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs[some]), labels[some])
            loss.backward()
            optimizer.step()
        right = float((model(inputs).argmax(1) == labels).float().mean())
        print(
            f"task {task + 1}: {100 * right:.0f} % of its labels are known at its end, {rule.births} units were reborn"
        )
    print(report(model, inputs, rule))


if __name__ == "__main__":
    main()
