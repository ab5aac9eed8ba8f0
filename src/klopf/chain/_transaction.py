"""Signed transactions: legacy, access list (EIP-2930) and dynamic fee (EIP-1559), from bytes and back."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import coincurve

from klopf.chain._keccak import keccak
from klopf.chain._rlp import decode as rlp_decode
from klopf.chain._rlp import encode, without_last
from klopf.errors import Rejected

__all__ = ["Transaction", "created_address", "decode", "unsigned"]

HALF_CURVE = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
MAX_INITCODE = 49152
UNSIGNED = 0x7E  # our own envelope, of development chains only: the sender is named, and nobody has signed

AccessList = tuple[tuple[bytes, tuple[int, ...]], ...]


class Transaction(NamedTuple):
    """A transaction in one shape for all kinds. ``to`` is empty for a creation; fees are in wei per gas.

    A legacy or 2930 transaction has ``max_fee == tip == gas price``. A transaction that nobody signed (a call) has an
    empty ``raw`` and ``hash``.
    """

    kind: int
    chain_id: int | None
    nonce: int
    gas: int
    max_fee: int
    tip: int
    to: bytes
    value: int
    data: bytes
    access_list: AccessList
    sender: bytes
    hash: bytes = b""
    raw: bytes = b""
    v: int = 0
    r: int = 0
    s: int = 0

    @property
    def is_signed(self) -> bool:
        """Whether somebody signed it; a development chain runs others too, for accounts that it plays."""
        return self.r != 0

    def intrinsic_gas(self) -> int:
        """Gas that is due before the first instruction (yellow paper 6.2, EIP-2028, 2930, 3860)."""
        zeros = self.data.count(0)
        gas = 21000 + 4 * zeros + 16 * (len(self.data) - zeros)
        if not self.to:
            gas += 32000 + 2 * ((len(self.data) + 31) // 32)
        for _, slots in self.access_list:
            gas += 2400 + 1900 * len(slots)
        return gas

    def gas_price(self, base_fee: int) -> int:
        """What one gas costs the sender in a block of this base fee."""
        return min(self.max_fee, base_fee + self.tip)


def created_address(sender: bytes, nonce: int) -> bytes:
    """Address of the contract that ``sender``'s transaction of that nonce makes."""
    return bytes(keccak(encode([sender, _bytes(nonce)]))[12:])


def kind_of(raw: bytes) -> int:
    """The kind of a transaction, from its bytes (EIP-2718); one that nobody signed is of kind 2."""
    return 0 if raw[0] >= 0xC0 else 2 if raw[0] == UNSIGNED else raw[0]


@functools.lru_cache(maxsize=128)  # who sends one soon asks for it and its receipt
def decode(raw: bytes) -> Transaction:
    """Read and check a signed transaction, and find who signed it. Raises :class:`~klopf.errors.Rejected`."""
    try:
        return _decode(raw)
    except Rejected:
        raise
    except Exception as error:
        raise Rejected(
            f"not a transaction: {str(error) or type(error).__name__}; send the signed bytes as they are"
        ) from error


