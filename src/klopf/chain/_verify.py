"""The whole chain compared with what it should be: each block is run again, or only held against what it commits to.

The file keeps every version of every account and slot, so a block can be run on the state that the file has before it,
whichever block that is: sections of the chain are looked at side by side, in processes of their own, and that each
block leads from the file's state before it to the file's state after it proves the whole, as one after the other does.

A block whose hash is known from elsewhere is a *checkpoint*: its hash commits to every block before it, with its
transaction, its receipt, its events and what it changed. Up to there it is enough to compute these commitments anew
from what the file holds; that the machine ran those transactions rightly is then trusted, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from klopf.chain._base import BaseChain
from klopf.chain._history import genesis_difference
from klopf.chain._keccak import keccak
from klopf.chain._rlp import decode as rlp_decode
from klopf.chain._transaction import created_address, decode, kind_of
from klopf.chain._values import EMPTY_CODE, Account, Difference, Log
from klopf.chain.machine._executor import Executor, executor
from klopf.chain.state._block import bloom, commit, encode_difference, receipts_root, transactions_root
from klopf.chain.state._rows import account_row
from klopf.chain.state._store import LOGS_PER_BLOCK, Store, StoredBlock
from klopf.chain.state._view import pack
from klopf.errors import ChainError, DamagedFile, KlopfError

__all__ = ["verify"]

ALONE = 4000  # blocks up to which other processes are not worth their start
PARTS = 4  # sections for each process, so that all end at about the same time
READ = 256  # blocks read at once

Progress = Callable[[int, int], None]
Counts = dict[str, int]
Section = tuple[int, int, bool]


def verify(
    chain: BaseChain,
    machine: str,
    progress: Progress | None = None,
    jobs: int | None = None,
    checkpoint: bytes | None = None,
) -> int:
    """Compare everything that is kept with what it should be; returns the number of the newest block.

    Blocks after the checkpoint (None: all) are run again by the machine of that name, in ``jobs`` processes (None: as
    many as there are cores, where there is enough to do). Raises :class:`~klopf.errors.DamagedFile` naming the first
    block that differs. Blocks that are added meanwhile are left for the next time.
    """
    store = chain._store
    with store.errors():
        found = [" ".join(row[0].split()) for row in store.connection().execute("PRAGMA integrity_check(1)")]
    if found != ["ok"]:
        raise DamagedFile(f"{store.path} is damaged ({found[0]}); restore it from a copy")
    height, known = store.height(), 0
    if checkpoint is not None:
        known = _number_of(store, checkpoint)
    counts = _verify_genesis(store)
    if jobs is None:
        jobs = _cores() if height > ALONE else 1
    done = 0
    for section in _sections(chain, machine, _cut(known, height, jobs), jobs):
        for table, count in section.items():
            counts[table] += count
        done += section["block"]
        if progress is not None:
            progress(done, height)
    _verify_totals(store, height, counts)
    return height


def _number_of(store: Store, checkpoint: bytes) -> int:
    block = store.block_by_hash(checkpoint)
    if block is None:
        raise ChainError(
            f"no block of {store.path} has the hash 0x{checkpoint.hex()}; correct the checkpoint, or verify without"
        )
    return block.header.number


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _cut(known: int, height: int, jobs: int) -> list[Section]:
    """Sections as (first block, last block, whether its transactions are run again), in order."""
    out = []
    for first, last, run in ((1, known, False), (known + 1, height, True)):
        size = max(READ, -(-(last - first + 1) // (jobs * PARTS)))
        out += [(start, min(start + size - 1, last), run) for start in range(first, last + 1, size)]
    return out


# sections, here or in other processes


def _sections(chain: BaseChain, machine: str, sections: list[Section], jobs: int) -> Iterator[Counts]:
    """What each section has of everything, in order; raises what is wrong with the earliest that is wrong."""
    jobs = min(jobs, len(sections))
    if jobs <= 1:
        runs = chain.machine if machine == chain._machine_name else executor(machine)
        for first, last, run in sections:
            yield _check(chain, first, last, runs if run else None)
        return
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    workers = [_Worker(chain, machine) for _ in range(jobs)]
    for worker in workers:
        idle.put(worker)

    def check(section: Section) -> Counts:
        worker = idle.get()
        try:
            return worker.check(section)
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(jobs)
    try:
        yield from pool.map(check, sections)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.stop()
        pool.shutdown()


class _Worker:
    """A process that looks at the sections it is told, one after another."""

    def __init__(self, chain: BaseChain, machine: str) -> None:
        self._path = chain.path
        command = [sys.executable, "-c", WORK, json.dumps(sys.path), str(chain.path), machine]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def check(self, section: Section) -> Counts:
        """What it has of everything. Raises :class:`~klopf.errors.DamagedFile`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(section) + "\n")
            self._process.stdin.flush()
            said = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise ChainError(f"a process that was verifying {self._path} died; verify again, or with jobs=1") from error
        if "wrong" in said:
            raise (DamagedFile if said["damaged"] else ChainError)(said["wrong"])
        return dict(said)

    def stop(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


WORK = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from klopf.chain._verify import work; work(*sys.argv[2:])"
)


