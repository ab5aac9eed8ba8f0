"""The key sealed by a chip (TPM 2.0): only this chip gives it back, to whoever has the passphrase, and counts the wrong
ones. TPMs have no secp256k1, so it signs in the trusted process's memory. tpm2-pytss is known to this file alone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from klopf import files
from klopf.extras import require

require("tpm", "a key sealed by a TPM")

from tpm2_pytss import ESAPI, ESYS_TR, TPM2_ALG, TPM2_RC, TPM2_SE, TPMA_OBJECT, TPMA_SESSION, TSS2_Exception
from tpm2_pytss.types import (
    TPM2B_PRIVATE,
    TPM2B_PUBLIC,
    TPM2B_SENSITIVE_CREATE,
    TPM2B_SENSITIVE_DATA,
    TPMS_SENSITIVE_CREATE,
)

from klopf.errors import FleetError
from klopf.fleet.trusted._safes.held import Held

__all__ = ["Tpm"]

_USUAL = "device:/dev/tpmrm0"
_REACHED = ("device:", "swtpm:", "mssim:", "tabrmd:")


class Tpm(Held):
    kind = "tpm"

    @classmethod
    def create(cls, folder: Path, secret: str, settings: Mapping[str, Any]) -> Self:
        """``settings``: ``tcti``, how the chip is reached (by default ``device:/dev/tpmrm0``)."""
        cls.locks(secret)
        raw = secrets.token_bytes(32)
        made = cls.of(raw)
        sealed = TPM2B_PUBLIC.parse(
            alg="keyedhash",
            objectAttributes=TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT,
        )  # without NODA: wrong passphrases count, and after a few the chip answers no more for a while
        inside = TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(userAuth=secret.encode(), data=TPM2B_SENSITIVE_DATA(raw)))
        with _chip(settings) as (chip, parent, session):
            private, public, *_ = chip.create(parent, inside, sealed, session1=ESYS_TR.PASSWORD, session2=session)
        blobs = {"private": private.marshal().hex(), "public": public.marshal().hex()}
        files.create(folder / "sealed.json", json.dumps(blobs), private=True)
        return made

    @classmethod
    def open(cls, folder: Path, secret: str, settings: Mapping[str, Any]) -> Self:
        try:
            blobs = json.loads((folder / "sealed.json").read_text())
            private, _ = TPM2B_PRIVATE.unmarshal(bytes.fromhex(blobs["private"]))
            public, _ = TPM2B_PUBLIC.unmarshal(bytes.fromhex(blobs["public"]))
        except (OSError, ValueError, KeyError, TypeError, TSS2_Exception):
            raise FleetError(f"{folder}/sealed.json cannot be read: put its backup back") from None
        with _chip(settings) as (chip, parent, session):
            held = chip.load(parent, private, public, session1=ESYS_TR.PASSWORD)
            try:
                chip.tr_set_auth(held, secret.encode())
                raw = bytes(chip.unseal(held, session1=ESYS_TR.PASSWORD, session2=session))
            finally:
                chip.flush_context(held)
        return cls.of(raw)


@contextmanager
def _chip(settings: Mapping[str, Any]) -> Iterator[tuple[ESAPI, ESYS_TR, ESYS_TR]]:
    """The chip, its storage key (the same each time), and a session that encrypts what passes between it and here."""
    tcti = str(settings.get("tcti", _USUAL))
    if not tcti.startswith(_REACHED):  # others name a command to run or a library to load, which is given the key
        raise FleetError(f"a TPM is reached by {', '.join(_REACHED)} and what follows, not by {tcti!r}")
    try:
        with ESAPI(str(tcti)) as chip:
            parent, *_ = chip.create_primary(TPM2B_SENSITIVE_CREATE(), "ecc")
            session = chip.start_auth_session(parent, ESYS_TR.NONE, TPM2_SE.HMAC, "aes128cfb", TPM2_ALG.SHA256)
            how = TPMA_SESSION.ENCRYPT | TPMA_SESSION.DECRYPT | TPMA_SESSION.CONTINUESESSION
            chip.trsess_set_attributes(session, how)
            try:
                yield chip, parent, session
            finally:
                chip.flush_context(session)
                chip.flush_context(parent)
    except TSS2_Exception as error:
        raise FleetError(_line(error, str(tcti))) from None


def _line(error: TSS2_Exception, tcti: str) -> str:
    code = error.rc & 0xBF if error.rc & 0x80 else error.rc
    if code == TPM2_RC.AUTH_FAIL & 0xBF:
        return "wrong passphrase for the key that the TPM has sealed; after a few more it answers no more for a while"
    if error.rc == TPM2_RC.LOCKOUT:
        return "the TPM is locked after too many wrong passphrases: wait, or clear its lockout"
    if code == TPM2_RC.INTEGRITY & 0xBF:
        return "this key was sealed by another TPM: only that one gives it back"
    return f"the TPM at {tcti} refused or is not there: {' '.join(str(error).split())}"
