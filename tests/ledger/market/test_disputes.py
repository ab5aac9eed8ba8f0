"""A listener that signed one thing and posted another loses its own reward; nobody else loses anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP, TINY, WINDOW, Net, Role, quarrel, receipt, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Standing
from klopf.ledger._deployment import deploy_over
from tests.ledger.memory import MemoryRpc


@pytest.fixture
def trio(net: Net) -> tuple[Net, int, int, int]:
    a, b, r = net.join(Role.NEURON), net.join(Role.NEURON), net.join(Role.REQUESTER)
    net.admin.clock.start()
    return net, a, b, r


def test_a_listener_that_posts_another_root_loses_its_reward(trio: tuple[Net, int, int, int]) -> None:
    net, a, b, r = trio
    before = {i: net.admin.token.balance(net.clients[i].me.address) for i in (a, b)}
    quarrel(net, a, b, r)
    earned = {i: net.admin.token.balance(net.clients[i].me.address) - before[i] for i in (a, b)}
    assert earned == {a: 0, b: 0}  # a alone was heard, and would have had the whole reward of the epoch
    assert net.admin.token.emitted() == 0
    dispute = net.admin.disputes.get(2, a, b)
    assert dispute is not None and not dispute.open
    assert net.admin.disputes.get(2, b, a) is None
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_listener_that_failed_before_it_posted_cannot_be_disputed(trio: tuple[Net, int, int, int]) -> None:
    net, a, b, _ = trio
    net.admin.rules.propose(replace(net.admin.rules.current(), dispute_seconds=WINDOW))
    net.advance()
    net.advance()
    epoch = net.admin.clock.now().epoch
    signed = net.sign(receipt(net, a, b, 500))
    (heard,) = net.post(b, {a: 7000})
    net.advance()
    net.clients[a].settlement.claim(a, [heard])
    net.advance()
    with pytest.raises(Reverted, match="NothingPosted"):
        net.clients[b].disputes.open(signed)
    net.pass_time(WINDOW)
    net.admin.settle(epoch)
    column = net.admin.settlement.column(epoch, a)
    assert column.collected and not column.voided
    assert net.admin.token.emitted() == 10_000 * KLP
    assert ledger.verify(net.admin, net.receipts) == []


def test_what_cannot_be_disputed(trio: tuple[Net, int, int, int]) -> None:
    net, a, b, r = trio
    (early,) = net.post(r, {a: 0})
    with pytest.raises(Reverted, match="WindowClosed"):  # the epoch runs
        net.clients[a].disputes.open(early)
    net.advance()
    net.advance()
    with pytest.raises(Reverted, match="WindowClosed"):  # its rules knew no disputes
        net.clients[a].disputes.open(early)
    net.admin.rules.propose(replace(net.admin.rules.current(), dispute_seconds=WINDOW))
    net.advance()
    net.advance()
    epoch = net.admin.clock.now().epoch
    counted, other = net.post(r, {a: 0, b: 0})
    net.post(b, {a: 100})
    net.advance()
    net.clients[a].settlement.claim(a, [s for s in net.receipts if s.receipt.epoch == epoch and s.receipt.speaker == a])
    net.advance()
    opened = net.clients[a].disputes
    with pytest.raises(Reverted, match="AlreadyHeard"):
        opened.open(counted)
    with pytest.raises(Reverted, match="WrongHeard"):  # a claim that says less than it counted
        opened._write("open", counted.receipt.as_tuple(), counted.listener_signature, [])
    with pytest.raises(Reverted, match="NotActor"):
        opened.open(other)
    with pytest.raises(Reverted, match="WrongListenerSignature"):
        net.clients[b].disputes.open(replace(other, listener_signature=other.speaker_signature))
    with pytest.raises(Reverted, match="NotOpen"):
        opened.uphold(epoch, r, b)
    net.clients[b].disputes.open(other)
    with pytest.raises(Reverted, match="AlreadyDisputed"):
        net.clients[b].disputes.open(other)
    net.admin.disputes.answer(epoch, r, b, other.proof)
    with pytest.raises(Reverted, match="NotOpen"):
        net.admin.disputes.answer(epoch, r, b, other.proof)
    for function, arguments in (("hold", (epoch, a)), ("release", (epoch, a, True))):
        with pytest.raises(Reverted, match="OnlyDisputes"):
            net.clients[a].settlement._write(function, *arguments)
    net.pass_time(WINDOW)
    with pytest.raises(Reverted, match="WindowClosed"):
        net.clients[b].disputes.open(other)
    net.admin.settle(epoch)
    assert net.admin.token.balance(net.clients[b].me.address) == (10_000 - 100) * KLP
    assert ledger.verify(net.admin, net.receipts) == []
    with pytest.raises(Reverted, match="disputeSeconds"):
        net.admin.rules.propose(replace(net.admin.rules.current(), dispute_seconds=31 * 24 * 3600))


def test_a_device_needs_no_coin(trio: tuple[Net, int, int, int]) -> None:
    """Its owner signs, somebody else carries; nobody can change what was signed or carry it twice."""
    net, a, _, _ = trio
    owner = ledger.Ledger(net.admin.rpc, net.admin.deployment, secret(71))  # has never had a coin or a token
    assert net.admin.rpc.request("eth_getTransactionCount", owner.me.address, "latest") == "0x0"
    carried = owner.carried_by(net.clients[a])
    device = carried.devices.mint(secret(72), 4, 1, 2048, b"d" * 32)
    assert net.admin.devices.owner(device) == owner.me.address
    node = carried.effort.found(fee_bps=0)
    carried.effort.join(device, node)
    assert net.admin.effort.node(node)[0] == owner.me.address and net.admin.effort.node_of(device) == node
    function = owner.devices._functions["transferFrom"]
    data = function.call_data((owner.me.address, net.admin.me.address, device))
    request = owner.forwarder.sign(owner.devices.address, data)
    with pytest.raises(Reverted, match="ERC2771ForwarderInvalidSigner"):
        net.admin.forwarder.carry(replace(request, gas=request.gas + 1))
    net.admin.forwarder.carry(request)
    assert net.admin.devices.owner(device) == net.admin.me.address
    with pytest.raises(Reverted, match="ERC2771ForwarderInvalidSigner"):
        net.admin.forwarder.carry(request)
    with pytest.raises(Reverted, match="ERC721InsufficientApproval"):  # refused before it is signed
        owner.forwarder.sign(owner.devices.address, data)
    with pytest.raises(LedgerError, match="only calls of Devices and Effort"):
        owner.forwarder.sign(owner.stake.address, b"")
    late = (
        net.clients[a]
        .carried_by(net.admin)
        .forwarder.sign(net.admin.effort.address, net.admin.effort._functions["found"].call_data((0, 0)), seconds=60)
    )
    net.pass_time(100)
    with pytest.raises(Reverted, match="ERC2771ForwarderExpiredRequest"):
        net.admin.forwarder.carry(late)
    assert net.admin.rpc.request("eth_getTransactionCount", owner.me.address, "latest") == "0x0"
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_new_key_takes_back_nothing_that_the_old_one_signed(trio: tuple[Net, int, int, int]) -> None:
    """A listener posts and then replaces its key, twice: what it signed is claimed and disputed all the same."""
    net, a, b, r = trio
    net.admin.rules.propose(replace(net.admin.rules.current(), dispute_seconds=WINDOW))
    net.advance()
    net.advance()
    epoch = net.admin.clock.now().epoch
    (claimed,) = net.post(a, {b: 9000})
    (disputed,) = net.post(r, {b: 0})
    net.advance()
    for id in (a, r):
        net.clients[id].registry.rotate_key(id, secret(200 + id))
        net.clients[id].registry.rotate_key(id, secret(300 + id))
    net.clients[b].settlement.claim(b, [claimed])
    net.advance()
    net.clients[r].registry.rotate_key(r, secret(400 + r))
    before = net.admin.token.balance(net.clients[b].me.address)
    net.clients[b].disputes.open(disputed)
    net.admin.disputes.answer(epoch, r, b, disputed.proof)
    net.pass_time(WINDOW)
    net.admin.settle(epoch)
    # heard by the only other listener with stake: the whole reward of the epoch
    assert net.admin.token.balance(net.clients[b].me.address) - before == 10_000 * KLP
    assert ledger.verify(net.admin, net.receipts) == []
    # a key signs for no epoch after the one that it was replaced in, and never for another participant
    assert net.admin.registry.replaced_in(secret(200 + a).address) == epoch
    late = receipt(net, r, b, 0)
    net.clients[r].settlement.post(r, ledger.ReceiptTree([late]).root, bytes(32))
    stale = replace(net.sign(late), listener_signature=secret(200 + r).sign(late.digest(net.admin.domain)))
    others = replace(stale, listener_signature=net.clients[a].me.sign(late.digest(net.admin.domain)))
    zeros = replace(stale, listener_signature=bytes(65))
    net.advance()
    for signed in (stale, others, zeros):
        with pytest.raises(Reverted, match="WrongListenerSignature"):
            net.clients[b].settlement.claim(b, [signed])
    net.advance()
    for signed in (stale, others, zeros):
        with pytest.raises(Reverted, match="WrongListenerSignature"):
            net.clients[b].disputes.open(signed)


def test_only_a_neuron_that_spoke_with_stake_may_open_a_dispute(trio: tuple[Net, int, int, int]) -> None:
    """Ids that nobody stakes for cannot be made by the hundred to dispute receipts of nothing."""
    net, a, b, r = trio
    net.admin.rules.propose(replace(net.admin.rules.current(), dispute_seconds=WINDOW))
    net.advance()
    net.advance()
    epoch = net.admin.clock.now().epoch
    poor, late = net.join(Role.NEURON, stake=0), net.join(Role.NEURON)  # one not admitted, one only from now on
    auditor = net.join(Role.AUDITOR)
    given = {speaker: net.sign(receipt(net, a, speaker, 0)) for speaker in (b, r, poor, late, auditor)}
    net.clients[a].settlement.post(a, bytes(32), bytes(32))
    net.advance()
    net.advance()
    for speaker in (r, poor, late, auditor):
        with pytest.raises(Reverted, match="NotAdmitted"):
            net.clients[speaker].disputes.open(given[speaker])
    net.clients[b].stake.unstake(b, 100 * KLP)  # it goes; what it was promised while it spoke is still its own
    assert net.admin.registry.get(b).standing is Standing.SILENT
    net.clients[b].disputes.open(given[b])
    net.receipts.append(given[b])
    assert net.admin.settlement.contested(epoch, a) == 1
    net.pass_time(WINDOW)
    net.admin.disputes.uphold(epoch, a, b)
    assert net.admin.settlement.contested(epoch, a) == 0
    assert net.admin.settlement.column(epoch, a).voided
    assert ledger.verify(net.admin, net.receipts) == []


def test_there_is_room_for_any_number_of_disputes() -> None:
    """More than a byte counts, about one listener and one epoch."""
    rpc, key = MemoryRpc(), secret(0)
    book = ledger.Ledger(rpc, deploy_over(rpc, key, replace(TINY, dispute_seconds=WINDOW)), key)
    settlement = book.settlement
    disputes, there = (bytes.fromhex(c.address[2:]) for c in (book.disputes, settlement))
    hold = settlement._functions["hold"].call_data((1, 7))
    for _ in range(300):
        done = rpc._run(disputes, there, hold)
        assert done.status
        rpc.world.apply(done.difference)
    assert settlement.contested(1, 7) == 300


def test_the_time_to_answer_is_that_of_the_rules_the_epoch_was_played_by(trio: tuple[Net, int, int, int]) -> None:
    net, _, b, r = trio
    net.admin.rules.propose(replace(net.admin.rules.current(), dispute_seconds=WINDOW))
    net.advance()
    net.advance()
    (good,) = net.post(r, {b: 0})
    net.admin.rules.propose(replace(net.admin.rules.current(), dispute_seconds=0))
    net.advance()
    net.advance()
    assert net.admin.rules.current().dispute_seconds == 0
    net.clients[b].disputes.open(good)
    with pytest.raises(Reverted, match="NotDue"):
        net.admin.disputes.uphold(2, r, b)
    net.admin.disputes.answer(2, r, b, good.proof)
    assert ledger.verify(net.admin, net.receipts) == []
