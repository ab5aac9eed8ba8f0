"""What the chain holds, as Ethereum's JSON writes it."""

from __future__ import annotations

import functools
import json
from typing import Any

from klopf.chain._patience import patience
from klopf.chain._transaction import Transaction, decode
from klopf.chain._values import Frame, Log, Outcome
from klopf.chain.rpc._fields import hexadecimal
from klopf.chain.state._block import Header
from klopf.chain.state._store import LOGS_PER_BLOCK, Store, StoredBlock
from klopf.errors import Rejected

__all__ = [
    "block_json",
    "failure",
    "frame_json",
    "log_json",
    "log_place",
    "log_texts",
    "pending_json",
    "receipt_json",
    "revert_reason",
    "transaction_json",
    "waiting_json",
]

REVERTED = 3
MAX_TRACE = 128
LONG_RECEIPT = 1_000_000  # gas that may have gone into very many events
NO_BLOOM = bytes(256)
WORDS = {"OutOfGas": "out of gas", "InvalidInstruction": "invalid opcode", "InvalidJumpDestination": "invalid jump"}


def block_json(block: StoredBlock, full: bool) -> dict[str, Any]:
    """A block; with its whole transaction if ``full``, else with that one's hash."""
    h = block.header
    transactions: list[Any] = []
    size = _size(h)
    if block.raw is not None:
        size += len(block.raw)
        transactions = [transaction_json(block) if full else hexadecimal(block.tx_hash or b"")]
    return {
        "number": hex(h.number),
        "hash": hexadecimal(block.hash),
        "parentHash": hexadecimal(h.parent),
        "nonce": "0x0000000000000000",
        "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
        "logsBloom": hexadecimal(h.bloom),
        "transactionsRoot": hexadecimal(h.transactions_root),
        "stateRoot": hexadecimal(h.state_root),
        "receiptsRoot": hexadecimal(h.receipts_root),
        "miner": hexadecimal(h.coinbase),
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": "0x",
        "size": hex(size),
        "gasLimit": hex(h.gas_limit),
        "gasUsed": hex(h.gas_used),
        "timestamp": hex(h.timestamp),
        "transactions": transactions,
        "uncles": [],
        "mixHash": hexadecimal(h.prev_randao),
        "baseFeePerGas": hex(h.base_fee),
        "withdrawals": [],
        "withdrawalsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": "0x" + "00" * 32,
    }


def pending_json(block: StoredBlock, waits: list[Transaction], full: bool) -> dict[str, Any]:
    """The block that would be made now, with the transactions that wait for one. It has no hash yet (web3.py's tests
    ask for that, though Ethereum's schema of blocks does not foresee it)."""
    shown = [waiting_json(one) if full else hexadecimal(one.hash) for one in waits]
    return block_json(block, False) | {"hash": None, "transactions": shown}


def transaction_json(block: StoredBlock) -> dict[str, Any]:
    """The block's transaction."""
    assert block.raw is not None
    t = decode(block.raw)
    place = {
        "blockHash": hexadecimal(block.hash),
        "blockNumber": hex(block.header.number),
        "transactionIndex": "0x0",
        "blockTimestamp": hex(block.header.timestamp),
    }
    return place | _transaction(t, t.gas_price(block.header.base_fee))


def waiting_json(transaction: Transaction) -> dict[str, Any]:
    """A transaction that is in no block yet."""
    place = dict.fromkeys(("blockHash", "blockNumber", "transactionIndex", "blockTimestamp"))
    return place | _transaction(transaction, transaction.max_fee)


def _transaction(t: Transaction, gas_price: int) -> dict[str, Any]:
    out: dict[str, Any] = {
        "hash": hexadecimal(t.hash),
        "type": hex(t.kind),
        "nonce": hex(t.nonce),
        "from": hexadecimal(t.sender),
        "to": hexadecimal(t.to) if t.to else None,
        "value": hex(t.value),
        "gas": hex(t.gas),
        "gasPrice": hex(gas_price),
        "input": hexadecimal(t.data),
        "v": hex(t.v),
        "r": hex(t.r),
        "s": hex(t.s),
    }
    if t.chain_id is not None:
        out["chainId"] = hex(t.chain_id)
    if t.kind:
        out["yParity"] = hex(t.v)
        out["accessList"] = [
            {"address": hexadecimal(address), "storageKeys": [f"0x{slot:064x}" for slot in slots]}
            for address, slots in t.access_list
        ]
    if t.kind == 2:
        out["maxFeePerGas"] = hex(t.max_fee)
        out["maxPriorityFeePerGas"] = hex(t.tip)
    return out


