"""A network with one neuron whose doors are open in a process of its own, and buyers who have KLP and nothing else."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from klopf import ledger
from klopf.checks._stall import PASSPHRASE, PRICE, QUESTION, Stall, payment
from klopf.ledger import KLP

KLOPF = Path(sys.executable).with_name("klopf")


class Shop(Stall):
    """Use it with ``with``; ``open`` starts the process, ``kill`` and ``stop`` end it."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.process: subprocess.Popen[str] | None = None
        self.url, self.port = "", 0

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.close()

    def open(self, *more: object) -> str:
        """The doors of the neuron, at the same port as before."""
        with (self.place / "door.log").open("a") as log:
            self.process = subprocess.Popen(
                [str(KLOPF), "door", str(self.folder), "--port", str(self.port), "--json", *map(str, more)],
                stdout=subprocess.PIPE, stderr=log, text=True,
                env=os.environ | {"KLOPF_PASSPHRASE": PASSPHRASE},
            )  # fmt: skip
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if line.rstrip() == "}":
                break
        assert said, (self.place / "door.log").read_text()
        self.url = json.loads(said)["url"]
        if not self.port:
            self.port = int(self.url.rpartition(":")[2])
        return self.url

    def end(self, number: int) -> int:
        """Its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        status = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def stop(self) -> int:
        return self.end(signal.SIGTERM)

    def buyer(self, klp: float = 1.0) -> Buyer:
        """A stranger with so many KLP."""
        key = ledger.keys.new()
        if klp:
            self.book.token.transfer(key.address, int(klp * KLP))
        return Buyer(self, key)


class Buyer:
    """Signs payments by hand, to do with them what a wallet would not."""

    def __init__(self, shop: Shop, key: ledger.keys.Key) -> None:
        self.shop, self.key = shop, key
        self.book = ledger.connect(shop.where, key, shop.deployment)

    def payment(self, amount: int = PRICE, **other: Any) -> dict[str, Any]:
        """An x402 payment; ``other`` replaces fields of the authorization after it was signed."""
        return payment(self.shop, self.key, amount, **other)

    def cancel(self, payment: dict[str, Any]) -> None:
        nonce = bytes.fromhex(payment["payload"]["authorization"]["nonce"][2:])
        signature = self.key.sign(self.book.token.cancellation(nonce))
        Buyer.carrier(self.shop).token.cancel_authorization(self.key.address, nonce, signature)

    @staticmethod
    def carrier(shop: Shop) -> ledger.Ledger:
        return shop.book

    def ask(self, payment: dict[str, Any] | None, question: Any = None, timeout: float = 60.0) -> httpx.Response:
        headers = {} if payment is None else {"PAYMENT-SIGNATURE": header(payment)}
        return httpx.post(
            self.shop.url + "/ask", json=QUESTION if question is None else question, headers=headers, timeout=timeout
        )  # fmt: skip


def header(payment: Any) -> str:
    return base64.b64encode(json.dumps(payment).encode()).decode()
