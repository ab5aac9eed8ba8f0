"""A node that trains as one: its leader has the records, its devices hold the layers that they can.

To a demand server it is one member that trains a model of ``layers``: what it gives back is what one device with all
the memory would have given, to the bit on processors of one kind.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import fsum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError, KlopfError
from klopf.extensions import said
from klopf.fleet._device import Application, Instructions, TrainingDevice, Update
from klopf.fleet._gather import gathered
from klopf.fleet._members import Step
from klopf.fleet._parameters import Parameters
from klopf.fleet.models import FleetModel
from klopf.fleet.models._net import Net, batches, descend
from klopf.fleet.models.layers import Layers
from klopf.fleet.node._hand import Hand
from klopf.fleet.node._plan import Stage, costs, plan
from klopf.fleet.node._step import Given, Stranded, step
from klopf.fleet.node._worker import Helper

__all__ = ["Node", "Report"]

_Answer = TypeVar("_Answer")
Array = NDArray[np.float32]


@dataclass
class Report:
    """What a round was inside a node: the latest stages, work that counted by device (flops; of who is lost in a
    step, nothing in that step), why devices were lost, steps, and how many of them were begun again."""

    stages: list[Stage] = field(default_factory=list)
    work: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    gone: dict[str, str] = field(default_factory=dict)
    steps: int = 0
    again: int = 0


class Node:
    """A member (:class:`klopf.fleet.Member`) that is several devices. What a round was is in ``report`` after it.

    Args:
        inputs, targets: the records, which the leader has; micro-batches of them go to the devices that hold the first
            layers.
        helpers: its devices. Each is measured before it is used, and again by all that it does; who fails, answers
            wrongly or is late is lost for the round, and measured again in the next.
        patience: seconds that a device may be late with anything.
    """

    def __init__(
        self,
        name: str,
        inputs: NDArray[np.float32],
        targets: NDArray[np.float32],
        helpers: Sequence[Helper],
        *,
        patience: float = 10.0,
    ) -> None:
        self.name = name
        self.hands = {helper.name: Hand(helper) for helper in helpers}
        if not helpers or len(self.hands) != len(helpers):
            raise FleetError(f"node {name} needs at least one device, each with a name of its own")
        self.report, self.work = Report(), defaultdict[str, float](float)
        self._patience, self._number = (
            patience,
            secrets.randbits(40),
        )  # a leader that starts again numbers no step twice
        self._plan: list[Stage] = []
        self._believed: dict[str, float] = {}
        self._device = _Whole(name, inputs, targets, self)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waits: set[Future[Any]] = set()
        self.turn, self._one = 0, asyncio.Lock()

    def shares(self) -> dict[str, float]:
        """The node's rule of pay: to each device the part of its work in all work that counted since the node was made,
        1 in all. ``klopf.fleet.amounts`` makes money of it."""
        total = sum(self.work.values())
        return {name: flops / total for name, flops in sorted(self.work.items())}

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        """As a device applies; its time is that of all its devices together."""
        return await self._in_thread(lambda: self._device.apply(wanted), timeout)

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        return await self._in_thread(lambda: self._device.fit(parameters, wanted), timeout)

    async def _in_thread(self, what: Callable[[], _Answer], timeout: float) -> _Answer:
        async with self._one:  # a node works for one job at a time
            self._loop = asyncio.get_running_loop()
            for name, hand in self.hands.items():
                if name not in self.report.work or name in self.report.gone:
                    hand.can = None  # nothing was seen of it lately
            self.report, self._plan = Report(), []
            try:
                return await asyncio.wait_for(asyncio.to_thread(what), timeout)
            finally:
                self.turn += 1
                for one in list(self._waits):
                    one.cancel()

    def call(self, turn: int, work: Coroutine[Any, Any, Given]) -> Given:
        """From the thread in which training runs: do this in the loop in which devices are asked. turn: in which that
        training began; nobody waits any more for one of an earlier turn."""
        if turn != self.turn:
            work.close()
            raise FleetError(f"node {self.name} had no more time")
        assert self._loop is not None
        waits = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._waits.add(waits)
        try:
            return waits.result()
        finally:
            self._waits.discard(waits)

    async def go(
        self, net: Net, settings: Mapping[str, Any], values: Array, inputs: Array, targets: Array, *, learn: bool
    ) -> Given:
        """One batch through the devices that are there. Raises FleetError where they cannot hold the model."""
        report, cut = self.report, range(0, len(inputs), net.micro)
        xs = [net.rows(inputs[i : i + net.micro]) for i in cut]
        ys = [targets[i : i + net.micro] for i in cut]
        while True:
            if not self._plan:
                self._plan = report.stages = await self._planned(net)
            left = {name: hand for name, hand in self.hands.items() if name not in report.gone}
            window = self._window(net)
            self._number += 1
            try:
                given = await step(net, self._plan, left, values, xs, ys, number=self._number, settings=settings,
                                   learn=learn, window=window, patience=self._patience, gone=report.gone)  # fmt: skip
            except Stranded:
                report.again += 1
                self._plan = []
                continue
            for name, flops in given.work.items():
                report.work[name] += flops
                self.work[name] += flops
            if self._otherwise(report):
                self._plan = []
            report.steps += 1
            return given

    def _otherwise(self, report: Report) -> bool:
        """Whether the plan is to be made anew: somebody is lost, or twice or half as fast as was believed; then those
        who had no place are measured again, too."""
        seated = [name for stage in self._plan for name in stage.devices]
        if any(name in report.gone for name in seated):
            return True
        now = {name: can.flops for name in seated if (can := self.hands[name].can) is not None}
        if all(0.5 < flops / self._believed[name] < 2 for name, flops in now.items()):
            return False
        for name, hand in self.hands.items():
            if name not in seated:
                hand.can = None
        return True

    def _window(self, net: Net) -> int:
        """Micro-batches under way at most: one at each device, one on the way to it."""
        return min(2 * len(self.hands) + 2, -(-net.batch // net.micro))

    async def _planned(self, net: Net) -> list[Stage]:
        """Measure whoever was not measured yet, and place the layers."""
        new = {name: hand for name, hand in self.hands.items() if hand.can is None and name not in self.report.gone}
        patience = self._patience
        asked = {name: hand.present(patience) for name, hand in new.items()}
        answered, failed = await gathered(asked, len(asked), patience, 0)
        self.report.gone.update(failed)
        for name in sorted(answered):  # one after another: they may share a machine, and do share the leader's link
            _, failed = await gathered({name: new[name].measure(patience)}, 1, 3 * patience, 0)
            self.report.gone.update(failed)
        self._believed = {name: hand.can.flops for name, hand in self.hands.items() if hand.can is not None}
        there = [hand.can for name, hand in self.hands.items() if hand.can is not None and name not in self.report.gone]
        try:
            return plan(costs(net), there, net.batch, net.micro, self._window(net) * net.micro)
        except KlopfError as error:
            lost = "; ".join(f"{name}: {why}" for name, why in list(self.report.gone.items())[:3])
            raise FleetError(f"node {self.name}: {error}{f' (lost: {lost[:150]})' if lost else ''}") from None


class _Spread(Layers):
    """Layers that are trained by a node's devices instead of here."""

    def __init__(self, settings: Mapping[str, Any], seed: int, node: Node) -> None:
        super().__init__(Net.of(settings), seed)
        self._settings, self._node, self._turn = dict(settings), node, node.turn

    def train(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], epochs: int, rng: np.random.Generator
    ) -> None:
        net, speed = self._net, np.zeros_like(self._values)
        for places in batches(len(inputs), net.batch, epochs, rng):
            descend(net, self._values, speed, self._go(inputs[places], targets[places], learn=True).total, len(places))

    def loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        size, total = self._net.batch // self._net.micro * self._net.micro or self._net.micro, list[float]()
        for start in range(0, len(inputs), size):
            total += self._go(inputs[start : start + size], targets[start : start + size], learn=False).losses
        return fsum(total) / len(inputs)

    def _go(self, inputs: Array, targets: Array, *, learn: bool) -> Given:
        return self._node.call(
            self._turn, self._node.go(self._net, self._settings, self._values.copy(), inputs, targets, learn=learn)
        )


class _Whole(TrainingDevice):
    def __init__(self, name: str, inputs: Array, targets: Array, node: Node) -> None:
        super().__init__(name, inputs, targets)
        self._node = node

    def _made(self, wanted: Instructions) -> FleetModel:
        if wanted.model != "layers":
            raise FleetError(
                f"node {self.name} can split a model of layers between its devices, not {wanted.model[:40]!r}"
            )
        try:
            return _Spread(wanted.settings, wanted.seed, self._node)
        except KlopfError:
            raise
        except Exception as error:
            raise FleetError(f"no model of layers can be made of these settings: {said(error)}") from None