def work(path: str, machine: str) -> None:
    """What a worker does: a section a line comes in, what it has of everything or what is wrong with it goes out."""
    with BaseChain(path, read_only=True, machine=machine) as chain:
        for line in sys.stdin:
            first, last, run = json.loads(line)
            try:
                said: Any = _check(chain, first, last, chain.machine if run else None)
            except ChainError as error:
                said = {"wrong": str(error), "damaged": isinstance(error, DamagedFile)}
            print(json.dumps(said), flush=True)


# one section


def _check(chain: BaseChain, first: int, last: int, machine: Executor | None) -> Counts:
    """Blocks ``first`` to ``last``: run again, or without a machine held against what they commit to."""
    store = chain._store
    counts = {"block": last - first + 1, "account": 0, "storage": 0, "log": 0}
    previous = store.block(first - 1)
    if previous is None:
        raise _damaged(store, first - 1, "is missing")
    for number, block, rows in _read(store, first, last):
        if block is None:
            raise _damaged(store, number, "is missing")
        if block.header.number != number or block.header.hash() != block.hash:
            raise _damaged(store, number, "does not match its hash")
        if machine is None:
            _hold(store, previous, block, rows)
        else:
            _run(chain, previous, block, rows, machine)
        counts["account"] += len(rows.accounts)
        counts["storage"] += len(rows.slots)
        counts["log"] += len(rows.logs)
        previous = block
    return counts


@dataclass(slots=True)
class _Rows:
    """What the file has of one block: accounts by address, slots by address and slot, and events, as they are kept."""

    accounts: dict[Any, tuple[Any, ...]] = field(default_factory=dict)
    slots: dict[Any, Any] = field(default_factory=dict)
    logs: list[tuple[int, Log]] = field(default_factory=list)


def _read(store: Store, first: int, last: int) -> Iterator[tuple[int, StoredBlock | None, _Rows]]:
    """Each block with its rows. The tables are read once, sorted by block."""
    between = "WHERE block BETWEEN ? AND ? ORDER BY block"
    with store.errors():
        run = store.connection().execute
        accounts = _Ahead(
            run(f"SELECT block, address, nonce, balance, code_hash FROM account {between}", (first, last))
        )
        slots = _Ahead(run(f"SELECT block, address, slot, value FROM storage {between}", (first, last)))
        for start in range(first, last + 1, READ):
            end = min(start + READ - 1, last)
            blocks = {block.header.number: block for block in store.blocks(start, end)}
            rows = {number: _Rows() for number in range(start, end + 1)}
            for number, address, *account in accounts.up_to(end):
                rows[number].accounts[address] = tuple(account)
            for number, address, slot, value in slots.up_to(end):
                rows[number].slots[address, slot] = value
            for number, position, log in store.logs(start, end):
                rows[number].logs.append((position, log))
            for number in range(start, end + 1):
                yield number, blocks.get(number), rows[number]


class _Ahead:
    """Rows in the order of their first column, taken as far as one says."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def up_to(self, last: int) -> Iterator[tuple[Any, ...]]:
        """Those whose first column is at most ``last``."""
        while self._next is not None and self._next[0] <= last:
            yield self._next
            self._next = next(self._rows, None)


def _run(chain: BaseChain, previous: StoredBlock, block: StoredBlock, rows: _Rows, machine: Executor) -> None:
    """Run the block again and compare what it leaves with its rows."""
    store, number = chain._store, block.header.number
    try:
        sealed, difference, logs = chain._replay(previous, block, machine, lambda: _difference(store, rows))
    except DamagedFile:
        raise
    except KlopfError as error:
        raise _damaged(store, number, f"cannot be replayed ({error})") from error
    if sealed.hash != block.hash:
        raise _damaged(store, number, "gives another hash when replayed")
    if sealed != block:
        raise _damaged(store, number, "has a transaction or receipt that does not belong to it")
    accounts = {address: account_row(account, store.version) for address, account in difference.accounts.items()}
    if accounts != rows.accounts:
        raise _damaged(store, number, f"left another account {_first(accounts, rows.accounts)} than the file has")
    slots = {(address, pack(slot)): pack(value) for (address, slot), value in difference.storage.items()}
    if slots != rows.slots:
        raise _damaged(store, number, f"left another slot {_first(slots, rows.slots)} than the file has")
    if [*enumerate(logs)] != rows.logs:
        raise _damaged(store, number, "made other events than the file has")
    for code_hash, code in difference.codes.items():
        if store.code(code_hash) != code:
            raise _damaged(store, number, f"made other code than the file has under {code_hash.hex()}")


def _hold(store: Store, previous: StoredBlock, block: StoredBlock, rows: _Rows) -> None:
    """Hold the block's rows against what its header commits to, without running it."""
    header = block.header
    if header.parent != previous.hash:
        raise _damaged(store, header.number, "follows another block")
    if commit(previous.header.state_root, _difference(store, rows)) != header.state_root:
        raise _damaged(store, header.number, "left other accounts or slots than the file has")
    logs = [log for _, log in rows.logs]
    receipts = receipts_root(block.raw, block.status, header.gas_used, header.bloom, logs)
    places = [position for position, _ in rows.logs] == list(range(len(logs)))
    if not places or bloom(logs) != header.bloom or receipts != header.receipts_root:
        raise _damaged(store, header.number, "made other events than the file has")
    tx_hash = None if block.raw is None else keccak(block.raw)
    if (
        transactions_root(block.raw) != header.transactions_root
        or block.tx_hash != tx_hash
        or block.created != _created(block.raw)
        or (block.raw is None) != (block.status is None)
    ):
        raise _damaged(store, header.number, "has a transaction or receipt that does not belong to it")


