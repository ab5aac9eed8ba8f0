"""Whoever cannot show an answer that the beacon drew loses stake; whoever can loses nothing, whoever accuses it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP, TINY, Role, secret

from klopf import chain
from klopf.errors import Reverted
from klopf.ledger import CaseTerms, add_pack, connect
from klopf.ledger._deployment import USUAL, deploy
from klopf.ledger.proof import CaseTerms as TermsOf
from klopf.ledger.proof import State
from klopf.ledger.proof.cases import is_drawn
from tests.ledger.proof.trials import MODEL, OTHER, TERMS, VALUES, asked, question, trial

SHOWN = b"\1" * 32


def test_what_is_not_shown_in_time_costs_half_of_the_stake_and_a_quarter_of_that_is_the_finders(tmp_path) -> None:
    t = trial(tmp_path)
    id = t.opened()
    before, burnt = t.balance(t.requester), t.net.admin.token.burnt()
    with pytest.raises(Reverted, match="NotDue"):
        t.cases.close(id)
    t.net.pass_time(TERMS.answer_seconds)
    with pytest.raises(Reverted, match="TooLate"):
        t.at(t.neuron).answer([id], SHOWN)
    t.cases.close(id)
    assert t.slashed(t.neuron) == 500 and t.cases.get(id).state is State.DEFAULTED
    assert t.balance(t.requester) == before + KLP + 125 * KLP
    assert t.net.admin.token.burnt() == burnt + 375 * KLP and t.held() == 0
    with pytest.raises(Reverted, match="WrongState"):
        t.cases.close(id)
    t.verified()


def test_what_is_shown_and_not_disputed_stands_and_the_deposit_is_the_neurons(tmp_path) -> None:
    t = trial(tmp_path)
    id = t.opened()
    before = t.balance(t.neuron)
    t.at(t.neuron).answer([id], SHOWN)
    with pytest.raises(Reverted, match="NotDue"):
        t.cases.close(id)
    t.net.pass_time(TERMS.judge_seconds)
    with pytest.raises(Reverted, match="TooLate"):
        t.at(t.requester).dispute(id)
    t.cases.close(id)
    assert (t.slashed(t.neuron), t.balance(t.neuron), t.held()) == (0, before + KLP, 0)
    assert t.cases.get(id).state is State.STOOD
    t.verified()


def test_more_than_half_of_all_audit_stake_convicts_and_shares_by_what_it_staked(tmp_path) -> None:
    t = trial(tmp_path)
    id = t.disputed()
    small, other, *_, large = t.auditors
    t.at(small).vote(id, small, against=True)
    t.at(large).vote(id, large, against=True)
    t.at(other).vote(id, other, against=False)
    before = t.balance(t.requester)
    t.net.pass_time(TERMS.judge_seconds)
    with pytest.raises(Reverted, match="TooLate"):
        t.at(t.auditors[2]).vote(id, t.auditors[2], against=True)
    t.cases.close(id)
    assert t.slashed(t.neuron) == 500
    # the deposit, the bond, and half of the quarter of what was taken
    assert t.balance(t.requester) == before + 11 * KLP + 125 * KLP // 2
    paid = [t.balance(one) for one in (small, large)]
    for one in (small, large):
        t.cases.collect(id, one)
    got = [t.balance(one) - then for one, then in zip((small, large), paid, strict=True)]
    assert got == [125 * KLP // 10, 50 * KLP] and t.held() == 0
    for one in (small, other):
        with pytest.raises(Reverted, match="NothingDue"):
            t.cases.collect(id, one)
    t.cases.punish(id, other)
    assert t.slashed(other) == 5
    for one in (small, other, t.auditors[2]):
        with pytest.raises(Reverted, match="NothingDue"):
            t.cases.punish(id, one)
    t.verified()


def test_half_of_all_audit_stake_convicts_nobody(tmp_path) -> None:
    """Nor does it punish who voted so: there was no majority against them either."""
    t = trial(tmp_path)
    id = t.disputed()
    large, before = t.auditors[-1], t.balance(t.neuron)
    t.at(large).vote(id, large, against=True)
    t.net.pass_time(TERMS.judge_seconds)
    t.cases.close(id)
    assert t.cases.get(id).state is State.ACQUITTED and t.slashed(t.neuron) == 0
    assert t.balance(t.neuron) == before + 11 * KLP and t.held() == 0  # nobody voted for it: all of it
    for call in (t.cases.punish, t.cases.collect):
        with pytest.raises(Reverted, match="NothingDue"):
            call(id, large)
    t.verified()


def test_who_accuses_wrongly_pays_and_who_votes_wrongly_too(tmp_path) -> None:
    t = trial(tmp_path)
    id = t.disputed()
    small, other, *_, large = t.auditors
    t.at(large).vote(id, large, against=False)
    t.at(small).vote(id, small, against=False)
    t.at(other).vote(id, other, against=True)
    before, owner, lost = t.balance(large), t.balance(t.neuron), t.balance(t.requester)
    t.net.pass_time(TERMS.judge_seconds)
    t.cases.close(id)
    assert t.balance(t.neuron) == owner + 6 * KLP  # the deposit and half of the bond
    t.cases.collect(id, large)
    t.cases.collect(id, small)
    assert t.balance(large) == before + 4 * KLP and t.balance(t.requester) == lost and t.held() == 0
    t.cases.punish(id, other)
    assert t.slashed(other) == 5 and t.slashed(t.neuron) == 0
    t.verified()


def test_accusing_oneself_does_not_pay(tmp_path) -> None:
    """Opened by the neuron's own key: shown, it has its deposit back; not shown, it has a quarter of what it loses."""
    t = trial(tmp_path)
    t.at(t.neuron).pledge(t.neuron, MODEL)
    t.epochs(1)
    epoch = t.now()
    t.epochs(2)
    before = t.balance(t.neuron)
    for number in (0, 1):
        t.at(t.neuron).open(t.said(epoch, number), asked(number))
    t.at(t.neuron).answer([t.id(epoch, 0)], SHOWN)
    t.net.pass_time(TERMS.judge_seconds)
    for number in (0, 1):
        t.cases.close(t.id(epoch, number))
    assert t.balance(t.neuron) - before == 125 * KLP and t.slashed(t.neuron) == 500
    t.verified()


