"""Where a key can be kept: a file a kind, and one line each here."""

from __future__ import annotations

import importlib

from klopf.errors import FleetError
from klopf.fleet.trusted._safes.safe import Safe

__all__ = ["SAFES", "safe_called"]

SAFES = {
    "memory": "klopf.fleet.trusted._safes.memory:Memory",
    "pkcs11": "klopf.fleet.trusted._safes.pkcs11:Pkcs11",
    "tpm": "klopf.fleet.trusted._safes.tpm:Tpm",
}


def safe_called(kind: str) -> type[Safe]:
    """The kind of safe of that name.

    Raises:
        FleetError: there is none.
        MissingExtra: it needs an extra that is not installed.
    """
    if kind not in SAFES:
        raise FleetError(f"{kind!r} is no place for a key: choose one of {', '.join(SAFES)}")
    module, _, name = SAFES[kind].partition(":")
    found: type[Safe] = getattr(importlib.import_module(module), name)
    return found
