"""A new chain's file: its first block, and the balances that it begins with."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from klopf.chain._keccak import keccak
from klopf.chain._values import EMPTY_CODE, Account, Difference
from klopf.chain.state._block import EMPTY_ROOT, ZERO32, Header, encode_difference
from klopf.chain.state._store import Store, StoredBlock
from klopf.errors import ChainError

__all__ = ["create_file"]


def create_file(
    path: str | os.PathLike[str],
    *,
    chain_id: int,
    allocation: dict[str, int] | None = None,
    dev: bool = False,
    gas_limit: int = 30_000_000,
    base_fee: int = 0,
    coinbase: str = "0x" + "00" * 20,
    timestamp: int | None = None,
    same_second: bool | None = None,
) -> None:
    """Make a chain in a new file; see :func:`klopf.chain.create`."""
    place = Path(path)
    if not 0 < chain_id < 2**63:
        raise ChainError(f"chain id {chain_id} is out of range; choose one from 1 to 2**63 - 1")
    difference = Difference()
    for address, balance in (allocation or {}).items():
        if not 0 <= balance < 2**256:
            raise ChainError(f"the allocation of {address} is out of range; give wei from 0 to 2**256 - 1")
        if balance:
            difference.accounts[_address(address)] = Account(0, balance, EMPTY_CODE)
    header = Header(
        parent=ZERO32,
        number=0,
        timestamp=int(time.time()) if timestamp is None else timestamp,
        coinbase=_address(coinbase),
        state_root=bytes(keccak(encode_difference(difference))),
        transactions_root=EMPTY_ROOT,
        receipts_root=EMPTY_ROOT,
        bloom=bytes(256),
        gas_limit=gas_limit,
        gas_used=0,
        base_fee=base_fee,
        prev_randao=ZERO32,
    )
    genesis = StoredBlock(header.hash(), header, None, None, None, None)
    meta = {
        "chain_id": chain_id,
        "genesis": genesis.hash,
        "dev": int(dev),
        "clock_offset": 0,
        "same_second": int(dev if same_second is None else same_second),
    }

    def fill(connection: sqlite3.Connection) -> None:
        Store.put_genesis(connection, genesis, difference)

    Store.create(place, meta, fill)


def _address(text: str) -> bytes:
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != 20:
        raise ChainError(f"{text!r} is not an address; give 20 bytes as 0x and 40 hex digits")
    return address
