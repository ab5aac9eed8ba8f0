"""A small network that a DAO governs, and what acts on it: a key, a proposal to vote on, a job to approve."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from klopf import ledger
from klopf.console.web._acting import Desk
from klopf.ledger import KLP, Constitution, Governance, Receipt, ReceiptTree, SignedReceipt
from tests.console.web.network import TOKEN, Small

DAY = 24 * 3600


class Governed(Small):
    """anna has tokens that vote; the operator proposed that the market shall have seven seats."""

    constitution = Constitution()
    dispute_seconds = 3600
    dev = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        anna = self.keys["anna"]
        self.book.fund(anna.address, tokens=300_000 * KLP)
        Governance(self.own["anna"]).delegate()
        Governance(self.book).delegate()
        self.pass_time(2)
        seats = replace(self.book.rules.current(), seats=7)
        self.proposal = Governance(self.book).propose_rules(seats, "seven seats <b>now</b>")
        self.pass_time(DAY + 1)

    def pass_time(self, seconds: int) -> None:
        self.book.rpc.request("evm_increaseTime", hex(seconds))
        self.book.rpc.request("evm_mine")

    def job(self, price: int = 100 * KLP, noted: int = 60 * KLP) -> int:
        """A job that anna verifies, with what is noted for bert."""
        until = int(self.book.rpc.time_of("latest")) + DAY
        id = self.book.jobs.open(self.keys["anna"].address, price, until, 3600, bytes(32))
        if noted:
            self.own["anna"].jobs.note(id, {self.keys["bert"].address: noted})
        return id

    def desk(self, name: str = "anna", receipts: Path | None = None) -> Desk:
        return Desk(self.source, self.keys[name], receipts)

    def votes(self) -> dict[str, int]:
        return Governance(self.book).get(self.proposal).votes

    def dispute(self, file: Path) -> tuple[int, int, int]:
        """bert disputes a receipt that anna posted, and that his claim left out; anna keeps it in ``file``."""
        epoch, anna, bert = self.epoch, self.ids["anna"], self.ids["bert"]
        receipt = Receipt(epoch, anna, bert, answers=32, weight=65_535, trail=bytes(32))
        digest, tree = receipt.digest(self.book.domain), ReceiptTree([receipt])
        self.own["anna"].settlement.post(anna, tree.root, bytes(32))
        self.own["bert"].settlement.post(bert, bytes(32), bytes(32))
        self.book.clock.advance()
        for name in self.ids:
            self.own[name].settlement.claim(self.ids[name], [])
        self.book.clock.advance()
        signed = SignedReceipt(
            receipt, self.keys["anna"].sign(digest), self.keys["bert"].sign(digest), tree.proof(receipt)
        )
        self.own["bert"].disputes.open(signed)
        ledger.save_receipts(file, [signed])
        self.epoch += 1
        return epoch, anna, bert


def post(url: str, path: str, said: Any, secret: str = "", **headers: str | None) -> tuple[int, dict[str, Any] | str]:
    """The answer to a POST, as the page itself makes it but for the headers that are named; None leaves one out."""
    host = url.removeprefix("http://")
    sent: dict[str, str | None] = {
        "cookie": f"klopf-{host.split(':')[1]}={TOKEN}", "origin": url, "sec-fetch-site": "same-origin",
        "content-type": "application/json", "klopf-unlocked": secret,
    }  # fmt: skip
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    line = http.client.HTTPConnection(host, timeout=60)
    line.request("POST", path, body, {name: value for name, value in sent.items() if value is not None})
    answer = line.getresponse()
    text = answer.read().decode()
    line.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


def nonce(book: ledger.Ledger, key: ledger.Key) -> int:
    """How many transactions a key has sent."""
    return int(book.rpc.request("eth_getTransactionCount", key.address, "latest"), 16)


def fill(**values: object) -> Mapping[str, str]:
    return {name: str(value) for name, value in values.items()}


def waited(true: Any) -> None:
    for _ in range(400):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("never came true")
