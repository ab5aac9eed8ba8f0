"""Before a device trains: whether the pay that a demand claims is locked."""

from __future__ import annotations

from klopf import wire
from klopf.errors import KlopfError
from klopf.fleet._device import Instructions
from klopf.ledger import Ledger

__all__ = ["PaidOnly"]

_VERIFIER, _PRICE, _UNTIL, _DISPUTE, _STATE = 1, 2, 4, 6, 7
_OPEN = 1
"""Fields and a state of the contract ``Jobs``."""


class PaidOnly:
    """Says why instructions are declined, "" where they are not: give it as ``allowed`` to :meth:`Post.open`.

    The job that the instructions name must be open on the ledger, with whoever asks as its verifier, and time left.

    Args:
        price: the least that must be locked. dispute: seconds for which it must be possible to object. left: seconds
            that must be left until the report is due. longest: seconds after which it must be due, for until then
            nobody can object. payee: must be noted in the job, so that it can object where
            no report comes; empty: that is not asked.
    """

    def __init__(
        self, ledger: Ledger, *, price: int = 1, dispute: int = 3600, left: int = 600,
        longest: int = 90 * 86_400, payee: str = "",
    ) -> None:  # fmt: skip
        self._ledger, self._price, self._dispute, self._left = ledger, price, dispute, left
        self._longest, self._payee = longest, payee
        self.jobs: set[int] = set()
        """For which it said that a device may work."""

    def __call__(self, peer: wire.Peer, wanted: Instructions) -> str:
        if not wanted.escrow:
            return "this device trains for pay: name the job in whose escrow it is locked"
        try:
            job = self._ledger.jobs._read("jobs", wanted.escrow)
            now = self._ledger.clock.now().time
            noted = not self._payee or bool(self._ledger.jobs.due(wanted.escrow, self._payee))
        except KlopfError as error:
            return f"the ledger cannot be asked for job {wanted.escrow} ({str(error)[:80]})"
        if int(job[_STATE]) != _OPEN:
            return f"job {wanted.escrow} is not open on the ledger: nothing is locked for this work"
        if str(job[_VERIFIER]).lower() != peer.key.lower():
            return f"job {wanted.escrow} is reported on by {job[_VERIFIER]}, not by you"
        if int(job[_PRICE]) < self._price:
            return f"job {wanted.escrow} locks {job[_PRICE]} units, and {self._price} are the least here"
        if int(job[_DISPUTE]) < self._dispute:
            return f"job {wanted.escrow} gives {job[_DISPUTE]} s to object, and {self._dispute} are the least here"
        if int(job[_UNTIL]) < now + self._left:
            return (
                f"job {wanted.escrow} must be reported on within {max(0, int(job[_UNTIL]) - now)} s: too late to begin"
            )
        if int(job[_UNTIL]) > now + self._longest:
            days = self._longest / 86_400
            return f"job {wanted.escrow} need not be reported on within {days:g} days: pay would be waited for too long"
        if not noted:
            return f"job {wanted.escrow} notes nothing for {self._payee}: it could not object where no report comes"
        self.jobs.add(wanted.escrow)
        return ""
