"""How blocks lie in rows: short, and the same again when read; files of the format before are read and written on."""

from __future__ import annotations

import lzma
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from klopf import chain
from klopf.chain._values import Log
from klopf.chain.rpc import Rpc
from klopf.chain.state._block import EMPTY_ROOT, Header, bloom, receipts_root, transactions_root
from klopf.chain.state._rows import StoredBlock, block_row, stored
from klopf.errors import ReadOnlyChain
from tests.chain.state import writers

DATA = Path(__file__).parent / "data"
OWNER = Account.from_key(b"\x01" * 32)
OTHER = "0x" + "22" * 20
HEADS = {  # number and hash of the newest block, as the Klopf that wrote them said
    "plain": (10, "dca5fd455d16c7aa12af8da42476f5bf98db416aab7a0801ca803acda1db46be"),
    "dev": (15, "1ce635f063ff2ea198954a688236e5143a48e6deca58b8200f76cdae03a8fb1c"),
}


def old(name: str, folder: Path) -> Path:
    """A file of format 1."""
    path = folder / f"{name}.db"
    path.write_bytes(lzma.decompress((DATA / f"format1-{name}.db.xz").read_bytes()))
    return path


def everything(opened: chain.Chain) -> list[Any]:
    """What it answers of each block."""
    rpc, out = Rpc(opened), [Rpc(opened).request("eth_getLogs", [{"fromBlock": "earliest"}])]
    for number in range(opened.height + 1):
        block = rpc.request("eth_getBlockByNumber", [hex(number), True])
        assert rpc.request("eth_getBlockByHash", [block["hash"], True]) == block
        out += [block, rpc.request("eth_getBlockReceipts", [hex(number)])]
        for transaction in block["transactions"]:
            assert rpc.request("eth_getTransactionByHash", [transaction["hash"]]) == transaction
    return out


def send(opened: chain.Chain, value: int) -> bytes:
    nonce = int(Rpc(opened).request("eth_getTransactionCount", [OWNER.address]), 16)
    fields = {"chainId": 77, "nonce": nonce, "gas": 21000, "gasPrice": 9, "to": OTHER, "value": value}
    return opened.send(OWNER.sign_transaction(fields).raw_transaction)


@pytest.mark.parametrize("name", HEADS)
def test_a_file_of_format_1_is_read_written_and_made_anew(tmp_path: Path, name: str) -> None:
    path = old(name, tmp_path)
    height, head = HEADS[name]
    with chain.open(path, read_only=True) as opened:
        assert opened.height == opened.verify() == opened.verify(checkpoint=bytes.fromhex(head)) == height
        assert opened.block_hash(height).hex() == head
        before = everything(opened)
        with pytest.raises(ReadOnlyChain):
            send(opened, 1)
    with chain.open(path) as opened:
        sent = send(opened, 5)
        assert opened.transaction_block(sent) == height + 1
        if name == "dev":
            Rpc(opened).request("hardhat_setBalance", [OTHER, "0x7"])
        assert opened.verify(jobs=2) == opened.height
        assert everything(opened)[1 : len(before)] == before[1:]
        after = everything(opened)
        opened.export(tmp_path / "text")
        opened.snapshot(tmp_path / "copy.db")
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM block WHERE length(header) < 500").fetchone() == (0,)
    with chain.open(tmp_path / "copy.db") as copy:
        assert everything(copy) == after
    with chain.rebuild(tmp_path / "text", tmp_path / "new.db") as new:
        assert everything(new) == after and new._store.version == 2
        assert new.verify() == new.verify(checkpoint=new.block_hash(new.height)) == new.height


def test_kills_in_a_file_of_format_1_lose_nothing(tmp_path: Path) -> None:
    """Its writers go on as before, killed or not."""
    path = old("plain", tmp_path)
    code = (
        "import os, sys; from klopf import chain; from tests.chain.state.test_rows import send\n"
        "with chain.open(sys.argv[1]) as opened:\n"
        "    while True: print(send(opened, 1).hex(), flush=True)"
    )
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(4)]
        writers.os.kill(process.pid, writers.signal.SIGKILL)
        process.wait()
        with chain.open(path) as opened:
            assert opened.verify() == opened.height
            assert None not in [opened.transaction_block(bytes.fromhex(sent)) for sent in said]


