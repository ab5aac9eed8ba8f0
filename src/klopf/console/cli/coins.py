"""Amounts of tokens and moments as people write them, and calls that are shown before they are made."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from klopf.console.cli.access import print_result
from klopf.errors import LedgerError

if TYPE_CHECKING:
    from klopf import ledger as book
    from klopf.ledger.finance import Coin

__all__ = ["Moment", "Preview", "act_on", "amount_of", "as_lines", "coin_of", "digits", "shown"]

Preview = Annotated[
    bool, Parameter(name="--preview", negative="", help="Show what would come of it, and send nothing.")
]


class Moment(int):
    """Seconds since 1970: a number in JSON, a date for people.

    >>> print(Moment(1_797_292_135))
    2026-12-14 23:48 UTC
    """

    def __str__(self) -> str:
        try:
            return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self))
        except (OverflowError, ValueError, OSError):  # beyond any calendar
            return int.__repr__(self)


def as_lines(what: Mapping[str, Any]) -> list[str]:
    """A line for each value, after its name.

    >>> print(*as_lines({"parts": ["600", "400"], "over": False, "its model": None}), sep="\\n")
    parts      600, 400
    over       no
    its model  none
    """
    wide = max(map(len, what), default=0)
    return [f"{name:<{wide}}  {_plain(value)}" for name, value in what.items()]


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return {None: "none", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


def coin_of(l: book.Ledger, name: str) -> Coin:
    """A token by its address, or KLP."""
    from klopf.ledger.finance import Coin

    return Coin(l, l.token.address if name.upper() == "KLP" else name)


def amount_of(text: str, decimals: int) -> int:
    """An amount as text in a token's smallest unit. LedgerError where it is none.

    >>> amount_of("1.5", 6)
    1500000
    >>> amount_of("123456789012.123456789012345678", 18)  # more digits than a Decimal keeps by itself
    123456789012123456789012345678
    """
    value = Fraction(text) * 10**decimals if re.fullmatch(r"[0-9]{1,40}(\.[0-9]{1,40})?", text) else Fraction(0)
    if value.denominator != 1 or not 0 < value < 2**112:
        raise LedgerError(
            f"{text!r:.60} is no amount; give a number above 0 such as 12.5, with at most {decimals} decimals"
        )
    return int(value)


def shown(amount: int, decimals: int) -> str:
    """Back from :func:`amount_of`.

    >>> shown(1500000, 6)
    '1.5'
    """
    whole, part = divmod(amount, 10**decimals)
    return f"{whole}.{part:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)


def digits(value: Fraction) -> str:
    return f"{float(value):.10g}"


def act_on(what: dict[str, Any], lines: list[str], preview: bool, send: Callable[[], book.Sent], as_json: bool) -> None:
    """Show what would come of a call; unless that is all, do it and say that it was done."""
    if not preview:
        sent = send()
        what = {**what, "transaction": sent.hash, "block": sent.block, "gas": sent.gas}
        lines = [*lines, f"done (transaction {sent.hash})"]
    print_result({**what, "sent": not preview}, as_json, lines)
