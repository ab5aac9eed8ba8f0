"""``klopf dao start`` and what follows: what members would agree on, from their signed votes or from files of votes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf import files
from klopf.console.cli.access import KeyFile, load_key
from klopf.console.cli.command import Json, print_json
from klopf.errors import DaoError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from klopf import dao as room

__all__ = [
    "ask",
    "beginning",
    "close",
    "draft",
    "forecast",
    "merge",
    "model",
    "next_",
    "open_votes",
    "recompute",
    "start",
    "vote_on",
]

Few = Annotated[int, Parameter(validator=Number(gte=1, lte=1000))]
Times = Annotated[int, Parameter(validator=Number(gte=0, lte=1000))]


def start(folder: Path, title: str, *, secret: bool = False, key: KeyFile = None) -> None:
    """Begin a conversation, in a folder that all who take part have a copy of.

    Example: klopf dao start SEATS "How many seats should there be?"

    Parameters
    ----------
    folder
        A folder that is not there yet.
    title
        What it is about.
    secret
        Votes are sealed until whoever has --key closes it, and count once they are opened.
    """
    from klopf.dao import talk as room

    room.Talk.create(folder, title, load_key(key).address if secret else "")
    print(f"klopf dao ask {folder} STATEMENT puts a statement, klopf dao vote-on {folder} NAME agree votes on one")


def ask(folder: Path, statement: str, *, key: KeyFile = None, json_: Json = False) -> None:
    """Put a short statement that members can agree or disagree with, signed.

    Example: klopf dao ask SEATS "Twelve seats are enough." --key KEY.json

    Parameters
    ----------
    folder
        The conversation.
    statement
        At most 300 letters, on one line.
    """
    from klopf.dao import talk as room

    name = room.Talk.open(folder).ask(load_key(key), statement)
    print_json({"statement": name}) if json_ else print(name)


def vote_on(
    folder: Path, statement: str, vote: Literal["agree", "disagree", "pass"], *, key: KeyFile = None
) -> None:  # fmt: skip
    """Say what you think of a statement, signed; a later vote replaces an earlier one. It binds nobody.

    Example: klopf dao vote-on SEATS "Twelve seats" agree --key KEY.json

    Parameters
    ----------
    folder
        The conversation.
    statement
        Its name, or how that or its text begins.
    vote
        agree, disagree or pass.
    """
    from klopf.dao import talk as room

    talk = room.Talk.open(folder)
    talk.vote(load_key(key), beginning(talk.statements(), statement), {"agree": 1, "disagree": -1, "pass": 0}[vote])


def merge(folder: Path, copy: Path, *, json_: Json = False) -> None:
    """Take over what another copy of a conversation has: each line is checked, and which copy had it does not matter.

    Example: klopf dao merge SEATS THEIRS

    Parameters
    ----------
    folder
        The conversation.
    copy
        A copy of it that went on elsewhere.
    """
    from klopf.dao import talk as room

    talk = room.Talk.open(folder)
    new = talk.merge(room.Talk.open(copy))
    print_json({"new": new, "root": talk.root()}) if json_ else print(f"{new:,} new; the root is {talk.root()}")


def close(folder: Path, *, key: KeyFile = None, json_: Json = False) -> None:
    """Close a secret conversation: the votes that are sealed in this copy count once they are opened, no others.

    Example: klopf dao close SEATS --key KEY.json

    Parameters
    ----------
    folder
        The conversation, merged with all copies.
    """
    from klopf.dao import talk as room

    count = room.Talk.open(folder).close(load_key(key))
    print_json({"sealed": count}) if json_ else print(
        f"{count:,} sealed votes; klopf dao open {folder} opens one's own"
    )


def open_votes(folder: Path, *, key: KeyFile = None, json_: Json = False) -> None:
    """Open what you have sealed, after the closing. What is not opened is no vote.

    Example: klopf dao open SEATS --key KEY.json

    Parameters
    ----------
    folder
        The conversation.
    """
    from klopf.dao import talk as room

    talk = room.Talk.open(folder)
    count, left = talk.open_votes(load_key(key)), talk.seals().withheld()
    print_json({"opened": count, "withheld": left}) if json_ else print(f"{count:,} opened; {left:,} are sealed yet")


def draft(folder: Path, statement: str, *, json_: Json = False) -> None:
    """Write the description of a proposal from a statement: what members said, what is forecast, and by which model.

    It goes into `klopf dao propose`, so that the forecast stands on the ledger before the vote.

    Example: klopf dao draft SEATS "Twelve seats"

    Parameters
    ----------
    folder
        The conversation.
    statement
        Its name, or how that or its text begins.
    """
    import numpy as np

    from klopf import dao
    from klopf.dao import talk as room

    talk = room.Talk.open(folder)
    name = beginning(talk.statements(), statement)
    opinions = dao.Opinions.fit(talk.votes())
    j = opinions.statement(name)
    agrees = opinions.probabilities(np.arange(len(opinions.votes.members)), np.full(len(opinions.votes.members), j))
    found = dao.groups(opinions)
    shares = [float(agrees[found.of == g].mean()) for g in range(found.count)]
    said_by = Counter(opinions.votes.members[i] for i in opinions.votes.who)
    foretold = {who: shares[-1] / 1000 for who, shares in talk.foretold(name).items()}
    most = sorted(foretold, key=lambda who: (-said_by[who], who))[
        : dao.MOST - 1
    ]  # many names keep nobody from drafting
    foretold = {who: foretold[who] for who in most}
    carried = dao.marks(name, talk.root(), opinions.commitment(), {dao.MODEL: float(agrees.mean()), **foretold})
    said = {
        "statement": name,
        "text": talk.statements()[name],
        "agrees": float(agrees.mean()),
        "by_group": shares,
        "members": len(agrees),
        "root": talk.root(),
        "model": opinions.commitment(),
        "foretold": foretold,
        "marks": carried,
    }
    groups = f" (groups: {', '.join(f'{one:.0%}' for one in shares)})" if len(shares) > 1 else ""
    print_json(said) if json_ else print(
        f"{said['text']} | forecast: {said['agrees']:.0%} of {said['members']} members would agree{groups} | {carried}"
    )


def model(votes: Path, *, top: Few = 5, measure: str = "geometric", bootstraps: Times = 0, voices: Path | None = None,
          publish: Path | None = None, json_: Json = False) -> None:  # fmt: skip
    """Say what members agree on and what divides them, from their votes, and how good forecasts of votes are.

    Example: klopf dao model CONVERSATION --bootstraps 20

    Parameters
    ----------
    votes
        A conversation of `klopf dao start`, or one as Polis exports it (the folder, or participants-votes.csv).
    top
        So many statements of each kind.
    measure
        geometric (of the groups' agreement), undisputed (agreement without disagreement), or product (Polis').
    bootstraps
        Draw the members anew so often, and say how often each statement stays among the first.
    voices
        How much each member's votes count: what `klopf dao voices --json` printed. Who is not in it has no voice.
    publish
        Write here what others need for `klopf dao recompute`: hashes of the model, its statements and its votes.
    """
    from klopf import dao as room

    said = read_votes(votes)
    opinions = room.Opinions.fit(said, weights=_weights(voices, said.members) if voices else None)
    if publish is not None:
        files.replace(publish, json.dumps(room.Published.of(opinions).to_json(), indent=1) + "\n")
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


def recompute(model: Path, votes: Path, *, voices: Path | None = None, json_: Json = False) -> int:
    """Make a published model again from the votes, and name what was altered; status 1 where something was.

    Example: klopf dao recompute model.json SEATS

    Parameters
    ----------
    model
        What `klopf dao model --publish` wrote.
    votes
        A conversation of `klopf dao start`, or one as Polis exports it (the folder, or participants-votes.csv).
    voices
        What the model was made with, if it was.
    """
    from klopf import dao as room
    from klopf.nested import from_json

    try:
        published = room.Published.from_json(from_json(model.read_bytes()))
    except (OSError, ValueError) as error:
        raise DaoError(f"{model} cannot be read: {str(error)[:100]}; `klopf dao model --publish` writes one") from None
    said = read_votes(votes)
    differs = published.recompute(said, _weights(voices, said.members) if voices else None)
    if json_:
        print_json({"commitment": published.commitment, "differs": differs})
    else:
        print("\n".join(differs) or f"the same: {published.commitment}")
    return 1 if differs else 0


def forecast(votes: Path, statement: str, *, member: str | None = None, json_: Json = False) -> None:
    """Say what a member, or each group, would say of a statement, and how sure that is. Nobody's vote is cast.

    Example: klopf dao forecast CONVERSATION 12

    Parameters
    ----------
    votes
        A conversation of `klopf dao start`, or one as Polis exports it (the folder, or participants-votes.csv).
    statement
        The statement's name in the file (its comment-id).
    member
        Only of this member (its voter-id).
    """
    import numpy as np

    from klopf import dao as room

    opinions = room.Opinions.fit(read_votes(votes))
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
        A conversation of `klopf dao start`, or one as Polis exports it (the folder, or participants-votes.csv).
    member
        Who is asked: its voter-id, or a name of whom there is no vote yet.
    """
    from klopf import dao as room

    said = read_votes(votes)
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


