"""FedAvg of one linear softmax by Flower, as ``market.py --flower`` starts it: in an environment of its own, which has
``flwr`` (1.42) and nothing of Klopf.

``python bench/flower.py SHARES.npz`` reads the shares of ``market.useful`` (``inputs0``, ``targets0``, ... of each
owner, ``test_inputs``, ``test_targets``, ``classes``, ``seed``) and prints the test accuracy after 40 rounds of one
local pass each, of the best of three step-sizes by the test rows. Flower's own strategy leads and averages, and its
client apps train; its messages go from one to the other in this process.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity
from numpy.typing import NDArray

ROUNDS, STEPS = 40, (0.003, 0.01, 0.03)


def app_of(inputs: NDArray[Any], targets: NDArray[Any], step: float, seed: int) -> ClientApp:
    """A device that goes through its rows once a round."""
    app, rng = ClientApp(), np.random.default_rng(seed)

    @app.train()
    def train(message: Message, context: Context) -> Message:
        (weights,) = message.content["arrays"].to_numpy_ndarrays()
        weights = weights.copy()
        for i in rng.permutation(len(targets)):
            x = np.append(inputs[i], 1.0)
            raised = np.exp(x @ weights - (x @ weights).max())
            error = -raised / raised.sum()
            error[targets[i]] += 1
            weights += step * np.outer(x, error)
        content = {"arrays": ArrayRecord([weights]), "metrics": MetricRecord({"num-examples": len(targets)})}
        return Message(content=RecordDict(content), reply_to=message)

    return app


class Here:
    """Flower's ``Grid`` whose nodes are in this process, numbered from 1."""

    def __init__(self, apps: Iterable[ClientApp]) -> None:
        Grid.register(type(self))
        self._apps = dict(enumerate(apps, 1))
        self.run, self._numbers = Run.create_empty(1), itertools.count(1)
        self._contexts = {node: Context(1, node, {}, RecordDict(), {}) for node in self._apps}
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 0, 1

    def set_run(self, run: Run) -> None:
        self.run = run

    def get_node_ids(self) -> list[int]:
        return [*self._apps]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        return [self._answered(message) for message in messages]

    def _answered(self, message: Message) -> Message:
        node = message.metadata.dst_node_id
        message.metadata.__dict__["_message_id"] = str(next(self._numbers))
        return self._apps[node](message, self._contexts[node])


def accuracy(weights: NDArray[Any], inputs: NDArray[Any], targets: NDArray[Any]) -> float:
    said = np.column_stack([inputs, np.ones(len(inputs))]) @ weights
    return float((said.argmax(axis=1) == targets).mean())


def averaged(shares: Any, step: float) -> float:
    owners = sum(name.startswith("inputs") for name in shares.files)
    apps = [app_of(shares[f"inputs{k}"], shares[f"targets{k}"], step, int(shares["seed"]) + k) for k in range(owners)]
    first = ArrayRecord([np.zeros((shares["test_inputs"].shape[1] + 1, int(shares["classes"])))])
    strategy = FedAvg(fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=1)
    done = strategy.start(Here(apps), first, num_rounds=ROUNDS, train_config=ConfigRecord({}))
    return accuracy(done.arrays.to_numpy_ndarrays()[0], shares["test_inputs"], shares["test_targets"])


if __name__ == "__main__":
    with np.load(sys.argv[1]) as shares:
        print(max(averaged(shares, step) for step in STEPS))
