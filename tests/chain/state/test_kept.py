"""How much of a chain is held in memory: so many blocks, and so many bytes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_account import Account

from klopf import chain
from klopf.chain.state import _store
from klopf.chain.state._store import Store


@pytest.mark.parametrize(("size", "most"), [(0, 12), (40_000, 5)])
def test_blocks_are_held_by_number_and_by_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, most: int
) -> None:
    monkeypatch.setattr(_store, "KEPT", 12)
    monkeypatch.setattr(_store, "KEPT_BYTES", 130_000)
    account, path = Account.create(), tmp_path / "chain.sqlite"
    made = chain.create(path, allocation={account.address: 10**18}, chain_id=1337, same_second=True, base_fee=0)
    plain = {"chainId": 1337, "gas": 1_000_000, "gasPrice": 0, "to": account.address, "value": 0, "data": bytes(size)}
    for nonce in range(30):
        made.send(bytes(account.sign_transaction({**plain, "nonce": nonce}).raw_transaction))
    made.close()
    store = Store(path, read_only=True)
    held = []
    for number in range(31):
        assert store.blocks(number, number)[0].header.number == number
        held.append(len(store._kept))
    assert max(held) == most
    again = store.blocks(30, 30)[0]
    assert store.blocks(30, 30)[0] is again, "what was read lately is not read again"
    store.close()
