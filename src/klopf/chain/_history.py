"""The chain's past as text, and a chain made again from that text."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from klopf import files
from klopf.chain._base import BaseChain
from klopf.chain._keccak import keccak
from klopf.chain._rlp import decode as rlp_decode
from klopf.chain._transaction import decode
from klopf.chain._values import Account, Difference
from klopf.chain.state._block import encode_difference
from klopf.chain.state._genesis import create_file
from klopf.chain.state._store import Store
from klopf.errors import ChainError, DamagedFile, KlopfError

__all__ = ["export", "genesis_difference", "rebuild"]

EXPORT_FORMAT = "klopf-chain-1"
BLOCKS_PER_COMMIT = 256

Progress = Callable[[int, int], None]


def genesis_difference(store: Store) -> Difference:
    """The balances that the chain began with."""
    with store.errors():
        rows = store.connection().execute("SELECT address FROM account WHERE block = 0").fetchall()
    view = store.view(0)
    return Difference(accounts={row[0]: view.account(row[0]) for row in rows})


def export(chain: BaseChain, target: str | os.PathLike[str]) -> int:
    """Write the chain as JSON lines, the genesis and then a line a block, to be rebuilt from; returns the height."""
    store = chain._store
    height = store.height()
    genesis = chain._require(0).header
    head = {
        "format": EXPORT_FORMAT,
        "chain_id": chain.chain_id,
        "dev": chain.dev,
        "same_second": chain.same_second,
        "gas_limit": genesis.gas_limit,
        "base_fee": genesis.base_fee,
        "coinbase": "0x" + genesis.coinbase.hex(),
        "timestamp": genesis.timestamp,
        "allocation": {"0x" + a.hex(): str(x.balance) for a, x in sorted(genesis_difference(store).accounts.items())},
    }

    def lines() -> Iterator[bytes]:
        yield json.dumps(head).encode("ascii") + b"\n"
        for number in range(1, height + 1):
            block, changed = chain._require(number), functools.partial(store.difference, number)
            line: dict[str, Any] = {"number": number, "timestamp": block.header.timestamp}
            if block.raw is not None:
                line["transaction"] = "0x" + block.raw.hex()
            elif (difference := chain._changed_by_hand(chain._require(number - 1), block, changed)) != Difference():
                line["state"] = "0x" + encode_difference(difference).hex()
                line["codes"] = ["0x" + code.hex() for code in difference.codes.values()]
            line["hash"] = "0x" + block.hash.hex()
            yield json.dumps(line).encode("ascii") + b"\n"

    try:
        files.replace(target, lines())
    except OSError as error:
        raise ChainError(f"cannot write {target}: {error.strerror}; choose another place") from error
    return height


def rebuild(source: str | os.PathLike[str], path: str | os.PathLike[str], progress: Progress | None = None) -> None:
    """Make a new chain file from an export, running every block again; each must give the hash it had."""
    try:
        with Path(source).open(encoding="ascii") as file:
            lines = [json.loads(line) for line in file]
        head = lines[0]
        if head["format"] != EXPORT_FORMAT:
            raise DamagedFile(f"{source} is not a chain's export; correct the path")
        create_file(
            path,
            chain_id=head["chain_id"],
            allocation={address: int(balance) for address, balance in head["allocation"].items()},
            dev=head["dev"],
            same_second=head.get("same_second", True),
            gas_limit=head["gas_limit"],
            base_fee=head["base_fee"],
            coinbase=head["coinbase"],
            timestamp=head["timestamp"],
        )
    except OSError as error:
        raise ChainError(f"cannot read {source}: {error.strerror}; correct the path") from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DamagedFile(f"{source} is not a chain's export, or is cut off; export it again") from error
    try:
        with BaseChain(path) as chain:
            height = len(lines) - 1
            for start in range(1, height + 1, BLOCKS_PER_COMMIT):
                with chain._store.write() as connection:
                    for line in lines[start : start + BLOCKS_PER_COMMIT]:
                        _append(chain, connection, line, source)
                if progress is not None:
                    progress(min(start + BLOCKS_PER_COMMIT - 1, height), height)
    except BaseException:
        for name in (Path(path), Path(f"{os.fspath(path)}-turn")):
            name.unlink(missing_ok=True)
        raise


def _append(chain: BaseChain, connection: Any, line: dict[str, Any], source: Any) -> None:
    number = line.get("number")
    try:
        raw = line.get("transaction")
        transaction = None if raw is None else decode(bytes.fromhex(raw[2:]))
        previous = chain._require(int(line["number"]) - 1)
        header = chain._next(previous, int(line["timestamp"]))
        outcome = None
        difference = None if "state" not in line else decode_difference(line["state"], line["codes"])
        if difference is not None:
            chain._require_dev()
        if transaction is not None:
            view = chain._store.view(previous.header.number)
            chain._check(transaction, view.account(transaction.sender), header)
            outcome = chain.machine.execute(view, chain._environment(header), transaction)
        made = chain._append(connection, previous, header, transaction, outcome, difference)
    except (ValueError, KeyError, TypeError, KlopfError) as error:
        raise DamagedFile(f"{source}: block {number} cannot be replayed ({error}); export the chain again") from error
    if "0x" + made.hex() != line.get("hash"):
        raise DamagedFile(f"{source}: block {number} gives another hash when replayed; export the chain again")


def decode_difference(state: str, codes: list[str]) -> Difference:
    """The difference that :func:`~klopf.chain.state._block.encode_difference` encoded, with its codes."""
    accounts, slots = rlp_decode(bytes.fromhex(state[2:]))
    held = [bytes.fromhex(code[2:]) for code in codes]
    return Difference(
        accounts={a: Account(int.from_bytes(n, "big"), int.from_bytes(b, "big"), c) for a, n, b, c in accounts},
        codes={bytes(keccak(code)): code for code in held},
        storage={(a, int.from_bytes(s, "big")): int.from_bytes(v, "big") for a, s, v in slots},
    )
