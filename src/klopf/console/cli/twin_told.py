"""What all commands of ``klopf twin`` have in common: worlds, steps, and saying how far something is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf.errors import TwinError

if TYPE_CHECKING:
    from klopf import twin

__all__ = ["Seeds", "made", "outside_of", "steps_of", "telling"]

Seeds = Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))]


def made(plan: twin.Plan, seed: int, series: Path | None, scenario: str, coupled: bool = True) -> twin.World:
    """A world as the commands' arguments say."""
    from klopf import twin

    return twin.World(plan, seed, outside_of(series), twin.Scenario.read(scenario) if scenario else None, coupled)


def outside_of(series: Path | None) -> twin.Series | None:
    """A CityLearn data set's folder, or a file of ``klopf twin calibrate``."""
    from klopf import twin

    if series is None:
        return None
    return twin.Series.read(series)[0] if series.is_file() else twin.Series.citylearn(series)


def steps_of(days: float, hours: float) -> int:
    """How many steps of ``hours`` ``days`` are."""
    if not 0 < days <= 3660:
        raise TwinError(f"--days {days:g} must be above 0 and at most 3660")
    return max(1, round(days * 24 / hours))


@contextmanager
def telling(what: str) -> Iterator[Callable[[str], None]]:
    """Say at a terminal, beside what is printed, how far something is that may take minutes."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield status.update
