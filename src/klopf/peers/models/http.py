"""Any program that answers over HTTP: ``model = "http://host:port/path"``, or https.

It is posted JSON, at most 256 inputs at a time, and answers with JSON::

    {"task": {"kind": "classes", "features": ["a", "b"], "names": ["x", "y"], "units": []}, "inputs": [[0.5, -1.25]]}
    {"answers": [[0.9, 0.1]], "version": "3"}

Inputs are rows of numbers, or texts. Answers are, for classes, probabilities in the order of ``names`` or a name each;
for numbers, rows; for text, texts. ``version`` may be left out; where it is said it must be the one that was declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers.models._endpoint import Endpoint
from klopf.peers.models._frozen import Frozen, taken
from klopf.peers.tasks import Task, task_to_json

__all__ = ["HttpModel"]

_USUAL = {"version": "", "key": "", "seconds": 20.0}
_MOST, _NUMBERS = 256, 2**16
"""Inputs, and numbers in the answers to them, in one request."""


class HttpModel(Frozen):
    """``settings``: ``version`` (what its owner calls this state of it), ``key`` (the environment variable with a
    bearer token), ``seconds`` (for one request, with up to four tries).

    It learns by itself, if at all, and declares a new version then. Its commitment names URL and version: nobody can
    see more of what is behind an URL.
    """

    def __init__(self, task: Task, settings: Mapping[str, Any]) -> None:
        super().__init__(task, settings)
        url = self.variant.removeprefix("//") if "://" in self.variant else f"http:{self.variant}"
        self._endpoint = Endpoint(url, settings["seconds"], settings["key"])
        self._at_once = self.portion = max(1, min(_MOST, _NUMBERS // max(1, *task.output_shape, *task.input_shape, 1)))

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        return cls.opened(task, settings, Path())

    @classmethod
    def opened(cls, task: Task, settings: Mapping[str, Any], folder: Path) -> Self:
        return cls(task, taken(settings, _USUAL, "a model behind HTTP"))

    def says(self, inputs: NDArray[Any]) -> Any:
        found: list[Any] = []
        for start in range(0, len(inputs), self._at_once):
            part = inputs[start : start + self._at_once]
            answer = self._endpoint.post({"task": task_to_json(self.task), "inputs": part.tolist()})
            answers = answer.get("answers") if isinstance(answer, dict) else None
            if not isinstance(answers, list) or len(answers) != len(part):
                raise PeersError(f'{self._endpoint.shown} must answer {{"answers": [one to each of "inputs"]}}')
            declared, now = self.settings["version"], answer.get("version")
            if now is not None and now != declared:
                raise PeersError(
                    f"{self._endpoint.shown} is version {str(now)[:60]!r} and {declared!r} was declared: change the "
                    "neuron's model to the new one"
                )
            found += answers
        return found

    def identity(self) -> Mapping[str, Any]:
        return {"endpoint": self.variant}
