"""Ask many, wait for enough: k of n answers, then a little grace, and a deadline for all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from klopf.errors import KlopfError

__all__ = ["gathered"]

Answer = TypeVar("Answer")


async def gathered(
    asked: Mapping[str, Coroutine[Any, Any, Answer]], enough: int, deadline: float, grace: float
) -> tuple[dict[str, Answer], dict[str, str]]:
    """Answers by name, in the order in which they arrived; and why others gave none, in the order of names.

    enough: once so many have answered, the others have ``grace`` seconds more. deadline: seconds for everybody.
    """
    tasks = {name: asyncio.create_task(work) for name, work in asked.items()}
    arrived: list[str] = []
    for name, task in tasks.items():
        task.add_done_callback(lambda _, name=name: arrived.append(name))  # type: ignore[misc]
    loop = asyncio.get_running_loop()
    ends, hurried = loop.time() + deadline, False
    waiting = set(tasks.values())
    try:
        while waiting and (left := ends - loop.time()) > 0:
            _, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            good = sum(task.done() and not task.cancelled() and task.exception() is None for task in tasks.values())
            if good >= enough and not hurried:
                ends, hurried = min(ends, loop.time() + grace), True
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    answers, failed = {}, {}
    for name, task in sorted(tasks.items()):
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or isinstance(error, TimeoutError):
            failed[name] = "too late"
        elif isinstance(error, KlopfError):
            failed[name] = str(error)
        elif error is not None:  # whatever a device does, the others go on
            failed[name] = f"failed ({type(error).__name__}: {str(error)[:100]})".replace("\n", " ")
        else:
            answers[name] = task.result()
    order = dict.fromkeys((*arrived, *answers))  # who finished a moment ago has not been noted yet
    return {name: answers[name] for name in order if name in answers}, failed
