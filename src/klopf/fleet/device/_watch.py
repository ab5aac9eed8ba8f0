"""A folder in which files appear: each is taken when nobody has written to it for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["Watch"]

_ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".pq")
_QUIET = 2.0


class Watch:
    """Looks into ``folder`` when told to. Hidden files and links are left alone, and so is what has not rested yet.

    ``quiet``: seconds for which a file must have stayed as it is; several programs write a file bit by bit.
    """

    def __init__(self, folder: Path, quiet: float = _QUIET) -> None:
        self._folder, self._quiet = folder, quiet
        self._seen: dict[Path, tuple[tuple[int, int], float, bool]] = {}

    def look(self, take: Callable[[Path], None]) -> None:
        """Give ``take`` each file that is new or other than before, and at rest.

        Raises:
            OSError: the folder is gone.
        """
        now = time.monotonic()
        there = {file for file in self._folder.iterdir() if file.suffix.lower() in _ENDINGS and file.name[0] != "."}
        for gone in set(self._seen) - there:
            del self._seen[gone]
        for file in sorted(there):
            if file.is_symlink() or not file.is_file():
                continue
            state = (file.stat().st_size, file.stat().st_mtime_ns)
            before, since, taken = self._seen.get(file, (None, now, False))
            if before != state:
                since, taken = now, False
            if not taken and now - since >= self._quiet:
                take(file)
                taken = True
            self._seen[file] = (state, since, taken)
