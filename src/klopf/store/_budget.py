"""What noise has cost each device in each period, on the disk before any noise is given.

A record belongs to the period of its own time, however late it comes; the amounts of a period only grow. So all that a
device recorded in one period is protected by the budget for ever (and what it recorded in any stretch as long as a
period, which can touch two, by twice it), whatever the clock says, however often and by how many processes it is given
away. A kill between paying and giving loses the payment, never the protection. Amounts are whole millionths of epsilon,
rounded up.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from klopf import files
from klopf.errors import BudgetSpent, StoreError
from klopf.store._policy import Budget, Policy
from klopf.store._witness import Witness

__all__ = ["Cost", "Ledger", "cost"]

_MILLION = 1_000_000
_START = datetime(1970, 1, 1, tzinfo=UTC)

Cost = dict[str, int]
"""Millionths of epsilon by period."""


def cost(policy: Policy, times: Iterable[datetime | None]) -> Cost:
    """What giving a record at each of ``times`` costs (None: at no known time, which is a period of its own)."""
    each = sum(math.ceil(Fraction(str(action.epsilon)) * _MILLION) for action in policy.noised.values())
    if not each or policy.budget is None:
        return {}
    counted = Counter(_period(policy.budget, time) for time in times)
    return {period: each * count for period, count in sorted(counted.items())}


def _period(budget: Budget, time: datetime | None) -> str:
    if not budget.time:
        return "all"
    return "none" if time is None else str(math.floor((time - _START).total_seconds() / (budget.days * 86_400)))


class Ledger:
    """The file of what was spent. Whoever spends holds the store's lock."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._witness = Witness(file.with_name("key"))

    def start(self) -> None:
        """Make it, empty, where a store is made: a store without one has lost it."""
        files.create(self._file, json.dumps({"format": 1, "devices": {}}), private=True)

    def spent(self, policy: Policy) -> Cost:
        """What the device has spent by period.

        Raises:
            StoreError: the file is gone or damaged: nobody knows what was spent, so nothing more is given.
        """
        return Cost(self._account(self._read(), policy)["spent"])

    def left(self, policy: Policy, asked: Cost) -> float:
        """Epsilon that is left in the period of ``asked`` that has least, after ``asked``; below 0 it does not fit."""
        if policy.budget is None:
            return math.inf
        before, most = self.spent(policy), _most(policy.budget)
        periods = asked or before or {"": 0}
        return min(most - before.get(period, 0) - asked.get(period, 0) for period in periods) / _MILLION

    def spend(self, policy: Policy, asked: Cost) -> None:
        """Write down ``asked``; on the disk when this returns.

        Raises:
            BudgetSpent: it is more than is left in some period; nothing was spent.
            StoreError: as :meth:`spent`.
            OSError: it cannot be written; nothing was spent.
        """
        if not asked or policy.budget is None:
            return
        everything = self._read()
        account = everything.setdefault(policy.device, self._account(everything, policy))
        before = account["spent"]
        for period, amount in asked.items():
            if before.get(period, 0) + amount > _most(policy.budget):
                have = (_most(policy.budget) - before.get(period, 0)) / _MILLION
                raise BudgetSpent(
                    f"{policy.device} would spend epsilon {amount / _MILLION:g} in period {period}, and "
                    f"{max(0.0, have):g} of {policy.budget.epsilon:g} is left: add fewer records, or with more noise"
                )
            before[period] = before.get(period, 0) + amount
        account["epsilon"] = min(account["epsilon"], policy.budget.epsilon)
        files.replace(self._file, json.dumps({"format": 1, "devices": everything}, indent=0), private=True)
        self._witness.remember(policy.device, sum(before.values()))

    def agrees(self, policy: Policy, given: Cost) -> None:
        """
        Raises:
            StoreError: less is written down as spent than what was ``given`` away cost, or than is remembered outside:
                an older copy took the file's place, or the whole store's.
        """
        spent = self.spent(policy)
        if any(spent.get(period, 0) < amount for period, amount in given.items()):
            raise StoreError(
                f"{self._file} says that {policy.device} spent less than its records here cost: it is an older "
                "copy; bring back the newest, no noise is given until then"
            )
        if sum(spent.values()) < self._witness.remembered(policy.device):
            raise StoreError(
                f"{self._file.parent.parent} is an older copy of a store in which {policy.device} has spent more "
                "since: bring back the newest, no noise is given until then"
            )

    def _account(self, everything: dict[str, Any], policy: Policy) -> dict[str, Any]:
        """The device's account. What a period is stays as it was when it first paid: counted in others, what was spent
        would not be seen."""
        assert policy.budget is not None
        account: dict[str, Any] = everything.get(policy.device) or {
            "days": policy.budget.days,
            "time": policy.budget.time,
            "epsilon": policy.budget.epsilon,
            "spent": {},
        }
        if (account["days"], account["time"]) != (policy.budget.days, policy.budget.time):
            raise StoreError(
                f"{policy.device} has paid by periods of {account['days']:g} days of {account['time']!r}: "
                "keep these in [budget], since by others what it spent would not be seen"
            )
        if policy.budget.epsilon > account["epsilon"]:
            raise StoreError(
                f"{policy.device} was promised epsilon {account['epsilon']:g} a period when it paid: a budget can be "
                "lowered, not raised"
            )
        return account

    def _read(self) -> dict[str, Any]:
        try:
            said: Any = json.loads(self._file.read_text())
            accounts: dict[str, Any] = said["devices"]
            for account in accounts.values():
                amounts = account["spent"].values()
                if not isinstance(account["time"], str) or not min(account["days"], account["epsilon"]) > 0:
                    raise ValueError
                if not all(type(amount) is int and amount >= 0 for amount in amounts):
                    raise ValueError
            if said["format"] != 1:
                raise ValueError
            return accounts
        except FileNotFoundError:
            raise StoreError(
                f"{self._file} is gone: what was spent is not known, so no noise is given; bring it back from a copy"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StoreError(
                f"{self._file} is damaged: bring it back from a copy; no noise is given until then"
            ) from None


def _most(budget: Budget) -> int:
    return math.floor(Fraction(str(budget.epsilon)) * _MILLION)
