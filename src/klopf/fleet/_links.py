"""The same over the wire: a member that answers at an axon, and one that is asked through a dendrite."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError, KlopfError, Refused
from klopf.fleet._answers import FIGURES, LEAN, application, array, packed_bytes, update
from klopf.fleet._device import Application, Instructions, Update
from klopf.fleet._members import Member, Step
from klopf.fleet._parameters import Parameters, digest, flat, shapes_of, split
from klopf.fleet._sealed import Keeps
from klopf.fleet._sparse import unpack
from klopf.wire import Answer, Axon, Decline, Dendrite, Peer, Request

__all__ = ["Remote", "serve"]

APPLY, FIT, COMMIT = "fleet.apply", "fleet.fit", "fleet.commit"
UNKNOWN = "these steps begin from parameters that are not here"
_PASSES = 1000
_FAR_OUT = 1e30
_SAID = 2000
"""Characters of what a server says of a round."""
_HEAD = 420
"""Bytes of a request beside its arrays and payload, about: header, signature and frame."""


def serve(
    axon: Axon,
    member: Member,
    allowed: Callable[[Peer, Instructions], str] = lambda peer, wanted: "",
    name: str = "",
) -> None:
    """Let ``member`` answer at ``axon``. ``allowed`` says why somebody's instructions are declined; "" where they are
    not. name: by which its card calls it, by default its own."""

    def read(request: Request) -> tuple[Instructions, float]:
        wanted = instructions(request.payload)
        if why := allowed(request.peer, wanted):
            raise Decline(why)
        return wanted, request.expires_at - request.issued_at

    @axon.handle(APPLY)
    async def apply(request: Request) -> Answer:
        wanted, seconds = read(request)
        try:
            said = await member.apply(wanted, seconds)
        except KlopfError as error:
            raise Decline(str(error)[:200]) from None
        payload = {"records": said.records, "seconds": said.seconds, "loss": said.loss}
        return Answer({"inputs": said.inputs, "targets": said.targets}, payload)

    there: dict[str, tuple[str, NDArray[np.float32]]] = {}

    def given(request: Request, job: str) -> tuple[Parameters, Step | None]:
        """The parameters of a request, or those that its step leads to from what is there, or what is there."""
        step = None
        if not request.tensors:
            before, values = there.get(job, ("", np.zeros(0, np.float32)))
            if before != request.payload["before"]:
                raise FleetError(UNKNOWN)
        elif "packed" in request.tensors:
            before, values = there.get(job, ("", np.zeros(0, np.float32)))
            if before != request.payload["before"]:
                raise FleetError(UNKNOWN)
            step = Step(before, packed_bytes(request.tensors))
            values = values + unpack(step.packed, values.size)
        else:
            values = array(request.tensors, "parameters", 1)
        parameters = split(values, request.payload["shapes"])
        there.clear()  # a device works for one job at a time
        there[job] = digest(parameters), flat(parameters)
        return parameters, step

    keeps = Keeps(member, name or member.name)

    @axon.handle(COMMIT)
    async def commit(request: Request) -> Answer:
        wanted, seconds = read(request)
        try:
            parameters, step = given(request, wanted.job)
            return Answer({}, {"seal": await keeps.commit(parameters, wanted, seconds, step)})
        except (KeyError, TypeError):
            raise Decline("a request to train names the shapes of the parameters") from None
        except KlopfError as error:
            raise Decline(str(error)[:200]) from None

    @axon.handle(FIT)
    async def fit(request: Request) -> Answer:
        wanted, seconds = read(request)
        try:
            parameters, step = given(request, wanted.job)
            given_back = await keeps.fit(parameters, wanted, seconds, step)
        except (KeyError, TypeError):
            raise Decline("a request to train names the shapes of the parameters") from None
        except KlopfError as error:
            raise Decline(str(error)[:200]) from None
        payload: dict[str, Any] = _figures(given_back)
        tensors: dict[str, NDArray[Any]] = {"change": flat(given_back.change)}
        if given_back.packed:
            tensors = {"packed": np.frombuffer(given_back.packed, np.uint8)}
            payload = _lean(given_back)
        if given_back.parts:
            tensors["parts"] = np.stack([flat(part.change) for part in given_back.parts.values()])
            payload["parts"] = {name: _figures(part) for name, part in given_back.parts.items()}
        return Answer(tensors, payload)


class Remote:
    """A member elsewhere.

    Args:
        dendrite: asks in the name of the server or leader.
        peer: where it is; its key is who answers.
        devices: of a node, the names of its devices; nobody else may show updates of several.
    """

    def __init__(self, name: str, dendrite: Dendrite, peer: Peer, devices: Collection[str] = ()) -> None:
        self.name, self.devices, self._dendrite, self._peer = name, frozenset(devices), dendrite, peer
        self._there = "", ""  # the job and the digest of the parameters that the other side has
        self._travelled = 0, 0  # sent and received in committing

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        got = await self._ask(APPLY, None, {"wanted": asdict(wanted)}, timeout)
        return application(self.name, got.tensors, got.payload)

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        shapes = shapes_of(parameters)
        got, sent = await self._train(FIT, parameters, wanted, timeout, step)
        received = _received(got)
        if wanted.sealed:
            sent, received = sent + self._travelled[0], received + self._travelled[1]
        return update(
            self.name, got.tensors, got.payload, shapes, size=flat(parameters).size, base=self._there[1],
            sparse=wanted.sparse, devices=self.devices if wanted.parts else (), travelled=(sent, received),
        )  # fmt: skip

    async def commit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> str:
        """As :class:`Sealing` says."""
        got, sent = await self._train(COMMIT, parameters, wanted, timeout, step)
        self._travelled = sent, _received(got)
        said = got.payload.get("seal") if isinstance(got.payload, dict) else None
        if not isinstance(said, str) or len(said) != 64:
            raise FleetError(f"{self.name} answers wrongly: it commits to nothing")
        return said

    async def _train(
        self, method: str, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None
    ) -> tuple[Answer, int]:
        """Ask with as little as the other side lacks of the parameters; its answer, and how many bytes were sent."""
        named = {"wanted": asdict(wanted), "shapes": shapes_of(parameters)}
        whole: tuple[dict[str, NDArray[Any]], dict[str, Any]] = {"parameters": flat(parameters)}, named
        sent, now = 0, digest(parameters)
        small: tuple[dict[str, NDArray[Any]], dict[str, Any]] | None = None
        if method == FIT and wanted.sealed:
            small = {}, {**named, "before": now}
        elif step is not None and self._there == (wanted.job, step.before):
            small = {"packed": np.frombuffer(step.packed, np.uint8)}, {**named, "before": step.before}
        if small is not None:
            sent += _size(*small)
            try:
                got = await self._ask(method, *small, timeout)
                self._there = wanted.job, now
                return got, sent
            except Refused as error:
                if UNKNOWN not in str(error):
                    raise
                self._there = "", ""
        sent += _size(*whole)
        got = await self._ask(method, *whole, timeout)
        self._there = wanted.job, now
        return got, sent

    async def _ask(
        self, method: str, tensors: Mapping[str, NDArray[Any]] | None, payload: Any, timeout: float
    ) -> Answer:
        with named(self.name, self._peer):
            return await self._dendrite.ask(self._peer, method, tensors, payload, timeout=timeout)


@contextmanager
def named(name: str, peer: Peer) -> Iterator[None]:
    """What goes wrong inside is said of ``name``, not of a number that nobody else has."""
    try:
        yield
    except KlopfError as error:
        error.args = (re.sub(rf"\bpeer {peer.id}\b", name, str(error)), *error.args[1:])
        raise


def _received(got: Answer) -> int:
    return len(got.header) + len(got.signature) + sum(array.nbytes for array in got.tensors.values())


def _size(tensors: Mapping[str, NDArray[Any]], payload: Any) -> int:
    """Bytes of a request, all but exactly."""
    return sum(array.nbytes for array in tensors.values()) + len(json.dumps(payload, separators=(",", ":"))) + _HEAD


def _lean(update: Update) -> dict[str, Any]:
    """Times and losses to six digits: more of them tell nothing."""
    return {name: kind(f"{getattr(update, name):.6g}") if kind is float else getattr(update, name)
            for name, kind in LEAN.items()}  # fmt: skip


def _figures(update: Update) -> dict[str, Any]:
    return {name: getattr(update, name) for name in FIGURES}


def instructions(payload: Any) -> Instructions:
    """What a request wants, checked. Raises Decline."""
    try:
        said = payload["wanted"]
        wanted = Instructions(**said)
        numbers = (wanted.round, wanted.epochs, wanted.draws, wanted.seed, wanted.escrow)
        words = (wanted.job, wanted.model, wanted.target, *wanted.columns, *wanted.classes, *wanted.ranges)
        if not isinstance(wanted.said, dict) or len(json.dumps(wanted.said)) > _SAID:
            raise TypeError
        if not isinstance(wanted.settings, dict) or any(isinstance(n, bool) or not isinstance(n, int) for n in numbers):
            raise TypeError
        if not isinstance(wanted.sealed, bool) or not all(map(_range, dict(wanted.ranges).values())):
            raise TypeError
        if not all(isinstance(word, str) and len(word) <= 200 for word in words):
            raise TypeError
    except (KeyError, TypeError, ValueError):
        raise Decline("no instructions: say job, model, settings, round, epochs and seed") from None
    if (
        not 0 <= wanted.draws <= _PASSES**2
        or not 1 <= wanted.epochs <= _PASSES
        or not wanted.round >= 1
        or not 0 <= wanted.seed < 1 << 63
        or not 0 <= wanted.escrow < 1 << 63
    ):
        raise Decline(f"instructions out of bounds: at most {_PASSES} epochs, rounds from 1, a seed from 0")
    return wanted


def _range(said: Any) -> bool:
    """Whether it is a lowest and a highest number."""
    number = all(isinstance(end, int | float) and not isinstance(end, bool) and abs(end) < _FAR_OUT for end in said)
    return isinstance(said, list | tuple) and len(said) == 2 and number and said[0] < said[1]
