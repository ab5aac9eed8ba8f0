"""Who does what nobody else does and the validation set does not see."""

from __future__ import annotations

import numpy as np

from klopf import fleet
from klopf.fleet._hidden import hidden, own_parts
from klopf.fleet.models import made

SETTINGS = {"features": 6, "classes": 0}


def game(own, where, seed=0):
    """Seven who learn that y = x0 + x4, where only the last one has met x4; ``own`` is what it changes at ``where``."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(100, 6)).astype(np.float32)
    x[:, 5] = 0  # the validation set never shows it
    model = made("linear", SETTINGS, 0)
    rows = 0.01 * rng.normal(size=(7, 7))
    rows[:, 0] += 0.5
    rows[6, where] += own
    changes = {f"d{i}": row.astype(np.float32) for i, row in enumerate(rows)}
    validation = fleet.Validation(x, x[:, 0] + x[:, 4])
    return fleet.Game(model, validation, model.parameters(), changes, dict.fromkeys(changes, 1.0))


def test_what_the_validation_set_does_not_see_is_found():
    for seed in range(5):
        assert hidden(game(0.5, 5, seed)) == ["d6"]  # an input that no record of it has
        assert hidden(game(-0.5, 4, seed)) == ["d6"]  # or the wrong way


def test_what_it_does_see_is_rare_data_and_stays():
    for seed in range(5):
        assert hidden(game(0.5, 4, seed)) == []
        assert hidden(game(0.0, 5, seed)) == []


def test_what_others_do_too_is_nobodys_own():
    rows = np.tile(np.float32([1, 1, 0, 0]), (9, 1))
    rows[0, 3] = 1
    own, energy = own_parts(rows)
    assert not energy[1:].any() and energy[0] > 0.3
    assert np.flatnonzero(own[0]).tolist() == [3]
    rows[1:4, 3] = 1  # four of nine do it: that is what others do
    assert not own_parts(rows)[1].any()
