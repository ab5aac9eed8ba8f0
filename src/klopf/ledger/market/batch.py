"""One transaction for many members: collect and conclude an epoch that is over."""

from __future__ import annotations

from collections.abc import Sequence

from klopf.ledger._client import Sent
from klopf.ledger._pack import Contract

__all__ = ["Batch"]

_BATCH = 40  # members settled in one transaction


class Batch(Contract):
    """Calls others for many members at once; keeps nothing and says nothing."""

    name = "Batch"

    def settle(self, epoch: int, ids: Sequence[int]) -> Sent:
        """Collect and conclude an epoch that is over for ``ids``: one transaction for each 40 of them, so that none
        outgrows a block; the last one is returned."""
        parts = [ids[i : i + _BATCH] for i in range(0, len(ids), _BATCH)] or [[]]
        return [self._write("settle", epoch, list(part)) for part in parts][-1]
