"""The key in a token (PKCS#11): made there, never out of it. python-pkcs11 is known to this file alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from klopf.extras import require

require("pkcs11", "a key in a token")

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    DomainParamsInvalid,
    MechanismInvalid,
    MechanismParamInvalid,
    NoSuchKey,
    NoSuchToken,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
)

from klopf.errors import FleetError
from klopf.fleet.trusted._place import only_roots
from klopf.fleet.trusted._safes.safe import Safe, account_of, as_contracts_expect

__all__ = ["Pkcs11"]

_LABEL = "klopf-device"
_TOKENS = Path("/var/lib/softhsm/tokens")
_SECP256K1 = bytes.fromhex("06052b8104000a")  # the curve's object identifier, 1.3.132.0.10, in DER


class Pkcs11(Safe):
    kind = "pkcs11"

    def __init__(self, session: Any, address: str) -> None:
        self._session, self.address = session, address
        self._key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=f"{_LABEL} {address}")

    @classmethod
    def create(cls, folder: Path, secret: str, settings: Mapping[str, Any]) -> Self:
        """``settings``: ``library``, the path of the token's PKCS#11 library, and ``token``, its label. ``secret``: the
        user's PIN."""
        session = _opened(secret, settings)
        with _told(settings):
            curve = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: _SECP256K1}, local=True)
            public, private = curve.generate_keypair(
                store=True,
                label=_LABEL,
                private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
            )
            address = account_of(bytes(public[Attribute.EC_POINT])[-64:])
            for half in (public, private):  # a token may hold the keys of several devices
                half[Attribute.LABEL] = f"{_LABEL} {address}"
        return cls(session, address)

    @classmethod
    def open(cls, folder: Path, secret: str, settings: Mapping[str, Any]) -> Self:
        session = _opened(secret, settings)
        with _told(settings):
            return cls(session, str(settings.get("address")))

    def sign(self, digest: bytes) -> bytes:
        with _told({}):
            return as_contracts_expect(bytes(self._key.sign(digest, mechanism=Mechanism.ECDSA)), digest, self.address)

    def close(self) -> None:
        self._session.close()


def _opened(secret: str, settings: Mapping[str, Any]) -> Any:
    library, token = settings.get("library"), settings.get("token")
    if not isinstance(library, str) or not isinstance(token, str):
        raise FleetError(
            "a token is named by its library and its label, such as library=/usr/lib/softhsm/libsofthsm2.so token=meter"
        )
    trusted = str(only_roots(Path(library), sticky=False))  # what is in it runs here, and is given the PIN
    if "softhsm" in Path(trusted).name:
        _closed(_tokens())
    with _told(settings):
        return pkcs11.lib(trusted).get_token(token_label=token).open(rw=True, user_pin=secret)


def _tokens() -> Path:
    """Where SoftHSM keeps its tokens, by the configuration that it would read."""
    own = Path("~/.config/softhsm2/softhsm2.conf").expanduser()
    usual = own if own.exists() else Path("/etc/softhsm/softhsm2.conf")
    try:
        lines = Path(os.environ.get("SOFTHSM2_CONF") or usual).read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return _TOKENS
    said = [line.partition("=")[2].strip() for line in lines if line.split("=")[0].strip() == "directories.tokendir"]
    return Path(said[-1]) if said else _TOKENS


def _closed(tokens: Path) -> None:
    """A token in software is files, locked with its PIN: whoever can read them tries PINs as fast as he likes.

    Raises:
        FleetError: everybody can.
    """
    for file in tokens.rglob("*"):
        if not file.is_symlink() and file.stat().st_mode & 0o007:
            raise FleetError(f"{file} is open to everybody, who can try PINs on a copy: chmod -R o-rwx {tokens}/*")


@contextmanager
def _told(settings: Mapping[str, Any]) -> Iterator[None]:
    """What the token says, in one line."""
    token = settings.get("token", "")
    try:
        yield
    except NoSuchToken:
        raise FleetError(f"there is no token {token!r}: initialise it, or name another by its label") from None
    except (PinIncorrect, PinInvalid, PinLenRange):
        raise FleetError(f"wrong PIN for the token {token!r}; most tokens lock after a few tries") from None
    except PinLocked:
        raise FleetError(f"the token {token!r} is locked after too many wrong PINs: its officer unlocks it") from None
    except (DomainParamsInvalid, MechanismInvalid, MechanismParamInvalid):
        raise FleetError(
            f"the token {token!r} makes no keys on secp256k1, which the ledger needs: use another"
        ) from None
    except NoSuchKey:
        raise FleetError(f"the token {token!r} has no key of {settings.get('address')}: put in the right one") from None
    except PKCS11Error as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise FleetError(f"the token or its library refused: {what}") from None
