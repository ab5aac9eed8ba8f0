"""Tokens lent against others: bringing them, locking, borrowing, paying back, taking out."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from klopf import ledger
from klopf.console.cli.coins import amount_of, shown
from klopf.console.web.acts._act import Act, Field, Given
from klopf.errors import LedgerError
from klopf.ledger.finance import Coin, MarketTerms

__all__ = ["Borrow", "Lock", "Repay", "Supply", "Withdraw"]

WHICH = Field("market", "market", "whole")
HOUR = 3600


class _InMarket(Act):
    fields: ClassVar[tuple[Field, ...]] = (WHICH, Field("amount", "amount of the token", "text"))
    needs = "Loans"
    of_loan: ClassVar[bool] = True
    """Whether the amount is of the token that is lent; else of the one that is locked."""
    says: ClassVar[str]
    trusts = False
    """Whether it leaves tokens where the market's own prices decide about them."""

    def do(self, book: ledger.Ledger, given: Given) -> None:
        terms = _terms(book, given["market"])
        if self.trusts and terms.prices != book.exchange.address:
            raise LedgerError(
                f"market {given['market']} is not valued by the exchange but by {terms.prices}, who may take all that "
                "is brought there: choose another market"
            )
        coin = self._coin(book, terms)
        self.act(book, terms, amount_of(given["amount"], coin.decimals()))

    @abstractmethod
    def act(self, book: ledger.Ledger, terms: MarketTerms, amount: int) -> None:
        """Do it."""

    def _coin(self, book: ledger.Ledger, terms: MarketTerms) -> Coin:
        return Coin(book, terms.loan if self.of_loan else terms.collateral)

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        terms = _terms(book, given["market"])
        coin = self._coin(book, terms)
        return [
            f"{self.says} {given['amount']} {coin.symbol()} ({coin.address}), market {given['market']}",
            *_position(book, terms),
        ]


class Supply(_InMarket):
    title = "Bring tokens to be lent"
    lead = "They earn what borrowers pay, and bear what no collateral pays for."
    says, trusts, last = "brings", True, "supply"

    def act(self, book: ledger.Ledger, terms: MarketTerms, amount: int) -> None:
        book.loans.supply(terms, amount)


class Lock(_InMarket):
    title = "Lock collateral"
    lead = "Against it one may borrow, up to the market's limit; it may be sold where its price falls."
    of_loan, says, trusts, last = False, "locks", True, "lock"

    def act(self, book: ledger.Ledger, terms: MarketTerms, amount: int) -> None:
        book.loans.lock(terms, amount)


class Borrow(_InMarket):
    title = "Borrow against what is locked"
    lead = "It costs what a year costs in this market, and what is locked may be sold where its price falls."
    says = "borrows"

    def act(self, book: ledger.Ledger, terms: MarketTerms, amount: int) -> None:
        book.loans.borrow(terms, amount)


class Repay(Act):
    title = "Pay a loan back"
    lead = "All that this key owes in a market, with interest until then."
    fields = (WHICH,)
    needs = "Loans"
    last = "repay"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        terms = _terms(book, given["market"])
        owed = book.loans.position(terms, book.me.address).debt_shares
        if not owed:
            raise LedgerError(f"{book.me.address} owes nothing in market {given['market']}")
        market = book.loans.market(terms)
        # what it may be hours from now, so that what may be taken is the same when it is looked at and when signed
        market.accrue(max(market.time, (book.clock.now().time // HOUR + 2) * HOUR))
        Coin(book, terms.loan).ensure_allowance(book.loans.address, market.debt_of(owed))
        book.loans.repay(terms, owed)

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        return _position(book, _terms(book, given["market"]))


class Withdraw(Act):
    title = "Take out what was supplied"
    lead = "All that this key brought to a market and what it earned; as much of it as is not lent."
    fields = (WHICH,)
    needs = "Loans"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        terms = _terms(book, given["market"])
        market, mine = book.loans.market(terms), book.loans.position(terms, book.me.address).supply_shares
        many = min(mine, market.shares_for(market.supplied - market.lent))
        if not many:
            raise LedgerError(f"nothing of {book.me.address} can be taken out of market {given['market']} now")
        book.loans.withdraw(terms, many)

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        return _position(book, _terms(book, given["market"]))


def _terms(book: ledger.Ledger, number: int) -> MarketTerms:
    markets = book.loans.markets()
    if number > len(markets):
        raise LedgerError(f"there is no market {number}; the page's table of lending shows those that there are")
    return markets[number - 1]


def _position(book: ledger.Ledger, terms: MarketTerms) -> list[str]:
    """What this key has and owes there before."""
    loan, collateral = Coin(book, terms.loan), Coin(book, terms.collateral)
    risk = book.loans.risk(terms, book.me.address)
    lines = [
        f"this key has supplied {shown(risk.supplied, loan.decimals())} and owes {shown(risk.owed, loan.decimals())} "
        f"{loan.symbol()}; {shown(risk.collateral, collateral.decimals())} {collateral.symbol()} are locked",
    ]
    if risk.owed:
        lines.append(f"{shown(risk.may_borrow, loan.decimals())} {loan.symbol()} more may be borrowed")
    return lines
