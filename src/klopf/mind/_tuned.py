"""Options of the learners in the tables: as published, and as chosen by tuning with one budget for everybody."""

from __future__ import annotations

from typing import Any

__all__ = ["PUBLISHED", "TUNED"]

PUBLISHED: dict[str, dict[str, dict[str, Any]]] = {
    "regression": {
        name: {"step_size": 0.01}
        for name in (
            "backprop", "continual-backprop", "l2", "l2-init", "shrink-perturb", "redo", "snr", "upgd",
            "weight-reinit", "layer-norm", "crelu", "linear",
        )
    },
    "permuted": {
        "backprop": {"step_size": 0.003},
        "continual-backprop": {"step_size": 0.003, "replacement_rate": 1e-4, "utility": "contribution"},
    },
}  # fmt: skip
"""By problem and learner. What is not named here keeps the learner's default."""

TUNED: dict[str, dict[str, dict[str, Any]]] = {
    "regression/redraw": {
        "backprop": {"step_size": 0.003},  # 0.641
        "continual-backprop": {"step_size": 0.01, "replacement_rate": 0.0001},  # 0.495
        "l2": {"step_size": 0.003, "l2": 0.01},  # 0.578
        "l2-init": {"step_size": 0.003, "l2_init": 0.01},  # 0.582
        "shrink-perturb": {"step_size": 0.01, "l2": 0.01, "perturb": 0.003},  # 0.569
        "redo": {"step_size": 0.01, "dormant": 0.1},  # 0.480
        "snr": {"step_size": 0.01, "tail": 0.001},  # 0.630
        "upgd": {"step_size": 0.003, "noise": 0.01, "l2": 0.01},  # 0.595
        "weight-reinit": {"step_size": 0.003, "reset_fraction": 0.001},  # 0.674
        "layer-norm": {"step_size": 0.02},  # 0.506
        "crelu": {"step_size": 0.008},  # 0.336
        "linear": {"step_size": 0.003},  # 0.823
        "klopf": {"replacement_rate": 0.0001, "prior": 6.0, "listening_prior": 0.6, "noise_share": 0.1},  # 0.179
    },
    "regression/flip-one": {
        "backprop": {"step_size": 0.002},  # 0.579
        "continual-backprop": {"step_size": 0.01, "replacement_rate": 0.0001},  # 0.360
        "l2": {"step_size": 0.003, "l2": 0.03},  # 0.540
        "l2-init": {"step_size": 0.003, "l2_init": 0.01},  # 0.536
        "shrink-perturb": {"step_size": 0.01, "l2": 0.01, "perturb": 0.001},  # 0.458
        "redo": {"step_size": 0.01, "dormant": 0.025},  # 0.360
        "snr": {"step_size": 0.01, "tail": 0.001},  # 0.558
        "upgd": {"step_size": 0.01, "noise": 0.01, "l2": 0.01},  # 0.507
        "weight-reinit": {"step_size": 0.01, "reset_fraction": 0.03},  # 0.569
        "layer-norm": {"step_size": 0.015},  # 0.389
        "crelu": {"step_size": 0.01},  # 0.298
        "linear": {"step_size": 0.003},  # 0.755
        "klopf": {"replacement_rate": 0.0003, "prior": 6.0, "listening_prior": 0.6, "noise_share": 0.3},  # 0.129
    },
    "permuted/label": {
        "layer-norm": {"step_size": 0.15},  # 0.097
        "crelu": {"step_size": 0.01},  # 0.093
        "weight-reinit": {"step_size": 0.03, "reset_fraction": 0.03},  # 0.098
        "continual-backprop": {"step_size": 0.03, "replacement_rate": 0.0003},  # 0.108
        "redo": {"step_size": 0.03, "dormant": 0.1},  # 0.116
        "backprop": {"step_size": 0.05},  # 0.122
        "l2": {"step_size": 0.03, "l2": 0.001},  # 0.117
        "l2-init": {"step_size": 0.03, "l2_init": 0.0001},  # 0.112
        "shrink-perturb": {"step_size": 0.03, "l2": 0.001, "perturb": 0.001, "perturb_every": 10},  # 0.139
        "snr": {"step_size": 0.03, "tail": 0.001},  # 0.171
        "upgd": {"step_size": 0.03, "noise": 0.01, "l2": 0.001},  # 0.161
        "linear": {"step_size": 0.3},  # 0.314
        "klopf": {"prior": 6.0, "listening_prior": 10.0, "drift": 0.003, "normalise_inputs": True},  # 0.063
    },
    "permuted/input": {
        "layer-norm": {"step_size": 0.01},  # 0.297
        "crelu": {"step_size": 0.01},  # 0.258
        "weight-reinit": {"step_size": 0.01, "reset_fraction": 0.03},  # 0.294
        "continual-backprop": {"step_size": 0.01, "replacement_rate": 1e-05},  # 0.296
        "redo": {"step_size": 0.01, "dormant": 0.3},  # 0.306
        "backprop": {"step_size": 0.01},  # 0.339
        "l2": {"step_size": 0.01, "l2": 0.0001},  # 0.309
        "l2-init": {"step_size": 0.01, "l2_init": 0.01},  # 0.300
        "shrink-perturb": {"step_size": 0.01, "l2": 0.001, "perturb": 0.001, "perturb_every": 10},  # 0.286
        "snr": {"step_size": 0.01, "tail": 0.005},  # 0.310
        "upgd": {"step_size": 0.03, "noise": 0.001, "l2": 0.001},  # 0.321
        "linear": {"step_size": 0.3},  # 0.388
        "klopf": {"prior": 3.0, "listening_prior": 3.0, "normalise_inputs": True},
    },
    "binary-tasks/images": {  # on MNIST, 40 tasks, one seed
        "klopf": {"prior": 3.0, "listening_prior": 3.0},  # 0.010
        "continual-backprop": {"step_size": 0.03, "replacement_rate": 0.0003},  # 0.009
        "crelu": {"step_size": 0.01},  # 0.014
        "redo": {"step_size": 0.03, "dormant": 0.025},  # 0.010
        "layer-norm": {"step_size": 0.15},  # 0.007
        "backprop": {"step_size": 0.03},  # 0.009
        "l2": {"step_size": 0.01, "l2": 0.0001},  # 0.014
        "l2-init": {"step_size": 0.03, "l2_init": 0.0001},  # 0.013
        "snr": {"step_size": 0.03, "tail": 0.001},  # 0.016
        "weight-reinit": {"step_size": 0.03, "reset_fraction": 0.03},  # 0.007
        "linear": {"step_size": 0.03},  # 0.019
    },
}
"""By problem and setting. Budget: 12 configurations, on 3 seeds each for the regression
and on one for images, the same for every learner; ``bench/mind_tune.py``
made this table, and the figure behind each line is the error it found on the tuning seeds."""
