"""Attacks on finance, each with what it brings before its defence and after it: ``finance.py --part attacks``.

*After* is measured on the embedded chain (of self-liquidation: by its formula). *Before* is measured there too where
somebody may do without the defence (a swap that names no least amount, the pool's own price, whoever asks for all of a
debt); elsewhere it is the same attack by arithmetic on a law without the defence, which each row's docstring says in
one line; nobody compiled such contracts. Royalties are not there, so they have no row.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from figures import Report

import tests.ledger.conftest  # noqa: F401  (its name in the tests is ledger_helpers)
from klopf.errors import Reverted
from klopf.ledger import KLP
from klopf.ledger.core.token import Reserve
from klopf.ledger.finance import Kind, Thing
from tests.ledger.finance.company import Company
from tests.ledger.finance.test_loans import Bank
from tests.ledger.finance.test_rewards import Mint
from tests.ledger.finance.test_trades import Fair
from tests.ledger.finance.town import RICH, Town, calling

__all__ = ["DAY_AT_MOST", "attacks"]

DAY_AT_MOST = 200_000_000 * KLP // 365
"""What all payments of a day earn together at the highest rate that there is."""


@dataclass(frozen=True)
class Row:
    what: str
    before: float
    after: float
    unit: str
    at_most: float = 0.0


def first_share() -> Row:
    """Before: shares by what a vault holds, of which the attacker has the only one, and gives it half a billion."""
    brought, given = KLP, RICH // 2
    shares = brought * 1 // (given + 1)
    bank = Bank(supplied=1)
    bank.iron.send("transfer", bank.owner.loans.address, given, ledger=bank.lender)
    bank.other.loans.supply(bank.terms, brought)
    bank.other.loans.withdraw(bank.terms, bank.other.loans.position(bank.terms, bank.other.me.address).supply_shares)
    lost = RICH - bank.iron_of(bank.other)
    before = 1 - Fraction(shares * (given + 1 + brought), (1 + shares) * brought)
    return Row("donation, first share: who comes second loses", float(before), lost / brought, "of it", 1e-17)


def pushed_price() -> Row:
    """Before: by the pool's own price, as a flash loan leaves it."""
    bank = Bank()
    t, b = bank.terms, bank.borrower
    b.loans.lock(t, 1000 * KLP)
    had = b.loans.risk(t, b.me.address).may_borrow
    bank.other.exchange.swap(bank.id, bank.iron.address, 500 * 10**6 * KLP)
    x, y = bank.owner.exchange.pool(bank.id).reserves
    by_spot = Fraction(1000 * y * 7, x * 10)
    now = b.loans.risk(t, b.me.address).may_borrow
    return Row(
        "price pushed in one go: lent more against a gold",
        float(by_spot - Fraction(had, KLP)) / 1000,
        float(Fraction(now - had, 1000 * KLP)),
        "iron",
    )


def sandwiched(least: bool) -> float:
    best = 0
    for size in (1, 10, 100, 1000):
        town = Town()
        id = town.pool()
        victim, thief = town.people[1].exchange, town.people[2]
        seen = victim.preview(id, town.gold.address, 10 * KLP)
        thief.exchange.swap(id, town.gold.address, size * KLP)
        got = town.iron.read("balanceOf", thief.me.address) - RICH
        try:
            victim.swap(id, town.gold.address, 10 * KLP, least=seen.least(Fraction(1, 200)) if least else 0)
        except Reverted:
            continue  # the victim keeps its tokens
        thief.exchange.swap(id, town.iron.address, got)
        best = max(best, town.gold.read("balanceOf", thief.me.address) - RICH)
    return best / (10 * KLP)


def sandwich() -> Row:
    """Before: on the chain, of whoever names no least amount."""
    return Row(
        "sandwich of a hundredth of a pool: the thief gains", sandwiched(False), sandwiched(True), "of the swap", 0.005
    )


