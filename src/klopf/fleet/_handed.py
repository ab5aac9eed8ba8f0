"""A node's pay, handed on by its leader to the devices whose it is, each once, whoever is killed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping

from eth_hash.auto import keccak

from klopf.errors import FleetError
from klopf.fleet._divided import Divided
from klopf.fleet._pay import amounts
from klopf.ledger import Ledger
from klopf.ledger.market.jobs import WorkerPaid

__all__ = ["hand_on"]


def hand_on(leader: Ledger, divided: Divided, payees: Mapping[str, str], job: str, escrow: int) -> dict[str, int]:
    """Pay each device its part of what the leader was paid for a job; what each address was paid now, in units.

    Each is an authorization of the token (ERC-3009) whose number is the job's and the device's, and the ledger takes a
    number once: so to be called again, by however many, pays nobody twice. payees: an address for each device.

    Raises:
        FleetError: the leader was not paid yet, or a device has no address.
    """
    own, paid = leader.me.address, 0
    for event in leader.jobs._said((WorkerPaid,), leader.deployment.block, leader.rpc.height()):
        paid += event.amount if (event.id, event.worker.lower()) == (escrow, own.lower()) else 0
    if not paid:
        raise FleetError(f"job {escrow} has paid nothing to {own} yet: the demand's server pays when nobody objected")
    told = {}
    for payee, amount in sorted(amounts(divided.parts(job, escrow), payees, paid).items()):
        number = bytes(keccak(f"klopf node's pay {escrow} {payee.lower()}".encode()))
        if leader.token.authorization_used(own, number) or payee.lower() == own.lower():
            continue
        signature = leader.me.sign(leader.token.authorization(payee, amount, number))
        leader.token.transfer_authorized(own, payee, amount, number, signature)
        told[payee] = amount
    return told
