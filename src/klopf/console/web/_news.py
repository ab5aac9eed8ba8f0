"""What is new, for readers that are each as far as they are: none is waited for, and none holds more than one piece."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

__all__ = ["News", "Piece"]

PIECES, LETTERS = 512, 8_000_000
"""That are kept for readers who were away."""


@dataclass(frozen=True)
class Piece:
    """What came with a version; ``said`` is None where a reader has to ask for everything again."""

    life: str
    version: int
    said: str | None

    @property
    def id(self) -> str:
        return f"{self.life}.{self.version}"


class News:
    """From any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: deque[Piece] = deque()
        self._letters = 0
        self._last = Piece("", 0, None)

    def put(self, life: str, version: int, said: str) -> None:
        """One more piece; of another life, the first."""
        with self._lock:
            if self._kept and self._last.life != life:
                self._kept.clear()
                self._letters = 0
            self._last = Piece(life, version, said)
            self._kept.append(self._last)
            self._letters += len(said)
            while len(self._kept) > PIECES or (self._letters > LETTERS and len(self._kept) > 1):
                self._letters -= len(self._kept.popleft().said or "")

    def after(self, life: str, version: int) -> Piece | None:
        """The piece that follows a reader's version, None where there is none yet; where it knows another life, or
        what follows is no longer kept, the word that it must ask again."""
        with self._lock:
            last = self._last
            if not self._kept or (life, version) == (last.life, last.version):
                return None
            at = version + 1 - self._kept[0].version
            if life != last.life or not 0 <= at < len(self._kept):
                return Piece(last.life, last.version, None)
            return self._kept[at]
