"""``klopf ledger``: money, stakes and history of a deployment, from the command line."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from klopf import files
from klopf.console.cli import moving, settling
from klopf.console.cli.access import (
    HERE,
    Changes,
    Confirmations,
    Flag,
    KeyFile,
    Rpc,
    Where,
    apply_changes,
    as_rows,
    as_set,
    klp,
    load_key,
    open_ledger,
    place_of,
    print_result,
    print_sent,
    units,
)  # fmt: skip
from klopf.console.cli.command import CommandGroup, Json
from klopf.errors import LedgerError

__all__ = ["Ledger"]


class Ledger(CommandGroup):
    help = "Money, stakes, history and graph of a network on a chain."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "deploy": deploy,
            "status": status,
            "balance": balance,
            "send": send,
            "stake": stake,
            "unstake": unstake,
            "history": history,
            "graph": graph,
            "verify": verify,
            "settle": settling.settle,
            "dispute": settling.dispute,
            "answer": settling.answer,
            "device": settling.device,
            "carry": settling.carry,
            "migrate": moving.migrate,
            "add-pack": moving.add_pack,
            "restore": moving.restore,
        }


def deploy(
    *, key: KeyFile = None,
    confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE, governed: Flag = False,
    guardian: str | None = None, fundraising: str | None = None, lab: str | None = None,
    foundation: str | None = None, changes: Changes = None, json_: Json = False,
) -> None:  # fmt: skip
    """Put the contracts on a chain and write the deployment file. A chain file that does not exist is made.

    Example: klopf ledger deploy --rpc http://node:8545 --deployment deployment.json --key key.json

    Parameters
    ----------
    governed
        A DAO of the token's holders owns the rules, not the key.
    guardian
        Address that may cancel a proposal of the DAO.
    fundraising
        Address that gets 5 % of the cap at genesis; by default the key's.
    lab
        Address that gets 20 %; by default the key's.
    foundation
        Address that gets 5 %, and stake that is slashed from now on; by default the key's.
    """
    from klopf import ledger as book

    if deployment.exists():
        raise LedgerError(f"{deployment} exists: choose another name with --deployment")
    place, signer = place_of(rpc, deployment), load_key(key)
    usual: dict[str, Any] = {"Rules": book.Parameters(), "Economy": book.Economy(), "Marks": book.Marks(),
                             "Beacon": book.BeaconTerms(), "AuditTerms": book.AuditTerms(),
                             "Seats": book.SeatTerms()}  # fmt: skip
    terms = apply_changes(changes, usual)
    constitution = None
    if governed:
        constitution = book.Constitution(guardian=book.keys.checksum(guardian)) if guardian else book.Constitution()
    elif guardian:
        raise LedgerError("a guardian watches over a DAO: add --governed")
    holders = {
        name: book.keys.checksum(address) if address else None
        for name, address in (("fundraising", fundraising), ("lab", lab), ("foundation", foundation))
    }
    made = "://" not in place and not Path(place).exists()
    if made:
        from klopf import chain

        chain.create(place, chain_id=1337, same_second=True).close()
    try:
        found = book.deploy(
            place, signer, terms["Rules"], economy=terms["Economy"], marks=terms["Marks"], beacon=terms["Beacon"],
            audit=terms["AuditTerms"], seats=terms["Seats"], constitution=constitution, confirmations=confirmations,
            progress=lambda name: print(f"created {name}", file=sys.stderr),
            fundraising=holders["fundraising"], lab=holders["lab"], foundation=holders["foundation"],
        )  # fmt: skip
        found.save(deployment)
    except BaseException:
        if made:
            for end in ("", "-wal", "-shm", "-turn"):
                Path(place + end).unlink(missing_ok=True)
        raise
    print_result(
        dataclasses.asdict(found), json_, [f"{name:<14}{address}" for name, address in found.addresses.items()]
    )


def status(*, rules: Flag = False, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """Where the clock stands, and everybody who takes part.

    Example: klopf ledger status --rpc http://node:8545 --deployment deployment.json --rules

    Parameters
    ----------
    rules
        Every number of every pack that the owner of the rules may change, as --set takes it (JSON has them always).
    """
    from klopf import ledger as book
    from klopf.ledger._pack import owners_terms

    with open_ledger(rpc, deployment) as l:
        now, everybody = l.clock.now(), l.registry.all()
        record = {
            "chain": l.deployment.chain_id,
            "block": l.rpc.height(),
            "epoch": now.epoch,
            "phase": now.phase.name.lower(),
            "arrived": now.arrived,
            "expected": now.expected,
            "supply": klp(l.token.supply()),
            "emitted": klp(l.token.emitted()),
            "cycle": (cycle := l.emission.cycle()),
            "reward": klp(l.emission.reward(cycle)),
            "halving": l.emission.milestone(),
            "rules owner": l.rules.owner(),
        }
        owners: dict[str, Any] = dict(owners_terms(l))
        if "KlopfGovernor" in l.deployment.addresses:
            owners["KlopfGovernor"] = book.Governance(l).constitution()
        terms = as_set(owners)
        rows = [
            {
                "id": p.id,
                "role": p.role.name.lower(),
                "standing": p.standing.name.lower(),
                "heard": f"{p.utility:.4f}",
                "age": p.age,
                "stake": klp(p.stake),
                "owner": p.owner,
                "model": p.model,
            }
            for p in everybody
        ]
    heading = [f"{name:<12}{value}" for name, value in record.items()]
    listed = ["", *(f"{name}={value}" for name, value in terms.items())] if rules else []
    print_result({**record, "rules": terms, "participants": rows}, json_, [*heading, *listed, "", *as_rows(rows)])


def balance(address: str | None = None, *, key: KeyFile = None, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> None:  # fmt: skip
    """Tokens and native coin of an address.

    Example: klopf ledger balance --key key.json --rpc http://node:8545 --deployment deployment.json

    Parameters
    ----------
    address
        By default that of the key file, whose passphrase is not needed.
    """
    from klopf import ledger as book

    if address is None:
        chosen = key or (Path(os.environ["KLOPF_KEY"]) if os.environ.get("KLOPF_KEY") else None)
        if chosen is None:
            raise LedgerError("whose balance? Name an address, or a key file with --key")
        address = book.keys.read_address(chosen)
    address = book.keys.checksum(address)
    with open_ledger(rpc, deployment) as l:
        tokens, wei = l.token.balance(address), l.rpc.balance(address)
    print_result({"address": address, "klp": klp(tokens), "coin": klp(wei)}, json_, [f"{klp(tokens)} KLP"])


def send(to: str, amount: str, *, key: KeyFile = None,
         confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Pay an amount of KLP to an address.

    Example: klopf ledger send 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 100 --key key.json

    Parameters
    ----------
    to
        Address that gets them.
    amount
        In KLP.
    """
    from klopf import ledger as book

    to, value = book.keys.checksum(to), units(amount)
    for name, address in book.Deployment.load(deployment).addresses.items():
        if address == to:
            raise LedgerError(f"{to} is the network's own {name}, and what is sent there is lost: give a key's address")
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        print_sent(l.token.transfer(to, value), f"sent {klp(value)} KLP to {to}", json_)