def some_block(rng: random.Random, constants: Header) -> StoredBlock:
    """A block with random contents, as they follow from each other."""
    kinds = [None, bytes([0xF8]), b"\x01", b"\x02", b"\x7e"]
    start = rng.choice(kinds)
    raw = None if start is None else start + rng.randbytes(rng.randrange(1, 300))
    count = rng.choice([0, 0, 1, 2, 9, 60]) if raw else 0
    logs = [
        Log(rng.randbytes(20), tuple(rng.randbytes(32) for _ in range(rng.randrange(5))), rng.randbytes(9))
        for _ in range(count)
    ]
    status = rng.random() < 0.8 if raw else None
    gas, parent = rng.randrange(2 ** rng.randrange(1, 30)) if raw else 0, rng.randbytes(32)
    other = constants._replace(gas_limit=constants.gas_limit + rng.choice([0, 0, 0, 1]))
    header = other._replace(
        parent=parent,
        number=rng.randrange(1, 2**40),
        timestamp=rng.randrange(2**40),
        state_root=rng.randbytes(32),
        transactions_root=transactions_root(raw),
        receipts_root=receipts_root(raw, status, gas, bloom(logs), logs),
        bloom=bloom(logs),
        gas_used=gas,
        prev_randao=bytes(chain_keccak(parent)),
    )
    created = rng.choice([None, rng.randbytes(20)]) if raw else None
    return StoredBlock(header.hash(), header, None if raw is None else bytes(chain_keccak(raw)), raw, status, created)


def chain_keccak(value: bytes) -> bytes:
    from eth_hash.auto import keccak

    return keccak(value)


def test_a_block_is_the_same_when_it_is_read(tmp_path: Path) -> None:
    rng = random.Random(5)
    zero = bytes(32)
    constants = Header(
        zero, 0, 5, bytes(20), zero, EMPTY_ROOT, EMPTY_ROOT, bytes(256), 30_000_000, 0, rng.randrange(9), zero
    )
    for _ in range(500):
        block = some_block(rng, constants)
        for version in (1, 2):
            row = block_row(block, constants, version)
            assert stored((*row, block.header.parent), constants, version) == block
        assert len(block_row(block, constants, 2)[2]) <= len(block_row(block, constants, 1)[2])


def test_every_cut_and_flip_of_a_row_is_no_block_or_another(tmp_path: Path) -> None:
    """No damage to a row passes for the block that it was, and none is more than a ValueError or its like."""
    rng = random.Random(6)
    zero = bytes(32)
    constants = Header(zero, 0, 5, bytes(20), zero, EMPTY_ROOT, EMPTY_ROOT, bytes(256), 30_000_000, 0, 0, zero)
    for _ in range(300):
        block = some_block(rng, constants)
        row = [*block_row(block, constants, 2), block.header.parent]
        place = rng.choice([place for place in (1, 2, 3, 4, 7) if row[place]])
        if place == 7 and len(row[2]) > 500:
            continue  # a header that is kept whole has it itself
        value = row[place]
        where = rng.randrange(len(value))
        row[place] = (
            value[:where] if rng.random() < 0.3 else value[:where] + bytes([value[where] ^ 1]) + value[where + 1 :]
        )
        try:
            read = stored(tuple(row), constants, 2)
        except (AttributeError, IndexError, TypeError, ValueError, OverflowError):
            continue
        assert read != block
        assert read.header.hash() != read.hash or read.header.parent != block.header.parent


def test_a_plain_transfer_takes_less_than_half_of_what_it_took(tmp_path: Path) -> None:
    """Format 1 took 1,086 bytes; the figure of a long chain is in docs/chain.md."""
    path = tmp_path / "chain.db"
    count = 1500
    with chain.create(path, chain_id=77, allocation={OWNER.address: 10**18}) as opened:
        rng, raws = random.Random(1), []
        for nonce in range(count):
            to = "0x" + rng.randbytes(20).hex()
            fields = {"chainId": 77, "nonce": nonce, "gas": 21000, "gasPrice": 0, "to": checksum(to), "value": 10**9}
            raws.append(OWNER.sign_transaction(fields).raw_transaction)
        assert not [result for result in opened.submit(raws) if isinstance(result, Exception)]
        assert opened.height == count
    assert path.stat().st_size / count < 470


def checksum(address: str) -> str:
    from web3 import Web3

    return Web3.to_checksum_address(address)