def reentrancy() -> Row:
    """Before: a pool that sends before it writes; a tenth of its shares, taken out again in each of nine transfers."""
    town = Town()
    id = town.pool()
    a = town.people[0].exchange
    had = town.gold.read("balanceOf", a.address)
    # the token itself gets a tenth of all shares, and takes them out in the midst of somebody's swap
    a._write("transfer", town.gold.address, id, a.shares(id, a._ledger.me.address) // 10)
    shares = a.shares(id, town.gold.address)
    town.gold.send("setCall", a.address, calling("remove", ("uint256",) * 4, id, shares, 0, 0))
    a.swap(id, town.gold.address, KLP)
    taken = had + KLP - town.gold.read("balanceOf", a.address)
    return Row("reentrancy by a token with a tenth of the shares: it takes", 10 * 0.1 - 0.1, taken / had, "of the pool")


def read_between() -> Row:
    """Before: a price read when what comes in is counted and what goes out is not yet."""
    town = Town()
    id = town.pool()
    a = town.people[0].exchange
    x, y = a.pool(id).reserves
    town.gold.send("setCall", a.address, calling("quoteDown", ("uint256", "bool", "uint256"), id, True, KLP))
    a.swap(id, town.gold.address, 50 * KLP)
    said, model = int.from_bytes(bytes(town.gold.read("answer"))), a.pool(id).model()
    after = model.quote(True, KLP)
    model.reserves = (x, y)
    off = min(abs(said - after), abs(said - model.quote(True, KLP)))
    half = Fraction(x + 50 * KLP, y) / Fraction(x, y) - 1
    return Row("read-only reentrancy: a price in the midst is off by", float(half), off / after, "of it")


def dust() -> Row:
    """Before: the same fifty rounds, each rounded up for whoever calls: a unit for each step there and back."""
    bank = Bank()
    t, b = bank.terms, bank.borrower
    b.loans.lock(t, 1000 * KLP)
    had, rounds = bank.iron_of(b), 25
    for n in range(rounds):
        b.loans.supply(t, 7 * n + 3)
        b.loans.withdraw(t, b.loans.position(t, b.me.address).supply_shares)
        b.loans.borrow(t, 11 * n + 3)
        b.loans.repay(t)
    return Row("rounding, 25 times there and back, both ways: gained", 2 * rounds, bank.iron_of(b) - had, "units")


def griefing() -> Row:
    """Before: whoever asks for all shares of a debt of which its owner pays one first. After: for 99 in 100."""
    refused = []
    for part in (100, 99):
        bank = Bank()
        t, b, w = bank.terms, bank.borrower, bank.watcher
        b.loans.lock(t, 1000 * KLP)
        b.loans.borrow(t, 2700 * KLP)
        bank.price(3)
        shares = b.loans.position(t, b.me.address).debt_shares * part // 100
        b.loans.repay(t, 1)
        try:
            w.loans.liquidate(t, b.me.address, shares)
            refused.append(0)
        except Reverted:
            refused.append(1)
    return Row("liquidation griefing, a share paid first: sales that are refused", refused[0], refused[1], "of 1")


def self_liquidation() -> Row:
    """Before: a flat bonus of 10 % at a limit of 90 %, sold at 95 %. After: the worst of every limit that may be."""
    bonus = lambda limit: min((1 - limit) / 4, Fraction(1, 10))  # noqa: E731
    limits = [Fraction(n, 100) for n in range(1, 91)]
    worst = max((1 + limit) / 2 * (1 + bonus(limit)) - 1 for limit in limits)
    flat = Fraction(95, 100) * Fraction(110, 100) - 1
    return Row(
        "self-liquidation where due: suppliers lose, of the collateral", float(flat), max(0.0, float(worst)), "of it"
    )


def wash() -> Row:
    """Before: a day's reward by what was paid, with no bound by what was burnt; ten million paid at the best rate."""
    town = Mint()
    a = town.people[0]
    town.owner.reserves.set_rate(Reserve.CIRCULATION, DAY_AT_MOST)
    town.wait(30 * 24 * 3600)
    day = town.day
    for _ in range(10):
        a.circulation.pay(a.me.address, 10**6 * KLP)
    town.wait(24 * 3600)
    a.circulation.close(day)
    town.wait(91 * 24 * 3600)
    a.circulation.claim(day)
    burnt, back = a.circulation.burnt(day, a.me.address), a.circulation.paid(day, a.me.address)
    return Row(
        "wash trading at the highest rate: what comes back", DAY_AT_MOST / burnt, back / burnt, "of what it burns", 0.5
    )


def look_alike() -> Row:
    """Before: an allow-list of addresses, in which the founder's own contract stands: all of it. After: measured."""
    company = Company()
    id, friend = company.filled(), company.workers[0]
    job = company.spend(id, 300 * KLP)
    company.verifier.jobs.report(job, {friend.me.address: 300 * KLP})
    company.people[2].jobs.dispute(job)
    company.owner.jobs.report(job, {})
    company.founder.ventures.collect(job)
    got = friend.token.balance(friend.me.address) - company.PURSE
    return Row("a look-alike job, one lot objects: founder and friend get", 1.0, got / (300 * KLP), "of its price")


def sold_before() -> Row:
    """Before: all that came in is paid to whoever has the share when it is claimed."""
    fair = Fair()
    seller = fair.people[0]
    fair.founder.models.earn(fair.model, 8 * KLP)
    offer = seller.trades.offer(Thing(Kind.SHARES, fair.model, fair.half().amount), KLP, fair.now + 3600)
    due = seller.models.claimable(fair.model, seller.me.address)
    fair.other.trades.buy(offer, KLP)
    lost = due - seller.models.claimable(fair.model, seller.me.address)
    return Row("a share sold just before payout: its seller loses", due / KLP, lost / KLP, "KLP")


def fee_token() -> Row:
    """Before: what was sent is counted, and a hundredth of it did not arrive."""
    town = Town()
    id = town.pool()
    town.gold.send("setFee", 100)
    a, before = town.people[0].exchange, town.owner.exchange.pool(id).reserves
    with suppress(Reverted):
        a.swap(id, town.gold.address, KLP)
    counted = sum(town.owner.exchange.pool(id).reserves) - sum(before)
    return Row("a token that takes 1 % of transfers: counted and not there", 0.01, counted / KLP, "of what is sent")


def rebasing() -> Row:
    """Before: one pot for all pools, by what it holds. After: what a pool without that token pays its shares."""
    town = Town()
    town.pool()
    a = town.people[0].exchange
    klp = town.owner.exchange.open(town.iron.address, town.owner.token.address)
    a.add(klp, (100 * KLP, 100 * KLP))
    town.gold.send("rebase", a.address, 0)
    had = town.iron.read("balanceOf", a._ledger.me.address)
    a.remove(klp, a.shares(klp, a._ledger.me.address))
    lost = 100 * KLP - 1000 - (town.iron.read("balanceOf", a._ledger.me.address) - had)
    return Row("a token that is gone by itself: another pool's shares lose", 1.0, max(0, lost) / (100 * KLP), "of it")


ATTACKS: tuple[Callable[[], Row], ...] = (
    first_share,
    pushed_price,
    sandwich,
    reentrancy,
    read_between,
    dust,
    griefing,
    self_liquidation,
    wash,
    look_alike,
    sold_before,
    fee_token,
    rebasing,
)


def attacks(report: Report) -> None:
    """The table; *after* is asked to be nothing, or next to it."""
    report.say(f"{'attack':<68}{'before':>12}{'after':>12}")
    for attack in ATTACKS:
        row = attack()
        report.figure(f"{row.what}, before", row.before, row.unit)
        report.figure(f"{row.what}, after", row.after, row.unit, at_most=row.at_most)
        report.say(f"{row.what:<68}{row.before:>12.4g}{row.after:>12.4g} {row.unit}")
