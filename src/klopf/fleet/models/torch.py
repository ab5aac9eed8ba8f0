"""Any PyTorch module as a model that is trained in rounds; whole, some of its parameters, or low-rank additions to
them.

What may be made is named in ``BUILDERS``, in this process alone: a demand names one of these, never code. Extra
``torch``, imported when it is used."""

from __future__ import annotations

import fnmatch
import itertools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.extras import require
from klopf.fleet._parameters import Parameters, shapes_of
from klopf.fleet.models._model import FleetModel

if TYPE_CHECKING:
    import torch

__all__ = ["BUILDERS", "TorchModel"]

_DRAWING = threading.Lock()  # PyTorch's generator is one for all threads
_TAKES = {"module", "arguments", "loss", "step_size", "batch", "train", "rank"}


def _perceptron(sizes: list[int]) -> Any:
    from torch import nn

    layers: list[Any] = []
    for i, (wide, high) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.ReLU()] if i else []
        layers.append(nn.Linear(wide, high))
    return nn.Sequential(*layers)


BUILDERS: dict[str, Callable[..., Any]] = {"perceptron": _perceptron}
"""Modules by name: a function of a demand's ``arguments`` each. Server and devices add their own before they serve,
such as ``BUILDERS["mine"] = lambda: Mine()``; it may load pretrained weights, which never travel where only additions
are trained."""


class TorchModel(FleetModel):
    """A module trained by stochastic gradient descent.

    Settings: module (a name in ``BUILDERS``), arguments (of it), loss ("cross-entropy" or "squared"), step_size
    (0.05), batch (32), train (patterns of parameters' names that are trained and travel; by default all), rank (0;
    above that, the matrices among them stay as they are and get an addition B A of this rank, which alone is trained
    and travels, as in LoRA)."""

    def __init__(self, module: torch.nn.Module, settings: dict[str, Any]) -> None:
        import torch

        self._torch, self._module, self._settings = torch, module, settings
        patterns = settings["train"]
        named = dict(module.named_parameters())
        chosen = [name for name in named if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
        if not chosen:
            raise FleetError(f"no parameter is called {patterns}: the module has {', '.join(named)[:120]}")
        for name, parameter in named.items():
            parameter.requires_grad_(name in chosen and not settings["rank"])
        self._base = {name: named[name].detach().clone() for name in chosen if named[name].ndim == 2}
        if settings["rank"]:
            rank, self._trained = settings["rank"], []
            for weight in self._base.values():
                down = torch.randn(rank, weight.shape[1]) / weight.shape[1] ** 0.5
                self._trained += [down.requires_grad_(), torch.zeros(weight.shape[0], rank, requires_grad=True)]
            if not self._base:
                raise FleetError("rank needs a matrix among the parameters that are trained: name one in train")
        else:
            self._trained = [named[name] for name in chosen]

    @classmethod
    def create(cls, settings: dict[str, Any], seed: int) -> Self:
        require("torch", "a PyTorch model")
        import torch

        given = {
            "arguments": {},
            "loss": "cross-entropy",
            "step_size": 0.05,
            "batch": 32,
            "train": ["*"],
            "rank": 0,
            **settings,
        }
        if set(settings) - _TAKES or given.get("module") not in BUILDERS:
            raise FleetError(f"a torch model takes {', '.join(sorted(_TAKES))}; modules here: {', '.join(BUILDERS)}")
        if given["loss"] not in ("cross-entropy", "squared") or not 0 <= given["rank"] <= 1024 or given["batch"] < 1:
            raise FleetError("a torch model's loss is cross-entropy or squared, its rank from 0 and its batch from 1")
        with _DRAWING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(BUILDERS[given["module"]](**given["arguments"]), given)

    def parameters(self) -> Parameters:
        return [p.detach().numpy().astype(np.float32, copy=True) for p in self._trained]

    def load(self, parameters: Parameters) -> None:
        if shapes_of(parameters) != tuple(tuple(p.shape) for p in self._trained):
            raise FleetError("parameters of another shape than this module's: make it by the demand's settings")
        with self._torch.no_grad():
            for parameter, array in zip(self._trained, parameters, strict=True):
                parameter.copy_(self._torch.from_numpy(np.array(array)))

    def train(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], epochs: int, rng: np.random.Generator
    ) -> None:
        self._module.train()
        optimiser = self._torch.optim.SGD(self._trained, lr=self._settings["step_size"])
        size = self._settings["batch"]
        for _ in range(epochs):
            order = rng.permutation(len(inputs))
            for start in range(0, len(inputs), size):
                places = order[start : start + size]
                optimiser.zero_grad()
                self._torch.autograd.backward(self._lost(inputs[places], targets[places]))
                optimiser.step()

    def loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        self._module.eval()
        with self._torch.no_grad():
            return float(self._lost(inputs, targets))

    def score(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        if self._settings["loss"] == "squared":
            return 1 - self.loss(inputs, targets) / max(float(targets.var()), 1e-12)
        self._module.eval()
        with self._torch.no_grad():
            return float((self._out(inputs).argmax(1).numpy() == targets).mean())

    def _out(self, inputs: NDArray[np.float32]) -> torch.Tensor:
        x = self._torch.from_numpy(np.array(inputs))
        said: torch.Tensor
        if not self._settings["rank"]:
            said = self._module(x)
            return said
        pairs = zip(self._trained[::2], self._trained[1::2], strict=True)
        added = {name: weight + up @ down for (name, weight), (down, up) in zip(self._base.items(), pairs, strict=True)}
        said = self._torch.func.functional_call(self._module, added, (x,))
        return said

    def _lost(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> torch.Tensor:
        y = self._torch.from_numpy(np.array(targets))
        out = self._out(inputs)
        squared = self._settings["loss"] == "squared"
        functions = self._torch.nn.functional
        lost: torch.Tensor = functions.mse_loss(out[:, 0], y) if squared else functions.cross_entropy(out, y.long())
        return lost
