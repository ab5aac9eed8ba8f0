"""A network in whose every array each write is seen, beside it too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.mind import Mind
from klopf.mind.kernels.state import BIAS, STRIDE, UNITS, WEIGHTS_AT, Net, Work

__all__ = ["Watched"]

_MARGIN = 1 << 12
"""Bytes before and behind every array, in which nobody has anything to write."""
_MARK = 0xA5


class Watched:
    """A copy of the tables of ``mind`` and of its working memory, each array between margins."""

    def __init__(self, mind: Mind) -> None:
        tables = mind._tables
        self._rooms: dict[str, NDArray[np.uint8]] = {}
        net = {name: self._held(f"net.{name}", table) for name, table in tables.net._asdict().items() if name != "W"}
        self.net = Net(W=net["P"][0], **net)
        self.work = Work(**{name: self._held(f"work.{name}", room) for name, room in tables.work._asdict().items()})
        self.arrays = {
            f"{what}.{name}": array
            for what, held in (("net", self.net), ("work", self.work))
            for name, array in held._asdict().items()
            if name not in ("W", "outputs")
        }

    def _held(self, name: str, array: Any) -> Any:
        if not isinstance(array, np.ndarray):
            return array
        room = np.full(array.nbytes + 2 * _MARGIN, _MARK, np.uint8)
        inner = room[_MARGIN : _MARGIN + array.nbytes].view(array.dtype).reshape(array.shape)
        inner[...] = array
        self._rooms[name] = room
        return inner

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Everything as it is now, by name: ``net.U``, ``work.A``, and so on."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def restore(self, snapshot: dict[str, NDArray[Any]]) -> None:
        """As it was when ``snapshot`` was taken."""
        for name, array in self.arrays.items():
            array[...] = snapshot[name]

    def overrun(self) -> str:
        """The name of an array beside which something was written, "" if of none."""
        for name, room in self._rooms.items():
            if (room[:_MARGIN] != _MARK).any() or (room[len(room) - _MARGIN :] != _MARK).any():
                return name
        return ""

    def changed(self, was: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.bool_]]:
        """By name, which numbers have other bytes than they had; only arrays of which any has."""
        found = {}
        for name, array in self.arrays.items():
            if array.tobytes() != was[name].tobytes():
                size = array.dtype.itemsize
                bytes_now, bytes_then = (np.ascontiguousarray(a).view(np.uint8) for a in (array, was[name]))
                found[name] = (bytes_now != bytes_then).reshape(-1, size).any(1).reshape(array.shape)
        return found

    def idle(self) -> NDArray[np.bool_]:
        """Which places of a row of ``P`` are no weight's: the lanes past the units, ``(weights,)``."""
        found = np.zeros(self.net.P.shape[1], np.bool_)
        for layer in self.net.layers:
            lanes = np.arange((layer[BIAS] + 1) * layer[STRIDE]) % layer[STRIDE] >= layer[UNITS]
            found[layer[WEIGHTS_AT] :][: len(lanes)] = lanes
        return found
