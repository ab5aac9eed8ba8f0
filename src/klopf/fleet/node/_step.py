"""One step of a node: micro-batches through stages and back, pulled by whoever is free, whatever devices are lost.

The leader keeps, until the step is over, what goes into each stage and what comes back to it. So whatever a lost device
had added is added again by another one of its stage, or by a stand-in, from what is kept: nobody else notices. Sums of
gradients are exact (``Sums``), so the step ends with the same bits whoever did what.

Backward comes before forward (one forward, one back, as in Narayanan et al., PipeDream), and at most ``window``
micro-batches are under way. A device stands aside where others of its stage would finish before it what is left.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError, KlopfError
from klopf.fleet.models._net import Net
from klopf.fleet.node._hand import Hand
from klopf.fleet.node._plan import Cost, Stage, costs, need

__all__ = ["Given", "Stranded", "step"]

Array = NDArray[np.float32]
_BACK, _THERE = 2 / 3, 1 / 3
"""Parts of a layer's arithmetic."""
_LOOK = 0.05


class Stranded(FleetError):
    """No device that is left can take a stage's place."""


@dataclass
class Given:
    """What came of a step: the exact sum of gradients (empty where it was not to learn), the loss of each micro-batch,
    and the work that counted by device (flops)."""

    total: NDArray[np.float64]
    losses: list[float]
    work: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class _Job(NamedTuple):
    do: str
    which: int = 0


class _Place:
    """A stage in a step: what came, what was done, and by whom."""

    def __init__(self, number: int, stage: Stage, cost: Sequence[Cost], last: bool) -> None:
        self.number, self.stage, self.last = number, stage, last
        self.flops, self.size = sum(c.flops for c in cost), sum(c.parameters for c in cost)
        self.travels = 4.0 * (cost[0].takes + cost[-1].gives)
        self.memory = 0.0
        self.x: dict[int, Array] = {}
        self.g: dict[int, Array] = {}
        self.seats: set[str] = set()
        self.busy: dict[int, tuple[str, float]] = {}  # who has a micro-batch now, and when he should be done
        self.holder: dict[int, str] = {}  # forward done: who did it
        self.added: dict[int, str] = {}
        self.sums: dict[str, NDArray[np.float64]] = {}


