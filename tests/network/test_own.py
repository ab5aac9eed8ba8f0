"""Whoever joined a network asks why it was paid, with nothing but its own folder and the chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from klopf import ledger
from klopf.console import main
from klopf.errors import PeersError
from klopf.ledger import Role
from klopf.network import Feature, Joining, Schema, explain, read_own
from klopf.network._join import _settings
from tests.ledger.conftest import Net, embedded

SCHEMA = Schema(task="classes", target="y", features=(Feature(name="a"),), names=("b", "c"))


@pytest.fixture
def net() -> Net:
    """Two neurons that listen to each other for an epoch, and one that nobody hears."""
    net = embedded()
    for _ in range(3):
        net.join(Role.NEURON)
    net.admin.clock.start()
    net.advance()
    net.advance()
    net.epoch({1: {2: 65_535}, 2: {1: 65_535}, 3: {1: 65_535}})
    return net


def home(net: Net, id: int, folder: Path) -> Path:
    """What joining makes, as far as it matters here."""
    folder.mkdir()
    where = str(net.admin.rpc.where)
    net.admin.deployment.save(folder / "deployment.json")
    ledger.keys.save(net.clients[id].me, folder / "key.json", "a passphrase", light=True)
    how = Joining(where, net.admin.deployment.directory, "neuron")
    _settings(folder, how, SCHEMA, {"fee": "0"}).write(folder)
    return folder


def test_a_stranger_is_told_why_it_was_paid(net: Net, tmp_path: Path) -> None:
    own = read_own(home(net, 1, tmp_path / "ada"))
    epoch = net.admin.clock.now().epoch - 1
    found = explain(own, "ada", epoch)
    assert found.id == 1 and found.network == net.admin.deployment.directory and found.ended and found.emission > 0
    assert [r.listener for r in found.receipts] == ["#2", "#3"]
    assert found == explain(own, "#1", epoch), "a number will do as well as a name"
    assert explain(own, "3", epoch).amount == 0
    with pytest.raises(PeersError, match=r"choose one of ada, #2, #3"):
        explain(own, "ben", epoch)


def test_the_command_takes_either_folder(net: Net, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ada = home(net, 1, tmp_path / "ada")
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(ada), "ada", str(net.admin.clock.now().epoch - 1)])
    assert ended.value.code == 0 and "ada (#1) in epoch" in capsys.readouterr().out
    (tmp_path / "else").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(tmp_path / "else"), "ada", "1"])
    assert ended.value.code == 2 and "klopf join" in capsys.readouterr().err
