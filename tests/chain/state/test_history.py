"""The past: blocks commit to every change of state, can be replayed, exported and rebuilt; damage is refused."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_hash.auto import keccak
from trie import HexaryTrie
from web3 import Web3

from klopf import chain
from klopf.chain._rlp import encode
from klopf.chain.rpc import Rpc
from klopf.errors import ChainError, DamagedFile, Rejected, UnknownFormat, WrongChain
from tests.chain.evm import asm, deploy

OWNER = Account.from_key(b"\x01" * 32)
# adds call data to slot 0 and logs it
COUNTER = asm("PUSH0 CALLDATALOAD DUP1 PUSH0 SLOAD ADD PUSH0 SSTORE PUSH0 MSTORE", 32, "PUSH0 LOG0 STOP")


def fill(opened: chain.Chain, calls: int) -> str:
    """Deploy the counter and call it ``calls`` times, adding 1, 2, 3 …; returns its address."""
    w3 = Web3(opened.provider())

    def send(**fields: Any) -> Any:
        filled = {"chainId": opened.chain_id, "gas": 300_000, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, **fields}
        filled["nonce"] = w3.eth.get_transaction_count(OWNER.address)
        sent = w3.eth.send_raw_transaction(OWNER.sign_transaction(filled).raw_transaction)
        receipt = w3.eth.get_transaction_receipt(sent)
        assert receipt.status == 1
        return receipt

    address = str(send(data=deploy(COUNTER)).contractAddress)
    for i in range(1, calls + 1):
        send(to=address, data=i.to_bytes(32, "big"), value=i)
    return address


@pytest.fixture
def made(tmp_path: Path) -> Any:
    with chain.create(tmp_path / "chain.db", chain_id=77, allocation={OWNER.address: 10**18}) as opened:
        yield opened


def test_past_states_calls_and_logs(made: chain.Chain) -> None:
    address = fill(made, 5)
    w3 = Web3(made.provider())
    for number, total in [(1, 0), (2, 1), (4, 6), (6, 15)]:
        assert int(w3.eth.get_storage_at(address, 0, number).hex(), 16) == total
        assert w3.eth.get_balance(address, number) == total
        assert w3.eth.get_transaction_count(OWNER.address, number) == number
        assert w3.eth.get_balance(OWNER.address, number) == 10**18 - total
    assert w3.eth.get_code(address, 0) == b"" and bytes(w3.eth.get_code(address, 1)) == COUNTER
    logs = w3.eth.get_logs({"fromBlock": 3, "toBlock": 4, "address": address})
    assert [int(log.data.hex(), 16) for log in logs] == [2, 3]
    assert w3.eth.get_logs({"blockHash": w3.eth.get_block(6).hash})[0].blockNumber == 6
    by_hash = {"blockHash": w3.eth.get_block(2).hash.to_0x_hex()}
    assert made.provider().make_request("eth_getBalance", [address, by_hash])["result"] == "0x1"  # type: ignore[arg-type]


def test_a_call_sees_the_block_it_is_asked_at(made: chain.Chain) -> None:
    w3 = Web3(made.provider())
    fill(made, 2)
    code = asm("NUMBER PUSH0 MSTORE", 32, "PUSH0 RETURN")
    assert int(w3.eth.call({"data": code}, 2).hex(), 16) == 2
    assert int(w3.eth.call({"data": code}).hex(), 16) == 3
    assert int(w3.eth.call({"data": code}, "pending").hex(), 16) == 4
    # a creation gives its code, which may not begin with 0xEF (EIP-3541): one hash in 256 does
    parent = asm(2, "BLOCKHASH", 1, "MSTORE", 33, "PUSH0 RETURN")
    assert w3.eth.call({"data": parent}) == b"\0" + w3.eth.get_block(2).hash


def root(value: bytes) -> bytes:
    """Ethereum's root of a list of one item, by the trie package."""
    trie = HexaryTrie({})
    trie[encode(b"")] = value
    return bytes(trie.root_hash)


