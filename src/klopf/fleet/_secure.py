"""Rounds in which the server learns the mean of the changes and no device's own: four stages a round, over links or
here."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError, KlopfError
from klopf.fleet._contribution import shares
from klopf.fleet._device import Instructions
from klopf.fleet._gather import gathered
from klopf.fleet._links import instructions, named
from klopf.fleet._masked import Masker, least, unmasked
from klopf.fleet._parameters import Parameters, flat, shapes_of, split
from klopf.fleet._post import Card, Post
from klopf.fleet._rounds import Demand, Outcome, Round, Test
from klopf.fleet.models import made
from klopf.wire import Answer, Axon, Decline, Dendrite, Peer, Request

__all__ = ["LocalMasked", "MaskedMember", "reach_masked", "run_masked", "serve_masked"]

_METHOD = "fleet.masked"
Said = tuple[dict[str, Any], NDArray[np.uint32]]
_NOTHING = np.zeros(0, np.uint32)


class MaskedMember(Protocol):
    """A device of a private round, as the server sees it."""

    @property
    def name(self) -> str: ...

    async def ask(self, stage: str, said: Mapping[str, Any], parameters: Parameters, timeout: float) -> Said:
        """One stage. Raises KlopfError where it declines or cannot be reached."""


def _answer(masker: Masker, stage: str, said: Mapping[str, Any], parameters: Parameters) -> Said:
    if stage == "keys":
        return masker.keys(said["round"]), _NOTHING
    if stage == "shares":
        return masker.shares(said["keys"]), _NOTHING
    if stage == "masked":
        return {}, masker.masked(said["sealed"], parameters, instructions(said))
    return masker.unmask(said["survivors"]), _NOTHING


class LocalMasked:
    """A device of this process in private rounds."""

    def __init__(self, masker: Masker) -> None:
        self._masker, self.name = masker, masker.name

    async def ask(self, stage: str, said: Mapping[str, Any], parameters: Parameters, timeout: float) -> Said:
        return await asyncio.wait_for(asyncio.to_thread(_answer, self._masker, stage, said, parameters), timeout)


async def serve_masked(
    post: Post,
    masker: Masker,
    host: str = "127.0.0.1",
    port: int = 0,
    allowed: Callable[[Peer, Instructions], str] = lambda peer, wanted: "",
) -> None:
    """Let a device answer in private rounds at a post. ``allowed`` says why instructions are declined, "" where they
    are not."""

    def install(axon: Axon, known: Callable[[Peer], str]) -> None:
        @axon.handle(_METHOD)
        async def answer(request: Request) -> Answer:
            if why := known(request.peer):
                raise Decline(why)
            try:
                said, shapes = request.payload["said"], request.payload["shapes"]
                if request.payload["stage"] == "masked" and (why := allowed(request.peer, instructions(said))):
                    raise Decline(why)
                values = np.asarray(request.tensors.get("parameters", np.zeros(0)), np.float32)
                parameters = split(values, shapes)
                told, array = await asyncio.to_thread(_answer, masker, request.payload["stage"], said, parameters)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise Decline("that is no stage of a private round") from None
            except KlopfError as error:
                raise Decline(str(error)[:200]) from None
            return Answer({"masked": array}, told)

    await post.listen(install, host, port)


class _Remote:
    def __init__(self, name: str, dendrite: Dendrite, peer: Peer) -> None:
        self.name, self._dendrite, self._peer = name, dendrite, peer

    async def ask(self, stage: str, said: Mapping[str, Any], parameters: Parameters, timeout: float) -> Said:
        payload = {"stage": stage, "said": said, "shapes": shapes_of(parameters)}
        tensors = {"parameters": flat(parameters)}
        with named(self.name, self._peer):
            got = await self._dendrite.ask(self._peer, _METHOD, tensors, payload, timeout=timeout)
        array: Any = got.tensors.get("masked", _NOTHING)
        if not isinstance(got.payload, dict) or array.dtype != np.uint32:
            raise FleetError(f"{self.name} does not follow the stages of a private round")
        return got.payload, array


def reach_masked(post: Post, cards: Sequence[Card]) -> list[MaskedMember]:
    """Devices elsewhere that answer in private rounds, asked in a post's name."""
    dendrite = post.asking(cards)
    return [_Remote(card.name, dendrite, post.known(card)) for card in cards]


