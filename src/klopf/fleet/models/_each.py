"""A step for each record alone, each cut to a length: what noise for single records needs, without a pass a record.

Of dense layers the gradient of one record is an outer product, so its length is known from the lengths of what goes in
and what comes back (Goodfellow, arXiv 1510.01799), and the sum of the cut ones is one product of matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["cut_steps"]

Array = NDArray[np.float32]


def cut_steps(
    weights: Sequence[tuple[Array, Array]], inputs: Array, targets: Array, step_size: float, clip: float
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:  # fmt: skip
    """The sum over records of one plain gradient step on each alone, each at most ``clip`` long over all parameters.

    weights: of each dense layer ``(in, out)`` and its bias ``(out,)``, with a ReLU between two of them; its outputs
    are classes by softmax, and the loss is cross-entropy.
    """
    classes = weights[-1][1].size
    sound = (targets >= 0) & (targets < classes) & np.isfinite(inputs).all(1)
    right = np.where(sound, targets, 0).astype(int)
    outs = [(inputs if sound.all() else np.where(sound[:, None], inputs, 0)).astype(np.float64)]
    for place, (weight, bias) in enumerate(weights):
        out = outs[-1] @ weight.astype(np.float64) + bias
        outs.append(np.maximum(out, 0) if place < len(weights) - 1 else out)
    back = np.exp(outs[-1] - outs[-1].max(1, keepdims=True))
    back /= back.sum(1, keepdims=True)
    back[np.arange(len(right)), right] -= 1
    backs = [back]
    for place in range(len(weights) - 1, 0, -1):
        back = (back @ weights[place][0].T.astype(np.float64)) * (outs[place] > 0)
        backs.insert(0, back)
    lengths = step_size * np.sqrt(
        sum((b**2).sum(1) * (np.einsum("ij,ij->i", a, a) + 1) for a, b in zip(outs, backs, strict=False))
    )
    sound &= np.isfinite(lengths)  # who is none of the classes, or diverges, changes nothing: that it did, tells of it
    scale = np.where(sound, -step_size * np.minimum(1.0, clip / np.maximum(lengths, 1e-30)), 0.0)[:, None]
    found = []
    for a, b in zip(outs, backs, strict=False):
        if not sound.all():
            a, b = np.where(sound[:, None], a, 0), np.where(sound[:, None], b, 0)
        cut = b * scale
        found.append((a.T @ cut, cut.sum(0)))
    return found
