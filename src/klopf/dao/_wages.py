"""Both ends of a pipeline's pay: vouchers over fees that are reserved on the ledger, as requesters of a network pay.

A voucher says all that an asker ever owed a neuron, so each end keeps one number, or one voucher, for each other end;
both are on disk before anybody sees them. What a neuron may take is reserved for it before the voucher is signed, and
with ``ahead`` before it is asked at all: an asker who leaves cannot take that back for as long as a reserve thaws.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from klopf import files, ledger
from klopf.errors import DaoError, LedgerError, Reverted

__all__ = ["Purse", "Till"]

_FILE = "vouchers.json"
_KNOWN = 30.0
"""Seconds for which what is reserved is not read again: it thaws for much longer."""


class Purse:
    """What an asker has promised, to whom."""

    def __init__(self, book: ledger.Ledger, id: int, home: Path) -> None:
        """``id``: the asker's; ``home``: where what it promised is kept."""
        self._book, self._id, self._file = book, id, home / _FILE
        self._totals = {int(k): int(total) for k, total in _read(self._file, {}).items()}

    def reserve(self, ahead: Mapping[int, int]) -> None:
        """See to it that so much is reserved for each neuron beyond what it was promised; what lacks is deposited.

        Raises:
            LedgerError: the ledger does not take it: there are too few tokens.
        """
        lacks: dict[int, int] = {}
        for k, amount in ahead.items():
            there = self._book.vouchers.reserved(self._id, k)
            self._totals[k] = max(self._totals.get(k, 0), there.redeemed)  # also of an asker that lost its file
            if (more := self._totals[k] + amount - there.good_for) > 0:
                lacks[k] = more
        if not lacks:
            return
        if (more := sum(lacks.values()) - self._book.vouchers.free(self._id)) > 0:
            self._book.vouchers.deposit(self._id, more)
        self._book.vouchers.reserve(self._id, lacks)

    def promise(self, due: Mapping[int, int]) -> dict[int, dict[str, Any]]:
        """Vouchers, as JSON, for so much more to each. What was once signed is owed."""
        self.reserve(due)
        for k, amount in due.items():
            self._totals[k] += amount
        files.replace(self._file, json.dumps({str(k): str(total) for k, total in self._totals.items()}))
        return {k: self._book.vouchers.sign(self._id, k, self._totals[k]).to_json() for k in due}


class Till:
    """What a neuron was promised, by whom."""

    def __init__(self, book: ledger.Ledger, id: int, home: Path, ahead: int = 0) -> None:
        """``id``: the neuron's; ``ahead``: what must be reserved for it, beyond what it was promised, by whoever
        asks."""
        self._book, self._id, self._file, self._ahead = book, id, home / _FILE, ahead
        try:
            held = [ledger.SignedVoucher.from_json(one) for one in _read(self._file, [])]
        except LedgerError as error:
            raise DaoError(f"{self._file} was altered ({error}): restore it or move it away") from None
        self._held = {signed.voucher.requester: signed for signed in held}
        self._known: dict[int, tuple[float, ledger.Reserve]] = {}

    def secured(self, asker: int) -> bool:
        """Whether it may answer ``asker``."""
        return not self._ahead or self._left(asker) >= self._ahead

    def _left(self, asker: int) -> int:
        read, there = self._known.get(asker, (0.0, ledger.Reserve()))
        if time.monotonic() > read + _KNOWN or self._left_of(asker, there) < self._ahead:
            there = self._look(asker)
        return self._left_of(asker, there)

    def _left_of(self, asker: int, there: ledger.Reserve) -> int:
        held = self._held[asker].voucher.total if asker in self._held else 0
        return there.good_for - max(held, there.redeemed)

    def _look(self, asker: int) -> ledger.Reserve:
        there = self._book.vouchers.reserved(asker, self._id)
        self._known[asker] = time.monotonic(), there
        return there

    def keep(self, asker: int, key: str, record: Any) -> int:
        """Keep the voucher of ``asker``, who has ``key``; returns how much more it says than the last one.

        Raises:
            DaoError: it is none that will be paid, and why.
        """
        try:
            signed = ledger.SignedVoucher.from_json(record)
            signed.check(self._book.vouchers.domain, key)
        except LedgerError as error:
            raise DaoError(f"no valid voucher: {error}") from None
        v = signed.voucher
        if (v.requester, v.neuron) != (asker, self._id):
            raise DaoError("this voucher is between others: sign one for this neuron")
        last = self._held[asker].voucher.total if asker in self._held else 0
        if v.total > (good_for := self._look(asker).good_for):
            raise DaoError(f"the reserve is good for {good_for}, not for {v.total}: reserve more")
        if v.total > last:
            held = self._held | {asker: signed}
            files.replace(self._file, json.dumps([one.to_json() for one in held.values()]))
            self._held = held
        return max(0, v.total - last)

    def redeem(self) -> None:
        """Take what is due, in one transaction a hundred askers."""
        there = {k: self._look(k) for k in self._held}
        due = [one for k, one in self._held.items() if one.voucher.total > there[k].redeemed and there[k].held]
        try:
            if due:
                self._book.vouchers.redeem(self._id, due)
        except Reverted as error:
            if error.name != "NothingDue":  # somebody redeemed it meanwhile, as anybody may
                raise


def _read(file: Path, empty: Any) -> Any:
    try:
        return json.loads(file.read_text()) if file.exists() else empty
    except (OSError, ValueError) as error:
        raise DaoError(f"{file} cannot be read ({error}): restore it or move it away") from None
