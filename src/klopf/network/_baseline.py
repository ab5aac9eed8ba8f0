"""What one would have if privacy were given up: a linear model that learns online from everybody's data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.network._data import Shares
from klopf.peers import Classes, Text

__all__ = ["linear_baseline"]


def linear_baseline(seed: int, shares: Shares, epochs: int, passes: int) -> list[float]:
    """Test score by epoch of a linear model (logistic for classes, least squares for numbers; constant step-size 0.01)
    that is given the honest and dishonest neurons' data pooled, one sample at a time, with as many passes as they have.
    For text, of saying what is most often right.
    """
    inputs = np.concatenate([share.inputs for share in shares.neurons])
    targets = np.concatenate([share.targets for share in shares.neurons])
    rng = np.random.default_rng([seed, 4])
    task = shares.test.task
    if isinstance(task, Text):
        return [task.score(task.know_nothing(targets, len(shares.test)), shares.test.targets)] * epochs
    model = _Classifier(seed, task) if isinstance(task, Classes) else _Line(seed, targets)
    scores = []
    # A neuron answers in epoch e with what it learned before it: from its birth on, passes by the epoch.
    for _ in range(epochs):
        for _ in range(passes):
            order = rng.permutation(len(targets))
            model.learn(inputs[order], targets[order])
        scores.append(task.score(model.decide(shares.test.inputs), shares.test.targets))
    return scores


class _Classifier:
    def __init__(self, seed: int, task: Classes) -> None:
        from sklearn.linear_model import SGDClassifier

        self._model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01, random_state=seed)
        self._task, self._classes = task, np.arange(len(task.names))

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self._model.partial_fit(inputs, targets, classes=self._classes)

    def decide(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """As everybody's answers are decided: where classes count alike, how frequent they are is taken out."""
        return self._task.decide(self._model.predict_proba(inputs))


class _Line:
    """Learns targets in standard deviations from their mean, so that one step-size suits every unit."""

    def __init__(self, seed: int, targets: NDArray[Any]) -> None:
        from sklearn.linear_model import SGDRegressor

        self._model = SGDRegressor(learning_rate="constant", eta0=0.01, random_state=seed)
        self._mean, self._spread = float(targets.mean()), float(targets.std()) or 1.0

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self._model.partial_fit(inputs, (targets[:, 0] - self._mean) / self._spread)

    def decide(self, inputs: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self._model.predict(inputs) * self._spread + self._mean, dtype=np.float32)[:, None]
