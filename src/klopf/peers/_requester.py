"""The life of a requester: it pays for answers, and learns from a few labelled samples whom to listen to."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files, ledger
from klopf.peers._adding import adding
from klopf.peers._conversations import Conversations, attention, hand_over
from klopf.peers._listening import PASSES, Listener
from klopf.peers._participant import Participant, log, read_data
from klopf.peers._vouchers import Purse
from klopf.peers.tasks import Task

__all__ = ["RequesterSettings", "live", "newest_listener", "study", "wanted"]


WORTH = 0.1
"""Of a fair share, as how much a neuron must be heard for its answers to be worth a fee."""


MISSED = 50
"""Samples without a use that a paid question counts as which had no valid answer in time."""
AGAIN = 4
"""Epochs from one trial of somebody whose answers were not worth it to the next."""


@dataclass(frozen=True)
class RequesterSettings:
    """``participant.json``'s ``more`` for a requester."""

    fee: str
    """Offered for the answer to one sample, in the token's smallest unit."""


async def live(folder: Path) -> None:
    """Take part in every epoch that is left, then return. Killed at any moment, it can be called again."""
    who = await Participant.open(folder)
    requester = _Requester(who)
    try:
        await who.take_part(requester.listen, requester.claim)
        await who.see_out()
    finally:
        await who.close()


def newest_listener(folder: Path, task: Task) -> Listener | None:
    """What the requester in ``folder`` has learned of whom to listen to; None before its first epoch."""
    epochs = [int(p.stem) for p in (folder / "state").glob("*.json") if p.stem.isdigit()]
    if not epochs:
        return None
    last = json.loads((folder / "state" / f"{max(epochs)}.json").read_text())
    return task.read_listener(last["listener"])


def wanted(listener: Listener, speakers: Sequence[int], seed: int, epoch: int) -> list[int]:
    """From whom answers are bought in ``epoch``, the best heard first, for what is deposited may not last for all: from
    whoever is new to it, whoever it heard at least ``WORTH`` as much as all alike would be, and one of the others,
    which may have become better, in every ``AGAIN``-th epoch. So who is of no use, or only repeats others, is paid
    once, and then now and then."""
    lots = np.random.default_rng([seed, epoch, 4]).permutation(sorted(speakers)).tolist()
    shares = listener.shares(lots)
    useless = (
        [k for k in lots if k in listener.neighbours and shares[k] * len(lots) < WORTH] if any(shares.values()) else []
    )
    tried = min(useless, key=lambda k: listener.neighbours[k].age, default=None) if epoch % AGAIN == 0 else None
    return sorted((k for k in lots if k not in useless or k == tried), key=lambda k: -listener.heard(k))


def study(
    task: Task, listener: Listener, answers: Mapping[int, NDArray[Any]], targets: NDArray[Any], seed: Sequence[int]
) -> tuple[float, dict[int, float]]:
    """Learn from answers of which the first have ``targets`` whom to listen to. Who only repeats others is not heard.

    Returns the mean loss before anything was learned, and how much each adds (``_adding``), seen on all answers.
    """
    adds = adding(task, answers, listener.record())
    known = {k: answer[: len(targets)] for k, answer in answers.items()}
    loss = listener.study({k: answer for k, answer in known.items() if adds[k] > 0}, targets, seed)
    for k in (k for k in answers if adds[k] == 0):
        listener.pass_over(k, PASSES * len(targets))
    return loss, adds


class _Requester:
    def __init__(self, who: Participant) -> None:
        self.who = who
        self.settings = RequesterSettings(**who.settings.more)
        self.data = read_data(who.folder)
        (who.folder / "state").mkdir(exist_ok=True)
        (who.folder / "results").mkdir(exist_ok=True)

    async def listen(self, epoch: int) -> None:
        prepared, begun = (self.who.folder / "state" / name for name in (f"{epoch}.json", f"{epoch}.begun"))
        if not prepared.exists():
            if begun.exists():
                log(f"epoch {epoch}: it was interrupted while buying; nothing is bought twice, so it sits this one out")
                await self.who.asks_no_more(epoch)
                await self.who.arrive()
                return
            begun.touch()
            await self._work(epoch)
        receipts = [ledger.SignedReceipt.from_json(r) for r in json.loads(prepared.read_text())["receipts"]]
        root = await hand_over(self.who, receipts)
        await self.who.attempt("post", self.who.book.settlement.post, self.who.id, root, bytes(32))

    async def _work(self, epoch: int) -> None:
        """Buy answers to labelled samples and real questions, and learn from the former whom to listen to."""
        listener = newest_listener(self.who.folder, self.who.task) or self.who.task.listener()
        listener.keep_only(self.who.living())
        purse = await Purse.open(self.who)
        conversations = Conversations(self.who, epoch, purse)
        offer, spent_on = int(self.settings.fee), len(self.data["inputs"]) + len(self.data["questions"])
        asked = wanted(listener, self.who.speakers(), self.who.settings.seed, epoch)
        speakers = sorted(await purse.reserve(offer * spent_on, asked))
        if len(speakers) < len(asked):
            log(f"epoch {epoch}: what is deposited pays for {len(speakers)} of {len(asked)} neurons")
        rng, targets = np.random.default_rng([self.who.settings.seed, epoch, 3]), self.data["targets"]
        mixed = rng.permutation(spent_on)  # who is asked cannot tell one from another
        everything = np.concatenate([self.data["inputs"], self.data["questions"]])
        answers = await conversations.ask(speakers, everything[mixed], offer)
        unmixed = {k: answer[np.argsort(mixed)] for k, answer in answers.items()}
        for k in set(speakers) - set(answers):  # paid, and of no use so far
            listener.pass_over(k, MISSED)
        loss, adds = study(self.who.task, listener, unmixed, targets, [self.who.settings.seed, epoch, 5])
        bought = {k: answer[len(targets) :] for k, answer in unmixed.items()}
        combined = listener.combine({k: answer for k, answer in bought.items() if adds[k] > 0})
        weights = attention(listener.shares_by(adds, list(bought)))
        self._write_results(epoch, bought, combined)
        post = {"receipts": [r.to_json() for r in conversations.receipts(weights)], "listener": listener.to_json()}
        files.replace(self.who.folder / "state" / f"{epoch}.json", json.dumps(post))
        heard = {k: round(w / 65_535, 3) for k, w in weights.items() if w > 0}
        log(f"epoch {epoch}: loss on labelled samples {loss:.3f}; listens to {heard}")

    def _write_results(self, epoch: int, bought: dict[int, NDArray[Any]], combined: NDArray[Any]) -> None:
        """What the answers amount to: of the network, and of each neuron by itself."""
        ids, task = sorted(bought), self.who.task
        alone = np.array([task.decide(bought[k]) for k in ids])
        buffer = io.BytesIO()
        np.savez(buffer, ids=np.array(ids, dtype=np.int64), alone=alone, network=task.decide(combined))
        files.replace(self.who.folder / "results" / f"{epoch}.npz", buffer.getvalue())

    async def claim(self, epoch: int) -> None:
        await self.who.arrive()
