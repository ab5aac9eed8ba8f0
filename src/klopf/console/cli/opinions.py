"""``klopf dao model``, ``forecast`` and ``next``: what members would agree on, from files of votes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf.console.cli.command import Json, print_json

if TYPE_CHECKING:
    from klopf import dao as room

__all__ = ["forecast", "model", "next_"]

Few = Annotated[int, Parameter(validator=Number(gte=1, lte=1000))]
Times = Annotated[int, Parameter(validator=Number(gte=0, lte=1000))]


def model(votes: Path, *, top: Few = 5, measure: str = "geometric", bootstraps: Times = 0, json_: Json = False) -> None:
    """Say what members agree on and what divides them, from their votes, and how good forecasts of votes are.

    Example: klopf dao model CONVERSATION --bootstraps 20

    Parameters
    ----------
    votes
        A folder as Polis exports a conversation, or its participants-votes.csv or votes.csv.
    top
        So many statements of each kind.
    measure
        geometric (of the groups' agreement), undisputed (agreement without disagreement), or product (Polis').
    bootstraps
        Draw the members anew so often, and say how often each statement stays among the first.
    """
    from klopf import dao as room

    said = room.Votes.read(votes)
    opinions = room.Opinions.fit(said)
    found = room.groups(opinions)
    ranked = room.consensus(opinions, found, measure)
    stay = room.stays(said, top, times=bootstraps, measure=measure) if bootstraps else {}
    parted = sorted(ranked, key=lambda one: -one.divides)[:top]
    sizes = [int((found.of == g).sum()) for g in range(found.count)]
    if json_:
        print_json(
            {
                "members": len(said.members),
                "statements": len(said.statements),
                "votes": len(said),
                "groups": sizes,
                "in_no_group": int((found.of < 0).sum()),
                "held_out": None if opinions.checked is None else vars(opinions.checked),
                "commitment": opinions.commitment(),
                "consensus": [
                    vars(one) | ({"stays": stay.get(one.statement, 0.0)} if stay else {}) for one in ranked[:top]
                ],
                "divides": [vars(one) for one in parted],
            }
        )
        return
    print(f"{len(said.members):,} members, {len(said.statements):,} statements, {len(said):,} votes")
    print(f"groups of {', '.join(f'{one:,}' for one in sizes)}; too little is known of {int((found.of < 0).sum()):,}")
    if (checked := opinions.checked) is not None:
        print(f"of {checked.votes:,} votes held out, {checked.accuracy:.1%} were as forecast (what most say of each: "
              f"{checked.usual:.1%}); forecasts are off by {checked.calibration:.3f}")  # fmt: skip
    print("\nwhat all groups agree on")
    for one in ranked[:top]:
        print(_line(one, one.consensus) + (f"  stays in {stay.get(one.statement, 0.0):.0%}" if stay else ""))
    print("\nwhat divides them")
    for one in parted:
        print(_line(one, one.divides))
    print(f"\nwhoever makes the model of these votes gets {opinions.commitment()}")


def forecast(votes: Path, statement: str, *, member: str | None = None, json_: Json = False) -> None:
    """Say what a member, or each group, would say of a statement, and how sure that is. Nobody's vote is cast.

    Example: klopf dao forecast CONVERSATION 12

    Parameters
    ----------
    votes
        A folder as Polis exports a conversation, or its participants-votes.csv or votes.csv.
    statement
        The statement's name in the file (its comment-id).
    member
        Only of this member (its voter-id).
    """
    import numpy as np

    from klopf import dao as room

    opinions = room.Opinions.fit(room.Votes.read(votes))
    if member is not None:
        one = opinions.forecast(member, statement)
        print_json(vars(one)) if json_ else print(f"agrees with {one.agrees:.0%} ({one.low:.0%} to {one.high:.0%})")
        return
    j = opinions.statement(statement)
    found = room.groups(opinions)
    everybody = np.arange(len(opinions.votes.members))
    agrees = opinions.probabilities(everybody, np.full(len(everybody), j))
    rows = {f"group {g + 1}": agrees[found.of == g] for g in range(found.count)} | {"everybody": agrees}
    stranger = opinions.forecast(None, statement)
    if json_:
        shares = {name: {"members": len(p), "agrees": float(p.mean())} for name, p in rows.items() if len(p)}
        print_json({"statement": statement, "shares": shares, "stranger": vars(stranger)})
        return
    if opinions.votes.texts:
        print(opinions.votes.texts[j])
    for name, p in rows.items():
        if len(p):
            print(f"{name:10s} {len(p):6,} members  {p.mean():.0%} would agree")
    print(f"of whom nothing is known agrees with {stranger.agrees:.0%} ({stranger.low:.0%} to {stranger.high:.0%})")


def next_(votes: Path, member: str, *, json_: Json = False) -> None:
    """Say which statement to show a member next: the one whose answer tells most of what else it would say.

    Example: klopf dao next CONVERSATION 7

    Parameters
    ----------
    votes
        A folder as Polis exports a conversation, or its participants-votes.csv or votes.csv.
    member
        Who is asked: its voter-id, or a name of whom there is no vote yet.
    """
    from klopf import dao as room

    said = room.Votes.read(votes)
    interview = room.Interview(room.Opinions.fit(said), _of(said, member))
    chosen, left = interview.next(), interview.left()
    if json_:
        print_json({"statement": chosen, "left": left, "enough": interview.enough()})
    elif chosen is None:
        print("everything is answered")
    else:
        text = said.texts[said.statements.index(chosen)] if said.texts else ""
        print(f"{chosen}  {text}".rstrip())
        if interview.enough():
            print(f"(its answer would tell {left:.4f} nats: enough is known)")


def _of(votes: room.Votes, member: str) -> list[tuple[str, int]]:
    if member not in votes.members:
        return []
    own = votes.who == votes.members.index(member)
    return [(votes.statements[j], int(one)) for j, one in zip(votes.what[own], votes.said[own], strict=True)]


def _line(one: room.Ranked, score: float) -> str:
    shares = "/".join(f"{share:.0%}" for share in one.agreement)
    return f"  {score:.2f}  {shares:>16}  {one.votes:5,} votes  {one.statement}  {one.text[:80]}".rstrip()
