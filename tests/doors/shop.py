"""A network with one neuron whose doors are open in a process of its own, and buyers who have KLP and nothing else."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from klopf import ledger, network
from klopf.ledger import KLP

KLOPF = Path(sys.executable).with_name("klopf")
PASSPHRASE = "shop"
PRICE = KLP // 1000
QUESTION = {"samples": [{"length": 1.0, "width": 0.1}]}


class Shop:
    """Use it with ``with``; ``open`` starts the process, ``kill`` and ``stop`` end it."""

    def __init__(self, place: Path) -> None:
        self.place, self.folder = place, place / "ada"
        rng = np.random.default_rng(0)
        rows = [(x, y, "big" if x > 0 else "small") for x, y in rng.normal(size=(80, 2))]
        file = place / "data.csv"
        file.write_text("length,width,kind\n" + "".join(f"{x:.4f},{y:.4f},{kind}\n" for x, y, kind in rows))
        schema = network.Schema.of(file, network.DataSettings(target="kind"))
        self.deployment = network.found(place / "net", schema, PASSPHRASE)
        self.where = str(place / "net/ledger.sqlite")
        self.operator = ledger.keys.load(place / "net/operator.json", PASSPHRASE)
        self.book = ledger.connect(self.where, self.operator, self.deployment)
        how = network.Joining(self.where, self.deployment.directory, data=file, model="sklearn:GaussianNB")
        joining = threading.Thread(target=network.join, args=(self.folder, how, PASSPHRASE))
        joining.start()
        while not (self.folder / "key.json").exists():
            time.sleep(0.05)
        self.seller = ledger.keys.read_address(self.folder / "key.json")
        self.book.token.transfer(self.seller, 500 * KLP)
        joining.join()
        self.process: subprocess.Popen[str] | None = None
        self.url, self.port = "", 0

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.book.close()

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

    def owned(self, address: str) -> int:
        return self.book.token.balance(address)


class Buyer:
    """Signs payments by hand, to do with them what a wallet would not."""

    def __init__(self, shop: Shop, key: ledger.keys.Key) -> None:
        self.shop, self.key = shop, key
        self.book = ledger.connect(shop.where, key, shop.deployment)

    def payment(self, amount: int = PRICE, **other: Any) -> dict[str, Any]:
        """An x402 payment; ``other`` replaces fields of the authorization after it was signed."""
        nonce, before = secrets.token_bytes(32), int(time.time()) + 300
        token = self.book.token
        signature = self.key.sign(token.authorization(self.shop.seller, amount, nonce, before=before))
        signed = {
            "from": self.key.address, "to": self.shop.seller, "value": str(amount), "validAfter": "0",
            "validBefore": str(before), "nonce": "0x" + nonce.hex(),
        }  # fmt: skip
        accepted = {
            "scheme": "exact", "network": f"eip155:{self.shop.deployment.chain_id}", "asset": token.address,
            "amount": str(amount), "payTo": self.shop.seller, "maxTimeoutSeconds": 300, "extra": {},
        }  # fmt: skip
        payload = {"authorization": signed | other, "signature": "0x" + signature.hex()}
        return {"x402Version": 2, "accepted": accepted, "payload": payload}

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
