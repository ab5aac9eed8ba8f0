"""A message of py-evm's, made in a fifth of the time."""

# mypy: disable-error-code="arg-type,attr-defined,assignment"
from __future__ import annotations

from typing import Any

from eth.vm.message import Message

__all__ = ["UncheckedMessage"]


class UncheckedMessage(Message):
    """py-evm's, without its checks of what we have checked."""

    def __init__(
        self,
        gas: int,
        to: bytes,
        sender: bytes,
        value: int,
        data: Any,
        code: bytes,
        depth: int = 0,
        create_address: bytes | None = None,
        code_address: bytes | None = None,
        should_transfer_value: bool = True,
        is_static: bool = False,
        is_delegation: bool = False,
    ) -> None:
        self.gas, self.to, self.sender, self.value = gas, to, sender, value
        self.data, self.code, self.depth = data, code, depth
        self._storage_address, self._code_address = create_address, code_address
        self.should_transfer_value, self.is_static = should_transfer_value, is_static
        self._is_delegation, self.refund = is_delegation, 0
