"""What a safe is: where a key is kept, and how it signs."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from eth_hash.auto import keccak

from klopf import files
from klopf.errors import FleetError, LedgerError
from klopf.ledger.keys import checksum, recover

__all__ = ["Safe", "account_of", "as_contracts_expect", "read_settings", "write_settings"]

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1


class Safe(ABC):
    """A key, where it is kept. It signs as :class:`klopf.ledger.keys.Key` does, so that contracts tell whose it was.

    A kind of safe is one class in one file here and a line in the table beside it. A test for all kinds
    (``tests/fleet/trusted/test_safes.py``) says what each must do.
    """

    kind: ClassVar[str]
    address: str
    """The key's account."""

    @classmethod
    @abstractmethod
    def create(cls, folder: Path, secret: str, settings: Mapping[str, Any]) -> Self:
        """A new key. ``folder``: the trusted part's own. ``secret`` (a passphrase or PIN) opens it again.

        Raises:
            FleetError: one line; nothing was made, or what was made is not used.
        """

    @classmethod
    @abstractmethod
    def open(cls, folder: Path, secret: str, settings: Mapping[str, Any]) -> Self:
        """The key that was made in ``folder``.

        Raises:
            FleetError: it is not there, damaged, or not opened by ``secret``.
        """

    @abstractmethod
    def sign(self, digest: bytes) -> bytes:
        """Signature of a 32-byte ``digest``: r (32), s (32, low), v (27 or 28).

        Raises:
            FleetError: the token or chip does not answer.
        """

    def close(self) -> None:  # noqa: B027
        """Let go of whatever holds the key."""


def account_of(public: bytes) -> str:
    """The account of a public key: its two coordinates, 32 bytes each."""
    return checksum(bytes(keccak(public)[12:]))


def as_contracts_expect(signature: bytes, digest: bytes, address: str) -> bytes:
    """A token's ECDSA signature (r and s, 32 bytes each) with the low s of the two that hold, and 27 or 28 after it.

    Raises:
        FleetError: it is not ``address``'s signature of ``digest``.
    """
    r, s = signature[:32], int.from_bytes(signature[32:64], "big")
    low = r + min(s, _ORDER - s).to_bytes(32, "big")
    for last in (27, 28):
        try:
            if recover(digest, low + bytes([last])) == address:
                return low + bytes([last])
        except LedgerError:
            continue
    raise FleetError(f"what the token signed is not a signature of {address}: it holds another key")


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write what a trusted part is: its kind of safe and what that needs."""
    files.create(folder / "safe.json", json.dumps(settings, indent=1) + "\n", private=True)


def read_settings(folder: Path) -> dict[str, Any]:
    """What :func:`write_settings` wrote.

    Raises:
        FleetError: nothing did, or it is damaged.
    """
    place = folder.absolute()
    try:
        found = json.loads((folder / "safe.json").read_text())
    except FileNotFoundError:
        raise FleetError(f"{place} is no trusted part's folder: `klopf device new` makes one") from None
    except PermissionError:
        raise FleetError(
            f"{place} belongs to a user of its own: have root start `klopf device signer {place.parent}`"
        ) from None
    except (ValueError, OSError) as error:
        raise FleetError(f"{place}/safe.json cannot be read ({error}): put its backup back") from None
    per_minute = found.get("per_minute") if isinstance(found, dict) else None
    if not isinstance(found, dict) or type(per_minute) is not int or not 1 <= per_minute <= 1_000_000:
        raise FleetError(f"{place}/safe.json is damaged, or per_minute in it is no number from 1 to 1000000")
    return found
