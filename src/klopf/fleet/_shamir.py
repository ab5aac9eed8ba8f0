"""A secret in shares of which any ``threshold`` give it back and fewer tell nothing (Shamir 1979)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

__all__ = ["joined", "shared"]

_PRIME = 2**256 + 297  # the least prime above any secret of 32 bytes


def shared(secret: bytes, count: int, threshold: int) -> dict[int, bytes]:
    """Shares of 33 bytes for 1 to ``count``; ``secret`` has 32 bytes.

    >>> joined({n: share for n, share in shared(b"k" * 32, 5, 3).items() if n != 2}) == b"k" * 32
    True
    """
    terms = [int.from_bytes(secret), *(secrets.randbelow(_PRIME) for _ in range(threshold - 1))]
    return {x: _at(terms, x).to_bytes(33) for x in range(1, count + 1)}


def _at(terms: list[int], x: int) -> int:
    value = 0
    for term in reversed(terms):
        value = (value * x + term) % _PRIME
    return value


def joined(shares: Mapping[int, bytes]) -> bytes:
    """The secret, from as many shares as the threshold asks for. Raises ValueError where they give none of 32 bytes."""
    total = 0
    for x, share in shares.items():
        over, under = 1, 1
        for other in shares:
            if other != x:
                over, under = over * other % _PRIME, under * (other - x) % _PRIME
        total += int.from_bytes(share) * over * pow(under, -1, _PRIME)
    value = total % _PRIME
    if value >= 2**256:
        raise ValueError("these shares give no secret")
    return value.to_bytes(32)
