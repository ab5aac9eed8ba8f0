"""The listener's side of an epoch: ask, keep count, and turn the count into receipts signed by both ends."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from klopf import ledger, wire
from klopf.errors import KlopfError
from klopf.peers._participant import Participant, log
from klopf.peers._tally import NO_TRAIL

__all__ = ["Asking", "Settled", "attention"]

ASK_SECONDS = 10.0
BATCH = 512
"""Samples in one request."""


@dataclass
class _Count:
    answers: int = 0
    owed: int = 0
    trail: bytes = NO_TRAIL


@dataclass(frozen=True)
class Settled:
    """What a listener posts: the Merkle root of its receipts and the fees they add up to."""

    root: bytes
    fees: int


@dataclass
class Asking:
    """One listener's conversations in one epoch."""

    who: Participant
    epoch: int
    _counts: dict[int, _Count] = field(default_factory=dict)
    _conversation: str = field(default_factory=lambda: secrets.token_hex(8))

    async def ask(self, ids: Sequence[int], inputs: NDArray[np.float32], offer: int = 0) -> dict[int, NDArray[np.float32]]:
        """Answers to ``inputs`` ``(n, features)``, each ``(n, classes)``, from those of ``ids`` who gave them in time.

        ``offer`` is what the listener will pay for each sample answered, in the token's smallest unit. Whoever fails,
        refuses or answers nonsense is left out: silence earns nothing and harms nobody else.
        """
        answers = await asyncio.gather(*(self._ask_one(k, inputs, offer) for k in ids))
        return {k: answer for k, answer in zip(ids, answers, strict=True) if answer is not None}

    async def _ask_one(self, k: int, inputs: NDArray[np.float32], offer: int) -> NDArray[np.float32] | None:
        peer = self.who.roll.by_id(k)
        if peer is None:
            return None
        parts = []
        count = self._counts.setdefault(k, _Count())
        for start in range(0, len(inputs), BATCH):
            batch = np.ascontiguousarray(inputs[start : start + BATCH], dtype=np.float32)
            try:
                answer = await self.who.dendrite.ask(
                    peer,
                    "answer",
                    {"inputs": batch},
                    {"epoch": self.epoch, "offer": str(offer), "conversation": self._conversation},
                    timeout=ASK_SECONDS,
                )
            except KlopfError as error:
                log(f"no answer from {k}: {error}")
                return None
            count.answers += len(batch)
            count.owed += len(batch) * offer
            count.trail = wire.trail(count.trail, answer.digest)
            said = answer.tensors.get("probabilities")
            if not _are_probabilities(said, len(batch), self.who.settings.classes):
                log(f"{k} answered something that is no probabilities")
                return None
            parts.append(said)
        return np.concatenate(parts) if parts else None

    async def settle(self, weights: Mapping[int, int]) -> Settled:
        """Write a receipt for everybody who answered, with its weight out of 65535, and have them countersigned.

        A speaker that does not countersign cannot claim its receipt; that is its own loss, so nothing is retried.
        """
        receipts = {
            k: ledger.Receipt(self.epoch, self.who.id, k, count.answers, weights.get(k, 0), count.owed, count.trail)
            for k, count in sorted(self._counts.items())
            if count.answers > 0
        }
        if not receipts:
            return Settled(bytes(32), 0)
        tree = ledger.ReceiptTree(list(receipts.values()))
        await asyncio.gather(*(self._hand_over(k, receipt, tree) for k, receipt in receipts.items()))
        return Settled(tree.root, sum(receipt.fee for receipt in receipts.values()))

    async def _hand_over(self, k: int, receipt: ledger.Receipt, tree: ledger.ReceiptTree) -> None:
        peer = self.who.roll.by_id(k)
        if peer is None:
            return
        signature = self.who.key.sign(receipt.digest(self.who.book.domain))
        signed = ledger.SignedReceipt(receipt, signature, b"", tree.proof(receipt))
        try:
            await self.who.dendrite.ask(peer, "receipt", payload=signed.to_json(), timeout=ASK_SECONDS)
        except KlopfError as error:
            log(f"{k} did not take its receipt: {error}")


def attention(shares: Mapping[int, float]) -> dict[int, int]:
    """Weights out of 65535, rounded down, in proportion to ``shares``, which add up to at most 1."""
    return {k: int(65_535 * share) for k, share in shares.items()}


def _are_probabilities(said: NDArray[np.float32] | None, n: int, classes: int) -> bool:
    return (
        said is not None
        and said.shape == (n, classes)
        and said.dtype == np.float32
        and bool(np.isfinite(said).all())
        and bool((said >= 0).all())
        and bool(np.allclose(said.sum(axis=1), 1.0, atol=1e-3))
    )
