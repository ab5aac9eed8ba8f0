"""``klopf pool``: swaps between tokens, and the pools that make them; each shows what would come of it first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from klopf.console.cli.access import (
    HERE,
    Confirmations,
    Json,
    KeyFile,
    Rpc,
    Where,
    as_rows,
    load_key,
    open_ledger,
    print_result,
)  # fmt: skip
from klopf.console.cli.coins import Preview, act_on, amount_of, as_lines, coin_of, digits, shown
from klopf.console.cli.command import CommandGroup
from klopf.errors import LedgerError, Reverted

if TYPE_CHECKING:
    from klopf import ledger as book

__all__ = ["Pool"]

_SECONDS = 600
Id = Annotated[int, Parameter(help="The pool's number, as `klopf pool list` shows it.")]
Token = Annotated[str, Parameter(help="KLP, or a token's address.")]
Slack = Annotated[
    str, Parameter(name="--slack", help="How much less than shown may come, in percent, before it is refused.")
]


class Pool(CommandGroup):
    help = "Swaps between tokens, and the pools that make them."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"list": list_, "open": open_, "add": add, "remove": remove, "swap": swap, "price": price, "mark": mark}


def _slack(text: str) -> Fraction:
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", text):
        raise LedgerError(f"--slack {text!r:.40} is no percentage under 100; give one such as 0.5")
    return Fraction(text) / 100


def list_(*, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """All pools: what they hold, keep and cost.

    Example: klopf pool list --deployment deployment.json
    """
    from klopf.ledger.finance import Coin

    with open_ledger(rpc, deployment) as l:
        rows = []
        for id in range(1, l.exchange.count() + 1):
            pool = l.exchange.pool(id)
            first, second = (Coin(l, token) for token in pool.tokens)
            held = [shown(r, c.decimals()) for r, c in zip(pool.reserves, (first, second), strict=True)]
            names, keeps = (first.symbol(), second.symbol()), f"{pool.fee_bps / 100:g}"
            rows.append({"pool": id, "first": names[0], "holds": held[0], "second": names[1], "and": held[1],
                         "keeps %": keeps, "tokens": " ".join(pool.tokens)})  # fmt: skip
    print_result(rows, json_, as_rows(rows))


def open_(token: Token, other: Token, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
          deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Open a pool for a pair of tokens that has none: KLP, or a token's address.

    Example: klopf pool open KLP 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --key key.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        coins = [coin_of(l, name) for name in (token, other)]
        names = [f"{coin.symbol()} ({coin.address})" for coin in coins]
        id = l.exchange.open(*(coin.address for coin in coins))
    print_result({"pool": id, "tokens": [c.address for c in coins]}, json_, [f"pool {id} of {' and '.join(names)}"])


def add(id: Id, first: str, second: str, *, slack: Slack = "0.5", preview: Preview = False, key: KeyFile = None,
        confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Bring both tokens of a pool for shares of it, in its proportion.

    Who comes first sets the price. As prices move, a share may be less of either token than what was brought for it.

    Example: klopf pool add 1 100 400 --key key.json

    Parameters
    ----------
    first
        Of the pool's first token at most.
    second
        Of its second token at most.
    """
    signer, part = None if preview else load_key(key), _slack(slack)
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        pool = l.exchange.pool(id)
        coins = [coin_of(l, token) for token in pool.tokens]
        most = (amount_of(first, coins[0].decimals()), amount_of(second, coins[1].decimals()))
        amounts, shares = pool.model().fitting(most)
        taken = [f"{shown(a, c.decimals())} {c.symbol()}" for a, c in zip(amounts, coins, strict=True)]
        what = {"pool": id, "amounts": taken, "shares": str(shares)}
        lines = [f"{' and '.join(taken)} for {shares} shares of pool {id}"]
        least = int(shares * (1 - part))
        # no more than was shown: who moved the price first would have the rest of what may be taken for less
        top = (min(most[0], int(amounts[0] * (1 + part))), min(most[1], int(amounts[1] * (1 + part))))
        act_on(what, lines, preview, lambda: l.exchange.add(id, top, least_shares=least, until=_soon(l)), json_)


