"""Block headers, their hashes and what they commit to.

A header has Ethereum's cancun fields in Ethereum's order, and its hash is keccak256 of their RLP, so that any tool can
recompute it. ``transactionsRoot``, ``receiptsRoot`` and ``logsBloom`` are Ethereum's own. ``stateRoot`` is not the
root of a trie but a running commitment::

    stateRoot(0) = keccak(encode(allocation))
    stateRoot(n) = keccak(stateRoot(n - 1) || keccak(encode(difference of state in block n)))

so a block's hash commits to every change of state since the genesis.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from klopf.chain._keccak import keccak
from klopf.chain._rlp import encode
from klopf.chain._transaction import kind_of
from klopf.chain._values import Difference, Log

__all__ = [
    "EMPTY_ROOT",
    "ZERO32",
    "Header",
    "bloom",
    "commit",
    "encode_difference",
    "number_bytes",
    "receipts_root",
    "transactions_root",
]

EMPTY_ROOT = keccak(encode(b""))
EMPTY_UNCLES = keccak(encode([]))
ZERO32 = bytes(32)
NO_BLOOM = bytes(256)


def number_bytes(value: int) -> bytes:
    """RLP's bytes of an integer."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


UNCLES = encode(EMPTY_UNCLES)
NONCE = encode(bytes(8))
AFTER_BASE_FEE = encode(EMPTY_ROOT) + b"\x80\x80" + encode(ZERO32)
"""No withdrawals, no blob gas used or in excess, no beacon block."""


def _number(value: int) -> bytes:
    """RLP of an integer below 2**256."""
    if value < 0x80:
        return bytes((value or 0x80,))
    size = (value.bit_length() + 7) // 8
    return bytes((0x80 + size,)) + value.to_bytes(size, "big")


def _list(body: bytes) -> bytes:
    """RLP of a list of what is encoded already."""
    size = len(body)
    if size < 56:
        return bytes((0xC0 + size,)) + body
    length = number_bytes(size)
    return bytes((0xF7 + len(length),)) + length + body


class Header(NamedTuple):
    """What varies in a header; the other fields are constants of a chain without mining, uncles, blobs, withdrawals."""

    parent: bytes
    number: int
    timestamp: int
    coinbase: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: bytes
    gas_limit: int
    gas_used: int
    base_fee: int
    prev_randao: bytes

    def encode(self) -> bytes:
        """RLP of all twenty cancun fields."""
        return _encoded(self)

    def _encode(self) -> bytes:
        # written out, since every block is encoded at once: what has a fixed size has a fixed prefix
        body = b"".join(
            (
                b"\xa0", self.parent, UNCLES, b"\x94", self.coinbase, b"\xa0", self.state_root, b"\xa0",
                self.transactions_root, b"\xa0", self.receipts_root, b"\xb9\x01\x00", self.bloom, b"\x80",  # difficulty
                _number(self.number), _number(self.gas_limit), _number(self.gas_used), _number(self.timestamp),
                b"\x80\xa0", self.prev_randao, NONCE, _number(self.base_fee), AFTER_BASE_FEE,
            )
        )  # fmt: skip
        return b"\xf9" + len(body).to_bytes(2, "big") + body

    @classmethod
    def of(cls, f: list[bytes]) -> Header:
        """The header of those twenty fields."""
        number = [int.from_bytes(f[i], "big") for i in (8, 9, 10, 11, 15)]
        return cls(
            parent=f[0],
            number=number[0],
            timestamp=number[3],
            coinbase=f[2],
            state_root=f[3],
            transactions_root=f[4],
            receipts_root=f[5],
            bloom=f[6],
            gas_limit=number[1],
            gas_used=number[2],
            base_fee=number[4],
            prev_randao=f[13],
        )

    def hash(self) -> bytes:
        """keccak256 of the encoded header."""
        return bytes(keccak(self.encode()))


_encoded = functools.lru_cache(maxsize=64)(Header._encode)  # hashed, written and measured, one after the other
_item_hash = functools.lru_cache(maxsize=4096)(keccak)  # the same few contracts and events come again and again


def bloom(logs: Sequence[Log]) -> bytes:
    """Ethereum's 2,048-bit bloom filter of the logs' addresses and topics."""
    if not logs:
        return NO_BLOOM
    bits = 0
    for log in logs:
        for item in (log.address, *log.topics):
            digest = _item_hash(item)
            for i in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[i : i + 2], "big") & 2047)
    return bits.to_bytes(256, "big")


def _single_root(value: bytes) -> bytes:
    # a trie with one entry at rlp(0) = 0x80 is one leaf: an even path of two nibbles, prefix 0x20
    return keccak(encode([b"\x20\x80", value]))


def transactions_root(raw: bytes | None) -> bytes:
    """Ethereum's root of a block of one transaction, or of none."""
    return EMPTY_ROOT if raw is None else _single_root(raw)


def receipts_root(
    raw: bytes | None, status: bool | None, gas_used: int, logs_bloom: bytes, logs: Iterable[Log]
) -> bytes:
    """Ethereum's root of that block's one receipt, or of none."""
    if raw is None:
        return EMPTY_ROOT
    if not logs:
        return _logless_root(kind_of(raw), bool(status), gas_used)
    return _receipt_root(kind_of(raw), bool(status), gas_used, logs_bloom, logs)


def _receipt_root(kind: int, status: bool, gas_used: int, logs_bloom: bytes, logs: Iterable[Log]) -> bytes:
    listed = [[log.address, list(log.topics), log.data] for log in logs]
    body = encode([b"\x01" if status else b"", number_bytes(gas_used), logs_bloom, listed])
    return _single_root(body if kind == 0 else bytes([kind]) + body)


@functools.lru_cache(maxsize=1024)  # most receipts are a transfer's
def _logless_root(kind: int, status: bool, gas_used: int) -> bytes:
    return _receipt_root(kind, status, gas_used, NO_BLOOM, ())


def encode_difference(difference: Difference) -> bytes:
    """One canonical encoding of a difference: RLP of its accounts and its slots, each sorted."""
    # written out, as every block commits to one: an address has 20 bytes, a hash 32, a number up to 32
    accounts = [
        _list(b"\x94%b%b%b\xa0%b" % (address, _number(nonce), _number(balance), code_hash))
        for address, (nonce, balance, code_hash) in sorted(difference.accounts.items())
    ]
    slots = [
        _list(b"\x94%b%b%b" % (address, _number(slot), _number(value)))
        for (address, slot), value in sorted(difference.storage.items())
    ]
    return _list(_list(b"".join(accounts)) + _list(b"".join(slots)))


def commit(previous: bytes, difference: Difference) -> bytes:
    """The next running commitment to the state."""
    return bytes(keccak(previous + keccak(encode_difference(difference))))
