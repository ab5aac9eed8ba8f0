"""Layers as an ONNX file, written without a library: for backends that read nothing else."""

from __future__ import annotations

from klopf.proof._quantised import Layers

__all__ = ["onnx_of"]

_UNITS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def _varint(n: int) -> bytes:
    made = b""
    while n > 127:
        made, n = made + bytes([n & 127 | 128]), n >> 7
    return made + bytes([n])


def _part(number: int, value: int | str | bytes) -> bytes:
    """One field of Protocol Buffers."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _shaped(name: str, width: int) -> bytes:
    sizes = b"".join(_part(1, _part(1, n)) for n in (1, width))
    return _part(1, name) + _part(2, _part(1, _part(1, 1) + _part(2, sizes)))


def onnx_of(layers: Layers) -> bytes:
    """``layers`` as an ONNX file, with float32 weights."""
    graph, heard, last = b"", "x", len(layers.weights) - 1
    for i, (w, b) in enumerate(zip(layers.weights, layers.biases, strict=True)):
        said = "y" if i == last else f"h{i}"
        setting = _part(5, _part(1, "transB") + _part(3, 1) + _part(20, 2))
        names = b"".join(_part(1, name) for name in (heard, f"w{i}", f"b{i}"))
        graph += _part(1, names + _part(2, said) + _part(4, "Gemm") + setting)
        if i < last:
            graph += _part(1, _part(1, said) + _part(2, f"a{i}") + _part(4, _UNITS[layers.activation]))
            heard = f"a{i}"
        for name, numbers in ((f"w{i}", w / 2.0**16), (f"b{i}", b / 2.0**28)):
            sizes = b"".join(_part(1, n) for n in numbers.shape)
            graph += _part(5, sizes + _part(2, 1) + _part(8, name) + _part(9, numbers.astype("<f4").tobytes()))
    graph += _part(2, "network") + _part(11, _shaped("x", layers.sizes[0])) + _part(12, _shaped("y", layers.sizes[-1]))
    return _part(1, 8) + _part(8, _part(1, "") + _part(2, 13)) + _part(7, graph)
