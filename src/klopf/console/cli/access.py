"""What the commands of ``klopf ledger`` and ``klopf dao`` share: where the chain is, who signs, amounts, and printing.

Each command names the chain (``--rpc``: a node's URL, or an embedded chain's file) and the deployment; those that send
a transaction name a key file too. Amounts are in KLP, exact to the last of 18 decimals, here and in JSON (as text).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from klopf.console.cli.command import Json
from klopf.console.cli.passphrase import passphrase
from klopf.errors import LedgerError

if TYPE_CHECKING:
    from klopf import ledger as book

__all__ = [
    "HERE", "Changes", "Confirmations", "Flag", "Json", "KeyFile", "Rpc", "Where", "apply_changes", "as_rows", "as_set",
    "klp", "load_key", "open_ledger", "place_of", "print_result", "print_sent", "units",
]  # fmt: skip

_RPC = "A node's URL or a chain's file; by default KLOPF_RPC, or ledger.sqlite beside the deployment."
Rpc = Annotated[str | None, Parameter(name="--rpc", help=_RPC)]
Where = Annotated[Path, Parameter(name="--deployment", help="The network's deployment file.")]
KeyFile = Annotated[Path | None, Parameter(name="--key", help="Key file to sign with; by default KLOPF_KEY.")]
_SET = (
    "A number of a contract that the owner of the rules may change and its value, such as seats=7, halving_cycles=1460 "
    "or AuditTerms.fewest=50; repeat for more. "
    "Amounts in KLP, effort in units; the eight thresholds and rewards with commas between them."
)
Confirmations = Annotated[
    int, Parameter(name="--confirmations", help="Blocks that must follow a transaction before it counts (over RPC).")
]
Changes = Annotated[list[str] | None, Parameter(name="--set", negative="", help=_SET)]
Flag = Annotated[bool, Parameter(negative="")]

HERE = Path("deployment.json")


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


def place_of(rpc: str | None, deployment: Path) -> str:
    return rpc or os.environ.get("KLOPF_RPC") or str(deployment.parent / "ledger.sqlite")


def load_key(file: Path | None) -> book.Key:
    from klopf import ledger as book

    chosen = file or (Path(os.environ["KLOPF_KEY"]) if os.environ.get("KLOPF_KEY") else None)
    if chosen is None:
        raise LedgerError("this needs a key: name its file with --key, or set KLOPF_KEY; `klopf keys new` makes one")
    return book.keys.load(chosen, passphrase())


@contextmanager
def open_ledger(
    rpc: str | None, deployment: Path, key: book.Key | None = None, confirmations: int = 0
) -> Iterator[book.Ledger]:
    from klopf import ledger as book

    place, known = place_of(rpc, deployment), book.Deployment.load(deployment)
    with book.connect(place, key, known, confirmations=confirmations) as opened:
        yield opened


def print_result(value: Any, as_json: bool, lines: list[str]) -> None:
    """Print a result once: as JSON, or as the lines for people."""
    print(json.dumps(value, indent=1) if as_json else "\n".join(lines))


def as_rows(rows: list[dict[str, Any]]) -> list[str]:
    """A table: columns as wide as their widest entry; what strangers wrote is one line, and moves no cursor."""
    if not rows:
        return ["nothing"]
    shown = [{k: "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(r[k])) for k in rows[0]} for r in rows]
    wide = {k: max(len(k), *(len(r[k]) for r in shown)) for k in rows[0]}
    return ["  ".join(f"{k:<{w}}" for k, w in wide.items()).rstrip()] + [
        "  ".join(f"{r[k]:<{w}}" for k, w in wide.items()).rstrip() for r in shown
    ]


def _read(name: str, value: str, before: Any, scaled: bool) -> Any:
    """One value as ``--set`` takes it, for what was ``before``; ``scaled`` where it has 18 decimals."""
    if isinstance(before, tuple):
        parts = value.split(",")
        if len(parts) != len(before):
            raise LedgerError(f"{name} needs {len(before)} values with commas between them, not {len(parts)}")
        return tuple(_read(name, part, 0, scaled) for part in parts)
    if isinstance(before, str):  # the guardian
        from klopf import ledger as book

        return book.keys.checksum(value)
    try:
        return units(value) if scaled else int(value)
    except ValueError:
        raise LedgerError(f"the rule {name} needs a whole number, not {value!r}") from None


def _as_text(value: Any, scaled: bool) -> str:
    if isinstance(value, tuple):
        return ",".join(_as_text(part, scaled) for part in value)
    return klp(value) if scaled else str(value)


def as_set(records: Mapping[str, Any]) -> dict[str, str]:
    """Every number of ``records``, by contract, as ``--set`` names and takes it."""
    from klopf.ledger._parameters import by_name, called

    return {
        called(contract, name): _as_text(value, name in getattr(record, "amounts", ()))
        for contract, record in records.items()
        for name, value in by_name(record).items()
    }


def apply_changes(changes: list[str] | None, records: Mapping[str, Any]) -> dict[str, Any]:
    """``name=value`` texts applied to the records, by contract, that have the names; each record as it is then.

    A name that several contracts have is said with the contract's, as in ``AuditTerms.fewest``.
    """
    from klopf.ledger._parameters import changed

    values: dict[str, dict[str, Any]] = {contract: {} for contract in records}
    for change in changes or []:
        name, _, value = change.partition("=")
        contract, plain, before = _named(name, records)
        scaled = plain in getattr(records[contract], "amounts", ())
        values[contract][plain] = _read(name, value, before, scaled)
    return {contract: changed(record, values[contract]) for contract, record in records.items()}


def _named(name: str, records: Mapping[str, Any]) -> tuple[str, str, Any]:
    """The contract that a number belongs to, what it is called there, and its value."""
    from klopf.ledger._parameters import by_name, called, may_have

    of, _, plain = name.rpartition(".")
    found = [
        (contract, plain, by_name(record).get(plain, 0))
        for contract, record in records.items()
        if of in ("", contract) and (plain in by_name(record) or may_have(record, plain))
    ]
    if len(found) > 1:
        raise LedgerError(f"several contracts have {plain}: say {' or '.join(f'{c}.{plain}' for c, _, _ in found)}")
    if not found:
        known = ", ".join(called(contract, rule) for contract, record in records.items() for rule in by_name(record))
        raise LedgerError(
            f"there is no rule {name!r}; choose from {known}, pass_TASK_bps of another task, or pool_NUMBER"
        )
    return found[0]


def print_sent(sent: book.Sent, said: str, as_json: bool) -> None:
    print_result(
        {"transaction": sent.hash, "block": sent.block, "gas": sent.gas}, as_json, [f"{said} (transaction {sent.hash})"]
    )
