"""A device that lends its arithmetic to a node: it holds some layers for a step, and keeps nothing else.

It is sent the weights of its layers at the start of each step, computes micro-batches there and back, and gives the sum
of their gradients once. Whatever it is asked is checked; what asks for more memory than it lends is refused.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError, KlopfError
from klopf.extensions import said
from klopf.fleet._answers import array
from klopf.fleet._parameters import Parameters, split
from klopf.fleet._post import Card, Post
from klopf.fleet.models._net import Net, Sums, lost
from klopf.fleet.node._plan import costs, need
from klopf.wire import Answer, Axon, Decline, Dendrite, Peer, Request

__all__ = ["Helper", "Here", "There", "Worker", "lend", "reach"]

Tensors = Mapping[str, NDArray[Any]]
METHOD = "fleet.node"
_PROBE, _TIMES = 512, 64


class _Slot:
    """Layers of one stage in one step."""

    def __init__(self, net: Net, first: int, last: int, parameters: Parameters) -> None:
        self.net, self.first, self.last, self.parameters = net, first, last, parameters
        self.kept: dict[int, list[Any]] = {}
        self.sums = Sums(sum(a.size for a in parameters))
        self.added: set[int] = set()

    def run(self, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[Any]]:
        if x.shape[1:] != self.net.layers[self.first].takes:
            raise FleetError("a micro-batch has not the shape that these layers take")
        return self.net.forward(self.parameters, x, self.first, self.last)

    def learn(self, which: int, kept: list[Any], gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """To be asked the same twice adds it once."""
        back, own = self.net.backward(self.parameters, kept, gradient, self.first, self.last)
        if which not in self.added:
            self.sums.add(own)
            self.added.add(which)
        return back


class Worker:
    """What a device does for its node.

    Args:
        memory: bytes that it lends.
    """

    def __init__(self, name: str, memory: int) -> None:
        self.name, self.memory = name, memory
        self._step, self._slots, self._taken = -1, dict[int, _Slot](), 0.0
        self._held: dict[int, int] = {}
        self._one = threading.Lock()  # micro-batches are computed one after another

    def answer(self, tensors: Tensors, payload: Any) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """What a request is answered with: arrays, and figures.

        Raises:
            FleetError: it asks for what cannot be; one line, and nothing has changed.
        """
        try:
            do, step, slot, which = (payload[name] for name in ("do", "step", "slot", "which"))
            if any(isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < 1 << 48 for n in (step, slot, which)):
                raise TypeError
        except (KeyError, TypeError):
            raise FleetError("a node's request says what to do, and step, slot and which as whole numbers") from None
        with self._one:
            try:
                return self._do(do, step, slot, which, tensors, payload)
            except KlopfError:
                raise
            except Exception as error:
                raise FleetError(f"this cannot be computed: {said(error)[:120]}") from None

    def _do(
        self, do: str, step: int, slot: int, which: int, tensors: Tensors, payload: Any
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        if do == "probe":
            return self._probe(tensors, which)
        if do == "hold":
            self._hold(step, slot, tensors, payload)
            return {}, {}
        if step != self._step or slot not in self._slots:
            raise FleetError("this device holds no layers for that step")
        own = self._slots[slot]
        if do == "sums":
            return {"sums": own.sums.total}, {"added": len(own.added)}
        if do == "forward":
            out, kept = own.run(self._rows(own, tensors, "x"))
            if payload.get("keep"):
                self._keep(slot, own, which, kept)
            return {"y": out}, {}
        if do == "backward":
            kept = own.kept.pop(which) if which in own.kept else own.run(self._rows(own, tensors, "x"))[1]
            gradient = tensors["g"]
            if gradient.dtype != np.float32 or gradient.shape[1:] != own.net.layers[own.last - 1].gives:
                raise FleetError("a gradient has not the shape of what these layers give")
            return {"g": own.learn(which, kept, gradient)}, {}
        if do == "end" and own.last == len(own.net.layers):
            out, kept = own.run(self._rows(own, tensors, "x"))
            loss, gradient = lost(own.net.output, out, array(tensors, "targets", 1))
            return ({"g": own.learn(which, kept, gradient)} if payload.get("learn") else {}), {"loss": loss}
        raise FleetError(f"a node does not ask for {str(do)[:20]!r}")

    def _probe(self, tensors: Tensors, times: int) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The product of two matrices, so many times over; what it is, is known to who asks."""
        left, right = array(tensors, "left", 2), array(tensors, "right", 2)
        if not 0 <= times <= _TIMES or max(*left.shape, *right.shape) > _PROBE:
            raise FleetError(f"a probe is at most {_TIMES} products of sides of at most {_PROBE}")
        for _ in range(times):
            left = left @ right
        return {"product": left}, {"memory": self.memory}

    def _hold(self, step: int, slot: int, tensors: Tensors, payload: Any) -> None:
        net = Net.of(payload["settings"])
        first, last, held = (payload[name] for name in ("first", "last", "held"))
        if not 0 <= first < last <= len(net.layers) or not 1 <= held <= 1 << 20:
            raise FleetError(f"a stage is some of {len(net.layers)} layers, in their order")
        taken = need(costs(net)[first:last], held) + (self._taken if step == self._step else 0)
        if taken > self.memory:
            raise FleetError(
                f"these layers need {taken / 1e6:.1f} MB, and this device lends {self.memory / 1e6:.1f} MB"
            )
        parameters = split(array(tensors, "weights", 1), net.shapes(first, last))
        if step != self._step:
            self._slots, self._held = {}, {}
        self._step, self._taken = step, taken
        self._slots[slot], self._held[slot] = _Slot(net, first, last, parameters), held

    def _rows(self, own: _Slot, tensors: Tensors, name: str) -> NDArray[np.float32]:
        x = array(tensors, name, 1 + len(own.net.layers[own.first].takes))
        if not 1 <= len(x) <= own.net.micro:
            raise FleetError(f"a micro-batch has 1 to {own.net.micro} records")
        return x

    def _keep(self, slot: int, own: _Slot, which: int, kept: list[Any]) -> None:
        """The oldest are forgotten where more come than fit: their inputs will be sent again."""
        own.kept[which] = kept
        while len(own.kept) * own.net.micro > self._held[slot]:
            own.kept.pop(next(iter(own.kept)))


