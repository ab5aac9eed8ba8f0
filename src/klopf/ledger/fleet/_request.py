"""A call that one key signs and another one's transaction carries, so that a device needs no coin (ERC-2771)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf import files
from klopf.errors import LedgerError
from klopf.ledger.keys import checksum

__all__ = ["FORWARDED", "ForwardRequest"]

FORWARDED = ("Devices", "Effort")
"""The contracts that believe the forwarder."""

_KIND = keccak(
    b"ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,uint48 deadline,bytes data)"
)


@dataclass(frozen=True)
class ForwardRequest:
    """``sender`` asks that ``to`` be called with ``data`` in its name, until ``deadline`` (seconds since 1970)."""

    sender: str
    to: str
    gas: int
    nonce: int
    deadline: int
    data: bytes
    signature: bytes
    """65 bytes, EIP-712; empty until it is signed."""

    @property
    def struct_hash(self) -> bytes:
        """What the domain is put around and signed."""
        types = ("bytes32", "address", "address", "uint256", "uint256", "uint256", "uint48", "bytes32")
        values = (_KIND, self.sender, self.to, 0, self.gas, self.nonce, self.deadline, keccak(self.data))
        return bytes(keccak(encode(types, values)))

    def signed(self, signature: bytes) -> ForwardRequest:
        """The same with its signature."""
        return replace(self, signature=signature)

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct; the nonce is in the signature."""
        return (self.sender, self.to, 0, self.gas, self.deadline, self.data, self.signature)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, for whoever carries it."""
        record = {**vars(self), "data": self.data.hex(), "signature": self.signature.hex()}
        try:
            files.replace(path, json.dumps(record, indent=1) + "\n")
        except OSError as error:
            raise LedgerError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ForwardRequest:
        """Back from :meth:`save`."""
        try:
            record = json.loads(Path(path).read_text())
            record["data"], record["signature"] = bytes.fromhex(record["data"]), bytes.fromhex(record["signature"])
            record["sender"], record["to"] = checksum(record["sender"]), checksum(record["to"])
            return cls(**record)
        except OSError as error:
            raise LedgerError(f"cannot read {path}: {error.strerror}; name the file of a signed request") from None
        except (KeyError, TypeError, ValueError, LedgerError):
            raise LedgerError(f"{path} is no signed request; have it signed again") from None
