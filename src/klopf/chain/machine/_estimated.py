"""What an estimate of gas already found out about the transaction that follows it.

Who sends a transaction mostly asks for an estimate first, and the machine would then run the same program twice on the
same state. The second run is left out only where nothing can come out differently: the state is the very one (the hash
of its block commits to it), the transaction is the same but for its gas, gas costs nothing, the program asked nothing
about its block, and no step of it could tell how much gas it had left. Replaying the chain runs everything again.
"""

from __future__ import annotations

from typing import NamedTuple

from klopf.chain._transaction import Transaction
from klopf.chain._values import Outcome

__all__ = ["EstimatedOutcome"]

SSTORE_NEEDS = 2300  # gas that must be left at each SSTORE (EIP-2200)


class EstimatedOutcome(NamedTuple):
    """``call`` on the state after the block of hash ``parent`` came to ``outcome``."""

    parent: bytes
    call: Transaction
    outcome: Outcome

    def holds(self, parent: bytes, transaction: Transaction, base_fee: int) -> bool:
        """Whether ``transaction``, valid on top of ``parent`` at ``base_fee`` wei per gas, has exactly that outcome."""
        call, t, outcome = self.call, transaction, self.outcome
        return (
            parent == self.parent
            and outcome.status
            and not outcome.saw_block
            and base_fee == 0 == t.max_fee == call.max_fee
            and t.to != b""
            and (t.sender, t.nonce, t.to, t.value, t.data) == (call.sender, call.nonce, call.to, call.value, call.data)
            and t.access_list == call.access_list
            and outcome.gas_used + outcome.refund <= t.gas <= call.gas
            and outcome.least_gas - (call.gas - t.gas) > SSTORE_NEEDS
        )
