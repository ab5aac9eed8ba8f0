"""With privacy, nothing that depends on a record leaves but through the noise."""

from __future__ import annotations

import numpy as np
import pytest

from klopf import fleet
from klopf.fleet._parameters import flat
from klopf.fleet.models import made

KINDS = {
    "numbers": ("linear", {"features": 4, "classes": 0, "step_size": 0.01}),
    "classes": ("linear", {"features": 4, "classes": 2, "step_size": 0.01}),
    "mind": ("mind", {"sensors": 4, "outputs": 1, "hidden": [], "output": "linear", "step_size": 0.01}),
    "layers": ("mind", {"sensors": 4, "outputs": 2, "hidden": [4], "step_size": 0.01}),
}


def seen(wanted, there, big, scale=1.0):
    """All that a server sees of a device with or without one record, but for the noised numbers themselves."""
    rng = np.random.default_rng(0)
    x = rng.random((100, 4)).astype(np.float32)
    y = (x[:, 0] > 0.5).astype(np.float32)
    x[:, 3] = 0
    if there:
        x[7, 3], y[8] = 1.0, scale
    device = fleet.TrainingDevice("d", x, y, privacy=fleet.Privacy(1.0, 10, groups=10))
    now = [array * 0 for array in made(wanted.model, wanted.settings, 0).parameters()]
    now[0][(slice(None), 3) if wanted.model == "linear" else 3] = big
    try:
        update = device.fit(now, wanted)
        given = bool(np.isfinite(flat(update.change)).all()), update.records, update.loss, update.seconds
    except Exception as error:
        given = type(error), str(error)
    try:
        said = device.apply(wanted)
        applied = said.records, said.loss, len(said.inputs)
    except Exception as error:
        applied = type(error), str(error)
    return given, applied, device._accountant.left


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("big", [3e38, 1e30, 1e20])
def test_neighbouring_data_look_the_same(kind, big):
    model, settings = KINDS[kind]
    wanted = fleet.Instructions("j", model, settings)
    without = seen(wanted, False, big)
    assert without == seen(wanted, True, big)
    assert without[0] == (True, 1, 0.0, 0.0)
    for step in (1e2, 1e4, 1e10, 1e152):
        wild = fleet.Instructions("j", model, {**settings, "step_size": step})
        assert seen(wild, False, 0.0) == seen(wild, True, 0.0, 1000.0 if settings.get("classes") == 0 else 1.0)