def _created(raw: bytes | None) -> bytes | None:
    """The address of the contract that a transaction makes, if it makes one."""
    if raw is None:
        return None
    kind = kind_of(raw)
    if rlp_decode(raw if kind == 0 else raw[1:])[3 + kind]:
        return None
    transaction = decode(raw)
    return created_address(transaction.sender, transaction.nonce)


def _difference(store: Store, rows: _Rows) -> Difference:
    """What a block's rows say that it changed; codes, which are kept by their hash, only have to be there."""
    out = Difference()
    try:
        for address, (nonce, balance, code_hash) in rows.accounts.items():
            account = Account(nonce, int.from_bytes(balance, "big"), code_hash or EMPTY_CODE)
            out.accounts[address] = account
            _same(account_row(account, store.version), (nonce, balance, code_hash))
            if account.code_hash != EMPTY_CODE:
                out.codes[account.code_hash] = store.code(account.code_hash)
        for (address, slot), value in rows.slots.items():
            out.storage[address, int.from_bytes(slot, "big")] = number = int.from_bytes(value, "big")
            _same((pack(int.from_bytes(slot, "big")), pack(number)), (slot, value))
        encode_difference(out)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        text = f"{store.path} is damaged: an account or a slot cannot be read; restore it from a copy"
        raise DamagedFile(text) from error
    return out


def _same(should: tuple[Any, ...], has: tuple[Any, ...]) -> None:
    if should != has:
        raise ValueError("a number is kept with zeros before it")


def _first(should: dict[Any, Any], has: dict[Any, Any]) -> str:
    """The name of the first entry in which two differ."""
    key = min((key for key in {*should, *has} if should.get(key) != has.get(key)), key=repr)
    address, *slot = key if isinstance(key, tuple) else (key,)
    return " ".join(f"0x{part.hex()}" if isinstance(part, bytes) else repr(part) for part in (address, *slot))


# the whole


def _verify_genesis(store: Store) -> Counts:
    genesis = store.block(0)
    if genesis is None or genesis.hash != store.meta.get("genesis") or genesis.header.hash() != genesis.hash:
        raise _damaged(store, 0, "does not match its hash")
    difference = genesis_difference(store)
    if keccak(encode_difference(difference)) != genesis.header.state_root:
        raise _damaged(store, 0, "has other balances than its hash says")
    return {"account": len(difference.accounts), "storage": 0, "log": 0, "block": 1}


def _verify_totals(store: Store, height: int, counts: Counts) -> None:
    with store.errors():
        run = store.connection().execute
        held = {
            "block": run("SELECT count(*) FROM block WHERE number <= ?", (height,)).fetchone()[0],
            "account": run("SELECT count(*) FROM account WHERE block <= ?", (height,)).fetchone()[0],
            "storage": run("SELECT count(*) FROM storage WHERE block <= ?", (height,)).fetchone()[0],
            "log": run("SELECT count(*) FROM log WHERE id < ?", ((height + 1) * LOGS_PER_BLOCK,)).fetchone()[0],
        }
        for code_hash, code in run("SELECT hash, code FROM code"):
            if keccak(code) != code_hash:
                raise DamagedFile(f"{store.path} is damaged: code {code_hash.hex()} is altered; restore it from a copy")
    for table, count in counts.items():
        if held[table] != count:
            raise DamagedFile(
                f"{store.path} is damaged: it has {held[table]} {table} rows and its blocks made {count}; "
                "restore it from a copy"
            )


def _damaged(store: Store, number: int, what: str) -> DamagedFile:
    return DamagedFile(f"{store.path} is damaged: block {number} {what}; restore it from a copy")
