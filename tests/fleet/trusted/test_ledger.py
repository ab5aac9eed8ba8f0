"""A key that is elsewhere is a device's on the ledger, and sends its own transactions there."""

import pytest

from klopf import chain, ledger
from klopf.fleet import trusted
from klopf.ledger.fleet.devices import Devices


@pytest.mark.long
def test_a_signer_is_a_key_to_the_ledger(home):
    folder, book = home / "signing", home / "ledger.sqlite"
    folder.mkdir(mode=0o755)
    trusted.create(folder, "a passphrase", {"light": True})
    chain.create(book, chain_id=1337, dev=True).close()
    owner = ledger.keys.new()
    deployment = ledger.deploy(book, owner)
    with trusted.started(folder, "a passphrase"), trusted.Signer(folder, "ledger") as key:
        with ledger.connect(book, owner, deployment) as opened:
            device = opened.client(Devices).mint(key, 2, 1, 1024, bytes(32))
            assert opened.client(Devices).key(device) == key.address
            assert opened.client(Devices).owner(device) == owner.address
        with ledger.connect(book, key, deployment) as opened:
            me = opened.registry.register(ledger.Role.REQUESTER)
            assert {one.id: one.owner for one in opened.registry.all()}[me] == key.address
