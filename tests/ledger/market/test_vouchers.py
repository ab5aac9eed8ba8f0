"""Requests that are paid: nobody takes back what it promised, no voucher is paid twice, and none elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP, TINY, Net, embedded, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Role, SignedVoucher, Voucher


@pytest.fixture
def net() -> Net:
    """Neurons 1 to 3, requester 4 with 40 KLP deposited, 10 of them reserved for each neuron."""
    made = embedded()
    for role in (Role.NEURON, Role.NEURON, Role.NEURON, Role.REQUESTER):
        made.join(role)
    vouchers = made.clients[4].vouchers
    vouchers.deposit(4, 40 * KLP)
    vouchers.reserve(4, dict.fromkeys((1, 2, 3), 10 * KLP))
    made.admin.clock.start()
    return made


def earned(net: Net, id: int) -> int:
    return net.admin.token.balance(net.clients[id].me.address) - 9_900 * KLP


def test_one_voucher_settles_any_number_of_answers_and_a_later_one_what_came_since(net: Net) -> None:
    sign = net.clients[4].vouchers.sign
    promised = [sign(4, 1, n * KLP // 100) for n in range(1, 301)]  # 300 answers
    net.clients[1].vouchers.redeem(1, promised[-1:])
    assert earned(net, 1) == 3 * KLP
    net.admin.vouchers.redeem(1, [sign(4, 1, 5 * KLP)])  # anybody may: it is paid to the neuron's owner
    assert earned(net, 1) == 5 * KLP
    assert net.admin.vouchers.reserved(4, 1) == ledger.Reserve(held=5 * KLP, redeemed=5 * KLP)
    assert ledger.verify(net.admin, []) == []


def test_replayed_and_lower_vouchers_are_worth_nothing(net: Net) -> None:
    sign = net.clients[4].vouchers.sign
    low, high = sign(4, 1, KLP), sign(4, 1, 2 * KLP)
    net.admin.vouchers.redeem(1, [high, high, low])
    assert earned(net, 1) == 2 * KLP
    for again in ([high], [low], [low, high]):
        with pytest.raises(Reverted, match="NothingDue"):
            net.admin.vouchers.redeem(1, again)
    assert earned(net, 1) == 2 * KLP


def test_no_neuron_can_take_what_is_reserved_for_another(net: Net) -> None:
    """A requester that promises each of many neurons all it has cannot spend it twice: each has its own."""
    sign = net.clients[4].vouchers.sign
    for neuron in (1, 2, 3):
        net.admin.vouchers.redeem(neuron, [sign(4, neuron, 40 * KLP)])
        assert earned(net, neuron) == 10 * KLP
    with pytest.raises(Reverted, match="FeesShort"):
        net.clients[4].vouchers.reserve(4, {1: 6 * KLP, 2: 6 * KLP})
    with pytest.raises(Reverted, match="WrongVoucher"):
        net.admin.vouchers.redeem(2, [sign(4, 1, 40 * KLP)])


def test_what_is_reserved_cannot_be_taken_back_before_it_has_thawed(net: Net) -> None:
    own = net.clients[4].vouchers
    with pytest.raises(Reverted, match="FeesShort"):
        own.withdraw(4, 11 * KLP)
    own.withdraw(4, 10 * KLP)
    promised = own.sign(4, 1, 7 * KLP)
    own.thaw(4, 1, 10 * KLP)
    with pytest.raises(Reverted, match="ReserveShort"):
        own.thaw(4, 1, 1)
    with pytest.raises(Reverted, match="NotThawed"):
        own.release(4, 1)
    assert net.admin.vouchers.reserved(4, 1).good_for == 0  # nobody answers for what thaws
    net.pass_time(TINY.thaw_seconds - 10)
    with pytest.raises(Reverted, match="NotThawed"):
        own.release(4, 1)
    net.admin.vouchers.redeem(1, [promised])  # what was promised before can be taken meanwhile
    assert earned(net, 1) == 7 * KLP
    net.pass_time(10)
    net.admin.vouchers.release(4, 1)
    assert net.admin.vouchers.free(4) == 3 * KLP
    assert net.admin.vouchers.reserved(4, 1) == ledger.Reserve(
        0, 0, net.admin.vouchers.reserved(4, 1).ready_at, 7 * KLP
    )
    with pytest.raises(Reverted, match="NotThawed"):
        own.release(4, 1)
    assert ledger.verify(net.admin, []) == []


def test_a_voucher_of_another_chain_contract_requester_or_key_is_refused(net: Net) -> None:
    own, voucher = net.clients[4], Voucher(4, 1, KLP)
    domain = own.vouchers.domain
    elsewhere = (
        replace(domain, chain_id=domain.chain_id + 1),
        replace(domain, contract=net.admin.address("Settlement")),
        replace(domain, name="Klopf"),
    )
    for other in elsewhere:
        signed = SignedVoucher(voucher, own.me.sign(voucher.digest(other)))
        with pytest.raises(Reverted, match="WrongSignature"):
            net.admin.vouchers.redeem(1, [signed])
        with pytest.raises(LedgerError, match="not signed by its requester's key"):
            signed.check(domain, own.me.address)
    for made_by in (1, 2):
        with pytest.raises(Reverted, match="WrongSignature"):
            net.admin.vouchers.redeem(1, [net.clients[made_by].vouchers.sign(4, 1, KLP)])
    good = own.vouchers.sign(4, 1, KLP)
    with pytest.raises(Reverted, match="WrongSignature"):
        net.admin.vouchers.redeem(1, [replace(good, voucher=replace(voucher, total=2 * KLP))])
    with pytest.raises(Reverted, match="WrongSignature"):
        net.admin.vouchers.redeem(1, [replace(good, signature=b"")])
    assert earned(net, 1) == 0


def test_a_key_that_was_replaced_signs_for_an_epoch_more(net: Net) -> None:
    own = net.clients[4]
    first, second = own.vouchers.sign(4, 1, KLP), own.vouchers.sign(4, 2, KLP)
    own.registry.rotate_key(4, secret(77))
    net.admin.vouchers.redeem(1, [first])
    for _ in range(4):
        net.advance()
    with pytest.raises(Reverted, match="WrongSignature"):
        net.admin.vouchers.redeem(2, [second])
    assert ledger.verify(net.admin, []) == []


def test_only_its_requester_reserves_thaws_and_withdraws(net: Net) -> None:
    other = net.clients[1].vouchers
    for call in (
        lambda: other.reserve(4, {1: 1}),
        lambda: other.thaw(4, 1, 1),
        lambda: other.withdraw(4, 1),
    ):
        with pytest.raises(Reverted, match="NotActor"):
            call()
    with pytest.raises(Reverted, match="Unregistered"):
        net.clients[4].vouchers.reserve(4, {99: 1})
    with pytest.raises(Reverted, match="Unregistered"):
        net.clients[4].vouchers.deposit(99, 1)


def test_a_voucher_travels_as_json_and_no_byte_of_it_may_change(net: Net) -> None:
    signed = net.clients[4].vouchers.sign(4, 1, 3 * 10**20)
    assert SignedVoucher.from_json(signed.to_json()) == signed
    for record in (None, {}, [], {**signed.to_json(), "total": "01"}, {**signed.to_json(), "more": 1},
                   {**signed.to_json(), "total": str(2**128)}, {**signed.to_json(), "signature": "zz"}):  # fmt: skip
        with pytest.raises(LedgerError):
            SignedVoucher.from_json(record)
