"""Vouchers: all that a requester has ever owed a neuron, under the requester's signature.

The digest is EIP-712 and binds chain and contract, so a voucher is worth nothing anywhere else. Of two vouchers the
higher one replaces the lower: whoever answers keeps one a requester.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.errors import LedgerError
from klopf.ledger import keys
from klopf.ledger._receipts import Domain

__all__ = ["VOUCHERS", "SignedVoucher", "Voucher"]

VOUCHERS = "Klopf Vouchers"
"""Name of their EIP-712 domain."""

_VOUCHER = keccak(b"Voucher(uint32 requester,uint32 neuron,uint128 total)")


@dataclass(frozen=True)
class Voucher:
    """``requester`` owes ``neuron`` ``total`` (1e-18 KLP) for all answers since the first, those paid for included."""

    requester: int
    neuron: int
    total: int

    def __post_init__(self) -> None:
        for name, most in (("requester", 2**32), ("neuron", 2**32), ("total", 2**128)):
            if not 0 <= getattr(self, name) < most:
                raise LedgerError(f"a voucher's {name} must be from 0 to {most - 1}, not {getattr(self, name)}")

    def digest(self, domain: Domain) -> bytes:
        """What the requester signs."""
        encoded = encode(("uint32", "uint32", "uint128"), self.as_tuple())
        return domain.digest(bytes(keccak(_VOUCHER + encoded)))

    def as_tuple(self) -> tuple[int, int, int]:
        """In the order of the contract's struct."""
        return self.requester, self.neuron, self.total


@dataclass(frozen=True)
class SignedVoucher:
    """A voucher and its requester's signature."""

    voucher: Voucher
    signature: bytes

    def check(self, domain: Domain, key: str) -> None:
        """LedgerError unless ``key`` (an address) has signed it for this chain and this contract."""
        if keys.recover(self.voucher.digest(domain), self.signature) != key:
            raise LedgerError(
                f"the voucher is not signed by its requester's key {key} for {domain.contract} on chain "
                f"{domain.chain_id}; sign it with that key"
            )

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return self.voucher.as_tuple(), self.signature

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready values: the total as text (it outgrows a double)."""
        v = self.voucher
        return {
            "requester": v.requester,
            "neuron": v.neuron,
            "total": str(v.total),
            "signature": self.signature.hex(),
        }

    @classmethod
    def from_json(cls, record: Any) -> SignedVoucher:
        """Back from :meth:`to_json`. LedgerError where something is missing or malformed."""
        try:
            numbers = {name: int(record[name]) for name in ("requester", "neuron", "total")}
            made = cls(Voucher(**numbers), bytes.fromhex(record["signature"]))
            if made.to_json() != record:
                raise ValueError("not as it was written")
        except (KeyError, TypeError, ValueError) as error:
            raise LedgerError(f"this is no voucher ({error}); send one as the ledger writes it") from None
        return made