def remove(id: Id, shares: str = "all", *, slack: Slack = "0.5", preview: Preview = False, key: KeyFile = None,
           confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Give shares of a pool up for what they are of both tokens.

    Example: klopf pool remove 1 all --key key.json

    Parameters
    ----------
    shares
        How many, or all.
    """
    signer, part = load_key(key), _slack(slack)
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        pool, mine = l.exchange.pool(id), l.exchange.shares(id, signer.address)
        many = mine if shares == "all" else amount_of(shares, 0)
        if not 0 < many <= mine:
            raise LedgerError(f"you have {mine} shares of pool {id}; give up no more than these")
        amounts = pool.model().share(many)
        coins = [coin_of(l, token) for token in pool.tokens]
        back = [f"{shown(a, c.decimals())} {c.symbol()}" for a, c in zip(amounts, coins, strict=True)]
        least = (int(amounts[0] * (1 - part)), int(amounts[1] * (1 - part)))
        what = {"pool": id, "shares": str(many), "amounts": back}
        lines = [f"{many} shares of pool {id} for {' and '.join(back)}"]
        act_on(what, lines, preview, lambda: l.exchange.remove(id, many, least=least), json_)


def swap(id: Id, token: str, amount: str, *, slack: Slack = "0.5", preview: Preview = False, key: KeyFile = None,
         confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Give one token of a pool for the other; refused where less comes than was shown, by more than the slack.

    Example: klopf pool swap 1 KLP 12.5 --preview

    Parameters
    ----------
    token
        What is given: KLP, or a token's address.
    amount
        How much of it.
    """
    signer, part = None if preview else load_key(key), _slack(slack)
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        given, pool = coin_of(l, token), l.exchange.pool(id)
        other = coin_of(l, pool.tokens[1 - pool.place(given.address)])
        seen = l.exchange.preview(id, given.address, amount_of(amount, given.decimals()))
        least = seen.least(part)
        out, at_least = (f"{shown(a, other.decimals())} {other.symbol()}" for a in (seen.amount_out, least))
        what = {
            "pool": id, "gives": f"{amount} {given.symbol()}", "gets": out, "at least": at_least,
            "kept by the pool": f"{shown(seen.fee, given.decimals())} {given.symbol()}",
            "worse than its price %": f"{float(seen.loss * 100):.4f}",
            "its price falls by %": f"{float((1 - seen.price_after / seen.price_before) * 100):.4f}",
        }  # fmt: skip
        lines = as_lines(what)

        def send() -> book.Sent:
            return l.exchange.swap(id, given.address, seen.amount_in, least=least, until=_soon(l))

        act_on(what, lines, preview, send, json_)


def price(token: Token, in_token: Token, *, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """What a token is worth in another: now, and between which bounds over the last half hours.

    Example: klopf pool price KLP 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
    """
    with open_ledger(rpc, deployment) as l:
        one, other = coin_of(l, token), coin_of(l, in_token)
        id = l.exchange.of(one.address, other.address)
        if not id:
            raise LedgerError(f"there is no pool of {token} and {in_token}; `klopf pool open` makes one")
        pool = l.exchange.pool(id)
        if not pool.supply:
            raise LedgerError(f"pool {id} is empty; `klopf pool add {id}` sets its price")
        mine, others = pool.reserves[pool.place(one.address)], pool.reserves[pool.place(other.address)]
        scale = Fraction(10 ** one.decimals(), 10 ** other.decimals())
        found: dict[str, Any] = {"pool": id, "now": digits(Fraction(others, mine) * scale)}
        try:
            bounds = l.exchange.bounds(one.address, other.address)
            found |= {"low": digits(bounds.low * scale / 10**36), "high": digits(bounds.high * scale / 10**36)}
        except Reverted as error:
            if error.name != "TooYoung":
                raise
            found |= {"low": None, "high": None}
    print_result(found, json_, [f"{name:<6}{'none yet' if value is None else value}" for name, value in found.items()])


def mark(id: Id, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Keep what averages of a pool's price are made of, where nothing did for half an hour.

    Example: klopf pool mark 1 --key key.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        act_on({"pool": id}, [f"the price of pool {id} is kept"], False, lambda: l.exchange.mark(id), json_)


def _soon(l: book.Ledger) -> int:
    """Until when a call is good: ten minutes from now, by the chain."""
    return l.clock.now().time + _SECONDS  # the last block may be long ago
