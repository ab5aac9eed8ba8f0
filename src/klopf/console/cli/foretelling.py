"""``klopf dao foretell``, ``scores`` and ``voices``: forecasts, what came of them, and whose word weighs how much."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf.console.cli.access import HERE, KeyFile, Rpc, Where, as_rows, load_key, open_ledger, print_result
from klopf.console.cli.command import Json
from klopf.console.cli.opinions import beginning

__all__ = ["foretell", "scores", "voices"]

Percent = Annotated[int, Parameter(validator=Number(gte=1, lte=99))]


def foretell(folder: Path, statement: str, percent: Percent, *, key: KeyFile = None) -> None:
    """Say, signed, what share of the votes a proposal made of a statement would get; scored when it was voted on.

    Say it before the proposal is made: `klopf dao draft` takes it up. A later one replaces an earlier one.

    Example: klopf dao foretell SEATS "Twelve seats" 70 --key KEY.json

    Parameters
    ----------
    folder
        The conversation.
    statement
        Its name, or how it begins.
    percent
        Of the votes for or against, those for it: 1 to 99.
    """
    from klopf.dao import talk as room

    talk = room.Talk.open(folder)
    talk.foretell(load_key(key), beginning(talk.statements(), statement), percent)


def scores(conversation: Path | None = None, *, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """Say how good the forecasts were that proposals carried before they were voted on.

    By Brier's score and the logarithm's (nats), of which less is better; who says one half has .25 and .693.

    Example: klopf dao scores SEATS

    Parameters
    ----------
    conversation
        Where members signed theirs. Without it only the model's are scored, for which the proposer stands.
    """
    from klopf import dao as room
    from klopf import ledger as book
    from klopf.dao import talk as talks

    talk = talks.Talk.open(conversation) if conversation else None
    open_ = {book.ProposalState.PENDING, book.ProposalState.ACTIVE, book.ProposalState.CANCELED}
    rows: list[dict[str, Any]] = []
    with open_ledger(rpc, deployment, None, 0) as l:
        for p in book.Governance(l).list():
            held = room.carried(p.description)
            if held is None or p.state in open_ or not p.votes["for"] + p.votes["against"]:
                continue
            signed = talk.foretold(held.statement) if talk else {}
            for who, share in held.forecasts.items():
                if who != room.MODEL and round(1000 * share) not in signed.get(who, ()):
                    continue
                one = room.scored(share, p.votes["for"], p.votes["against"])
                by = f"model of {p.proposer}" if who == room.MODEL else who
                rows.append({"proposal": str(p.id), "by": by, **vars(one)})
    for by in sorted({row["by"] for row in rows}):
        own = [row for row in rows if row["by"] == by]
        means = {name: sum(row[name] for row in own) / len(own) for name in ("forecast", "share", "brier", "log")}
        rows.append({"proposal": f"all {len(own)}", "by": by, **means})
    brief = [
        {"proposal": row["proposal"][:10], "by": row["by"]}
        | {k: f"{row[k]:.3f}" for k in ("forecast", "share", "brier", "log")}
        for row in rows
    ]
    print_result(rows, json_, as_rows(brief) if rows else ["no proposal with a forecast has been voted on yet"])


def voices(
    run: Path | None = None, *, block: int | None = None, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False
) -> None:
    """Say whose voice weighs how much, by what a network has settled: receipts of both ends, and fees that were paid.

    Whoever reads the same ledger up to the same block gets the same. `klopf dao model CONVERSATION --voices FILE` takes
    what --json prints.

    Example: klopf dao voices RUN --json > voices.json

    Parameters
    ----------
    run
        The folder of a network's run; instead of --rpc and --deployment.
    block
        As of this block; the last one unless given.
    """
    from klopf.dao._settled import standings

    with open_ledger(rpc, run / "deployment.json" if run else deployment, None, 0) as l:
        found = standings(l, block)
    rows = [
        {"member": name, "voice": f"{found.voices[name]:.3f}", "reputation": f"{share:.4f}"}
        for name, share in sorted(found.reputation.items(), key=lambda one: (-one[1], one[0]))
    ]
    lines = [*as_rows(rows), f"as of block {found.block}, {found.hash}"]
    print_result(vars(found), json_, lines)
