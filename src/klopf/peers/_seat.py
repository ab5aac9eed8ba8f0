"""Which backbone seat a neuron may ask for, by the shared rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from klopf import ledger, neuron
from klopf.neuron import Standing

__all__ = ["Judged", "Seat", "judged", "seat_to_ask_for"]


@dataclass(frozen=True)
class Seat:
    """What became of the question."""

    earned: bool
    """Whether the record earns a seat."""
    incumbent: int = 0
    """Who sits there; 0 for a free one."""
    late: tuple[int, ...] = ()
    """Whose utility lacks epochs that nobody has collected yet: to be collected first, then asked again."""


@dataclass(frozen=True)
class Judged:
    """What audits say about seats; by default nothing, as in networks of before."""

    vouched: bool = True
    """Whether auditors with enough of the stake found the one who asks good."""
    grades: Mapping[int, int] = field(default_factory=dict)
    """How good each was found, in 1/10,000, by id."""
    terms: ledger.SeatTerms = field(default_factory=ledger.SeatTerms)


def judged(book: ledger.Ledger, me: int, others: Sequence[int]) -> Judged:
    """What the ledger has of it for ``me`` and ``others``."""
    if "Seats" not in book.deployment.addresses:
        return Judged()
    ids, seats = [me, *others], book.seats
    return Judged(seats.vouched(me), dict(zip(ids, seats.grades(ids), strict=True)), seats.current())


def seat_to_ask_for(
    me: ledger.Participant, everybody: Iterable[ledger.Participant], rules: ledger.Parameters,
    audits: Judged = Judged(),
) -> Seat:  # fmt: skip
    """The seat that ``me`` earns: a free one, or that of the least heard in one (the first registered of equals), or,
    where it is not heard enough for that, of whom audits find least good."""
    if me.standing is not Standing.FRINGE:
        return Seat(earned=False)
    seated = sorted((p for p in everybody if p.standing is Standing.BACKBONE), key=lambda p: p.id)
    if _earned(me, None, rules, audits) is not Standing.BACKBONE:
        return Seat(earned=False)
    place = neuron.contested_seat([p.utility for p in seated], rules.seats)
    if place < 0:
        return Seat(earned=True)
    if late := tuple(p.id for p in (*seated, me) if p.accounted < p.age):
        return Seat(earned=False, late=late)
    rivals = [seated[place]]
    if audits.grades:
        rivals.append(min(seated, key=lambda p: (audits.grades.get(p.id, 0), p.utility)))
    for rival in rivals:
        if _earned(me, rival, rules, audits) is Standing.BACKBONE:
            return Seat(True, incumbent=rival.id)
    return Seat(False, incumbent=seated[place].id)


def _earned(
    me: ledger.Participant, rival: ledger.Participant | None, rules: ledger.Parameters, audits: Judged
) -> Standing:
    """The standing that the record of ``me`` earns where ``rival`` sits."""
    outdoes = False
    if rival is not None and me.id in audits.grades:
        better = audits.grades[me.id] >= audits.grades.get(rival.id, 0) + audits.terms.better_bps
        outdoes = better and me.utility * 10_000 >= rival.utility * audits.terms.heard_bps
    return neuron.next_standing(
        me.standing,
        mature=neuron.is_mature(me.age, rules.maturity),
        audit_passed=me.passed,
        audits_failed_in_a_row=me.failed,
        heard=me.utility,
        rival_heard=None if rival is None else rival.utility,
        margin=rules.margin_bps / 10_000,
        patience=rules.patience,
        vouched=audits.vouched,
        outdoes=outdoes,
    )
