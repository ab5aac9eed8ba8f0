"""One transaction for many members: collect and conclude an epoch that is over."""

from __future__ import annotations

from collections.abc import Sequence

from klopf.ledger._client import Sent
from klopf.ledger._pack import Contract
from klopf.ledger.audit.audits import Audits
from klopf.ledger.core.rules import Rules

__all__ = ["Batch"]

_BATCH = 120  # findings that are concluded in one transaction: 40 members where each has three auditors


class Batch(Contract):
    """Calls others for many members at once; keeps nothing and says nothing."""

    name = "Batch"

    def settle(self, epoch: int, ids: Sequence[int]) -> Sent:
        """Collect and conclude an epoch that is over for ``ids``, and punish whom it is due to be punished for it: one
        transaction for each 40 of them, or fewer where a neuron has more than three auditors, so that none outgrows a
        block; the last one is returned."""
        seats = max(3, self._ledger.client(Rules).current().audit_seats)
        sent = self._write_pages("settle", epoch, ids, most=_BATCH // seats)
        if "Audits" in self._ledger.deployment.addresses:
            audits = self._ledger.client(Audits)
            if late := audits.behind(epoch, ids):  # nobody concluded earlier epochs: first those
                sent = audits.conclude(epoch, late)
        return sent
