"""What everybody has where: earned, at stake, thawing, set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from klopf.console.web.view import Column, Network, Row, View
from klopf.ledger import Role, events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Money"]

ROLES = tuple(role.name.lower() for role in Role)


@dataclass
class _Purse:
    thawing: int = 0
    ready_at: int = 0
    free: int = 0
    """Fees that were deposited, and are promised to nobody;"""
    reserved: int = 0
    """and those that wait for vouchers of neurons."""


class Money(View):
    title = "Money"
    lead = (
        "What each earned and has at stake; what thaws can be withdrawn from the time beside it on. Fees that a "
        "requester deposited are free, or set aside for neurons."
    )
    columns = (
        Column("participant", "neuron"), Column("role"), Column("earned", "money"), Column("stake", "money"),
        Column("thawing", "money"), Column("thawed at", "time"), Column("slashed", "money"),
        Column("fees free", "money"), Column("set aside", "money"), Column("owner"),
    )  # fmt: skip

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.purses: dict[int, _Purse] = {}
        self.fresh: set[int] = set()

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.stake.Thawing):
            purse = self._of(event.id)
            purse.thawing, purse.ready_at = purse.thawing + event.amount, event.ready_at
        elif isinstance(event, events.stake.Withdrawn):
            self._of(event.id).thawing = 0
        elif isinstance(event, events.stake.Slashed):
            self._of(event.id).thawing -= event.from_thawing
        elif isinstance(event, events.vouchers.Deposited):
            self._of(event.requester).free += event.amount
        elif isinstance(event, events.vouchers.Withdrawn):
            self._of(event.requester).free -= event.amount
        elif isinstance(event, events.vouchers.Reserved | events.vouchers.Released):
            sign = 1 if isinstance(event, events.vouchers.Reserved) else -1
            purse = self._of(event.requester)
            purse.free, purse.reserved = purse.free - sign * event.amount, purse.reserved + sign * event.amount
        elif isinstance(event, events.vouchers.Redeemed):
            self._of(event.requester).reserved -= event.amount

    def _of(self, id: int) -> _Purse:
        self.fresh.add(id)
        return self.purses.setdefault(id, _Purse())

    def news(self) -> Mapping[str, Row | None]:
        tally = self.network.tally
        ids, self.fresh = (self.fresh | tally.changed) & tally.everybody.keys(), set()
        return {str(id): self._row(id) for id in sorted(ids)}

    def _row(self, id: int) -> Row:
        known, purse = self.network.tally.everybody[id], self.purses.get(id, _Purse())
        free, reserved, thawing = (plain(klp(units)) for units in (purse.free, purse.reserved, purse.thawing))
        return [
            id, ROLES[known.role] if 0 <= known.role < len(ROLES) else "", plain(known.earned),
            plain(klp(known.staked)), thawing, purse.ready_at if purse.thawing else None, plain(klp(known.slashed)),
            free, reserved, known.owner,
        ]  # fmt: skip
