"""`klopf dao`: proposals and votes on the rules of a network, and what members would agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from klopf.console.cli import foretelling, opinions, pipelines, words
from klopf.console.cli.access import (
    HERE,
    Changes,
    Confirmations,
    Json,
    KeyFile,
    Rpc,
    Where,
    apply_changes,
    as_rows,
    klp,
    load_key,
    open_ledger,
    print_result,
    print_sent,
)  # fmt: skip
from klopf.console.cli.command import CommandGroup
from klopf.errors import LedgerError

if TYPE_CHECKING:
    from klopf import ledger as book

__all__ = ["Dao"]


class Dao(CommandGroup):
    help = "Proposals and votes on the rules of a network, and what members would agree on."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "delegate": delegate,
            "propose": propose,
            "upgrade": upgrade,
            "vote": vote,
            "queue": queue,
            "execute": execute,
            "cancel": cancel,
            "list": list_,
            "start": opinions.start,
            "ask": opinions.ask,
            "vote-on": opinions.vote_on,
            "close": opinions.close,
            "open": opinions.open_votes,
            "merge": opinions.merge,
            "foretell": foretelling.foretell,
            "scores": foretelling.scores,
            "voices": foretelling.voices,
            "draft": opinions.draft,
            "model": opinions.model,
            "recompute": opinions.recompute,
            "forecast": opinions.forecast,
            "next": opinions.next_,
            "alike": words.alike,
            "topics": words.topics,
            "pipeline": pipelines.pipeline,
            "serve": pipelines.serve,
        }


def _proposal(text: str, dao_: book.Governance) -> int:
    """The proposal whose number begins with ``text``: they are long."""
    matches = [p.id for p in dao_.list() if str(p.id).startswith(text)]
    if len(matches) != 1:
        raise LedgerError(f"{len(matches)} proposals begin with {text!r}; see `klopf dao list`")
    return matches[0]


@contextmanager
def _dao(
    rpc: str | None, deployment: Path, key: book.Key | None = None, confirmations: int = 0
) -> Iterator[book.Governance]:
    from klopf import ledger as book

    with open_ledger(rpc, deployment, key, confirmations) as l:
        yield book.Governance(l)


def delegate(to: str | None = None, *, key: KeyFile = None,
             confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
             json_: Json = False) -> None:  # fmt: skip
    """Let your tokens vote: through yourself, or through another address. Counts for votes that start later.

    Example: klopf dao delegate 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --key key.json

    Parameters
    ----------
    to
        Address that votes with your tokens; by default your own.
    """
    with _dao(rpc, deployment, load_key(key), confirmations) as d:
        print_sent(d.delegate(to), f"your tokens vote through {to or 'you'}", json_)


def propose(description: str, *, changes: Changes = None, key: KeyFile = None,
            confirmations: Confirmations = 0, rpc: Rpc = None,
            deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Propose to change rules, terms of the economy, of audits or any other pack, or how the DAO votes.

    How it votes: voting_delay, voting_period, late_quorum_extension, proposal_threshold, quorum_percent,
    timelock_delay, guardian.

    Example: klopf dao propose "Seven seats" --set seats=7

    Parameters
    ----------
    description
        What for, for the voters.
    """
    if not changes:
        raise LedgerError("nothing is proposed; name rules to change with --set, such as --set seats=7")
    with _dao(rpc, deployment, load_key(key), confirmations) as d:
        before = {**d.terms(), d.name: d.constitution()}
        after = [terms for name, terms in apply_changes(changes, before).items() if terms != before[name]]
        if not after:
            raise LedgerError("this is how it is already: nothing would change")
        id = d.propose_rules(after[0], description, *after[1:])
    print_result({"proposal": str(id)}, json_, [f"proposal {id}"])


