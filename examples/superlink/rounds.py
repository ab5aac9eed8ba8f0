"""Rounds of ours, valued and shared, over Flower's SuperLink: the app that `flwr run` gives it and its SuperNodes.

    flower-superlink --insecure --disable-runtime-dependency-installation
    flower-supernode --insecure --superlink 127.0.0.1:8000 --port 9101 --node-config 'partition=0 partitions=2'
    flower-supernode --insecure --superlink 127.0.0.1:8000 --port 9102 --node-config 'partition=1 partitions=2'
    flwr run examples/superlink here --run-config 'outcome="/tmp/outcome.json"'

(docs/fleet.md says where `here` is named.) Each SuperNode has its own part of the digits, which stays with it; a real
one reads what is on its machine. What came of it is written where `outcome` says.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp
from sklearn.datasets import load_digits

from klopf import fleet
from klopf.fleet.models import made

WANTED = fleet.Instructions(
    "digits", "mind", {"sensors": 64, "outputs": 10, "hidden": [32], "step_size": 0.05}, epochs=2, seed=3
)
HELD_OUT = 400


def digits() -> tuple[Any, Any]:
    """1,797 digits of 8 by 8, shuffled, in [0, 1]."""
    inputs, targets = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(inputs))
    return (inputs[order] / 16).astype(np.float32), targets[order].astype(np.float32)


def device(config: Mapping[str, Any]) -> fleet.TrainingDevice:
    """What a SuperNode trains on, by its own configuration: every so-manieth digit."""
    inputs, targets = (part[HELD_OUT:] for part in digits())
    mine = slice(int(config["partition"]), None, int(config["partitions"]))
    return fleet.TrainingDevice(f"part{config['partition']}", inputs[mine], targets[mine], sample=4)


client = fleet.flower_app(device)
server = ServerApp()


@server.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    while len(members := fleet.flower_members(grid)) < int(config["nodes"]):
        time.sleep(1)
    inputs, targets = (part[:HELD_OUT] for part in digits())
    test = fleet.Test(inputs[:200], targets[:200])
    validation = fleet.Validation(inputs[200:], targets[200:], bytes(16))
    demand = fleet.Demand(WANTED, rounds=int(config["rounds"]), deadline=300)
    rounds = fleet.Rounds(demand, members, fleet.strategy("robust"), test, validation=validation)
    outcome = asyncio.run(rounds.run())
    model = made(WANTED.model, WANTED.settings, 0)
    model.load(outcome.parameters)
    told = {
        "score": model.score(inputs[:200], targets[:200]),
        "shares": dict(outcome.shares),
        "used": [sorted(one.used) for one in outcome.rounds],
        "left out": [dict(one.left_out) for one in outcome.rounds],
        "seconds": [one.seconds for one in outcome.rounds],
        "parameters": [array.tobytes().hex() for array in outcome.parameters],
    }
    Path(str(config["outcome"])).write_text(json.dumps(told))
