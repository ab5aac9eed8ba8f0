"""A seat asks that auditors with most of the stake found the neuron good, and goes to whoever they find better."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import comb

import pytest
from ledger_helpers import KLP, TINY, Net, embedded, result

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Result, Role, SeatTerms, Standing
from klopf.ledger.audit._reference import Record, recorded

ONE = replace(TINY, seats=1, audit_seats=1, audit_quorum=1, patience=3)
HEARD = {1: {2: 30_000, 3: 9}, 2: {3: 9}, 3: {2: 30_000}}
"""The second neuron is heard much, the third next to nothing."""


def audited(auditors: int, rules: ledger.Parameters = ONE) -> tuple[Net, list[int]]:
    """Three neurons and so many auditors of equal stake."""
    net = embedded(rules)
    for _ in range(3):
        net.join(Role.NEURON)
    who = [net.join(Role.AUDITOR) for _ in range(auditors)]
    net.admin.clock.start()
    return net, who


def epoch(net: Net, who: list[int], **said: dict[int, Result]) -> None:
    """Each auditor finds what it is said to find; by default all three are good."""
    good = {n: result(n) for n in (1, 2, 3)}
    net.epoch(HEARD, scores={a: said.get(f"a{a}", good) for a in who})


def knock(net: Net, id: int, incumbent: int = 0) -> None:
    net.clients[id].registry.knock(id, incumbent)


def test_one_auditor_of_three_seats_nobody_and_two_do() -> None:
    net, who = audited(3)
    seats, seen = net.admin.seats, set()
    epoch(net, who)
    for _ in range(30):
        seen = set(seats.vouchers(2))
        assert net.admin.registry.get(2).passed and seen <= set(who)
        assert seats.vouched(2) is (len(seen) > 1)
        if len(seen) > 1:
            break
        with pytest.raises(Reverted, match=r"NotVouched\(id=2\).*more auditors"):
            knock(net, 2)
        epoch(net, who)
    knock(net, 2)
    assert net.admin.registry.get(2).standing is Standing.BACKBONE
    assert ledger.verify(net.admin, net.receipts) == []


def test_bribed_auditors_with_less_than_half_of_the_stake_seat_nobody_however_often_they_are_drawn() -> None:
    """One auditor of three finds a bad neuron good whenever it is drawn alone, and is never outvoted."""
    net, who = audited(3, replace(ONE, patience=200))
    bad = {n: result(n, 1000, 1000) if n == 2 else result(n) for n in (1, 2, 3)}
    passed = 0
    for _ in range(12):
        epoch(net, who, **{f"a{a}": bad for a in who[1:]})
        found_good = net.admin.registry.get(2).passed
        passed += found_good
        assert set(net.admin.seats.vouchers(2)) <= {who[0]}
        if found_good:
            with pytest.raises(Reverted, match="NotVouched"):
                knock(net, 2)
    assert passed
    assert ledger.verify(net.admin, net.receipts) == []


def test_what_vouched_is_forgotten_with_the_model_and_with_a_failed_audit() -> None:
    net, who = audited(1)
    epoch(net, who)
    assert net.admin.seats.vouchers(2) == who and net.admin.seats.grades([1, 2, 3]) == [8500] * 3
    net.clients[2].registry.change_model(2, "another")
    epoch(net, who, **{f"a{who[0]}": {2: result(2, 7000, 7000)}})
    assert net.admin.seats.vouchers(2) == who and net.admin.seats.grades([2]) == [7000]  # begun anew
    epoch(net, who, **{f"a{who[0]}": {2: result(2, 1000, 1000)}})
    assert net.admin.seats.vouchers(2) == [] and net.admin.seats.grades([2]) == [0]
    assert ledger.verify(net.admin, net.receipts) == []


def test_what_is_slashed_or_taken_out_vouches_for_nobody() -> None:
    net, who = audited(2)
    for _ in range(12):
        epoch(net, who)
    assert set(net.admin.seats.vouchers(2)) == set(who) and net.admin.seats.vouched(2)
    net.clients[who[0]].stake.unstake(who[0], 100 * KLP)
    assert not net.admin.seats.vouched(2)  # half of what may be drawn in this epoch
    epoch(net, who[1:])
    assert net.admin.seats.vouched(2)  # all of it
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_better_one_takes_the_seat_of_who_is_heard_more_if_it_is_heard_enough() -> None:
    net, who = audited(1)
    better = {1: result(1), 2: result(2, 7000, 7000), 3: result(3, 9000, 9000)}
    for _ in range(3):
        epoch(net, who, **{f"a{who[0]}": better})
    knock(net, 2)
    heard = {id: net.admin.registry.get(id).utility for id in (2, 3)}
    assert 0 < heard[3] < heard[2] / 10
    with pytest.raises(Reverted, match="NotHeardEnough"):
        knock(net, 3, 2)  # a tenth at least
    net.admin.seats.propose(SeatTerms(heard_bps=0))
    epoch(net, who, **{f"a{who[0]}": better})
    knock(net, 3, 2)
    assert net.admin.registry.get(2).standing is Standing.FRINGE
    with pytest.raises(Reverted, match="NotHeardEnough"):
        epoch(net, who, **{f"a{who[0]}": {2: result(2), 3: result(3, 9000, 8300)}})
        knock(net, 1, 3)
    assert ledger.verify(net.admin, net.receipts) == []


def test_terms_are_the_owner_s_in_their_ranges_from_the_next_epoch_on() -> None:
    net, _ = audited(1)
    with pytest.raises(Reverted, match="only the owner"):
        net.clients[1].seats.propose(SeatTerms())
    for wrong in (
        {"vouched_bps": 10_000}, {"enough": 0}, {"enough": 65}, {"better_bps": 0}, {"better_bps": 10_002},
        {"heard_bps": 10_001}, {"fault_fewest": 0}, {"fault_bps": 10_001}, {"fault_span": 0}, {"fault_span": 1001},
        {"fault_most": 25},
    ):  # fmt: skip
        with pytest.raises(Reverted, match="TermOutOfRange"):
            net.admin.seats.propose(SeatTerms(**wrong))
    net.admin.seats.propose(SeatTerms(vouched_bps=0))
    assert net.admin.seats.current() == SeatTerms()
    net.advance()
    net.advance()
    assert net.admin.seats.current() == SeatTerms(vouched_bps=0) and net.admin.seats.vouched(2)
    assert ledger.verify(net.admin, net.receipts) == []


def test_nobody_but_the_audits_tells_outcomes() -> None:
    net, _ = audited(1)
    with pytest.raises(Reverted, match="OnlyAudits"):
        net.admin.seats._write("onJudged", 2, True, True, 9000, [4])


def bad_sits(seats: int, enough: int, bribed: Fraction) -> float:
    """How likely auditors with that part of a stake of very many seat a bad neuron ever: it is drawn again and again,
    begins anew where it fails, and is silent where it fails twice in a row."""
    drawn = [comb(seats, k) * bribed**k * (1 - bribed) ** (seats - k) for k in range(seats + 1)]
    passes = range(seats // 2 + 1, seats + 1)
    reached = [Fraction(1)] * (enough + seats + 1)  # from so many who vouch, without a failed audit
    for k in reversed(range(enough)):
        reached[k] = sum((drawn[v] * reached[k + v] for v in passes), Fraction(0))
    first = sum((drawn[v] * reached[v] for v in passes), Fraction(0))
    later = sum((drawn[v] * (1 - reached[v]) for v in passes), Fraction(0))
    after = first / (1 - later)
    return float(reached[0] + (1 - reached[0]) * after)


def test_so_many_auditors_are_enough_where_nobody_can_ask_all() -> None:
    """The figures of docs/audit.md, of a network with so many auditors that none is drawn twice."""
    forty = Fraction(2, 5)
    assert [f"{bad_sits(n, 48, forty):.0e}" for n in (3, 7, 16)] == ["3e-10", "3e-06", "8e-05"]


def test_the_second_implementation_keeps_no_more_than_the_contract() -> None:
    many = tuple(range(1, 65))
    assert recorded(Record(5000, many), True, False, 5003, (65, 66)) == Record(5000, many)
