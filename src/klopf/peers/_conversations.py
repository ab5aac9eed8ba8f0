"""The listener's side of an epoch: ask, keep count, and turn the count into receipts signed by both ends."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import ledger, wire
from klopf.errors import KlopfError, PeersError, TooLate
from klopf.peers._disputes import keep_given
from klopf.peers._participant import Participant, log
from klopf.peers._seals import Bond, seal
from klopf.peers._served import NO_TRAIL
from klopf.peers._vouchers import Purse

__all__ = ["Conversations", "attention", "hand_over"]

ASK_SECONDS = 30.0
GIVE_SECONDS = 10.0
"""Within which a speaker takes its receipt; it may be late for no other's."""
LATER = 0.25
"""Seconds before whoever puts one off is asked again."""
BATCH = 512
"""Samples in one request."""


@dataclass
class _Count:
    answers: int = 0
    trail: bytes = NO_TRAIL


@dataclass(frozen=True)
class _Put:
    """What came to a batch that was put to somebody."""

    start: int
    """Its first sample."""
    answer: wire.Answer
    came: float
    """When, by this process's clock."""


@dataclass
class Conversations:
    """One listener's conversations in one epoch."""

    who: Participant
    epoch: int
    purse: Purse | None = None
    """What answers are paid from; without it nothing may be offered."""
    heard: Callable[[int, NDArray[Any], NDArray[Any], Any], bool] | None = None
    """Whether an answer counts, given who gave it, the questions, the answers and what went with them; by default each
    does."""
    _counts: dict[int, _Count] = field(default_factory=dict)
    _putting: int = 0
    """Calls of :meth:`ask` that still wait for answers or seals."""
    _conversation: str = field(default_factory=lambda: secrets.token_hex(8))

    async def ask(
        self, ids: Sequence[int], inputs: NDArray[Any], offers: Mapping[int, int] | None = None
    ) -> dict[int, NDArray[Any]]:
        """Answers to the ``n`` ``inputs``, by who gave them, from those of ``ids`` who did so in time.

        ``offers`` is what the listener pays each for a sample, in the token's smallest unit, by a voucher that goes
        with the question; what is offered must be reserved before. Whoever fails, refuses or answers nonsense is left
        out: silence earns nothing and harms nobody else. Everybody's seal is due so many seconds after the question
        first went out, and only what is paid for may come without one.
        """
        until = time.monotonic() + await self._patience()
        self._putting += 1
        try:
            parts = await self._put_all(ids, inputs, offers or {})
        finally:
            self._putting -= 1
        if not self._putting:  # what is asked at the same time is put before any seal is opened
            await self.who.asks_no_more(self.epoch)
        found = await asyncio.gather(*(self._take(k, inputs, answers, until) for k, answers in parts.items()))
        return {k: answer for k, answer in zip(list(parts), found, strict=True) if answer is not None}

    async def _put_all(
        self, ids: Sequence[int], inputs: NDArray[Any], offers: Mapping[int, int]
    ) -> dict[int, list[_Put]]:  # fmt: skip
        """What came, answers or seals; without those who left one out."""
        parts: dict[int, list[_Put]] = {k: [] for k in ids}
        for start in range(0, len(inputs), BATCH):
            batch = inputs[start : start + BATCH]
            came = await asyncio.gather(*(self._put(k, batch, offers.get(k, 0)) for k in parts))
            both = zip(list(parts), came, strict=True)
            parts = {k: [*parts[k], _Put(start, *put)] for k, put in both if put is not None}
        return parts

    @property
    def _seconds(self) -> float:
        return self.who.seal_seconds

    async def _patience(self) -> float:
        """Seconds for which whoever is asked is waited for, all together: a seal is given within ``seal_seconds`` and
        opened so much later, and of the phase something must be left to post in."""
        now = await self.who.now()
        return min(2 * self._seconds + ASK_SECONDS, max(1.0, 0.8 * (now.deadline - now.time)))

    async def _put(self, k: int, batch: NDArray[Any], offer: int) -> tuple[wire.Answer, float] | None:
        """Put a batch to ``k``: its answer, or its seal, and when that came."""
        peer = self.who.directory.by_id(k)
        patience, tensors = self.who.patience, self.who.task.pack_inputs(batch)
        seconds = patience.seconds(k, self._seconds)
        if peer is None:
            return None
        if not seconds:
            log(f"{k} let a question run out of time lately: it is not asked now")
            return None
        payload: dict[str, Any] = {"epoch": self.epoch, "offer": str(offer), "conversation": self._conversation}
        if self.purse is not None and offer:
            payload["voucher"] = self.purse.promise(k, offer * len(batch))
        try:
            answer = await self.who.dendrite.ask(peer, "answer", tensors, payload, timeout=seconds)
        except TooLate as error:
            log(f"no answer from {k}: {error}; it is not asked for {patience.hung(k, seconds):.0f} s")
            return None
        except KlopfError as error:
            log(f"no answer from {k}: {error}")
            return None
        patience.heard(k)
        if not offer and not _seal_of(answer):
            log(f"{k} answered without a seal")
            return None
        return answer, time.monotonic()

    async def _take(
        self, k: int, inputs: NDArray[Any], answers: Sequence[_Put], until: float
    ) -> NDArray[Any] | None:  # fmt: skip
        """What ``k`` answered, its seals opened; None where any of it is no answer."""
        count = self._counts.setdefault(k, _Count())
        parts = []
        all_opened = await asyncio.gather(*(self._open(k, put, until) for put in answers))
        for put, opened in zip(answers, all_opened, strict=True):
            batch, key = inputs[put.start : put.start + BATCH], _seal_of(put.answer)
            if opened is None:
                return None
            count.answers += len(batch)
            count.trail = wire.trail(count.trail, key or opened.digest)
            try:
                found = self.who.task.unpack_answers(opened.tensors, len(batch))
            except PeersError as error:
                log(f"{k} answered something that is no answer: {error}")
                return None
            if self.heard is not None and not self.heard(k, batch, found, opened.payload):
                return None
            parts.append(found)
        return np.concatenate(parts) if parts else None

    async def _open(self, k: int, put: _Put, until: float) -> wire.Answer | None:
        """The answer that ``k`` sealed, if that is what it opens; one that came without a seal is that answer."""
        key = _seal_of(put.answer)
        if not key:
            return put.answer
        if self.who.crowded():  # its seal waits its time: nobody is asked before that
            await asyncio.sleep(min(put.came + self._seconds, until) - time.monotonic())
        while (left := until - time.monotonic()) > 0:
            try:
                answer = await self.who.dendrite.ask(k, "open", payload={"seal": key.hex()}, timeout=left)
            except KlopfError as error:
                if isinstance(error, TooLate):
                    self.who.patience.hung(k, left)
                log(f"{k} did not open its seal: {error}")
                return None
            if answer.payload != "later":
                break
            await asyncio.sleep(LATER)  # whoever says so at once must not be asked in a circle
        else:
            log(f"{k} did not open its seal in time")
            return None
        try:
            salt = bytes.fromhex(answer.payload["salt"])
        except (KeyError, TypeError, ValueError):
            salt = b""
        if seal(Bond(self.epoch, k, self.who.id), salt, answer.tensors) != key:
            log(f"{k} opened something else than it had sealed")
            return None
        return answer

    def receipts(self, weights: Mapping[int, int]) -> list[ledger.SignedReceipt]:
        """A receipt for everybody who answered, with its weight out of 65535, signed by the listener and with its
        proof. To be saved before anybody gets one: a listener that gives out two versions makes both worthless."""
        receipts = [
            ledger.Receipt(self.epoch, self.who.id, k, count.answers, weights.get(k, 0), count.trail)
            for k, count in sorted(self._counts.items())
            if count.answers > 0
        ]
        tree = ledger.ReceiptTree(receipts)
        sign, domain = self.who.key.sign, self.who.book.domain
        return [ledger.SignedReceipt(r, sign(r.digest(domain)), b"", tree.proof(r)) for r in receipts]


