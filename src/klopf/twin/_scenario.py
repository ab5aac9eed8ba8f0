"""What strikes a world: a file, checked before anything happens."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from klopf.errors import TwinError
from klopf.twin._sector import Sector, Shock

__all__ = ["SCENARIOS", "Scenario"]

_HERE = Path(__file__).parent / "scenarios"
SCENARIOS = tuple(sorted(path.stem for path in _HERE.glob("*.toml")))
"""The disasters that Klopf ships; each is a file in ``klopf/twin/scenarios``."""
_WEATHER = {"temperature": (-60.0, 60.0), "sun": (0.0, 1.0), "price": (0.0, 100.0), "carbon": (0.0, 100.0)}
_MOST = 1000


@dataclass(frozen=True)
class Scenario:
    """A title, what it means, and shocks one after another."""

    title: str = "an ordinary time"
    says: str = ""
    shocks: tuple[Shock, ...] = ()

    @classmethod
    def read(cls, name: str | os.PathLike[str]) -> Scenario:
        """The scenario that Klopf ships under ``name``, or that of a file.

        Raises:
            TwinError: there is none, or it is none.
        """
        path = _HERE / f"{name}.toml" if str(name) in SCENARIOS else Path(name)
        try:
            return cls.of(tomllib.loads(path.read_text()))
        except OSError:
            raise TwinError(f"no scenario {str(name)!r:.80}: name a file, or one of {', '.join(SCENARIOS)}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise TwinError(f"{path} is no scenario: {error}") from error

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Scenario:
        """What a file says, or :meth:`as_dict`.

        Raises:
            TwinError: something in it cannot be; the line says what.
        """
        extra = set(said) - {"title", "says", "shock"}
        if extra:
            raise TwinError(f"a scenario has title, says and [[shock]]s, and no {', '.join(map(str, sorted(extra)))}")
        rows = said.get("shock", [])
        if not isinstance(rows, list) or len(rows) > _MOST:
            raise TwinError(f"the shocks of a scenario are a list of at most {_MOST}")
        title, says = said.get("title", "a scenario"), said.get("says", "")
        if not isinstance(title, str) or not isinstance(says, str) or not title.isprintable() or len(title) > 100:
            raise TwinError("title is one line of at most 100 characters, says a text")
        return cls(title, says, tuple(_shock(number, row) for number, row in enumerate(rows, 1)))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as in a file."""
        return {
            "title": self.title,
            "says": self.says,
            "shock": [asdict(one) | {"where": list(one.where)} for one in self.shocks],
        }

    def check(self, sectors: Mapping[str, Sector]) -> None:
        """That this world has what the shocks strike.

        Raises:
            TwinError: it has not.
        """
        for number, shock in enumerate(self.shocks, 1):
            if shock.sector == "weather":
                continue
            kinds = sectors[shock.sector].shocks if shock.sector in sectors else ()
            if shock.kind not in kinds:
                have = {f"{name} {kind}" for name, one in sectors.items() for kind in one.shocks}
                raise TwinError(
                    f"shock {number}: nothing in this world is struck by {shock.sector} {shock.kind}: "
                    f"there are {', '.join(sorted(have))} and weather {', '.join(_WEATHER)}"
                )


def _shock(number: int, row: Any) -> Shock:
    if not isinstance(row, dict) or set(row) - {"at", "lasts", "sector", "kind", "amount", "where"}:
        raise TwinError(f"shock {number} has at, lasts, sector, kind, amount and where, and nothing else")
    given: dict[str, Any] = {"amount": 1.0, "where": []} | row
    for name, least, most in (("at", 0.0, 1e6), ("lasts", 0.0, 1e6), ("amount", -1e6, 1e6)):
        if name not in given:
            raise TwinError(f"shock {number}: {name} is missing, in hours")
        value = given[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise TwinError(f"shock {number}: {name} = {value!r:.40} must be a number from {least:g} to {most:g}")
    where = given["where"]
    if not isinstance(where, list) or not all(type(one) is int and 0 <= one < 1_000_000 for one in where):
        raise TwinError(f"shock {number}: where is a list of whole numbers from 0")
    for name in ("sector", "kind"):
        if not isinstance(given.get(name), str):
            raise TwinError(f"shock {number}: {name} is missing, a word")
    if given["sector"] == "weather":
        if given["kind"] not in _WEATHER:
            raise TwinError(f"shock {number}: the weather's kinds are {', '.join(_WEATHER)}")
        least, most = _WEATHER[given["kind"]]
        if not least <= given["amount"] <= most:
            raise TwinError(f"shock {number}: amount of {given['kind']} lies from {least:g} to {most:g}")
    elif given["amount"] < 0:
        raise TwinError(f"shock {number}: amount is not below 0")
    return Shock(float(given["at"]), float(given["lasts"]), given["sector"], given["kind"], float(given["amount"]),
                 tuple(where))  # fmt: skip
