"""Arrays as raw bytes: little endian, C order, one after another, described by checked specs. Never pickle."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from klopf.errors import WireError
from klopf.nested import from_json
from klopf.wire._codes import LIMITS, Code, Refusal
from klopf.wire._pb import wire_pb2 as pb

__all__ = ["Body", "check_specs", "pack", "pack_payload", "unpack", "unpack_payload"]

Array = npt.NDArray[Any]

_NAMES = (
    *("float16", "float32", "float64", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name).newbyteorder("<") for name in _NAMES}
_NAME_OF = {dtype.char: name for name, dtype in DTYPES.items()}  # "f": "float32"; the same for either byte order


@dataclass(frozen=True, slots=True)
class Body:
    """Packed tensors and payload, hashed once, ready for any number of headers."""

    specs: tuple[pb.Tensor, ...]
    parts: tuple[memoryview, ...]  # the tensors' bytes, not copied
    size: int  # bytes
    hash: bytes  # sha256 of the parts in order
    payload: bytes

    def chunks(self, size: int) -> Iterable[bytes]:
        """The body in pieces of ``size`` bytes; a piece never spans two tensors."""
        for part in self.parts:
            for start in range(0, len(part), size):
                yield bytes(part[start : start + size])


def pack(tensors: Mapping[str, npt.ArrayLike] | None, payload: object = None) -> Body:
    """Describe and hash ``tensors`` (name to array) and a payload (bytes, or anything JSON can hold).

    The arrays are not copied if they are little endian and contiguous: leave them unchanged until the call is over.
    Raises WireError for a dtype off the list, rank above 8, more than 64 tensors, or a payload above 64 KiB.
    """
    specs: list[pb.Tensor] = []
    parts: list[memoryview] = []
    hasher = hashlib.sha256()
    size = 0
    for name, value in (tensors or {}).items():
        array = np.asarray(value)
        kind = _NAME_OF.get(array.dtype.char) or array.dtype.name  # long and long long are one type with two letters
        wanted = DTYPES.get(kind)
        if wanted is None:
            raise WireError(f"tensor {name!r} has dtype {array.dtype}: convert it to one of {', '.join(DTYPES)}")
        if not isinstance(name, str) or not 1 <= len(name.encode()) <= 64:
            raise WireError(f"tensor name {str(name)[:70]!r} refused: a name has 1 to 64 bytes")
        if array.ndim > LIMITS.rank:
            raise WireError(f"tensor {name!r} has rank {array.ndim}: {LIMITS.rank} is the most")
        shape = array.shape  # before ascontiguousarray, which makes a vector of a scalar
        array = np.ascontiguousarray(array, dtype=wanted)
        specs.append(pb.Tensor(name=name, dtype=kind, shape=shape))
        if array.nbytes:
            part = array.reshape(-1).view(np.uint8).data
            parts.append(part)
            hasher.update(part)
            size += array.nbytes
    if len(specs) > LIMITS.tensors:
        raise WireError(f"{len(specs)} tensors in one message: {LIMITS.tensors} are the most")
    return Body(tuple(specs), tuple(parts), size, hasher.digest(), pack_payload(payload))


def pack_payload(payload: object) -> bytes:
    """One byte for the kind, then raw bytes or JSON; nothing at all for None."""
    if payload is None:
        return b""
    if isinstance(payload, bytes | bytearray | memoryview):
        raw = b"\x00" + bytes(payload)
    else:
        try:
            raw = b"\x01" + json.dumps(payload, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise WireError(f"payload refused: give bytes or plain JSON values ({error})") from None
    if len(raw) > LIMITS.payload:
        raise WireError(f"payload of {len(raw)} bytes: {LIMITS.payload} are the most; send arrays as tensors")
    return raw


def unpack_payload(raw: bytes) -> Any:
    """The reverse of ``pack_payload``. Raises Refusal(MALFORMED)."""
    if not raw:
        return None
    if len(raw) > LIMITS.payload:
        raise Refusal(Code.OVERSIZED, f"payload above {LIMITS.payload} bytes")
    if raw[0] == 0:
        return raw[1:]
    if raw[0] != 1:
        raise Refusal(Code.MALFORMED, "payload of an unknown kind")
    try:
        return from_json(raw[1:], parse_constant=_no_constant)
    except ValueError:
        raise Refusal(Code.MALFORMED, "payload is not JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def check_specs(specs: Sequence[pb.Tensor], body_size: int) -> None:
    """Refuse specs that do not describe a body of ``body_size`` bytes exactly, before a byte of it is taken."""
    if len(specs) > LIMITS.tensors:
        raise Refusal(Code.BAD_TENSOR, f"more than {LIMITS.tensors} tensors")
    total = 0
    names = set()
    for spec in specs:
        dtype = DTYPES.get(spec.dtype)
        if dtype is None:
            raise Refusal(Code.BAD_TENSOR, f"dtype {spec.dtype[:20]!r} is not one of {', '.join(DTYPES)}")
        if len(spec.shape) > LIMITS.rank:
            raise Refusal(Code.BAD_TENSOR, f"rank above {LIMITS.rank}")
        if any(side >= 1 << 31 for side in spec.shape):
            raise Refusal(Code.BAD_TENSOR, "a side of 2**31 or more")
        if not 1 <= len(spec.name.encode()) <= 64 or spec.name in names:
            raise Refusal(Code.BAD_TENSOR, "a tensor's name is missing, doubled or above 64 bytes")
        names.add(spec.name)
        total += math.prod(spec.shape) * dtype.itemsize
    if total != body_size:
        raise Refusal(Code.BAD_TENSOR, f"shapes and types ask for {total} bytes, the body has {body_size}")


def unpack(specs: Sequence[pb.Tensor], body: memoryview, finite: bool) -> dict[str, Array]:
    """Read-only arrays over ``body`` (copied only where the processor needs them aligned).

    ``finite``: refuse NaN and infinities. Raises Refusal(BAD_TENSOR).
    """
    check_specs(specs, len(body))
    tensors: dict[str, Array] = {}
    start = 0
    for spec in specs:
        dtype = DTYPES[spec.dtype]
        count = math.prod(spec.shape)
        flat = np.frombuffer(body, np.uint8, count * dtype.itemsize, start)
        start += flat.nbytes
        if dtype == np.bool_ and flat.size and flat.max() > 1:
            raise Refusal(Code.BAD_TENSOR, f"tensor {spec.name!r}: a bool is neither 0 nor 1")
        try:
            array = flat.view(dtype).reshape(tuple(spec.shape))
        except ValueError:  # an empty array whose other sides are beyond NumPy
            raise Refusal(Code.BAD_TENSOR, f"tensor {spec.name!r}: impossible shape") from None
        if not array.flags.aligned:
            array = array.copy()
        if finite and dtype.kind == "f" and not np.isfinite(array).all():
            raise Refusal(Code.BAD_TENSOR, f"tensor {spec.name!r}: not finite")
        array.flags.writeable = False
        tensors[spec.name] = array
    return tensors
