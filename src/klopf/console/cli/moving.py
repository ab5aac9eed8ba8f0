"""`klopf ledger add-pack|migrate|restore`: a network gets more contracts, or moves to another chain, where its people
take out what they had."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from klopf.console.cli.access import (
    HERE,
    Confirmations,
    Flag,
    Json,
    KeyFile,
    Rpc,
    Where,
    klp,
    load_key,
    open_ledger,
    place_of,
    print_result,
)
from klopf.errors import LedgerError

__all__ = ["add_pack", "migrate", "restore"]


def migrate(*, to: Annotated[str, Parameter(name="--to")], moved: Path = Path("moved.json"),
            claims: Path = Path("claims.jsonl"), governed: Flag = False, from_: Annotated[str | None,
            Parameter(name="--from")] = None, key: KeyFile = None, confirmations: Confirmations = 0,
            deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Deploy the network on another chain, with claims for everybody's tokens. Participants register there again.

    Example: klopf ledger migrate --to new.sqlite --key key.json

    Parameters
    ----------
    to
        The new chain: a node's URL, or a chain's file, which is made where there is none.
    moved
        The new deployment file.
    claims
        Where everybody's claims go: publish it.
    governed
        A DAO of the token's holders owns the new rules, not the key.
    from_
        The chain the network is on now.
    """
    from klopf import ledger as book

    for place in (moved, claims):
        if place.exists():
            raise LedgerError(f"{place} exists: choose another name with --moved or --claims")
    signer = load_key(key)
    source = book.Deployment.load(deployment)
    with book.open_source(place_of(from_, deployment), source) as l:
        if "://" not in to and not Path(to).exists():
            from klopf import chain

            chain.create(to, chain_id=l.deployment.chain_id + 1, same_second=True).close()
        constitution = book.Constitution() if governed else None
        found, held = book.migrate(
            l, to, signer, constitution, confirmations=confirmations,
            progress=lambda name: print(f"created {name}", file=sys.stderr),
        )  # fmt: skip
    found.save(moved)
    book.save_claims(claims, held)
    total = klp(sum(c.amount for c in held))
    print_result({"deployment": dataclasses.asdict(found), "claims": len(held), "klp": total}, json_,
          [f"{len(held)} claims of {total} KLP in {claims}; the network is in {moved}"])  # fmt: skip


def restore(claims: Path, *, owner: str | None = None, everybody: Flag = False, key: KeyFile = None,
            confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> None:  # fmt: skip
    """Take out what an address had on the chain that the network moved from.

    Example: klopf ledger restore claims.json --everybody --key key.json

    Parameters
    ----------
    claims
        The claims that `klopf ledger migrate` wrote.
    owner
        Whose; by default the key's own.
    everybody
        Everybody's: whoever sends pays the gas.
    """
    from klopf import ledger as book

    signer, known = load_key(key), book.load_claims(claims)
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        sent = book.restore(l, known, None if everybody else owner or signer.address)
    print_result({"restored": len(sent)}, json_, [f"{len(sent)} claims paid"])


def add_pack(name: str, *, description: str = "", key: KeyFile = None, confirmations: Confirmations = 0,
             rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Create the contracts of an installed pack and enter them in the network's directory, for good.

    The key must own the rules. Where a DAO owns them, this proposes it.

    Example: klopf ledger add-pack fleet --key key.json

    Parameters
    ----------
    name
        The pack, as its package names it.
    description
        Why: for the DAO's proposal.
    """
    from klopf import ledger as book

    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        added = book.add_pack(
            l, name, description=description, progress=lambda name: print(f"created {name}", file=sys.stderr)
        )
    if added.deployment is not None:
        added.deployment.save(deployment)
    said = f"the network has the pack {name}" if added.proposal is None else f"proposal {added.proposal}"
    record = {"pack": name, "addresses": added.addresses, "proposal": added.proposal and str(added.proposal)}
    print_result(record, json_, [*(f"{n:<14}{a}" for n, a in added.addresses.items()), said])
