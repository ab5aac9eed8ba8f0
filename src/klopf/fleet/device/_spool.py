"""What was heard and is not yet stored: on the disk before anybody is told that it was heard.

::

    DEVICE/spool/
      open/NAME.csv       records that come one by one; a last line without an end is of a crash and dropped
      ready/NAME-7.csv    closed: to be stored under that name, once
      refused/NAME-7.csv  what the store refused, for the owner to look at; its reason is in the log
      taken.jsonl         which file of a watched folder became which number, written before it is copied
      number              how many have been given out
      NAME.heard          which records of a thing were heard, as hashes

A number is given out once, and a file goes into the store under its name with the number in it. So after a crash at any
moment it is known of every one whether the store has it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from klopf import files
from klopf.errors import FleetError

__all__ = ["Spool"]

_NUMBERED = re.compile(r"(.+)-(\d+)\.(csv|parquet)")


class Spool:
    """The spool in ``device``. ``stored``: whether the store has something that was added under a name. ``said`` is
    told a line for what is damaged."""

    def __init__(
        self, device: Path, stored: Callable[[str], bool], said: Callable[[str], None] = lambda line: None
    ) -> None:
        self._folder = device / "spool"
        for name in ("open", "ready", "refused"):
            (self._folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._stored = stored
        self._counts: dict[str, int] = {}
        self._since: dict[str, float] = {}
        for file in (self._folder / "open").glob("*.csv"):
            self._mend(file)
        for file in list(self.ready()):
            if stored(file.name):  # the crash came after it was stored, and before it was removed here
                self.done(file)
        self._taken = self._read_taken(said)

    # ---- records, one by one

    def append(self, name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
        """Add records to the open file of a source; on the disk when this returns. How many it has then.

        Raises:
            OSError: no room; nothing that counts was added.
        """
        place = self._folder / "open" / f"{name}.csv"
        known = list(rows)
        text = io.StringIO()
        write = csv.writer(text, lineterminator="\n")
        new = not place.exists()
        if new:
            write.writerow(header)
        write.writerows(known)
        before = 0 if new else place.stat().st_size
        try:
            with place.open("ab") as file:
                file.write(text.getvalue().encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            if before:
                os.truncate(place, before)
            else:
                place.unlink(missing_ok=True)
            raise
        if new:
            files.sync(place.parent)
            self._since[name] = time.monotonic()
        self._counts[name] = self._counts.get(name, 0) + len(known)
        return self._counts[name]

    def close(self, name: str, batch: int = 1, seconds: float = 0.0) -> None:
        """Close the open file of a source, if it has ``batch`` records or the first has waited for ``seconds``."""
        place = self._folder / "open" / f"{name}.csv"
        waited = time.monotonic() - self._since.get(name, 0.0)
        if not place.exists() or not self._counts.get(name) or (self._counts[name] < batch and waited < seconds):
            return
        place.rename(self._folder / "ready" / f"{name}-{self._next()}.csv")
        for folder in ("open", "ready"):
            files.sync(self._folder / folder)
        self._counts.pop(name)

    def waiting(self, name: str) -> list[list[str]]:
        """The records in the open file of a source."""
        place = self._folder / "open" / f"{name}.csv"
        if not place.exists():
            return []
        with place.open(newline="") as file:
            return list(csv.reader(file))[1:]

    def beside(self, name: str, ending: str) -> Path:
        """Where something else of a source is kept."""
        return self._folder / f"{name}{ending}"

    # ---- files, whole

    def take(self, name: str, file: Path) -> None:
        """Copy a file of a watched folder, unless one of the same name and content was taken before.

        Raises:
            OSError: it cannot be read, or there is no room; it is taken another time.
        """
        digest = _digest(file)
        key = f"{name}/{file.name}/{digest}"
        number = self._taken.get(key)
        ending = "parquet" if file.suffix.lower() in (".parquet", ".pq") else "csv"
        if number is None:
            number = self._next()
            files.append_line(self._folder / "taken.jsonl", json.dumps({"key": key, "number": number}))
            self._taken[key] = number
        copy = f"{name}-{number}.{ending}"
        if any((self._folder / where / copy).exists() for where in ("ready", "refused")) or self._stored(copy):
            return
        with file.open("rb") as handle:
            files.replace(self._folder / "ready" / copy, iter(lambda: handle.read(1 << 20), b""), private=True)
        if _digest(self._folder / "ready" / copy) != digest:  # somebody wrote to it meanwhile
            (self._folder / "ready" / copy).unlink()

    # ---- storing

    def ready(self) -> Iterator[Path]:
        """What is to be stored, in the order of the numbers."""
        found = [file for file in (self._folder / "ready").iterdir() if _NUMBERED.fullmatch(file.name)]
        yield from sorted(found, key=lambda file: int(_NUMBERED.fullmatch(file.name)[2]))  # type: ignore[index]

    @staticmethod
    def source_of(file: Path) -> str:
        """The name of the source of a closed file."""
        return _NUMBERED.fullmatch(file.name)[1]  # type: ignore[index]

    def done(self, file: Path) -> None:
        """It is in the store."""
        file.unlink()
        files.sync(file.parent)

    def refuse(self, file: Path) -> Path:
        """Put aside what the store does not take; returns where to."""
        return file.rename(self._folder / "refused" / file.name)

    # ---- inside

    def _next(self) -> int:
        place = self._folder / "number"
        try:
            number = int(place.read_text()) + 1 if place.exists() else 1
        except ValueError:
            raise FleetError(
                f"{place} is damaged: write a number into it that is above all in {self._folder}"
            ) from None
        files.replace(place, f"{number}\n")
        return number

    def _mend(self, file: Path) -> None:
        data = file.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(file, len(whole))
        lines = whole.count(b"\n")
        if not lines:
            file.unlink()
            return
        self._counts[file.stem] = lines - 1
        self._since[file.stem] = time.monotonic()

    def _read_taken(self, said: Callable[[str], None]) -> dict[str, int]:
        place = self._folder / "taken.jsonl"
        found: dict[str, int] = {}
        for line in files.json_lines(place, said):
            key, number = line.get("key"), line.get("number")
            if isinstance(key, str) and type(number) is int:
                found[key] = number
            else:
                said(f"{place}: a line lacks what each has, and is passed over")
        return found


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
