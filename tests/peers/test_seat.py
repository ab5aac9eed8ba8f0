"""Which seat a neuron asks for."""

import asyncio
from types import SimpleNamespace

import pytest

from klopf import ledger
from klopf.neuron import Standing
from klopf.peers._neuron import _Neuron
from klopf.peers._seat import Judged, Seat, seat_to_ask_for

RULES = ledger.Parameters(seats=2, maturity=3, margin_bps=1000, patience=2)


def one(id, standing=Standing.BACKBONE, utility=0.3, age=9, passed=True, failed=0, accounted=None):
    """As the registry has it, with what a seat depends on."""
    return SimpleNamespace(
        id=id, standing=standing, utility=utility, age=age, passed=passed, failed=failed,
        accounted=age if accounted is None else accounted,
    )  # fmt: skip


def me(**record):
    return one(7, **({"standing": Standing.FRINGE} | record))


def asked(record, *seated):
    return seat_to_ask_for(record, [record, one(6, Standing.FRINGE, 9.0), one(5, Standing.SILENT, 0.0), *seated], RULES)


def test_a_good_record_earns_a_free_seat():
    assert asked(me()) == asked(me(), one(1)) == Seat(earned=True)


def test_a_record_that_is_not_good_enough_earns_none():
    for record in (
        {"utility": 0.0}, {"passed": False}, {"failed": 2}, {"age": 3}, {"age": 0},
        {"standing": Standing.BACKBONE}, {"standing": Standing.SILENT}, {"standing": Standing.NONE},
    ):  # fmt: skip
        assert asked(me(**record)) == Seat(earned=False), record
    assert asked(me(age=4)).earned


def test_where_all_are_taken_it_asks_for_that_of_the_least_heard():
    assert asked(me(utility=0.4), one(2, utility=0.5), one(3, utility=0.2)) == Seat(True, incumbent=3)
    assert asked(me(utility=0.4), one(3, utility=0.2), one(2, utility=0.2)) == Seat(True, incumbent=2)


def test_an_incumbent_is_protected_by_the_margin():
    assert not asked(me(utility=0.22), one(1, utility=0.2), one(2)).earned
    assert asked(me(utility=0.221), one(1, utility=0.2), one(2)).earned


def test_a_seat_is_taken_only_where_nothing_is_missing_from_either_utility():
    late = asked(me(accounted=8), one(1, accounted=2), one(2))
    assert late == Seat(False, late=(1, 7))
    assert asked(me(accounted=8), one(1)) == Seat(True)  # a free one takes nothing from anybody
    assert asked(me(utility=0.0, accounted=8), one(1, accounted=2), one(2)) == Seat(False)


def judged(**said):
    """What audits say; the grades are those of 7, who asks, and of 1 and 2, who sit."""
    grades = dict(zip((7, 1, 2), said.pop("grades", (8000, 8000, 8000)), strict=True))
    return Judged(said.pop("vouched", True), grades, ledger.SeatTerms(better_bps=100, heard_bps=1000))


def asked_by(audits, record):
    return seat_to_ask_for(record, [record, one(1, utility=0.2), one(2, utility=0.4)], RULES, audits)


def test_who_is_not_vouched_for_asks_for_no_seat_not_even_a_free_one():
    for seated in ([], [one(1), one(2)]):
        found = seat_to_ask_for(me(utility=9.0), [me(utility=9.0), *seated], RULES, judged(vouched=False))
        assert found == Seat(earned=False)


def test_who_is_better_by_audits_asks_for_the_seat_of_the_least_good_where_it_is_heard_a_little():
    assert asked_by(judged(grades=(8000, 7950, 7900)), me(utility=0.04)) == Seat(True, incumbent=2)
    assert not asked_by(judged(grades=(8000, 7950, 7901)), me(utility=0.04)).earned  # not enough better
    assert not asked_by(judged(grades=(8000, 7950, 7900)), me(utility=0.039)).earned  # not heard enough
    assert asked_by(judged(grades=(8000, 7950, 7900)), me(utility=0.3)) == Seat(True, incumbent=1)  # heard more


def knocks(before, after=None):
    """The incumbents that a neuron knocks for, and for whom it collects first; ``after`` is the registry then."""
    done = []
    names = SimpleNamespace(
        rules=SimpleNamespace(current=lambda: RULES), registry=SimpleNamespace(knock="knock"), account_for="collect",
        deployment=SimpleNamespace(addresses={}),
    )  # fmt: skip
    who = SimpleNamespace(book=names, id=7, others={p.id: p for p in before}, me=next(p for p in before if p.id == 7))

    async def on_ledger(call, *arguments):
        return call(*arguments)

    async def attempt(what, call, *arguments):
        done.append((call, *arguments))

    async def refresh():
        if after:
            who.others, who.me = {p.id: p for p in after}, next(p for p in after if p.id == 7)

    who.on_ledger, who.attempt, who.refresh = on_ledger, attempt, refresh
    asyncio.run(_Neuron._knock(SimpleNamespace(who=who)))
    return done


def test_a_neuron_knocks_for_the_seat_that_it_earns():
    assert knocks([me(), one(1)]) == [("knock", 7, 0)]
    assert knocks([me(utility=0.4), one(1, utility=0.5), one(2, utility=0.2)]) == [("knock", 7, 2)]
    assert knocks([me(age=3), one(1)]) == knocks([me(), one(1), one(2)]) == []


def test_a_neuron_collects_what_is_missing_before_it_knocks():
    before = [me(utility=0.4, accounted=8), one(1, utility=0.2, accounted=2), one(2)]
    assert knocks(before, [me(utility=0.4), one(1, utility=0.2), one(2)]) == [("collect", (1, 7)), ("knock", 7, 1)]
    assert knocks(before, [me(utility=0.4), one(1, utility=0.39), one(2, utility=0.5)]) == [("collect", (1, 7))]


@pytest.mark.parametrize("seats", [1, 3])
def test_the_number_of_seats_is_that_of_the_rules(seats):
    rules = ledger.Parameters(seats=seats, maturity=3)
    found = seat_to_ask_for(me(utility=0.4), [one(1, utility=0.2), one(2, utility=0.3)], rules)
    assert found.incumbent == (1 if seats == 1 else 0)