def test_the_header_hashes_to_the_block_hash_for_any_tool(made: chain.Chain) -> None:
    fill(made, 1)
    w3 = Web3(made.provider())
    for number in range(3):
        b = w3.eth.get_block(number)

        def n(value: int) -> bytes:
            return value.to_bytes((value.bit_length() + 7) // 8, "big")

        fields = [
            b.parentHash,
            b.sha3Uncles,
            bytes.fromhex(b.miner[2:]),
            b.stateRoot,
            b.transactionsRoot,
            b.receiptsRoot,
        ]
        fields += [b.logsBloom, n(b.difficulty), n(b.number), n(b.gasLimit), n(b.gasUsed), n(b.timestamp), b.extraData]
        fields += [b.mixHash, b.nonce, n(b.baseFeePerGas), b.withdrawalsRoot, n(b.blobGasUsed), n(b.excessBlobGas)]
        fields += [b.parentBeaconBlockRoot]
        assert keccak(encode([bytes(field) for field in fields])) == b.hash
        if number:
            assert b.parentHash == w3.eth.get_block(number - 1).hash
            raw = w3.eth.get_raw_transaction(b.transactions[0])
            assert root(bytes(raw)) == b.transactionsRoot
            receipt = w3.eth.get_transaction_receipt(b.transactions[0])
            logs = [[bytes.fromhex(g.address[2:]), [bytes(t) for t in g.topics], bytes(g.data)] for g in receipt.logs]
            body = encode([n(receipt.status), n(receipt.cumulativeGasUsed), bytes(receipt.logsBloom), logs])
            assert root(b"\x02" + body) == b.receiptsRoot


def test_the_same_history_gives_the_same_hashes(made: chain.Chain, tmp_path: Path) -> None:
    fill(made, 4)
    seen: list[tuple[int, int]] = []
    assert made.verify(progress=lambda at, of: seen.append((at, of))) == 5
    assert seen[-1] == (5, 5)
    assert made.export(tmp_path / "chain.jsonl") == 5
    with chain.rebuild(tmp_path / "chain.jsonl", tmp_path / "again.db") as again:
        assert again.height == 5
        for number in range(6):
            assert again._require(number) == made._require(number)
        assert again.verify() == 5


def test_an_altered_export_is_refused_and_leaves_nothing(made: chain.Chain, tmp_path: Path) -> None:
    fill(made, 2)
    made.export(tmp_path / "chain.jsonl")
    lines = (tmp_path / "chain.jsonl").read_text().splitlines()
    head = json.loads(lines[0])
    head["allocation"][OWNER.address.lower()] = str(10**18 + 1)
    for altered in ([json.dumps(head), *lines[1:]], [lines[0], *lines[2:]], ["{}"], [], [lines[0][:-5]]):
        (tmp_path / "bad.jsonl").write_text("\n".join(altered))
        with pytest.raises(DamagedFile, match="export"):
            chain.rebuild(tmp_path / "bad.jsonl", tmp_path / "bad.db")
        assert [p.name for p in tmp_path.iterdir() if "bad.db" in p.name] == []


def test_a_snapshot_is_a_chain_of_its_own(made: chain.Chain, tmp_path: Path) -> None:
    fill(made, 2)
    made.snapshot(tmp_path / "copy.db")
    fill(made, 1)
    with chain.open(tmp_path / "copy.db", chain_id=77) as copy:
        assert copy.height == 3 and copy.verify() == 3
        fill(copy, 1)
        assert copy.height == 5
    with pytest.raises(ChainError, match="exists already"):
        made.snapshot(tmp_path / "copy.db")


ALTERATIONS: dict[str, str] = {
    "a balance": "UPDATE account SET balance = x'01' WHERE block = 3 AND address = (SELECT min(address) FROM account)",
    "a past balance": "UPDATE account SET balance = x'01' WHERE block = 1",
    "a slot": "UPDATE storage SET value = x'63' WHERE block = 3",
    "one slot more": "INSERT INTO storage VALUES (zeroblob(20), x'05', 2, x'09')",
    "one account more": "INSERT INTO account VALUES (zeroblob(20), 2, 0, x'09', zeroblob(32))",
    "an account before all": "INSERT INTO account VALUES (zeroblob(20), -1, 0, x'09', x'')",
    "an account less": "DELETE FROM account WHERE block = 3",
    "a nonce": "UPDATE account SET nonce = nonce + 1 WHERE block = 3",
    "a nonce that is text": "UPDATE account SET nonce = 'a' WHERE block = 3",
    "a balance with a zero": "UPDATE account SET balance = CAST(x'00' || balance AS BLOB) WHERE block = 3",
    "a balance that is text": "UPDATE account SET balance = x'fffe' || 'a' WHERE block = 3",
    "another code": "UPDATE account SET code_hash = zeroblob(32) WHERE block = 3",
    "a slot with a zero": "UPDATE storage SET value = CAST(x'00' || value AS BLOB) WHERE block = 3",
    "a slot less": "DELETE FROM storage WHERE block = 3",
    "an event more": "INSERT INTO log SELECT id + 1, address, topic0, topic1, topic2, topic3, data FROM log LIMIT 1",
    "an event elsewhere": "UPDATE log SET id = id + 1 WHERE id = (SELECT max(id) FROM log)",
    "a contract's address": "UPDATE block SET created = zeroblob(20) WHERE number = 1",
    "no contract's address": "UPDATE block SET created = NULL WHERE number = 1",
    "a transaction's short hash": "UPDATE block SET tx = x'010203040506' WHERE number = 3",
    "a block more": "INSERT INTO block SELECT -1, hash, header, tx, raw, status, created FROM block WHERE number = 1",
    "an event": "UPDATE log SET data = zeroblob(32) WHERE id = (SELECT max(id) FROM log)",
    "an event less": "DELETE FROM log WHERE id = (SELECT max(id) FROM log)",
    "a code": "UPDATE code SET code = x'00'",
    "a status": "UPDATE block SET status = 0 WHERE number = 2",
    "a transaction": "UPDATE block SET raw = (SELECT raw FROM block WHERE number = 2) WHERE number = 3",
    "a block less": "DELETE FROM block WHERE number = 2",
    "a header": "UPDATE block SET header = (SELECT header FROM block WHERE number = 2) WHERE number = 3",
    "a hash": "UPDATE block SET hash = zeroblob(32) WHERE number = 3",
    "the genesis's balances": "UPDATE account SET balance = x'01' WHERE block = 0",
}


@pytest.mark.parametrize("how", ["run again", "in processes", "held against a checkpoint"])
@pytest.mark.parametrize("what", ALTERATIONS)
def test_verify_finds(made: chain.Chain, what: str, how: str) -> None:
    fill(made, 3)
    ways: dict[str, Any] = {
        "in processes": {"jobs": 2},
        "held against a checkpoint": {"checkpoint": made.block_hash(4)},
    }
    assert made.verify(**ways.get(how, {})) == 4
    connection = sqlite3.connect(made.path)
    assert connection.execute(ALTERATIONS[what]).rowcount >= 1
    connection.commit()
    connection.close()
    made._store.codes._codes.clear()
    with pytest.raises(DamagedFile, match="restore it from a copy"):
        made.verify(**ways.get(how, {}))


def test_a_checkpoint_is_a_block_of_the_chain(made: chain.Chain) -> None:
    fill(made, 3)
    for number in range(5):
        assert made.verify(checkpoint=made.block_hash(number)) == 4
    with pytest.raises(ChainError, match="correct the checkpoint"):
        made.verify(checkpoint=bytes(32))
    # what it trusts: that the machine ran the transactions before it rightly, and nothing else
    transaction = made.block_hash(2)
    assert made.verify(checkpoint=transaction, jobs=2) == 4


def cut_off(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 5000])


