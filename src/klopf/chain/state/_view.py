"""The state after one block, read from the file."""

from __future__ import annotations

from klopf.chain._values import EMPTY_CODE, Account
from klopf.chain.state._database import Database
from klopf.chain.state._recent import Recent
from klopf.errors import DamagedFile

__all__ = ["Codes", "View", "pack"]


def pack(value: int) -> bytes:
    """An unsigned integer without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


class Codes:
    """The contracts' code by its hash; those used last are kept in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._codes: dict[bytes, bytes] = {}

    def get(self, code_hash: bytes) -> bytes:
        """The code of that hash."""
        if code_hash == EMPTY_CODE:
            return b""
        code = self._codes.get(code_hash)
        if code is None:
            with self._database.errors():
                row = (
                    self._database.connection().execute("SELECT code FROM code WHERE hash = ?", (code_hash,)).fetchone()
                )
            if row is None:
                raise DamagedFile(f"{self._database.path} has lost the code {code_hash.hex()}; restore it from a copy")
            code = bytes(row[0])
            if len(self._codes) > 512:
                self._codes.clear()
            self._codes[code_hash] = code
        return code


class View:
    """The state after one block; a :class:`~klopf.chain._values.StateView`."""

    __slots__ = ("_codes", "_database", "_recent", "number")

    def __init__(self, database: Database, codes: Codes, number: int, recent: Recent | None) -> None:
        """``recent`` is this thread's, where ``number`` is the newest block."""
        self._database = database
        self._codes = codes
        self._recent = recent
        self.number = number

    def account(self, address: bytes) -> Account:
        """Nonce, balance in wei and code hash."""
        recent = self._recent
        if recent is None or recent.number != self.number:  # it has gone on since
            return self._account(address)
        found = recent.accounts.get(address)
        if found is None:
            found = recent.accounts[address] = self._account(address)
        return found

    def _account(self, address: bytes) -> Account:
        with self._database.errors():
            row = (
                self._database.connection()
                .execute(
                    "SELECT nonce, balance, code_hash FROM account WHERE address = ? AND block <= ? "
                    "ORDER BY block DESC LIMIT 1",
                    (address, self.number),
                )
                .fetchone()
            )
        if row is None:
            return Account()
        if row[0].__class__ is not int or row[1].__class__ is not bytes or row[2].__class__ is not bytes:
            raise self._damaged(address)
        return Account(row[0], int.from_bytes(row[1], "big"), row[2] or EMPTY_CODE)

    def code(self, code_hash: bytes) -> bytes:
        """The code of that hash."""
        return self._codes.get(code_hash)

    def storage(self, address: bytes, slot: int) -> int:
        """A slot's value."""
        recent = self._recent
        if recent is None or recent.number != self.number:
            return self._storage(address, slot)
        found = recent.slots.get((address, slot))
        if found is None:
            found = recent.slots[address, slot] = self._storage(address, slot)
        return found

    def _storage(self, address: bytes, slot: int) -> int:
        with self._database.errors():
            row = (
                self._database.connection()
                .execute(
                    "SELECT value FROM storage WHERE address = ? AND slot = ? AND block <= ? "
                    "ORDER BY block DESC LIMIT 1",
                    (address, pack(slot), self.number),
                )
                .fetchone()
            )
        if row is None:
            return 0
        if row[0].__class__ is not bytes:
            raise self._damaged(address)
        return int.from_bytes(row[0], "big")

    def block_hash(self, number: int) -> bytes:
        """Hash of a past block."""
        with self._database.errors():
            row = self._database.connection().execute("SELECT hash FROM block WHERE number = ?", (number,)).fetchone()
        return bytes(32) if row is None else bytes(row[0])

    def _damaged(self, address: bytes) -> DamagedFile:
        path = self._database.path
        return DamagedFile(f"{path} is damaged: 0x{address.hex()} cannot be read; restore it from a copy")
