"""PyTorch modules and ONNX files as neurons: they keep the promises of ``Model`` and say what the model itself says."""

import numpy as np
import pytest

from klopf.checks import check_model
from klopf.errors import KlopfError, PeersError
from klopf.extras import missing
from klopf.peers import Classes, Numbers, Text, create_model, load_model, save_model
from tests.peers.models.foreign import softmax

pytestmark = pytest.mark.extras
torch_there = pytest.mark.skipif(
    bool(missing("torch")) or not __import__("importlib.util").util.find_spec("safetensors"),
    reason='needs pip install "klopf[torch]"',
)
onnx_there = pytest.mark.skipif(
    bool(missing("onnx")) or not __import__("importlib.util").util.find_spec("onnx"),
    reason='needs pip install "klopf[onnx]" onnx',
)
CLASSES = Classes(("a", "b", "c", "d"), ("x", "y", "z"))
TWO = Numbers(("a", "b", "c"), ("rent", "deposit"), ("EUR", "EUR"))
INPUTS = np.random.default_rng(1).normal(size=(70, 4)).astype(np.float32)
MODULES = "tests.peers.models.modules"
SETTINGS = {"arguments": {"sizes": [4, 16, 3]}, "step_size": 0.01}


@torch_there
@pytest.mark.parametrize(
    ("name", "task", "settings"),
    [
        (f"torch:{MODULES}:Perceptron", CLASSES, SETTINGS),
        (f"torch:{MODULES}:linear", TWO, {"arguments": {"out": 2}, "step_size": 0.05}),
        (f"{MODULES}:Small", CLASSES, {"step_size": 0.01}),
        (f"{MODULES}:Small", CLASSES, {"step_size": 0.0}),
    ],
    ids=["classes", "numbers", "by-its-class", "frozen"],
)
def test_a_module_keeps_its_promises(name, task, settings):
    check_model(name, task, settings)


@torch_there
def test_a_module_answers_as_itself(tmp_path):
    import torch
    from safetensors.torch import save_file

    from tests.peers.models.modules import Perceptron, linear

    torch.manual_seed(3)
    for itself, task, settings in (
        (Perceptron([4, 16, 3]), CLASSES, {"arguments": {"sizes": [4, 16, 3]}}),
        (linear(2), TWO, {"arguments": {"out": 2}}),
    ):
        file = tmp_path / f"{task.kind}.safetensors"
        save_file({name: value.clone() for name, value in itself.state_dict().items()}, file)
        place = f"torch:{MODULES}:{'Perceptron' if task is CLASSES else 'linear'}"
        model = create_model(place, task, 0, settings | {"weights": str(file), "step_size": 0.0})
        given = INPUTS[:, : len(task.features)]
        with torch.no_grad():
            right = itself.eval()(torch.from_numpy(given.copy()))
            right = right.softmax(1) if task is CLASSES else right
        assert np.abs(model.answer(given) - right.numpy()).max() < 1e-6
        save_model(model, place, tmp_path / task.kind)
        assert np.array_equal(load_model(tmp_path / task.kind, task, place).answer(given), model.answer(given))


@torch_there
@pytest.mark.parametrize(
    ("name", "task", "settings", "line"),
    [
        (f"torch:{MODULES}:Small", Text(("q",), ("a",)), {}, "learns classes or numbers, not text"),
        ("torch:", CLASSES, {}, "name it as package.module:Class"),
        ("torch:tests.peers.models.onnx_files:softmax_file", CLASSES, {}, "does not take these settings"),
        ("torch:tests.peers.models.foreign:pipeline", CLASSES, {}, "makes no torch.nn.Module"),
        (f"torch:{MODULES}:Small", CLASSES, {"batch": 0}, "batch from 1"),
        (f"torch:{MODULES}:Small", CLASSES, {"colour": 1}, "has no setting 'colour'"),
        (f"torch:{MODULES}:Small", CLASSES, {"weights": "/nowhere.safetensors"}, "no weights can be read"),
    ],
)
def test_what_is_no_module_is_refused_in_one_line(name, task, settings, line):
    with pytest.raises(KlopfError, match=line) as refused:
        create_model(name, task, 0, settings)
    assert "\n" not in str(refused.value)


