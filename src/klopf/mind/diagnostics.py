"""How a network is doing: dormant units, ranks, magnitudes, standing. As numbers, as a callback, and as a plot.

>>> import numpy as np
>>> from klopf import mind
>>> m = mind.Mind(4, 3, hidden=(16,), seed=0)
>>> d = diagnose(m, np.random.default_rng(0).normal(size=(100, 4)))
>>> sorted(d["layers"][0])
['dormant', 'effective_rank', 'mean_weight', 'stable_rank', 'units']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.extras import require
from klopf.mind._checked import plain
from klopf.mind._staged import sensed
from klopf.neuron import Standing, fair_share, next_standing

if TYPE_CHECKING:
    from klopf.mind._mind import Mind
    from klopf.mind.problems import Stream

__all__ = ["QUANTILES", "activities", "diagnose", "effective_rank", "plot", "stable_rank", "standings", "watch"]


def activities(mind: Mind, X: ArrayLike) -> list[NDArray[np.float64]]:
    """What the units of each hidden layer say to every row of ``X``: a list of arrays ``(n, units)``, in float64."""
    with mind.held():
        return _activities(mind, X)


def _activities(mind: Mind, X: ArrayLike) -> list[NDArray[np.float64]]:
    s = mind.settings
    raw = plain(X, np.float64, "input")
    if raw.ndim != 2 or raw.shape[1] != mind.sensors or not len(raw):
        raise MindError(f"activities need rows of {mind.sensors} numbers, not the shape {raw.shape}")
    if not (np.isfinite(raw) | (np.isnan(raw) & mind._tables.gaps)).all():
        raise MindError(f"an input contains {'' if mind._tables.gaps else 'NaN or '}infinity; drop or fill it first")
    if mind.stage:
        raw = sensed(mind.stage, mind._tables.staged, raw.astype(mind._dtype)).astype(np.float64)
    if s.normalise_inputs:
        raw = mind._tables.standardised(raw)
    said, h = [], raw
    for l in range(len(mind.hidden)):
        w = mind.weights(l).astype(np.float64)
        live = h.shape[1]
        z = h @ w[:live] + w[-1]
        if s.layer_norm and z.size:
            z = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + 1e-5)
        if s.activation == "crelu":
            h = np.stack([np.maximum(z, 0), np.maximum(-z, 0)], 2).reshape(len(z), -1)
        else:
            h = _activated(s.activation, s.leak, z)
        said.append(h)
    return said


def _activated(activation: str, leak: float, z: NDArray[np.float64]) -> NDArray[np.float64]:
    if activation == "relu":
        return np.maximum(z, 0)
    if activation == "leaky-relu":
        return np.where(z > 0, z, leak * z)
    if activation == "tanh":
        return np.tanh(z)
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-z))
    return (z > 0).astype(np.float64)


def effective_rank(matrix: ArrayLike) -> float:
    """exp of the entropy of the normalised singular values (Roy and Vetterli 2007); 0 for zeros, NaN for NaN."""
    m = np.asarray(matrix, np.float64)
    if not np.isfinite(m).all():
        return float("nan")
    sv = np.linalg.svd(m, compute_uv=False)
    if sv.sum() <= 0:
        return 0.0
    p = sv / sv.sum()
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def stable_rank(matrix: ArrayLike, share: float = 0.99) -> int:
    """How many singular values make up ``share`` of their sum (as used with continual backpropagation)."""
    m = np.asarray(matrix, np.float64)
    if not np.isfinite(m).all():
        return 0
    sv = np.linalg.svd(m, compute_uv=False)
    if sv.sum() <= 0:
        return 0
    return int(np.searchsorted(np.cumsum(sv) / sv.sum(), share) + 1)


def diagnose(mind: Mind, X: ArrayLike) -> dict[str, Any]:
    """Numbers for every hidden layer, measured on the rows of ``X``.

    ``dormant`` is the share of units that speak less than 1 % of the time. A unit speaks when its activity differs from
    its resting value, the median over ``X``, by more than 0.01: so a saturated unit counts as dormant like a dead one.

    Where the rule learns step-sizes (idbd, autostep), ``step_sizes`` has their quantiles 0, .1, .5, .9 and 1 in each
    layer, the output layer's last.
    """
    with mind.held():
        return _diagnose(mind, X)


def _diagnose(mind: Mind, X: ArrayLike) -> dict[str, Any]:
    layers = []
    for l, h in enumerate(activities(mind, X)):
        speaks = (np.abs(h - np.median(h, 0)) > 0.01).mean(0)
        w = mind.weights(l)[:-1]
        layers.append(
            {
                "units": int(mind.weights(l).shape[1]),
                "dormant": float((speaks < 0.01).mean()) if h.shape[1] else 0.0,
                "effective_rank": effective_rank(h) if h.size else 0.0,
                "stable_rank": stable_rank(h) if h.size else 0,
                "mean_weight": float(np.abs(w).mean()) if w.size else 0.0,
            }
        )
    told = {"steps": mind.steps, "reborn": mind.births, "layers": layers}
    if mind.settings.rule in ("idbd", "autostep"):
        told["step_sizes"] = [_step_sizes(mind, l) for l in range(len(mind.hidden) + 1)]
    return told


QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)


def _step_sizes(mind: Mind, layer: int) -> list[float]:
    """``QUANTILES`` of the step-sizes of a layer's weights, biases included; empty where there are no weights yet."""
    own = mind.weights(layer, "step-size").astype(np.float64)
    if mind.settings.fan_in and layer < len(mind.hidden):
        own = own[mind.weights(layer, "connected") > 0]
    return [float(q) for q in np.quantile(own, QUANTILES)] if own.size else []


