"""A neuron that signs two contrary answers to one question is slashed, and nobody gains by being slashed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

import pytest
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf import chain, ledger
from klopf.errors import Reverted
from klopf.ledger._deployment import USUAL
from klopf.ledger.evidence import Challenges, Said, Statement, answer_hash, contrary

MODEL = b"\7" * 32
QUESTION = sha256(b"question").digest()
RIGHT, WRONG = (900_000, 100_000), (100_000, 900_000)


@dataclass
class Case:
    """A neuron and two auditors in the first epoch; whoever brings what it signed is the neuron's rival."""

    net: Net
    neuron: int
    auditors: tuple[int, int]
    rival: int

    def at(self, id: int) -> Challenges:
        return self.net.clients[id].client(Challenges)

    def said(self, values, number=0, key=None, question=QUESTION, **other) -> Statement:
        """What the neuron said to an auditor among other things, signed."""
        others = [(sha256(b"%d" % i).digest(), sha256(b"other").digest()) for i in range(4)]
        pairs = (*others, (question, answer_hash(values)))
        said = replace(Said(1, self.neuron, self.auditors[number], MODEL, pairs), **other)
        signature = self.net.clients[key or self.neuron].me.sign(said.digest(self.at(self.rival).domain))
        return Statement(said, signature, 4, values)

    def balance(self, id: int) -> int:
        return self.net.admin.token.balance(self.net.clients[id].me.address)

    def slashed(self) -> int:
        return self.net.admin.stake.account(self.neuron).slashed // KLP


def case(tmp_path) -> Case:
    path = str(tmp_path / "chain.db")
    chain.create(path, chain_id=1337, dev=True).close()
    rules = replace(TINY, audit_seats=1, audit_quorum=1)
    made = ledger.deploy(path, secret(0), rules, packs=(*USUAL, "evidence"))
    net = Net(ledger.connect(path, secret(0), made), lambda seconds: None)
    net.pass_time = lambda seconds: net.admin.rpc.request("evm_increaseTime", hex(seconds))
    neuron, one, other = net.join(Role.NEURON), net.join(Role.AUDITOR), net.join(Role.AUDITOR)
    rival = net.join(Role.REQUESTER)
    net.admin.clock.start()
    return Case(net, neuron, (one, other), rival)


def verified(c: Case) -> None:
    assert [str(d) for d in ledger.verify(c.net.admin, c.net.receipts)] == []


@pytest.mark.parametrize("second", [0, 1])
def test_two_contrary_answers_cost_stake_of_which_most_is_burnt(tmp_path, second) -> None:
    """To one auditor or to two; by whomever it is brought, the reward is the auditor's to whom the first was said."""
    c = case(tmp_path)
    before, burnt = c.balance(c.auditors[0]), c.net.admin.token.burnt()
    treasury = c.net.admin.token.balance(c.net.admin.deployment.treasury)
    c.at(c.rival).contradict(c.said(RIGHT), c.said(WRONG, second))
    assert c.slashed() == 40
    assert c.balance(c.auditors[0]) == before + 10 * KLP
    assert c.net.admin.token.burnt() == burnt + 30 * KLP
    assert c.net.admin.token.balance(c.net.admin.deployment.treasury) == treasury
    verified(c)


def test_once_an_epoch_whatever_else_is_shown_and_in_whatever_order(tmp_path) -> None:
    c = case(tmp_path)
    c.at(c.rival).contradict(c.said(RIGHT), c.said(WRONG))
    other = sha256(b"another question").digest()
    for first, second in (
        (c.said(RIGHT), c.said(WRONG)),
        (c.said(WRONG), c.said(RIGHT)),
        (c.said(RIGHT, 1), c.said(WRONG, 0)),
        (c.said(RIGHT, question=other), c.said(WRONG, question=other)),
        (c.said(RIGHT, model=bytes(32)), c.said(WRONG, model=bytes(32))),
    ):
        with pytest.raises(Reverted, match="AlreadyContradicted"):
            c.at(c.auditors[1]).contradict(first, second)
    assert c.slashed() == 40 and c.at(c.rival).contradicted(1, c.neuron)