def upgrade(contract: str, artifact: Path, description: str, *, key: KeyFile = None,
            confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> None:  # fmt: skip
    """Deploy new code for Lens or Snapshots, and propose to put it behind their address.

    Example: klopf dao upgrade Lens out/Lens.json "pages of 500" --key key.json

    Parameters
    ----------
    contract
        Lens or Snapshots.
    artifact
        What `node build.mjs` made of the new source. Refused where a variable would lose its place.
    description
        Why.
    """
    from klopf.ledger import _abi

    with _dao(rpc, deployment, load_key(key), confirmations) as d:
        id = d.propose_upgrade(contract, _abi.read_artifact(artifact), description)
    print_result({"proposal": str(id)}, json_, [f"proposal {id}"])


def vote(proposal: str, support: Literal["for", "against", "abstain"], *, reason: str = "", key: KeyFile = None,
         confirmations: Confirmations = 0,
         rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Vote on a proposal.

    Example: klopf dao vote 17 for --reason "it is time" --key key.json

    Parameters
    ----------
    support
        for, against or abstain.
    reason
        Why, for all to read.
    proposal
        Its number, or the first digits of it.
    """
    from klopf import ledger as book

    with _dao(rpc, deployment, load_key(key), confirmations) as d:
        id = _proposal(proposal, d)
        print_sent(d.vote(id, book.Support[support.upper()], reason), f"voted {support}", json_)


def queue(
    proposal: str,
    *,
    key: KeyFile = None,
    confirmations: Confirmations = 0,
    rpc: Rpc = None,
    deployment: Where = HERE,
    json_: Json = False,
) -> None:
    """Hand a proposal that has won to the timelock.

    Example: klopf dao queue 17 --key key.json

    Parameters
    ----------
    proposal
        The proposal's number, or how it begins, as `klopf dao list` shows it.
    """
    with _dao(rpc, deployment, load_key(key), confirmations) as d:
        print_sent(d.queue(_proposal(proposal, d)), "queued", json_)


def execute(
    proposal: str,
    *,
    key: KeyFile = None,
    confirmations: Confirmations = 0,
    rpc: Rpc = None,
    deployment: Where = HERE,
    json_: Json = False,
) -> None:
    """Carry out a queued proposal whose delay is over. Anybody may.

    Example: klopf dao execute 17 --key key.json

    Parameters
    ----------
    proposal
        The proposal's number, or how it begins, as `klopf dao list` shows it.
    """
    with _dao(rpc, deployment, load_key(key), confirmations) as d:
        print_sent(
            d.execute(_proposal(proposal, d)),
            "executed; new rules are played from the next epoch on, new terms of the economy from the next cycle on",
            json_,
        )


def cancel(
    proposal: str,
    *,
    key: KeyFile = None,
    confirmations: Confirmations = 0,
    rpc: Rpc = None,
    deployment: Where = HERE,
    json_: Json = False,
) -> None:
    """Cancel a proposal, as its guardian, or as its proposer before the vote starts.

    Example: klopf dao cancel 17 --key key.json

    Parameters
    ----------
    proposal
        The proposal's number, or how it begins, as `klopf dao list` shows it.
    """
    with _dao(rpc, deployment, load_key(key), confirmations) as d:
        print_sent(d.cancel(_proposal(proposal, d)), "cancelled", json_)


def list_(*, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """Every proposal: where it stands, what it would change, and with --json the calls that it would make.

    Example: klopf dao list --json
    """
    with _dao(rpc, deployment) as d:
        rows: list[dict[str, Any]] = [
            {
                "proposal": str(p.id),
                "state": p.state.name.lower(),
                **{name: klp(votes) for name, votes in p.votes.items()},
                "vote_start": p.vote_start,
                "vote_end": p.vote_end,
                "eta": p.eta,
                "description": p.description,
                "changes": d.changes(p),
                "calls": [
                    {"to": to, "data": "0x" + data.hex()} for to, data in zip(p.targets, p.calldatas, strict=True)
                ],
            }
            for p in d.list()
        ]
    brief = [
        {**{k: v for k, v in row.items() if k != "calls"}, "proposal": row["proposal"][:10] + "…",
         "changes": "; ".join(row["changes"])}
        for row in rows
    ]  # fmt: skip
    print_result(rows, json_, as_rows(brief))
