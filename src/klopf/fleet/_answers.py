"""What a member answers, read: whatever is wrong with it is that member's fault and nobody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError, KlopfError
from klopf.fleet._device import Application, Update
from klopf.fleet._parameters import Shapes, digest, split
from klopf.fleet._sparse import unpack

__all__ = ["FIGURES", "LEAN", "application", "array", "packed_bytes", "update"]

FIGURES = {"base": str, "digest": str, "records": int, "loss": float, "seconds": float}
LEAN = {"records": int, "loss": float, "seconds": float}
"""What a packed answer says: the two hashes would be more than its numbers, and its signature binds them as well."""
_FAR = 1 << 62
"""No figure is as large: comparing with it is safe for an integer of any length, asking whether it is finite is not."""


@contextmanager
def _said_by(name: str) -> Iterator[None]:
    """Whatever goes wrong inside is said of ``name``, in one line."""
    try:
        yield
    except KlopfError as error:
        raise FleetError(f"{name} answers wrongly: {error}") from None
    except Exception as error:
        raise FleetError(f"{name} answers what cannot be read ({type(error).__name__})") from None


def application(name: str, tensors: Mapping[str, NDArray[Any]], payload: Any) -> Application:
    """Raises FleetError, and nothing else, whatever arrived."""
    with _said_by(name):
        said = _fields(payload, {"records": int, "seconds": float, "loss": float})
        inputs, targets = array(tensors, "inputs", 2), array(tensors, "targets", 1)
        if len(targets) != len(inputs):
            raise FleetError("its sample is no table of records")
        return Application(**said, inputs=inputs, targets=targets)


def update(
    name: str,
    tensors: Mapping[str, NDArray[Any]],
    payload: Any,
    shapes: Shapes,
    *,
    size: int,
    base: str,
    sparse: bool,
    devices: Collection[str],
    travelled: tuple[int, int],
) -> Update:
    """An update, and of a node those of its devices.

    size: numbers in the model. base: digest of the parameters that it was asked to begin from. devices: whose updates
    it may show; nobody else's are looked at. travelled: bytes sent and received. Raises FleetError, and nothing else,
    whatever arrived.
    """
    with _said_by(name):
        figures = dict(payload) if isinstance(payload, dict) else {}
        said = figures.pop("parts", {})
        parts = _parts(said, tensors, shapes, devices) if devices else {}
        figures = _fields(figures, LEAN if sparse else FIGURES)
        packed = packed_bytes(tensors) if sparse else b""
        change = split(unpack(packed, size) if sparse else array(tensors, "change", 1), shapes)
        if sparse:
            figures |= {"base": base, "digest": digest(change)}
        sent, received = travelled
        return Update(change, sent=sent, received=received, parts=parts, packed=packed, **figures)


def _parts(
    said: Any, tensors: Mapping[str, NDArray[Any]], shapes: Shapes, devices: Collection[str]
) -> dict[str, Update]:
    if not isinstance(said, dict) or not set(said) <= set(devices):
        raise FleetError("it shows updates of devices that its card does not name")
    if not said:
        return {}
    rows = array(tensors, "parts", 2)
    if len(rows) != len(said):
        raise FleetError("it has not an update for each device that it names")
    return {
        name: Update(split(row, shapes), **_fields(figures, FIGURES))
        for (name, figures), row in zip(said.items(), rows, strict=True)
    }


def _fields(payload: Any, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Exactly these fields, of these kinds. Raises FleetError."""
    if not isinstance(payload, dict) or set(payload) != set(kinds):
        raise FleetError(f"an answer has {', '.join(kinds)} and nothing else")
    for name, kind in kinds.items():
        value: Any = payload[name]
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
            raise FleetError(f"{name} in an answer is no {kind.__name__}")
        if not (len(value) <= 200 if isinstance(value, str) else -_FAR < value < _FAR):  # so is what is no number
            raise FleetError(f"{name} in an answer is out of bounds")
    return {name: float(payload[name]) if kind is float else payload[name] for name, kind in kinds.items()}


def array(tensors: Mapping[str, NDArray[Any]], name: str, rank: int) -> NDArray[np.float32]:
    """A float32 array with so many sides. Raises FleetError."""
    found = tensors.get(name)
    if found is None or found.dtype != np.float32 or found.ndim != rank:
        raise FleetError(f"a message lacks the float32 array {name!r} with {rank} sides")
    return found


def packed_bytes(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The packed change of a message. Raises FleetError."""
    found = tensors.get("packed")
    if found is None or found.dtype != np.uint8 or found.ndim != 1:
        raise FleetError("a message lacks the packed change")
    return found.tobytes()