def test_only_what_was_pledged_signed_and_drawn_and_only_in_time(tmp_path) -> None:
    t = trial(tmp_path)
    own, open_ = t.at(t.neuron), t.at(t.requester).open
    before = t.now()
    own.pledge(t.neuron, MODEL)
    with pytest.raises(Reverted, match="StillPledged"):
        own.pledge(t.neuron, MODEL)
    t.epochs(1)
    epoch = t.now()
    for ahead in (0, 1):  # the beacon's values for the draw are shown when the epoch is over
        with pytest.raises(Reverted, match="NotNow"):
            open_(t.said(epoch), asked(0))
        with pytest.raises(Reverted, match="NotNow"):
            t.cases.drawn(t.said(epoch))
        t.epochs(1)
        assert t.now() == epoch + ahead + 1
    with pytest.raises(Reverted, match="NotPledged"):
        open_(t.said(before), asked(0))
    with pytest.raises(Reverted, match="NotPledged"):
        open_(t.said(epoch, model=OTHER), asked(0))
    for wrong in (
        replace(t.said(epoch), values=(1, 2)),
        replace(t.said(epoch), signature=t.said(epoch + 1).signature),
        replace(t.said(epoch), said=replace(t.said(epoch).said, auditor=t.requester)),
    ):
        with pytest.raises(Reverted, match="NotSigned"):
            open_(wrong, asked(0))
    with pytest.raises(Reverted, match="NotSigned"):
        open_(t.said(epoch), asked(1))
    open_(t.said(epoch), asked(0))
    with pytest.raises(Reverted, match="AlreadyOpen"):
        t.at(t.auditors[0]).open(t.said(epoch), asked(0))
    t.epochs(1)
    open_(t.said(epoch, 1), asked(1))
    t.epochs(1)
    with pytest.raises(Reverted, match="NotNow"):
        open_(t.said(epoch, 2), asked(2))
    t.verified()


