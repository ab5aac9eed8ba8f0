"""Rounds that wait for nobody: every member works at its own pace, and the model moves on with each few updates
(FedBuff, Nguyen et al. 2022)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from klopf.errors import FleetError, KlopfError
from klopf.fleet._device import Update
from klopf.fleet._parameters import Parameters, digest
from klopf.fleet._rounds import Outcome, Rounds

__all__ = ["run_buffered"]


async def run_buffered(
    rounds: Rounds, buffer: int, *, oldest: int = 10, start: Parameters | None = None, done: int = 0
) -> Outcome:
    """Run a demand asynchronously: once ``buffer`` updates have arrived they are one round, of weight ``(1 +
    τ)^(-1/2)`` each, τ being how many rounds ago what it began from was the newest; above ``oldest`` it is dropped. A
    member whose update was taken begins again from the newest parameters, once they are other ones than before. Sparse
    changes go to the server only. A round in which a deadline passes ends with what is there. Begins after the first
    ``done`` rounds, from ``start`` or a new model's parameters.

    Raises:
        FleetError: the buffer is larger than the fleet, or no member answers any more, for rounds on end.
    """
    if not 1 <= buffer <= len(rounds.members):
        raise FleetError(f"a buffer of {buffer} for {len(rounds.members)} members: take at most as many")
    demand = rounds.demand
    outcome = Outcome(rounds.begin() if start is None else start)
    now, number = outcome.parameters, done + 1
    versions: OrderedDict[str, int] = OrderedDict({digest(now): number})
    moved, arrived = asyncio.Condition(), asyncio.Queue[tuple[str, Update | KlopfError, float]]()

    async def work(name: str) -> None:
        began = 0
        while True:
            async with moved:
                while began == number:
                    await moved.wait()
                began, base = number, now
            wanted = rounds.wanted_of(name, began)
            sent = time.perf_counter()
            try:
                given: Update | KlopfError = await rounds.members[name].fit(base, wanted, demand.deadline)
            except TimeoutError:
                given = FleetError("too late")
            except KlopfError as error:
                given = error
            except Exception as error:  # whatever a device does, the others go on
                given = FleetError(f"failed ({type(error).__name__})")
            await arrived.put((name, given, time.perf_counter() - sent))

    await rounds.ready(first=number == 1)
    tasks = [asyncio.create_task(work(name)) for name in sorted(rounds.members)]
    try:
        while number <= demand.rounds and not outcome.met:
            begun = time.perf_counter()
            updates: dict[str, Update] = {}
            took: dict[str, float] = {}
            left_out: dict[str, str] = {}
            silent: set[str] = set()
            while len(updates) < buffer:
                left = begun + demand.deadline + 1 - time.perf_counter()
                try:
                    name, given, seconds = await asyncio.wait_for(arrived.get(), max(left, 0.0))
                except TimeoutError:
                    break  # with those that are there
                old = isinstance(given, Update) and number - versions.get(given.base, -oldest - 1) > oldest
                if old or isinstance(given, KlopfError):
                    left_out[name] = "began from parameters that are too old" if old else str(given)
                    silent.add(name)
                    if len(silent) + len(updates) >= len(rounds.members):
                        break
                else:
                    updates[name], took[name] = given, seconds
                    silent.discard(name)
            left_out = {name: why for name, why in left_out.items() if name not in updates}
            ages = {name: number - versions[update.base] for name, update in updates.items()}
            after, one = rounds.settle(now, number, updates, left_out, begun, took, ages)
            outcome.rounds.append(one)
            async with moved:
                now, number = after, number + 1
                versions[digest(now)] = number
                versions.move_to_end(digest(now))  # a lost round leaves the parameters as they were
                while len(versions) > oldest + 1:
                    versions.popitem(last=False)
                moved.notify_all()
            rounds.close(outcome, now, one)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return outcome