class Helper(Protocol):
    """A device as its node's leader asks it."""

    @property
    def name(self) -> str: ...

    async def ask(self, tensors: Tensors, payload: Any, timeout: float) -> tuple[Tensors, Any]:
        """Raises KlopfError or TimeoutError."""


class Here:
    """A worker in this process, in a thread of its own while it works."""

    def __init__(self, worker: Worker) -> None:
        self.name, self._worker = worker.name, worker

    async def ask(self, tensors: Tensors, payload: Any, timeout: float) -> tuple[Tensors, Any]:
        return await asyncio.wait_for(asyncio.to_thread(self._worker.answer, tensors, payload), timeout)


class There:
    """A worker elsewhere, asked through a dendrite."""

    def __init__(self, name: str, dendrite: Dendrite, peer: Peer) -> None:
        self.name, self._dendrite, self._peer = name, dendrite, peer

    async def ask(self, tensors: Tensors, payload: Any, timeout: float) -> tuple[Tensors, Any]:
        got = await self._dendrite.ask(self._peer, METHOD, tensors, payload, timeout=timeout)
        return got.tensors, got.payload


async def lend(post: Post, worker: Worker, host: str = "127.0.0.1", port: int = 0) -> None:
    """Let ``worker`` answer at ``post`` whom that knows: its leader."""

    def install(axon: Axon, known: Any) -> None:
        @axon.handle(METHOD)
        async def work(request: Request) -> Answer:
            if why := known(request.peer):
                raise Decline(why)
            try:
                return Answer(*await asyncio.to_thread(worker.answer, request.tensors, request.payload))
            except KlopfError as error:
                raise Decline(str(error)[:200]) from None

    await post.listen(install, host, port)


def reach(post: Post, cards: list[Card]) -> list[Helper]:
    """The workers at these places, asked in the name of ``post``. Call it in the event loop that is to ask."""
    dendrite = post.asking(cards)
    return [There(card.name, dendrite, post.known(card)) for card in cards]
