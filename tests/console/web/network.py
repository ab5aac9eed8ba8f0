"""A small network on an embedded chain, one epoch at a time, and its page in this process."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from klopf import chain, ledger
from klopf.console.web._acting import Desk
from klopf.console.web._serve import Server
from klopf.console.web._server import Page
from klopf.console.web._source import Source
from klopf.ledger import KLP, Receipt, ReceiptTree, Role, SignedReceipt
from klopf.ledger._deployment import USUAL
from tests.conftest import free_port

HOSTILE = '<img src=x onerror="evil()">'
TOKEN = "a-token-for-tests-of-32-letters-or-more"


class Small:
    """Two neurons; in each epoch anna listens to bert, and both are paid what follows."""

    constitution: ledger.Constitution | None = None
    dispute_seconds = 0
    dev = False
    """Whether the chain's clock can be moved."""
    base_fee = 0
    packs: tuple[str, ...] = USUAL

    def __init__(self, folder: Path) -> None:
        self.where = str(folder / "ledger.sqlite")
        self.operator = ledger.keys.new()
        coin = {self.operator.address: 10**24}
        chain.create(
            self.where, allocation=coin, chain_id=1337, same_second=True, dev=self.dev, base_fee=self.base_fee
        ).close()  # fmt: skip
        rules = ledger.Parameters(emission=1_000 * KLP, maturity=0, dispute_seconds=self.dispute_seconds)
        self.deployment = ledger.deploy(
            self.where, self.operator, rules, constitution=self.constitution, packs=self.packs
        )
        self.book = ledger.connect(self.where, self.operator, self.deployment)
        self.keys = {"anna": ledger.keys.new(), "bert": ledger.keys.new()}
        self.ids: dict[str, int] = {}
        self.own = {name: ledger.connect(self.where, key, self.deployment) for name, key in self.keys.items()}
        for name, key in self.keys.items():
            self.book.fund(key.address, wei=10**20 if self.base_fee else 0, tokens=500 * KLP)
            self.ids[name] = self.own[name].registry.register(Role.NEURON, endpoint="127.0.0.1:4000", model=HOSTILE)
            self.own[name].stake.stake(self.ids[name], 100 * KLP)
            self.own[name].clock.arrive(self.ids[name])
        self.book.clock.start()
        self.epoch = 1
        self.receipts: list[SignedReceipt] = []

    @property
    def source(self) -> Source:
        """bert calls itself something hostile."""
        return Source("small", self.where, self.deployment, {self.ids["anna"]: "anna", self.ids["bert"]: HOSTILE})

    def play(self) -> None:
        """The rest of this epoch, and the beginning of the next."""
        anna, bert = self.ids["anna"], self.ids["bert"]
        receipt = Receipt(self.epoch, anna, bert, answers=32, weight=65_535, trail=os.urandom(32))
        digest, tree = receipt.digest(self.book.domain), ReceiptTree([receipt])
        self.own["anna"].settlement.post(anna, tree.root, os.urandom(32))
        self.own["bert"].settlement.post(bert, bytes(32), os.urandom(32))
        self.book.clock.advance()
        signed = SignedReceipt(
            receipt, self.keys["anna"].sign(digest), self.keys["bert"].sign(digest), tree.proof(receipt)
        )
        self.receipts.append(signed)
        self.own["bert"].settlement.claim(bert, [signed])
        self.own["anna"].settlement.claim(anna, [])
        self.book.clock.advance()
        self.book.settle(self.epoch)
        self.epoch += 1


@contextlib.contextmanager
def served(source: Source, pace: float = 0.05, port: int = 0, desk: Desk | None = None) -> Iterator[str]:
    """The address of a page of ``source``, on which a desk's key may act."""
    port = port or free_port()
    page = Page(source, TOKEN, port, pace, desk)
    server, listening = Server(page), socket.create_server(("127.0.0.1", port))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def get(url: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer; with the token's cookie unless one is named."""
    port = url.split(":")[2].split("/")[0]
    sent = {"cookie": f"klopf-{port}={TOKEN}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=sent), timeout=20) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)
