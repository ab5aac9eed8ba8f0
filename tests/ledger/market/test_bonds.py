"""The published market and its bonds: the vectors."""

from __future__ import annotations

import numpy as np
import pytest

from klopf.ledger.market._bonds import bonds_after, dividends, market_step


def test_a_minority_that_listens_to_itself_loses_its_stake_as_published() -> None:
    stake, bonds = np.array([0.51, 0.49]), np.zeros((2, 2))
    for expected in (
        0.4877323388820201,
        0.4849535784321247,
        0.4815511535094221,
        0.477389901500398,
        0.4723093486843246,
    ):
        stake, bonds = market_step(stake, np.eye(2), bonds, rate=0.1)
        assert stake[1] == pytest.approx(expected, abs=1e-14)


def test_bonds_follow_stake_as_published() -> None:
    stake = np.arange(1.0, 5.0) / 10
    weights = np.tile(np.array([16383, 32767, 49149, 65535]) / 65535, (4, 1))
    weights /= weights.sum(axis=1, keepdims=True)
    bonds = bonds_after(stake, weights, weights[0], np.zeros((4, 4)))
    scaled = bonds[:, 0] / bonds[:, 0].max() * 65535
    assert np.abs(scaled - [16383, 32767, 49151, 65535]).max() <= 1
    assert bonds.sum(axis=0) == pytest.approx(np.ones(4))
    assert dividends(bonds, np.full(4, 0.25)) == pytest.approx(stake)


def test_what_lies_above_the_consensus_makes_no_bonds() -> None:
    stake, consensus = np.full(3, 1 / 3), np.array([0.2, 0.0])
    weights = np.array([[0.2, 0.0], [0.2, 0.0], [0.9, 0.1]])
    bonds = bonds_after(stake, weights, consensus, np.zeros((3, 2)))
    assert bonds[:, 0] == pytest.approx([1 / 3] * 3)
    assert bonds[:, 1] == pytest.approx([0, 0, 0])
