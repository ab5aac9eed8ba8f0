"""The embedded chain beside anvil over HTTP and eth-tester: a signed token transfer with its receipt, a read, a start.

    python bench/chain.py               # half a minute;  --quick: a few seconds, for a look
    python bench/chain.py --million     # and what a transaction costs in a file of a million (minutes, 3 GB of disk)

A transfer: web3.py with its signing middleware transfers Klopf's own token (OpenZeppelin ERC-20 with votes) by
``transact()``, which asks for nonce, fees and gas, signs and sends, and then reads the receipt. "filled in": the same
with nonce, fees and gas given. A read is ``balanceOf`` by ``eth_call``, and ``eth_getBalance``. They take turns in
rounds; medians, and ratios of the same run. The embedded chain's time includes making each transaction durable, which
the other two never do; "on a RAM disk" shows what that takes, and "to write as much and wait for the disk" what a bare
write and ``fdatasync`` take. "web3.py alone" is the same over a provider that answers at once, so no chain under
web3.py can be faster; "all middlewares" is that by web3.py's own way, which every other provider goes. "start" is
opening a file that exists, to the first balance read, after imports, in a process of its own.

Results: 2 cores of a shared x86 machine, with little else to do.

==================  ===========  ===============  ===========  =============  ===========  ===========
median ms (CPU)     embedded     anvil over HTTP  eth-tester   on a RAM disk  web3 alone   all middle-
                                                                                           wares
==================  ===========  ===============  ===========  =============  ===========  ===========
transfer            3.03 (2.90)  12.99 (11.76)    27.5 (26.6)  2.62 (2.70)    1.80 (1.81)  3.43 (3.44)
  to embedded's     1            4.29             9.09         0.87           0.59         1.13
transfer filled in  2.36 (2.23)  3.45 (3.02)      6.74 (7.02)  1.88 (1.95)    1.26 (1.25)  1.34 (1.36)
  to embedded's     1            1.46             2.86         0.80           0.53         0.57
eth_call            0.90 (0.92)  3.18 (2.91)      3.08 (3.14)  0.91 (0.93)    0.69 (0.71)  1.05 (1.06)
eth_getBalance      0.15 (0.15)  0.82 (0.77)      0.37 (0.39)  0.15 (0.15)    0.13 (0.14)  0.18 (0.18)
==================  ===========  ===============  ===========  =============  ===========  ===========

Three runs of this kind: 8.4, 8.4 and 9.1 times eth-tester, 4.2, 4.2 and 4.3 times anvil (filled in 1.4, 1.5, 1.5).

Five runs on cores that other work kept busy (load 4 to 8; in three of them endless loops besides): 4.9, 5.0, 7.0, 7.3
and 10.4 times eth-tester, 2.5, 2.5, 0.9, 1.3 and 2.0 times anvil (filled in 1.1, 0.95, 0.34, 0.55 and 0.68); by this
process's CPU 7.1 to 9.4 and 2.7 to 3.8. A wall time is then mostly waiting for a turn: a process that slept, be it for
the disk or for nothing (``fdatasync`` of a file without changes), went on at the scheduler's next tick, 4 ms later.

Start: 4.3 ms. ``--million``, at load 5: a transfer costs 1.07 and 1.13 times as much (1.35 and 1.12 times the CPU)
among 1,000,000 (1,022 MiB) as among 1,000.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from eth_account import Account
from figures import Report, arguments
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder
from web3.providers.base import BaseProvider

from klopf import chain
from klopf.chain._rlp import encode
from klopf.chain.state._block import number_bytes
from klopf.chain.state._rows import FORMAT, StoredBlock, block_row
from klopf.chain.web3._provider import ChainProvider

ROOT = Path(__file__).parent.parent
OWNER = Account.from_key(b"\x07" * 32)
OTHER = Web3.to_checksum_address("0x" + "ab" * 20)
CHAIN_ID = 1337
# a contract that answers whatever it is asked with OWNER's address: who asks the token's directory gets that
_RUNTIME = "73" + OWNER.address[2:].lower() + "5f5260205ff3"
DIRECTORY = "0x" + f"60{len(_RUNTIME) // 2:02x}80600a5f395ff3".ljust(20, "0") + _RUNTIME
TEXTS = {
    "usual": "transfer",
    "one": "transfer filled in",
    "read_contract": "eth_call",
    "read_balance": "eth_getBalance",
}


class Transfers:
    """Token transfers on one chain, through web3."""

    def __init__(self, name: str, w3: Web3, chain_id: int, fee: int) -> None:
        self.name, self.w3, self.chain_id, self.fee = name, w3, chain_id, fee
        artifact = json.loads((ROOT / "src/klopf/ledger/artifacts/core/Token.json").read_text())
        w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(OWNER), layer=0)
        factory = w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        self.nonce = w3.eth.get_transaction_count(OWNER.address)
        directory = self.send({**self.fields(200_000), "value": 0, "data": DIRECTORY})["contractAddress"]
        given = [directory, *[OWNER.address] * 3, (0, 0, 0, 0)]
        receipt = self.send(factory.constructor(*given).build_transaction(self.fields(6_000_000)))
        self.token = w3.eth.contract(address=receipt["contractAddress"], abi=artifact["abi"])
        self.one()

    def fields(self, gas: int) -> dict[str, Any]:
        fees = {"maxFeePerGas": self.fee, "maxPriorityFeePerGas": 0}
        return {"from": OWNER.address, "nonce": self.nonce, "gas": gas, "chainId": self.chain_id, **fees}

    def send(self, transaction: Any) -> Any:
        signed = OWNER.sign_transaction(transaction)
        sent = self.w3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.0005)
        assert receipt["status"] == 1
        self.nonce += 1
        return receipt

    def one(self) -> None:
        self.send(self.token.functions.transfer(OTHER, 1).build_transaction(self.fields(200_000)))

    def usual(self) -> None:
        sent = self.token.functions.transfer(OTHER, 1).transact({"from": OWNER.address})
        self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.0005)
        self.nonce += 1

    def read_contract(self) -> None:
        self.token.functions.balanceOf(OTHER).call()

    def read_balance(self) -> None:
        self.w3.eth.get_balance(OTHER)


class Canned(ChainProvider):
    """Answers as the chain did, at once: what is left is web3.py's own time, which no chain can lower."""

    def __init__(self, opened: chain.Chain) -> None:
        super().__init__(opened)
        self.known = dict[str, Any]()

    def make_request(self, method: Any, params: Any) -> Any:
        key = method if method != "eth_getBlockByNumber" else f"{method} {params}"
        if key not in self.known:
            self.known[key] = super().make_request(method, params)
        return self.known[key]