@torch_there
def test_weights_of_another_module_and_pickles_are_refused(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2, 2), "bias": torch.zeros(2)}, tmp_path / "other.safetensors")
    torch.save({"weight": torch.zeros(3, 4), "bias": torch.zeros(3)}, tmp_path / "pickle.pt")
    for file, line in (("other.safetensors", "are not those of"), ("pickle.pt", "no weights can be read")):
        with pytest.raises(PeersError, match=line) as refused:
            create_model(f"torch:{MODULES}:Small", CLASSES, 0, {"weights": str(tmp_path / file)})
        assert "\n" not in str(refused.value)


@onnx_there
@pytest.mark.parametrize(
    ("made", "settings"),
    [
        ({}, {}),
        ({"rows": 1}, {}),
        ({"rows": 32, "kind": np.float64}, {"output": "p"}),
        ({"logits": True}, {"logits": True}),
        ({"columns": True}, {}),
    ],
    ids=["any-rows", "one-row", "32-rows-of-doubles", "logits", "columns"],
)
def test_a_file_keeps_its_promises_and_answers_as_itself(made, settings, tmp_path):
    from tests.peers.models.onnx_files import softmax_file

    softmax_file(tmp_path / "rain.onnx", **made)
    name = f"onnx:{tmp_path / 'rain.onnx'}"
    check_model(name, CLASSES, settings)
    assert np.abs(create_model(name, CLASSES, 0, settings).answer(INPUTS) - softmax(INPUTS)).max() < 1e-6


@onnx_there
def test_a_neuron_keeps_its_file_when_the_original_goes(tmp_path):
    from tests.peers.models.onnx_files import softmax_file

    file = tmp_path / "model.onnx"
    softmax_file(file)
    name = f"onnx:{file}"
    model = create_model(name, CLASSES, 0)
    save_model(model, name, tmp_path / "0")
    file.unlink()
    for epoch in range(3):  # each from the one before
        back = load_model(tmp_path / str(epoch), CLASSES, name)
        assert back.commitment() == model.commitment() and np.array_equal(back.answer(INPUTS), model.answer(INPUTS))
        save_model(back, name, tmp_path / str(epoch + 1))
    copy = tmp_path / "3/model.onnx"
    content = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PeersError):
        load_model(tmp_path / "3", CLASSES, name)


@onnx_there
def test_a_file_may_take_and_give_texts(tmp_path):
    from onnx import TensorProto, helper, save

    ends = [helper.make_tensor_value_info(name, TensorProto.STRING, ["n"]) for name in ("said", "echo")]
    graph = helper.make_graph([helper.make_node("Identity", ["said"], ["echo"])], "echo", ends[:1], ends[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "echo.onnx")
    check_model(f"onnx:{tmp_path / 'echo.onnx'}", Text(("question",), ("answer",)))


@onnx_there
def test_what_is_no_file_is_refused_in_one_line(tmp_path):
    from tests.peers.models.onnx_files import softmax_file

    (tmp_path / "none.onnx").write_bytes(b"no file of this kind")
    softmax_file(tmp_path / "rain.onnx")
    softmax_file(tmp_path / "columns.onnx", columns=True)
    softmax_file(tmp_path / "rows.onnx", rows=1 << 30)  # 16 GB for one input
    five = Classes(tuple("abcde"), CLASSES.names)
    other = Classes(tuple("abcf"), CLASSES.names)
    for file, task, settings, line in (
        ("gone.onnx", CLASSES, {}, "cannot read the ONNX file"),
        ("none.onnx", CLASSES, {}, "is no ONNX file"),
        ("rain.onnx", CLASSES, {"output": "q"}, "has no output 'q': one of label, p"),
        ("rain.onnx", five, {}, "does not take this"),
        ("rain.onnx", Classes(tuple("abcd"), ("x", "y")), {}, "answers must be float32"),
        ("rows.onnx", CLASSES, {}, "takes 1,073,741,824 inputs at a time"),
        ("columns.onnx", other, {}, "takes 'd', which is no feature"),
    ):
        with pytest.raises(PeersError, match=line) as refused:
            model = create_model(f"onnx:{tmp_path / file}", task, 0, settings)
            model.answer(np.zeros((2, len(task.features)), np.float32))
        assert "\n" not in str(refused.value)
