"""The embedded chain over HTTP beside anvil: one kept connection, batches, four processes at once, many logs.

    python bench/chain_http.py    # a minute; --quick: a few seconds, for a look; --json for programs

``klopf chain serve`` and anvil each run as a process of their own on this machine; every measurement is made on one
after the other, in turn, in rounds, and medians are told. A transfer is one of wei, signed beforehand: sent, and its
receipt asked for. The embedded chain makes each transaction durable before it answers; anvil keeps everything in
memory and loses it when it is killed.

Results on 2 cores of a shared x86 machine with nothing else to do, medians of three runs of this program:

================================================  ========  =======
what                                              embedded  anvil
================================================  ========  =======
a request that needs nothing, ms                  0.15      0.16
a transfer with its receipt, ms                   1.00      1.10
the same eth_call that reads a slot, again, ms    0.16      0.23
eth_call, another each time, ms                   0.20      0.23
raw transactions in batches of 100, a second      7,500     5,320
the same of four processes at once, a second      2,370     3,340
eth_getLogs of 100,000 events, ms                 574       776
================================================  ========  =======

What bounds the embedded chain is told in the same run: what a wait for the disk takes, and what a server makes of four
processes that never waits for it. Of those the bound is the server's processor more than the disk: 260 µs of it a
transaction, in one thread (anvil's 300 are spread over both cores). On cores that others keep busy (load 5 and more)
anvil is ahead in nearly every row: a wait for the disk then takes 1.2 ms and more.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import coincurve
from eth_hash.auto import keccak
from figures import Report, arguments

from klopf import chain
from klopf.chain._rlp import encode
from klopf.chain.state import _turn
from klopf.chain.state._block import number_bytes

ROOT = Path(__file__).parent.parent
CHAIN_ID = 1337
KEYS = [coincurve.PrivateKey(bytes([7 + n]) * 32) for n in range(5)]
TO = b"\xab" * 20
EVENTS_EACH = 1000
SERVE = "import sys; from klopf import chain; chain.serve(sys.argv[1], port=0, ready=lambda u: print(u, flush=True))"
FORGETS = "from klopf.chain.state import _log; _log.Log.sync = lambda log: None; "  # never waits for the disk: a bound
# runtime: counts down from 1000 and logs the count each time: PUSH2 1000, JUMPDEST, LOG1(0, 0, count), SUB 1, JUMPI
EVENTS = bytes.fromhex("6103e85b805f5fa1600190038060035700")
READ = bytes.fromhex("5f35545f5260205ff3")  # returns the slot that is asked for


def address(key: Any) -> bytes:
    """The account of a key."""
    return bytes(keccak(key.public_key.format(compressed=False)[1:])[12:])


def signed(key: Any, nonce: int, to: bytes, value: int = 1, gas: int = 21000, data: bytes = b"") -> bytes:
    """A signed transaction that pays nothing for gas."""
    fields: list[Any] = [number_bytes(n) for n in (CHAIN_ID, nonce, 0, 0, gas)] + [to, number_bytes(value), data, []]
    s = key.sign_recoverable(keccak(b"\x02" + encode(fields)), hasher=None)
    return b"\x02" + bytes(encode([*fields, number_bytes(s[64]), s[:32].lstrip(b"\0"), s[32:64].lstrip(b"\0")]))


class Client:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.connection.connect()

    def post(self, body: Any) -> Any:
        """One request, or a batch of them."""
        self.connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(self.connection.getresponse().read())

    def ask(self, method: str, *params: Any) -> Any:
        """One method's result."""
        answer = self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def send(self, raw: bytes) -> Any:
        """Send a transaction and wait for its receipt."""
        sent = self.ask("eth_sendRawTransaction", "0x" + raw.hex())
        while (receipt := self.ask("eth_getTransactionReceipt", sent)) is None:
            time.sleep(0.0002)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def send_batch(self, raws: list[bytes]) -> None:
        """Send transactions in one batch; all must be accepted."""
        requests = [
            {"jsonrpc": "2.0", "id": i, "method": "eth_sendRawTransaction", "params": ["0x" + raw.hex()]}
            for i, raw in enumerate(raws)
        ]
        answers = self.post(requests)
        assert all("result" in answer for answer in answers), answers[:1]


