"""State overrides of a call: what if this account had that balance, nonce, code or storage?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eth_hash.auto import keccak

from klopf.errors import Rejected

from ._executor import Account, StateView

__all__ = ["Overridden"]

_KNOWN = {"balance", "nonce", "code", "state", "stateDiff"}


class Overridden:
    """A state with some of it replaced; nothing is written.

    ``overrides`` is as in geth: by address, ``balance``, ``nonce``, ``code``, and ``state`` (all slots; the others are
    zero then) or ``stateDiff`` (only these). ``data`` and ``quantity`` read its values.
    """

    def __init__(
        self,
        view: StateView,
        overrides: dict[str, Any],
        data: Callable[..., bytes],
        quantity: Callable[[Any], int],
    ) -> None:
        self._view = view
        self._accounts: dict[bytes, Account] = {}
        self._codes: dict[bytes, bytes] = {}
        self._slots: dict[tuple[bytes, int], int] = {}
        self._emptied: set[bytes] = set()
        for text, changes in overrides.items():
            address = data(text, 20)
            if unknown := set(changes) - _KNOWN:
                raise Rejected(
                    f"no such override: {sorted(unknown)[0]}; choose from {', '.join(sorted(_KNOWN))}", -32602
                )
            if "state" in changes and "stateDiff" in changes:
                raise Rejected("state and stateDiff exclude each other; give one of them for an account", -32602)
            account = view.account(address)
            if "balance" in changes:
                account = account._replace(balance=quantity(changes["balance"]))
            if "nonce" in changes:
                account = account._replace(nonce=quantity(changes["nonce"]))
            if "code" in changes:
                code = data(changes["code"])
                account = account._replace(code_hash=bytes(keccak(code)))
                self._codes[account.code_hash] = code
            self._accounts[address] = account
            if "state" in changes:
                self._emptied.add(address)
            for slot, value in (changes.get("state") or changes.get("stateDiff") or {}).items():
                self._slots[address, int.from_bytes(data(slot, 32), "big")] = int.from_bytes(data(value, 32), "big")

    def account(self, address: bytes) -> Account:
        found = self._accounts.get(address)
        return self._view.account(address) if found is None else found

    def code(self, code_hash: bytes) -> bytes:
        found = self._codes.get(code_hash)
        return self._view.code(code_hash) if found is None else found

    def storage(self, address: bytes, slot: int) -> int:
        found = self._slots.get((address, slot))
        if found is not None:
            return found
        return 0 if address in self._emptied else self._view.storage(address, slot)

    def block_hash(self, number: int) -> bytes:
        return self._view.block_hash(number)
