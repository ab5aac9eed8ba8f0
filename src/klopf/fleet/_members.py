"""Whom a round asks: a device in this process or, elsewhere, whatever answers like one."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import Protocol

from klopf.errors import FleetError
from klopf.fleet._device import Application, Device, Instructions, Update
from klopf.fleet._parameters import Parameters

__all__ = ["NAME", "Local", "Member", "Step"]

NAME = r"\w[\w.+-]{0,63}"
"""What a device or node may be called."""


@dataclass(frozen=True)
class Step:
    """How to come to parameters from earlier ones: the digest of those, and the packed change."""

    before: str
    packed: bytes


class Member(Protocol):
    """A device, or a node behind its leader, as who asks it sees it."""

    @property
    def name(self) -> str: ...

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        """Raises KlopfError where it declines or cannot be reached."""

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        """Raises KlopfError where it declines or cannot be reached."""


class Local:
    """A device in this process, in a thread of its own while it works."""

    def __init__(self, device: Device) -> None:
        if inspect.iscoroutinefunction(getattr(device, "fit", None)):
            raise FleetError(f"{device.name} is a member already, as a node is: give it to the rounds, or to post.open")
        self._device = device
        self.name = device.name

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        return await asyncio.wait_for(asyncio.to_thread(self._device.apply, wanted), timeout)

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        return await asyncio.wait_for(asyncio.to_thread(self._device.fit, parameters, wanted), timeout)
