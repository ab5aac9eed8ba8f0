"""Which backbone seat a neuron may ask for, by the shared rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from klopf import ledger, neuron
from klopf.neuron import Standing

__all__ = ["Seat", "seat_to_ask_for"]


@dataclass(frozen=True)
class Seat:
    """What became of the question."""

    earned: bool
    """Whether the record earns a seat."""
    incumbent: int = 0
    """Who sits there; 0 for a free one."""
    late: tuple[int, ...] = ()
    """Whose utility lacks epochs that nobody has collected yet: to be collected first, then asked again."""


def seat_to_ask_for(me: ledger.Participant, everybody: Iterable[ledger.Participant], rules: ledger.Parameters) -> Seat:
    """The seat that ``me`` earns: a free one, or that of the least heard in one (the first registered of equals)."""
    if me.standing is not Standing.FRINGE:
        return Seat(earned=False)
    seated = sorted((p for p in everybody if p.standing is Standing.BACKBONE), key=lambda p: p.id)
    if _earned(me, None, rules) is not Standing.BACKBONE:
        return Seat(earned=False)
    place = neuron.contested_seat([p.utility for p in seated], rules.seats)
    if place < 0:
        return Seat(earned=True)
    if late := tuple(p.id for p in (*seated, me) if p.accounted < p.age):
        return Seat(earned=False, late=late)
    earned = _earned(me, seated[place].utility, rules) is Standing.BACKBONE
    return Seat(earned, incumbent=seated[place].id)


def _earned(me: ledger.Participant, rival: float | None, rules: ledger.Parameters) -> Standing:
    """The standing that the record of ``me`` earns where ``rival`` is how much the incumbent is heard."""
    return neuron.next_standing(
        me.standing,
        mature=neuron.is_mature(me.age, rules.maturity),
        audit_passed=me.passed,
        audits_failed_in_a_row=me.failed,
        heard=me.utility,
        rival_heard=rival,
        margin=rules.margin_bps / 10_000,
        patience=rules.patience,
    )