def standings(mind: Mind, X: ArrayLike) -> list[list[Standing]]:
    """Which units are backbone, fringe or silent, by layer, judged on the rows of ``X``.

    The measure is how far a unit moves its listeners: its deviation over ``X`` times the sum of its absolute outgoing
    weights. A unit that never changes moves nobody, however loud it is, so the dead are not flattered. The rule that
    all scales share decides (:func:`klopf.neuron.next_standing`): a seat in the backbone is contested at half a fair
    share of the layer's movement, and a unit with less than a hundredth of it has failed as often as it takes.
    """
    with mind.held():
        said, weights = activities(mind, X), [mind.weights(l + 1) for l in range(len(mind.hidden))]
    result = []
    for h, out in zip(said, weights, strict=True):
        moves = h.std(0) * np.abs(out[: h.shape[1]]).sum(1)
        if mind.settings.activation == "crelu":
            moves = moves.reshape(-1, 2).sum(1)
        result.append([_standing(float(m), float(moves.sum()) * fair_share(len(moves))) for m in moves])
    return result


def _standing(moves: float, fair: float) -> Standing:
    """What a unit earns that moves its listeners so far, where ``fair`` would be its fair share."""
    moved_nobody = moves <= 0.01 * fair
    return next_standing(
        Standing.FRINGE,
        mature=True,
        audit_passed=not moved_nobody,
        audits_failed_in_a_row=2 if moved_nobody else 0,
        heard=moves,
        rival_heard=0.5 * fair,
        margin=0.0,
        patience=2,
    )


def watch(
    mind: Mind, stream: Stream, callback: Callable[[dict[str, Any]], None], sample: int = 500
) -> NDArray[np.float64]:
    """Learn a whole stream; after each block call ``callback`` with its error and the diagnostics on its last rows.

    Returns:
        The mean error of each block.
    """
    errors = []
    for number, (X, y) in enumerate(stream):
        if stream.fresh_outputs and number:
            mind.forget_outputs()
        errors.append(float(mind.learn(X, y).mean()))
        callback({"block": number, "error": errors[-1], **diagnose(mind, X[-sample:])})
    return np.array(errors)


def plot(history: Sequence[dict[str, Any]], path: str) -> None:
    """Draw what ``watch`` reported into an image file at ``path``: error, dormant units, rank, weights, and step-sizes
    where they are learned, over blocks.

    Raises:
        MindError: matplotlib is not installed, nothing was reported, or ``path`` cannot be drawn into.
    """
    if not history:
        raise MindError("there is nothing to draw: give what `watch` reported of at least one block")
    require("plot", "a plot")
    from matplotlib.figure import Figure

    steps = [h.get("step_sizes", []) for h in history]
    figure = Figure(figsize=(9, 9 if any(steps) else 6), layout="constrained")
    axes = figure.subplots(3 if any(steps) else 2, 2)
    block = [h["block"] for h in history]
    axes[0, 0].plot(block, [h["error"] for h in history])
    axes[0, 0].set_title("error")
    for ax, key in ((axes[0, 1], "dormant"), (axes[1, 0], "effective_rank"), (axes[1, 1], "mean_weight")):
        for l in range(len(history[0]["layers"])):
            ax.plot(block, [h["layers"][l][key] for h in history], label=f"layer {l + 1}")
        ax.set_title(key.replace("_", " "))
        ax.legend()
    if any(steps):
        ax = axes[2, 0]
        for l in range(len(steps[0])):
            _, low, middle, high, _ = np.array([s[l] or [np.nan] * 5 for s in steps]).T
            (line,) = ax.plot(block, middle, label=f"layer {l + 1}")
            ax.fill_between(block, low, high, alpha=0.2, color=line.get_color())
        ax.set_title("step-sizes: median, and from a tenth to nine tenths")
        ax.set_yscale("log")
        ax.legend()
        axes[2, 1].set_visible(False)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise MindError(f"cannot draw into {path}: {' '.join(str(error).split())}") from error
