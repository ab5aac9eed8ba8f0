"""PyTorch modules: whole, in part, and by low-rank additions. Needs the extra torch."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError, MissingExtra
from klopf.extras import missing
from klopf.fleet.models import made
from tests.fleet.homes import devices

pytestmark = pytest.mark.extras
needs = pytest.mark.skipif(bool(missing("torch")), reason='needs pip install "klopf[torch]"')
SETTINGS = {"module": "perceptron", "arguments": {"sizes": [64, 32, 10]}, "step_size": 0.2, "batch": 16}
WANTED = fleet.Instructions("digits", "torch", SETTINGS, epochs=3, seed=1)


def run(settings, rounds=10):
    own, test = devices(4)
    demand = fleet.Demand(replace(WANTED, settings=settings), rounds=rounds)
    return asyncio.run(fleet.Rounds(demand, [fleet.Local(d) for d in own], fleet.strategy("robust"), test).run())


@needs
def test_a_module_is_trained_and_a_seed_reproduces():
    first, again = run(SETTINGS), run(SETTINGS)
    assert first.rounds[-1].score > 0.9
    assert [a.tobytes() for a in first.parameters] == [a.tobytes() for a in again.parameters]


@needs
def test_only_what_is_named_travels():
    settings = {**SETTINGS, "train": ["2.*"]}
    assert [a.shape for a in made("torch", settings, 1).parameters()] == [(10, 32), (10,)]
    assert run(settings).rounds[-1].score > 0.6


@needs
def test_low_rank_additions_start_at_nothing_and_learn():
    settings = {**SETTINGS, "rank": 4, "step_size": 0.1}
    own, _ = devices(2)
    plain, added = made("torch", SETTINGS, 1), made("torch", settings, 1)
    x, y = own[0].inputs, own[0].targets
    assert added.loss(x, y) == pytest.approx(plain.loss(x, y), rel=1e-6)
    assert sum(a.size for a in added.parameters()) < sum(a.size for a in plain.parameters()) / 3
    outcome = run(settings, 15)
    assert outcome.rounds[-1].score > outcome.rounds[0].score and outcome.rounds[-1].score > 0.6


@needs
@pytest.mark.parametrize(
    "wrong",
    [
        {"module": "os"},
        {"train": ["nothing"]},
        {"loss": "none"},
        {"rank": -1},
        {"colour": 1},
        {"train": ["*.bias"], "rank": 2},
    ],
)
def test_what_cannot_be_made_is_one_line(wrong):
    with pytest.raises(FleetError) as caught:
        made("torch", {**SETTINGS, **wrong}, 0)
    assert "\n" not in str(caught.value)


@needs
def test_numbers():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    y = (x @ [1, -2, 0.5]).astype(np.float32)
    model = made("torch", {"module": "perceptron", "arguments": {"sizes": [3, 1]}, "loss": "squared"}, 0)
    model.train(x, y, 20, rng)
    assert model.score(x, y) > 0.99


def test_without_torch_it_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("klopf.extras").extras.EXTRAS, "torch", ("no_such_torch",))
    with pytest.raises(MissingExtra, match=r"klopf\[torch\]"):
        made("torch", SETTINGS, 0)