def test_a_pledge_that_ended_counts_for_what_was_said_before(tmp_path) -> None:
    """And nobody ends it and makes it again to wipe out what it said in between."""
    t = trial(tmp_path)
    own = t.at(t.neuron)
    with pytest.raises(Reverted, match="NotPledged"):
        own.end(t.neuron, MODEL)
    own.pledge(t.neuron, MODEL)
    t.epochs(1)
    epoch = t.now()
    own.end(t.neuron, MODEL)
    with pytest.raises(Reverted, match="NotPledged"):
        own.end(t.neuron, MODEL)
    for _ in range(3):
        with pytest.raises(Reverted, match="StillPledged"):
            own.pledge(t.neuron, MODEL)
        t.epochs(1)
    t.at(t.requester).open(t.said(epoch), asked(0))
    with pytest.raises(Reverted, match="NotPledged"):
        t.at(t.requester).open(t.said(epoch + 1), asked(0))
    t.epochs(1)
    own.pledge(t.neuron, MODEL)
    assert t.cases.pledge_of(t.neuron, MODEL).since == t.now() + 1
    t.verified()


def test_the_draw_is_the_beacons_and_its_rate(tmp_path) -> None:
    t = trial(tmp_path, replace(TERMS, rate=250_000))
    t.at(t.neuron).pledge(t.neuron, MODEL)
    t.epochs(1)
    epoch = t.now()
    t.epochs(2)
    seed = t.net.admin.clock.seed(epoch + 2)
    drawn = {number: t.cases.drawn(t.said(epoch, number)) for number in range(40)}
    assert drawn == {number: is_drawn(seed, t.id(epoch, number), 250_000) for number in range(40)}
    assert 2 <= sum(drawn.values()) <= 20
    for number in (min(n for n, yes in drawn.items() if yes), min(n for n, yes in drawn.items() if not yes)):
        if drawn[number]:
            t.at(t.requester).open(t.said(epoch, number), asked(number))
        else:
            with pytest.raises(Reverted, match="NotDrawn"):
                t.at(t.requester).open(t.said(epoch, number), asked(number))
    t.verified()


def test_who_may_do_what(tmp_path) -> None:
    t = trial(tmp_path)
    a, b = t.auditors[:2]
    with pytest.raises(Reverted):
        t.at(a).pledge(t.neuron, MODEL)
    id = t.opened()
    with pytest.raises(Reverted):
        t.at(a).answer([id], SHOWN)
    with pytest.raises(Reverted, match="WrongState"):
        t.at(a).dispute(id)
    t.at(t.neuron).answer([id], SHOWN)
    with pytest.raises(Reverted, match="WrongState"):
        t.at(t.neuron).answer([id], b"\2" * 32)
    with pytest.raises(Reverted, match="WrongState"):
        t.at(a).vote(id, a, against=True)
    t.at(a).dispute(id)
    with pytest.raises(Reverted):
        t.at(b).vote(id, a, against=True)
    for nobody in (t.neuron, t.requester):
        with pytest.raises(Reverted, match="NoAuditStake"):
            t.at(nobody).vote(id, nobody, against=True)
    t.at(a).vote(id, a, against=True)
    for again in (True, False):
        with pytest.raises(Reverted, match="AlreadyVoted"):
            t.at(a).vote(id, a, against=again)
    with pytest.raises(Reverted, match="WrongState"):
        t.cases.get(b"\3" * 32) and t.cases.close(b"\3" * 32)


def test_stake_that_came_after_the_dispute_does_not_vote(tmp_path) -> None:
    """Or somebody would buy a verdict: what all have was counted when it was disputed."""
    t = trial(tmp_path, replace(TERMS, judge_seconds=600))
    id = t.disputed()
    a = t.auditors[0]
    t.net.clients[a].stake.stake(a, 5_000 * KLP)
    newcomer = t.net.join(Role.AUDITOR, stake=5_000 * KLP)
    for _ in range(2):  # in the epoch of the dispute, and in the next
        with pytest.raises(Reverted, match="NoAuditStake"):
            t.at(newcomer).vote(id, newcomer, against=True)
        t.epochs(1)
    t.at(a).vote(id, a, against=True)
    assert t.cases.vote_of(id, a).weight == 100 * KLP and t.cases.get(id).all == 800 * KLP
    t.verified()


