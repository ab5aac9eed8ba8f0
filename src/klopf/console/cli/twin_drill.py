"""``klopf twin drill``: a disaster rehearsed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf.console.cli.command import Json, print_json
from klopf.console.cli.twin_told import Seeds, outside_of, telling
from klopf.errors import TwinError

__all__ = ["drill"]

_HEADS = {"hours": "customer hours lost", "grid": "of them without grid", "money": "money lost and paid"}
Rounds = Annotated[int, Parameter(validator=Number(gte=1, lte=1000))]
Many = Annotated[int, Parameter(validator=Number(gte=4, lte=1000))]


def drill(
    scenario: str, *, households: int = 20, minutes: int = 60, start: int = 0, days: float = 7.0, seeds: Seeds = 20,
    series: Path | None = None, rounds: Rounds = 6, many: Many = 16, worlds: Rounds = 4, seed: int = 0,
    save: Path | None = None, json_: Json = False,
) -> None:  # fmt: skip
    """Rehearse a disaster: train a response to others like it, then compare it in worlds that it has not seen.

    Example: klopf twin drill storm --save response.json

    What is trained is how to prevent (tank, batteries and homes beforehand) and to respond (which line first, when the
    factory pauses). klopf twin run and gate take what is saved as their policy.

    Parameters
    ----------
    scenario
        What strikes: storm, heat-wave, drought, cyber, supply, or a file.
    households
        How many, from 1 to 100,000.
    minutes
        Of a step: 15, 30 or 60.
    start
        The day of the series in which worlds begin.
    days
        How long each world lives.
    seeds
        In how many worlds it is tried: seeds 0, 1, ...
    series
        As for klopf twin new.
    rounds
        Of training.
    many
        Responses that are tried in each round.
    worlds
        In how many worlds each is tried.
    seed
        Of the training.
    save
        A file for the trained response that is not there yet.
    """
    from klopf import twin

    if save is not None and save.exists():
        raise TwinError(f"{save} is there already: name another file, or remove it first")
    plan = twin.Plan(households=households, minutes=minutes, start=start)
    with telling(f"a drill: {scenario}") as tell:
        told = twin.drill(
            twin.Scenario.read(scenario), plan, range(seeds), days, outside_of(series),
            rounds, many, worlds, seed, tell,
        )  # fmt: skip
    response = twin.Response(told.response)
    if save is not None:
        response.write(save)
    if json_:
        print_json(told.as_dict())
        return
    print(f"trained in {told.worlds} worlds with disasters like it; mean [least, most] of {seeds} worlds not seen:")
    print(f"{'':<26}" + "".join(f"{head:>32}" for head in _HEADS.values()))
    for name, came in told.came.items():
        cells = (f"{sum(x) / len(x):,.0f} [{min(x):,.0f}, {max(x):,.0f}]" for x in (came[what] for what in _HEADS))
        print(f"{name:<26}" + "".join(f"{cell:>32}" for cell in cells))
    print("\n".join(response.says()))
    if save is not None:
        print(f"{save}: try it with klopf twin gate {save}")
