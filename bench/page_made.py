"""Networks that ``bench/page.py`` shows: one with a real ledger, and one whose events are made up.

As a program it serves the made-up one, for as long as it is let live: ``python bench/page_made.py NEURONS SECONDS`` is
told so many pieces of news a second, prints its link, and after each hundred pieces how many there were.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from klopf import chain, ledger
from klopf.console.web._follow import Follower, _Piece
from klopf.console.web._source import Source
from klopf.ledger import KLP, Receipt, ReceiptTree, Role, SignedReceipt, events

LOGS_PER_BLOCK = 1 << 20
TOKEN = "a-token-of-32-letters-or-more-of-it"


class Real:
    """Neurons on an embedded chain, each of which hears all others in each epoch."""

    def __init__(self, file: Path, neurons: int) -> None:
        self.where = str(file)
        chain.create(self.where, chain_id=1337, same_second=True).close()
        self.operator = ledger.keys.new()
        rules = ledger.Parameters(emission=1_000 * KLP, maturity=0, dispute_seconds=0)
        self.deployment = ledger.deploy(self.where, self.operator, rules)
        self.keys = [ledger.keys.new() for _ in range(neurons)]
        self.ids: list[int] = []
        self.epoch = 1
        self.open()
        for key, own in zip(self.keys, self.own, strict=True):
            self.book.fund(key.address, tokens=500 * KLP)
            self.ids.append(own.registry.register(Role.NEURON, endpoint="127.0.0.1:4000", model="mind"))
            own.stake.stake(self.ids[-1], 100 * KLP)
            own.clock.arrive(self.ids[-1])
        self.book.clock.start()
        self.begun = [self.book.rpc.height()]
        """After which blocks its epochs are."""

    def open(self) -> None:
        self.book = ledger.connect(self.where, self.operator, self.deployment)
        self.own = [ledger.Ledger(self.book.rpc, self.book.deployment, key) for key in self.keys]

    @property
    def source(self) -> Source:
        names = {id: f"neuron {at}" for at, id in enumerate(self.ids)}
        return Source("real", self.where, self.deployment, names)

    def play(self) -> Iterator[None]:
        """An epoch, with a stop after each of its phases."""
        everybody = list(zip(self.ids, self.keys, self.own, strict=True))
        weight = 65_535 // (len(self.ids) - 1)
        trees = {}
        for listener, _, own in everybody:
            said = [
                Receipt(self.epoch, listener, speaker, answers=32, weight=weight, trail=os.urandom(32))
                for speaker in self.ids
                if speaker != listener
            ]
            trees[listener] = ReceiptTree(said)
            own.settlement.post(listener, trees[listener].root, os.urandom(32))
        yield
        self.book.clock.advance()
        keys = dict(zip(self.ids, self.keys, strict=True))
        for speaker, key, own in everybody:
            signed = []
            for listener, tree in trees.items():
                for receipt in tree.receipts:
                    if receipt.speaker == speaker:
                        digest = receipt.digest(self.book.domain)
                        both = keys[listener].sign(digest), key.sign(digest)
                        signed.append(SignedReceipt(receipt, *both, tree.proof(receipt)))
            own.settlement.claim(speaker, signed)
        yield
        self.book.clock.advance()
        self.book.settle(self.epoch)
        self.epoch += 1
        self.begun.append(self.book.rpc.height())
        yield

    def fill(self, blocks: int) -> range:
        """So many plain transactions, each a block: a network's history is long. Returns the blocks."""
        from eth_account import Account

        account, opened = Account.create(), chain.open(self.where)
        plain = {"chainId": 1337, "gas": 21_000, "gasPrice": 0, "to": account.address, "value": 0}
        first = opened.height + 1
        for nonce in range(blocks):
            opened.send(bytes(account.sign_transaction({**plain, "nonce": nonce}).raw_transaction))
        opened.close()
        return range(first, first + blocks)

    def fatten(self, blocks: range, logs: int) -> int:
        """Put copies of this network's own events, of its last two epochs, into ``blocks`` of the file, ``logs`` in
        all. What the chain holds is not asked whether it fits; nobody who reads events alone can tell them from
        others."""
        with sqlite3.connect(self.where) as file:
            rows = file.execute("SELECT id, address, topic0, topic1, topic2, topic3, data FROM log").fetchall()
            clock = bytes.fromhex(self.deployment.address("Clock")[2:])  # left out: an epoch begins once
            told = [row[1:] for row in rows if row[0] // LOGS_PER_BLOCK > self.begun[-3] and row[1] != clock]
            each = -(-logs // len(blocks))
            made = (
                (block * LOGS_PER_BLOCK + 1_000 + at, *told[(n * each + at) % len(told)])
                for n, block in enumerate(blocks)
                for at in range(each)
            )
            file.executemany("INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?, ?, ?, ?)", made)
        return each * len(blocks)

    def close(self) -> None:
        self.book.close()


class Made(Follower):
    """A follower whose events are made up, told at its border: no ledger is read."""

    def __init__(self, neurons: int, seed: int = 0) -> None:
        super().__init__(Source("made", "nowhere", cast(Any, None), {n: f"neuron {n}" for n in range(1, neurons + 1)}))
        self.neurons, self.rng, self.block, self.told = neurons, np.random.default_rng(seed), 0, 0
        self._stream = self._epochs()

    def tick(self) -> bool:
        self.behind = False
        piece = next(self._stream)
        self.block += 1
        self.tip = self.block
        self.told += len(piece)
        with self._lock:
            return self._publish(self._take([_Piece(self.history, piece, self.block, "0x")]))

    def _event(self, of: type[events.Event], *said: Any) -> events.Event:
        contract = of.__module__.rpartition(".")[2].lstrip("_").title()
        return of(self.block, 0, f"0x{self.block:064x}", contract, *said)

    def _epochs(self) -> Iterator[list[events.Event]]:
        """Everybody at once, then epochs in ten pieces each."""
        e, n = self._event, self.neurons
        key = "0x" + "11" * 20
        yield [
            *(e(events.registry.Registered, id, 1, key, key, "", "mind", b"") for id in range(1, n + 1)),
            *(e(events.stake.Staked, id, key, 100 * KLP) for id in range(1, n + 1)),
            *(e(events.registry.StandingChanged, id, 0, 0, 1, 0) for id in range(1, n + 1)),
        ]
        good = self.rng.random(n) ** 2 + 0.02
        epoch = 0
        while True:
            epoch += 1
            said = [e(events.clock.Opened, epoch, 0, 0, n, bytes(32))]
            for speaker in range(1, n + 1):
                near = (speaker + 6 * self.rng.integers(1, max(2, n // 6), 6)) % n + 1
                group = {*map(int, near), *map(int, self.rng.integers(1, n + 1, 2))} - {speaker}
                said += [
                    e(events.settlement.Heard, epoch, listener, speaker, 32,
                      int(65_535 * min(1.0, good[speaker - 1] * (0.3 + self.rng.random() / 2))), bytes(32))
                    for listener in sorted(group)
                ]  # fmt: skip
                said.append(e(events.settlement.Claimed, epoch, speaker, 1, int(10_000 * good[speaker - 1])))
            said.append(e(events.clock.Opened, epoch, 1, 0, n, bytes(32)))
            for id in range(1, n + 1):
                said.append(e(events.settlement.Collected, epoch, id, key, int(KLP * good[id - 1])))
                if self.rng.random() < 0.05:
                    said.append(e(events.registry.StandingChanged, id, epoch, 1, int(self.rng.integers(1, 3)), 0))
            step = -(-len(said) // 10)
            for at in range(0, len(said), step):
                yield said[at : at + step]


def main() -> None:
    """Serve a made-up network until this process is ended."""
    import socket

    from klopf.console.web._serve import Server
    from klopf.console.web._server import Page

    neurons, seconds = int(sys.argv[1]), float(sys.argv[2])
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    made = Made(neurons)
    page = Page(made.source, TOKEN, port, pace=seconds)
    page.follower = made
    tick, count = made.tick, [0]

    def counted() -> bool:
        count[0] += 1
        if count[0] % 100 == 0:
            print(count[0], flush=True)
        return tick()

    made.tick = counted  # type: ignore[method-assign]
    print(f"http://127.0.0.1:{port}/?token={TOKEN}", flush=True)
    Server(page).run(sockets=[listening])


if __name__ == "__main__":
    main()
