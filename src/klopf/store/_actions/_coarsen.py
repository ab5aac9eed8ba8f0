"""When and where, less exactly."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from klopf.errors import StoreError
from klopf.store._actions._base import Action, Column, Helps
from klopf.store._actions._cells import numbers, shown
from klopf.tables import Table

__all__ = ["CoarsenPlace", "CoarsenTime", "moments"]

_STEPS = {
    "minute": timedelta(minutes=1),
    "quarter": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_KM_A_DEGREE = 111.32


def moments(column: Any) -> list[datetime | None]:
    """A column of ISO 8601 times, or of seconds since 1970, in UTC; a time without zone is taken as UTC.

    Raises:
        StoreError: one is neither.
    """
    out: list[datetime | None] = []
    for row, cell in enumerate(column, 1):
        try:
            if cell is None or (isinstance(cell, float) and math.isnan(cell)):
                out.append(None)
            elif isinstance(cell, str):
                found = datetime.fromisoformat(cell)
                out.append(found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC))
            else:
                out.append(datetime.fromtimestamp(float(cell), UTC))
        except (ValueError, OverflowError, OSError):
            raise StoreError(f"row {row} is {shown(cell)[:40]!r}, which is no time (ISO 8601, or seconds)") from None
    return out


class CoarsenTime(Action):
    """The beginning of the hour (day, week ...) it lies in, in UTC."""

    action: Literal["coarsen-time"]
    identifies: ClassVar[bool] = True
    to: Literal["minute", "quarter", "hour", "day", "week", "month", "year"]

    def check(self, column: Column, table: Table) -> None:
        moments(column)

    def apply(self, column: Column, level: int, helps: Helps) -> Column:
        return [None if t is None else self._floor(t).strftime("%Y-%m-%dT%H:%M:%SZ") for t in moments(column)]

    def _floor(self, time: datetime) -> datetime:
        if self.to in _STEPS:
            step = _STEPS[self.to]
            return _MONDAY + (time - _MONDAY) // step * step
        return time.replace(month=1 if self.to == "year" else time.month, day=1, hour=0, minute=0, second=0)


class CoarsenPlace(Action):
    """The middle of the cell of ``km`` that it lies in. A latitude, or, where ``latitude`` names that column, a
    longitude, whose cells are as wide in kilometres wherever they lie."""

    action: Literal["coarsen-place"]
    identifies: ClassVar[bool] = True
    km: float = Field(gt=0, le=5_000)
    latitude: str = ""
    """The column with the latitudes, where this is the longitude."""

    def check(self, column: Column, table: Table) -> None:
        most = 180 if self.latitude else 90
        if (np.abs(numbers(column)) > most).any():
            raise StoreError(f"there are values beyond ±{most} degrees")
        if self.latitude:
            if self.latitude not in table.columns:
                raise StoreError(f"its latitude {self.latitude!r} is no column")
            if (np.abs(numbers(table.columns[self.latitude])) > 90).any():
                raise StoreError(f"its latitude {self.latitude!r} has values beyond ±90 degrees")

    def apply(self, column: Column, level: int, helps: Helps) -> Column:
        step = np.full(len(column), self.km / _KM_A_DEGREE)
        if self.latitude:
            north = _middle(numbers(helps.table.columns[self.latitude]), step)
            step = np.minimum(step / np.maximum(np.cos(np.radians(north)), 1e-6), 360)
        return np.round(_middle(numbers(column), step), 5)


def _middle(values: Any, step: Any) -> Any:
    return (np.floor(values / step) + 0.5) * step
