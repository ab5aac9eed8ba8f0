"""How much a device has spent, once more, outside the store: so that an older copy of the whole store is noticed.

A number in a file of the user's own state (``$XDG_STATE_HOME``, by default ``~/.local/state``), under a name that only
who has the store's key can make. Where that cannot be written, or is put back together with the store, nothing is
noticed: no file on a disk can tell that all of the disk is older than it was.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from pathlib import Path

from klopf import files

__all__ = ["Witness"]


class Witness:
    """What remembers for the store with the key in ``key_file``."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file

    def remembered(self, device: str) -> int:
        """Millionths of epsilon that ``device`` has spent in this store, as far as is remembered; else 0."""
        try:
            return int(self._place(device).read_text())
        except (OSError, ValueError):
            return 0

    def remember(self, device: str, spent: int) -> None:
        """Keep the larger of ``spent`` and what is remembered, where that can be written."""
        with contextlib.suppress(OSError, ValueError):
            if spent > self.remembered(device):
                place = self._place(device)
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                files.replace(place, f"{spent}\n", private=True)

    def _place(self, device: str) -> Path:
        """Raises:
        OSError, ValueError: the key cannot be read, or there is no home.
        """
        key = bytes.fromhex(self._key_file.read_text())
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        if not os.path.isabs(state):
            raise ValueError("no home")
        return Path(state) / "klopf" / "spent" / hmac.digest(key, f"klopf spent {device}".encode(), "sha256").hex()
