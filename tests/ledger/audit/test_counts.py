"""What an auditor says is what it counted: the contract makes the score, and nobody can claim to be less sure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, TINY, Net, Role, embedded, result
from scipy.stats import binomtest

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Answered, AuditTerms, Counts, Result, Transcript
from klopf.ledger._parameters import task_id
from klopf.ledger.audit import _reference as ref

MOST = ref.MOST


def by_contract(net: Net, c: Counts) -> ledger.Score:
    row = (task_id("accuracy"), c.asked, c.sum, c.squares, c.root)
    return ledger.Score(*net.admin.audits._read("scoreOf", row)[1:])


def test_the_contract_and_the_reference_make_the_same_score(net: Net) -> None:
    """Also of what nobody can have counted: both refuse it."""

    @settings(max_examples=300, deadline=None)
    @given(
        st.integers(0, 65_535),
        st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(10**9), 10**9)),
        st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 10**15)),
    )
    def anything(asked: int, sum: int, squares: int) -> None:
        c = Counts(asked, sum, squares)
        if ref.possible(asked, sum, squares):
            assert by_contract(net, c) == c.score
        else:
            with pytest.raises(Reverted, match="OutOfRange"):
                by_contract(net, c)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.one_of(st.sampled_from([0, 10_000]), st.integers(-MOST, MOST)), min_size=1, max_size=300))
    def counted(each: list[int]) -> None:
        c = Counts(len(each), sum(each), sum(s * s for s in each))
        assert ref.possible(c.asked, c.sum, c.squares)
        assert by_contract(net, c) == c.score

    anything()
    counted()


@given(st.integers(1, 2_000), st.floats(0, 1))
def test_of_rights_and_wrongs_it_is_wilsons_interval(asked: int, part: float) -> None:
    right = round(part * asked)
    score = Counts(asked, 10_000 * right, 10_000**2 * right).score
    wilson = binomtest(right, asked).proportion_ci(0.95, method="wilson")
    assert abs(score.value - 10_000 * right / asked) <= 0.5
    # to the unit: rounded outward, and 1.96 stands for 1.959964
    assert -1.3 < score.low - 10_000 * wilson.low < 1
    assert -1 < score.high - 10_000 * wilson.high < 1.3


@given(st.lists(st.integers(-MOST, MOST), min_size=1, max_size=50))
def test_a_score_lies_in_its_interval_and_is_never_certain(each: list[int]) -> None:
    score = Counts(len(each), sum(each), sum(s * s for s in each)).score
    assert 0 <= score.low <= score.value <= score.high <= 10_000
    mean = sum(each) / len(each)
    assert score.low < score.high or not 0 < mean < 10_000


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Coins and evenly spread scores, 120 of each, 4,000 times: 95 % within three."""
    rng = np.random.default_rng(7)
    for draw, truth in (
        (lambda: 10_000 * (rng.random(120) < 0.8), 8_000),
        (lambda: rng.integers(2_000, 8_001, 120), 5_000),
        (lambda: rng.normal(6_000, 9_000, 120), 6_000),
    ):
        hits = 0
        for _ in range(4_000):
            each = [int(s) for s in draw()]
            s = Counts(120, sum(each), sum(x * x for x in each)).score
            hits += s.low <= truth <= s.high
        assert 0.93 <= hits / 4_000 <= 0.98  # what varies less than a coin is held a little more often


def test_a_score_stands_for_the_counts_that_are_likeliest() -> None:
    for said in (
        ledger.Score(9_000, 8_800, 9_200),
        ledger.Score(5_000, 4_000, 6_000),
        ledger.Score(7_000, 6_990, 7_010),
    ):
        made = Counts.likeliest(said)
        assert ref.possible(made.asked, made.sum, made.squares)
        assert made.score.value == said.value
        assert made.score.high - made.score.low == pytest.approx(said.high - said.low, rel=0.03, abs=4)


def single() -> tuple[Net, int, int]:
    net = embedded(replace(TINY, audit_seats=1, audit_quorum=1))
    neuron, auditor = net.join(Role.NEURON), net.join(Role.AUDITOR)
    net.admin.clock.start()
    return net, neuron, auditor


