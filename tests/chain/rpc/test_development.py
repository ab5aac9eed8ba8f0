"""What only a development chain does: the clock, blocks undone, accounts played; and that the rest cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from klopf import chain
from klopf.chain.rpc import Rpc
from klopf.errors import ChainError, Rejected
from tests.chain.evm import asm, deploy

OWNER = Account.from_key(b"\x02" * 32)
OTHER = "0x" + "22" * 20
LOGGER = asm("PUSH0 PUSH0 LOG0 STOP")


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    with chain.create(tmp_path / "chain.db", chain_id=5, allocation={OWNER.address: 10**18}, dev=True) as made:
        yield made
        assert made.verify() == made.height
        made.export(tmp_path / "export")  # whatever was done, it can be rebuilt
        with chain.rebuild(tmp_path / "export", tmp_path / "again.db") as again:
            assert again.verify() == made.height


@pytest.fixture
def rpc(opened: chain.Chain) -> Rpc:
    return Rpc(opened)


def send(rpc: Rpc, **fields: Any) -> dict[str, Any]:
    """Sign and send from OWNER; returns the receipt."""
    nonce = int(rpc.request("eth_getTransactionCount", [OWNER.address, "pending"]), 16)
    filled = {"chainId": 5, "nonce": nonce, "gas": 200_000, "gasPrice": 0, "value": 0, **fields}
    if "to" in filled:
        filled["to"] = bytes.fromhex(filled["to"][2:])
    sent = rpc.request("eth_sendRawTransaction", ["0x" + bytes(OWNER.sign_transaction(filled).raw_transaction).hex()])
    return rpc.request("eth_getTransactionReceipt", [sent])  # type: ignore[no-any-return]


def latest(rpc: Rpc) -> int:
    return int(rpc.request("eth_getBlockByNumber", ["latest"])["timestamp"], 16)


@pytest.mark.parametrize("tool", ["hardhat", "anvil"])
def test_accounts_are_what_one_says(rpc: Rpc, tool: str) -> None:
    rpc.request(f"{tool}_setBalance", [OTHER, hex(77)])
    rpc.request(f"{tool}_setCode", [OTHER, "0x5f545f5260205ff3"])  # returns slot 0
    rpc.request(f"{tool}_setStorageAt", [OTHER, "0x0", "0x" + "00" * 31 + "2a"])
    rpc.request(f"{tool}_setNonce", [OTHER, "0x9"])
    assert rpc.request("eth_getBalance", [OTHER]) == hex(77)
    assert rpc.request("eth_getTransactionCount", [OTHER]) == "0x9"
    assert rpc.request("eth_call", [{"to": OTHER}]) == "0x" + "00" * 31 + "2a"
    assert rpc.request("eth_getBalance", [OTHER, "0x0"]) == "0x0"  # the past stays
    with pytest.raises(Rejected, match="only grows"):
        rpc.request(f"{tool}_setNonce", [OTHER, "0x8"])


def test_an_account_is_impersonated(rpc: Rpc) -> None:
    rpc.request("hardhat_setBalance", [OTHER, hex(1000)])
    rpc.request("hardhat_setCode", [OTHER, "0x00"])  # also a contract
    with pytest.raises(Rejected, match="impersonate the account first"):
        rpc.request("eth_sendTransaction", [{"from": OTHER, "to": OWNER.address, "value": "0x5"}])
    rpc.request("hardhat_impersonateAccount", [OTHER])
    for nonce in range(2):
        sent = rpc.request("eth_sendTransaction", [{"from": OTHER, "to": OWNER.address, "value": "0x5"}])
        found = rpc.request("eth_getTransactionByHash", [sent])
        assert found["from"] == OTHER and found["nonce"] == hex(nonce)
        assert rpc.request("eth_getTransactionReceipt", [sent])["status"] == "0x1"
    assert rpc.request("eth_getBalance", [OTHER]) == hex(990)
    raw = rpc.request("eth_getRawTransactionByHash", [sent])
    with pytest.raises(Rejected, match="nobody has signed"):  # and nobody else can send such a thing
        rpc.request("eth_sendRawTransaction", [raw])
    rpc.request("hardhat_stopImpersonatingAccount", [OTHER])
    with pytest.raises(Rejected, match="impersonate the account first"):
        rpc.request("eth_sendTransaction", [{"from": OTHER, "to": OWNER.address, "value": "0x5"}])


def test_after_a_revert_the_clock_and_the_filters_are_right(rpc: Rpc) -> None:
    logger = send(rpc, data=deploy(LOGGER))["contractAddress"]
    start = latest(rpc)
    logs, blocks = rpc.request("eth_newFilter", [{"address": logger}]), rpc.request("eth_newBlockFilter", [])
    mark = rpc.request("evm_snapshot", [])
    for _ in range(3):
        send(rpc, to=logger)
    assert len(rpc.request("eth_getFilterChanges", [logs])) == len(rpc.request("eth_getFilterChanges", [blocks])) == 3
    rpc.request("evm_increaseTime", [hex(1_000_000)])
    rpc.request("evm_mine", [])
    assert latest(rpc) >= start + 1_000_000
    assert rpc.request("evm_revert", [mark]) is True
    made = [send(rpc, to=logger, data=bytes([n])) for n in range(3)]
    assert latest(rpc) < start + 1000
    assert rpc.request("eth_getFilterChanges", [logs]) == [log for receipt in made for log in receipt["logs"]]
    assert rpc.request("eth_getFilterChanges", [blocks]) == [receipt["blockHash"] for receipt in made]
    assert rpc.request("evm_revert", [mark]) is False


def test_blocks_are_mined_at_a_time(rpc: Rpc) -> None:
    moment = latest(rpc) + 5000
    rpc.request("evm_mine", [hex(moment)])
    assert latest(rpc) == moment
    rpc.request("evm_mine", [{"timestamp": moment + 7}])
    assert latest(rpc) == moment + 7
    with pytest.raises(Rejected, match="before the newest"):
        rpc.request("evm_mine", [moment])
    height = rpc.chain.height
    rpc.request("hardhat_mine", ["0x3", "0x64"])
    assert rpc.chain.height == height + 3 and latest(rpc) >= moment + 207


def test_blocks_are_made_by_hand(rpc: Rpc) -> None:
    rpc.request("evm_setAutomine", [False])
    assert rpc.request("hardhat_getAutomine", []) is False
    assert [send(rpc, to=OTHER, value=n) for n in range(3)] == [None] * 3
    assert rpc.request("txpool_status", []) == {"pending": "0x3", "queued": "0x0"}
    pending = rpc.request("eth_getBlockByNumber", ["pending", True])
    assert [t["nonce"] for t in pending["transactions"]] == ["0x0", "0x1", "0x2"] and pending["number"] == "0x1"
    assert rpc.request("hardhat_dropTransaction", [pending["transactions"][2]["hash"]]) is True
    rpc.request("evm_mine", [])
    assert rpc.request("eth_blockNumber", []) == "0x2"
    assert rpc.request("eth_getTransactionCount", [OWNER.address]) == "0x2"
    send(rpc, to=OTHER)
    rpc.request("evm_setAutomine", [True])
    assert rpc.request("eth_blockNumber", []) == "0x3"
    assert send(rpc, to=OTHER)["blockNumber"] == "0x4"


def test_back_to_the_genesis(rpc: Rpc) -> None:
    send(rpc, to=OTHER)
    rpc.request("hardhat_reset", [])
    assert rpc.request("eth_blockNumber", []) == "0x0"
    assert send(rpc, to=OTHER)["blockNumber"] == "0x1"


def test_an_ordinary_chain_does_none_of_it(tmp_path: Path) -> None:
    with chain.create(tmp_path / "chain.db", chain_id=5) as opened:
        names = set(Rpc(opened, dev=True).methods) - set(Rpc(opened).methods)
        assert len(names) > 25
        for act in (
            lambda: opened.change(bytes(20), balance=1),
            lambda: opened.rewind(0),
            lambda: opened.move_clock(1),
            lambda: opened.set_next_timestamp(1),
            lambda: opened.set_automine(False),
            lambda: opened.drop_transaction(bytes(32)),
        ):
            with pytest.raises(ChainError, match="only a development chain"):
                act()
    with pytest.raises(ChainError, match="only a development chain"):
        chain.serve(tmp_path / "chain.db", dev=True)
    with chain.create(tmp_path / "dev.db", chain_id=5, dev=True) as opened:
        assert not names & set(Rpc(opened, dev=False).methods)  # as when it is served without dev
