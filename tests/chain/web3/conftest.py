"""web3.py's own tests are coroutines marked for a plugin that is not here: they are run in a loop of their own."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "asyncio: a coroutine, run by tests/chain/web3/conftest.py")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine; over a websocket, inside its connection."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    values = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    contracts = [value.w3 for value in values.values() if hasattr(value, "abi")]
    w3 = values.get("async_w3") or next(iter(contracts), None)

    async def run() -> None:
        if w3 is not None and w3.provider.has_persistent_connection:
            async with w3:
                await pyfuncitem.obj(**values)
            return
        try:
            await pyfuncitem.obj(**values)
        finally:
            await _disconnect(w3)

    asyncio.run(run())
    return True


async def _disconnect(w3: Any) -> None:
    if w3 is not None:
        await w3.provider.disconnect()
