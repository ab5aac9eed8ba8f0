"""What the methods answer from: the open chain, and what a node keeps in memory beside it."""

from __future__ import annotations

import itertools
import threading

from klopf.chain._development import Clock, DevelopmentChain
from klopf.chain._transaction import Transaction
from klopf.chain.rpc._fields import BlockId
from klopf.chain.rpc._filters import Filters
from klopf.chain.state._store import StoredBlock
from klopf.chain.state._view import View
from klopf.errors import Rejected

__all__ = ["Node"]


class Node:
    """A chain with filters and snapshots, which live in memory, as in every node; all else is in the file."""

    def __init__(self, chain: DevelopmentChain, dev: bool) -> None:
        self.chain = chain
        self.dev = dev
        self.store = chain._store
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self.filters = Filters(self.store, self.numbers, self.lock)
        self.snapshots: dict[int, tuple[int, Clock]] = {}
        self.impersonated: set[bytes] = set()
        self.impersonates_all = False

    def head(self) -> StoredBlock:
        """The newest block."""
        return self.store.head()

    def number(self, at: BlockId) -> int | None:
        """The number of a block that exists; None for the pending one. Raises where there is no such block."""
        if isinstance(at, str):
            if at == "pending":
                return None
            return 0 if at == "earliest" else self.store.height()
        if isinstance(at, bytes):
            block = self.store.block_by_hash(at)
            if block is None:
                raise Rejected(f"no block has the hash 0x{at.hex()}")
            return block.header.number
        height = self.store.height()
        if at > height:
            raise Rejected(f"there is no block {at} yet; the newest is {height}")
        return at

    def state_number(self, at: BlockId) -> int:
        """The number of the block that left the state that is asked for."""
        number = self.number(at)
        return self.store.height() if number is None else number

    def view(self, at: BlockId) -> View:
        """That state."""
        return self.store.view(self.state_number(at))

    def block(self, at: BlockId) -> StoredBlock | None:
        """That block, or None; for ``pending`` the one that would be made now if nothing were sent."""
        if at == "pending":
            head = self.store.head()
            header = self.chain._next(head, self.chain._now(head))
            return self.chain._seal(head, header, None, None)
        try:
            number = self.number(at)
        except Rejected:
            return None
        return None if number is None else self.store.block(number)

    def pending_nonce(self, who: bytes) -> int:
        """The nonce after those of the transactions that wait in an unbroken row."""
        return self._after(who, self.chain.waiting_nonces(who))

    def waiting(self) -> tuple[list[Transaction], list[Transaction]]:
        """The transactions that wait: those in an unbroken row from their sender's next nonce on, and those behind a
        gap."""
        everything = self.chain.waiting()
        nonces: dict[bytes, list[int]] = {}
        for one in everything:
            nonces.setdefault(one.sender, []).append(one.nonce)
        ends = {who: self._after(who, sorted(held)) for who, held in nonces.items()}
        ready = [one for one in everything if one.nonce < ends[one.sender]]
        return ready, [one for one in everything if one.nonce >= ends[one.sender]]

    def _after(self, who: bytes, nonces: list[int]) -> int:
        nonce = self.view("latest").account(who).nonce
        for held in nonces:
            nonce += held == nonce
        return nonce