class CannedPlainly(Canned):
    """The same where every request passes all of web3.py's middlewares."""

    request_func = BaseProvider.request_func


def timed(act: Callable[[], None], count: int) -> list[float]:
    """Seconds of each of ``count`` calls."""
    took = []
    for _ in range(count):
        start = time.perf_counter()
        act()
        took.append(time.perf_counter() - start)
    return took


@contextlib.contextmanager
def anvil() -> Iterator[str | None]:
    """The URL of a fresh anvil, or None where ``tests/bring_anvil.py`` has not installed it."""
    sys.path.insert(0, str(ROOT))
    from tests.conftest import anvil_binary, end, start_anvil

    if anvil_binary() is None:
        yield None
        return
    running = start_anvil()
    try:
        Web3(Web3.HTTPProvider(running.url)).provider.make_request("anvil_setBalance", [OWNER.address, hex(10**24)])  # type: ignore[arg-type]
        yield running.url
    finally:
        end(running.process)


def eth_tester() -> Web3 | None:
    """eth-tester over py-evm, with OWNER funded; None where it is not installed."""
    try:
        from eth_tester import EthereumTester, PyEVMBackend
        from web3.providers.eth_tester import EthereumTesterProvider
    except ImportError:
        return None
    state = PyEVMBackend.generate_genesis_state(overrides={"balance": 10**24}, num_accounts=1)
    tester = EthereumTester(PyEVMBackend(genesis_state=state))
    tester.send_transaction(
        {"from": tester.get_accounts()[0], "to": OWNER.address, "value": 10**23, "gas": 21000, "gas_price": 10**10}
    )
    return Web3(EthereumTesterProvider(tester))


