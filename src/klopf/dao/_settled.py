"""Whose voice weighs how much, from what a network has settled: whoever reads the same ledger gets the same.

Two things count, both signed by both ends and settled on the ledger: receipts of listening that a speaker claimed
(``Settlement.Heard``), and fees that a requester's vouchers paid (``Vouchers.Redeemed``). Each payer's sum to one in
either kind, so that attention and tokens, which have no rate, weigh alike. A member is who owns participants: however
many it has, it is one, and what they receipt to each other is nothing. What it has at risk is their stake.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from klopf import ledger as book
from klopf.dao._reputation import reputation, voices
from klopf.errors import DaoError
from klopf.ledger.market.settlement import Heard
from klopf.ledger.market.vouchers import Redeemed

__all__ = ["Standings", "standings"]


@dataclass(frozen=True)
class Standings:
    """Reputation and voices as of a block."""

    block: int
    hash: str
    """The block's: whoever has another one has read another ledger."""
    reputation: dict[str, float]
    """By owner's address; 1 in all."""
    voices: dict[str, float]
    """From 0 to 1."""


def standings(ledger: book.Ledger, block: int | None = None) -> Standings:
    """As of ``block``, or of the last one.

    Raises:
        DaoError: the ledger has no such block, or nobody has anything at stake then.
        LedgerError: a node kept no such state.
    """
    height = ledger.rpc.height()
    last = height if block is None else block
    if not ledger.deployment.block <= last <= height:
        raise DaoError(f"there is no block {last} of this network: it has {ledger.deployment.block} to {height}")
    members = {one.id: one for one in ledger.at(last).registry.all()}
    paid: dict[str, dict[tuple[str, str], int]] = {"Heard": defaultdict(int), "Redeemed": defaultdict(int)}
    for event in book.history(ledger, ledger.deployment.block, last):
        kind = type(event).__name__
        if isinstance(event, Heard):
            pair, amount = (event.listener, event.speaker), event.weight
        elif isinstance(event, Redeemed):
            pair, amount = (event.requester, event.neuron), event.amount
        else:
            continue
        payer, payee = (members[one].owner if one in members else "" for one in pair)
        if payer and payee and payer != payee and amount > 0:
            paid[kind][payer, payee] += amount
    receipts = []
    for flows in paid.values():
        out: dict[str, int] = defaultdict(int)
        for (payer, _), amount in flows.items():
            out[payer] += amount
        receipts += [(*pair, amount / out[pair[0]]) for pair, amount in sorted(flows.items())]
    start: dict[str, float] = defaultdict(float)
    for one in members.values():
        start[one.owner] += one.stake / 10**18
    if not any(start.values()):
        raise DaoError(f"nobody has anything at stake at block {last}: there is nothing that a voice could begin from")
    weights = reputation(receipts, start)
    names = sorted(weights)
    heard = dict(zip(names, map(float, voices(weights, start, names)), strict=True))
    return Standings(last, ledger.rpc.block_hash(last), {name: weights[name] for name in names}, heard)
