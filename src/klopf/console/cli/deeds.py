"""The models of ``klopf invest``: deeds as files, licences, revenue, and shares that are given and paid."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from klopf import files
from klopf.console.cli.access import (
    HERE,
    Confirmations,
    Json,
    KeyFile,
    Rpc,
    Where,
    as_rows,
    klp,
    load_key,
    open_ledger,
    print_result,
    units,
)  # fmt: skip
from klopf.console.cli.coins import Preview, act_on
from klopf.errors import LedgerError

if TYPE_CHECKING:
    from klopf.ledger.finance import Deed

__all__ = ["SHARES", "keep_deed", "load_deeds", "model_commands", "percent", "shares_of"]

SHARES = 10**18
_MOST_BYTES = 4096  # of a deed's file


def model_commands() -> Mapping[str, Callable[..., int | None]]:
    """What can be done with a model that there is."""
    return {"models": models, "earn": earn, "license": license_, "claim": claim, "give": give}


def _part(text: str) -> Fraction:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,16})?", text) or Fraction(text) > 100:
        raise LedgerError(f"{text!r:.40} is no percentage up to 100; give one such as 12.5")
    return Fraction(text) / 100


def percent(text: str) -> int:
    """A percentage in 1/10,000. LedgerError where it is none, or finer.

    >>> percent("12.5")
    1250
    """
    value = _part(text) * 10_000
    if value.denominator != 1:
        raise LedgerError(f"{text!r:.40} is no percentage with at most two decimals; give one such as 12.5")
    return int(value)


def shares_of(text: str) -> int:
    """A percentage of a model in shares. LedgerError where it is none, or nothing."""
    value = _part(text) * SHARES
    if value.denominator != 1 or not value:
        raise LedgerError(f"{text!r:.40} % are no shares; give a number above 0 with at most 16 decimals")
    return int(value)


def keep_deed(to: Path, deed: Deed, signer: str, signature: bytes) -> dict[str, Any]:
    """Write a deed and one signature; what was written."""
    kept = {"venture": deed.venture, "neuron": deed.neuron, "model": deed.model.hex(), "licence": str(deed.licence),
            "signer": signer, "signature": signature.hex()}  # fmt: skip
    try:
        files.replace(to, json.dumps(kept, indent=1) + "\n")
    except OSError as error:
        raise LedgerError(f"cannot write {to}: {error.strerror}; choose a folder that can be written") from None
    return kept


def load_deeds(paths: Sequence[Path]) -> tuple[Deed, dict[str, bytes]]:
    """The one deed that all files have, and each signature by its signer. LedgerError where they differ."""
    from klopf.ledger import keys
    from klopf.ledger.finance import Deed

    deeds, said = set(), {}
    for path in paths:
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError("it is too long")
            kept = json.loads(path.read_text())
            numbers = (int(kept["venture"]), int(kept["neuron"]), bytes.fromhex(kept["model"]), int(kept["licence"]))
            said[keys.checksum(kept["signer"])] = bytes.fromhex(kept["signature"])
        except OSError as error:
            raise LedgerError(f"cannot read {path} ({error.strerror}); name what `klopf invest sign` wrote") from None
        except (KeyError, TypeError, ValueError) as error:
            raise LedgerError(f"{path} is no signed deed ({error}); name what `klopf invest sign` wrote") from None
        deeds.add(Deed(*numbers))
    if len(deeds) != 1:
        raise LedgerError("these files are of different deeds; let all sign for the same venture, neuron and licence")
    return deeds.pop(), said


def models(owner: str = "", *, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """All models: who serves each, what a licence costs, what it earned; and what somebody has of each.

    Example: klopf invest models 0x70997970C51812dc3A010C7d01b50e0d17dc79C8

    Parameters
    ----------
    owner
        Address whose shares are shown, too.
    """
    with open_ledger(rpc, deployment) as l:
        rows = []
        for id in range(1, l.models.count() + 1):
            deed, revenue = l.models.model(id)
            row: dict[str, Any] = {
                "model": id, "venture": deed.venture, "neuron": deed.neuron, "licence KLP": klp(deed.licence),
                "earned KLP": klp(revenue), "commitment": deed.model.hex(),
            }  # fmt: skip
            if owner:
                row |= {"shares %": f"{l.models.shares(id, owner) * 100 / SHARES:.10g}",
                        "to claim KLP": klp(l.models.claimable(id, owner))}  # fmt: skip
            rows.append(row)
    print_result(rows, json_, as_rows(rows))


def earn(id: int, amount: str, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
         deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Bring a model's revenue, such as what its neuron was paid, to its shares.

    Example: klopf invest earn 1 12.5 --key key.json

    Parameters
    ----------
    id
        The model's number, as `klopf invest models` shows it.
    amount
        In KLP.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        act_on({"model": id, "amount": amount}, [f"{amount} KLP for the shares of model {id}"], False,
               lambda: l.models.earn(id, units(amount)), json_)  # fmt: skip


def license_(id: int, holder: str = "", *, preview: Preview = False, key: KeyFile = None,
             confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
             json_: Json = False) -> None:  # fmt: skip
    """Buy a licence of a model, for oneself or for another address; its price is its shares'.

    Example: klopf invest license 1 --preview --key key.json

    Parameters
    ----------
    id
        The model's number, as `klopf invest models` shows it.
    holder
        Address that gets the licence; by default the key's.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        price, who = l.models.model(id)[0].licence, holder or l.me.address
        if not price:
            raise LedgerError(f"model {id} is not licensed; ask those who have its shares")
        if l.models.licensed(id, who):
            raise LedgerError(f"{who} has a licence of model {id} already")
        act_on({"model": id, "holder": who, "price": klp(price)}, [f"a licence of model {id} for {klp(price)} KLP"],
               preview, lambda: l.models.license(id, who), json_)  # fmt: skip


def claim(id: int, *, preview: Preview = False, key: KeyFile = None, confirmations: Confirmations = 0,
          rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Have what one's shares of a model earned.

    Example: klopf invest claim 1 --key key.json

    Parameters
    ----------
    id
        The model's number, as `klopf invest models` shows it.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        due = l.models.claimable(id, l.me.address)
        if not due:
            raise LedgerError(f"your shares of model {id} have earned nothing that you have not claimed")
        act_on({"model": id, "amount": klp(due)}, [f"{klp(due)} KLP of model {id}"], preview,
               lambda: l.models.claim(id), json_)  # fmt: skip


def give(id: int, to: str, part: str, *, preview: Preview = False, key: KeyFile = None,
         confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Give shares of a model to somebody; what they earned until now stays yours.

    Example: klopf invest give 1 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 12.5 --key key.json

    Parameters
    ----------
    id
        The model's number, as `klopf invest models` shows it.
    to
        Address that gets them.
    part
        How much of the model, in percent.
    """
    many = shares_of(part)
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        mine = l.models.shares(id, l.me.address)
        if many > mine:
            raise LedgerError(f"{mine * 100 / SHARES:g} % of model {id} are yours; give no more than these")
        act_on({"model": id, "to": to, "part %": part}, [f"{part} % of model {id} to {to}"], preview,
               lambda: l.models.transfer(id, to, many), json_)  # fmt: skip