def read_votes(place: Path) -> room.Votes:
    """Of a conversation that members sign, or of a file."""
    from klopf import dao as room

    if (place / "talk.json").exists():
        from klopf.dao import talk

        found = talk.Talk.open(place)
        if found.founder and found.seals().closed is None:
            raise DaoError(
                f"{len(found.seals().latest):,} votes are sealed until {found.founder} closes: klopf dao close"
            )
        return found.votes()
    return room.Votes.read(place)


def beginning(statements: Mapping[str, str], text: str) -> str:
    """The name that begins with ``text``; where none does, that of the statement that says what begins so."""
    found = [one for one in statements if one.startswith(text)] or [
        one for one, said in statements.items() if said.startswith(text)
    ]
    if len(found) != 1:
        raise DaoError(f"{len(found)} statements begin with {text!r}; `klopf dao model` names them")
    return found[0]


def _weights(file: Path, members: tuple[str, ...]) -> NDArray[np.float64]:
    import numpy as np

    from klopf.nested import from_json

    try:
        heard = from_json(file.read_bytes())["voices"]
        weights = np.array([float(heard.get(one, 0.0)) for one in members])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DaoError(f"{file} has no voices; `klopf dao voices --json` prints them") from error
    if not weights.any():
        raise DaoError(f"no member of this conversation has a voice in {file}: are they of the same network?")
    return weights


def _of(votes: room.Votes, member: str) -> list[tuple[str, int]]:
    if member not in votes.members:
        return []
    own = votes.who == votes.members.index(member)
    return [(votes.statements[j], int(one)) for j, one in zip(votes.what[own], votes.said[own], strict=True)]


def _line(one: room.Ranked, score: float) -> str:
    shares = "/".join(f"{share:.0%}" for share in one.agreement)
    return f"  {score:.2f}  {shares:>16}  {one.votes:5,} votes  {one.statement}  {one.text[:80]}".rstrip()
