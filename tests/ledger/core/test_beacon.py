"""The beacon: nobody chooses among the outcomes of a draw, and holding a value back costs stake."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import KLP, BeaconTerms, Role
from klopf.ledger.core.beacon import LENGTH, values_of
from tests.ledger.conftest import Net, embedded

STAKE = 100 * KLP


def started(neurons: int = 3) -> tuple[Net, list[int]]:
    net = embedded()
    ids = [net.join(Role.NEURON) for _ in range(neurons)]
    for id in ids:
        net.clients[id].beacon.take_part(id)
    net.admin.clock.start()
    return net, ids


def play(net: Net, ids: list[int]) -> bytes:
    """One epoch in which ``ids`` show their values; the seed of the next."""
    net.advance()
    for id in ids:
        net.clients[id].beacon.take_part(id)
    net.advance()
    return net.admin.clock.seed(net.admin.clock.now().epoch)


def verified(net: Net) -> None:
    assert [str(d) for d in ledger.verify(net.admin, net.receipts)] == []


def test_a_seed_is_what_everybody_showed_whatever_the_order_the_block_and_the_caller():
    seeds = set()
    for order in ([0, 1, 2], [2, 0, 1]):
        net, ids = started()
        seed = play(net, [ids[i] for i in order])
        net.admin.rpc.request("evm_mine")
        seeds.add((seed, play(net, [ids[i] for i in reversed(order)])))
        verified(net)
    assert len(seeds) == 1
    (first, second), beacon = seeds.pop(), net.admin.beacon
    values = [values_of(net.clients[id].me, net.admin.deployment.directory, id, 1) for id in ids]
    mix = bytes(32)
    for id, known in zip(ids, values, strict=True):
        part = keccak(encode(("uint32", "uint32", "bytes32"), (id, 2, known[LENGTH - 2])))
        mix = bytes(a ^ b for a, b in zip(mix, part, strict=True))
    assert beacon.mix(2) == mix
    assert second == keccak(encode(("bytes32", "bytes32", "uint32"), (first, mix, 3)))


def test_waiting_a_block_and_advancing_from_elsewhere_change_no_draw():
    drawn = set()
    for blocks in range(4):
        net = embedded()
        neuron = net.join(Role.NEURON)
        auditors = [net.join(Role.AUDITOR) for _ in range(8)]
        for id in auditors:
            net.clients[id].beacon.take_part(id)
        net.admin.clock.start()
        net.advance()
        for id in auditors:
            net.clients[id].beacon.take_part(id)
        for _ in range(blocks):
            net.admin.rpc.request("evm_mine")
        net.pass_time(200)
        net.clients[auditors[blocks]].clock.advance()
        drawn.add(tuple(net.admin.audits.drawn(2, neuron)))
    assert len(drawn) == 1


def test_a_value_held_back_costs_stake_once_and_changes_the_seed_by_what_it_was():
    net, ids = started()
    play(net, ids[:2])
    net.admin.beacon.settle(ids)
    net.admin.beacon.settle(ids)
    account = net.admin.stake.account(ids[2])
    assert (account.staked, account.slashed) == (95 * KLP, 5 * KLP)
    assert net.admin.stake.account(ids[0]).slashed == 0
    play(net, ids[:2])
    net.admin.beacon.settle(ids)
    assert net.admin.stake.account(ids[2]).slashed == 5 * KLP  # the chain is cut: it cannot miss again
    verified(net)


def test_what_thaws_is_no_refuge():
    net, ids = started()
    net.clients[ids[2]].stake.unstake(ids[2], STAKE)
    play(net, ids[:2])
    net.admin.beacon.settle(ids)
    account = net.admin.stake.account(ids[2])
    assert (account.staked, account.thawing, account.slashed) == (0, 95 * KLP, 5 * KLP)
    verified(net)


def test_a_fault_of_the_network_punishes_nobody():
    net, ids = started()
    play(net, ids[:1])
    net.admin.beacon.settle(ids)
    assert [net.admin.stake.account(id).slashed for id in ids] == [0, 0, 0]
    assert [net.admin.beacon.chain(id).since > 0 for id in ids] == [True, False, False]
    verified(net)


def test_whoever_missed_binds_anew_and_is_back_in_the_epoch_after():
    net, ids = started()
    play(net, ids[:2])
    net.clients[ids[2]].beacon.take_part(ids[2])  # owns up to what it missed
    assert net.admin.stake.account(ids[2]).slashed == 5 * KLP
    net.clients[ids[2]].stake.stake(ids[2], 5 * KLP)
    net.clients[ids[2]].beacon.take_part(ids[2])
    assert net.admin.beacon.chain(ids[2]).since == 3
    play(net, ids)
    play(net, ids)
    assert net.admin.beacon.chain(ids[2]).since > 0
    verified(net)


def test_leaving_the_beacon_takes_effect_when_the_epoch_is_over():
    net, ids = started()
    net.clients[ids[2]].beacon.unbind(ids[2])
    assert net.admin.beacon.chain(ids[2]).ending
    play(net, ids)
    assert net.admin.beacon.chain(ids[2]).since == 0
    play(net, ids[:2])
    net.admin.beacon.settle(ids)
    assert net.admin.stake.account(ids[2]).slashed == 0
    verified(net)


@pytest.mark.parametrize("missed_listen", [False, True])
def test_whoever_leaves_still_shows_what_it_owes(missed_listen):
    net, ids = started()
    me = net.clients[ids[2]].beacon
    if not missed_listen:
        me.take_part(ids[2], leaving=True)
    net.advance()
    for id in ids:
        net.clients[id].beacon.take_part(id, leaving=id == ids[2])
    net.advance()
    assert me.chain(ids[2]).since == 0 and me.take_part(ids[2], leaving=True) is None
    play(net, ids[:2])
    net.admin.beacon.settle(ids)
    assert net.admin.stake.account(ids[2]).slashed == 0
    verified(net)


def test_a_used_up_chain_is_followed_by_the_next():
    net, ids = started(2)
    me = net.clients[ids[0]]
    network = net.admin.deployment.directory
    me.beacon.bind(ids[0], values_of(me.me, network, ids[0], 2)[-1])
    play(net, ids)
    chain = net.admin.beacon.chain(ids[0])
    assert (chain.tip, chain.shown) == (values_of(me.me, network, ids[0], 2)[-1], 0)
    play(net, ids)
    assert net.admin.beacon.chain(ids[0]).tip == values_of(me.me, network, ids[0], 2)[LENGTH - 1]
    verified(net)


@pytest.mark.parametrize(
    ("error", "wrong"),
    [
        ("WrongPhase", lambda net, ids: net.clients[ids[0]].beacon.show(ids[0], bytes(32))),
        ("NoTip", lambda net, ids: net.clients[ids[0]].beacon.bind(ids[0], bytes(32))),
        ("NotActor|NotOwner|NotYours", lambda net, ids: net.clients[ids[0]].beacon.bind(ids[1], bytes([1] * 32))),
        ("OnlyOwner", lambda net, ids: net.clients[ids[0]].beacon.propose(BeaconTerms())),
        ("TermOutOfRange", lambda net, ids: net.admin.beacon.propose(BeaconTerms(miss_bps=0))),
        ("TermOutOfRange", lambda net, ids: net.admin.beacon.propose(BeaconTerms(miss_bps=5001))),
        ("TermOutOfRange", lambda net, ids: net.admin.beacon.propose(BeaconTerms(least=0))),
    ],
)
def test_what_is_refused(error, wrong):
    net, ids = started(2)
    with pytest.raises(Reverted, match=error):
        wrong(net, ids)


@pytest.mark.parametrize("value", [bytes(32), bytes([7] * 32)])
def test_a_value_must_hash_to_the_tip_and_is_shown_once(value):
    net, ids = started(2)
    net.advance()
    beacon = net.clients[ids[0]].beacon
    with pytest.raises(Reverted, match="WrongValue"):
        beacon.show(ids[0], value)
    beacon.take_part(ids[0])
    with pytest.raises(Reverted, match="AlreadyShown"):
        beacon.show(ids[0], values_of(net.clients[ids[0]].me, net.admin.deployment.directory, ids[0], 1)[LENGTH - 2])
    assert beacon.take_part(ids[0]) is None


def test_terms_change_from_the_next_epoch_on_and_reach_back_to_none():
    net, ids = started()
    net.admin.beacon.propose(BeaconTerms(miss_bps=5000))
    assert net.admin.beacon.terms() == BeaconTerms()
    play(net, ids[:2])  # missed under the old terms
    assert net.admin.beacon.terms() == BeaconTerms(miss_bps=5000)
    net.admin.beacon.settle(ids)
    assert net.admin.stake.account(ids[2]).slashed == 5 * KLP
    verified(net)


def test_little_stake_has_no_part():
    net, _ = started(2)
    poor = net.join(Role.NEURON, stake=STAKE - 1)
    assert net.clients[poor].beacon.take_part(poor) is None
    with pytest.raises(Reverted, match="TooLittleStake"):
        net.clients[poor].beacon.bind(poor, bytes([1] * 32))
