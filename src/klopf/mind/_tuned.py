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
        "klopf": {"replacement_rate": 0.0001, "prior": 3.0, "noise_share": 0.3, "drift": 0.001},  # 0.168
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
        "klopf": {"replacement_rate": 0.0001, "prior": 10.0, "noise_share": 0.3, "drift": 0.001},  # 0.116
    },
    "permuted/label": {
        "klopf": {"prior": 10.0, "listening_prior": 10.0, "drift": 0.003, "normalise_inputs": True},  # 0.051
        "linear": {"step_size": 0.07, "normalise_inputs": True},  # 0.218
        "crelu": {"step_size": 0.01, "normalise_inputs": False},  # 0.100
        "layer-norm": {"step_size": 0.15, "normalise_inputs": True},  # 0.064
        "weight-reinit": {"step_size": 0.01, "reset_fraction": 0.03, "normalise_inputs": True},  # 0.106
        "upgd": {"step_size": 0.03, "noise": 0.01, "l2": 0.001, "normalise_inputs": True},  # 0.088
        "snr": {"step_size": 0.01, "tail": 0.001, "normalise_inputs": True},  # 0.118
        "redo": {"step_size": 0.01, "dormant": 0.3, "normalise_inputs": True},  # 0.094
        "shrink-perturb": {
            "step_size": 0.03,
            "l2": 0.001,
            "perturb": 0.0003,
            "perturb_every": 10,
            "normalise_inputs": True,
        },  # 0.081
        "l2-init": {"step_size": 0.03, "l2_init": 0.0001, "normalise_inputs": True},  # 0.077
        "l2": {"step_size": 0.03, "l2": 0.0001, "normalise_inputs": False},  # 0.109
        "continual-backprop": {"step_size": 0.03, "replacement_rate": 0.0001, "normalise_inputs": True},  # 0.066
        "backprop": {"step_size": 0.02, "normalise_inputs": True},  # 0.089
    },
    "permuted/input": {
        "klopf": {"prior": 10.0, "listening_prior": 10.0, "drift": 0.0001, "normalise_inputs": True},  # 0.156
        "linear": {"step_size": 0.05, "normalise_inputs": True},  # 0.288
        "crelu": {"step_size": 0.005, "normalise_inputs": True},  # 0.223
        "layer-norm": {"step_size": 0.01, "normalise_inputs": True},  # 0.256
        "weight-reinit": {"step_size": 0.01, "reset_fraction": 0.01, "normalise_inputs": True},  # 0.272
        "upgd": {"step_size": 0.03, "noise": 0.01, "l2": 0.001, "normalise_inputs": True},  # 0.263
        "snr": {"step_size": 0.01, "tail": 0.001, "normalise_inputs": True},  # 0.266
        "redo": {"step_size": 0.01, "dormant": 0.3, "normalise_inputs": True},  # 0.254
        "shrink-perturb": {
            "step_size": 0.01,
            "l2": 0.01,
            "perturb": 0.001,
            "perturb_every": 10,
            "normalise_inputs": True,
        },  # 0.242
        "l2-init": {"step_size": 0.01, "l2_init": 0.01, "normalise_inputs": True},  # 0.242
        "l2": {"step_size": 0.01, "l2": 0.01, "normalise_inputs": True},  # 0.248
        "continual-backprop": {"step_size": 0.01, "replacement_rate": 0.0001, "normalise_inputs": True},  # 0.256
        "backprop": {"step_size": 0.005, "normalise_inputs": True},  # 0.271
    },
    "permuted/returning": {
        "klopf": {"prior": 10.0, "listening_prior": 1.0, "drift": 0.0001, "normalise_inputs": True},  # 0.015
        "linear": {"step_size": 0.02, "normalise_inputs": True},  # 0.080
        "crelu": {"step_size": 0.005, "normalise_inputs": True},  # 0.017
        "layer-norm": {"step_size": 0.005, "normalise_inputs": True},  # 0.020
        "weight-reinit": {"step_size": 0.01, "reset_fraction": 0.003, "normalise_inputs": True},  # 0.028
        "upgd": {"step_size": 0.01, "noise": 0.01, "l2": 0.001, "normalise_inputs": True},  # 0.024
        "snr": {"step_size": 0.003, "tail": 0.001, "normalise_inputs": False},  # 0.140
        "redo": {"step_size": 0.003, "dormant": 0.1, "normalise_inputs": True},  # 0.027
        "shrink-perturb": {
            "step_size": 0.01,
            "l2": 0.001,
            "perturb": 0.0003,
            "perturb_every": 10,
            "normalise_inputs": True,
        },  # 0.028
        "l2-init": {"step_size": 0.01, "l2_init": 0.0001, "normalise_inputs": True},  # 0.026
        "l2": {"step_size": 0.01, "l2": 0.001, "normalise_inputs": True},  # 0.025
        "continual-backprop": {"step_size": 0.01, "replacement_rate": 1e-05, "normalise_inputs": True},  # 0.026
        "backprop": {"step_size": 0.005, "normalise_inputs": True},  # 0.022
    },
    "permuted/input/mnist": {
        "upgd": {"step_size": 0.03, "noise": 0.01, "l2": 0.001, "normalise_inputs": True},  # as on the digits' pixels
        "klopf": {"prior": 10.0, "listening_prior": 1.0, "drift": 0.0001, "normalise_inputs": False},  # 0.207
        "linear": {"step_size": 0.003, "normalise_inputs": True},  # 0.292
        "crelu": {"step_size": 0.005, "normalise_inputs": False},  # 0.287
        "layer-norm": {"step_size": 0.005, "normalise_inputs": True},  # 0.279
        "weight-reinit": {"step_size": 0.003, "reset_fraction": 0.003, "normalise_inputs": True},  # 0.294
        "snr": {"step_size": 0.003, "tail": 0.001, "normalise_inputs": True},  # 0.307
        "redo": {"step_size": 0.003, "dormant": 0.025, "normalise_inputs": True},  # 0.295
        "shrink-perturb": {
            "step_size": 0.003,
            "l2": 0.001,
            "perturb": 0.0003,
            "perturb_every": 10,
            "normalise_inputs": True,
        },  # 0.306
        "l2-init": {"step_size": 0.003, "l2_init": 0.0001, "normalise_inputs": True},  # 0.295
        "l2": {"step_size": 0.003, "l2": 0.01, "normalise_inputs": True},  # 0.278
        "continual-backprop": {"step_size": 0.003, "replacement_rate": 1e-05, "normalise_inputs": True},  # 0.296
        "backprop": {"step_size": 0.003, "normalise_inputs": True},  # 0.300
    },
    "binary-tasks/images/mnist": {
        "upgd": {"step_size": 0.03, "noise": 0.01, "l2": 0.001, "normalise_inputs": True},  # as on the digits' pixels
        "klopf": {"prior": 10.0, "listening_prior": 10.0, "drift": 0.0001, "normalise_inputs": False},  # 0.010
        "linear": {"step_size": 0.002, "normalise_inputs": True},  # 0.018
        "crelu": {"step_size": 0.02, "normalise_inputs": False},  # 0.015
        "layer-norm": {"step_size": 0.01, "normalise_inputs": True},  # 0.012
        "weight-reinit": {"step_size": 0.003, "reset_fraction": 0.003, "normalise_inputs": True},  # 0.013
        "snr": {"step_size": 0.01, "tail": 0.001, "normalise_inputs": True},  # 0.019
        "redo": {"step_size": 0.01, "dormant": 0.025, "normalise_inputs": True},  # 0.014
        "shrink-perturb": {
            "step_size": 0.01,
            "l2": 0.001,
            "perturb": 0.0003,
            "perturb_every": 10,
            "normalise_inputs": True,
        },  # 0.014
        "l2-init": {"step_size": 0.01, "l2_init": 0.001, "normalise_inputs": True},  # 0.013
        "l2": {"step_size": 0.01, "l2": 0.0001, "normalise_inputs": True},  # 0.012
        "continual-backprop": {"step_size": 0.01, "replacement_rate": 1e-05, "normalise_inputs": True},  # 0.013
        "backprop": {"step_size": 0.002, "normalise_inputs": True},  # 0.014
    },
}
"""By problem and setting. Budget, the same for every learner: 12 configurations for the regression, 24 for images (each
with raw and with normalised inputs), on the same 3 seeds (2 for binary tasks); ``bench/mind_tune.py`` made this table,
and the figure behind each line is the error it found on the tuning seeds. UPGD alone was not tuned on MNIST, where its
thousands of steps a second made that too long."""
