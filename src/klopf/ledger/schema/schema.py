"""The schema of a network: a text that its owner agreed to once, and that everybody can read and check."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from klopf.errors import LedgerError
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import Replay

__all__ = ["Agreed", "Schema", "SchemaReplay"]


@dataclass(frozen=True)
class Agreed(Event):
    digest: bytes
    text: str


class SchemaReplay(Replay):
    """One text, once, and its hash."""

    def begin(self) -> None:
        self.digest, self.block = bytes(32), 0

    def on_Agreed(self, e: Agreed) -> None:
        self.differ(f"agreed before {self.where(e)}", False, any(self.digest))
        self.differ(f"hash of {self.where(e)}", sha256(e.text.encode()).digest(), e.digest)
        self.digest, self.block = e.digest, e.block

    def compare(self) -> None:
        schema = self.client(Schema)
        self.differ("the contract's schema", (self.digest, self.block), (schema.digest(), schema.agreed_in()))


class Schema(Contract):
    """What the network is for."""

    name = "Schema"
    events = (Agreed,)
    replay = SchemaReplay

    def agree(self, text: str) -> Sent:
        """Say what the network is for, in 1 to 100,000 bytes; the owner of the rules only, and once."""
        return self._write("agree", text)

    def digest(self) -> bytes:
        """SHA-256 of the text; zeros while nothing is agreed."""
        return bytes(self._read("digest"))

    def agreed_in(self) -> int:
        """The block whose event holds the text."""
        return int(self._read("agreedIn"))

    def text(self) -> str:
        """What was agreed, compared with its hash.

        Raises:
            LedgerError: nothing was agreed, or the node gives another text or none.
        """
        digest, block = self.digest(), self.agreed_in()
        if not any(digest):
            raise LedgerError(
                "this network agreed on no schema, so strangers cannot join it; `klopf network new` makes one that did"
            )
        for event in self._said((Agreed,), block, block):
            if event.digest == digest == sha256(event.text.encode()).digest():
                return event.text
        raise LedgerError(
            f"the node at {self._ledger.rpc.where} does not give the network's schema, which is in block {block}: "
            "ask a node that keeps old blocks"
        )
