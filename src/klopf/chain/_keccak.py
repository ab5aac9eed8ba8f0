"""keccak256, Ethereum's hash."""

from __future__ import annotations

try:
    from sha3 import keccak_256
except ImportError:  # no wheel for this machine: eight times slower, by whatever eth-hash finds
    from eth_hash.auto import keccak as _keccak

    def keccak(data: bytes) -> bytes:
        """The 32 bytes of the hash."""
        return _keccak(data)

else:

    def keccak(data: bytes) -> bytes:
        """The 32 bytes of the hash."""
        return keccak_256(data).digest()  # type: ignore[no-any-return]


__all__ = ["keccak"]
