"""What is held back while little is known of a listener is paid a day later, where nothing changes."""

from __future__ import annotations

import random

import pytest
from ledger_helpers import embedded

from klopf import ledger
from klopf.ledger.market._news import DAY, FEW, Reach, Usual, held_back
from tests.ledger.market.test_news import ALL, Crowd, crowd, told


def test_of_a_first_day_that_was_still_the_rest_is_paid_by_hand() -> None:
    still, moving = Usual(skill=300), Usual(skill=900)
    known = Reach(first=3)
    assert [known.rest(still, 9_000, epoch) for epoch in (DAY, DAY + 1, DAY + 26, DAY + 27)] == [0, 9_000, 9_000, 0]
    assert known.rest(Usual(skill=450), 9_000, DAY + 3) == 6_750
    assert known.rest(moving, 10_000, DAY + 3) == 0  # who moves can be told apart
    assert held_back(1_000, 10_000, 10_000) == held_back(1_000, 0, 0) == 0
    assert held_back(1_000, 4_000, 9_000) == 540
    assert held_back(999, 3_333, 10_000) + 999 * 3_333 // 10_000 == 999  # never more than there was


@pytest.mark.parametrize("listen", ["honest", "loud", "silent"])
def test_who_listens_is_paid_what_chance_held_back_and_who_does_not_is_not(listen: str) -> None:
    def says(stage: Crowd, said):  # type: ignore[no-untyped-def]
        return said if listen == "honest" else said * stage.rng.choice([0.5, 1.5], 20)

    def half(stage: Crowd, said):  # type: ignore[no-untyped-def]
        said[10:] = 0
        return said

    stage = Crowd(1, moves=0.0)
    stage.epochs(DAY + 2, half if listen == "silent" else says)
    rests = [stage.newsroom.posted(DAY + 3, i, 100, ALL, 1_000_000, False)[1] for i in range(9)]
    assert min(rests[:8]) == 10_000
    assert rests[8] == (10_000 if listen == "honest" else 0)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_contract_pays_the_rest_as_the_second_implementation_does() -> None:
    """Ten neurons, one of which listens to nobody, in a network where nothing changes, until a day later."""
    net, rng = embedded(), random.Random(5)
    ids = crowd(net, FEW + 2)
    useful = {i: rng.uniform(0.7, 1.3) for i in ids}
    for _ in range(DAY + 5):
        weights = told(net, ids, useful, rng)
        weights[ids[1]] = {}
        last = net.epoch(weights)
    settlement, found = net.admin.settlement, []
    said = [e for e in ledger.history(net.admin) if isinstance(e, ledger.events.settlement.Collected)]
    paid = {(e.epoch, e.id): e.emitted for e in said}
    for epoch in range(DAY + 1, last + 1):
        for id in ids:
            before, now = settlement.epoch(epoch - DAY), settlement.epoch(epoch)
            was = before.pool * settlement.column(epoch - DAY, id).rank // before.rank
            due = now.pool * settlement.column(epoch, id).rank // now.rank * settlement.news(epoch, id) // 10_000
            rest = held_back(was, settlement.news(epoch - DAY, id), settlement.rest(epoch, id))
            assert paid[epoch, id] == due + rest
            found.append((id, rest))
    assert max(rest for _, rest in found) > 0
    assert {rest for id, rest in found if id == ids[1]} == {0}
    assert ledger.verify(net.admin, net.receipts) == []
