"""Answers bought once, by whoever asks when it likes: what a requester is between two runs, or without any.

The answers are paid by vouchers and counted in no receipt, so nobody's standing depends on them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import PeersError
from klopf.peers._conversations import Conversations
from klopf.peers._listening import Listener
from klopf.peers._participant import Participant, log, outlast, read_data
from klopf.peers._vouchers import Purse

__all__ = ["Bought", "buy"]


@dataclass(frozen=True)
class Bought:
    """What came of it."""

    answers: NDArray[Any]
    """Combined, one to each question."""
    shares: dict[int, float]
    """How much each counted who answered, by its id; they sum to 1."""
    paid: int
    """What vouchers promised for it, in the token's smallest unit."""


async def buy(folder: Path, inputs: NDArray[Any], offer: int, most: int) -> Bought:
    """Answers to ``inputs`` for the requester in ``folder``, at ``offer`` for each sample, from up to ``most`` neurons:
    those that are heard best.

    A requester with labelled samples of its own learns from them whom to listen to, and asks about them too where
    there is somebody whom it has not heard yet. Without any, everybody counts by how much the network heard it.

    Raises:
        PeersError: nobody answered, or what is deposited pays for nobody; nothing was bought.
    """
    who = await Participant.open(folder)
    try:
        return await _buy(who, inputs, offer, most)
    finally:
        await who.close()


async def _buy(who: Participant, inputs: NDArray[Any], offer: int, most: int) -> Bought:
    data, listener = read_data(who.folder), _listener(who)
    listener.keep_only(who.living())
    speakers = who.speakers()
    if not speakers:
        raise PeersError("nobody in this network answers questions yet: try again when somebody has joined it")
    best = sorted(
        speakers,
        key=lambda k: (not who.patience.seconds(k, 1.0), -listener.heard(k), -who.others[k].utility, k),
    )[:most]
    unheard = len(data["targets"]) > 0 and any(listener.heard(k) == 0 for k in best)
    known = data["inputs"] if unheard else data["inputs"][:0]
    purse = await outlast(lambda: Purse.open(who))
    cost = offer * (len(known) + len(inputs))
    paying = await outlast(lambda: purse.reserve(cost, best))
    if not paying:
        raise PeersError(
            f"what is deposited does not pay for one neuron's answers, {cost / 1e18:g} KLP: deposit more with "
            "`klopf join --deposit`, or offer less with --fee"
        )
    epoch = (await outlast(lambda: who.on_ledger(who.book.clock.now))).epoch
    talk, before = Conversations(who, epoch, purse), purse.promised
    mixed = np.random.default_rng().permutation(len(known) + len(inputs))  # nobody can tell what will be checked
    said = await talk.ask(paying, np.concatenate([known, inputs])[mixed], offer)
    unmixed = {k: answer[np.argsort(mixed)] for k, answer in said.items()}
    bought = {k: answer[len(known) :] for k, answer in unmixed.items()}
    if len(known) and bought:
        loss = listener.study({k: answer[: len(known)] for k, answer in unmixed.items()}, data["targets"], [epoch])
        files.replace(who.folder / "listener.json", json.dumps(listener.to_json()))
        log(f"loss on {len(known)} labelled samples {loss:.3f}")
    if not bought:
        raise PeersError(f"none of {len(best)} neurons answered: the lines above say why")
    shares = listener.shares(list(bought))
    if any(shares.values()):
        answers = listener.combine(bought)
    else:
        heard = {k: who.others[k].utility for k in bought}
        total = sum(heard.values())
        shares = {k: heard[k] / total if total > 0 else 1 / len(heard) for k in heard}
        answers = who.task.blend(bought, shares)
    return Bought(answers, shares, purse.promised - before)


def _listener(who: Participant) -> Listener:
    file = who.folder / "listener.json"
    if not file.exists():
        return who.task.listener()
    try:
        return who.task.read_listener(json.loads(file.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PeersError(f"{file} cannot be read ({error}): restore it, or remove it to learn anew") from None
