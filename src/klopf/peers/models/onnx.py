"""A model in an ONNX file, which any framework writes: ``model = "onnx:rain.onnx"``. It does not learn here.

The file is copied into the neuron's folder, and what is loaded is that copy, whole and by its hash: operators of other
libraries and weights in files beside it are not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.extras import require
from klopf.peers.models._frozen import Frozen, taken
from klopf.peers.tasks import Classes, Task

__all__ = ["OnnxModel"]

_USUAL = {"output": "", "logits": False}
_COPY = "model.onnx"
_LARGEST = 2**31
"""Bytes of a file: the format has no more in one."""
_AT_ONCE = 1024
"""Inputs in one run, where the file does not say how many it takes."""
_ROWS = 65_536
"""Inputs in one run at most, where it says: it is always given as many."""
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(string)": object,
}


class OnnxModel(Frozen):
    """``settings``: ``output`` (which of the file's outputs; by default the one that fits), ``logits`` (whether a
    softmax is still to be taken). Its commitment names the file's content."""

    def __init__(self, task: Task, settings: Mapping[str, Any], file: Path, kept: bool = False) -> None:
        super().__init__(task, settings)
        require("onnx", "an ONNX file")
        import onnxruntime

        try:
            if file.stat().st_size > _LARGEST:
                raise PeersError(f"{file} has more than {_LARGEST:,} bytes: an ONNX file has less")
            content = file.read_bytes()
        except OSError as error:
            raise PeersError(f"cannot read the ONNX file {file}: {error.strerror}") from None
        self._file, self._kept, self._hash = file, kept, hashlib.sha256(content).hexdigest()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the same sums in the same order
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common class
            raise PeersError(f"{file} is no ONNX file that can be run: {' '.join(str(error).split())[:160]}") from None
        self._inputs = self._session.get_inputs()
        rows = [one.shape[0] for one in self._inputs if one.shape and isinstance(one.shape[0], int)]
        if any(not 1 <= one <= _ROWS for one in rows):
            raise PeersError(f"{file} takes {rows[0]:,} inputs at a time: 1 to {_ROWS:,} are taken, or any number")
        self._output = self._chosen()

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        return cls(task, taken(settings, _USUAL, "an ONNX file"), Path(cls.variant).absolute())

    @classmethod
    def opened(cls, task: Task, settings: Mapping[str, Any], folder: Path) -> Self:
        return cls(task, taken(settings, _USUAL, "an ONNX file"), folder / _COPY, True)

    def _chosen(self) -> str:
        outputs = self._session.get_outputs()
        names = [one.name for one in outputs]
        if wanted := self.settings["output"]:
            if wanted not in names:
                raise PeersError(f"{self.variant} has no output {wanted!r:.60}: one of {', '.join(names)[:120]}")
            return str(wanted)
        if isinstance(self.task, Classes):  # a label comes first, and what is wanted is the probabilities
            outputs = [one for one in outputs if one.type not in ("tensor(int64)", "tensor(string)")] or outputs
        return str(outputs[0].name)

    def _fed(self, inputs: NDArray[Any]) -> dict[str, Any]:
        """What the file is given: all in one, or a column in each."""
        for one in self._inputs:
            if one.type not in _TYPES:
                raise PeersError(f"{self.variant} takes {one.type} as {one.name!r}: write it for float32")
        if len(self._inputs) == 1:
            one = self._inputs[0]
            given = inputs.astype(_TYPES[one.type])
            return {one.name: given.reshape(-1, 1) if given.ndim == 1 and len(one.shape) == 2 else given}
        places = {name: i for i, name in enumerate(self.task.features)}
        if strange := [one.name for one in self._inputs if one.name not in places]:
            raise PeersError(f"{self.variant} takes {strange[0]!r:.60}, which is no feature of this network")
        return {one.name: inputs[:, [places[one.name]]].astype(_TYPES[one.type]) for one in self._inputs}

    def says(self, inputs: NDArray[Any]) -> Any:
        fixed = self._inputs[0].shape[0] if self._inputs and self._inputs[0].shape else None
        size = fixed if isinstance(fixed, int) else _AT_ONCE
        found: list[NDArray[Any]] = []
        for start in range(0, len(inputs), size):
            part = inputs[start : start + size]
            short = size - len(part) if isinstance(fixed, int) else 0
            given = np.concatenate([part, np.repeat(part[-1:], short, axis=0)]) if short else part
            try:
                said = self._session.run([self._output], self._fed(given))[0]
            except PeersError:
                raise
            except Exception as error:  # as above
                raise PeersError(f"{self.variant} does not take this: {' '.join(str(error).split())[:160]}") from None
            found.append(self._table(said)[: len(part)])
        answers = np.concatenate(found)
        return _softmax(answers) if self.settings["logits"] else answers

    def _table(self, said: Any) -> NDArray[Any]:
        if isinstance(said, list) and said and isinstance(said[0], dict):  # scikit-learn's converters: a map a row
            return _by_class(said, self.task.names)
        return np.asarray(said)

    def identity(self) -> Mapping[str, Any]:
        return {"file": self._hash}

    def save(self, folder: Path) -> None:
        super().save(folder)
        copy = folder / _COPY
        if self._kept:
            with contextlib.suppress(OSError):  # another file system
                os.link(self._file, copy)  # the state before, which nobody changes
        if not copy.exists():
            shutil.copyfile(self._file, copy)
        if hashlib.sha256(copy.read_bytes()).hexdigest() != self._hash:
            raise PeersError(f"{self._file} has changed since it was loaded: start the neuron anew")


def _by_class(said: Sequence[Mapping[Any, float]], names: Sequence[str]) -> NDArray[np.float64]:
    """Rows of probabilities by class, as a table in the order of ``names``, by which or by whose place they are."""
    place: dict[Any, int] = {name: i for i, name in enumerate(names)} | dict(enumerate(range(len(names))))
    table = np.zeros((len(said), len(names)))
    for i, row in enumerate(said):
        for one, probability in row.items():
            if one not in place:
                raise PeersError(f"the file says the probability of {str(one)[:60]!r}, which is none of the classes")
            table[i, place[one]] = probability
    return table


def _softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    result: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return result
