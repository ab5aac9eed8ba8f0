"""`klopf ledger`: money, stakes and history of a deployment, from the command line.

Each command names the chain (``--rpc``: a node's URL, or an embedded chain's file) and the deployment; those that send
a transaction name a key file too. Amounts are in KLP, exact to the last of 18 decimals, here and in JSON (as text).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from klopf.errors import LedgerError

if TYPE_CHECKING:
    from klopf import ledger as book

__all__ = ["ledger"]

ledger = App(name="ledger", help="Money, stakes, history and graph of a network on a chain.")

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of text.")]
_RPC = "A node's URL or a chain's file; by default KLOPF_RPC, or ledger.sqlite beside the deployment."
Rpc = Annotated[str | None, Parameter(name="--rpc", help=_RPC)]
Where = Annotated[Path, Parameter(name="--deployment", help="The network's deployment file.")]
KeyFile = Annotated[Path | None, Parameter(name="--key", help="Key file to sign with; by default KLOPF_KEY.")]
_SET = (
    "A rule or a term of the economy and its value, such as seats=7 or halving_cycles=1460; repeat for more. "
    "Amounts in KLP, effort in units; the eight thresholds and rewards with commas between them."
)
Confirmations = Annotated[
    int, Parameter(name="--confirmations", help="Blocks that must follow a transaction before it counts (over RPC).")
]
Changes = Annotated[list[str] | None, Parameter(name="--set", negative="", help=_SET)]
Flag = Annotated[bool, Parameter(negative="")]

HERE = Path("deployment.json")
MONEY = ("emission", "neuron_stake", "auditor_stake", "proposal_threshold", "rewards")
EFFORT = ("per_core", "per_teraflop", "per_gib", "milestone", "thresholds")


def units(text: str) -> int:
    """KLP as text to whole units of 1e-18. LedgerError where it is no amount, or finer than a unit.

    >>> units("1.5")
    1500000000000000000
    """
    try:
        if not re.fullmatch(r"[0-9]*\.?[0-9]*", text.strip()):
            raise InvalidOperation
        amount = Decimal(text) * 10**18
        if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value() or amount >= 2**96:
            raise InvalidOperation
    except InvalidOperation:
        raise LedgerError(
            f"{text!r} is no amount of KLP; give a number such as 12.5, with at most 18 decimals"
        ) from None
    return int(amount)


def klp(amount: int) -> str:
    """Units as KLP, to the last digit.

    >>> klp(1500000000000000000)
    '1.5'
    """
    whole, part = divmod(amount, 10**18)
    return f"{whole}.{part:018d}".rstrip("0").rstrip(".")


def _rpc(rpc: str | None, deployment: Path) -> str:
    return rpc or os.environ.get("KLOPF_RPC") or str(deployment.parent / "ledger.sqlite")


def _key(file: Path | None) -> book.Key:
    from klopf import ledger as book
    from klopf.console.cli.app import _passphrase

    chosen = file or (Path(os.environ["KLOPF_KEY"]) if os.environ.get("KLOPF_KEY") else None)
    if chosen is None:
        raise LedgerError("this needs a key: name its file with --key, or set KLOPF_KEY; `klopf keys new` makes one")
    return book.keys.load(chosen, _passphrase())


@contextmanager
def _open(
    rpc: str | None, deployment: Path, key: book.Key | None = None, confirmations: int = 0
) -> Iterator[book.Ledger]:
    from klopf import ledger as book

    place, known = _rpc(rpc, deployment), book.Deployment.load(deployment)
    with book.connect(place, key, known, confirmations=confirmations) as opened:
        yield opened


def _tell(value: Any, as_json: bool, lines: list[str]) -> None:
    """Print a result once: as JSON, or as the lines for people."""
    print(json.dumps(value, indent=1) if as_json else "\n".join(lines))


def _rows(rows: list[dict[str, Any]]) -> list[str]:
    """A table: columns as wide as their widest entry."""
    if not rows:
        return ["nothing"]
    wide = {k: max(len(k), *(len(str(r[k])) for r in rows)) for k in rows[0]}
    return ["  ".join(f"{k:<{w}}" for k, w in wide.items()).rstrip()] + [
        "  ".join(f"{r[k]!s:<{w}}" for k, w in wide.items()).rstrip() for r in rows
    ]


def _read(name: str, value: str, before: Any) -> Any:
    """One value as ``--set`` takes it, for what was ``before``."""
    if isinstance(before, tuple):
        parts = value.split(",")
        if len(parts) != len(before):
            raise LedgerError(f"{name} needs {len(before)} values with commas between them, not {len(parts)}")
        return tuple(_read(name, part, 0) for part in parts)
    if isinstance(before, str):  # the guardian
        from klopf import ledger as book

        return book.keys.checksum(value)
    try:
        return units(value) if name in MONEY + EFFORT else int(value)
    except ValueError:
        raise LedgerError(f"the rule {name} needs a whole number, not {value!r}") from None


def _shown(name: str, value: Any) -> str:
    """One value as ``--set`` takes it."""
    if isinstance(value, tuple):
        return ",".join(_shown(name, part) for part in value)
    return klp(value) if name in MONEY + EFFORT else str(value)


def _changed(changes: list[str] | None, *records: Any) -> list[Any]:
    """``name=value`` texts applied to the record of rules that has the name; each record as it is then."""
    from klopf.ledger._parameters import Marks, by_name, changed

    values: list[dict[str, Any]] = [{} for _ in records]
    for change in changes or []:
        name, _, value = change.partition("=")
        for record, found in zip(records, values, strict=True):
            before = by_name(record)
            if name in before or (isinstance(record, Marks) and re.fullmatch("pass_.+_bps", name)):
                found[name] = _read(name, value, before.get(name, 0))
                break
        else:
            known = ", ".join(name for record in records for name in by_name(record))
            raise LedgerError(f"there is no rule {name!r}; choose from {known}, or pass_TASK_bps of another task")
    return [changed(record, found) for record, found in zip(records, values, strict=True)]


@ledger.command
def deploy(
    *, key: KeyFile = None,
    confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE, governed: Flag = False,
    guardian: str | None = None, fundraising: str | None = None, lab: str | None = None,
    foundation: str | None = None, changes: Changes = None, json_: Json = False,
) -> None:  # fmt: skip
    """Put the contracts on a chain and write the deployment file. A chain file that does not exist is made.

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
    place, signer = _rpc(rpc, deployment), _key(key)
    rules, economy, marks = _changed(changes, book.Parameters(), book.Economy(), book.Marks())
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

        chain.create(place, chain_id=1337).close()
    try:
        found = book.deploy(
            place, signer, rules, economy=economy, marks=marks, constitution=constitution, confirmations=confirmations,
            progress=lambda name: print(f"created {name}", file=sys.stderr), **holders,
        )  # fmt: skip
        found.save(deployment)
    except BaseException:
        if made:
            for end in ("", "-wal", "-shm", "-turn"):
                Path(place + end).unlink(missing_ok=True)
        raise
    _tell(dataclasses.asdict(found), json_, [f"{name:<14}{address}" for name, address in found.addresses.items()])


