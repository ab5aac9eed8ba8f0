"""Keys: who signs for a participant. A key signs digests with secp256k1, so its address is an account on the chain.

A key is born from 24 words (BIP-39, derived along BIP-44's ``m/44'/60'/0'/0/index``), so any Ethereum wallet restores
it from them. On disk it is a version 3 keystore file that any wallet reads, with the words' entropy encrypted
beside it. The secret is never shown by ``repr`` and never logged.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import coincurve
from eth_hash.auto import keccak

from klopf import files
from klopf.errors import LedgerError
from klopf.nested import limited

__all__ = ["Key", "checksum", "load", "new", "read_address", "recover", "restore", "save"]

_FULL, _LIGHT = 2**18, 2**12  # scrypt's n: 256 MiB of memory, or 4 MiB for a small device


def checksum(address: bytes | str) -> str:
    """An address in mixed case (EIP-55). One that is in mixed case already must have the right one: it was mistyped.

    >>> checksum("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
    """
    given = address.hex() if isinstance(address, bytes) else address.removeprefix("0x")
    text = given.lower()
    if len(text) != 40 or any(c not in "0123456789abcdef" for c in text):
        raise LedgerError(f"{address!r} is no address; give 0x and 40 hexadecimal digits")
    digest = keccak(text.encode()).hex()
    mixed = "".join(c.upper() if int(h, 16) >= 8 else c for c, h in zip(text, digest, strict=False))
    if given not in (mixed, text, text.upper()):
        raise LedgerError(f"{address!r} has a wrong letter (its capitals do not fit, EIP-55); copy the address again")
    return "0x" + mixed


class Key:
    """A secp256k1 key. ``address`` is its account; ``sign`` signs a 32-byte digest."""

    __slots__ = ("_entropy", "_index", "_private", "address")

    def __init__(self, secret: bytes, *, entropy: bytes | None = None, index: int = 0) -> None:
        try:
            if len(secret) != 32:  # coincurve would pad a short one, and draw one for an empty one
                raise ValueError
            self._private = coincurve.PrivateKey(secret)
        except ValueError:
            raise LedgerError("this is no secret key; give 32 bytes from a keystore file or its words") from None
        self._entropy = entropy
        self._index = index
        self.address: str = checksum(bytes(keccak(self._private.public_key.format(compressed=False)[1:])[12:]))

    def sign(self, digest: bytes) -> bytes:
        """Signature of a 32-byte ``digest``: r (32), s (32), v (27 or 28), as contracts and wallets expect."""
        signature = self._private.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    def words(self) -> str:
        """The 24 words that restore this key (with its index). LedgerError where it was not born from words."""
        if self._entropy is None:
            raise LedgerError("this key was not made from words; keep its keystore file as the backup")
        return str(_mnemonic().to_mnemonic(self._entropy))

    @property
    def index(self) -> int:
        """Which of the keys of its words this is."""
        return self._index

    def __repr__(self) -> str:
        return f"Key({self.address})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)

    def __reduce__(self) -> Any:
        raise TypeError("a key is not pickled; save it with klopf.ledger.keys.save")


def new() -> Key:
    """A fresh key with 24 fresh words behind it."""
    return _derive(secrets.token_bytes(32), 0)


def restore(words: str, index: int = 0) -> Key:
    """The key number ``index`` of ``words``. LedgerError where the words are mistyped."""
    text = " ".join(words.split()).lower()
    mnemonic = _mnemonic()
    if not mnemonic.is_mnemonic_valid(text):
        raise LedgerError("these words restore no key; check their spelling and order (12 to 24 English words)")
    return _derive(_entropy_of(text, mnemonic.wordlist), index)


def save(key: Key, path: str | os.PathLike[str], passphrase: str, light: bool = False) -> None:
    """Write ``key`` to a keystore file that only its owner can read; never overwrites one.

    ``light`` uses a scrypt that a small device can afford (4 MiB, not 256); then choose a long passphrase.
    """
    from eth_keyfile.keyfile import create_keyfile_json

    limited()

    cost, word = _LIGHT if light else _FULL, passphrase.encode()
    record: dict[str, Any] = dict(
        create_keyfile_json(key._private.secret, word, version=3, kdf="scrypt", iterations=cost)
    )
    if key._entropy is not None:
        # a keystore seals 32 bytes; twelve words have only 16
        sealed = create_keyfile_json(key._entropy.ljust(32, b"\0"), word, version=3, kdf="scrypt", iterations=cost)
        record["klopf"] = {"index": key.index, "length": len(key._entropy), "entropy": dict(sealed)["crypto"]}
    try:
        files.create(path, json.dumps(record), private=True)
    except FileExistsError:
        raise LedgerError(f"{path} exists already; choose another name, a key is never overwritten") from None
    except OSError as error:
        raise LedgerError(
            f"cannot write {path}: {error.strerror}; choose a folder that can be written and has room"
        ) from None


def load(path: str | os.PathLike[str], passphrase: str) -> Key:
    """Read a keystore file (of Klopf or of any wallet)."""
    from eth_keyfile.keyfile import decode_keyfile_json

    limited()

    record = _read(path)
    extra = record.pop("klopf", None)
    try:
        secret = bytes(decode_keyfile_json(record, passphrase.encode()))
        entropy, index = None, 0
        if extra is not None:
            index = int(extra["index"])
            sealed = bytes(decode_keyfile_json({"crypto": extra["entropy"], "version": 3}, passphrase.encode()))
            entropy = sealed[: int(extra["length"])]
    except ValueError as error:
        if "MAC" in str(error):
            raise LedgerError(f"wrong passphrase for {path}; try again, or restore the key from its words") from None
        raise LedgerError(f"{path} is damaged; restore the key from its words") from None
    except (KeyError, TypeError, NotImplementedError):
        raise LedgerError(f"{path} is damaged; restore the key from its words") from None
    key = Key(secret, entropy=entropy, index=index)
    if entropy is not None and _derive(entropy, index) != key:
        raise LedgerError(f"{path} is damaged: its words belong to another key; restore the key from its words")
    return key


def read_address(path: str | os.PathLike[str]) -> str:
    """The address in a keystore file, without its passphrase."""
    address = _read(path).get("address")
    if not isinstance(address, str):
        raise LedgerError(f"{path} names no address; is it a keystore file?")
    return checksum(address)


def recover(digest: bytes, signature: bytes) -> str:
    """Whose signature (65 bytes, low s) of ``digest`` this is. LedgerError where it is nobody's."""
    if len(signature) != 65 or signature[64] not in (27, 28) or signature[32:64] > _HALF:
        raise LedgerError("a signature has 65 bytes: r, a low s, and 27 or 28; this one was altered or made wrongly")
    try:
        public = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except Exception:  # coincurve raises bare Exceptions
        raise LedgerError("this signature is nobody's; it was altered or made wrongly") from None
    return checksum(bytes(keccak(public.format(compressed=False)[1:])[12:]))


_HALF = (0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2).to_bytes(32, "big")


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        record = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise LedgerError(f"there is no key file {path}; make one with `klopf keys new`") from None
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}; check its permissions") from None
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise LedgerError(f"{path} is no keystore file; name one made by `klopf keys new`")
    return record


def _mnemonic() -> Any:
    from eth_account.hdaccount.mnemonic import Mnemonic
    from eth_account.types import Language

    limited()

    return Mnemonic(Language.ENGLISH)


def _entropy_of(words: str, wordlist: tuple[str, ...]) -> bytes:
    """The entropy behind ``words``: 11 bits a word, without the checksum (1 bit of every 33)."""
    number = 0
    for word in words.split(" "):
        number = number * 2048 + wordlist.index(word)
    bits = 11 * (words.count(" ") + 1)
    return (number >> bits // 33).to_bytes(bits * 32 // 33 // 8, "big")


def _derive(entropy: bytes, index: int) -> Key:
    from eth_account.hdaccount import key_from_seed
    from eth_account.hdaccount.mnemonic import Mnemonic

    limited()

    seed = Mnemonic.to_seed(_mnemonic().to_mnemonic(entropy))
    return Key(bytes(key_from_seed(seed, f"m/44'/60'/0'/0/{index}")), entropy=entropy, index=index)
