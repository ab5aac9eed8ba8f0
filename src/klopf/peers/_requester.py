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
from klopf.peers._home import read_data
from klopf.peers._listening import PASSES, Listener
from klopf.peers._participant import Participant, log
from klopf.peers._vouchers import Purse
from klopf.peers.tasks import Task

__all__ = ["RequesterSettings", "live", "newest_listener", "offers", "study"]


WORTH = 0.1
"""Of a fair share, as how much a neuron must be worth for its answers to be more than tried."""
TRIAL = 0.01
"""Of the fee, what is offered to whoever has not shown yet that it adds anything."""
TRIED = 32
"""Of those, so many are tried in an epoch, who were not for the longest."""


MISSED = 50
"""Samples without a use that a paid question counts as which had no valid answer in time."""


@dataclass(frozen=True)
class RequesterSettings:
    """``participant.json``'s ``more`` for a requester."""

    fee: str
    """Offered for the answer to one sample at most, in the token's smallest unit: to whom see :func:`offers`."""


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


def offers(
    listener: Listener, speakers: Sequence[int], seed: int, epoch: int, most: int | None = None
) -> dict[int, float]:
    """From whom answers are bought in ``epoch``, and for which part of the fee, the best first, for what is deposited
    may not last for all: for as much as it added to what others said, the whole fee from a fair share on. Who added
    less than ``WORTH`` of that, or is new, is tried for ``TRIAL`` of the fee. So a name is worth nothing by itself: who
    is of no use, or repeats others, costs a trial, and who becomes good is found soon. Of more than ``most`` those that
    added most are asked, and in a quarter of the places others."""
    listener.round += 1
    lots = np.random.default_rng([seed, epoch, 4]).permutation(sorted(speakers)).tolist()
    heard = [k for k in lots if k in listener.neighbours]
    shares = listener.shares_by({k: listener.neighbours[k].adds for k in heard}, heard)
    usual = sum(share > 0 for share in shares.values())
    bought = {k: min(1.0, shares[k] * usual) for k in heard if shares[k] * usual >= WORTH}
    others = sorted((k for k in lots if k not in bought), key=listener.last_tried)[:TRIED]
    best = sorted(bought, key=lambda k: -bought[k])
    if most is not None:
        best = best[: max(most - most // 4, most - len(others))]
        others = others[: most - len(best)]
    for k in (*best, *others):
        listener.known(k).tried = listener.round
    return {k: bought[k] for k in best} | dict.fromkeys(others, TRIAL)


def study(
    task: Task, listener: Listener, answers: Mapping[int, NDArray[Any]], targets: NDArray[Any], seed: Sequence[int],
    about: NDArray[Any] | None = None,
) -> tuple[float, list[int], dict[int, float]]:  # fmt: skip
    """Learn from answers of which the first have ``targets`` whom to listen to, and in what: ``about`` which. Who
    only repeats others is not heard.

    Returns the mean loss before anything was learned, who is heard, and how much each adds (``_adding``), seen on all
    answers.
    """
    heard, adds = adding(task, answers, listener, targets)
    loss = listener.study({k: answers[k][: len(targets)] for k in heard}, targets, seed, about)
    for k in (k for k in answers if k not in heard):
        listener.pass_over(k, PASSES * len(targets))
    return loss, heard, adds


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
        fee, spent_on = int(self.settings.fee), len(self.data["inputs"]) + len(self.data["questions"])
        parts = offers(listener, self.who.speakers(), self.who.settings.seed, epoch)
        asked = {k: fee * round(part * 10_000) // 10_000 for k, part in parts.items()}
        speakers = sorted(await purse.reserve({k: offer * spent_on for k, offer in asked.items()}))
        if len(speakers) < len(asked):
            log(f"epoch {epoch}: what is deposited pays for {len(speakers)} of {len(asked)} neurons")
        rng, targets = np.random.default_rng([self.who.settings.seed, epoch, 3]), self.data["targets"]
        mixed = rng.permutation(spent_on)  # who is asked cannot tell one from another
        everything = np.concatenate([self.data["inputs"], self.data["questions"]])
        answers = await conversations.ask(speakers, everything[mixed], asked)
        unmixed = {k: answer[np.argsort(mixed)] for k, answer in answers.items()}
        for k in set(speakers) - set(answers):  # paid, and of no use so far
            listener.pass_over(k, MISSED)
        seed = [self.who.settings.seed, epoch, 5]
        loss, new, adds = study(self.who.task, listener, unmixed, targets, seed, self.data["inputs"])
        bought = {k: answer[len(targets) :] for k, answer in unmixed.items()}
        combined = listener.combine({k: answer for k, answer in bought.items() if k in new}, self.data["questions"])
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
