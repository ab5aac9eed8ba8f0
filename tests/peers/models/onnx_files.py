"""ONNX files, as their owners would write them."""

from __future__ import annotations

import numpy as np

from tests.peers.models.foreign import WEIGHTS


def softmax_file(file, rows="n", kind=np.float32, logits=False, columns=False):
    """An ONNX file of ``foreign.softmax``, for so many rows at a time, or with an input for each column."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    number = TensorProto.FLOAT if kind is np.float32 else TensorProto.DOUBLE
    names = list("abcd")
    inputs = (
        [helper.make_tensor_value_info(name, number, [rows, 1]) for name in names]
        if columns
        else [helper.make_tensor_value_info("x", number, [rows, 4])]
    )
    nodes = [helper.make_node("Concat", names, ["x"], axis=1)] if columns else []
    nodes += [
        helper.make_node("MatMul", ["x", "w"], ["drive"]),
        helper.make_node("ArgMax", ["drive"], ["label"], axis=1),
    ]
    nodes += [] if logits else [helper.make_node("Softmax", ["drive"], ["p"], axis=1)]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [rows, 1]),
        helper.make_tensor_value_info("drive" if logits else "p", number, [rows, 3]),
    ]
    weights = [numpy_helper.from_array(WEIGHTS.astype(kind), "w")]
    graph = helper.make_graph(nodes, "softmax", inputs, outputs, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(made, file)
