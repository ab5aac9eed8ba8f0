"""Any PyTorch module: ``model = "torch:package.module:Class"``.

Its outputs are logits for classes, numbers for numbers. It learns by Adam. Weights are written as safetensors, which
hold numbers alone; nothing is pickled.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MissingExtra, PeersError
from klopf.extensions import located
from klopf.extras import require
from klopf.peers.models._frozen import as_answers, taken
from klopf.peers.models._model import Model, absorb
from klopf.peers.models._scale import Scale
from klopf.peers.tasks import Classes, Numbers, Task

__all__ = ["TorchModule"]

_USUAL: dict[str, Any] = {"arguments": {}, "step_size": 0.001, "batch": 32, "weights": ""}
_DRAWING = threading.Lock()  # PyTorch's generator is one for all threads
_AT_ONCE = 1024
"""Inputs in one forward pass."""


class TorchModule(Model):
    """``settings``: ``arguments`` (of the class), ``step_size`` (0.001; 0: it does not learn), ``batch`` (32),
    ``weights`` (a safetensors file to begin with; numbers are then in their units, else in deviations of the first
    targets)."""

    def __init__(self, task: Task, module: Any, settings: Mapping[str, Any], seed: int) -> None:
        import torch

        self.task, self.learns = task, settings["step_size"] > 0
        self._torch, self._module, self._settings, self._seed = torch, module, dict(settings), seed
        self._scale = None if isinstance(task, Classes) or settings["weights"] else Scale.of(len(task.names))
        self._learned = 0
        self._adam = torch.optim.Adam(module.parameters(), lr=settings["step_size"]) if self.learns else None

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        if not isinstance(task, Classes | Numbers):
            raise PeersError(f"a PyTorch module learns classes or numbers, not {task.kind}: name a function for text")
        own = taken(settings, _USUAL, "a PyTorch module")
        if not 0 <= own["step_size"] <= 10 or not 1 <= own["batch"] <= 65_536:
            raise PeersError("a PyTorch module's step_size is from 0 to 10 and its batch from 1 to 65,536")
        made = cls(task, cls._built(own, seed), own, seed)
        if own["weights"]:
            made._take(_tensors(Path(own["weights"])), own["weights"])
        return made

    @classmethod
    def _built(cls, settings: Mapping[str, Any], seed: int) -> Any:
        require("torch", "a PyTorch module")
        if importlib.util.find_spec("safetensors") is None:  # which devices that train do without
            raise MissingExtra(
                'a PyTorch module needs safetensors, which is not installed: pip install "klopf[torch]"', "torch"
            )
        import torch

        kind = located(cls.variant, f"the PyTorch module {cls.variant!r}")
        with _DRAWING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = kind(**settings["arguments"])
        if not isinstance(made, torch.nn.Module):
            raise PeersError(f"{cls.variant} makes no torch.nn.Module: name a class of modules, or what makes one")
        return made

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self.task.check_inputs(inputs)
        self.task.check_targets(targets, len(inputs))
        if self._adam is None:
            return
        torch, size = self._torch, self._settings["batch"]
        if self._scale is not None:
            self._scale.meet(targets)
            targets = self._scale.small(targets)
        loss_of = torch.nn.functional.cross_entropy if isinstance(self.task, Classes) else torch.nn.functional.mse_loss
        self._module.train()
        with _DRAWING, torch.random.fork_rng(devices=[]):
            for start in range(0, len(inputs), size):
                torch.manual_seed(int.from_bytes(hashlib.sha256(f"{self._seed} {self._learned}".encode()).digest()[:7]))
                x, y = (torch.from_numpy(a[start : start + size].copy()) for a in (inputs, targets))
                self._adam.zero_grad()
                loss_of(self._module(x), y).backward()
                self._adam.step()
                self._learned += len(x)

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        self.task.check_inputs(inputs)
        torch, said = self._torch, []
        self._module.eval()
        with torch.no_grad():
            for start in range(0, max(1, len(inputs)), _AT_ONCE):
                out = self._module(torch.from_numpy(inputs[start : start + _AT_ONCE].copy()))
                said.append((torch.softmax(out, dim=-1) if isinstance(self.task, Classes) else out).float().numpy())
        answers = as_answers(self.task, np.concatenate(said), len(inputs))
        return answers if self._scale is None else self._scale.large(answers)

    def _state(self) -> dict[str, Any]:
        """Every tensor of it, by name."""
        state = {f"module.{name}": value for name, value in self._module.state_dict().items()}
        if self._adam is not None:
            for i, moments in self._adam.state_dict()["state"].items():
                state |= {f"adam.{i}.{name}": self._torch.as_tensor(value) for name, value in moments.items()}
        return {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}

    def commitment(self) -> bytes:
        digest = hashlib.sha256()
        kept = {name: value for name, value in self._settings.items() if name != "weights"}
        absorb(digest, [kept, self._seed, self._learned, self._scale])
        for name, value in sorted(self._state().items()):
            absorb(digest, [name, str(value.dtype), list(value.shape)])
            digest.update(value.reshape(-1).view(self._torch.uint8).numpy().tobytes())
        return digest.digest()

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        save_file(self._state(), folder / "state.safetensors")
        kept = {"settings": self._settings, "seed": self._seed, "learned": self._learned,
                "commitment": self.commitment().hex()}  # fmt: skip
        (folder / "torch.json").write_text(json.dumps(kept))
        if self._scale is not None:
            self._scale.save(folder / "scale.json")

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        kept = json.loads((folder / "torch.json").read_text())
        loaded = cls(task, cls._built(kept["settings"], kept["seed"]), kept["settings"], kept["seed"])
        loaded._learned = kept["learned"]
        if loaded._scale is not None:
            loaded._scale = Scale.load(folder / "scale.json")
        state = _tensors(folder / "state.safetensors")
        loaded._take({k.removeprefix("module."): v for k, v in state.items() if k.startswith("module.")}, str(folder))
        loaded._recall({k: v for k, v in state.items() if k.startswith("adam.")})
        if loaded.commitment().hex() != kept["commitment"]:
            raise PeersError(f"{folder} holds another state than was saved: restore it or start the neuron anew")
        return loaded

    def _take(self, tensors: Mapping[str, Any], where: str) -> None:
        try:
            self._module.load_state_dict(dict(tensors), strict=True)
        except RuntimeError as error:
            said = " ".join(str(error).split())[:160]
            raise PeersError(f"the weights in {where} are not those of {self.variant}: {said}") from None

    def _recall(self, moments: Mapping[str, Any]) -> None:
        """Adam's memory, from its tensors by name."""
        if self._adam is None or not moments:
            return
        state: dict[int, dict[str, Any]] = {}
        for name, value in moments.items():
            _, place, what = name.split(".", 2)
            state.setdefault(int(place), {})[what] = value
        self._adam.load_state_dict(self._adam.state_dict() | {"state": state})


def _tensors(file: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise PeersError(f"no weights can be read in {file}: {error}; bring a whole safetensors file") from None