def stake(id: int, amount: str, *, key: KeyFile = None,
          confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
          json_: Json = False) -> None:  # fmt: skip
    """Put KLP at stake for a participant. It belongs to the participant's owner from then on.

    Example: klopf ledger stake 3 500 --key key.json

    Parameters
    ----------
    id
        The neuron's number, as `klopf ledger status` shows it.
    amount
        In KLP.
    """
    value = units(amount)
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        print_sent(l.stake.stake(id, value), f"staked {klp(value)} KLP for {id}", json_)


def unstake(id: int, amount: str | None = None, *, key: KeyFile = None,
            confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> None:  # fmt: skip
    """Begin to take stake back; without an amount, withdraw what has thawed.

    Example: klopf ledger unstake 3 500 --key key.json

    Parameters
    ----------
    id
        The participant.
    amount
        In KLP. It stays slashable while it thaws.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        if amount is None:
            print_sent(l.stake.withdraw(id), f"withdrew what had thawed for {id}", json_)
        else:
            print_sent(l.stake.unstake(id, units(amount)), f"{amount} KLP of {id} is thawing", json_)


def history(*, kind: str | None = None, participant: int | None = None, limit: int = 50, index: Path | None = None,
            rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """What happened, the latest last.

    Example: klopf ledger history --kind Settlement.Collected --participant 3 --limit 20

    Parameters
    ----------
    kind
        Only events of this kind, such as Settlement.Heard or Stake.Slashed.
    participant
        Only what is about this participant: its provenance, from its registration on.
    limit
        At most this many, the latest.
    index
        An index file to keep, so that the next time only what is new is read.
    """
    from klopf import ledger as book

    if limit < 1:
        raise LedgerError(f"--limit {limit} shows nothing; give at least 1")
    if kind is not None and kind not in book.events.kinds():
        raise LedgerError(f"there is no event {kind!r}; choose from {', '.join(sorted(book.events.kinds()))}")
    with open_ledger(rpc, deployment) as l, book.Index(index or ":memory:") as kept:
        kept.follow(l)
        found: list[Any] = []
        after: tuple[int, int] | None = None
        while True:
            page = kept.page(kind=kind, participant=participant, after=after, limit=1_000)
            found = [*found, *page.events][-limit:] if limit > 0 else []
            if page.after is None:
                break
            after = page.after
    records = [{"kind": e.kind, **_plain(dataclasses.asdict(e))} for e in found]
    lines = [
        f"{r['block']:>6}  {r['kind']:<26}"
        + "  ".join(f"{k}={v}" for k, v in list(r.items())[5:] if not (isinstance(v, str) and len(v) > 90))
        for r in records
    ]
    print_result(records, json_, lines or ["nothing"])


def _plain(value: Any) -> Any:
    """JSON-ready: bytes in hexadecimal, whole numbers beyond a double's as text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def graph(*, out: Path | None = None, mint: Flag = False, place: str = "",
          key: KeyFile = None,
          confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
          json_: Json = False) -> None:  # fmt: skip
    """Who listens to whom, from birth to now, as GraphML.

    Example: klopf ledger graph --out graph.dot

    Parameters
    ----------
    out
        Where to write it; by default to standard output.
    mint
        Mint the graph's hash as a token.
    place
        Where others can get the graph, to go with the token.
    """
    from klopf import ledger as book

    with open_ledger(rpc, deployment, load_key(key) if mint else None, confirmations) as l:
        made = book.graph(book.history(l))
        token = l.snapshots.mint(made.hash(), made.block, place) if mint else None
    record = {"block": made.block, "hash": "0x" + made.hash().hex(), "members": len(made.members),
              "listening": len(made.listening), "token": token}  # fmt: skip
    if out is None and not json_:
        print(made.graphml(), end="")
        if token is not None:
            print(f"token {token}", file=sys.stderr)
        return
    if out is not None:
        try:
            files.replace(out, made.graphml())
        except OSError as error:
            raise LedgerError(f"cannot write {out}: {error.strerror}; choose another place with --out") from None
    lines = [f"{k:<10}{v}" for k, v in record.items() if v is not None]
    print_result(record, json_, lines)


