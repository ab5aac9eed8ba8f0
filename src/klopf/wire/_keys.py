"""Addresses and signatures of secp256k1 keys, as Ethereum has them."""

from __future__ import annotations

import functools
from typing import Protocol, runtime_checkable

import coincurve
from eth_hash.auto import keccak

from klopf.errors import WireError

__all__ = ["LocalSigner", "Signer", "address_bytes", "checksummed", "recover"]

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@runtime_checkable
class Signer(Protocol):
    """A secp256k1 key that stays where it is."""

    @property
    def address(self) -> str:
        """Checksummed address (EIP-55)."""

    def sign(self, digest: bytes, /) -> bytes:
        """65 bytes ``r ‖ s ‖ v`` over the 32-byte digest; v is 27 or 28 (0 or 1 is taken too)."""


class LocalSigner:
    """A private key held in this process.

    >>> LocalSigner(bytes(31) + b"\\x01").address
    '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'
    """

    def __init__(self, private_key: bytes) -> None:
        try:
            self._key = coincurve.PrivateKey(private_key)
        except (ValueError, TypeError):
            raise WireError("not a private key: give 32 bytes, not zero and below the curve's order") from None
        self._address = checksummed(_address(self._key.public_key.format(compressed=False)))

    @property
    def address(self) -> str:
        return self._address

    def sign(self, digest: bytes, /) -> bytes:
        signature: bytes = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])

    def __repr__(self) -> str:
        return f"LocalSigner({self._address})"


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The 20-byte address whose key signed ``digest``; None if the signature is not a canonical one.

    Canonical: 65 bytes, v 27 or 28, s in the lower half of the order (EIP-2), so that no second signature
    can be made from a first without the key.
    """
    if len(signature) != 65 or signature[64] not in (27, 28) or int.from_bytes(signature[32:64]) > _ORDER // 2:
        return None
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except Exception:  # coincurve raises a plain Exception for a point that is not on the curve
        return None
    return _address(key.format(compressed=False))


@functools.lru_cache(maxsize=4096)
def _address(key: bytes) -> bytes:
    """Of an uncompressed public key, 65 bytes."""
    return keccak(key[1:])[12:]


@functools.lru_cache(maxsize=4096)
def checksummed(address: bytes) -> str:
    """EIP-55 text of a 20-byte address.

    >>> checksummed(bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"))
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
    """
    if len(address) != 20:
        raise WireError(f"an address has 20 bytes, not {len(address)}")
    text = address.hex()
    digest = keccak(text.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) > 7 else c for c, d in zip(text, digest, strict=False))


@functools.lru_cache(maxsize=4096)
def address_bytes(address: str) -> bytes:
    """20 bytes of a hexadecimal address, with any or no checksum capitals."""
    try:
        raw = bytes.fromhex(address.removeprefix("0x"))
    except (ValueError, AttributeError):
        raw = b""
    if len(raw) != 20:
        raise WireError(f"not an address: {str(address)[:60]!r}; give 0x and 40 hexadecimal digits")
    return raw
