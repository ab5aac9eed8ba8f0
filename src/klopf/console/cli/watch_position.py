"""``klopf watch-position``: a loan is looked at again and again, and said before it is called or sold."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from klopf.console.cli.access import HERE, Json, Rpc, Where, open_ledger
from klopf.console.cli.coins import coin_of, digits
from klopf.console.cli.command import Command
from klopf.errors import LedgerError

if TYPE_CHECKING:
    from klopf import ledger as book

__all__ = ["WatchPosition"]

_PRICE = 10**36


class WatchPosition(Command):
    help = "Look at a loan again and again, and warn before it is called or sold."
    extra = "network"

    def run(self, market: int, owner: str, *, within: int = 10, every: float = 60,
            once: Annotated[bool, Parameter(negative="")] = False, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> int | None:  # fmt: skip
        """A line whenever something changed: all is well, the price is near where the margin is called, called, due.

        Example: klopf watch-position 1 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --within 10 --every 60

        Ends with status 1 as soon as collateral may be sold; with --once in any case, and with 1 on any warning.

        Parameters
        ----------
        market
            Its number, as `klopf lend list` shows it.
        owner
            Whose loan.
        within
            Percent that the price may still fall before the margin can be called: a warning below that.
        every
            Seconds between two looks.
        once
            Look once.
        """
        if every <= 0 or not 0 <= within < 100:
            raise LedgerError("--every is more than 0 seconds, and --within from 0 to 99 percent")
        said = ""
        while True:
            with open_ledger(rpc, deployment) as l:
                seen = _look(l, market, owner, within)
            if seen["state"] != said:
                said = seen["state"]
                print(json.dumps(seen) if json_ else f"market {market}: {seen['line']}", flush=True)
            if once or said == "due":
                return 0 if said in ("well", "nothing owed") else 1
            time.sleep(every)


def _look(l: book.Ledger, number: int, owner: str, within: int) -> dict[str, Any]:
    """How a loan stands, by the upper bound of its collateral's price: in a word, and in a line."""
    markets = l.loans.markets()
    if not 0 < number <= len(markets):
        raise LedgerError(f"there is no market {number}; `klopf lend list` shows those that there are")
    terms = markets[number - 1]
    risk = l.loans.risk(terms, owner)
    loan, collateral = coin_of(l, terms.loan), coin_of(l, terms.collateral)

    def price(value: int) -> str:
        scaled = Fraction(value * 10 ** collateral.decimals(), 10 ** loan.decimals() * _PRICE)
        return f"{digits(scaled)} {loan.symbol()}"

    now, called, sold = (price(v) for v in (risk.bounds.high, risk.called_below, risk.sold_below))
    if not risk.owed:
        state, line = "nothing owed", "nothing is owed"
    elif risk.due:
        state, line = "due", f"collateral may be sold now, at {now}; repay, or lock more"
    elif risk.bounds.high < risk.called_below:
        state = "called" if risk.called else "may be called"
        line = (
            f"at {now} it is under {called}: the margin {state}; it is sold at once under {sold}; repay, or lock more"
        )
    elif risk.bounds.high * (100 - within) < risk.called_below * 100:
        state, line = "near", f"at {now} the price is less than {within} % above {called}, where the margin is called"
    else:
        state, line = "well", f"at {now} all is well; the margin is called under {called}, it is sold under {sold}"
    return {"market": number, "owner": owner, "state": state, "price": now, "called below": called, "sold below": sold,
            "line": line}  # fmt: skip