def _without_receipts(found: list[str]) -> list[str]:
    """``found`` where no receipts were given: all that is only missing is one line."""
    others = [line for line in found if not line.endswith("is missing or altered")]
    if missing := len(found) - len(others):
        rest = "of the rest, what is named above does not follow" if others else "all the rest follows"
        others.append(
            f"{missing:,} receipts that were claimed are not here, so what they say is not checked; {rest} from "
            "the events. Give the listeners' files with --receipts (of those who joined FOLDER/receipts/*)"
        )
    return others


def verify(*, receipts: Annotated[list[Path] | None, Parameter(negative="", consume_multiple=True)] = None,
           rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> int:  # fmt: skip
    """Recompute every balance, payment and standing from events and receipts; name any difference (exit status 1).

    Example: klopf ledger verify --receipts receipts.jsonl

    Parameters
    ----------
    receipts
        Files of receipts, such as RUN/receipts.jsonl, or of those who joined FOLDER/receipts/*. Claims whose receipts
        are in none are named as missing. `klopf verify RUN` reads those of a run by itself.
    """
    from klopf import ledger as book

    signed = [receipt for file in receipts or [] for receipt in book.load_receipts(file)]
    with open_ledger(rpc, deployment) as l:
        found = [str(difference) for difference in book.verify(l, signed)]
    good = ["every balance, payment and standing follows from the events and the receipts"]
    lines = found if receipts else _without_receipts(found)
    print_result({"agrees": not found, "differences": found}, json_, lines or good)
    return 1 if found else 0
