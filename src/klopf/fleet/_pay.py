"""From shares to money: an escrow is opened first, reported on once, and paid out when nobody has objected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from klopf.errors import FleetError
from klopf.ledger import Key, Ledger
from klopf.ledger.market.jobs import Opened

__all__ = [
    "amounts", "by_member", "effort_receipt", "job_of", "objections", "pay_out", "report_effort", "report_job",
    "report_left", "too_late",
]  # fmt: skip


def amounts(shares: Mapping[str, float], payees: Mapping[str, str], price: int) -> dict[str, int]:
    """What each address is due, rounded down to the unit; what nobody is due returns to the payer.

    Raises:
        FleetError: somebody has a share and no address.

    >>> amounts({"a": 0.75, "b": 0.25, "c": 0.0}, {"a": "0xA", "b": "0xB"}, 10)
    {'0xA': 7, '0xB': 2}
    """
    found: dict[str, int] = defaultdict(int)
    whole = {name: int(share * 2**60) for name, share in shares.items() if share > 0}  # floats may be a little over 1
    total = max(2**60, sum(whole.values()))
    for name, part in whole.items():
        if name not in payees:
            raise FleetError(f"{name} is due a share of the pay and nobody knows its address: add its card")
        found[payees[name]] += price * part // total
    return {address: amount for address, amount in found.items() if amount}


def by_member(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares of members alone: of a node's devices, the node's, which it shares by its own published rule.

    >>> by_member({"a": 0.5, "n/b": 0.25, "n/c": 0.25})
    {'a': 0.5, 'n': 0.5}
    """
    found: dict[str, float] = defaultdict(float)
    for name, share in shares.items():
        found[name.partition("/")[0]] += share
    return dict(found)


def job_of(payer: Ledger, verifier: str, terms: bytes) -> int:
    """The newest job that this payer opened with this verifier and these terms; 0 where there is none. Whoever saw
    terms on the ledger can open a job with them, too."""
    mine, found = payer.me.address.lower(), 0
    for event in payer.jobs._said((Opened,), payer.deployment.block, payer.rpc.height()):
        who = event.payer.lower(), event.verifier.lower(), bytes(event.terms)
        found = event.id if who == (mine, verifier.lower(), terms) else found
    return found


def too_late(verifier: Ledger, job: int) -> bool:
    """Whether nobody reported on it in time; its price then goes back to its payer, by this call if by none before."""
    if verifier.clock.now().time <= int(verifier.jobs._read("jobs", job)[4]):
        return False
    if _open(verifier, job):
        verifier.jobs.give_back(job)
        return True
    return int(verifier.jobs._read("jobs", job)[12]) == 0  # no report counts, and it is over


def report_left(ledger: Ledger, job: int) -> float:
    """For how many seconds more it may be reported on; endless where that was done."""
    if not _open(ledger, job):
        return float("inf")
    return float(max(0, int(ledger.jobs._read("jobs", job)[4]) - ledger.clock.now().time))


def report_job(verifier: Ledger, job: int, due: Mapping[str, int]) -> bool:
    """Say who is due what, once: False where it was said before, by whatever run of this server."""
    if not _open(verifier, job):
        return False
    verifier.jobs.report(job, due)
    return True


def _open(ledger: Ledger, job: int) -> bool:
    return int(ledger.jobs._read("jobs", job)[7]) == 1  # the contract's State.Open


def objections(ledger: Ledger, job: int) -> int:
    """For how many seconds more somebody may object to what was reported."""
    return max(0, int(ledger.jobs._read("jobs", job)[5]) - ledger.clock.now().time)


def pay_out(ledger: Ledger, job: int, payees: list[str]) -> dict[str, int]:
    """Pay what a final report says, and return the rest; what each was paid now. To be called again does nothing."""
    due = {address: ledger.jobs.due(job, address) for address in sorted(set(payees))}
    due = {address: amount for address, amount in due.items() if amount}
    if due:
        ledger.jobs.pay_all(job, list(due))
    _, _, _, left, *_, whole, _, _, _, split = ledger.jobs._read("jobs", job)
    if int(left) > int(whole) and not split:  # what is due to others, too, stays
        ledger.jobs.give_back(job)
    return due


def effort_receipt(
    cycle: int, serial: int, device: int, receiver: int, received: int, work: float, took: float
) -> tuple[int, ...]:
    """What both ends sign for a cycle: bytes that the receiver verified, seconds of work, and of those in which the
    device talked instead. Times are whole seconds, at least 1.

    >>> effort_receipt(1, 1, 7, 3, 10_000, 9.2, 12.0)
    (1, 1, 7, 3, 10000, 12, 2)
    """
    whole = max(1, round(took))
    return cycle, serial, device, receiver, received, whole, min(whole - 1, max(0, int(took - work)))


def report_effort(ledger: Ledger, receipt: tuple[int, ...], device: Key, receiver: Key) -> None:
    """Bring a receipt that device and receiver sign. Its price is burnt out of the receiver's stake."""
    digest = ledger.effort.digest(receipt)
    ledger.effort.report(receipt, device.sign(digest), receiver.sign(digest))
