"""What an act is: a form of a few fields, and the library's call that it stands for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from klopf import ledger
from klopf.console.cli.access import units
from klopf.errors import LedgerError

__all__ = ["Act", "Field", "Given"]

LONGEST = 2_000
"""Letters of what is filled into a field."""


@dataclass(frozen=True)
class Field:
    """One field of a form: its heading in English, as the catalogues have it, and what it takes. ``klp`` is an amount,
    ``id`` a participant, ``whole`` another whole number, ``count`` one that may be 0, ``proposal`` its whole number;
    ``vote`` is for, against or abstain."""

    name: str
    title: str
    kind: Literal["klp", "id", "whole", "count", "proposal", "vote", "text", "address", "lines"]
    optional: bool = False

    def read(self, text: object) -> Any:
        """What was filled in; None for an optional field that is empty. LedgerError, naming the field, where it is none
        of its kind."""
        if not isinstance(text, str) or len(text) > LONGEST:
            raise LedgerError(f"{self.title}: give text of {LONGEST} letters at most")
        text = text.strip()
        if not text:
            if self.optional:
                return None
            raise LedgerError(f"{self.title} is missing")
        return _READ[self.kind](self.title, text)


def _whole(most: int, least: int = 1) -> Callable[[str, str], int]:
    def read(title: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 80 and least <= int(text) < most):
            raise LedgerError(f"{title}: {text[:40]!r} is no number that there can be")
        return int(text)

    return read


def _klp(title: str, text: str) -> int:
    amount = units(text)
    if amount == 0:
        raise LedgerError(f"{title}: give more than nothing")
    return amount


def _vote(title: str, text: str) -> ledger.Support:
    if text not in ("for", "against", "abstain"):
        raise LedgerError(f"{title}: choose for, against or abstain")
    return ledger.Support[text.upper()]


_READ: Mapping[str, Callable[[str, str], Any]] = {
    "klp": _klp, "id": _whole(2**32), "whole": _whole(2**32), "count": _whole(2**32, 0), "vote": _vote,
    "proposal": _whole(2**256),
    "text": lambda _, text: text, "address": lambda _, text: ledger.keys.checksum(text),
    "lines": lambda _, text: text.splitlines(),
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What a form was filled with, by field, and where receipts of this machine may be found."""

    values: Mapping[str, Any]
    receipts: Callable[[int, int], list[ledger.SignedReceipt]]
    """Those that a listener keeps of an epoch, with their proofs."""

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


class Act(ABC):
    """Something that the owner of a key can do. What is signed is what the library's own call would send: the page
    shows it first, one transaction at a time. A recipe::

        from klopf import ledger
        from klopf.console.web import Act, Field, Given

        class Leave(Act):
            title = "Leave the network"
            lead = "Take its stake back before."
            fields = (Field("id", "participant", "id"),)
            needs = "Registry"

            def do(self, book: ledger.Ledger, given: Given) -> None:
                book.registry.quit(given["id"])

    and in ``pyproject.toml``, under a name of its own::

        [project.entry-points."klopf.acts"]
        leave = "my_package:Leave"

    It is then part of every page that has a key. What is no call of the network's own contracts is never signed.
    ``klopf.checks.check_act`` tries what it promises.
    """

    title: ClassVar[str]
    """In English, as the catalogues have it;"""
    lead: ClassVar[str] = ""
    """and what comes of it."""
    fields: ClassVar[tuple[Field, ...]]
    """Of its form; each is called otherwise."""
    needs: ClassVar[str]
    """The contract without which a network has nothing of the kind."""
    last: ClassVar[str] = ""
    """The function that ends it, where other transactions may come first; empty where it is always one."""

    @abstractmethod
    def do(self, book: ledger.Ledger, given: Given) -> None:
        """Do it, by the calls that the command line makes. It is called for a look too, with a ledger that sends
        nothing: so it must come to its first transaction each time, and change nothing before. Where several
        transactions are needed, a later call of this finds the first ones done, and goes on.

        Raises:
            LedgerError: there is nothing to do, or it cannot be done.
        """

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        """What somebody should know before it is signed, a line each."""
        return []
