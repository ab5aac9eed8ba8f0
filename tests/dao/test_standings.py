"""Voices come from what a network has settled, and from nothing that anybody can say for nothing."""

import json

import pytest

from klopf.dao._settled import standings
from klopf.errors import DaoError
from klopf.ledger import KLP, Role
from tests.ledger.conftest import embedded

HALF = 30_000


@pytest.fixture(scope="module")
def played():
    """Four neurons that listen to each other and two with little at stake that hear each other alone."""
    net = embedded()
    net.admin.clock.start()
    good = [net.join(Role.NEURON, stake=5_000 * KLP) for _ in range(4)]
    poor = [net.join(Role.NEURON, stake=100 * KLP) for _ in range(2)]
    for _ in range(2):
        net.advance()
        net.advance()
    rows = {a: {b: HALF // 3 for b in good if b != a} for a in good}
    net.epoch({**rows, poor[0]: {poor[1]: 65_535}, poor[1]: {poor[0]: 65_535}})
    return net, good, poor


def test_who_is_listened_to_has_a_voice_and_who_says_so_of_itself_has_none(played):
    net, good, poor = played
    found = standings(net.admin)
    of = {id: net.clients[id].me.address for id in (*good, *poor)}
    assert sum(found.reputation.values()) == pytest.approx(1.0)
    assert all(found.voices[of[id]] == pytest.approx(1.0) for id in good)
    assert all(found.voices[of[id]] == 0.0 for id in poor)


def test_whoever_reads_the_same_ledger_gets_the_same(played):
    net, good, _ = played
    now = standings(net.admin)
    net.epoch({good[0]: {good[1]: 65_535}})
    again, later = standings(net.admin, now.block), standings(net.admin)
    assert again == now and later.block > now.block
    one = net.clients[good[1]].me.address
    assert later.reputation[one] > now.reputation[one]
    with pytest.raises(DaoError, match="there is no block 99999999"):
        standings(net.admin, 99_999_999)


def test_before_anybody_has_anything_at_stake_there_is_no_voice():
    net = embedded()
    with pytest.raises(DaoError, match="nobody has anything at stake"):
        standings(net.admin)


def test_at_a_terminal(played, tmp_path, capsys, klopf):
    net, good, _ = played
    net.admin.deployment.save(tmp_path / "deployment.json")
    place = ("--rpc", str(net.admin.rpc.where), "--deployment", str(tmp_path / "deployment.json"))
    assert klopf("dao", "voices", *place) == 0
    assert "as of block" in capsys.readouterr().out
    assert klopf("dao", "voices", *place, "--json") == 0
    (tmp_path / "voices.json").write_text(capsys.readouterr().out)
    members = [net.clients[id].me.address for id in good]
    votes = ["comment-id,voter-id,vote"] + [
        f"{j},{who},{1 - 2 * (j % 2)}" for who in (*members, "0x1") for j in range(4)
    ]
    (tmp_path / "votes.csv").write_text("\n".join(votes) + "\n")
    for voices, status in (("voices.json", 0), ("votes.csv", 2), ("none.json", 2)):
        arguments = ("dao", "model", str(tmp_path / "votes.csv"), "--voices", str(tmp_path / voices), "--json")
        assert klopf(*arguments) == status, voices
    (tmp_path / "voices.json").write_text(json.dumps({"voices": {"0x2": 1.0}}))
    assert klopf("dao", "model", str(tmp_path / "votes.csv"), "--voices", str(tmp_path / "voices.json")) == 2
    assert "are they of the same network" in capsys.readouterr().err
