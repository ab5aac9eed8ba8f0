"""Any token by ERC-20, of which nothing but its address is known."""

from __future__ import annotations

from typing import Any

from klopf.errors import LedgerError, Reverted, Unanswered
from klopf.ledger._abi import FunctionABI
from klopf.ledger._client import Connection, Sent
from klopf.ledger.keys import checksum

__all__ = ["Coin"]

_MOST_DECIMALS, _MOST_LETTERS = 36, 12
_TYPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "symbol": ((), ("string",)),
    "decimals": ((), ("uint8",)),
    "balanceOf": (("address",), ("uint256",)),
    "allowance": (("address", "address"), ("uint256",)),
    "approve": (("address", "uint256"), ("bool",)),
}


class Coin:
    """The token at ``address``, seen with a connection's key."""

    def __init__(self, ledger: Connection, address: str) -> None:
        self._ledger = ledger
        self.address = checksum(address)

    def _read(self, name: str, *arguments: Any) -> Any:
        abi = FunctionABI(name, *_TYPES[name])
        try:
            return abi.answer(self._ledger.rpc.call(self.address, abi.call_data(arguments)))
        except (Reverted, Unanswered):
            raise LedgerError(f"{self.address} is no token by ERC-20; give the address of one") from None

    def symbol(self) -> str:
        """What it calls itself, of which nothing is believed: at most twelve letters that can be printed."""
        said = "".join(c for c in str(self._read("symbol")) if c.isprintable())[:_MOST_LETTERS]
        return said or self.address[:10]

    def decimals(self) -> int:
        """How many decimals an amount is shown with. LedgerError beyond 36."""
        found = int(self._read("decimals"))
        if found > _MOST_DECIMALS:
            raise LedgerError(f"the token {self.address} has {found} decimals; at most {_MOST_DECIMALS} can be shown")
        return found

    def balance(self, owner: str) -> int:
        """What an address has, in its smallest unit."""
        return int(self._read("balanceOf", owner))

    def ensure_allowance(self, spender: str, amount: int) -> Sent | None:
        """Let ``spender`` take ``amount``, and no more, where it may not take as much yet."""
        if int(self._read("allowance", self._ledger.me.address, spender)) >= amount:
            return None
        approve = FunctionABI("approve", *_TYPES["approve"])
        return self._ledger.send(self.address, approve.call_data((spender, amount)))