def cut_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


def not_a_database(path: Path) -> None:
    path.write_bytes(b"once upon a time " * 1000)


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE a (b)")


def another_format(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")


def overwritten_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)


def altered_head(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE block SET header = (SELECT header FROM block WHERE number = 1) WHERE number = 4")


def altered_genesis(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = zeroblob(32) WHERE key = 'genesis'")


@pytest.mark.parametrize(
    ("damage", "error", "advice"),
    [
        (cut_off, DamagedFile, "cut off"),
        (cut_to_nothing, DamagedFile, "restore it"),
        (not_a_database, DamagedFile, "not a chain"),
        (another_database, DamagedFile, "correct the path"),
        (another_format, UnknownFormat, "format 99"),
        (overwritten_pages, DamagedFile, "restore it"),
        (altered_head, DamagedFile, "restore it"),
        (altered_genesis, DamagedFile, "restore it"),
    ],
)
def test_a_damaged_file_is_refused_with_advice(
    tmp_path: Path, damage: Callable[[Path], None], error: type[Exception], advice: str
) -> None:
    path = tmp_path / "chain.db"
    with chain.create(path, chain_id=77, allocation={OWNER.address: 10**18}) as opened:
        fill(opened, 3)
    damage(path)
    with pytest.raises(error, match=advice) as caught:
        chain.open(path)
    assert "\n" not in str(caught.value)


def test_a_file_cut_off_beside_its_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    with chain.create(path, chain_id=77, allocation={OWNER.address: 10**18}) as opened:
        fill(opened, 30)
    # a writer dies: its log stays
    code = (
        "import os, signal, sys; from klopf import chain; opened = chain.open(sys.argv[1]); opened.mine();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert Path(f"{path}-wal").stat().st_size > 0
    data, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    for lost in (30_000, 50_000, len(data) - 4096):
        path.write_bytes(data[:-lost])
        Path(f"{path}-wal").write_bytes(log)
        with pytest.raises(DamagedFile, match="cut off"):
            chain.open(path)
    path.write_bytes(data)
    Path(f"{path}-wal").write_bytes(log)
    with chain.open(path) as again:  # and whole, it recovers by itself
        assert again.height == again.verify() == 32


def test_wrong_place_and_wrong_chain(made: chain.Chain, tmp_path: Path) -> None:
    with pytest.raises(WrongChain, match="holds chain 77, not 78"):
        chain.open(made.path, chain_id=78)
    with pytest.raises(ChainError, match=r"chain\.create"):
        chain.open(tmp_path / "nothing.db")
    with pytest.raises(ChainError, match="not a folder"):
        chain.create(tmp_path / "no" / "folder.db", chain_id=1)
    with pytest.raises(ChainError, match="exists already"):
        chain.create(made.path, chain_id=77)
    with pytest.raises(ChainError, match="not an address"):
        chain.create(tmp_path / "b.db", chain_id=1, allocation={"0x12": 1})
    assert not (tmp_path / "b.db").exists()
    made.close()
    with pytest.raises(ChainError, match="closed"):
        made.height  # noqa: B018


def test_time_only_goes_forward(tmp_path: Path) -> None:
    """As Ethereum demands: each block is later than the one before it, also where many come in a second."""
    with chain.create(tmp_path / "chain.db", chain_id=1, timestamp=4_000_000_000) as opened:
        opened.mine()
        opened.mine()
        pending = Rpc(opened).request("eth_getBlockByNumber", ["pending", False])
        stamps = [opened._require(n).header.timestamp for n in range(3)] + [int(pending["timestamp"], 16)]
        assert stamps == [4_000_000_000 + n for n in range(4)]
        with pytest.raises(Rejected, match="dev=True"):
            opened.move_clock(5)
        opened.export(tmp_path / "text")
    with chain.rebuild(tmp_path / "text", tmp_path / "again.db") as again:
        assert not again.same_second and again.verify() == 2
        with sqlite3.connect(again.path) as connection:
            connection.execute("UPDATE meta SET value = 1 WHERE key = 'same_second'")
    with chain.open(tmp_path / "again.db") as again:
        again.mine()
        assert again._store.head().header.timestamp == 4_000_000_002
        again._store.meta["same_second"] = 0
        with pytest.raises(DamagedFile, match=r"block 3 cannot be replayed \(its timestamp is not after"):
            again.verify()


def test_blocks_may_share_a_second_where_that_was_chosen(tmp_path: Path) -> None:
    for name, made in {
        "dev": chain.create(tmp_path / "dev.db", chain_id=1, timestamp=4_000_000_000, dev=True),
        "chosen": chain.create(tmp_path / "chosen.db", chain_id=1, timestamp=4_000_000_000, same_second=True),
    }.items():
        with made:
            made.mine()
            made.mine()
            assert [made._require(n).header.timestamp for n in range(3)] == [4_000_000_000] * 3
            made.export(tmp_path / f"{name}.text")
        with chain.rebuild(tmp_path / f"{name}.text", tmp_path / f"{name}-again.db") as again:
            assert again.same_second and again.verify() == 2
    with chain.create(tmp_path / "strict.db", chain_id=1, timestamp=4_000_000_000, dev=True, same_second=False) as made:
        made.mine()
        with pytest.raises(Rejected, match="is not after the newest block's"):
            made.set_next_timestamp(4_000_000_001)
        made.set_next_timestamp(4_000_000_002)
        made.mine()
        assert made._store.head().header.timestamp == 4_000_000_002 and made.verify() == 2


def test_a_zeroed_sector_is_one_clear_line(tmp_path: Path) -> None:
    path, hurt = tmp_path / "chain.db", tmp_path / "hurt.db"
    with chain.create(path, chain_id=1337, allocation={OWNER.address: 10**18}) as opened:
        fill(opened, 12)
    whole, told = path.read_bytes(), 0
    for size in (512, 4096):
        for start in range(0, len(whole), size):
            hurt.write_bytes(whole[:start] + bytes(size) + whole[start + size :])
            for end in ("-wal", "-shm"):
                Path(f"{hurt}{end}").unlink(missing_ok=True)
            try:
                with chain.open(hurt) as damaged:
                    rpc = Rpc(damaged)
                    for number in range(13):
                        for method, params in (("eth_getBlockReceipts", [hex(number)]), ("eth_getLogs", [{}])):
                            answer = rpc.answer({"id": 1, "method": method, "params": params})
                            assert "failed inside" not in answer.get("error", {}).get("message", "")
                    damaged.verify()
            except ChainError as error:
                assert "\n" not in str(error) and str(hurt) in str(error), error
                told += 1
    assert told > 20
