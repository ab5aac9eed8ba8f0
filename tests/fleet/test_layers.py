"""Layers learn, by gradients that are right, whose sums are the same in any order."""

from __future__ import annotations

import numpy as np
import pytest

from klopf.errors import FleetError
from klopf.fleet.models import made
from klopf.fleet.models._net import Net, Sums, lost
from tests.fleet.homes import digits

SETTINGS = {"inputs": [64], "layers": [["dense", 32], ["relu"], ["dense", 10]], "output": "softmax", "momentum": 0.9}
ROWS = {
    "dense": ([6], [["dense", 5], ["relu"], ["dense", 3]], "softmax"),
    "convolution": ([2, 7, 6], [["convolution", 3, 3, 2], ["relu"], ["convolution", 4, 2, 1], ["dense", 3]], "softmax"),
    "numbers": ([5], [["dense", 4], ["relu"], ["dense", 1]], "linear"),
}


@pytest.mark.parametrize("name", ROWS)
def test_gradients_are_those_of_small_differences(name):
    inputs, layers, output = ROWS[name]
    net, rng = Net.of({"inputs": inputs, "layers": layers, "output": output}), np.random.default_rng(1)
    parameters = [a.astype(np.float64) for a in net.begin(1)]
    x, y = rng.standard_normal((4, *inputs)), rng.integers(0, 3, 4).astype(np.float64)
    out, kept = net.forward(parameters, x)
    _, found = net.backward(parameters, kept, lost(output, out, y)[1])
    # the same by the inputs of the second layer, which travel between stages
    second, _ = net.layers[0].forward(parameters[:2], x)
    out, kept = net.forward(parameters[2:], second, 1)
    along, _ = net.backward(parameters[2:], kept, lost(output, out, y)[1], 1)

    def loss(changed, start=0):
        return lost(output, net.forward(parameters[2:] if start else parameters, changed, start)[0], y)[0]

    for array, gradient, of in [*((p, g, x) for p, g in zip(parameters, found, strict=True)), (second, along, second)]:
        for place in rng.integers(0, array.size, 12):
            here = array.flat[place]
            array.flat[place] = here + 1e-6
            more = loss(of, int(of is second))
            array.flat[place] = here - 1e-6
            less = loss(of, int(of is second))
            array.flat[place] = here
            assert gradient.flat[place] == pytest.approx((more - less) / 2e-6, rel=1e-3, abs=1e-4)


def test_layers_learn_digits():
    x, y = digits()
    model = made("layers", SETTINGS | {"step_size": 0.05}, 0)
    model.train(x[400:], y[400:], 8, np.random.default_rng(0))
    assert model.score(x[:400], y[:400]) > 0.93 and model.loss(x[:400], y[:400]) < 0.3


def test_sums_are_the_same_in_any_order_and_from_any_parts():
    rng = np.random.default_rng(0)
    gradients = [[(rng.standard_normal(50) * 10.0 ** rng.integers(-6, 4)).astype(np.float32)] for _ in range(40)]
    whole, back, left, right = (Sums(50) for _ in range(4))
    for one in gradients:
        whole.add(one)
    for one in gradients[::-1]:
        back.add(one)
    for number, one in enumerate(gradients):
        (left if number % 3 else right).add(one)
    assert whole.total.tobytes() == back.total.tobytes() == (left.total + right.total).tobytes()
    np.testing.assert_allclose(whole.total, np.sum([g[0].astype(float) for g in gradients], axis=0), atol=1e-7)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2.0**14])
def test_training_that_diverges_is_one_line(bad):
    with pytest.raises(FleetError, match=r"^training diverged: ask for a smaller step_size$"):
        Sums(1).add([np.array([bad], np.float32)])


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"inputs": []}, "inputs of 1 to 3 sides"),
        ({"inputs": [True]}, "whole numbers from 1"),
        ({"inputs": 64}, "cannot be made"),
        ({"layers": []}, "has 1 to 64 of them"),
        ({"layers": [["dense", 10]] * 65}, "has 1 to 64 of them"),
        ({"layers": [["dense"]]}, "a layer is"),
        ({"layers": [["pickle", 3]]}, "a layer is"),
        ({"layers": [["dense", 1 << 19], ["dense", 10]]}, "make it smaller"),
        ({"layers": [["convolution", 3, 3, 1], ["dense", 10]]}, "needs records of channels"),
        ({"layers": [["dense", 10], ["dense", -1]]}, "whole numbers from 1"),
        ({"output": "linear"}, "ends with a dense one"),
        ({"batch": 10_000, "micro": 1}, "at most 1024 micro-batches"),
        (
            {
                "inputs": [1, 8, 8],
                "layers": [["convolution", 4096, 1, 1], ["convolution", 1, 2, 1], ["dense", 10]],
                "batch": 1024,
                "micro": 1024,
            },
            "make micro smaller",
        ),
        ({"layers": [["dense", 65_536], *[["relu"]] * 60, ["dense", 10]], "micro": 64}, "make micro smaller"),
        ({"step_size": 0}, "a step_size is above 0"),
        ({"momentum": 1}, "a momentum from 0"),
        ({"more": 1}, "takes inputs, layers"),
    ],
)
def test_settings_that_make_no_model_are_refused_in_a_line(changed, why):
    with pytest.raises(FleetError, match=why) as refused:
        made("layers", SETTINGS | changed, 0)
    assert "\n" not in str(refused.value)


def test_parameters_of_another_shape_and_classes_that_are_none_are_refused():
    model = made("layers", SETTINGS, 0)
    with pytest.raises(FleetError, match="another shape"):
        model.load(model.parameters()[:-1])
    with pytest.raises(FleetError, match="none of the 10 classes"):
        model.loss(np.zeros((1, 64), np.float32), np.array([10], np.float32))
