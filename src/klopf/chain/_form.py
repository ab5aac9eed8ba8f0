"""What can be said of a transaction before it is run, whatever the state is."""

from __future__ import annotations

from klopf.chain._transaction import MAX_INITCODE, Transaction
from klopf.chain.state._block import Header
from klopf.errors import Rejected

__all__ = ["check_form"]

MAX_NONCE = 2**64 - 1


def check_form(transaction: Transaction, header: Header) -> None:
    """What can be said of a transaction whatever the state is."""
    t = transaction
    if t.nonce >= MAX_NONCE:
        raise Rejected(f"nonce {t.nonce} is the last there is (EIP-2681); send from another account")
    if t.gas > header.gas_limit:
        raise Rejected(f"exceeds block gas limit: {t.gas} of {header.gas_limit}; ask for less gas")
    if t.gas < t.intrinsic_gas():
        raise Rejected(f"intrinsic gas too low: {t.gas} of {t.intrinsic_gas()}; give more gas")
    if t.max_fee < header.base_fee:
        raise Rejected(f"max fee per gas {t.max_fee} is less than block base fee {header.base_fee}; raise it")
    if not t.to and len(t.data) > MAX_INITCODE:
        raise Rejected(f"max initcode size exceeded: {len(t.data)} of {MAX_INITCODE} bytes; make it smaller")
