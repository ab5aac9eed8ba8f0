"""What a node's leader asks of one device, and what its answers must be: whatever is wrong is that device's fault."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet.models._net import GREATEST
from klopf.fleet.node._plan import Capability
from klopf.fleet.node._worker import Helper

__all__ = ["Hand"]

Array = NDArray[np.float32]
_FAR = 1e18
_SIDE, _TIMES, _LONG = 128, (1, 8, 64), 0.02
_LEAST, _MOST = 1e3, 1e15


class Hand:
    """A device, its capability as measured, since when it has been free, and how it is asked in one step."""

    def __init__(self, helper: Helper) -> None:
        self.name, self._helper = helper.name, helper
        self.can: Capability | None = None
        self.free_since = 0.0

    async def present(self, timeout: float) -> None:
        """Whether it answers at all. Raises KlopfError, TimeoutError."""
        one = np.ones((1, 1), np.float32)
        await self._ask("probe", {"left": one, "right": one}, timeout)

    async def measure(self, timeout: float) -> Capability:
        """By products of matrices whose result is known here: what the device can do, and its link; what memory it
        lends is its word. Raises KlopfError, TimeoutError."""
        draw = np.random.default_rng(0)
        left, right = draw.standard_normal((2, _SIDE, _SIDE)).astype(np.float32)
        right = np.linalg.qr(right)[0]  # so that no product outgrows the others
        along = draw.standard_normal(_SIDE).astype(np.float32)  # a wrong product is right along it by chance alone
        bare = min([(await self._timed(left, right, 0, timeout))[0] for _ in range(3)])
        for times in _TIMES:
            turned = along
            for _ in range(times):
                turned = right @ turned
            seconds, product, memory = await self._timed(left, right, times, timeout)
            again, _, _ = await self._timed(left, right, times, timeout)
            if not np.allclose(product @ along, left @ turned, rtol=1e-2, atol=1e-1):
                raise FleetError(f"{self.name} multiplies wrongly")
            seconds = min(seconds, again)
            if seconds - bare > max(_LONG, bare):
                break
        link = min(3 * 4 * _SIDE**2 / bare, _MOST)
        flops = 2 * times * _SIDE**3 / max(seconds - bare, seconds / 20)
        self.can = Capability(self.name, float(np.clip(flops, _LEAST, _MOST)), memory, link)
        return self.can

    async def _timed(self, left: Array, right: Array, times: int, timeout: float) -> tuple[float, Array, float]:
        begun = time.perf_counter()
        tensors, said = await self._ask("probe", {"left": left, "right": right}, timeout, which=times)
        seconds = time.perf_counter() - begun
        memory = said.get("memory") if isinstance(said, dict) else None
        if isinstance(memory, bool) or not isinstance(memory, int) or not 0 <= memory < 1 << 50:
            raise FleetError(f"{self.name} does not say what memory it lends")
        return seconds, self._array(tensors, "product", (_SIDE, _SIDE)), float(memory)

    def seen(self, flops: float, travelled: float, seconds: float) -> None:
        """What a micro-batch took moves what is believed of it."""
        if self.can is not None and flops > 0:
            now = np.clip(flops / max(seconds - travelled / self.can.link, seconds / 4), _LEAST, _MOST)
            told = self.can
            self.can = Capability(self.name, float(0.8 * told.flops + 0.2 * now), told.memory, told.link)

    async def hold(self, key: Mapping[str, int], weights: Array, told: Mapping[str, Any], timeout: float) -> None:
        """Take these layers for a step."""
        await self._ask("hold", {"weights": weights}, timeout, **key, **told)

    async def forward(
        self, key: Mapping[str, int], x: Array, gives: tuple[int, ...], timeout: float, *, keep: bool
    ) -> Array:
        tensors, _ = await self._ask("forward", {"x": x}, timeout, **key, keep=keep)
        return self._array(tensors, "y", (len(x), *gives))

    async def backward(
        self, key: Mapping[str, int], g: Array, x: Array, timeout: float, *, there: bool, on: bool
    ) -> Array:
        """The gradient of ``x``, which travels only where it is not ``there`` already; nothing where it is not to be
        passed ``on``."""
        tensors, _ = await self._ask("backward", {"g": g} if there else {"g": g, "x": x}, timeout, **key)
        return self._array(tensors, "g", x.shape) if on else x[:0]

    async def end(
        self, key: Mapping[str, int], x: Array, targets: Array, timeout: float, *, learn: bool, on: bool
    ) -> tuple[float, Array]:
        """Through the last layers: the loss; where it is to ``learn`` also back, and where that is passed ``on`` the
        gradient of ``x``."""
        tensors, said = await self._ask("end", {"x": x, "targets": targets}, timeout, **key, learn=learn)
        loss = said.get("loss") if isinstance(said, dict) else None
        if isinstance(loss, bool) or not isinstance(loss, int | float) or not 0 <= loss < _FAR:
            raise FleetError(f"{self.name} answers with a loss that is none")
        return float(loss), self._array(tensors, "g", x.shape) if learn and on else x[:0]

    async def sums(self, key: Mapping[str, int], size: int, added: int, timeout: float) -> NDArray[np.float64]:
        """The sum of the gradients of ``added`` micro-batches."""
        tensors, said = await self._ask("sums", {}, timeout, **key)
        total = self._array(tensors, "sums", (size,), np.float64, added * GREATEST)
        if not isinstance(said, dict) or said.get("added") != added:
            raise FleetError(f"{self.name} added other micro-batches than it was given")
        if (np.rint(total * 2**28) != total * 2**28).any():
            raise FleetError(f"{self.name} answers with sums that are no sums of gradients")
        return total

    async def _ask(self, do: str, tensors: Mapping[str, NDArray[Any]], timeout: float, **said: Any) -> Any:
        return await self._helper.ask(tensors, {"step": 0, "slot": 0, "which": 0, **said, "do": do}, timeout)

    def _array(
        self, tensors: Any, name: str, shape: tuple[int, ...], kind: Any = np.float32, far: float = _FAR
    ) -> NDArray[Any]:
        found = tensors.get(name)
        if found is None or found.dtype != kind or found.shape != shape:
            what = "nothing" if found is None else f"{found.dtype} {list(found.shape)[:8]}"
            raise FleetError(f"{self.name} answers {name} as {what}, where {list(shape)} was asked for")
        if not np.abs(found).max(initial=0) <= far:
            raise FleetError(f"{self.name} answers {name} with numbers out of bounds")
        return np.asarray(found)