def receipt_json(store: Store, block: StoredBlock) -> dict[str, Any]:
    """The receipt of the block's transaction."""
    assert block.raw is not None
    t = decode(block.raw)
    h = block.header
    if h.gas_used > LONG_RECEIPT:
        patience.refuse()
    logs = store.logs(h.number, h.number) if h.bloom != NO_BLOOM else []
    place = log_place(block)
    return {
        "type": hex(t.kind),
        "status": "0x1" if block.status else "0x0",
        "transactionHash": hexadecimal(t.hash),
        "transactionIndex": "0x0",
        "blockHash": hexadecimal(block.hash),
        "blockNumber": hex(h.number),
        "from": hexadecimal(t.sender),
        "to": hexadecimal(t.to) if t.to else None,
        "contractAddress": hexadecimal(block.created) if block.created else None,
        "cumulativeGasUsed": hex(h.gas_used),
        "gasUsed": hex(h.gas_used),
        "effectiveGasPrice": hex(t.gas_price(h.base_fee)),
        "logsBloom": hexadecimal(h.bloom),
        "logs": [log_json(log, i, place) for _, i, log in logs],
    }


def log_place(block: StoredBlock) -> dict[str, Any]:
    """What all logs of a block have in common."""
    return {
        "blockHash": hexadecimal(block.hash),
        "blockNumber": hex(block.header.number),
        "blockTimestamp": hex(block.header.timestamp),
        "transactionHash": hexadecimal(block.tx_hash or b""),
        "transactionIndex": "0x0",
        "removed": False,
    }


def log_json(log: Log, position: int, place: dict[str, Any]) -> dict[str, Any]:
    """A log, at its position in the block of that place."""
    return {
        "address": "0x" + log.address.hex(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        **place,
        "logIndex": hex(position),
    }


def log_texts(rows: list[tuple[Any, ...]], store: Store) -> list[str]:
    """What :func:`log_json` makes of rows of :meth:`~klopf.chain.state._store.Store.log_rows`, as JSON's text.

    A hundred thousand logs are 42 MB of it; this takes a quarter of the time of building them and writing them out.
    """
    out: list[str] = []
    known, place = -1, ""
    for number, address, first, second, third, fourth, data in rows:
        if number // LOGS_PER_BLOCK != known:
            known = number // LOGS_PER_BLOCK
            block = store.block(known)
            # without its braces; empty where the block was undone since (development only)
            place = "" if block is None else json.dumps(log_place(block), separators=(",", ":"))[1:-1]
        if not place:
            continue
        if second is None:
            topics = "" if first is None else f'"0x{first.hex()}"'
        else:
            topics = '","'.join(f"0x{topic.hex()}" for topic in (first, second, third, fourth) if topic is not None)
            topics = f'"{topics}"'
        out.append(
            f'{{"address":"0x{address.hex()}","topics":[{topics}],"data":"0x{data.hex()}",{place},'
            f'"logIndex":"{number % LOGS_PER_BLOCK:#x}"}}'
        )
    return out


def frame_json(frame: Frame, depth: int = 0) -> dict[str, Any]:
    """A message of a trace, with those inside it."""
    if depth > MAX_TRACE:
        raise Rejected(f"the calls nest deeper than {MAX_TRACE}; too deep to show")
    out: dict[str, Any] = {
        "type": frame.kind,
        "from": hexadecimal(frame.sender),
        "to": hexadecimal(frame.to) if frame.to else None,
        "gas": hex(frame.gas),
        "gasUsed": hex(frame.gas_used),
        "input": hexadecimal(frame.input),
    }
    if frame.kind != "STATICCALL":
        out["value"] = hex(frame.value)
    if frame.output:
        out["output"] = hexadecimal(frame.output)
    if frame.error is not None:
        out["error"] = "execution reverted" if frame.reverted else WORDS.get(frame.error, frame.error)
        if frame.reverted and (reason := revert_reason(frame.output)) is not None:
            out["revertReason"] = reason
    if frame.frames:
        out["calls"] = [frame_json(child, depth + 1) for child in frame.frames]
    return out


def failure(outcome: Outcome) -> Rejected:
    """What ``eth_call`` answers for a program that failed, as geth words it."""
    if not outcome.reverted:
        return Rejected(WORDS.get(outcome.error or "", outcome.error or "execution failed"), -32000)
    reason = revert_reason(outcome.output)
    message = "execution reverted" + (f": {reason}" if reason else "")
    return Rejected(message, REVERTED, hexadecimal(outcome.output))


def revert_reason(output: bytes) -> str | None:
    """The text in Solidity's ``Error(string)``, where ``output`` is one."""
    if output[:4] != b"\x08\xc3\x79\xa0" or len(output) < 68:
        return None
    start = 4 + int.from_bytes(output[4:36], "big")
    length = int.from_bytes(output[start : start + 32], "big")
    return output[start + 32 : start + 32 + length].decode("utf-8", "replace")


@functools.lru_cache(maxsize=1024)
def _size(header: Header) -> int:
    return len(header.encode())
