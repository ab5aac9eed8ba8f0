"""A transfer to an account without code: no program runs, so no machine is needed.

The same tests that hold the machines together hold this, since py-evm's executor asks here first.
"""

from __future__ import annotations

from klopf.chain._transaction import Transaction
from klopf.chain._values import EMPTY_CODE, Account, Difference, Environment, Outcome, StateView

__all__ = ["transfer"]

PRECOMPILES = frozenset(bytes(19) + bytes([number]) for number in range(1, 11))
NOTHING_STORED = 1 << 64  # gas that was left at the last store: there was none


def transfer(view: StateView, environment: Environment, transaction: Transaction) -> Outcome | None:
    """What becomes of ``transaction``, which is valid on ``view``; None where there is something to run."""
    t = transaction
    if not t.to or t.to in PRECOMPILES:
        return None
    before = {t.to: view.account(t.to)}
    if before[t.to].code_hash != EMPTY_CODE:
        return None
    gas = t.intrinsic_gas()
    price = t.gas_price(environment.base_fee)
    tip = gas * (price - environment.base_fee)
    for address in (t.sender, environment.coinbase) if tip else (t.sender,):
        if address not in before:
            before[address] = view.account(address)
    now = dict(before)
    sender = now[t.sender]
    now[t.sender] = Account(sender.nonce + 1, sender.balance - t.value - gas * price, sender.code_hash)
    receiver = now[t.to]
    now[t.to] = receiver._replace(balance=receiver.balance + t.value)
    if tip:
        coinbase = now[environment.coinbase]
        now[environment.coinbase] = coinbase._replace(balance=coinbase.balance + tip)
    changed = {address: account for address, account in now.items() if account != before[address]}
    return Outcome(
        status=True,
        gas_used=gas,
        logs=(),
        output=b"",
        created=None,
        difference=Difference(accounts=changed),
        least_gas=NOTHING_STORED,
        saw_block=False,
    )
