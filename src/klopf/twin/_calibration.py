"""A twin fitted to the meters of its real counterpart: how far off it is on days not seen, and when it drifts."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import tables
from klopf.errors import TableError, TwinError
from klopf.twin._sector import Plan
from klopf.twin._series import Series

__all__ = ["Calibration", "calibrate", "meters_of"]

_Array = NDArray[np.float64]
_COLD, _WARM = 16.0, 22.0
"""°C below which homes are heated, and above which they are cooled."""
_FEATURES = 24 + 6 + 3
_HALF = 21 * 24
"""Hours after which what was counts half."""
_SLACK, _ALARM = 0.5, 8.0
"""Of the cumulated sum, in standard deviations of a day: what is no drift, and what is an alarm."""


@dataclass(frozen=True)
class Calibration:
    """A fitted twin. Arrays are of its households, in the meters' order."""

    names: tuple[str, ...]
    days: int
    """It was fitted to the first so many, and to all before it once more in each week that followed."""
    pv: tuple[float, ...]
    """kW of photovoltaics that its meter tells of."""
    heat: tuple[float, ...]
    """kW more for each kelvin below 16 °C."""
    unseen: int
    """On how many days after those it was tried:"""
    bias: tuple[float, ...]
    """mean of twin less meter, of the meter's mean absolute value;"""
    spread: tuple[float, ...]
    """root of the mean squared difference, of the same;"""
    rival: tuple[float, ...]
    """the same of a guess without a twin: what the meter said at that hour a week before."""
    daily: tuple[float, ...]
    """root of the mean squared difference of a day's energy, of the mean absolute day."""
    drifts: tuple[int, ...]
    """The first day on which it is an alarm that the meter is no longer as the twin says; -1 where it is not."""
    series: Series
    """What the twin says, hour by hour, for worlds: see :meth:`plan`."""

    def plan(self) -> Plan:
        """The plan under which a world's households use what the twin says, to the digit."""
        return Plan(households=len(self.names), variety=0.0, pv=_panel(self.pv), heat_pump=0.0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, without the series."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "series"}


def calibrate(
    meters: _Array, outside: Series, days: int = 60, unseen: int = 30, names: tuple[str, ...] = ()
) -> Calibration:
    """Fit a twin to ``meters``, kW of the grid at each household (negative: into it), (hours, households).

    A household's use is a mean of its hour and its day of the week, more with each kelvin of cold and of heat, less
    what its panels make: least squares over the first ``days``. ``outside``: weather and sun of the same hours, sun
    (hours, households) or of one place. Drift is the two-sided cumulated sum of a day's mean difference (Page 1954).

    Raises:
        TwinError: hours that do not fit, too few days, or what is no number.
    """
    meters = np.asarray(meters, np.float64)
    hours = len(outside)
    if meters.ndim != 2 or len(meters) != hours or not meters.shape[1] or not np.isfinite(meters).all():
        raise TwinError(f"meters must be finite kW, {hours} hours by households, as many as the weather has")
    if not 14 <= days <= hours // 24 - 7 or not 7 <= unseen <= hours // 24 - days:
        raise TwinError(
            f"{hours // 24} days are there: fit at least 14 and leave at least 7; not {days} and {unseen} after them"
        )
    n = meters.shape[1]
    sun = np.broadcast_to(outside.sun, (hours, n)) if outside.sun.shape[1] == 1 else outside.sun
    if sun.shape != meters.shape:
        raise TwinError(f"sun must be of one place or of {n} households, not of {sun.shape[1]}")
    fitted, end = days * 24, (days + unseen) * 24
    twin, pv, heat = np.empty_like(meters), np.empty(n), np.empty(n)
    for i in range(n):
        rows = _features(outside, sun[:, i])
        for begun in range(fitted, hours, 168):
            weights = _fit(rows[:begun], meters[:begun, i])
            if begun == fitted:
                twin[:fitted, i], pv[i], heat[i] = rows[:fitted] @ weights, -weights[-1], weights[-3]
            twin[begun : begun + 168, i] = rows[begun : begun + 168] @ weights
    off = twin - meters
    size = np.maximum(np.abs(meters[fitted:end]).mean(0), 1e-9)
    week = meters[fitted:end] - meters[fitted - 168 : end - 168]
    said, told = (_by_day(x[fitted:end]) for x in (twin, meters))
    uses = np.maximum(twin + pv * sun, 0.0)  # what it draws beside its panels is not below nothing
    panel = _panel(tuple(pv))
    series = replace(outside, source="calibrated", sun=sun * (pv / panel if panel else 0.0), uses=uses)

    def each(values: Any) -> tuple[float, ...]:
        return tuple(float(x) for x in values)

    return Calibration(
        names or tuple(f"household {i + 1}" for i in range(n)), days, each(pv), each(heat), unseen,
        each(off[fitted:end].mean(0) / size), each(np.sqrt((off[fitted:end] ** 2).mean(0)) / size),
        each(np.sqrt((week**2).mean(0)) / size),
        each(np.sqrt(((said - told) ** 2).mean(0)) / np.maximum(np.abs(told).mean(0), 1e-9)),
        tuple(_drift(off[:, i], days, days + unseen) for i in range(n)), series,
    )  # fmt: skip


def _panel(pv: tuple[float, ...]) -> float:
    return round(float(np.mean(pv)), 6)


def _features(outside: Series, sun: _Array) -> _Array:
    """(hours, features): hour of the day, day of the week but one, cold, heat, sun."""
    hours = np.arange(len(outside))
    since = hours + outside.first
    rows = np.zeros((len(hours), _FEATURES))
    rows[hours, since % 24] = 1.0
    weekday = since // 24 % 7
    later = weekday > 0
    rows[hours[later], 23 + weekday[later]] = 1.0
    rows[:, -3] = np.maximum(0.0, _COLD - outside.outside)
    rows[:, -2] = np.maximum(0.0, outside.outside - _WARM)
    rows[:, -1] = sun
    return rows


def _fit(rows: _Array, meter: _Array) -> _Array:
    """Least squares in which an hour counts half as much as one that is :data:`_HALF` hours later, and in which cold
    and heat cost nothing less and sun nothing more: those that come out so are left out."""
    rows, meter = rows[-8 * _HALF :], meter[-8 * _HALF :]  # what is older counts less than a two hundredth
    weighted = rows * 0.5 ** (np.arange(len(rows))[::-1, None] / _HALF)
    square, right = weighted.T @ rows + 1e-6 * np.eye(_FEATURES), weighted.T @ meter
    on = np.ones(_FEATURES, bool)
    while True:
        weights = np.zeros(_FEATURES)
        weights[on] = np.linalg.solve(square[np.ix_(on, on)], right[on])
        wrong = [c for c in (-3, -2, -1) if on[c] and (weights[c] < 0) != (c == -1) and weights[c] != 0]
        if not wrong:
            return weights
        on[wrong[0]] = False


def _by_day(x: _Array) -> _Array:
    return np.asarray(x[: len(x) // 24 * 24].reshape(-1, 24, x.shape[1]).sum(1))


def _drift(off: _Array, days: int, watched: int) -> int:
    daily = _by_day(off[:, None])[:, 0] / 24.0
    usual, wide = float(daily[days:watched].mean()), max(float(daily[days:watched].std()), 1e-9)
    up = down = 0.0
    for day in range(watched, len(daily)):
        z = (float(daily[day]) - usual) / wide
        up, down = max(0.0, up + z - _SLACK), max(0.0, down - z - _SLACK)
        if max(up, down) > _ALARM:
            return day
    return -1


def meters_of(place: str | os.PathLike[str], pv: float = 4.0) -> tuple[_Array, Series, tuple[str, ...]]:
    """Meters, weather and names of a CityLearn data set's folder (use less ``pv`` kW of panels), or of a table with
    columns ``outside`` (°C), ``sun`` (kW that one kW of panels makes) and one of kW for each meter, an hour a row from
    midnight on.

    Raises:
        TwinError: neither.
    """
    path = Path(place)
    if path.is_dir():
        series = Series.citylearn(path)
        return series.uses - pv * series.sun, series, tuple(f"Building_{i + 1}" for i in range(series.uses.shape[1]))
    try:
        table = tables.read(path)
        for name in ("outside", "sun"):
            table.require(name)
    except TableError as error:
        raise TwinError(f"{path} cannot be read: {error}") from error
    columns = {name: cells for name, cells in table.columns.items() if isinstance(cells, np.ndarray)}
    names = tuple(name for name in columns if name not in ("outside", "sun"))
    if not {"outside", "sun"} <= set(columns) or not names:
        raise TwinError(f"{path} needs numbers in outside, sun, and a column for each meter")
    made, hours = Series.made(), len(columns["sun"])
    rows = np.arange(hours) % len(made)
    sun = np.asarray(columns["sun"], np.float64)[:, None]
    meters = np.stack([np.asarray(columns[name], np.float64) for name in names], axis=1)
    return meters, Series(f"table:{path}", np.asarray(columns["outside"], np.float64), sun, made.price[rows],
                          made.carbon[rows], np.zeros((hours, 1))), names  # fmt: skip
