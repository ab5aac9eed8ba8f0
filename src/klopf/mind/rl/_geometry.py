"""From settings to arrays: where an agent's weights and units lie, its hyperparameters and its weights at birth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.mind.rl._kernels import layout as at
from klopf.mind.rl._settings import AgentSettings

__all__ = ["Geometry", "draw", "geometry_for", "hyperparameters_for", "options_for"]


@dataclass(frozen=True)
class Geometry:
    """Where everything lies, for the kernels (see ``_kernels.layout``), and how much room it takes."""

    networks: NDArray[np.int64]
    spans: NDArray[np.int64]
    weights: int
    units: int
    places: int


def geometry_for(inputs: int, hidden: Sequence[int], outputs: Sequence[int]) -> Geometry:
    """Networks of ``hidden`` layers over the same ``inputs``, each with as many of the ``outputs``."""
    networks = np.zeros((len(outputs), len(hidden) + 1, len(at.LAYER)), np.int64)
    spans = np.zeros((len(outputs), len(at.SPAN)), np.int64)
    weights, units, place = 0, 0, _round_up(inputs + 1)
    for layers, span, last in zip(networks, spans, outputs, strict=True):
        inputs_at, span[at.START] = 0, weights
        for l, (n, m) in enumerate(itertools.pairwise((inputs, *hidden, last))):
            layers[l, at.INPUTS], layers[l, at.UNITS] = n, m
            layers[l, at.WEIGHTS_AT], layers[l, at.UNITS_AT] = weights, units
            layers[l, at.INPUTS_AT], layers[l, at.SUMS_AT] = inputs_at, place
            weights = _round_up(weights + (n + 1) * m)
            place = _round_up(place + m + 1)
            if l < len(hidden):
                units += m
                inputs_at = place
                place = _round_up(place + m + 1)
        span[at.END] = weights
    return Geometry(networks, spans, weights, units, place)


def hyperparameters_for(s: AgentSettings, networks: int, dtype: Any) -> NDArray[Any]:
    """Shape ``(networks, hyperparameters)``: network 0 is the values', network 1 the policy's or "qrc"'s second."""
    hyp = np.zeros((networks, len(at.HYPERPARAMETERS)), dtype)
    intended = s.update == "intentional"
    second = s.step_size * s.second_step_size if s.algorithm == "qrc" else s.step_size
    for row, alpha, kappa, normalise in zip(
        hyp,
        (s.eta_value if intended else s.step_size, s.eta_policy if intended else second),
        (s.kappa_value, s.kappa_policy),
        (0.0, 1.0),
        strict=False,
    ):
        row[at.ALPHA], row[at.KAPPA], row[at.NORMALISE_DELTA] = alpha, kappa, normalise
        row[at.LAMBDA], row[at.GAMMA] = s.trace_decay, s.gamma
        row[at.BETA2], row[at.EPSILON] = s.beta2, 1e-8
        row[at.META], row[at.TAU] = s.meta_step_size, s.tau
        row[at.LEAK], row[at.SPARSITY] = s.leak, s.sparsity
        row[at.RATE], row[at.MATURITY], row[at.UTILITY_DECAY] = s.replacement_rate, s.maturity, s.utility_decay
        row[at.CLIP], row[at.DELTA_DECAY] = s.clip, s.delta_decay
        row[at.REGULARISER] = s.regulariser
    return hyp


def options_for(s: AgentSettings, time_limit: int, continuous: bool) -> NDArray[np.float64]:
    """Shape ``(options,)``. ``time_limit`` is that of the time feature, 0 where there is none."""
    o = np.zeros(len(at.OPTIONS))
    o[at.O_NORMALISE], o[at.O_SCALE], o[at.O_HORIZON] = s.normalise_observations, s.scale_rewards, s.horizon
    o[at.O_TIME_LIMIT], o[at.O_PUBLISHED] = time_limit, s.time_out == "terminate"
    o[at.O_GAMMA], o[at.O_ENTROPY], o[at.O_CONTINUOUS] = s.gamma, s.entropy, continuous
    o[at.O_EPS_START], o[at.O_EPS_END], o[at.O_EPS_STEPS] = s.epsilon_start, s.epsilon_end, s.epsilon_steps
    o[at.O_RULE] = at.UPDATES[s.update].number
    o[at.O_LIFE], o[at.O_UTILITY] = s.life == "continual", s.utility == "zero-contribution"
    o[at.O_CONSTANT], o[at.O_FOLLOW] = s.constant, s.follow_sensors
    return o


def draw(
    weights: NDArray[Any], networks: NDArray[np.int64], sparsity: float, sees: bool, rng: np.random.Generator
) -> None:
    """Weights at birth into ``weights``: sparse, without replacement (Elsayed et al. 2024, algorithm 1).

    Nine tenths of fewer than ten inputs, rounded up, are all of them, and units that see nothing are all the same. With
    ``sees``, at least one weight of each unit is not zero, whatever the ``sparsity`` below 1."""
    for layers in networks:
        for l, layer in enumerate(layers.tolist()):
            n, m, first = layer[at.INPUTS], layer[at.UNITS], layer[at.WEIGHTS_AT]
            bound = 1.0 / math.sqrt(n)
            w = rng.uniform(-bound, bound, (n, m))
            zeros = math.ceil(sparsity * n - 1e-9)
            if sees and sparsity < 1:
                zeros = min(zeros, n - 1)
            w[rng.random((n, m)).argsort(0).argsort(0) < zeros] = 0.0
            block = np.vstack([w, np.zeros((1, m))])
            weights[first : first + (n + 1) * m] = (block.T if l == len(layers) - 1 else block).ravel()


def _round_up(n: int) -> int:
    return -(-n // 16) * 16
