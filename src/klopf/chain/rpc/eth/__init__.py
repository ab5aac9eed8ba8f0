"""The namespace ``eth``."""

from __future__ import annotations

from klopf.chain.rpc._method import Method
from klopf.chain.rpc.eth import _accounts, _blocks, _calls, _fees, _logs, _transactions

__all__ = ["METHODS"]

METHODS: dict[str, Method] = {
    **_accounts.METHODS,
    **_blocks.METHODS,
    **_calls.METHODS,
    **_fees.METHODS,
    **_logs.METHODS,
    **_transactions.METHODS,
}
