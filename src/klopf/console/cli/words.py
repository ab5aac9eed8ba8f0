"""``klopf dao alike`` and ``klopf dao topics``: statements that say nearly the same, and what they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf.console.cli.command import Json, print_json
from klopf.console.cli.opinions import read_votes
from klopf.errors import DaoError

__all__ = ["alike", "topics"]

Part = Annotated[float, Parameter(validator=Number(gt=0, lte=1))]
Few = Annotated[int, Parameter(validator=Number(gte=1, lte=1000))]


def alike(votes: Path, *, least: Part = 0.6, by: str = "letters", json_: Json = False) -> None:
    """Name statements that say nearly the same, by their letters or a text model: what to put once.

    Somebody must look at them: "is" and "is not" are alike to both.

    Example: klopf dao alike CONVERSATION --by wordllama

    Parameters
    ----------
    votes
        A conversation of `klopf dao start`, or one as Polis exports it, with its comments.csv.
    least
        How alike, from 0 to 1.
    by
        letters (any language, no meaning), wordllama (English, of the extra words), or openai:URL#MODEL: an endpoint of
        embeddings; OPENAI_API_KEY is sent to it where that is set.
    """
    from klopf import dao as room

    said = read_votes(votes)
    found = room.alike(_texts(votes, said.texts), least, by)
    if json_:
        names = said.statements
        print_json([{"statements": [names[a.first], names[a.second]], "likeness": a.likeness} for a in found])
        return
    for one in found:
        print(f"{one.likeness:.2f}")
        for at in (one.first, one.second):
            print(f"  {said.statements[at]}  {said.texts[at][:100]}")
    print(f"{len(found):,} pairs of {len(said.texts):,} statements")


def topics(votes: Path, *, least: Part = 0.2, by: str = "letters", top: Few = 10, agree: Part = 0.6,
           writer: str = "", json_: Json = False) -> None:  # fmt: skip
    """Group statements by what they are about, say what all agree on in each, and have a draft written of that.

    A draft is a statement of which nobody has voted: put it with `klopf dao ask`. What a text model finds says nothing
    of votes.

    Example: klopf dao topics CONVERSATION --by wordllama

    Parameters
    ----------
    votes
        A conversation of `klopf dao start`, or one as Polis exports it, with its comments.csv.
    least
        How alike two groups of statements are at least that are put together, from 0 to 1.
    by
        letters (any language, no meaning), wordllama (English, of the extra words), or openai:URL#MODEL: an endpoint of
        embeddings; OPENAI_API_KEY is sent to it where that is set.
    top
        So many topics, the largest first.
    agree
        A statement is agreed on whose consensus is at least so high.
    writer
        Who writes a draft from what is agreed on in each topic: openai:URL#MODEL, an endpoint of chat completions.
    """
    from klopf import dao as room

    said = read_votes(votes)
    found = room.topics(_texts(votes, said.texts), least, by)[:top]
    ranked = {one.statement: one.consensus for one in room.consensus(room.Opinions.fit(said))}
    told = []
    for places in found:
        names = [said.statements[at] for at in places]
        agreed = sorted((name for name in names if ranked[name] >= agree), key=lambda name: -ranked[name])
        texts = [said.texts[said.statements.index(name)] for name in agreed]
        draft = room.suggested(writer, texts[:20]) if writer and len(agreed) > 1 else ""
        told.append({"statements": names, "about": said.texts[places[0]], "agreed": agreed, "draft": draft})
        if not json_:
            print(f"{len(names):,} about: {said.texts[places[0]][:100]}")
            for name, text in list(zip(agreed, texts, strict=True))[:3]:
                print(f"  {ranked[name]:.2f} agreed  {name}  {text[:90]}")
            print(f"  draft, on which nobody has voted: {draft}\n" if draft else "")
    print_json(told) if json_ else print(f"{len(said.texts):,} statements; {len(found):,} topics are shown")


def _texts(place: Path, texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        raise DaoError(f"{place} has no texts: comments.csv beside it would have them")
    return texts