class _Course:
    def __init__(
        self, net: Net, plan: Sequence[Stage], hands: Mapping[str, Hand], values: Array,
        inputs: Sequence[Array], targets: Sequence[Array], *, number: int, settings: Mapping[str, Any], learn: bool,
        window: int, patience: float, gone: dict[str, str],
    ) -> None:  # fmt: skip
        self.net, self.hands, self.targets, self.learn = net, dict(hands), targets, learn
        self.number, self.settings, self.window, self.patience = number, settings, window, patience
        cost, self.values = costs(net), values
        self.places = [
            _Place(i, stage, cost[stage.first : stage.last], i == len(plan) - 1) for i, stage in enumerate(plan)
        ]
        for place in self.places:
            place.memory = need(cost[place.stage.first : place.stage.last], window * net.micro)
        self.places[0].x = dict(enumerate(inputs))
        self.counts = [len(x) for x in inputs]
        self.losses: dict[int, float] = {}
        self.given, self.gone = Given(np.zeros(0), []), gone
        self.done: dict[tuple[str, int, int], float] = {}  # work by device, place and micro-batch
        self.changed = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.lack = ""

    # -- the whole

    async def run(self) -> Given:
        for place in self.places:
            for name in place.stage.devices:
                self._sit(place, name)
        try:
            while not self._over():
                if self.lack:
                    raise Stranded(self.lack)
                for task in [task for task in self.tasks if task.done()]:
                    self.tasks.discard(task)
                    task.result()  # a fault of this program
                await self._news()
        finally:
            for place in self.places:
                place.seats.clear()  # who missed that he was cancelled, as wait_for may let one, sees it by this
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.learn:
            sums = [np.sum(list(place.sums.values()), axis=0) for place in self.places]
            self.given.total = np.concatenate(sums)
        self.given.losses = [self.losses[i] for i in range(len(self.targets))]
        for (name, _, _), flops in self.done.items():
            self.given.work[name] += flops
        return self.given

    def _over(self) -> bool:
        if not self.learn:
            return len(self.losses) == len(self.targets)
        return all(self._added(place) and set(place.added.values()) <= set(place.sums) for place in self.places)

    def _added(self, place: _Place) -> bool:
        return len(place.added) == len(self.targets)

    async def _news(self) -> None:
        """Until something changed, or it is time to look again."""
        try:
            await asyncio.wait_for(self.changed.wait(), _LOOK)
        except TimeoutError:
            return

    def _tell(self) -> None:
        """Wake all who wait; who waits from now on waits for the next change."""
        self.changed.set()
        self.changed = asyncio.Event()

    # -- a device at its place

    def _sit(self, place: _Place, name: str) -> None:
        place.seats.add(name)
        held = asyncio.Event()
        for ahead in (False, True):
            self.tasks.add(asyncio.create_task(self._work(place, self.hands[name], held, ahead=ahead)))

    async def _work(self, place: _Place, hand: Hand, held: asyncio.Event, *, ahead: bool) -> None:
        """One pull of two: while a device computes one micro-batch, the next (``ahead``) is on the way to it."""
        try:
            key = {"step": self.number, "slot": place.number}
            if ahead:
                await held.wait()
            else:
                await self._hold(place, hand, key)
                held.set()
            while hand.name in place.seats:
                job = self._next(place, hand)
                if job is None or (ahead and job.do == "sums"):
                    await self._news()
                    continue
                await self._one(place, hand, job, {**key, "which": job.which})
                self._tell()
        except (KlopfError, TimeoutError) as error:
            self._lose(hand.name, str(error) or "too late")

    async def _hold(self, place: _Place, hand: Hand, key: Mapping[str, int]) -> None:
        shapes = [self.net.shapes(0, n) for n in (place.stage.first, place.stage.last)]
        start, end = (sum(int(np.prod(s)) for s in one) for one in shapes)
        told = {"settings": self.settings, "first": place.stage.first, "last": place.stage.last,
                "held": self.window * self.net.micro}  # fmt: skip
        await hand.hold(key, self.values[start:end], told, self._timeout(hand, 12.0 * place.size, 0))

    async def _one(self, place: _Place, hand: Hand, job: _Job, key: Mapping[str, int]) -> None:
        name, which = hand.name, job.which
        if job.do == "sums":
            mine = sum(who == name for who in place.added.values())
            total = await hand.sums(key, place.size, mine, self._timeout(hand, 8.0 * place.size, 0))
            if name in place.seats and mine == sum(who == name for who in place.added.values()):
                place.sums[name] = total
            return
        flops, travels = self._weight(place, job)
        timeout = self._timeout(hand, travels, flops)
        expected = self._expected(hand, travels, flops)
        begun = time.perf_counter()
        place.busy[which] = name, max(begun, self._free(place, name)) + expected
        first, x = place.number == 0, place.x[which]
        try:
            if job.do == "forward":
                gives = self.net.layers[place.stage.last - 1].gives
                y = await hand.forward(key, x, gives, timeout, keep=self.learn)
                if name not in place.seats:  # lost by what it did elsewhere
                    return
                place.holder[which] = name
                self.places[place.number + 1].x.setdefault(which, y)
            elif job.do == "end":
                loss, g = await hand.end(key, x, self.targets[which], timeout, learn=self.learn, on=not first)
                if name not in place.seats:
                    return
                self.losses.setdefault(which, loss)
                self._back(place, which, name, g)
            else:
                there = place.holder.get(which) == name
                g = await hand.backward(key, place.g[which], x, timeout, there=there, on=not first)
                if name not in place.seats:
                    return
                self._back(place, which, name, g)
        finally:
            place.busy.pop(which, None)
        self.done[name, place.number, which if job.do != "forward" else -1 - which] = flops
        now = time.perf_counter()
        hand.seen(flops, travels, now - max(begun, hand.free_since))
        hand.free_since = now

    def _back(self, place: _Place, which: int, name: str, g: Array) -> None:
        if self.learn:
            place.added[which] = name
            place.sums.pop(name, None)
            if place.number:
                self.places[place.number - 1].g.setdefault(which, g)

    # -- who does what next

    def _next(self, place: _Place, hand: Hand) -> _Job | None:
        name = hand.name
        if self.learn and self._added(place):
            ready = name in place.added.values() and name not in place.sums
            return _Job("sums") if ready else None
        job = self._ready(place, name)
        return None if job is None or self._aside(place, hand, job) else job

    def _ready(self, place: _Place, name: str) -> _Job | None:
        if place.last:
            open_ = [i for i in place.x if i not in place.busy and i not in place.added and self._wanted(i)]
            return _Job("end", min(open_)) if open_ else None
        back = [i for i in place.g if i not in place.busy and i not in place.added]
        mine = [i for i in back if place.holder.get(i) == name]
        if mine:
            return _Job("backward", min(mine))
        ahead = [i for i in place.x if i not in place.busy and i not in place.holder and i not in place.added]
        if place.number == 0 and self.learn:
            under = sum(i in place.holder or i in place.busy for i in place.x if i not in place.added)
            ahead = ahead if under < self.window else []
        if ahead:
            return _Job("forward", min(ahead))
        return _Job("backward", min(back)) if back else None

    def _wanted(self, which: int) -> bool:
        return self.learn or which not in self.losses

    def _aside(self, place: _Place, hand: Hand, job: _Job) -> bool:
        """Whether the others of its stage would be done with all that is left before it had done this."""
        flops, travels = self._weight(place, job)
        now = time.perf_counter()
        end = max(now, self._free(place, hand.name)) + self._expected(hand, travels, flops)
        done = place.added if self.learn else self.losses if place.last else place.holder
        left = len(self.targets) - len(done) - len(place.busy)
        could = 0
        for name in place.seats - {hand.name}:
            free = max(now, self._free(place, name))
            each = max(self._expected(self.hands[name], travels, flops), 1e-6)
            could += max(0, int(np.ceil((end - free) / each)) - 1)
        return could >= left

    def _free(self, place: _Place, name: str) -> float:
        """When a device should be done with what it has been given."""
        return max((until for who, until in place.busy.values() if who == name), default=0.0)

    def _weight(self, place: _Place, job: _Job) -> tuple[float, float]:
        """flops and bytes of a job."""
        records = self.counts[job.which]
        part = {"forward": _THERE, "backward": _BACK, "end": 1.0}[job.do] if self.learn else _THERE
        return place.flops * records * part, place.travels * records

    def _expected(self, hand: Hand, travels: float, flops: float) -> float:
        can = hand.can
        assert can is not None
        return flops / can.flops + travels / can.link

    def _timeout(self, hand: Hand, travels: float, flops: float) -> float:
        return self.patience + 10 * self._expected(hand, travels, flops)

    # -- who is lost

    def _lose(self, name: str, why: str) -> None:
        """Its sums go with it: what it had added waits to be added by others, from what is kept."""
        if name in self.gone:
            return
        self.gone[name] = why
        for key in [key for key in self.done if key[0] == name]:
            del self.done[key]
        for place in self.places:
            sat = name in place.seats
            place.seats.discard(name)
            place.sums.pop(name, None)
            place.added = {i: who for i, who in place.added.items() if who != name}
            place.holder = {i: who if who != name else "" for i, who in place.holder.items()}
            if sat and not place.seats:
                self._stand_in(place)
        self._tell()

    def _stand_in(self, place: _Place) -> None:
        """The device with most to give beside what it holds already."""
        free = {}
        for name, hand in self.hands.items():
            taken = sum(one.memory for one in self.places if name in one.seats)
            if name not in self.gone and hand.can is not None and taken + place.memory <= hand.can.memory:
                seats = sum(name in one.seats for one in self.places)
                free[name] = hand.can.flops / (1 + seats)
        if not free:
            self.lack = f"no device that is left can hold layers {place.stage.first} to {place.stage.last - 1}"
            return
        self._sit(place, max(sorted(free), key=lambda name: free[name]))


async def step(net: Net, plan: Sequence[Stage], hands: Mapping[str, Hand], values: Array, inputs: Sequence[Array],
               targets: Sequence[Array], **how: Any) -> Given:  # fmt: skip
    """Go through one batch: micro-batches of inputs and targets. values: all parameters in one array. number:
    of the step, another each time. settings: of the network. window: micro-batches under way at most. patience: seconds
    that somebody may be late. gone: who was lost before, and why; who is lost now is added.

    Raises:
        Stranded: a stage has nobody left; the step can be begun again with another plan.
    """
    return await _Course(net, plan, hands, values, inputs, targets, **how).run()
