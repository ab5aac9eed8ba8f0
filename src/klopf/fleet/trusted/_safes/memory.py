"""The key in the trusted process's memory, and locked with a passphrase on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

# named here, not first when a key is locked or read: by then this process may be a user who cannot read the library
import eth_keyfile.keyfile as _keyfile
from eth_account.hdaccount import key_from_seed as _key_from_seed

from klopf.errors import FleetError, LedgerError
from klopf.fleet.trusted._safes.held import Held
from klopf.ledger import keys
from klopf.nested import limited

__all__ = ["Memory"]

_LOADED = (_keyfile, _key_from_seed)
limited()


class Memory(Held):
    kind = "memory"

    @classmethod
    def create(cls, folder: Path, secret: str, settings: Mapping[str, Any]) -> Self:
        cls.locks(secret)
        key = keys.new()
        try:
            keys.save(key, folder / "key.json", secret, light=bool(settings.get("light", False)))
        except LedgerError as error:
            raise FleetError(str(error)) from None
        return cls(key)

    @classmethod
    def open(cls, folder: Path, secret: str, settings: Mapping[str, Any]) -> Self:
        try:
            return cls(keys.load(folder / "key.json", secret))
        except LedgerError as error:
            raise FleetError(str(error)) from None
