"""``klopf lend``: tokens lent against collateral; each position with what could go wrong, and at which price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
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
from klopf.errors import LedgerError

if TYPE_CHECKING:
    from klopf import ledger as book
    from klopf.ledger.finance import Coin, MarketTerms

__all__ = ["Lend"]

_ONE = 10**18
Market = Annotated[int, Parameter(help="The market's number, as `klopf lend list` shows it.")]
Lent = Annotated[str, Parameter(help="How many of the token that is lent, such as 12.5.")]
LentOrAll = Annotated[str, Parameter(help="How many of the token that is lent, or all.")]
Locked = Annotated[str, Parameter(help="How many of the token that is locked, such as 12.5.")]
Owner = Annotated[str, Parameter(help="Address whose loan it is.")]


class Lend(CommandGroup):
    help = "Tokens lent against collateral."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "list": list_, "open": open_, "show": show, "supply": supply, "withdraw": withdraw, "lock": lock,
            "free": free, "borrow": borrow, "repay": repay, "call": call, "clear": clear, "liquidate": liquidate,
        }  # fmt: skip


def _market(l: book.Ledger, number: int) -> tuple[MarketTerms, Coin, Coin]:
    """A market by its place in the list; the token that is lent and the collateral."""
    markets = l.loans.markets()
    if not 0 < number <= len(markets):
        raise LedgerError(f"there is no market {number}; `klopf lend list` shows those that there are")
    terms = markets[number - 1]
    return terms, coin_of(l, terms.loan), coin_of(l, terms.collateral)


def _part(text: str, name: str) -> int:
    """A percentage with 18 decimals."""
    try:
        value = Decimal(text) * 10**16
        if not value.is_finite() or value != value.to_integral_value() or not 0 <= value <= 4 * _ONE:
            raise ArithmeticError
    except ArithmeticError:
        raise LedgerError(f"{name} {text!r:.40} is no percentage; give one such as 70") from None
    return int(value)


def _risk(l: book.Ledger, number: int, owner: str) -> tuple[dict[str, Any], list[str]]:
    """A position as it is now, and at which prices it is called and sold."""
    terms, loan, collateral = _market(l, number)
    risk = l.loans.risk(terms, owner)
    scale = Fraction(10 ** collateral.decimals(), 10 ** loan.decimals()) / 10**36
    lent, kept = f" {loan.symbol()}", f" {collateral.symbol()}"
    what: dict[str, Any] = {
        "market": number,
        "owner": owner,
        "supplied": shown(risk.supplied, loan.decimals()) + lent,
        "owed": shown(risk.owed, loan.decimals()) + lent,
        "collateral": shown(risk.collateral, collateral.decimals()) + kept,
        "may borrow": shown(risk.may_borrow, loan.decimals()) + lent,
        "price from": digits(risk.bounds.low * scale),
        "price to": digits(risk.bounds.high * scale),
        "margin called below": digits(risk.called_below * scale),
        "sold below": digits(risk.sold_below * scale),
        "called at": risk.called,
        "may be sold now": risk.due,
    }
    return what, as_lines(what)


def list_(*, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """All markets: what is lent for what, how much, and what a year costs.

    Example: klopf lend list --deployment deployment.json
    """
    with open_ledger(rpc, deployment) as l:
        rows = []
        for number in range(1, len(l.loans.markets()) + 1):
            terms, loan, collateral = _market(l, number)
            m = l.loans.market(terms)
            rows.append({
                "market": number, "lends": loan.symbol(), "for": collateral.symbol(),
                "supplied": shown(m.supplied, loan.decimals()), "lent": shown(m.lent, loan.decimals()),
                "a year costs %": f"{m.yearly / 10**16:.4g}", "limit %": f"{terms.limit / 10**16:g}",
                "notice s": terms.notice, "tokens": f"{terms.loan} {terms.collateral}",
                "valued by": "the exchange" if terms.prices == l.exchange.address else terms.prices,
            })  # fmt: skip
    print_result(rows, json_, as_rows(rows))


def open_(loan: str, collateral: str, *, limit: str = "70", at_kink: str = "5", at_full: str = "100",
          notice: int = 86_400, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
          deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Open a market; the collateral is valued by the exchange, which must have a pool of both for an hour already.

    Example: klopf lend open KLP 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --limit 70 --key key.json

    Parameters
    ----------
    loan
        What is lent: KLP, or a token's address.
    collateral
        What is locked for it.
    limit
        How much of what the collateral is worth may be lent, in percent.
    at_kink
        What a year costs where four fifths are lent, in percent.
    at_full
        What it costs where all is.
    notice
        Seconds from a margin call to the sale.
    """
    from klopf.ledger.finance import MarketTerms

    parts = [_part(text, name) for text, name in ((limit, "--limit"), (at_kink, "--at-kink"), (at_full, "--at-full"))]
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        tokens = [coin_of(l, name).address for name in (loan, collateral)]
        sent = l.loans.open(MarketTerms(tokens[0], tokens[1], l.exchange.address, parts[0], parts[1], parts[2], notice))
        number = len(l.loans.markets())
    what = {"market": number, "transaction": sent.hash, "block": sent.block, "gas": sent.gas}
    print_result(what, json_, [f"market {number} (transaction {sent.hash})"])