async def hand_over(who: Participant, receipts: Sequence[ledger.SignedReceipt]) -> bytes:
    """Keep the receipts as evidence, hand every speaker its own, and return the Merkle root to post. May be done again
    with the same receipts.

    A speaker that does not take its receipt cannot claim it; that is its own loss, so nothing is retried.
    """
    keep_given(who.folder, receipts)
    await asyncio.gather(*(_give(who, signed) for signed in receipts))
    return receipts[0].root if receipts else bytes(32)


async def _give(who: Participant, signed: ledger.SignedReceipt) -> None:
    speaker = signed.receipt.speaker
    peer = who.directory.by_id(speaker)
    if peer is None:
        return
    try:
        await who.dendrite.ask(peer, "receipt", payload=signed.to_json(), timeout=GIVE_SECONDS)
    except KlopfError as error:
        if isinstance(error, TooLate):
            who.patience.hung(speaker, GIVE_SECONDS)
        log(f"{speaker} did not take its receipt: {error}")


def attention(shares: Mapping[int, float]) -> dict[int, int]:
    """Weights out of 65535, rounded down, in proportion to ``shares``, which add up to at most 1.

    Who is heard less than a quarter as much as all would be alike gets nothing: any weight says that it is listened to.
    """
    return {k: int(65_535 * share) if 4 * share * len(shares) >= 1 else 0 for k, share in shares.items()}


def _seal_of(answer: wire.Answer) -> bytes:
    """The seal that came in place of an answer; empty where none did."""
    try:
        key = bytes.fromhex(answer.payload["seal"])
    except (KeyError, TypeError, ValueError):
        return b""
    return key if len(key) == 32 else b""
