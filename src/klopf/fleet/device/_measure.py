"""What this machine can do, measured here and now: nothing of it is declared.

Each figure is the best of several short runs, since whatever else the machine does can only make one slower. A
measurement says what was possible when it was made; that it was made on this machine is the device's word, which it
signs. Whoever pays for it measures again, by work whose result it knows.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from klopf.errors import FleetError, LedgerError
from klopf.fleet.device._folder import own
from klopf.ledger.keys import recover

__all__ = ["Measured", "SignedMeasure", "measure"]

_SIDE = 1024
_BYTES = 64 << 20
_HASHED = 16 << 20
_DISK = 32 << 20


class _Signs(Protocol):
    address: str

    def sign(self, digest: bytes) -> bytes: ...


@dataclass(frozen=True)
class Measured:
    """cores: how many this process may use. memory: bytes of the machine. flops: of a product of single-precision
    matrices, a second. copied: bytes of memory read and written again a second, each counted once. hashed: bytes
    through SHA-256 on one core, a second. written, read: bytes to the disk (and brought there) and back, a second; what
    was just written may be read from memory. time: seconds since 1970.
    """

    cores: int
    memory: int
    flops: float
    copied: float
    hashed: float
    written: float
    read: float
    time: int

    def digest(self) -> bytes:
        """What a device signs of it: 32 bytes."""
        return hashlib.sha256(b"klopf measured " + json.dumps(asdict(self), sort_keys=True).encode()).digest()

    def signed(self, key: _Signs) -> SignedMeasure:
        """With the signature of a device's key."""
        return SignedMeasure(self, key.address, key.sign(self.digest()))


@dataclass(frozen=True)
class SignedMeasure:
    """A measurement, whose it is, and the signature."""

    measured: Measured
    address: str
    signature: bytes

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self.measured), "address": self.address, "signature": self.signature.hex()}

    @classmethod
    def read(cls, plain: Any) -> Self:
        """What :meth:`plain` gave, from whomever.

        Raises:
            FleetError: it is none, or not signed by the address in it.
        """
        try:
            values = {field.name: plain[field.name] for field in fields(Measured)}
            for name, value in values.items():
                whole = name in ("cores", "memory", "time")
                if type(value) not in ((int,) if whole else (int, float)) or not 0 < value < 1e18:
                    raise ValueError(name)
            measured = Measured(**values)
            signature = bytes.fromhex(plain["signature"])
            if recover(measured.digest(), signature) != plain["address"]:
                raise ValueError("signature")
        except (KeyError, TypeError, ValueError, LedgerError) as error:
            raise FleetError(f"this is no measurement signed by the device that it names ({error})") from None
        return cls(measured, plain["address"], signature)


def measure(folder: Path, seconds: float = 0.3) -> Measured:
    """Measure this machine, each figure for about ``seconds``; the disk is that of ``folder``, where 32 MiB are written
    and removed.

    Raises:
        OSError: the folder cannot be written.
        FleetError: it is another user's, and this process is root.
    """
    own(folder)
    draw = np.random.default_rng(0)
    left = draw.random((_SIDE, _SIDE), np.float32)
    out, source = np.empty_like(left), np.ones(_BYTES // 8)
    target, block = np.empty_like(source), draw.bytes(_HASHED)
    flops = 2 * _SIDE**3 / _best(lambda: np.matmul(left, left, out=out), seconds)
    copied = _BYTES / _best(lambda: np.copyto(target, source), seconds)
    hashed = _HASHED / _best(lambda: hashlib.sha256(block).digest(), seconds)
    written, read = _disk(folder, draw.bytes(_DISK))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Measured(cores, memory, flops, copied, hashed, written, read, int(time.time()))


def _best(work: Callable[[], Any], seconds: float) -> float:
    """Seconds of the fastest of several runs."""
    work()
    best, until = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < until:
        before = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - before)
    return best


def _disk(folder: Path, block: bytes) -> tuple[float, float]:
    with tempfile.TemporaryFile(dir=folder) as file:
        before = time.perf_counter()
        file.write(block)
        file.flush()
        os.fsync(file.fileno())
        written = time.perf_counter() - before
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        before = time.perf_counter()
        file.read()
        return len(block) / written, len(block) / (time.perf_counter() - before)