def show(market: Market, owner: str | None = None, *, key: KeyFile = None, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> int:  # fmt: skip
    """What somebody has and owes, and what could go wrong at which price; status 1 where collateral may be sold.

    Example: klopf lend show 1 0x70997970C51812dc3A010C7d01b50e0d17dc79C8

    Parameters
    ----------
    owner
        By default the key's address.
    """
    from klopf import ledger as book

    who = book.keys.checksum(owner) if owner else load_key(key).address
    with open_ledger(rpc, deployment) as l:
        what, lines = _risk(l, market, who)
    print_result(what, json_, lines)
    return int(what["may be sold now"])


def _do(market: int, said: str, amount: str, of_loan: bool,
        act: Callable[[book.Ledger, MarketTerms, int], book.Sent], key: KeyFile, confirmations: int, rpc: Rpc,
        deployment: Where, json_: bool, preview: bool = False) -> None:  # fmt: skip
    """Show what moves, and the position before; then do it, and show the position after."""
    signer = load_key(key)
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        terms, loan, collateral = _market(l, market)
        if said in ("supplied", "locked") and terms.prices != l.exchange.address:
            raise LedgerError(
                f"what is locked in market {market} is worth what {terms.prices} says, not the exchange: whoever that "
                "is may take all that you bring; choose another market"
            )
        coin = loan if of_loan else collateral
        many = amount_of(amount, coin.decimals())
        what = {"market": market, said: f"{amount} {coin.symbol()}"}
        act_on(what, [f"{said} {amount} {coin.symbol()}"], preview, lambda: act(l, terms, many), json_)
        if not json_:
            print("\n".join(_risk(l, market, signer.address)[1]))


def supply(market: Market, amount: Lent, *, preview: Preview = False, key: KeyFile = None,
           confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
           json_: Json = False) -> None:  # fmt: skip
    """Bring tokens to be lent. They earn what borrowers pay, and bear what no collateral pays for.

    Example: klopf lend supply 1 1000 --key key.json
    """
    _do(market, "supplied", amount, True, lambda l, t, n: l.loans.supply(t, n), key, confirmations, rpc, deployment,
        json_, preview)  # fmt: skip


def withdraw(market: Market, amount: LentOrAll = "all", *, key: KeyFile = None, confirmations: Confirmations = 0,
             rpc: Rpc = None,
             deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Take out what was supplied and what it earned, as far as it is not lent.

    Example: klopf lend withdraw 1 all --key key.json
    """
    signer = load_key(key)
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        terms, loan, _ = _market(l, market)
        mine, m = l.loans.position(terms, signer.address).supply_shares, l.loans.market(terms)
        many = mine if amount == "all" else min(mine, m.shares_for(amount_of(amount, loan.decimals())))
        if not many:
            raise LedgerError(f"you supplied nothing to market {market}; `klopf lend show {market}` says what you have")
        if amount == "all" and m.assets_of(mine) > (free := m.supplied - m.lent):
            m.accrue(max(m.time, l.clock.now().time) + 60)  # a share is worth more by then
            many = m.shares_for(free)
        if not many:
            raise LedgerError(f"all that was supplied to market {market} is lent; come back when some is repaid")
        out = f"{shown(m.assets_of(many), loan.decimals())} {loan.symbol()} and what they earned since"
        act_on({"market": market, "withdrawn": out}, [out], False, lambda: l.loans.withdraw(terms, many), json_)


def lock(market: Market, amount: Locked, *, preview: Preview = False, key: KeyFile = None,
         confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
           json_: Json = False) -> None:  # fmt: skip
    """Lock collateral.

    Example: klopf lend lock 1 50 --key key.json
    """
    _do(market, "locked", amount, False, lambda l, t, n: l.loans.lock(t, n), key, confirmations, rpc, deployment, json_,
        preview)  # fmt: skip


def free(market: Market, amount: Locked, *, key: KeyFile = None, confirmations: Confirmations = 0,
             rpc: Rpc = None,
         deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Take collateral out, as far as the debt allows.

    Example: klopf lend free 1 50 --key key.json
    """
    _do(market, "freed", amount, False, lambda l, t, n: l.loans.free(t, n), key, confirmations, rpc, deployment, json_)


def borrow(market: Market, amount: Lent, *, preview: Preview = False, key: KeyFile = None,
           confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
           json_: Json = False) -> None:  # fmt: skip
    """Borrow against one's collateral.

    Example: klopf lend borrow 1 100 --key key.json
    """
    _do(market, "borrowed", amount, True, lambda l, t, n: l.loans.borrow(t, n), key, confirmations, rpc, deployment,
        json_, preview)  # fmt: skip


def repay(market: Market, amount: LentOrAll = "all", *, owner: str | None = None, key: KeyFile = None,
          confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
           json_: Json = False) -> None:  # fmt: skip
    """Pay debt back: all of it, or an amount.

    Example: klopf lend repay 1 all --key key.json

    Parameters
    ----------
    owner
        Whose debt; by default the key's.
    """
    from klopf import ledger as book

    signer = load_key(key)
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        terms, loan, _ = _market(l, market)
        who = book.keys.checksum(owner) if owner else signer.address
        owed, m = l.loans.position(terms, who).debt_shares, l.loans.market(terms)
        many = owed if amount == "all" else min(owed, m.debt_for(amount_of(amount, loan.decimals())))
        if not many:
            raise LedgerError(f"{who} owes nothing in market {market}")
        paid = f"{shown(m.debt_of(many), loan.decimals())} {loan.symbol()} and their interest since"
        act_on({"market": market, "repaid": paid}, [paid], False, lambda: l.loans.repay(terms, many, owner=who), json_)


def _about(market: int, owner: str, said: str, act: Callable[[book.Ledger, MarketTerms, str], book.Sent], key: KeyFile,
           confirmations: int, rpc: Rpc, deployment: Where, json_: bool) -> None:  # fmt: skip
    from klopf import ledger as book

    who = book.keys.checksum(owner)
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        terms = _market(l, market)[0]
        act_on({"market": market, "owner": who}, [f"{said} {who}"], False, lambda: act(l, terms, who), json_)


def call(market: Market, owner: Owner, *, key: KeyFile = None, confirmations: Confirmations = 0,
             rpc: Rpc = None,
         deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Call the margin of somebody who owes more than the limit.

    Example: klopf lend call 1 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --key key.json
    """
    _about(market, owner, "called the margin of", lambda l, t, w: l.loans.call_margin(t, w), key, confirmations, rpc,
           deployment, json_)  # fmt: skip


def clear(market: Market, owner: Owner, *, key: KeyFile = None, confirmations: Confirmations = 0,
             rpc: Rpc = None,
          deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Take a margin call back, where the debt is within its limit again.

    Example: klopf lend clear 1 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --key key.json
    """
    _about(market, owner, "cleared the call of", lambda l, t, w: l.loans.clear_call(t, w), key, confirmations, rpc,
           deployment, json_)  # fmt: skip


def liquidate(market: Market, owner: Owner, *, part: str = "100", preview: Preview = False, key: KeyFile = None,
              confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
           json_: Json = False) -> None:  # fmt: skip
    """Pay somebody's debt and have collateral for it, where that is due.

    Example: klopf lend liquidate 1 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --part 50 --key key.json

    Parameters
    ----------
    part
        Of the debt, in percent.
    """
    from klopf import ledger as book

    who, share = book.keys.checksum(owner), _part(part, "--part")
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        terms, loan, collateral = _market(l, market)
        position, m, risk = l.loans.position(terms, who), l.loans.market(terms), l.loans.risk(terms, who)
        shares = position.debt_shares * min(share, _ONE) // _ONE
        if not risk.due or not shares:
            raise LedgerError(
                f"nothing of {who} may be sold in market {market}; `klopf lend show` says below which price"
            )
        paid = m.debt_of(shares)
        got = m.seized(paid, risk.bounds.high, position.collateral)
        what = {"market": market, "pays": f"{shown(paid, loan.decimals())} {loan.symbol()}",
                "has": f"{shown(got, collateral.decimals())} {collateral.symbol()}"}  # fmt: skip
        lines = as_lines(what)
        act_on(what, lines, preview, lambda: l.loans.liquidate(terms, who, shares, least=got * 99 // 100), json_)
