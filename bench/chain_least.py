"""Four clients at once: what no server in Python can do without, beside the embedded chain and anvil.

    python bench/chain_least.py    # half a minute; --quick: a few seconds; --json for programs

``least`` is the same server without a chain: each request is read and answered over HTTP, who signed is found, eight
hashes are taken and three rows written by SQLite, with one wait for the disk for all that came together. What it makes
of four processes bounds what any chain behind that server can. On a busy host, in one run: least 2,100 transactions a
second (2,590 without waiting for the disk), anvil 2,190, the embedded chain 1,320.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from chain_http import FORGETS, Side, anvil, embedded
from figures import Report, arguments

HERE = str(Path(__file__).parent)
PLAIN = f"import sys; sys.path.insert(0, {HERE!r}); import chain_least; chain_least.without_a_chain(sys.argv[1]); "
DEPLOYED = 5
"""Requests that are answered by the chain first: contracts that the client makes, with their receipts."""


def without_a_chain(path: str) -> None:
    """In a server's process: transactions cost what they must, and nothing is run."""
    import sqlite3

    import coincurve
    from eth_hash.auto import keccak

    from klopf.chain.rpc._rpc import Rpc
    from klopf.chain.state._log import Log

    rows = sqlite3.connect(f"{path}.least", isolation_level=None, check_same_thread=False)
    for line in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        "CREATE TABLE block(number INTEGER PRIMARY KEY, hash BLOB, raw BLOB)",
        "CREATE INDEX by_hash ON block(hash)",
        "CREATE TABLE account(who BLOB, block INTEGER, value BLOB, PRIMARY KEY(who, block)) WITHOUT ROWID",
    ):
        rows.execute(line)
    log, send_all, seen = Log(Path(f"{path}.least")), Rpc.send_all, [0, 0]

    def cheap(self: Rpc, requests: list[dict], wait: bool = True) -> list[dict]:  # type: ignore[type-arg]
        seen[0] += 1
        if seen[0] <= DEPLOYED:
            return send_all(self, requests, wait)
        answers = []
        rows.execute("BEGIN IMMEDIATE")
        for request in requests:
            raw = bytes.fromhex(request["params"][0][2:])
            found = keccak(raw)
            signature = raw[-65:-33] + raw[-32:] + b"\0"  # as long as the one that is due, if of another message
            try:
                key = coincurve.PublicKey.from_signature_and_message(signature, found, hasher=None)
                who = keccak(key.format(compressed=False)[1:])[12:]
            except Exception:
                who = found[12:]
            for _ in range(6):
                keccak(raw)
            seen[1] += 1
            rows.execute("INSERT INTO block VALUES (?, ?, ?)", (seen[1], found, raw))
            rows.executemany("INSERT INTO account VALUES (?, ?, ?)", [(w, seen[1], found) for w in (who, b"to")])
            answers.append({"jsonrpc": "2.0", "id": request.get("id"), "result": "0x" + found.hex()})
        rows.execute("COMMIT")
        log.sync()
        return answers

    Rpc.send_all = cheap  # type: ignore[method-assign]


def compare(report: Report, quick: bool) -> None:
    """All in turn."""
    rounds, count = (3, 50) if quick else (7, 250)
    servers = {"embedded": "", "least": PLAIN, "least, without waiting for the disk": FORGETS + PLAIN}
    with ExitStack() as stack:
        sides = []
        for name, before in servers.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            sides.append(Side(name, stack.enter_context(embedded(folder, before))))
        other = stack.enter_context(anvil())
        if other is not None:
            sides.append(Side("anvil", other))
        found = {side.name: [] for side in sides}  # type: dict[str, list[float]]
        for _ in range(rounds):
            for side in sides:
                found[side.name].append(side.at_once(count))
    for name, rates in found.items():
        report.figure(f"raw transactions of four processes at once, {name}", statistics.median(rates), "a second")
        report.say(f"raw transactions of four processes at once, {name}: {statistics.median(rates):,.0f} a second")


if __name__ == "__main__":
    options = arguments(__doc__).parse_args()
    with Report(options.json) as told:
        compare(told, options.quick)
