"""Dense layers from an ONNX file, without any library: the few fields of Protocol Buffers that such a file has.

Read are ``Gemm``, or ``MatMul`` with ``Add`` after it, and ``Relu``, ``Tanh`` or ``Sigmoid`` between them; ``Flatten``,
``Identity`` and ``Reshape`` before the first, and ``Softmax`` after the last, change nothing. Whatever else a file has
is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import ProofError
from klopf.proof._quantised import Layers

__all__ = ["layers_in"]

_VARINT, _WORD, _BYTES, _HALF = 0, 1, 2, 5
_ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid"}
_BEFORE, _AFTER = ("Flatten", "Identity", "Reshape", "Cast"), ("Identity", "Softmax", "LogSoftmax")
_TYPES = {1: "<f4", 11: "<f8"}


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number has more than ten bytes")


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Field numbers, each with a number or the bytes that it has."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: Any
        if kind == _VARINT:
            value, at = _varint(data, at)
        else:
            size, at = (8 if kind == _WORD else 4, at) if kind in (_WORD, _HALF) else _varint(data, at)
            if kind not in (_WORD, _HALF, _BYTES) or at + size > len(data):
                raise ValueError("a field ends too early")
            value, at = data[at : at + size], at + size
        yield key >> 3, value


@dataclass
class _Node:
    kind: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    settings: dict[str, float] = field(default_factory=dict)
    held: NDArray[np.float64] | None = None


def _node(data: memoryview) -> _Node:
    made = _Node()
    for number, value in _fields(data):
        if number == 1:
            made.inputs.append(str(value, "utf-8"))
        elif number == 2:
            made.outputs.append(str(value, "utf-8"))
        elif number == 4:
            made.kind = str(value, "utf-8")
        elif number == 5:
            name, setting = "", 0.0
            for inner, said in _fields(value):
                if inner == 1:
                    name = str(said, "utf-8")
                elif inner == 2:
                    setting = float(np.frombuffer(said, "<f4")[0])
                elif inner == 3:
                    setting = float(said)
                elif inner == 5:
                    made.held = _tensor(said)[1]
            made.settings[name] = setting
    return made


def _tensor(data: memoryview) -> tuple[str, NDArray[np.float64]]:
    name, sizes, kind, numbers = "", [], 0, b""
    for number, value in _fields(data):
        if number == 1:
            if isinstance(value, int):
                sizes.append(value)
            else:
                at = 0
                while at < len(value):
                    size, at = _varint(value, at)
                    sizes.append(size)
        elif number == 2:
            kind = value
        elif number == 4 or number == 9:
            numbers += bytes(value)
        elif number == 8:
            name = str(value, "utf-8")
        elif number == 14 and value:
            raise ValueError("weights are in another file")
    if kind not in _TYPES:
        return name, np.zeros(0)
    with np.errstate(invalid="ignore"):  # what is no number is refused with all that is not finite
        return name, np.frombuffer(numbers, _TYPES[kind]).astype(np.float64).reshape(sizes)


def layers_in(data: bytes) -> Layers:
    """The network in an ONNX file, in whole numbers.

    Raises:
        ProofError: it is no such file, or has more than dense layers.
    """
    try:
        graph = next(value for number, value in _fields(memoryview(data)) if number == 7)
        parts = list(_fields(graph))
        nodes = [_node(value) for number, value in parts if number == 1]
        held = dict(_tensor(value) for number, value in parts if number == 5)
    except (StopIteration, ValueError, IndexError, TypeError, OverflowError):
        raise ProofError("this is no ONNX file with its weights inside") from None
    weights: list[NDArray[np.float64]] = []
    biases: list[NDArray[np.float64]] = []
    kinds: list[str] = []
    heard = ended = ""
    for node in nodes:
        if node.kind == "Constant" and node.outputs and node.held is not None:
            held[node.outputs[0]] = node.held
            continue
        if heard and heard not in node.inputs:
            raise ProofError(
                f"{node.kind[:40]} of an ONNX file does not hear the one before it: only a chain is proven"
            )
        heard = node.outputs[0] if node.outputs else ""
        bare = len(weights) - len(kinds) == 1  # a dense layer without units yet
        if ended and node.kind not in _AFTER:
            raise ProofError(f"an ONNX file has {node.kind[:40]} after {ended}: that may only be the last")
        given = [held[name] for name in node.inputs if name in held]
        # what is heard stands first, and weights and biases are the file's own: anything else is another network
        own = [name in held for name in node.inputs if name]
        if node.kind in ("Gemm", "MatMul") and own in ([False, True], [False, True, True]):
            if bare:
                raise ProofError("two dense layers of an ONNX file follow each other without units between them")
            w, b = _dense(node, given)
            weights.append(w)
            biases.append(b)
        elif node.kind == "Add" and bare and len(given) == 1 and given[0].size == len(biases[-1]):
            biases[-1] = biases[-1] + given[0].ravel()
        elif node.kind in _ACTIVATIONS and bare:
            kinds.append(_ACTIVATIONS[node.kind])
        elif node.kind in _AFTER and bare:
            ended = node.kind
        elif weights or node.kind not in _BEFORE or node.settings.get("to", 1) not in _TYPES:  # a cast cuts off
            raise ProofError(
                f"{node.kind[:40]!r} of an ONNX file is not proven: dense layers with relu, tanh or sigmoid"
            )
    if not weights or len(kinds) != len(weights) - 1 or len(set(kinds)) > 1:
        raise ProofError("an ONNX file is proven that has dense layers with one kind of units between all of them")
    return Layers.of(weights, biases, kinds[0] if kinds else "relu")


def _dense(node: _Node, given: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not given or given[0].ndim != 2 or node.settings.get("transA"):
        raise ProofError("a dense layer of an ONNX file has no weights of its own")
    w = given[0] * node.settings.get("alpha", 1.0)
    w = w if node.settings.get("transB") else w.T
    b = given[1].ravel() * node.settings.get("beta", 1.0) if len(given) > 1 else np.zeros(1)
    if b.size not in (1, len(w)):
        raise ProofError("a dense layer of an ONNX file has a bias of another size")
    return w, np.broadcast_to(b, len(w)).copy()
