"""Where arrays lie in memory makes no difference to what is computed, not even in the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from klopf.mind import Images, Mind, _memory, problems

KINDS = {
    "classes": (64, 10, {}),
    "classes, normalised, in company": (64, 10, {"normalise_inputs": True, "memory": 100, "trees": 2}),
    "a number": (64, 1, {"output": "linear"}),
    "numbers": (64, 11, {"output": "linear"}),
    "numbers, scaled": (64, 11, {"output": "linear", "scale_targets": True}),
    "yes or no": (64, 11, {"output": "logistic"}),
    "by gradients": (64, 10, {"rule": "adam", "hidden": (24, 24), "layer_norm": True}),
    "images": (Images(8, 8), 10, {}),
}


def digits(outputs: int, output: str) -> tuple[Any, Any]:
    X, y = problems.digits()
    X, y = X[:400].astype(np.float32), y[:400]
    if output == "softmax":
        return X, y
    numbers = (y[:, None] * (1 + np.arange(outputs)) % 7).astype(np.float32)
    return X, numbers if output == "linear" else (numbers > 3).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.long
def test_an_output_that_lies_behind_what_it_is_made_of(kind: str) -> None:
    sensors, outputs, options = KINDS[kind]
    X, y = digits(outputs, options.get("output", "softmax"))
    mind = Mind(sensors, outputs, seed=4, **options)
    mind.learn(X[:300], y[:300])
    x = X[300:]
    if mind.stage is not None:
        x = mind.stage.sense(mind._tables.staged, x)
    predict = mind._predictor or mind._load_predictor(x, np.empty((100, outputs), mind._said))
    net, work = mind._tables.apart()
    sums, size = work.Z.size, work.Z.itemsize

    def said(gap: int) -> Any:
        """Predictions, where ``gap`` numbers lie between the sums of all units and the outputs."""
        room = np.zeros(size * (sums + gap) + 100 * outputs * np.dtype(mind._said).itemsize + 64, np.uint8)
        room = room[-room.ctypes.data % 64 :]
        behind = room[size * (sums + gap) :][: 100 * outputs * np.dtype(mind._said).itemsize]
        out = behind.view(mind._said).reshape(100, outputs)
        predict(net, work._replace(Z=room[: size * sums].view(work.Z.dtype)), x, out)
        return out.copy()

    far = said(4000)
    for gap in range(0, 130, 2):
        np.testing.assert_array_equal(said(gap), far)


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_as_close_and_as_far_apart_as_they_come(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sensors, outputs, options = KINDS[kind]
    X, y = digits(outputs, options.get("output", "softmax"))

    def came(between: int) -> Any:
        """What comes of it where ``between`` bytes lie between any two arrays."""
        arena, taken = np.zeros(64 << 20, np.uint8), 0

        def room(size: int) -> Any:
            nonlocal taken
            taken += size + between
            return arena[taken - size - between : taken - between]

        with monkeypatch.context() as patch:
            patch.setattr(_memory, "room", room)
            mind = Mind(sensors, outputs, seed=4, **options)
        mind.learn(X[:300], y[:300])
        return mind.commitment(), mind.predict_proba(X[300:]).tobytes()

    assert came(0) == came(8192)


def test_there_is_room_on_both_sides() -> None:
    for shape in (1, 10, (3, 100)):
        made = _memory.zeros(shape, np.float32)
        assert made.base is not None and made.ctypes.data % _memory.LINE == 0
        whole = made.base
        while whole.base is not None:
            whole = whole.base
        before = made.ctypes.data - whole.ctypes.data
        assert before >= _memory.APART and whole.nbytes - before - made.nbytes >= _memory.APART
