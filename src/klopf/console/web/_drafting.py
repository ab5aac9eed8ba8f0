"""What an act would send, without its being sent."""

from __future__ import annotations

from klopf import ledger
from klopf.console.web._call import Call
from klopf.console.web.acts import Act, Given
from klopf.errors import LedgerError

__all__ = ["drafted", "reading"]


class _Noted(BaseException):
    """What a library's call would have sent; no error, and no ``except Exception`` of an act's holds it up."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call


class _Drafting(ledger.Ledger):
    """A ledger whose first transaction is noted, and not sent."""

    def send(self, to: str, data: bytes, value: int = 0) -> ledger.Sent:
        raise _Noted(Call(to, data, value))


class _Reading(ledger.Ledger):
    """A ledger that only tells."""

    def send(self, to: str, data: bytes, value: int = 0) -> ledger.Sent:
        raise LedgerError("an act may say what it is about, and send nothing for that")


def drafted(act: Act, book: ledger.Ledger, key: ledger.Key, given: Given) -> Call | None:
    """The first transaction that it would send; None where it comes to its end without one."""
    try:
        act.do(_Drafting(book.rpc, book.deployment, key), given)
    except _Noted as noted:
        return noted.call
    return None


def reading(book: ledger.Ledger, key: ledger.Key) -> ledger.Ledger:
    """The same ledger, by which nothing can be sent."""
    return _Reading(book.rpc, book.deployment, key)
