"""The network of ``klopf demo``."""

from __future__ import annotations

from pathlib import Path

from klopf.network._settings import NetworkSettings, parse_settings

__all__ = ["DEMO_PASSPHRASE", "demo_settings"]

DEMO_PASSPHRASE = "klopf demo"
"""Locks the demo's throw-away keys. It is public: never use it for keys that own anything."""


def demo_settings(seed: int, epochs: int) -> NetworkSettings:
    """The demo: five honest neurons, a free-rider, a liar, three auditors of whom one inflates the liar's scores."""
    mind = {"model": "mind", "settings": {"learner": "continual-backprop", "hidden": [128], "step_size": 0.02}}
    mlp = {"model": "sklearn:MLPClassifier", "settings": {"hidden_layer_sizes": [128], "learning_rate_init": 0.003}}
    villains = "klopf.network.adversaries"
    raw = {
        "name": "digits", "seed": seed, "epochs": epochs,
        "data": {"file": "digits", "share": "dirichlet", "alpha": 0.5},
        "neuron": [
            {"name": "ada", **mind}, {"name": "ben", **mind}, {"name": "cleo", **mind},
            {"name": "dag", **mlp}, {"name": "eve", **mlp},
            {"name": "fred", "conduct": f"{villains}:FreeRider", "conduct_settings": {"favours": "lars"}},
            {"name": "lars", "conduct": f"{villains}:Liar", "conduct_settings": {"favours": "fred"}},
        ],
        "auditor": [
            {"name": "vera"}, {"name": "walt"},
            {"name": "xeno", "conduct": f"{villains}:Inflater", "conduct_settings": {"inflates": "lars"}},
        ],
        "requester": {"name": "rita", "fee": 0.001},
    }  # fmt: skip
    return parse_settings(raw, "demo", Path())
