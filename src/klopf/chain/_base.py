"""An open chain: accept a transaction, run it, keep its block; answer what is and what would be."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from klopf.chain._form import check_form
from klopf.chain._group import Group
from klopf.chain._keccak import keccak
from klopf.chain._patience import TooLong, patience
from klopf.chain._transaction import MAX_INITCODE, Transaction, decode
from klopf.chain._values import (
    EMPTY_CODE,
    Account,
    CallContext,
    Difference,
    Environment,
    Frame,
    Log,
    Outcome,
    StateView,
)
from klopf.chain.machine._estimated import EstimatedOutcome
from klopf.chain.machine._executor import Executor, Recorder, Tracer, executor
from klopf.chain.state._block import EMPTY_ROOT, Header, bloom, commit, receipts_root, transactions_root
from klopf.chain.state._store import Store, StoredBlock, check_chain_id
from klopf.chain.state._waiting import (
    MAX_AHEAD,
    Waiting,
    anybody_waits,
    drop,
    hold,
    waiting,
    waiting_of,
    waiting_transaction,
)
from klopf.errors import ChainError, DamagedFile, Rejected

if TYPE_CHECKING:
    import sqlite3

__all__ = ["BaseChain"]

ENDS = 16
FEW = 16  # transactions whose senders are found in no time


class BaseChain:
    """An open chain. Threads may share it; other processes may open the same file at the same time.

    Use it as a context manager, or :meth:`close` it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        chain_id: int | None = None,
        machine: str = "py-evm",
    ) -> None:
        self._store = Store(Path(path), read_only=read_only)
        try:
            check_chain_id(self._store, chain_id)
            self._check_ends()
        except BaseException:
            self._store.close()
            raise
        self._machine_name = machine
        self._machine: Executor | None = None
        self._estimated: EstimatedOutcome | None = None
        self._accepted: Group[tuple[Transaction, bool], bytes] = Group(self._accept_all)

    def _check_ends(self) -> None:
        """A quick look at opening: the first and the newest blocks match their hashes; :meth:`verify` looks at all."""
        store = self._store
        height = store.height()
        parent = None
        for number in (0, *range(max(1, height - ENDS), height + 1)):
            block = store.block(number)
            if block is None or block.header.number != number or block.header.hash() != block.hash:
                raise DamagedFile(
                    f"{store.path} is damaged: block {number} is not what its hash says; restore it from a copy"
                )
            if number == 0 and block.hash != store.meta.get("genesis"):
                raise DamagedFile(
                    f"{store.path} is damaged: its first block is not its genesis; restore it from a copy"
                )
            if parent is not None and number == parent.header.number + 1 and block.header.parent != parent.hash:
                raise DamagedFile(
                    f"{store.path} is damaged: block {number} follows another block; restore it from a copy"
                )
            parent = block

    @property
    def path(self) -> Path:
        """The file."""
        return self._store.path

    @property
    def chain_id(self) -> int:
        """The chain's id (EIP-155)."""
        return int(self._store.meta["chain_id"])

    @property
    def dev(self) -> bool:
        """Whether the clock may be moved and blocks undone (``evm_*`` requests)."""
        return bool(self._store.meta["dev"])

    @property
    def same_second(self) -> bool:
        """Whether blocks may have their parent's timestamp; if not, each is a second later at least."""
        return bool(self._store.meta.get("same_second", True))

    @property
    def read_only(self) -> bool:
        """Whether it was opened for reading only."""
        return self._store.read_only

    @property
    def height(self) -> int:
        """Number of the newest block; the genesis is 0."""
        return self._store.height()

    @property
    def machine(self) -> Executor:
        """What executes transactions; imported at its first use."""
        if self._machine is None:
            self._machine = executor(self._machine_name)
        return self._machine

    def close(self) -> None:
        """Close the file. Requests after this raise :class:`~klopf.errors.ChainError`."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def transaction_block(self, tx_hash: bytes) -> int | None:
        """Number of the block that holds that transaction, or None."""
        block = self._store.block_of_transaction(tx_hash)
        return None if block is None else block.header.number

    def block_hash(self, number: int) -> bytes:
        """Hash of that block. Raises :class:`~klopf.errors.Rejected` where there is none."""
        return self._require(number).hash

    # what would be

    def context(self, number: int | None = None) -> CallContext:
        """The state after block ``number`` and that block's environment; None: the newest state, and the next block's.

        Several calls in one context see the same, whatever is written meanwhile.
        """
        if number is not None:
            recent = self._store.recent()
            if number == recent.number:
                if recent.context is None:
                    environment = self._environment(recent.head.header)
                    recent.context = CallContext(self._store.view(number), environment, recent.head.hash)
                return recent.context
            block = self._require(number)
            return CallContext(self._store.view(number), self._environment(block.header), block.hash)
        head = self._store.head()
        header = self._next(head, self._now(head))
        return CallContext(self._store.view(head.header.number), self._environment(header), head.hash)

    def call(self, call: Transaction, context: CallContext | None = None) -> Outcome:
        """Run ``call`` without a signature in ``context`` (None: as the next block would)."""
        view, environment, _ = context or self.context()
        return self.machine.execute(view, self._admit(call, view, environment), call)

    def remember_estimate(self, call: Transaction, context: CallContext, outcome: Outcome) -> None:
        """Remember what ``call`` came to in ``context``, for a transaction that turns out to be the same."""
        if not self.dev:  # where blocks can be undone, the state behind a number may change while it is read
            self._estimated = EstimatedOutcome(context.parent, call, outcome)

    def trace(self, call: Transaction, context: CallContext | None = None) -> tuple[Outcome, Frame]:
        """As :meth:`call`, with the tree of messages."""
        view, environment, _ = context or self.context()
        return self._tracer().trace(view, self._admit(call, view, environment), call)

    def accessed(self, call: Transaction, context: CallContext) -> tuple[Outcome, dict[bytes, set[int]]]:
        """As :meth:`call`, with the accounts that were touched and, of each, the slots."""
        if not hasattr(self.machine, "accessed"):
            raise Rejected(f"{self.machine.name} does not say what it touches; open the chain with another machine")
        view, environment, _ = context
        return cast("Recorder", self.machine).accessed(view, self._admit(call, view, environment), call)

    def trace_sent(self, tx_hash: bytes) -> tuple[Outcome, Frame] | None:
        """Run a past transaction again, with the tree of its messages; None where there is no such transaction."""
        block = self._store.block_of_transaction(tx_hash)
        if block is None or block.raw is None:
            return None
        view = self._store.view(block.header.number - 1)
        return self._tracer().trace(view, self._environment(block.header), decode(block.raw))

    def _tracer(self) -> Tracer:
        if not hasattr(self.machine, "trace"):
            raise Rejected(f"{self.machine.name} cannot trace; open the chain with another machine")
        return cast("Tracer", self.machine)

    def _admit(self, call: Transaction, view: StateView, environment: Environment) -> Environment:
        """Check a call as far as a call is checked; returns the environment that it sees."""
        price = call.gas_price(environment.base_fee) if call.max_fee else 0
        if call.max_fee and call.max_fee < environment.base_fee:
            raise Rejected(f"max fee per gas {call.max_fee} is below the base fee {environment.base_fee}; raise it")
        if view.account(call.sender).balance < call.value + price * call.gas:
            raise Rejected("insufficient funds for value and gas: the caller's balance is too small; fund it first")
        if call.gas < call.intrinsic_gas():
            raise Rejected(f"intrinsic gas too low: {call.gas} of {call.intrinsic_gas()}; give more gas")
        if not call.to and len(call.data) > MAX_INITCODE:
            raise Rejected(f"the creation code has {len(call.data)} bytes, at most {MAX_INITCODE}; make it smaller")
        if not call.max_fee and environment.base_fee:  # a call that offers no fee pays none, whatever the base fee
            environment = environment._replace(base_fee=0)
        return environment

    # what is accepted

    def send(self, raw: bytes) -> bytes:
        """Accept a signed transaction: run it in a block of its own and make that durable. Returns its hash.

        Raises :class:`~klopf.errors.Rejected` where it cannot be accepted; then nothing has changed. A transaction
        that reverts is accepted, with status 0; one that is in the chain already is acknowledged again.
        """
        [result] = self._accepted.do([(self._decode(raw), False)])
        if isinstance(result, Exception):
            raise result
        return result

    def submit(self, raws: list[bytes], wait: bool = True) -> list[bytes | Exception]:
        """Accept signed transactions one after another, in one write; for each its hash, or why not.

        Unlike with :meth:`send`, one whose turn has not come waits for it, in the file: see :mod:`_waiting
        <klopf.chain.state._waiting>`. Where ``wait`` is False, raises :class:`~klopf.chain._patience.TooLong`, and has
        done nothing, instead of waiting for another writer, and where anything else does not go smoothly; it does not
        wait for the disk either, and nobody may be told before the store's ``make_durable``.
        """
        decoded: list[Transaction | Exception] = []
        for raw in raws:
            try:
                decoded.append(self._decode(raw))
            except Rejected as error:
                decoded.append(error)
        accepted = [(d, True) for d in decoded if isinstance(d, Transaction)]
        results = iter(self._accepted.do(accepted) if wait else self._accept_now(accepted))
        return [d if isinstance(d, Exception) else next(results) for d in decoded]

    def _accept_now(self, given: list[tuple[Transaction, bool]]) -> list[bytes | Exception]:
        try:
            return self._accept_all(given, wait=False)
        except Exception as error:  # if it is one's fault, doing it again shows whose: see Group
            raise TooLong from error

    def _decode(self, raw: bytes) -> Transaction:
        transaction = decode(bytes(raw))
        if not transaction.is_signed:
            raise Rejected("nobody has signed this transaction; send a signed one")
        if transaction.chain_id not in (None, self.chain_id):
            raise Rejected(
                f"the transaction is signed for chain {transaction.chain_id}, this is {self.chain_id}; sign for it"
            )
        return transaction

    def _accept_all(self, given: list[tuple[Transaction, bool]], wait: bool = True) -> list[bytes | Exception]:
        """One write: run each transaction, or let it wait where that is allowed. Where ``wait`` is True all is durable
        when this returns."""
        _ = self.machine
        results: list[bytes | Exception] = []
        with self._store.write(wait, durable=wait) as connection:
            others = anybody_waits(connection)
            for transaction, may_wait in given:
                try:
                    others |= self._accept(connection, transaction, may_wait, others)
                    results.append(transaction.hash)
                except Rejected as error:
                    results.append(error)
        return results

    def _accept(
        self, connection: sqlite3.Connection, transaction: Transaction, may_wait: bool, anybody_waits: bool
    ) -> bool:
        """Run a transaction, or let it wait; whether it waits."""
        t = transaction
        head = self._store.head()
        account = self._store.view(head.header.number).account(t.sender)
        if t.nonce < account.nonce and self._store.block_of_transaction(t.hash) is not None:
            return False  # it is in the chain
        others = waiting_of(connection, t.sender) if anybody_waits else {}
        first = account.nonce + (not self._mines_by_hand(connection))  # the first whose turn has not come
        if may_wait and first <= t.nonce <= account.nonce + MAX_AHEAD:
            self._hold(connection, t, others, head.header)
            return True
        self._run(connection, head, t)
        if others:
            self._run_waiting(connection, t, others)
        return False

    def _mines_by_hand(self, connection: sqlite3.Connection) -> bool:
        """Whether every transaction waits for a block to be asked for."""
        return False

    def _hold(
        self, connection: sqlite3.Connection, transaction: Transaction, others: dict[int, Waiting], header: Header
    ) -> None:
        old = others.get(transaction.nonce)
        if old is None or old.hash != transaction.hash:
            check_form(transaction, header)
            hold(connection, transaction, None if old is None else decode(old.raw))

    def _run_waiting(self, connection: sqlite3.Connection, last: Transaction, others: dict[int, Waiting]) -> None:
        """Run those whose turn has come now that ``last`` is in the chain; what cannot run then is forgotten."""
        nonce = last.nonce
        while (row := others.get(nonce + 1)) is not None:
            nonce += 1
            try:
                self._run(connection, self._store.head(), decode(row.raw))
            except Rejected:
                break
        drop(connection, last.sender, nonce)

    def _run(self, connection: sqlite3.Connection, head: StoredBlock, transaction: Transaction) -> None:
        """Run a transaction in the next block and write that."""
        view = self._store.view(head.header.number)
        self._check(transaction, view.account(transaction.sender), head.header)
        header = self._next(head, self._now(head, connection))
        estimated = self._estimated
        if estimated is not None and estimated.holds(head.hash, transaction, header.base_fee):
            outcome = estimated.outcome
        else:
            outcome = self.machine.execute(view, self._environment(header), transaction)
        self._append(connection, head, header, transaction, outcome)

    def waiting(self) -> list[Transaction]:
        """Transactions that wait for their turn, by sender and nonce."""
        with self._store.errors():
            rows = waiting(self._store.connection())
        if len(rows) > FEW:
            patience.refuse()
        return [decode(row.raw) for row in sorted(rows)]

    def waiting_nonces(self, sender: bytes) -> list[int]:
        """The nonces of a sender's transactions that wait, in order."""
        with self._store.errors():
            return list(waiting_of(self._store.connection(), sender))

    def waiting_transaction(self, tx_hash: bytes) -> Transaction | None:
        """The one of that hash."""
        with self._store.errors():
            raw = waiting_transaction(self._store.connection(), tx_hash)
        return None if raw is None else decode(raw)

    def _check(self, transaction: Transaction, account: Account, header: Header) -> None:
        t = transaction
        if t.nonce < account.nonce:
            raise Rejected(
                f"nonce too low: next nonce {account.nonce}, transaction has {t.nonce}; sign with the next one"
            )
        if t.nonce > account.nonce:
            raise Rejected(
                f"nonce too high: next nonce {account.nonce}, transaction has {t.nonce}; send those before it"
            )
        check_form(t, header)
        cost = t.gas * t.max_fee + t.value
        if account.balance < cost:
            raise Rejected(
                f"insufficient funds for gas * price + value: have {account.balance}, need {cost}; fund it first"
            )
        if not t.is_signed:
            self._require_dev()
        elif account.code_hash != EMPTY_CODE:
            raise Rejected("the sender is a contract (EIP-3607); send from an account without code")

    def _append(
        self,
        connection: sqlite3.Connection,
        head: StoredBlock,
        header: Header,
        transaction: Transaction | None,
        outcome: Outcome | None,
        difference: Difference | None = None,
    ) -> bytes:
        """Write the block of a transaction, or one of none that changes the state by ``difference`` (development)."""
        block = self._seal(head, header, transaction, outcome, difference)
        if outcome is not None:
            difference = outcome.difference
        self._store.append(connection, block, difference or Difference(), outcome.logs if outcome else ())
        return block.hash

    @staticmethod
    def _seal(
        head: StoredBlock,
        header: Header,
        transaction: Transaction | None,
        outcome: Outcome | None,
        difference: Difference | None = None,
    ) -> StoredBlock:
        logs_bloom = bloom(outcome.logs) if outcome else bytes(256)
        changed = outcome.difference if outcome else difference or Difference()
        raw = None if transaction is None else transaction.raw
        header = header._replace(
            state_root=commit(head.header.state_root, changed),
            transactions_root=transactions_root(raw),
            receipts_root=EMPTY_ROOT
            if outcome is None
            else receipts_root(raw, outcome.status, outcome.gas_used, logs_bloom, outcome.logs),
            bloom=logs_bloom,
            gas_used=outcome.gas_used if outcome else 0,
        )
        if transaction is None or outcome is None:
            return StoredBlock(header.hash(), header, None, None, None, None)
        return StoredBlock(header.hash(), header, transaction.hash, transaction.raw, outcome.status, outcome.created)

    def _replay(
        self, previous: StoredBlock, block: StoredBlock, machine: Executor, changed: Callable[[], Difference]
    ) -> tuple[StoredBlock, Difference, tuple[Log, ...]]:
        """What ``block`` should be: its transaction, run again after ``previous``. Raises where it cannot run there.

        ``changed`` says what a block without a transaction changed, on a development chain.
        """
        header = block.header
        if header.timestamp < previous.header.timestamp + (not self.same_second):
            raise ChainError("its timestamp is not after the block's before it")
        header = self._next(previous, header.timestamp)
        if block.raw is None:
            difference = self._changed_by_hand(previous, block, changed)
            return self._seal(previous, header, None, None, difference), difference, ()
        transaction = decode(block.raw)
        view = self._store.view(previous.header.number)
        self._check(transaction, view.account(transaction.sender), header)
        outcome = machine.execute(view, self._environment(header), transaction)
        return self._seal(previous, header, transaction, outcome), outcome.difference, outcome.logs

    def _changed_by_hand(
        self, previous: StoredBlock, block: StoredBlock, changed: Callable[[], Difference]
    ) -> Difference:
        """What a block without a transaction changed: nothing, but on a development chain."""
        if not self.dev or commit(previous.header.state_root, Difference()) == block.header.state_root:
            return Difference()
        return changed()

    # the clock and the next block

    def _now(self, head: StoredBlock, connection: sqlite3.Connection | None = None) -> int:
        """The next block's timestamp: seconds of the wall clock (moved, on a development chain), or what the newest
        block demands, if that is later."""
        not_before = head.header.timestamp + (not self.same_second)
        offset = 0
        if self.dev:
            with self._store.errors():
                rows = (connection or self._store.connection()).execute(
                    "SELECT key, value FROM meta WHERE key IN ('clock_offset', 'next_timestamp')"
                )
                moved = dict(rows.fetchall())
            if moved.get("next_timestamp"):
                if connection is not None:
                    offset = int(moved["next_timestamp"]) - int(time.time())
                    connection.execute("UPDATE meta SET value = ? WHERE key = 'clock_offset'", (offset,))
                    connection.execute("DELETE FROM meta WHERE key = 'next_timestamp'")
                return int(max(not_before, moved["next_timestamp"]))
            offset = int(moved.get("clock_offset", 0))
        return max(not_before, int(time.time()) + offset)

    def _require_dev(self) -> None:
        if not self.dev:
            raise Rejected("only a development chain does this; make it with dev=True", -32601)

    @staticmethod
    def _next(head: StoredBlock, timestamp: int) -> Header:
        return head.header._replace(
            parent=head.hash,
            number=head.header.number + 1,
            timestamp=timestamp,
            prev_randao=bytes(keccak(head.hash)),
        )

    def _environment(self, header: Header) -> Environment:
        return Environment(
            chain_id=self.chain_id,
            number=header.number,
            timestamp=header.timestamp,
            gas_limit=header.gas_limit,
            base_fee=header.base_fee,
            coinbase=header.coinbase,
            prev_randao=header.prev_randao,
        )

    def _require(self, number: int) -> StoredBlock:
        block = self._store.block(number)
        if block is None:
            raise Rejected(f"there is no block {number}; the newest is {self.height}")
        return block
