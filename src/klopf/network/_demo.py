"""The network of ``klopf demo``."""

from __future__ import annotations

from pathlib import Path

from klopf import files
from klopf.language import AGENTS
from klopf.network._folder import read_run
from klopf.network._settings import NetworkSettings, parse_settings

__all__ = ["DEMO_PASSPHRASE", "agents_settings", "demo_settings", "equal_vote"]

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


def agents_settings(seed: int, epochs: int, url: str, questions: Path) -> NetworkSettings:
    """The demo with language models: the five agents at ``url`` (:mod:`klopf.language`), each a neuron by its endpoint
    alone, and three auditors. ``questions`` is a CSV file of questions with their answers.

    One model thinks for all of them, a fifth of a second of a core about each of three hundred questions, and several
    times as long where others work, too: answers may be sealed for as long as all questions take there. Phases end once
    everybody is done, so that nothing takes longer by that.
    """
    raw = {
        "name": "agents", "seed": seed, "epochs": epochs,
        "data": {"file": str(questions.absolute()), "target": "answer", "task": "text", "share": "equal",
                 "test": 0.25, "audit": 0.2, "reference": 0.35},
        "neuron": [{"name": name, "model": f"openai:{url}#{name}", "settings": {"seconds": 300.0}, "passes": 1}
                   for name in AGENTS],
        "auditor": [{"name": name} for name in ("vera", "walt", "yuri")],
        "requester": {"name": "rita", "fee": 0.01},
        "ledger": {"listen_seconds": 1200},
        "rules": {"seal_seconds": 300.0},
    }  # fmt: skip
    return parse_settings(raw, "demo", Path())


def equal_vote(folder: Path) -> float:
    """What the network of a run would have scored in its last epoch, had all who answered counted alike; 0 where nobody
    did."""
    run = read_run(folder)
    requester = next(one for one in run.members if one.role == "requester")
    result = files.arrays(folder / requester.folder / "results" / f"{run.settings.epochs}.npz")
    said = dict(enumerate(result["alone"]))
    targets = files.arrays(folder / "test.npz")["targets"]
    if not said:
        return 0.0
    return run.task.score(run.task.decide(run.task.blend(said, dict.fromkeys(said, 1.0))), targets)