@pytest.mark.parametrize(
    "counts",
    [
        Counts(19, 190_000, 1_900_000_000),  # too few questions
        Counts(10_001, 0, 0),  # too many
        Counts(0, 0, 0),
        Counts(120, 10_000 * 121, 10_000 * 10_000 * 100),  # more than the squares allow
        Counts(120, 10_000, 0),
        Counts(120, 0, 120 * MOST**2 + 1),
        Counts(120, 120 * (MOST + 1), 120 * (MOST + 1) ** 2),
    ],
)
def test_what_cannot_have_been_counted_is_refused(counts: Counts) -> None:
    net, neuron, auditor = single()
    results = [Result(neuron, {"accuracy": counts})]
    net.clients[auditor].audits.commit(auditor, results, bytes(32))
    net.advance()
    with pytest.raises(Reverted, match="OutOfRange"):
        net.clients[auditor].audits.reveal(auditor, results, bytes(32))


def test_no_counts_at_all_give_an_interval_of_everything_that_weighs_as_one() -> None:
    """The widest that can be counted: a liar is held to a tenth all the same."""
    wide = Counts(120, 0, 120 * MOST**2)
    assert (wide.score.low, wide.score.high) == (0, 10_000)
    net = embedded(replace(TINY, audit_seats=3, audit_quorum=2))
    neuron = net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    net.admin.clock.start()
    lie = Result(neuron, {"accuracy": wide, "robustness": wide})
    net.epoch({}, scores={a: {neuron: lie if a == auditors[2] else result(neuron)} for a in auditors})
    assert [net.admin.stake.account(a).slashed // KLP for a in auditors] == [0, 0, 20]
    assert ledger.verify(net.admin, net.receipts) == []


def test_terms_change_from_the_next_epoch_on_and_belong_to_the_owner_of_the_rules() -> None:
    net, neuron, auditor = single()
    with pytest.raises(Reverted, match="OwnableUnauthorizedAccount"):
        net.clients[neuron].audit_terms.propose(AuditTerms())
    for wrong in (
        {"fewest": 0}, {"fewest": 10_001, "most": 10_001}, {"fewest": 9, "most": 8}, {"challenge_seconds": 0},
        {"challenge_seconds": 15 * 24 * 3600 + 1}, {"deposit": 0}, {"deposit": 10**24 + 1},
    ):  # fmt: skip
        with pytest.raises(Reverted, match="TermOutOfRange"):
            net.admin.audit_terms.propose(AuditTerms(**wrong))
    net.admin.audit_terms.propose(AuditTerms(fewest=500))
    net.admin.audit_terms.propose(AuditTerms(fewest=200))
    assert net.admin.audit_terms.current() == AuditTerms()
    net.epoch({}, scores={auditor: {neuron: result(neuron)}})
    assert net.admin.audit_terms.current() == AuditTerms(fewest=200)
    found = [Result(neuron, {"accuracy": Counts(199, 0, 0)})]
    net.clients[auditor].audits.commit(auditor, found, bytes(32))
    net.advance()
    with pytest.raises(Reverted, match="OutOfRange"):
        net.clients[auditor].audits.reveal(auditor, found, bytes(32))
    net.advance()
    assert ledger.verify(net.admin, net.receipts) == []


@given(st.lists(st.integers(-MOST, MOST), min_size=1, max_size=40), st.data())
def test_every_question_of_a_transcript_leads_to_its_root(each: list[int], data: st.DataObject) -> None:
    made = Transcript([Answered(bytes([i]) * 32, bytes(32), 0, s) for i, s in enumerate(each)])
    assert made.counts.asked == len(each)
    assert (made.counts.sum, made.counts.squares) == (sum(each), sum(s * s for s in each))
    place = data.draw(st.integers(0, len(each) - 1))
    node, passed, left = made.answered[place].node, 0, 0
    at, level = place, len(each)
    for beside in made.proof(place):
        while level > 1 and at ^ 1 >= level:
            at, level = at // 2, (level + 1) // 2
        if at % 2:
            node, left = beside + node, left + beside.asked
        else:
            node = node + beside
        at, level, passed = at // 2, (level + 1) // 2, passed + 1
    assert (node.hash, node.asked, left) == (made.counts.root, len(each), place)