async def run_masked(
    demand: Demand,
    members: Sequence[MaskedMember],
    test: Test,
    *,
    told: Callable[[Round, Parameters], None] = lambda one, now: None,
    start: Parameters | None = None,
    done: int = 0,
) -> Outcome:
    """Rounds until the test is met, by the plain mean: what each device gave is known to nobody, so nobody's
    contribution is valued, nothing of one device can be refused, and pay can only be by presence: shares are by the
    rounds that somebody was in. Goes on after the first ``done`` rounds from ``start``, or a new model's parameters;
    ``told`` is given each round and the parameters after it.

    Raises:
        FleetError: more than a third of the devices were lost in one round.
    """
    named = {member.name: member for member in members}
    model = made(demand.wanted.model, demand.wanted.settings, demand.wanted.seed)
    outcome, present = Outcome(model.parameters() if start is None else start), Counter[str]()
    for number in range(done + 1, demand.rounds + 1):
        begun = time.perf_counter()
        change, used, lost = await _once(demand, named, outcome.parameters, number)
        outcome.parameters = split(flat(outcome.parameters) + change, shapes_of(outcome.parameters))
        model.load(outcome.parameters)
        score, loss = (of(test.inputs, test.targets) for of in (model.score, model.loss))
        weights = dict.fromkeys(used, 1 / len(used))
        one = Round(number, score, loss, time.perf_counter() - begun, 0, 0, weights, lost)
        outcome.rounds.append(one)
        outcome.met = score >= demand.goal
        present.update(used)
        outcome.shares = shares(dict(present))
        told(one, outcome.parameters)
        if outcome.met:
            break
    return outcome


async def _once(
    demand: Demand, named: Mapping[str, MaskedMember], now: Parameters, number: int
) -> tuple[NDArray[np.float32], list[str], dict[str, str]]:
    """The mean change, whose it is, and why others had no part in it."""
    lost: dict[str, str] = {}

    async def stage(what: str, each: Mapping[str, Mapping[str, Any]], parameters: Parameters) -> dict[str, Said]:
        asked = {name: named[name].ask(what, said, parameters, demand.deadline) for name, said in each.items()}
        answers, failed = await gathered(asked, len(asked), demand.deadline, 0)
        lost.update({name: f"{what}: {why}" for name, why in failed.items()})
        return answers

    keys = {n: said for n, (said, _) in (await stage("keys", {name: {"round": number} for name in named}, [])).items()}
    if len(keys) < 3:
        raise FleetError(f"round {number}: {len(keys)} devices are left, and masks need three at least")
    sealed = {n: said for n, (said, _) in (await stage("shares", {name: {"keys": keys} for name in keys}, [])).items()}
    wanted = asdict(replace(demand.wanted, round=number, sparse=False, parts=False))
    each = {
        name: {"sealed": {who: texts[name] for who, texts in sealed.items() if name in texts}, "wanted": wanted}
        for name in sealed
    }
    masked = {n: array for n, (_, array) in (await stage("masked", each, now)).items() if array.size == flat(now).size}
    if len(masked) < least(len(keys)):
        raise FleetError(f"round {number}: {len(masked)} of {len(keys)} devices are left: the round is lost")
    survivors = sorted(masked)
    shares = await stage("unmask", {name: {"survivors": survivors} for name in survivors}, [])
    change = unmasked(masked, keys, sorted(sealed), {name: said for name, (said, _) in shares.items()})
    return change, survivors, {name: why for name, why in lost.items() if name not in masked}
