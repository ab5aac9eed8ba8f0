"""A participant's own folder, and its place in the registry: made step by step, each of which may be done again.

`klopf run` makes everybody's, `klopf join` one's own. Whoever is stopped in between goes on where it stood: a key is on
the disk before anybody gives it money, and nothing is registered, staked or deposited twice.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from klopf import files, ledger, wire
from klopf.errors import KlopfError, LedgerError
from klopf.network._samples import Samples
from klopf.peers import CERTIFICATE_DAYS, ParticipantSettings

__all__ = ["enter", "furnish", "with_targets", "write_arrays"]


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Arrays by name, for their owner's eyes only."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    files.replace(path, buffer.getvalue(), private=True)


def with_targets(samples: Samples) -> dict[str, Any]:
    """As ``data.npz`` has them."""
    return {"inputs": samples.inputs, "targets": samples.targets}


def furnish(
    home: Path, settings: ParticipantSettings, data: dict[str, Any], passphrase: str, *, light: bool = False
) -> tuple[ledger.keys.Key, wire.Certificate]:
    """Make what ``home`` lacks: key, certificate, samples and, last, settings. ``light`` as :func:`ledger.keys.save`.

    Raises:
        LedgerError: there is a key under another passphrase.
    """
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    if (home / "key.json").exists():
        key = ledger.keys.load(home / "key.json", passphrase)
    else:
        key = ledger.keys.new()
        ledger.keys.save(key, home / "key.json", passphrase, light=light)
    try:
        certificate = wire.Certificate.load(home)
    except KlopfError:
        certificate = wire.Certificate.new(settings.name, *filter(None, (settings.host,)), days=CERTIFICATE_DAYS)
        certificate.save(home)
    write_arrays(home / "data.npz", data)
    settings.write(home)
    return key, certificate


def enter(
    own: ledger.Ledger, role: ledger.Role, certificate: wire.Certificate, *, model: str = "", stake: int = 0,
    deposit: int = 0,
) -> int:  # fmt: skip
    """Register the key of ``own``, and see to it that it has so much at stake and so much deposited for fees. Returns
    its id.

    Raises:
        LedgerError: it is registered for something else, or a contract refuses.
    """
    id = own.registry.id_of(own.me.address)
    if id and (found := own.registry.get(id).role) is not role:
        raise LedgerError(
            f"{own.me.address} is in the registry as {found.name.lower()}, not as {role.name.lower()}: join from "
            "another folder, with a key of its own"
        )
    id = id or own.registry.register(role, endpoint="", model=model, certificate=certificate.der)
    if stake > (has := own.stake.account(id).staked if stake else 0):
        own.stake.stake(id, stake - has)
    if deposit > (has := own.vouchers.free(id) if deposit else 0):
        own.vouchers.deposit(id, deposit - has)
    return id
