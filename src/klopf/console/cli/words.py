"""``klopf dao alike``: statements that say nearly the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf.console.cli.command import Json, print_json
from klopf.console.cli.opinions import read_votes
from klopf.errors import DaoError

__all__ = ["alike"]

Part = Annotated[float, Parameter(validator=Number(gt=0, lte=1))]


def alike(votes: Path, *, least: Part = 0.6, json_: Json = False) -> None:
    """Name statements that say nearly the same, by their letters: what to put once, for somebody to look at.

    It knows no meaning: "is" and "is not" are alike, and the same in other words is not found.

    Example: klopf dao alike CONVERSATION

    Parameters
    ----------
    votes
        A conversation of `klopf dao start`, or one as Polis exports it, with its comments.csv.
    least
        How alike, from 0 to 1.
    """
    from klopf import dao as room

    said = read_votes(votes)
    if not said.texts:
        raise DaoError(f"{votes} has no texts: comments.csv beside it would have them")
    found = room.alike(said.texts, least)
    if json_:
        names = said.statements
        print_json([{"statements": [names[a.first], names[a.second]], "likeness": a.likeness} for a in found])
        return
    for one in found:
        print(f"{one.likeness:.2f}")
        for at in (one.first, one.second):
            print(f"  {said.statements[at]}  {said.texts[at][:100]}")
    print(f"{len(found):,} pairs of {len(said.texts):,} statements")
