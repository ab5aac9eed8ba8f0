"""Nobody who has answered is lost, and the order is that of arrival."""

from __future__ import annotations

import asyncio

from klopf.errors import FleetError
from klopf.fleet._gather import gathered


async def after(turns, value):
    for _ in range(turns):
        await asyncio.sleep(0)
    if value is None:
        raise FleetError("no")
    return value


def test_all_that_end_together_are_there():
    for count in (1, 2, 7, 40):
        asked = {f"d{i:02}": after(3 + i % 2, i) for i in range(count)}
        answers, failed = asyncio.run(gathered(asked, count, 5, 0))
        assert sorted(answers) == sorted(f"d{i:02}" for i in range(count)) and not failed
        assert sorted(answers.values()) == list(range(count))


def test_arrival_enough_and_failures():
    async def play():
        asked = {"c": after(1, 1), "b": after(5, 2), "a": after(2, None), "z": asyncio.sleep(60, 3)}
        return await gathered(asked, 2, 30, 0.01)

    answers, failed = asyncio.run(play())
    assert list(answers) == ["c", "b"] and failed == {"a": "no", "z": "too late"}
