"""Takes payments: settled on the ledger first, then answered, and paid back where no answer can be had.

Between verifying a payment and settling it its payer may cancel it, or spend the money elsewhere: who answers in
between has nothing. Here nothing is answered before the ledger has moved the money, and what decides is what the ledger
says of this one authorization, whoever brought it there and however often a process died meanwhile.

A payment goes bound -> (settled) -> answered. The row is on the disk before the transaction is sent: a process that
comes after finds out from the ledger whether it was moved. The transfer back is itself an authorization, whose nonce
follows from the payment's, so it too happens once.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from eth_hash.auto import keccak

from klopf import ledger
from klopf.doors._sales import Payment, Sale, Sales, klp
from klopf.errors import DoorsError, KlopfError, LedgerError, Reverted, Unanswered, Unpaid
from klopf.extensions import said

__all__ = ["Till"]

HASTE = 6
"""Seconds that a payment must be good for when it comes: it takes a moment to bring it to the ledger."""


@dataclass
class Till:
    """Sells answers. Every method may be called from several threads."""

    book: ledger.Ledger
    """Under the key of whoever is paid."""
    sales: Sales
    answer: Callable[[str], str]
    """From what was asked to what is said, both JSON."""
    ready: Callable[[], None]
    """DoorsError where no answer can be had now."""
    patience: float
    """Seconds after which a payment whose answer cannot be had is paid back."""
    say: Callable[[str], None]
    _locks: tuple[threading.Lock, ...] = field(default_factory=lambda: tuple(threading.Lock() for _ in range(64)))

    @property
    def address(self) -> str:
        """Who is paid."""
        return self.book.me.address

    def sell(self, payment: Payment, price: int, question: bytes, asked: str) -> Sale:
        """The answered sale of a question to a payment, a new one or one that was shown before.

        Raises:
            Unpaid: the payment pays for nothing, or for something else.
            DoorsError: no answer can be had, and nothing was paid; or it was paid and there is no answer now: showing
                the payment again asks again.
            Unanswered: the ledger is away; showing it again goes on.
        """
        with self._alone(payment):
            sale = self.sales.get(payment.payer, payment.nonce)
            if sale is None:
                block = self.book.rpc.height()
                self._verify(payment, price)
                self.ready()
                sale = self.sales.bind(payment, question, asked, block)
            elif sale.payment.signature != payment.signature or sale.payment != payment:
                raise Unpaid(
                    "this payment's nonce was used for another one: sign one with a fresh nonce", "DUPLICATE_NONCE"
                )
            elif sale.question != question:
                raise Unpaid("this payment was for another question: sign one with a fresh nonce", "DUPLICATE_NONCE")
            return self._finish(sale)

    def sweep(self) -> None:
        """See to what was left open: answer what was paid and, where that cannot be done for long, pay it back."""
        for sale in self.sales.open_ones():
            p = sale.payment
            with self._alone(p):
                found = self.sales.get(p.payer, p.nonce)
                if found is None or found.state not in ("bound", "paid"):
                    continue
                try:
                    if found.state == "bound" and not self.book.token.authorization_used(p.payer, p.nonce):
                        if time.time() > p.before:
                            self.sales.forget(p)  # nobody came back, and nothing was moved
                        continue  # to settle it now would charge whoever has given up
                    self._finish(found)
                except Unpaid:
                    continue
                except KlopfError as error:
                    now = self.sales.get(p.payer, p.nonce)
                    if now is None or now.state != "paid":
                        continue  # that it was moved is not known: nothing is paid back that may never have come
                    if time.time() > found.since + self.patience:
                        with contextlib.suppress(KlopfError):
                            self._pay_back(found)
                            self.say(f"paid {klp(p.amount)} back to {p.payer}: {error}")

    def _finish(self, sale: Sale) -> Sale:
        p, transaction = sale.payment, sale.transaction
        if sale.state == "answered":
            return sale
        if sale.state == "paid" and self.book.token.authorization_used(self.address, _nonce_back(p)):
            transaction = self._pay_back(sale)  # and the process was killed before that was written down
        if sale.state == "returned" or transaction != sale.transaction:
            raise Unpaid(f"this payment was paid back in {transaction}: there was no answer")
        if sale.state == "bound":
            try:
                transaction = self._settle(sale)
            except Unpaid:
                self.sales.forget(p)
                raise
        try:
            answer = self.answer(sale.asked)
        except Exception as error:  # whatever a stranger's model raises, it was paid
            self.sales.paid(p, transaction)
            why = str(error) if isinstance(error, KlopfError) else said(error)
            raise DoorsError(
                f"it is paid, and there is no answer yet ({why}): show the same payment again; after "
                f"{self.patience:g} s it is paid back"
            ) from None
        self.sales.answered(p, transaction, answer)
        kept = self.sales.get(p.payer, p.nonce)
        assert kept is not None
        return kept

    def _verify(self, p: Payment, price: int) -> None:
        """Unpaid where it is plain that the ledger would refuse. What passes here may still be refused there."""
        token, now = self.book.token, time.time()
        if p.amount != price:
            raise Unpaid(
                f"this question costs {klp(price)}, and {klp(p.amount)} were authorized: sign for that amount, "
                f"{price} units",
                "INVALID_AMOUNT",
            )
        if p.after > now or p.before < now + HASTE:
            raise Unpaid(
                f"the payment must be good from now on, for {HASTE} s at least: look to the clock, sign again",
                "EXPIRED_PAYMENT",
            )
        digest = token.authorization(
            self.address, p.amount, p.nonce, after=p.after, before=p.before, owner=p.payer
        )  # fmt: skip
        try:
            genuine = ledger.keys.recover(digest, p.signature) == p.payer
        except LedgerError:
            genuine = False
        if not genuine and not self.book.rpc.code(p.payer):  # a contract's the token asks itself, as ERC-1271 says
            raise Unpaid(
                "the signature is not the payer's for this payment: sign what the price says, unchanged",
                "INVALID_SIGNATURE",
            )
        if token.authorization_used(p.payer, p.nonce):
            raise Unpaid(
                "this payment was used or cancelled before it came here: sign one with a fresh nonce", "DUPLICATE_NONCE"
            )
        if (has := token.balance(p.payer)) < p.amount:
            raise Unpaid(
                f"{p.payer} has {klp(has)} and this costs {klp(p.amount)}: bring more KLP", "INSUFFICIENT_FUNDS"
            )

    def _settle(self, sale: Sale) -> str:
        """The transaction that moved the money. Unpaid where none did and none will."""
        p, token = sale.payment, self.book.token
        if not token.authorization_used(p.payer, p.nonce):
            self.ready()  # it may be long since it was bound
            try:
                return token.transfer_authorized(
                    p.payer, self.address, p.amount, p.nonce, p.signature, after=p.after, before=p.before
                ).hash
            except Reverted as error:
                if not token.authorization_used(p.payer, p.nonce):
                    raise Unpaid(f"the ledger refused the payment: {error}") from None
        moved = token.moved_by(p.payer, p.nonce, sale.block)
        if moved is None or (moved.to, moved.value) != (self.address, p.amount):
            raise Unpaid("this payment was cancelled, or paid somebody else: sign one with a fresh nonce")
        return moved.transaction

    def _pay_back(self, sale: Sale) -> str:
        """The transaction that moved the money back, now or before."""
        p, token, nonce = sale.payment, self.book.token, _nonce_back(sale.payment)
        if not token.authorization_used(self.address, nonce):
            signature = self.book.me.sign(token.authorization(p.payer, p.amount, nonce))
            with contextlib.suppress(Reverted):  # another's transaction came first: it is used then
                token.transfer_authorized(self.address, p.payer, p.amount, nonce, signature)
        moved = token.moved_by(self.address, nonce, sale.block)
        if moved is None:
            raise Unanswered("the transfer back is not there yet")
        self.sales.returned(p, moved.transaction)
        return moved.transaction

    def _alone(self, p: Payment) -> threading.Lock:
        """One thread at a time for one payment; now and then two payments share a lock."""
        return self._locks[hash((p.payer, p.nonce)) % len(self._locks)]


def _nonce_back(p: Payment) -> bytes:
    """The nonce by which a payment is paid back: there is one, so that it happens once."""
    return bytes(keccak(b"klopf: paid back" + bytes.fromhex(p.payer[2:]) + p.nonce))
