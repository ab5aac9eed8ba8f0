"""A server stays awake for a moment where a client asks on, and only then."""

from __future__ import annotations

import asyncio
import time

import pytest

from klopf.chain.rpc import _wakeful
from klopf.chain.rpc._wakeful import Wakeful


def test_it_looks_on_while_a_client_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [0]

    def yields() -> None:
        looks[0] += 1

    monkeypatch.setattr(_wakeful, "yield_processor", yields)
    monkeypatch.setattr(_wakeful, "QUICK_SECONDS", 0.05)
    monkeypatch.setattr(_wakeful, "AWAKE_SECONDS", 0.05)

    async def serve() -> None:
        wakeful = Wakeful()
        wakeful.asked()
        wakeful.answered()
        await asyncio.sleep(0.01)
        assert looks[0] == 0  # the first request tells nothing
        wakeful.asked()
        wakeful.answered()
        begin = time.monotonic()
        await asyncio.sleep(0.01)
        assert looks[0] > 0
        await asyncio.sleep(0.1)
        seen = looks[0]
        await asyncio.sleep(0.05)
        assert looks[0] == seen and time.monotonic() - begin > 0.05  # nobody came: it sleeps
        wakeful.asked()  # late
        wakeful.answered()
        await asyncio.sleep(0.01)
        assert looks[0] == seen

    asyncio.run(serve())
