"""A key in the trusted process's memory, wherever it lies on the disk."""

from __future__ import annotations

from typing import Self

from klopf.errors import FleetError, LedgerError
from klopf.fleet.trusted._safes.safe import Safe
from klopf.ledger import keys

__all__ = ["Held"]


class Held(Safe):
    """A safe whose key the process holds while it runs."""

    def __init__(self, key: keys.Key) -> None:
        self._key = key
        self.address = key.address

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """With a key's 32 bytes. Raises FleetError where they are none."""
        try:
            return cls(keys.Key(raw))
        except LedgerError as error:
            raise FleetError(str(error)) from None

    @staticmethod
    def locks(secret: str) -> None:
        """Raises FleetError where a passphrase locks nothing."""
        if not secret:
            raise FleetError("an empty passphrase locks nothing: put some words into KLOPF_PASSPHRASE")

    def sign(self, digest: bytes) -> bytes:
        return self._key.sign(digest)
