"""What a thread has read of the newest state, kept until somebody writes.

Most of what a request needs is what the one before it needed: the newest block, an account, a slot. SQLite tells in one
step whether anything has changed (``PRAGMA data_version``), which takes less time than reading one row.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from klopf.chain._values import Account, CallContext, Difference

if TYPE_CHECKING:
    from klopf.chain.state._rows import StoredBlock

__all__ = ["Recent"]

MOST = 50_000  # accounts, and slots
MOST_SENT = 1_000


class Recent:
    """The newest block, and accounts and slots as they are after it.

    Rows are versions, which later blocks leave alone: what is kept here stays right for ``head`` whatever is written.
    """

    __slots__ = ("accounts", "behind", "context", "head", "number", "sent", "since", "slots", "version")

    def __init__(self, version: int, number: int, head: StoredBlock) -> None:
        self.version = version  # SQLite's, of the moment before ``head`` was read
        self.number = number
        self.head = head
        self.since = time.monotonic()
        self.context: CallContext | None = None  # of calls on it
        self.behind = False  # there is a newer block, of which nobody may be told yet
        self.accounts: dict[bytes, Account] = {}
        self.slots: dict[tuple[bytes, int], int] = {}
        self.sent: dict[bytes, StoredBlock] = {}  # the blocks that this thread wrote last, by their transactions

    def advance(self, head: StoredBlock, difference: Difference) -> None:
        """``head`` follows, and changes the state by ``difference``."""
        if len(self.accounts) > MOST or len(self.slots) > MOST:
            self.accounts.clear()
            self.slots.clear()
        self.head, self.number, self.context = head, head.header.number, None
        if head.tx_hash is not None:
            if len(self.sent) >= MOST_SENT:
                self.sent.clear()
            self.sent[head.tx_hash] = head
        self.accounts.update(difference.accounts)
        self.slots.update(difference.storage)
