"""Answers bought once, by whoever asks when it likes: what a requester is between two runs, or without any.

The answers are paid by vouchers and counted in no receipt, so nobody's standing depends on them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import PeersError
from klopf.peers._adding import adding
from klopf.peers._conversations import Conversations
from klopf.peers._home import read_data
from klopf.peers._listening import Listener
from klopf.peers._participant import AT_ONCE, Participant, log, outlast
from klopf.peers._requester import TRIAL, offers, study
from klopf.peers._vouchers import Purse

__all__ = ["Bought", "buy", "may_buy"]

ENOUGH = 0.5
"""Of a fair share, as how much somebody must be heard by the network to be offered all by whoever cannot check."""
CHECKED = 64
"""Labelled samples that are asked about where all who are asked are known already."""


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
    """Answers to ``inputs`` for the requester in ``folder``, at ``offer`` for each sample at most, from up to ``most``
    neurons.

    A requester with labelled samples of its own buys answers to those too, and learns from them whom to listen to and
    what each adds: from the second time on it offers each as much of ``offer`` as that (:func:`offers`), and the first
    time, when it knows nothing yet, all of it. Without any it cannot check who is right: it offers each twice its share
    of how the network hears them, in means, and listens to each by that, but for those who only repeat what others say.

    Raises:
        PeersError: nobody answered, or what is deposited pays for nobody; nothing was bought.
    """
    who = await Participant.open(folder, may_be_away=True)
    try:
        return await _buy(who, inputs, offer, most)
    finally:
        await who.close()


async def may_buy(folder: Path, offer: int, most: int) -> None:
    """Find out whether :meth:`buy` could buy the answer to a sample now: somebody speaks, is paid by what is deposited,
    and is there. Nothing is asked or promised.

    Raises:
        PeersError: it could not, and why.
    """
    who = await Participant.open(folder, may_be_away=True)
    try:
        plan = await _planned(who, offer, most)
        purse, samples = await outlast(lambda: Purse.open(who)), len(plan.checked) + 1
        paying = await outlast(lambda: purse.lasts_for({k: one * samples for k, one in plan.asked.items()}))
        if not paying:
            raise _too_little(who, min(plan.asked.values()) * samples)
        if not await who.exchange_cards(paying[:AT_ONCE]):
            raise PeersError(f"none of {len(paying)} neurons is reached: see that they run")
    finally:
        await who.close()


@dataclass(frozen=True)
class _Plan:
    """Whom to ask, and about what."""

    data: dict[str, NDArray[Any]]
    listener: Listener
    checked: NDArray[np.int64]
    """Which labelled samples."""
    asked: dict[int, int]
    """What each is offered for a sample, the best first."""


async def _buy(who: Participant, inputs: NDArray[Any], offer: int, most: int) -> Bought:
    plan = await _planned(who, offer, most)
    listener, asked = plan.listener, plan.asked
    known, targets = plan.data["inputs"][plan.checked], plan.data["targets"][plan.checked]
    purse, samples = await outlast(lambda: Purse.open(who)), len(known) + len(inputs)
    costs = {k: one * samples for k, one in asked.items()}
    paying = await outlast(lambda: purse.reserve(costs, ahead=max(costs.values())))
    if not paying:
        raise _too_little(who, min(costs.values()))
    epoch = (await outlast(who.now)).epoch
    talk, before = Conversations(who, epoch, purse), purse.promised
    mixed = np.random.default_rng().permutation(samples)  # nobody can tell what will be checked
    said = await talk.ask(paying, np.concatenate([known, inputs])[mixed], asked)
    unmixed = {k: answer[np.argsort(mixed)] for k, answer in said.items()}
    if not unmixed:
        raise PeersError(f"none of {len(paying)} neurons answered: the lines above say why")
    if len(known):
        loss, new, adds = study(who.task, listener, unmixed, targets, [epoch, listener.round], known)
        log(f"loss on {len(known)} labelled samples {loss:.3f}")
        shares = listener.shares_by(adds, list(unmixed))
    else:
        new, _ = adding(who.task, unmixed, listener, targets)
        shares = dict.fromkeys(unmixed, 0.0) | _network_shares(who, listener, new)
    if repeat := sorted(k for k in unmixed if k not in new):
        log(f"{repeat} only repeat what others say")
    files.replace(who.folder / "listener.json", json.dumps(listener.to_json()))
    bought = {k: answer[len(known) :] for k, answer in unmixed.items()}
    if not who.away:
        await who.exchange_cards(list(bought)[:AT_ONCE])
    who.neighbours.save()
    heard = {k: bought[k] for k in new}
    answers = listener.combine(heard, inputs) if len(known) else who.task.blend(heard, shares)
    return Bought(answers, _of(shares, list(bought)), purse.promised - before)


async def _planned(who: Participant, offer: int, most: int) -> _Plan:
    data, listener = read_data(who.folder), _listener(who)
    listener.keep_only(who.living())
    if not who.away:
        who.neighbours.learn(who.others.values(), await outlast(lambda: who.on_ledger(who.book.clock.now)))
    elif epochs := await who.exchange_cards(who.speakers()):
        who.go_by_cards()
        who.neighbours.now = replace(await who.now(), epoch=sorted(epochs)[len(epochs) // 2])
    speakers = who.speakers()
    if not speakers:
        raise PeersError("nobody in this network answers questions yet: try again when somebody has joined it")
    ready = [k for k in speakers if who.patience.seconds(k, 1.0)] or speakers
    parts = _parts(who, listener, ready, most, labelled=len(data["targets"]) > 0)
    checked = _checked(listener, parts, len(data["targets"]))
    asked = {k: offer * round(part * 10_000) // 10_000 for k, part in parts.items()}
    log(f"offers of the fee: { {k: round(part, 3) for k, part in parts.items()} }")
    return _Plan(data, listener, checked, asked)


def _too_little(who: Participant, least: int) -> PeersError:
    what = "reserved, and the ledger is away," if who.away else "deposited"
    return PeersError(
        f"what is {what} does not pay for one neuron's answers, {least / 1e18:g} KLP: deposit more with "
        "`klopf join --deposit`, or offer less with --fee"
    )


def _checked(listener: Listener, asked: Collection[int], labelled: int) -> NDArray[np.int64]:
    """Which of the ``labelled`` samples are asked about: all where somebody is new, else so many drawn that whoever
    has turned, or repeats others by now, is noticed."""
    new = any(k not in listener.neighbours or not listener.neighbours[k].compared for k in asked)
    drawn = np.random.default_rng().permutation(labelled)
    return np.sort(drawn if new else drawn[:CHECKED])


def _parts(
    who: Participant, listener: Listener, speakers: Sequence[int], most: int, labelled: bool
) -> dict[int, float]:  # fmt: skip
    """Whom to ask, the best first, and which part of the fee each is offered."""
    lots = np.random.default_rng().permutation(speakers).tolist()
    if labelled and any(one.compared for one in listener.neighbours.values()):
        return offers(listener, lots, listener.round, 0, most)
    listener.round += 1
    if labelled:
        best = sorted(lots, key=lambda k: -who.others[k].utility)[:most]
        return dict.fromkeys(best, 1.0)
    shares = _network_shares(who, listener, lots)
    best = sorted(lots, key=lambda k: -shares[k])[:most]
    usual = sum(share > 0 for share in shares.values())
    return {k: min(1.0, max(TRIAL, shares[k] * usual / ENOUGH)) for k in best}


def _network_shares(who: Participant, listener: Listener, among: Sequence[int]) -> dict[int, float]:
    """How much the network hears each, of that as much as it added to what others said when it was last asked; all
    alike where it hears none."""
    adds = {k: listener.neighbours[k].adds if k in listener.neighbours else 1.0 for k in among}
    return _of({k: who.others[k].utility * adds[k] for k in among}, among)


def _of(shares: dict[int, float], among: Sequence[int]) -> dict[int, float]:
    """``shares`` of those who are ``among`` them, of 1 together; all alike where nobody has any."""
    total = sum(shares[k] for k in among)
    return {k: shares[k] / total if total > 0 else 1 / len(among) for k in among}


def _listener(who: Participant) -> Listener:
    file = who.folder / "listener.json"
    if not file.exists():
        return who.task.listener()
    try:
        return who.task.read_listener(json.loads(file.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PeersError(f"{file} cannot be read ({error}): restore it, or remove it to learn anew") from None
