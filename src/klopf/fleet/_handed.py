"""A node's pay, handed on by its leader to the devices whose it is, each once, whoever is killed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping

from eth_hash.auto import keccak

from klopf.errors import FleetError
from klopf.fleet._divided import Divided
from klopf.ledger import Ledger
from klopf.ledger.market.jobs import WorkerPaid

__all__ = ["hand_on", "still_due"]


def hand_on(leader: Ledger, divided: Divided, payees: Mapping[str, str], job: str, escrow: int) -> dict[str, int]:
    """Pay each device its part of what the leader was paid for a job; what each address was paid now, in units.

    Each is an authorization of the token (ERC-3009) whose number is the job's and the device's, and the ledger takes a
    number once: so to be called again, by however many and with whatever addresses, pays no device twice. payees: an
    address for each device; whose is not there is paid when it is.

    Raises:
        FleetError: the leader was not paid yet, or does not have what it was paid any more; then nobody is paid.
    """
    own, told = leader.me.address, dict[str, int]()
    due = still_due(leader, divided, job, escrow)
    those = {name: amount for name, amount in due.items() if payees.get(name, own).lower() != own.lower()}
    whole, has = sum(those.values()), leader.token.balance(own)
    if whole > has:
        raise FleetError(
            f"job {escrow}: {whole} units are to be handed on and {own} has {has}: send it what is missing, then again"
        )
    for name, amount in those.items():
        payee, number = payees[name], _number(name, escrow)
        signature = leader.me.sign(leader.token.authorization(payee, amount, number))
        leader.token.transfer_authorized(own, payee, amount, number, signature)
        told[payee] = told.get(payee, 0) + amount
    return told


def still_due(leader: Ledger, divided: Divided, job: str, escrow: int) -> dict[str, int]:
    """Of what the leader was paid for a job, what each device was not given yet, in units; those due nothing are left
    out. Raises FleetError where the leader was not paid yet."""
    own, paid = leader.me.address, 0
    for event in leader.jobs._said((WorkerPaid,), leader.deployment.block, leader.rpc.height()):
        paid += event.amount if (event.id, event.worker.lower()) == (escrow, own.lower()) else 0
    if not paid:
        raise FleetError(
            f"job {escrow} has paid nothing to {own} yet: the demand's server pays when nobody objected, "
            "and to another address where the leader named one (--payee)"
        )
    due = divided.due(job, escrow, paid)
    return {
        name: amount
        for name, amount in due.items()
        if amount and not leader.token.authorization_used(own, _number(name, escrow))
    }


def _number(name: str, escrow: int) -> bytes:
    """Of the one authorization that pays a device its part of a job."""
    return bytes(keccak(f"klopf node's pay {escrow} {name}".encode()))
