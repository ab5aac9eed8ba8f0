"""What a neuron puts at stake: one value of the beacon that it missed while it was down does not silence it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from klopf.errors import PeersError
from klopf.ledger import KLP, Role, Standing
from klopf.network import Joining
from klopf.network._join import _stake
from klopf.peers._kept_stake import keep_stake
from tests.ledger.conftest import Net, embedded

LEAST = 100 * KLP


def epoch(net: Net, ids: list[int], down: int = 0) -> None:
    net.advance()
    for id in ids:
        if id != down:
            net.clients[id].beacon.take_part(id)
    net.advance()
    for id in ids:
        net.clients[id].beacon.take_part(id)  # owns up to what it missed


def standing(net: Net, id: int) -> Standing:
    return net.admin.registry.get(id).standing


def kept(net: Net, id: int, stake: int, folder: Path) -> None:
    """What a participant does at each turn."""
    book = net.clients[id]
    settings: Any = SimpleNamespace(stake=str(stake))
    keep_stake(book, book.registry.get(id), settings, folder)


@pytest.mark.parametrize(
    ("stake", "after"), [(LEAST, Standing.SILENT), (_stake(Joining("", ""), LEAST), Standing.FRINGE)]
)
def test_a_missed_value_silences_who_staked_just_what_the_rules_want_and_nobody_else(
    stake: int, after: Standing
) -> None:
    net = embedded()
    ids = [net.join(Role.NEURON, stake) for _ in range(3)]
    for id in ids:
        net.clients[id].beacon.take_part(id)
    net.admin.clock.start()
    epoch(net, ids, down=ids[2])
    assert net.admin.stake.account(ids[2]).slashed == stake // 20
    assert standing(net, ids[2]) is after


def test_what_was_lost_goes_back_to_the_stake_as_long_as_it_owns_something(tmp_path: Path) -> None:
    net = embedded()
    stake = _stake(Joining("", ""), LEAST)
    ids = [net.join(Role.NEURON, stake, tokens=stake + 15 * KLP) for _ in range(3)]
    for id in ids:
        net.clients[id].beacon.take_part(id)
    net.admin.clock.start()
    had = []
    for _ in range(4):
        epoch(net, ids, down=ids[2])
        kept(net, ids[2], stake, tmp_path)
        had.append(net.admin.stake.account(ids[2]).staked // KLP)
        net.clients[ids[2]].beacon.take_part(ids[2])  # bound again
        epoch(net, ids)
    assert had[:3] == [120, 120, 117], had  # 6 and 6 of its 15, then the 3 that were left
    assert standing(net, ids[2]) is Standing.FRINGE


def test_what_its_owner_takes_out_stays_out(tmp_path: Path) -> None:
    net = embedded()
    ids = [net.join(Role.NEURON, 120 * KLP) for _ in range(3)]
    for id in ids:
        net.clients[id].beacon.take_part(id)
    net.admin.clock.start()
    mine = net.clients[ids[2]]
    mine.stake.unstake(ids[2], 10 * KLP)
    kept(net, ids[2], 120 * KLP, tmp_path)
    assert mine.stake.account(ids[2]).staked == 110 * KLP
    epoch(net, ids, down=ids[2])  # a twentieth of all, also of what thaws
    kept(net, ids[2], 120 * KLP, tmp_path)
    has = mine.stake.account(ids[2]).staked
    assert has == 110 * KLP * 19 // 20 + 6 * KLP
    net.pass_time(10**7)
    mine.stake.withdraw(ids[2])
    kept(net, ids[2], 120 * KLP, tmp_path)
    assert mine.stake.account(ids[2]).staked == has


@pytest.mark.parametrize(
    ("role", "least", "said"), [("neuron", LEAST, "100 KLP at least"), ("requester", 0, "nothing")]
)
def test_a_stake_that_a_role_cannot_have_is_refused(role: str, least: int, said: str) -> None:
    with pytest.raises(PeersError, match=said):
        _stake(Joining("", "", role, stake=99 * KLP), least)
