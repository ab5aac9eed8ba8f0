"""A network says once what it is for, over both chains; everybody reads the same, or is told that the node lies."""

from __future__ import annotations

from hashlib import sha256

import pytest
from ledger_helpers import Net, Role, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Ledger
from klopf.ledger.schema.schema import Agreed

TEXT = '{"features": ["größe"]}'


@pytest.fixture
def agreed(net: Net) -> Ledger:
    added = ledger.add_pack(net.admin, "schema")
    assert added.deployment is not None
    network = Ledger(net.admin.rpc, added.deployment, secret(0))
    with pytest.raises(LedgerError, match="no schema"):
        network.schema.text()
    network.schema.agree(TEXT)
    return network


def test_a_stranger_reads_what_the_owner_agreed_to(agreed: Ledger) -> None:
    stranger = Ledger(agreed.rpc, ledger.Deployment.discover(agreed.rpc, agreed.deployment.directory))
    assert stranger.schema.text() == TEXT
    assert stranger.schema.digest() == sha256(TEXT.encode()).digest()
    assert ledger.verify(agreed, []) == []


def test_it_is_agreed_once_and_by_the_owner_alone(net: Net, agreed: Ledger) -> None:
    with pytest.raises(Reverted, match="AlreadyAgreed"):
        agreed.schema.agree("{}")
    mine = net.join(Role.NEURON)
    other = Ledger(agreed.rpc, agreed.deployment, net.clients[mine].me)
    with pytest.raises(Reverted, match="OwnableUnauthorizedAccount"):
        other.schema.agree("{}")


@pytest.mark.parametrize("text", ["", "x" * 100_001])
def test_it_has_one_to_a_hundred_thousand_bytes(net: Net, text: str) -> None:
    added = ledger.add_pack(net.admin, "schema")
    assert added.deployment is not None
    with pytest.raises(Reverted, match="WrongLength"):
        Ledger(net.admin.rpc, added.deployment, secret(0)).schema.agree(text)


def test_a_node_that_tells_another_text_is_not_believed(agreed: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def lies(*_: object, **__: object) -> list[Agreed]:
        return [Agreed(1, 0, "", "Schema", agreed.schema.digest(), "another")]

    monkeypatch.setattr(type(agreed.schema), "_said", lies)
    with pytest.raises(LedgerError, match="does not give the network"):
        agreed.schema.text()