def _decode(raw: bytes) -> Transaction:
    if not raw:
        raise Rejected("not a transaction: it is empty; send the signed bytes")
    if raw[0] == UNSIGNED:
        return _decode_unsigned(raw)
    if raw[0] >= 0xC0:
        kind, fields = 0, rlp_decode(raw)
        _count(fields, 9)
        nonce, price, gas, to, value, data, v, r, s = fields
        v, r, s = _int(v), _int(r), _int(s)
        if v in (27, 28):
            chain_id, parity = None, v - 27
            unsigned = [nonce, price, gas, to, value, data]
        elif v >= 35:
            chain_id, parity = (v - 35) // 2, (v - 35) % 2
            unsigned = [nonce, price, gas, to, value, data, _bytes(chain_id), b"", b""]
        else:
            raise Rejected(f"bad signature: v is {v}; sign with the chain's id (EIP-155)")
        message = encode(unsigned)
        max_fee = tip = _int(price)
        access: AccessList = ()
    elif raw[0] == 1:
        kind, fields = 1, rlp_decode(raw[1:])
        _count(fields, 11)
        number, nonce, price, gas, to, value, data, listed, v, r, s = fields
        chain_id, parity, v, r, s = _int(number), _int(v), _int(v), _int(r), _int(s)
        message = b"\x01" + without_last(raw[1:], fields[8:])
        max_fee = tip = _int(price)
        access = _access(listed)
    elif raw[0] == 2:
        kind, fields = 2, rlp_decode(raw[1:])
        _count(fields, 12)
        number, nonce, tip_bytes, fee, gas, to, value, data, listed, v, r, s = fields
        chain_id, parity, v, r, s = _int(number), _int(v), _int(v), _int(r), _int(s)
        message = b"\x02" + without_last(raw[1:], fields[9:])
        max_fee, tip = _int(fee), _int(tip_bytes)
        access = _access(listed)
        if tip > max_fee:
            raise Rejected("max priority fee per gas is higher than max fee per gas; raise the latter")
    else:
        raise Rejected(f"transaction type {raw[0]} is not supported; send a legacy, 2930 or 1559 transaction")
    if len(to) not in (0, 20):
        raise Rejected(f"the recipient has {len(to)} bytes; an address has 20")
    if parity > 1 or not r > 0 or not 0 < s <= HALF_CURVE:
        raise Rejected("bad signature; sign the transaction again")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, keccak(message), hasher=None)
    except Exception:
        raise Rejected("bad signature; sign the transaction again") from None
    transaction = Transaction(
        kind=kind,
        chain_id=chain_id,
        nonce=_int(nonce, 8),
        gas=_int(gas, 8),
        max_fee=max_fee,
        tip=tip,
        to=bytes(to),
        value=_int(value),
        data=bytes(data),
        access_list=access,
        sender=keccak(key.format(compressed=False)[1:])[12:],
        hash=keccak(raw),
        raw=raw,
        v=v,
        r=r,
        s=s,
    )
    return transaction


def unsigned(call: Transaction) -> bytes:
    """The bytes of a transaction that names its sender instead of being signed by it; :func:`decode` reads them."""
    listed = [[address, [slot.to_bytes(32, "big") for slot in slots]] for address, slots in call.access_list]
    numbers = [_bytes(n) for n in (call.chain_id or 0, call.nonce, call.tip, call.max_fee, call.gas)]
    return bytes([UNSIGNED]) + bytes(encode([*numbers, call.to, _bytes(call.value), call.data, listed, call.sender]))


def _decode_unsigned(raw: bytes) -> Transaction:
    fields = rlp_decode(raw[1:])
    _count(fields, 10)
    number, nonce, tip, fee, gas, to, value, data, listed, sender = fields
    if len(to) not in (0, 20) or len(sender) != 20:
        raise Rejected("an address has 20 bytes; correct the sender or the recipient")
    return Transaction(
        kind=2,
        chain_id=_int(number),
        nonce=_int(nonce, 8),
        gas=_int(gas, 8),
        max_fee=_int(fee),
        tip=_int(tip),
        to=bytes(to),
        value=_int(value),
        data=bytes(data),
        access_list=_access(listed),
        sender=bytes(sender),
        hash=keccak(raw),
        raw=raw,
    )


def _count(fields: Any, expected: int) -> None:
    if not isinstance(fields, list) or len(fields) != expected:
        raise Rejected(f"not a transaction: it should have {expected} fields; send the signed bytes as they are")


def _int(value: bytes, size: int = 32) -> int:
    if not isinstance(value, bytes) or len(value) > size or value[:1] == b"\0":
        raise Rejected("not a transaction: a number is badly encoded; send the signed bytes as they are")
    return int.from_bytes(value, "big")


def _bytes(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _access(listed: Any) -> AccessList:
    out = []
    for address, slots in listed:
        if len(address) != 20 or any(len(slot) != 32 for slot in slots):
            raise Rejected("the access list is badly encoded; addresses have 20 bytes and slots 32")
        out.append((bytes(address), tuple(int.from_bytes(slot, "big") for slot in slots)))
    return tuple(out)