def test_what_rounding_explains_is_no_contradiction(tmp_path) -> None:
    c = case(tmp_path)
    for first, second in (
        (RIGHT, RIGHT),
        (RIGHT, (900_001, 99_999)),
        (RIGHT, (891_000, 109_000)),  # within a hundredth, and a hundredth of the larger
        ((500_001, 499_999), (499_999, 500_001)),  # another class decides, by a hair
        ((10**12,), (10**12 + 10**10,)),
        ((-4_000,), (5_000,)),
        ((), ()),
    ):
        assert not contrary(first, second)
        with pytest.raises(Reverted, match="NoContradiction"):
            c.at(c.rival).contradict(c.said(first), c.said(second, 1))
    assert c.slashed() == 0


@pytest.mark.parametrize(
    "pair",
    [((10**12,), (10**12 + 2 * 10**10,)), ((-6_000,), (6_000,)), ((1,), (1, 1)), ((-(2**255),), (2**255 - 1,))],
)
def test_what_rounding_does_not_explain_is_one(tmp_path, pair) -> None:
    c = case(tmp_path)
    assert contrary(*pair)
    c.at(c.rival).contradict(c.said(pair[0]), c.said(pair[1]))
    assert c.slashed() == 40
    verified(c)


def test_what_the_neuron_did_not_sign_of_this_question_epoch_and_model_is_no_proof(tmp_path) -> None:
    c = case(tmp_path)
    right, wrong = c.said(RIGHT), c.said(WRONG)
    for other in (
        c.said(WRONG, key=c.rival),  # somebody else's signature
        c.said(WRONG, neuron=c.rival),
        c.said(WRONG, epoch=2),
        c.said(WRONG, model=b"\1" * 32),
        c.said(WRONG, auditor=c.rival),  # said to nobody who audits
        c.said(WRONG, question=sha256(b"another").digest()),
        replace(wrong, values=(100_001, 899_999)),  # not what was signed
        replace(wrong, signature=wrong.signature[:-1]),
        replace(wrong, signature=right.signature),
    ):
        for pair in ((right, other), (replace(other, said=replace(other.said, epoch=1)), right)):
            with pytest.raises(Reverted, match="NotSigned"):
                c.at(c.rival).contradict(*pair)
    assert c.slashed() == 0


def test_what_was_signed_for_another_network_or_another_purpose_is_no_proof(tmp_path) -> None:
    c = case(tmp_path)
    right, wrong = c.said(RIGHT), c.said(WRONG)
    domain, key = c.at(c.rival).domain, c.net.clients[c.neuron].me
    for elsewhere in (
        replace(domain, chain_id=domain.chain_id + 1),
        replace(domain, contract=c.net.admin.registry.address),
        c.net.admin.domain,
    ):
        with pytest.raises(Reverted, match="NotSigned"):
            c.at(c.rival).contradict(right, replace(wrong, signature=key.sign(wrong.said.digest(elsewhere))))
    assert c.slashed() == 0


def test_it_is_shown_in_its_epoch_or_the_next_and_a_key_of_before_answers_for_its_epochs(tmp_path) -> None:
    c = case(tmp_path)
    ahead = c.said(RIGHT, epoch=2), c.said(WRONG, epoch=2)
    with pytest.raises(Reverted, match="NotLately"):
        c.at(c.rival).contradict(*ahead)
    c.net.clients[c.neuron].stake.unstake(c.neuron, 60 * KLP)
    c.net.clients[c.neuron].registry.rotate_key(c.neuron, ledger.keys.new())
    pair = c.said(RIGHT), c.said(WRONG)
    c.net.advance()
    c.net.advance()
    c.at(c.rival).contradict(*pair)
    assert c.slashed() == 40  # of what is at stake and of what thaws
    with pytest.raises(Reverted, match="NotSigned"):  # the key of before signs for no later epoch
        c.at(c.rival).contradict(*ahead)
    c.net.advance()
    c.net.advance()
    with pytest.raises(Reverted, match="NotLately"):
        c.at(c.rival).contradict(c.said(RIGHT), c.said(WRONG))


def test_a_neuron_that_is_its_own_auditor_and_reporter_loses_most_of_what_is_taken(tmp_path) -> None:
    """It brings the proof itself, before others, and names an auditor of its own: that saves a quarter."""
    c = case(tmp_path)
    mine = (c.neuron, c.auditors[1])
    before = sum(c.balance(id) for id in mine)
    c.at(c.neuron).contradict(c.said(RIGHT, 1), c.said(WRONG, 1))
    assert sum(c.balance(id) for id in mine) - before == 10 * KLP
    assert c.slashed() == 40
    with pytest.raises(Reverted, match="AlreadyContradicted"):
        c.at(c.rival).contradict(c.said(RIGHT), c.said(WRONG))
