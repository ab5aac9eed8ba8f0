"""Forecasts that a proposal carries, and how good they were once it was voted on.

They stand in its description, so on the ledger before the first vote; ``klopf dao draft`` writes them. A forecast is
the share of votes, of those for or against, that will be for it. It is scored by what a voter drawn from all who voted
would have made of it: with ``s`` for it and ``p`` forecast, Brier's ``s (1 - p)^2 + (1 - s) p^2`` (Brier 1950), and
the logarithm's ``-s ln p - (1 - s) ln(1 - p)`` nats (Good 1952). Both are least, on average, for who says what it
believes. Who says one half gets .25 and .693.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from klopf.errors import DaoError

__all__ = ["MODEL", "MOST", "Carried", "Scored", "carried", "marks", "scored"]

MODEL = "model"
"""Whose forecast is the model's."""
MOST = 32
"""Forecasts that a description carries."""
_MARKS = re.compile(r"#statement=([0-9a-f]{32}) #votes=([0-9a-f]{64}) #model=([0-9a-f]{64}) #forecasts=(\S{1,4000})")
_ONE = re.compile(rf"(0x[0-9a-fA-F]{{40}}|{MODEL}):(0\.\d{{3}})")


@dataclass(frozen=True)
class Carried:
    """What a description carries."""

    statement: str
    root: str
    model: str
    forecasts: dict[str, float]
    """By whom: an address, or the model."""


@dataclass(frozen=True)
class Scored:
    """A forecast and what came of it; less is better."""

    forecast: float
    share: float
    """Of votes, of those for or against, that were for it."""
    brier: float
    log: float
    """In nats."""


def marks(statement: str, root: str, model: str, forecasts: Mapping[str, float]) -> str:
    """The end of a description that carries ``forecasts``.

    Raises:
        DaoError: there are too many.
    """
    if len(forecasts) > MOST:
        raise DaoError(f"a proposal carries at most {MOST} forecasts, not {len(forecasts)}")
    said = ",".join(f"{who}:{min(0.999, max(0.001, share)):.3f}" for who, share in forecasts.items())
    return f"#statement={statement} #votes={root} #model={model} #forecasts={said}"


def carried(description: str) -> Carried | None:
    """What a description carries; None where that is nothing whole."""
    found = _MARKS.search(description)
    parts = [_ONE.fullmatch(one) for one in found[4].split(",")] if found else []
    if not found or not all(parts) or len(parts) > MOST:
        return None
    forecasts = {one[1]: float(one[2]) for one in parts if one}
    sound = len(forecasts) == len(parts) and all(0 < share < 1 for share in forecasts.values())
    return Carried(found[1], found[2], found[3], forecasts) if sound else None


def scored(forecast: float, in_favour: float, against: float) -> Scored:
    """How good a forecast (above 0, below 1) was of a vote.

    Raises:
        DaoError: it is no forecast, or nobody voted for or against.

    >>> one = scored(0.8, 3, 1)
    >>> round(one.brier, 3), round(one.log, 3)
    (0.19, 0.57)
    """
    if not (0 < forecast < 1 and in_favour >= 0 and against >= 0 and in_favour + against > 0):
        raise DaoError("a forecast is above 0 and below 1, and is scored when somebody has voted for or against")
    share = in_favour / (in_favour + against)
    brier = share * (1 - forecast) ** 2 + (1 - share) * forecast**2
    return Scored(forecast, share, brier, -share * math.log(forecast) - (1 - share) * math.log(1 - forecast))
