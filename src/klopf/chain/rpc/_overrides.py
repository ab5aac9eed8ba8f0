"""State overrides of a call: what if this account had that balance, nonce, code or storage?"""

from __future__ import annotations

from typing import Any, NamedTuple

from klopf.chain._keccak import keccak
from klopf.chain._values import Account, StateView
from klopf.chain.rpc._fields import INVALID_PARAMS, address, data, dictionary, hash32, quantity
from klopf.errors import Rejected

__all__ = ["Overridden", "Override", "overrides"]

_KNOWN = {"balance", "nonce", "code", "state", "stateDiff"}


class Override(NamedTuple):
    """What is replaced of one account; None: as it is. ``emptied``: slots that are not named are zero."""

    balance: int | None
    nonce: int | None
    code: bytes | None
    slots: dict[int, int]
    emptied: bool


def overrides(value: Any) -> dict[bytes, Override]:
    """As in geth: by address, ``balance``, ``nonce``, ``code``, and ``state`` (all slots) or ``stateDiff`` (these)."""
    out = {}
    for text, given in dictionary(value).items():
        changes = dictionary(given)
        if unknown := set(changes) - _KNOWN:
            raise Rejected(
                f"no such override: {sorted(unknown)[0]}; choose from {', '.join(sorted(_KNOWN))}", INVALID_PARAMS
            )
        if "state" in changes and "stateDiff" in changes:
            raise Rejected("state and stateDiff exclude each other; give one of them for an account", INVALID_PARAMS)
        slots = dictionary(changes.get("state") or changes.get("stateDiff") or {})
        out[address(text)] = Override(
            balance=quantity(changes["balance"]) if "balance" in changes else None,
            nonce=quantity(changes["nonce"]) if "nonce" in changes else None,
            code=data(changes["code"]) if "code" in changes else None,
            slots={int.from_bytes(hash32(s), "big"): int.from_bytes(hash32(v), "big") for s, v in slots.items()},
            emptied="state" in changes,
        )
    return out


class Overridden:
    """A state with some of it replaced; nothing is written."""

    def __init__(self, view: StateView, replaced: dict[bytes, Override]) -> None:
        self._view = view
        self._replaced = replaced
        self._accounts: dict[bytes, Account] = {}
        self._codes: dict[bytes, bytes] = {}
        for who, change in replaced.items():
            account = view.account(who)
            if change.balance is not None:
                account = account._replace(balance=change.balance)
            if change.nonce is not None:
                account = account._replace(nonce=change.nonce)
            if change.code is not None:
                account = account._replace(code_hash=bytes(keccak(change.code)))
                self._codes[account.code_hash] = change.code
            self._accounts[who] = account

    def account(self, address: bytes) -> Account:
        found = self._accounts.get(address)
        return self._view.account(address) if found is None else found

    def code(self, code_hash: bytes) -> bytes:
        found = self._codes.get(code_hash)
        return self._view.code(code_hash) if found is None else found

    def storage(self, address: bytes, slot: int) -> int:
        change = self._replaced.get(address)
        if change is not None:
            if slot in change.slots:
                return change.slots[slot]
            if change.emptied:
                return 0
        return self._view.storage(address, slot)

    def block_hash(self, number: int) -> bytes:
        return self._view.block_hash(number)
