"""The rule is real: a bug planted in any function of ``klopf.neuron`` fails a test of each who calls it here."""

import re
from pathlib import Path

import pytest

from klopf import neuron
from klopf.neuron import Standing
from tests.peers import test_listening as listening
from tests.peers import test_seat as seat
from tests.peers.tasks import test_numbers as numbers

PEERS = Path(__file__).parents[2] / "src/klopf/peers"

BACKBONE, FRINGE = lambda *_, **__: Standing.BACKBONE, lambda *_, **__: Standing.FRINGE
step_size, judged = (
    listening.test_the_step_size_of_a_newcomer_is_the_smallest_and_that_of_the_well_heard_grows_to_the_largest,
    listening.test_a_neighbour_is_judged_by_what_it_is_heard_on_average_however_young,
)
contested = seat.test_where_all_are_taken_it_asks_for_that_of_the_least_heard
good, poor = seat.test_a_good_record_earns_a_free_seat, seat.test_a_record_that_is_not_good_enough_earns_none
knocks = seat.test_a_neuron_knocks_for_the_seat_that_it_earns

BUGS = [
    # who calls it, the function, what is wrong with it, the test that must fail
    ("_listening", "updated_utility", lambda u, a, l, d: u, judged),
    ("_listening", "updated_utility", lambda u, a, l, d: d * u + (1 - d) * a * l, judged),
    ("_listening", "updated_utility", lambda u, a, l, d: u + (1 - d) * abs(a) * l, judged),
    ("_listening", "corrected_utility", lambda u, age, d: u, judged),
    ("_listening", "corrected_utility", lambda u, age, d: 0.0, judged),
    ("_listening", "fair_share", lambda n: 0.0, step_size),
    ("_listening", "fair_share", lambda n: 1.0, step_size),
    ("_listening", "admitted_step_size", lambda age, u, fair, small, large, m: large, step_size),
    ("_listening", "admitted_step_size", lambda age, u, fair, small, large, m: small, step_size),
    ("_listening", "is_mature", lambda age, m: True, step_size),
    ("_listening", "is_mature", lambda age, m: age >= m, step_size),
    ("_seat", "is_mature", lambda age, m: True, poor),
    ("_seat", "is_mature", lambda age, m: age >= m, poor),
    ("_seat", "is_mature", lambda age, m: False, good),
    ("_seat", "next_standing", BACKBONE, poor),
    ("_seat", "next_standing", FRINGE, good),
    ("_seat", "next_standing", BACKBONE, seat.test_an_incumbent_is_protected_by_the_margin),
    ("_seat", "contested_seat", lambda seated, seats: -1, contested),
    ("_seat", "contested_seat", lambda seated, seats: 0, contested),
    ("_seat", "least_heard", lambda u, mature: 0, contested),
    ("_seat", "least_heard", lambda u, mature: int(max(range(len(u)), key=lambda i: u[i])),
     contested),
    ("_neuron", "next_standing", BACKBONE, knocks),
    ("_neuron", "next_standing", FRINGE, knocks),
    ("_neuron", "least_heard", lambda u, mature: 0, knocks),
    ("numbers", "is_mature", lambda age, m: True, numbers.test_the_young_are_heard_a_tenth_until_they_are_mature),
    ("numbers", "is_mature", lambda age, m: age >= m, numbers.test_the_young_are_heard_a_tenth_until_they_are_mature),
    ("numbers", "is_mature", lambda age, m: False, numbers.test_the_young_are_heard_a_tenth_until_they_are_mature),
]  # fmt: skip


@pytest.mark.parametrize(("caller", "function", "bug", "test"), BUGS, ids=lambda p: getattr(p, "__name__", str(p)))
def test_a_bug_in_the_rule_fails_a_test_of_its_caller(caller, function, bug, test, monkeypatch):
    test()
    monkeypatch.setattr(neuron, function, bug)
    with pytest.raises(AssertionError):
        test()


def test_every_function_that_is_called_here_has_a_bug_planted():
    called = {
        (path.stem, name)
        for path in PEERS.rglob("*.py")
        for name in re.findall(r"\bneuron\.([a-z_]+)\(", path.read_text())
        if name in neuron.__all__
    }
    assert called and called <= {(caller, function) for caller, function, *_ in BUGS}


def test_nobody_here_writes_the_rule_anew():
    """Ages are compared with a maturity, and utilities with a margin, in ``klopf.neuron`` only."""
    for path in PEERS.rglob("*.py"):
        assert not re.search(r"age\s*[<>]=?\s*\S*maturity|\*\s*\(1(\.0)? \+ \S*margin", path.read_text()), path


HONEST = [*PEERS.rglob("*.py"), *(PEERS.parent / "audit").rglob("*.py")]


def test_honest_code_knows_no_adversary():
    words = re.compile(
        r"perjur|litigant|\bliar|free.?rid|inflat|collu|favour|quarrel|dishonest|adversar", re.IGNORECASE
    )
    for path in HONEST:
        assert not (found := words.search(path.read_text())), f"{path} knows {found.group()!r}"
