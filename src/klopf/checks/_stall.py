"""A network of one neuron, to open doors in front of, and a buyer who signs payments by hand."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from klopf import ledger, network
from klopf.ledger import KLP

__all__ = ["PASSPHRASE", "PRICE", "QUESTION", "Stall", "payment"]

PASSPHRASE = "shop"
PRICE = KLP // 1000
"""For a sample."""
QUESTION: dict[str, Any] = {"samples": [{"length": 1.0, "width": 0.1}]}
"""To which the neuron answers "big"."""


class Stall:
    """A ledger in a file under ``place``, and the folder of a neuron that has joined its network. Use it with ``with``,
    or :meth:`close` it."""

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
        while joining.is_alive() and not (self.folder / "key.json").exists():
            time.sleep(0.05)
        self.seller = ledger.keys.read_address(self.folder / "key.json")
        """Who is paid."""
        self.book.token.transfer(self.seller, 500 * KLP)  # it waits for its stake
        joining.join()

    def close(self) -> None:
        """Let go of the ledger."""
        self.book.close()

    def owned(self, address: str) -> int:
        """In the token's smallest unit."""
        return self.book.token.balance(address)


def payment(stall: Stall, key: ledger.keys.Key, amount: int = PRICE, **other: Any) -> dict[str, Any]:
    """An x402 payment of ``key``'s; ``other`` replaces fields of the authorization after it was signed."""
    nonce, before = secrets.token_bytes(32), int(time.time()) + 300
    token = stall.book.token
    signature = key.sign(token.authorization(stall.seller, amount, nonce, before=before, owner=key.address))
    signed = {
        "from": key.address, "to": stall.seller, "value": str(amount), "validAfter": "0",
        "validBefore": str(before), "nonce": "0x" + nonce.hex(),
    }  # fmt: skip
    accepted = {
        "scheme": "exact", "network": f"eip155:{stall.deployment.chain_id}", "asset": token.address,
        "amount": str(amount), "payTo": stall.seller, "maxTimeoutSeconds": 300, "extra": {},
    }  # fmt: skip
    payload = {"authorization": signed | other, "signature": "0x" + signature.hex()}
    return {"x402Version": 2, "accepted": accepted, "payload": payload}
