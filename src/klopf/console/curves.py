"""Figures of something that learns, as it goes on: a small file that only grows, which a page shows as curves.

A line is ``[series, step, value]`` in JSON. Whoever writes may be killed at any moment without harm: half a line at the
end is no line. Of a series of any length it keeps at most :data:`MOST` points of each doubling of its steps, so the
file stays small. Nobody needs it after a crash of the machine, so nothing waits until it is on the disk.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from klopf.errors import MindError

__all__ = ["NAME", "Curves", "read"]

NAME = "curves.jsonl"
"""What the file is called in a folder of lives."""
MOST, SERIES = 512, 64
"""Points of a series before every other one is left out from then on; and how many series there are at most."""
LONGEST = 1 << 18
"""Bytes that are read at once."""


class Curves:
    """Adds points to a file, after those that are there.

    Raises:
        MindError: the file cannot be written.
    """

    def __init__(self, file: Path) -> None:
        self._stride: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._written: dict[str, int] = {}
        try:
            self._out = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            size = os.fstat(self._out).st_size
            if size and os.pread(self._out, 1, size - 1) != b"\n":
                os.write(self._out, b"\n")  # whoever wrote before was killed in the middle of a line
        except OSError as error:
            raise MindError(f"cannot write {file}: {error.strerror}; choose a folder that can be written") from None

    def put(self, series: str, step: int, value: float) -> None:
        """One more point of a series; what is no number, and series beyond the first 64, are left out."""
        if not math.isfinite(value) or (series not in self._seen and len(self._seen) >= SERIES):
            return
        seen, stride = self._seen.get(series, 0), self._stride.get(series, 1)
        self._seen[series] = seen + 1
        if seen % stride:
            return
        written = self._written[series] = self._written.get(series, 0) + 1
        if written % MOST == 0:
            self._stride[series] = 2 * stride
        line = json.dumps([series[:64], int(step), float(f"{value:.6g}")], separators=(",", ":"))
        os.write(self._out, line.encode() + b"\n")  # whole, in one go

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read(file: Path, since: int = 0) -> tuple[list[tuple[str, int, float]], int]:
    """The points behind byte ``since``, as many as are read at once, and where to read on. A line that is no point is
    passed over; where the file is shorter than that it is another one, and is read from its beginning.

    Raises:
        OSError: there is no such file.
    """
    with file.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        since = since if 0 <= since <= size else 0
        source.seek(since)
        piece = source.read(LONGEST)
    whole = piece.rfind(b"\n") + 1
    if not whole and len(piece) == LONGEST:
        whole = LONGEST  # no line is that long
    return [point for line in piece[:whole].splitlines() if (point := _point(line))], since + whole


def _point(line: bytes) -> tuple[str, int, float] | None:
    try:
        series, step, value = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return None
    numbers = type(step) is int and type(value) in (int, float) and math.isfinite(value) and 0 <= step < 2**53
    return (series[:64], step, float(value)) if isinstance(series, str) and numbers else None