@ledger.command
def status(*, rules: Flag = False, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """Where the clock stands, and everybody who takes part.

    Parameters
    ----------
    rules
        Every rule and every term of the economy that may change, as --set takes them (JSON has them always).
    """
    from klopf.ledger._parameters import by_name

    with _open(rpc, deployment) as l:
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
        terms = {
            name: _shown(name, value)
            for terms_ in (l.rules.current(), l.economy.current(), l.marks.current())
            for name, value in by_name(terms_).items()
        }
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
    _tell({**record, "rules": terms, "participants": rows}, json_, [*heading, *listed, "", *_rows(rows)])


@ledger.command
def balance(address: str | None = None, *, key: KeyFile = None, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> None:  # fmt: skip
    """Tokens and native coin of an address.

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
    with _open(rpc, deployment) as l:
        tokens, wei = l.token.balance(address), l.rpc.balance(address)
    _tell({"address": address, "klp": klp(tokens), "coin": klp(wei)}, json_, [f"{klp(tokens)} KLP"])


def _sent(sent: book.Sent, said: str, as_json: bool) -> None:
    _tell(
        {"transaction": sent.hash, "block": sent.block, "gas": sent.gas}, as_json, [f"{said} (transaction {sent.hash})"]
    )


@ledger.command
def send(to: str, amount: str, *, key: KeyFile = None,
         confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Pay an amount of KLP to an address."""
    from klopf import ledger as book

    to, value = book.keys.checksum(to), units(amount)
    with _open(rpc, deployment, _key(key), confirmations) as l:
        _sent(l.token.transfer(to, value), f"sent {klp(value)} KLP to {to}", json_)


@ledger.command
def stake(id: int, amount: str, *, key: KeyFile = None,
          confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
          json_: Json = False) -> None:  # fmt: skip
    """Put KLP at stake for a participant. It belongs to the participant's owner from then on."""
    value = units(amount)
    with _open(rpc, deployment, _key(key), confirmations) as l:
        _sent(l.stake.stake(id, value), f"staked {klp(value)} KLP for {id}", json_)


@ledger.command
def unstake(id: int, amount: str | None = None, *, key: KeyFile = None,
            confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> None:  # fmt: skip
    """Begin to take stake back; without an amount, withdraw what has thawed.

    Parameters
    ----------
    id
        The participant.
    amount
        In KLP. It stays slashable while it thaws.
    """
    with _open(rpc, deployment, _key(key), confirmations) as l:
        if amount is None:
            _sent(l.stake.withdraw(id), f"withdrew what had thawed for {id}", json_)
        else:
            _sent(l.stake.unstake(id, units(amount)), f"{amount} KLP of {id} is thawing", json_)


@ledger.command
def history(*, kind: str | None = None, participant: int | None = None, limit: int = 50, index: Path | None = None,
            rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """What happened, the latest last.

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
    with _open(rpc, deployment) as l, book.Index(index or ":memory:") as kept:
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
    _tell(records, json_, lines or ["nothing"])


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


@ledger.command
def graph(*, out: Path | None = None, mint: Flag = False, place: str = "",
          key: KeyFile = None,
          confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
          json_: Json = False) -> None:  # fmt: skip
    """Who listens to whom, from birth to now, as GraphML.

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

    with _open(rpc, deployment, _key(key) if mint else None, confirmations) as l:
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
            out.write_text(made.graphml())
        except OSError as error:
            raise LedgerError(f"cannot write {out}: {error.strerror}; choose another place with --out") from None
    lines = [f"{k:<10}{v}" for k, v in record.items() if v is not None]
    _tell(record, json_, lines)


@ledger.command
def verify(*, receipts: Annotated[list[Path] | None, Parameter(negative="")] = None, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> int:  # fmt: skip
    """Recompute every balance, payment and standing from events and receipts; name any difference (exit status 1).

    Parameters
    ----------
    receipts
        File of receipts; repeat for more.
    """
    from klopf import ledger as book

    signed = [receipt for file in receipts or [] for receipt in book.load_receipts(file)]
    with _open(rpc, deployment) as l:
        found = [str(difference) for difference in book.verify(l, signed)]
    good = ["every balance, payment and standing follows from the events and the receipts"]
    _tell({"agrees": not found, "differences": found}, json_, found or good)
    return 1 if found else 0


for _name, _module, _help in (
    ("settle", "settling", "Conclude an epoch that is over, and pay what is due."),
    ("cap", "settling", "Cap what fees may take out of a participant's escrow in one epoch."),
    ("dispute", "settling", "Dispute receipts that their listener signed and did not pay."),
    ("answer", "settling", "Answer open disputes with the proofs of the receipts."),
    ("device", "settling", "Bring in a device as a token; or sign a request that somebody else carries."),
    ("carry", "settling", "Carry what somebody else signed, and pay its gas."),
    ("migrate", "moving", "Deploy the network on another chain, with claims for everybody's tokens."),
    ("restore", "moving", "Take out what an address had on the chain that the network moved from."),
):
    ledger.command(f"klopf.console.cli.{_module}:{_name}", name=_name, help=_help)
