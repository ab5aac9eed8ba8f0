"""What the page can do with a key: a file a matter, and a line in this table."""

from __future__ import annotations

from klopf.console.web.acts._act import Act, Field, Given
from klopf.console.web.acts.disputes import Answer, Uphold
from klopf.console.web.acts.jobs import Approve, Close, Object
from klopf.console.web.acts.money import Stake, Unstake, Withdraw
from klopf.console.web.acts.votes import Delegate, Execute, Queue, Vote

__all__ = ["ACTS", "Act", "Field", "Given"]

ACTS: dict[str, type[Act]] = {
    "stake": Stake,
    "unstake": Unstake,
    "withdraw": Withdraw,
    "delegate": Delegate,
    "vote": Vote,
    "queue": Queue,
    "execute": Execute,
    "answer": Answer,
    "uphold": Uphold,
    "approve": Approve,
    "object": Object,
    "close": Close,
}
"""In the order of the page."""