def test_stake_below_an_auditors_least_at_the_dispute_does_not_vote(tmp_path) -> None:
    """It is in nobody's count then: five who are a grain short, and come up to it later, would convict anybody."""
    t = trial(tmp_path, replace(TERMS, judge_seconds=600))
    least = t.net.admin.rules.current().auditor_stake
    late = [t.net.join(Role.AUDITOR, stake=least - 1) for _ in range(5)]
    id = t.disputed()
    assert t.cases.get(id).all == 800 * KLP
    for one in late:
        t.net.clients[one].stake.stake(one, 1)
    t.epochs(1)
    for one in late:
        with pytest.raises(Reverted, match="NoAuditStake"):
            t.at(one).vote(id, one, against=True)
    t.verified()


def test_stake_that_thaws_does_not_vote(tmp_path) -> None:
    t = trial(tmp_path)
    id = t.disputed()
    a = t.auditors[0]
    t.net.clients[a].stake.unstake(a, 100 * KLP)
    with pytest.raises(Reverted, match="NoAuditStake"):
        t.at(a).vote(id, a, against=True)
    t.verified()


def test_its_numbers_are_the_owners_and_reach_back_to_nothing(tmp_path) -> None:
    t = trial(tmp_path)
    id_terms = t.net.admin.client(TermsOf)
    assert id_terms.current() == TERMS
    t.at(t.neuron).pledge(t.neuron, MODEL)
    t.epochs(1)
    epoch = t.now()
    id_terms.propose(replace(TERMS, rate=0, slash_bps=0))
    with pytest.raises(Reverted):
        t.net.clients[t.requester].client(TermsOf).propose(TERMS)
    for wrong in (
        {"rate": 1_000_001}, {"answer_seconds": 0}, {"judge_seconds": 0}, {"slash_bps": 10_001}, {"wrong_bps": 10_001},
        {"deposit": 0}, {"bond": 0}, {"answer_seconds": 15 * 86_400 + 1}, {"deposit": 10**24 + 1},
    ):  # fmt: skip
        with pytest.raises(Reverted, match="TermOutOfRange"):
            id_terms.propose(replace(TERMS, **wrong))
    t.epochs(2)
    t.at(t.requester).open(t.said(epoch), asked(0))  # drawn by the rate of its epoch
    with pytest.raises(Reverted, match="NotDrawn"):
        t.epochs(1)
        t.at(t.requester).open(t.said(epoch + 1), asked(0))
    t.net.pass_time(TERMS.answer_seconds)
    t.cases.close(t.id(epoch))
    assert t.slashed(t.neuron) == 500
    t.verified()


def test_windows_are_no_longer_than_an_eighth_of_the_thaw(tmp_path) -> None:
    t = trial(tmp_path, CaseTerms())
    assert t.cases.windows(1) == (1000, 1000)


def test_a_network_whose_stake_does_not_know_it_is_told_at_once(tmp_path) -> None:
    """It would take nothing for it."""
    path = str(tmp_path / "chain.db")
    chain.create(path, chain_id=1337, dev=True).close()
    made = deploy(path, secret(0), TINY, packs=(*USUAL, "evidence"))
    with connect(path, secret(0), made) as book, pytest.raises(Reverted, match="NotKnownToStake"):
        add_pack(book, "proof")


def test_several_are_shown_at_once(tmp_path) -> None:
    t = trial(tmp_path)
    t.at(t.neuron).pledge(t.neuron, MODEL)
    t.epochs(1)
    epoch = t.now()
    t.epochs(2)
    ids = [t.id(epoch, number) for number in range(5)]
    for number in range(5):
        t.at(t.requester).open(t.said(epoch, number), asked(number))
    t.at(t.neuron).answer(ids, SHOWN)
    assert {t.cases.get(id).state for id in ids} == {State.ANSWERED}
    t.net.pass_time(TERMS.judge_seconds)
    for id in ids:
        t.cases.close(id)
    assert t.held() == 0 and t.slashed(t.neuron) == 0
    t.verified()


def test_an_answer_in_two_numbers_is_another_answer(tmp_path) -> None:
    t = trial(tmp_path)
    assert t.id(1) != t.id(1, values=VALUES[::-1]) != t.id(2) and question(0) != question(1)
