"""What the page can do with a key: a file a matter, and a line in this table."""

from __future__ import annotations

from klopf.console.web.acts._act import Act, Field, Given
from klopf.extensions import Point

__all__ = ["ACTS", "Act", "Field", "Given"]

ACTS = Point(
    "klopf.acts",
    "act",
    "klopf.console.web.acts._act:Act",
    {
        "stake": "klopf.console.web.acts.money:Stake",
        "unstake": "klopf.console.web.acts.money:Unstake",
        "withdraw": "klopf.console.web.acts.money:Withdraw",
        "delegate": "klopf.console.web.acts.votes:Delegate",
        "vote": "klopf.console.web.acts.votes:Vote",
        "queue": "klopf.console.web.acts.votes:Queue",
        "execute": "klopf.console.web.acts.votes:Execute",
        "answer": "klopf.console.web.acts.disputes:Answer",
        "uphold": "klopf.console.web.acts.disputes:Uphold",
        "approve": "klopf.console.web.acts.jobs:Approve",
        "object": "klopf.console.web.acts.jobs:Object",
        "close": "klopf.console.web.acts.jobs:Close",
        "fund": "klopf.console.web.acts.ventures:Fund",
        "agree": "klopf.console.web.acts.ventures:Agree",
        "take-back": "klopf.console.web.acts.ventures:TakeBack",
        "buy": "klopf.console.web.acts.trades:Buy",
        "bid": "klopf.console.web.acts.trades:Bid",
        "collect": "klopf.console.web.acts.trades:Collect",
        "swap": "klopf.console.web.acts.pools:Swap",
        "supply": "klopf.console.web.acts.loans:Supply",
        "take-out": "klopf.console.web.acts.loans:Withdraw",
        "lock": "klopf.console.web.acts.loans:Lock",
        "borrow": "klopf.console.web.acts.loans:Borrow",
        "repay": "klopf.console.web.acts.loans:Repay",
        "stake-shares": "klopf.console.web.acts.rewards:StakeShares",
        "unstake-shares": "klopf.console.web.acts.rewards:UnstakeShares",
        "claim-rewards": "klopf.console.web.acts.rewards:Claim",
    },
)
"""Every act in the order of the page; each needs one line here, or an entry point in a package of its own."""
