"""The speaker's side of a conversation: what it has answered to whom, and which receipts it signs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from klopf import wire

__all__ = ["NO_TRAIL", "Served"]

NO_TRAIL = bytes(32)
"""The trail of a conversation in which nothing has been answered yet."""


@dataclass
class _Conversation:
    name: str
    answers: int = 0
    trail: bytes = NO_TRAIL
    before: tuple[int, bytes] = (0, NO_TRAIL)
    """The same without the last answer, which may have been lost on its way."""


@dataclass
class Served:
    """Counts what was served since this process started; it need not survive a crash (see :meth:`accepts`)."""

    _conversations: dict[tuple[int, int], _Conversation] = field(default_factory=dict)
    _receipts: dict[tuple[int, int], set[str]] = field(default_factory=dict)

    def note(self, epoch: int, listener: int, conversation: str, answers: int, answer_digest: bytes) -> None:
        """Note that ``answers`` samples were answered to ``listener``.

        A listener that lost its memory may begin a new ``conversation`` in the same epoch: what it owes is in its
        vouchers, and not here.
        """
        entry = self._conversations.get((epoch, listener))
        if entry is None or entry.name != conversation:
            entry = self._conversations[epoch, listener] = _Conversation(conversation)
        entry.before = (entry.answers, entry.trail)
        entry.answers += answers
        entry.trail = wire.trail(entry.trail, answer_digest)

    def accepts(self, epoch: int, listener: int, answers: int, trail: bytes) -> bool:
        """Whether a receipt says at least what was served.

        The last answer may be missing from it. A speaker that has just come back from a crash remembers less than
        the listener: then a receipt that says more than it remembers is accepted, since it can only gain by it.
        """
        entry = self._conversations.get((epoch, listener)) or _Conversation("")
        return (answers, trail) in ((entry.answers, entry.trail), entry.before) or answers > entry.answers

    def receipts(self, epoch: int, listener: int) -> set[str]:
        """The lines that were kept of it since this process started; to be added to."""
        return self._receipts.setdefault((epoch, listener), set())

    def keep_only(self, epochs: Iterable[int]) -> None:
        """Forget conversations of other epochs: they can no longer be claimed."""
        kept = set(epochs)
        for table in (self._conversations, self._receipts):
            for key in [key for key in table if key[0] not in kept]:
                del table[key]