class Side:
    """One of the two chains, with what has been sent to it."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.client = Client(port)
        self.nonces = [0] * len(KEYS)
        self.called = 0
        self.logger, self.reader = (
            self.client.send(self.next(0, b"", gas=200_000, data=creation(code), value=0))["contractAddress"]
            for code in (EVENTS, READ)
        )

    def next(self, key: int, to: bytes = TO, **fields: Any) -> bytes:
        """The next transaction of a key."""
        self.nonces[key] += 1
        return signed(KEYS[key], self.nonces[key] - 1, to, **fields)

    def transfer(self, count: int) -> float:
        """Seconds of a transfer with its receipt."""
        raws = [self.next(0) for _ in range(count)]
        return statistics.median(timed(lambda raw: self.client.send(raw), raws))

    def call(self, count: int) -> float:
        """Seconds of a call, the same each time."""
        request = {"to": self.reader}
        return statistics.median(timed(lambda _: self.client.ask("eth_call", request, "latest"), range(count)))

    def calls(self, count: int) -> float:
        """Seconds of a call, another one each time."""
        self.called += count
        asked = [{"to": self.reader, "data": f"0x{n:064x}"} for n in range(self.called - count, self.called)]
        return statistics.median(timed(lambda request: self.client.ask("eth_call", request, "latest"), asked))

    def bare(self, count: int) -> float:
        """Seconds of a request that needs nothing: the way there and back."""
        return statistics.median(timed(lambda _: self.client.ask("eth_chainId"), range(count)))

    def batches(self, count: int) -> float:
        """Transactions a second, in batches of 100."""
        raws = [self.next(0) for _ in range(count)]
        begin = time.perf_counter()
        for start in range(0, count, 100):
            self.client.send_batch(raws[start : start + 100])
        return count / (time.perf_counter() - begin)

    def at_once(self, count: int) -> float:
        """Transactions a second of four processes, each on a connection of its own, each waiting for its answers."""
        work = [[self.next(key) for _ in range(count)] for key in range(1, 5)]
        return raced(_sender, [(self.port, raws) for raws in work]) * count

    def events(self, count: int) -> None:
        """Make that many logs."""
        to = bytes.fromhex(self.logger[2:])
        for _ in range(count // EVENTS_EACH):
            self.client.send(self.next(0, to, value=0, gas=5_000_000))

    def logs(self, count: int) -> float:
        """Seconds of one request for all logs."""
        begin = time.perf_counter()
        found = self.client.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": self.logger})
        assert len(found) == count, len(found)
        return time.perf_counter() - begin


def creation(runtime: bytes) -> bytes:
    """Creation code that leaves ``runtime``."""
    head = bytes.fromhex(f"60{len(runtime):02x}80600a5f395ff3")
    return head.ljust(10, b"\0") + runtime


def _sender(port: int, raws: list[bytes], ready: Any, go: Any) -> None:
    client = Client(port)
    ready.wait(60)
    go.wait(60)
    for raw in raws:
        client.ask("eth_sendRawTransaction", "0x" + raw.hex())


def together(folder: Path, count: int, shared: bool) -> float:
    """Transactions a second of four processes that have one file open and wait for the disk for each.

    ``shared``: as they do; else each waits by itself, in its turn.
    """
    path = folder / f"together-{time.monotonic_ns()}.db"
    chain.create(path, chain_id=CHAIN_ID, allocation={"0x" + address(k).hex(): 10**24 for k in KEYS}).close()
    work = [[signed(key, nonce, TO) for nonce in range(count)] for key in KEYS[1:]]
    return raced(_writer, [(path, raws, shared) for raws in work]) * count


def raced(act: Callable[..., None], given: list[tuple[Any, ...]]) -> float:
    """How many of ``act`` end a second, each in a process of its own, begun together; each is told by two barriers, the
    last arguments, that all are ready, and when to go."""
    context = multiprocessing.get_context("fork")
    ready, go = (context.Barrier(len(given) + 1) for _ in range(2))
    running = [context.Process(target=act, args=(*one, ready, go)) for one in given]
    for process in running:
        process.start()
    ready.wait(60)
    begin = time.perf_counter()
    go.wait(60)
    for process in running:
        process.join(120)
        assert process.exitcode == 0
    return len(given) / (time.perf_counter() - begin)


def _writer(path: Path, raws: list[bytes], shared: bool, ready: Any, go: Any) -> None:
    if not shared:
        _turn._make_room = lambda descriptor: False
    with chain.open(path) as opened:
        assert opened.machine
        ready.wait(60)
        go.wait(60)
        for raw in raws:
            opened.send(raw)


def sync(folder: str) -> None:
    """Write as much as a transfer's commit does over what is there, and wait until the disk has it."""
    descriptor = os.open(Path(folder) / "synced", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(descriptor, os.urandom(9 * 4120), 0)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def timed(act: Callable[[Any], Any], items: Any) -> list[float]:
    """Seconds of each call."""
    took = []
    for item in items:
        begin = time.perf_counter()
        act(item)
        took.append(time.perf_counter() - begin)
    return took


@contextlib.contextmanager
def embedded(folder: Path, before: str = "") -> Iterator[int]:
    """The port of a served chain; its process does ``before`` first."""
    path = folder / f"served{len(before)}.db"
    chain.create(path, chain_id=CHAIN_ID, allocation={"0x" + address(k).hex(): 10**24 for k in KEYS}).close()
    process = subprocess.Popen([sys.executable, "-c", before + SERVE, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().rsplit(":", 1)[1])
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def anvil() -> Iterator[int | None]:
    """The port of a fresh anvil, or None where ``tests/bring_anvil.py`` has not installed it."""
    sys.path.insert(0, str(ROOT))
    from tests.conftest import anvil_binary, end, start_anvil

    if anvil_binary() is None:
        yield None
        return
    running = start_anvil()
    try:
        port = int(running.url.rstrip("/").rsplit(":", 1)[1])
        for key in KEYS:
            Client(port).ask("anvil_setBalance", "0x" + address(key).hex(), hex(10**24))
        yield port
    finally:
        end(running.process)


def compare(report: Report, quick: bool) -> None:
    """Measure both, in turn."""
    rounds, few, many, events = (3, 30, 200, 5_000) if quick else (5, 100, 1_000, 100_000)
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded(Path(folder)) as port,
        embedded(Path(folder), FORGETS) as forgetful,
        anvil() as other,
    ):
        bound = Side("forgets", forgetful)
        sides = [Side("embedded", port)] + ([] if other is None else [Side("anvil", other)])
        found: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for side in sides:
                found.setdefault((side.name, "transfer"), []).append(1000 * side.transfer(few))
                found.setdefault((side.name, "call"), []).append(1000 * side.call(few))
                found.setdefault((side.name, "calls"), []).append(1000 * side.calls(few))
                found.setdefault((side.name, "bare"), []).append(1000 * side.bare(few))
                found.setdefault((side.name, "batch"), []).append(side.batches(many))
                found.setdefault((side.name, "four"), []).append(side.at_once(many // 4))
            found.setdefault(("forgets", "four"), []).append(bound.at_once(many // 4))
            for shared in (True, False):
                rate = together(Path(folder), many // 4, shared)
                found.setdefault(("together", str(shared)), []).append(rate)
            found.setdefault(("disk", "sync"), []).append(1000 * statistics.median(timed(sync, [folder] * few)))
        for side in sides:
            side.events(events)
        for _ in range(rounds):
            for side in sides:
                found.setdefault((side.name, "logs"), []).append(1000 * side.logs(events))
    texts = {
        "bare": ("a request that needs nothing", "ms"),
        "transfer": ("a transfer with its receipt", "ms"),
        "call": ("the same eth_call that reads a slot, again", "ms"),
        "calls": ("eth_call that reads a slot, another each time", "ms"),
        "batch": ("raw transactions in batches of 100", "a second"),
        "four": ("raw transactions of four processes at once", "a second"),
        "logs": (f"eth_getLogs of {events:,} events", "ms"),
    }
    wait, bare = (statistics.median(found[which]) for which in (("disk", "sync"), ("embedded", "bare")))
    told = {
        "to write as much as a transfer, and wait for the disk": (wait, "ms"),
        "a durable transfer takes at least that wait and two such requests": (wait + 2 * bare, "ms"),
        "four who wait for that disk, all covered by one wait, are at most": (4000 / (wait + bare), "a second"),
        "four processes at once, of a server that never waits for the disk": (
            statistics.median(found["forgets", "four"]),
            "a second",
        ),
        "four processes with one file open, that share their waits": (
            statistics.median(found["together", "True"]),
            "a second",
        ),
        "four processes with one file open, each with waits of its own": (
            statistics.median(found["together", "False"]),
            "a second",
        ),
    }
    for text, (value, unit) in told.items():
        report.figure(text, value, unit)
        report.say(f"{text}: {value:.4g} {unit}")
    for what, (text, unit) in texts.items():
        mine = statistics.median(found["embedded", what])
        if other is None:
            report.figure(f"{text}, embedded", mine, unit)
            continue
        theirs = statistics.median(found["anvil", what])
        report.figure(f"{text}, anvil", theirs, unit)
        limit = {"at_most": theirs} if unit == "ms" else {"at_least": theirs}
        report.figure(f"{text}, embedded", mine, unit, **limit)


if __name__ == "__main__":
    options = arguments(__doc__).parse_args()
    with Report(options.json) as told:
        compare(told, options.quick)
