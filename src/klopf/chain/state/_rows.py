"""How blocks and accounts lie in rows.

Format 2 keeps of a header only what follows neither from its row, nor from the block before it, nor from the chain's
constants: an RLP list of the state's commitment, the gas used and the timestamp, and behind them the receipts' root
and the bloom filter where there are events. A transaction's hash is that of its bytes; the first six bytes of it and
of the block's are indexed. An account without code has no code's hash. Where a header has other constants than the
chain's first block, it is kept whole, as it is for that one.

Format 1, of files from before, keeps every header whole, and every hash; such a file is read and written as it is.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from klopf.chain._keccak import keccak
from klopf.chain._rlp import decode as rlp_decode
from klopf.chain._rlp import encode
from klopf.chain._values import EMPTY_CODE, Account, Difference
from klopf.chain.state._block import Header, number_bytes, receipts_root, transactions_root

__all__ = ["COLUMNS", "FORMAT", "FORMATS", "SCHEMA", "SHORT", "StoredBlock", "block_row", "put_difference", "stored"]

FORMAT = 2
FORMATS = (1, 2)
SHORT = 6  # bytes of a hash that are indexed
NO_BLOOM = bytes(256)

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE block (
  number INTEGER PRIMARY KEY, hash BLOB NOT NULL, header BLOB NOT NULL,
  tx BLOB, raw BLOB, status INTEGER, created BLOB
);
CREATE INDEX block_hash ON block (substr(hash, 1, 6));
CREATE INDEX block_tx ON block (tx) WHERE tx IS NOT NULL;
CREATE TABLE log (
  id INTEGER PRIMARY KEY, address BLOB NOT NULL, topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL
);
CREATE INDEX log_address ON log (address);
CREATE INDEX log_source ON log (address, topic0);
CREATE TABLE account (
  address BLOB, block INTEGER, nonce INTEGER NOT NULL, balance BLOB NOT NULL, code_hash BLOB NOT NULL,
  PRIMARY KEY (address, block)
) WITHOUT ROWID;
CREATE TABLE storage (
  address BLOB, slot BLOB, block INTEGER, value BLOB NOT NULL, PRIMARY KEY (address, slot, block)
) WITHOUT ROWID;
CREATE TABLE code (hash BLOB PRIMARY KEY, code BLOB NOT NULL) WITHOUT ROWID;
"""
COLUMNS = {
    1: "number, hash, header, tx_hash, raw, status, created, NULL",
    2: "number, hash, header, tx, raw, status, created, "
    "(SELECT hash FROM block AS before WHERE before.number = block.number - 1)",
}


class StoredBlock(NamedTuple):
    """A block as it is kept; the last four are None in one without a transaction."""

    hash: bytes
    header: Header
    tx_hash: bytes | None
    raw: bytes | None
    status: bool | None
    created: bytes | None


def block_row(block: StoredBlock, constants: Header | None, version: int) -> tuple[Any, ...]:
    """The row of a block, in the order of its columns; ``constants`` is the header of the chain's first block."""
    header, tx_hash = block.header, block.tx_hash
    if version == 1:
        encoded = header.encode()
    else:
        encoded = _pack_header(header, constants)
        tx_hash = None if tx_hash is None else tx_hash[:SHORT]
    return header.number, block.hash, encoded, tx_hash, block.raw, block.status, block.created


def stored(row: tuple[Any, ...], constants: Header | None, version: int) -> StoredBlock:
    """The block of a row and the hash of the block before it. Raises ValueError, TypeError or IndexError where the row
    cannot be one."""
    number, block_hash, encoded, tx_hash, raw, status, created, parent = row
    fields = rlp_decode(encoded)
    success = None if status is None else bool(status)
    if len(fields) == 20:
        header = Header.of(fields)
        if header.encode() != encoded:
            raise ValueError("a header has other constants than Ethereum's")
    elif constants is None:
        raise ValueError("the first block has no header")
    else:
        header = _unpack_header(fields, number, parent, raw, success, constants)
    if version == 2 and raw is not None:
        short, tx_hash = tx_hash, bytes(keccak(raw))
        if short != tx_hash[:SHORT]:
            raise ValueError("the transaction has another hash")
    return StoredBlock(block_hash, header, tx_hash, raw, success, created)


def _pack_header(header: Header, constants: Header | None) -> bytes:
    if constants is None or any(
        mine != theirs
        for mine, theirs in (
            (header.coinbase, constants.coinbase),
            (header.gas_limit, constants.gas_limit),
            (header.base_fee, constants.base_fee),
        )
    ):
        return header.encode()
    fields = [header.state_root, number_bytes(header.gas_used), number_bytes(header.timestamp)]
    if header.bloom != NO_BLOOM:
        fields += [header.receipts_root, _pack_bloom(header.bloom)]
    return bytes(encode(fields))


def _unpack_header(
    fields: Any, number: int, parent: bytes, raw: bytes | None, status: bool | None, constants: Header
) -> Header:
    state_root, gas_used, timestamp, *events = fields
    gas = int.from_bytes(gas_used, "big")
    if len(state_root) != 32 or len(parent) != 32 or len(events) not in (0, 2):
        raise ValueError("a header is cut off")
    if events:
        receipts, bloom = events[0], _unpack_bloom(events[1])
    else:
        receipts, bloom = receipts_root(raw, status, gas, NO_BLOOM, ()), NO_BLOOM
    return constants._replace(
        parent=parent,
        number=number,
        timestamp=int.from_bytes(timestamp, "big"),
        state_root=state_root,
        transactions_root=transactions_root(raw),
        receipts_root=receipts,
        bloom=bloom,
        gas_used=gas,
        prev_randao=bytes(keccak(parent)),
    )


def _pack_bloom(bloom: bytes) -> bytes:
    """The places of its bits, two bytes each; the filter itself where that is not longer."""
    bits, places = int.from_bytes(bloom, "big"), bytearray()
    while bits and len(places) < 256:
        lowest = bits & -bits
        places += (lowest.bit_length() - 1).to_bytes(2, "big")
        bits ^= lowest
    return bytes(places) if len(places) < 256 else bloom


def _unpack_bloom(packed: bytes) -> bytes:
    if len(packed) == 256:
        return packed
    bits = 0
    for i in range(0, len(packed), 2):
        bits |= 1 << (int.from_bytes(packed[i : i + 2], "big"))
    return bits.to_bytes(256, "big")


def put_difference(connection: sqlite3.Connection, number: int, difference: Difference, version: int) -> None:
    """Write the versions that block ``number`` makes."""
    if difference.codes:
        connection.executemany("INSERT OR IGNORE INTO code VALUES (?, ?)", list(difference.codes.items()))
    connection.executemany(
        "INSERT INTO account VALUES (?, ?, ?, ?, ?)",
        [(address, number, *account_row(a, version)) for address, a in difference.accounts.items()],
    )
    if difference.storage:
        connection.executemany(
            "INSERT INTO storage VALUES (?, ?, ?, ?)",
            [
                (address, number_bytes(slot), number, number_bytes(value))
                for (address, slot), value in difference.storage.items()
            ],
        )


def account_row(account: Account, version: int) -> tuple[int, bytes, bytes]:
    """Nonce, balance and code's hash as they are kept."""
    code_hash = b"" if version == 2 and account.code_hash == EMPTY_CODE else account.code_hash
    return account.nonce, number_bytes(account.balance), code_hash
