"""The world outside, hour by hour: weather, sun, price, carbon and what households use; made from a seed, or read."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klopf import files, tables
from klopf.errors import TableError, TwinError

__all__ = ["Series"]

_Array = NDArray[np.float64]
_YEAR = 8760


@dataclass(frozen=True)
class Series:
    """Hours one after another; after the last the first comes again.

    ``outside`` °C, ``price`` of a kWh from the grid, ``carbon`` kg a kWh: each (hours,); ``sun`` kW that one kW of
    photovoltaics makes and ``uses`` kW beside heating: (hours, profiles). ``first``: the first row's hour of the day.
    """

    source: str
    """Where it is from: "made:SEED:PROFILES", "citylearn:FOLDER", "twin:FILE", or any other word for one that is not to
    be saved."""
    outside: _Array
    sun: _Array
    price: _Array
    carbon: _Array
    uses: _Array
    first: int = 0

    def __post_init__(self) -> None:
        hours = len(self.outside)
        for name in ("outside", "sun", "price", "carbon", "uses"):
            rows = getattr(self, name)
            if len(rows) != hours or hours < 24 or not np.isfinite(rows).all():
                raise TwinError(f"{name} of {self.source} must be {hours} finite hours, at least a day of them")
        if self.uses.ndim != 2 or not self.uses.shape[1] or self.sun.shape != self.uses.shape:
            raise TwinError(f"uses and sun of {self.source} must be (hours, profiles) with a profile at least")

    def __len__(self) -> int:
        return len(self.outside)

    @classmethod
    def made(cls, seed: int = 0, profiles: int = 8) -> Series:
        """A year in a temperate place, from ``seed``: seasons, days, clouds and cold spells that last, a tariff of two
        prices, and ``profiles`` kinds of household with their mornings, evenings and weekends."""
        rng = np.random.default_rng([seed, 21])
        hour = np.arange(_YEAR)
        day, clock = hour / 24.0, hour % 24
        season = -np.cos(2 * np.pi * (day - 20) / 365)  # -1 in late January
        spell = np.repeat(_lasting(rng, 365, 0.8), 24)
        outside = 9.5 + 9.5 * season + 3.0 * spell + 3.5 * np.cos(2 * np.pi * (clock - 15) / 24)
        length = 12 + 4.2 * season
        height = np.cos(np.pi * (clock + 0.5 - 12.5) / length)
        height = np.where(np.abs(clock + 0.5 - 12.5) < length / 2, height, 0.0)
        clear = np.repeat(np.clip(0.62 + 0.3 * _lasting(rng, 365, 0.5), 0.1, 1.0), 24)
        sun = np.clip(height * (0.55 + 0.3 * season) * clear, 0.0, None)
        price = np.where((clock >= 16) & (clock < 21), 0.42, np.where((clock < 6) | (clock >= 23), 0.2, 0.28))
        carbon = np.clip(0.3 - 0.12 * sun + 0.05 * np.cos(2 * np.pi * (clock - 19) / 24), 0.05, None)
        weekend = (hour // 24) % 7 >= 5
        uses = np.empty((_YEAR, profiles))
        for k in range(profiles):
            wakes, returns = rng.uniform(5.5, 8.5), rng.uniform(16.5, 20.5)
            by_day = rng.uniform(0.05, 0.45)
            use = 0.18 + 0.6 * np.exp(-((clock - wakes) ** 2) / 2) + 1.1 * np.exp(-((clock - returns) ** 2) / 5)
            use = use + np.where(weekend, by_day + 0.2, by_day) * ((clock > 8) & (clock < 17))
            uses[:, k] = use * (1.0 - 0.12 * season) * np.clip(1 + 0.35 * rng.standard_normal(_YEAR), 0.3, 2.5)
        return cls(f"made:{seed}:{profiles}", outside, np.repeat(sun[:, None], profiles, 1), price, carbon, uses)

    @classmethod
    def of(cls, source: str) -> Series:
        """The series that ``source`` names.

        Raises:
            TwinError: there is none.
        """
        kind, _, rest = source.partition(":")
        if kind == "citylearn":
            return cls.citylearn(rest)
        if kind == "twin":
            return cls.read(rest)[0]
        seed, _, profiles = rest.partition(":")
        if kind != "made" or not seed.isdigit() or not profiles.isdigit() or not 0 < int(profiles) <= 1000:
            raise TwinError(
                f"no series is called {source!r:.80}: name made:SEED:PROFILES, citylearn:FOLDER or twin:FILE"
            )
        return cls.made(int(seed), int(profiles))

    def write(self, path: str | os.PathLike[str], pv: float) -> None:
        """Keep it in a file, with the kW of photovoltaics of which ``sun`` is told.

        Raises:
            TwinError: it cannot be written.
        """
        body = io.BytesIO()
        rows = {name: getattr(self, name) for name in ("outside", "sun", "price", "carbon", "uses")}
        np.savez_compressed(body, allow_pickle=False, first=self.first, pv=pv, **rows)
        try:
            files.replace(path, body.getvalue())
        except OSError as error:
            raise TwinError(f"{path} cannot be written: {error.strerror or error}") from error

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> tuple[Series, float]:
        """What :meth:`write` wrote: the series, and the kW.

        Raises:
            TwinError: it cannot be read, or is none.
        """
        try:
            rows = files.arrays(path)
            first, pv = int(rows.pop("first")), float(rows.pop("pv"))
            if not 0 <= first < 24 or not 0 <= pv <= 1e6:
                raise ValueError("its first hour, or its panels, are none")
            return cls(f"twin:{Path(path).resolve()}", first=first, **rows), pv
        except OSError as error:
            raise TwinError(f"{path} cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise TwinError(f"{path} is no calibrated twin ({error}): klopf twin calibrate writes one") from error

    @classmethod
    def citylearn(cls, folder: str | os.PathLike[str]) -> Series:
        """The files of a data set of the CityLearn challenge: ``Building_*.csv``, weather, pricing, carbon intensity.

        A building's ``solar_generation`` is W for each kW of photovoltaics.

        Raises:
            TwinError: no such folder, or files that are not those.
        """
        place = Path(folder)
        files = sorted(place.glob("Building_*.csv"), key=lambda p: (len(p.name), p.name))
        if not files:
            raise TwinError(f"{place} has no Building_1.csv: name the folder of a CityLearn data set")
        try:
            homes = [tables.read(file) for file in files]
            weather, price, carbon = (
                tables.read(place / f"{name}.csv") for name in ("weather", "pricing", "carbon_intensity")
            )
            return cls(
                f"citylearn:{place.resolve()}",
                _column(weather, "outdoor_dry_bulb_temperature"),
                np.stack([_column(home, "solar_generation") for home in homes], axis=1) / 1000.0,
                _column(price, "electricity_pricing"),
                _column(carbon, "carbon_intensity"),
                np.stack([_column(home, "non_shiftable_load") for home in homes], axis=1),
                int(_column(homes[0], "hour")[0]) % 24,
            )
        except TableError as error:
            raise TwinError(f"{place} cannot be read: {error}") from error


def _column(table: tables.Table, name: str) -> _Array:
    table.require(name)
    cells = table.columns[name]
    if not isinstance(cells, np.ndarray):
        raise TwinError(f"{table.name}: column {name!r} holds what is no number")
    return np.asarray(cells, np.float64)


def _lasting(rng: np.random.Generator, n: int, keeps: float) -> _Array:
    """Noise of unit variance that keeps a part of what it was the day before."""
    out, value = np.empty(n), 0.0
    for i in range(n):
        value = keeps * value + np.sqrt(1 - keeps**2) * rng.standard_normal()
        out[i] = value
    return out