def sync_once(path: Path) -> None:
    """Write as much as a transfer's commit does over what is there, and wait until the disk has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(descriptor, os.urandom(9 * 4120), 0)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def start_times(path: Path, count: int) -> list[float]:
    """Milliseconds from opening the file to the first balance, each in a process of its own."""
    code = (
        "import sys, time; from klopf import chain; from web3 import Web3; import klopf.chain.web3._provider\n"
        "start = time.perf_counter(); opened = chain.open(sys.argv[1])\n"
        "Web3(opened.provider()).eth.get_balance('0x' + '11' * 20); print(1000 * (time.perf_counter() - start))"
    )
    command = [sys.executable, "-c", code, str(path)]
    return [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(count)]


def line(report: Report, text: str, value: float, unit: str, note: str = "", **asked: float) -> None:
    """A figure, shown as a line."""
    report.say(f"{text:<52}{value:>9.2f} {unit}{'   ' + note if note else ''}")
    report.figure(text, value, unit, **asked)


def compare(report: Report, quick: bool) -> None:
    """The table."""
    rounds, each = (2, 20) if quick else (5, 60)
    with tempfile.TemporaryDirectory() as folder, anvil() as url, contextlib.ExitStack() as stack:
        path = Path(folder) / "chain.db"
        opened = chain.create(path, chain_id=CHAIN_ID, allocation={OWNER.address: 10**24})
        runs = [Transfers("embedded", Web3(opened.provider()), CHAIN_ID, 0)]
        if url is None:
            report.say("anvil is not installed (python tests/bring_anvil.py): left out")
        else:
            runs.append(Transfers("anvil over HTTP", Web3(Web3.HTTPProvider(url)), CHAIN_ID, 0))
        tester = eth_tester()
        if tester is None:
            report.say("eth-tester is not installed (pip install eth-tester): left out")
        else:
            runs.append(Transfers("eth-tester", tester, tester.eth.chain_id, 10**11))
        ram = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
            if os.path.isdir("/dev/shm")
            else None
        )
        if ram is not None:
            unsynced = chain.create(ram / "chain.db", chain_id=CHAIN_ID, allocation={OWNER.address: 10**24})
            runs.append(
                Transfers("embedded on a RAM disk", Web3(stack.enter_context(unsynced).provider()), CHAIN_ID, 0)
            )
        apart = chain.create(Path(folder) / "apart.db", chain_id=CHAIN_ID, allocation={OWNER.address: 10**24})
        for name, kind in (("web3.py alone", Canned), ("web3.py alone, all middlewares", CannedPlainly)):
            alone = Transfers(name, Web3(apart.provider()), CHAIN_ID, 0)
            alone.w3.provider = kind(apart)
            runs.append(alone)
        took: dict[tuple[str, str], list[float]] = {}
        cpu: dict[tuple[str, str], list[float]] = {}
        synced: list[float] = []
        for _ in range(rounds):
            for run in runs:
                few = max(5, each // 4) if run.name == "eth-tester" else each
                for what in TEXTS:
                    before = time.process_time()
                    took.setdefault((run.name, what), []).extend(timed(getattr(run, what), few))
                    spent = (time.process_time() - before) / few
                    cpu.setdefault((run.name, what), []).append(spent)
            synced.extend(timed(functools.partial(sync_once, Path(folder) / "synced"), each))
        for what, text in TEXTS.items():
            base = statistics.median(took["embedded", what])
            for run in runs:
                median = statistics.median(took[run.name, what])
                ratio = "" if run.name == "embedded" else f"{median / base:.2f} times the embedded chain's time"
                mine = 1000 * statistics.median(cpu[run.name, what])
                note = f"{mine:6.2f} ms of this process's CPU   {ratio}"
                others = [took[r.name, what] for r in runs if r.name in ("anvil over HTTP", "eth-tester")]
                asked = {"at_most": 1000 * min(map(statistics.median, others))} if run is runs[0] and others else {}
                line(report, f"{text}, {run.name}", 1000 * median, "ms", note, **asked)
            slow = sorted(took["embedded", what])[int(0.99 * len(took["embedded", what]))]
            line(report, f"{text}, embedded, 99 of 100 within", 1000 * slow, "ms")
        floor = statistics.median(took["web3.py alone", "usual"])
        disk = statistics.median(synced)
        line(report, "to write as much and wait for the disk", 1000 * disk, "ms")
        for run in runs[1:]:
            if run.name in ("anvil over HTTP", "eth-tester"):
                theirs = statistics.median(took[run.name, "usual"])
                note = f"{theirs / (floor + disk):.2f} with the wait for the disk"
                line(report, f"transfer, {run.name}, to web3.py alone", theirs / floor, "times", note)
        line(report, "start", statistics.median(start_times(path, 3 if quick else 7)), "ms")
        opened.close()
        apart.close()


def transfer(key: Any, nonce: int, to: bytes) -> bytes:
    """A signed plain transfer of 1 wei."""
    from eth_hash.auto import keccak

    fields: list[Any] = [number_bytes(n) for n in (CHAIN_ID, nonce, 0, 0, 21000)] + [to, b"\1", b"", []]
    s = key.sign_recoverable(keccak(b"\x02" + encode(fields)), hasher=None)
    return b"\x02" + encode([*fields, number_bytes(s[64]), s[:32].lstrip(b"\0"), s[32:64].lstrip(b"\0")])


def history(path: Path, count: int) -> None:
    """A chain of ``count`` blocks: the rows of as many transfers to new addresses, written straight into the tables."""
    chance = random.Random(1)
    owner = bytes.fromhex(OWNER.address[2:])
    with chain.create(path, chain_id=CHAIN_ID, allocation={OWNER.address: 10**24}) as opened:
        first = opened._require(0).header
        for start in range(1, count, 20_000):
            blocks, accounts = [], []
            for n in range(start, min(count, start + 20_000)):
                made = first._replace(number=n, gas_used=21_000, state_root=chance.randbytes(32))
                block = StoredBlock(chance.randbytes(32), made, chance.randbytes(32), bytes(110), True, None)
                blocks.append(block_row(block, first, FORMAT))
                accounts.append((chance.randbytes(20), n, 0, b"\1", b""))
                accounts.append((owner, n, n, bytes(10), b""))
            with opened._store.write() as connection:
                connection.executemany("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)", blocks)
                connection.executemany("INSERT INTO account VALUES (?, ?, ?, ?, ?)", accounts)
        head = first._replace(number=count)
        with opened._store.write() as connection:
            opened._store.put_block(connection, StoredBlock(head.hash(), head, None, None, None, None))
            row = (owner, count, 0, number_bytes(10**23), b"")
            connection.execute("INSERT INTO account VALUES (?, ?, ?, ?, ?)", row)


def million(report: Report, count: int) -> None:
    """What one transaction costs at 1,000 transactions and at ``count``, to a new address each, in turn."""
    import coincurve
    from eth_hash.auto import keccak

    import klopf.chain._base

    klopf.chain._base.ENDS = 0  # the history's blocks are not linked
    key = coincurve.PrivateKey(bytes(OWNER.key))
    raws = [transfer(key, n, keccak(number_bytes(n))[:20]) for n in range(1500)]
    means: dict[int, list[float]] = {1000: [], count: []}
    work: dict[int, list[float]] = {1000: [], count: []}
    with tempfile.TemporaryDirectory() as folder:
        for size in means:
            history(Path(folder) / f"{size}.db", size)
        for _ in range(3):
            for size, found in means.items():
                path = Path(folder) / "run.db"
                shutil.copy(Path(folder) / f"{size}.db", path)
                with chain.open(path) as opened:
                    _ = opened.machine
                    busy = time.process_time()
                    took = [timed(functools.partial(opened.send, raw), 1)[0] for raw in raws]
                    work[size].append((time.process_time() - busy) / len(raws))
                found.append(statistics.mean(took))
                for end in ("", "-turn"):
                    Path(f"{path}{end}").unlink()
        for size, found in means.items():
            megabytes = (Path(folder) / f"{size}.db").stat().st_size / 2**20
            cpu = f"{1000 * statistics.median(work[size]):.2f} ms of CPU"
            wall = 1000 * statistics.median(found)
            line(report, f"a transfer at {size:,} transactions", wall, "ms", f"{cpu}   {megabytes:.0f} MiB")
    small, large = (statistics.median(found) for found in means.values())
    less, more = (statistics.median(found) for found in work.values())
    note = f"{more / less:.2f} times the CPU; mean of 1,500, median of 3 rounds"
    line(report, f"cost at {count:,} transactions", large / small, "times that at 1,000", note)


def main() -> None:
    """Run what is asked for."""
    parser = arguments(__doc__)
    parser.add_argument("--million", action="store_true", help="also in a file of a million transactions")
    options = parser.parse_args()
    with Report(options.json) as told:
        compare(told, options.quick)
        if options.million:
            million(told, 1_000_000)


if __name__ == "__main__":
    main()
