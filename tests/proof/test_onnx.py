"""ONNX files of dense layers: read without a library, and what is not proven is said."""

import numpy as np
import pytest

from klopf.errors import ProofError
from klopf.proof import model


def varint(n):
    made = b""
    while n > 127:
        made, n = made + bytes([n & 127 | 128]), n >> 7
    return made + bytes([n])


def part(number, value):
    """One field of Protocol Buffers: a number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, array):
    sizes = b"".join(part(1, n) for n in array.shape)
    return sizes + part(2, 1) + part(8, name) + part(9, array.astype("<f4").tobytes())


def node(kind, inputs, output, **settings):
    said = b"".join(part(5, part(1, name) + part(3, value)) for name, value in settings.items())
    return b"".join(part(1, name) for name in inputs) + part(2, output) + part(4, kind) + said


def file(nodes, held):
    graph = b"".join(part(1, one) for one in nodes) + b"".join(part(5, tensor(*one)) for one in held.items())
    return part(1, 8) + part(7, graph)


RNG = np.random.default_rng(0)
W1, B1, W2, B2 = RNG.normal(size=(5, 3)), RNG.normal(size=5), RNG.normal(size=(2, 5)), RNG.normal(size=2)
HELD = {"w1": W1, "b1": B1, "w2": W2.T, "b2": B2}
GEMM = node("Gemm", ["x", "w1", "b1"], "h", transB=1)
ADD = [node("MatMul", ["a", "w2"], "m"), node("Add", ["m", "b2"], "y")]
LAST = node("Softmax", ["y"], "p")


@pytest.mark.parametrize("kind", ["Relu", "Tanh", "Sigmoid"])
def test_dense_layers_are_read(kind):
    flat = node("Flatten", ["in"], "x")
    found = model.layers_in(file([flat, GEMM, node(kind, ["h"], "a"), *ADD, LAST], HELD))
    assert found.activation == kind.lower() and found.sizes == (3, 5, 2)
    for whole, numbers in zip((*found.weights, *found.biases), (W1, W2, B1, B2), strict=True):
        np.testing.assert_allclose(whole / 2.0 ** (28 if whole.ndim == 1 else 16), numbers, atol=1e-5)


RELU = node("Relu", ["h"], "a")
WRONG = {
    "nothing": [],
    "no units between": [GEMM, node("MatMul", ["h", "w2"], "m")],
    "another kind": [GEMM, node("Elu", ["h"], "a"), *ADD],
    "softmax between": [GEMM, node("Softmax", ["h"], "s"), node("Relu", ["s"], "a"), *ADD],
    "softmax first": [node("Softmax", ["in"], "x"), GEMM],
    "bias after units": [GEMM, RELU, node("Add", ["a", "b1"], "c"), node("MatMul", ["c", "w2"], "m")],
    "a branch": [GEMM, RELU, node("MatMul", ["h", "w2"], "m")],
    "ends with units": [GEMM, RELU],
    "two kinds": [GEMM, RELU, *ADD, node("Tanh", ["y"], "z"), node("MatMul", ["z", "w3"], "q")],
    "weights on the left": [node("Gemm", ["w1", "x", "b1"], "h", transB=1), RELU, *ADD],
    "a bias that is none": [GEMM, RELU, node("Gemm", ["a", "w2", "a"], "y")],
    "cut to whole numbers": [node("Cast", ["in"], "x", to=7), GEMM, RELU, *ADD],
    "turned": [node("Gemm", ["x", "w1", "b1"], "h", transA=1, transB=1)],
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_proven_is_said_in_a_line(name):
    with pytest.raises(ProofError) as raised:
        model.layers_in(file(WRONG[name], {**HELD, "w3": np.zeros((2, 2))}))
    assert "\n" not in str(raised.value)


def test_bytes_of_any_kind_are_refused_in_a_line():
    data, rng = file([GEMM, RELU, *ADD], HELD), np.random.default_rng(1)
    for i in range(3000):
        said = bytearray(data)
        if i % 3 == 0:
            del said[int(rng.integers(len(said))) :]
        else:
            said[int(rng.integers(len(said)))] = int(rng.integers(256))
        try:
            model.layers_in(bytes(said))
        except ProofError as error:
            assert "\n" not in str(error)


@pytest.mark.extras  # it needs onnx, which writes such files
def test_a_file_that_its_library_wrote_is_read():
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    held = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in HELD.items()]
    nodes = [helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], transB=1), helper.make_node("Relu", ["h"], ["a"]),
             helper.make_node("MatMul", ["a", "w2"], ["m"]), helper.make_node("Add", ["m", "b2"], ["y"])]  # fmt: skip
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, m]) for n, m in (("x", 3), ("y", 2))]
    made = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], held))
    onnx.checker.check_model(made)
    found = model.layers_in(made.SerializeToString())
    np.testing.assert_allclose(found.weights[1] / 2.0**16, W2, atol=1e-5)
