"""Registrations are bounded in bytes, can be read by pages, and in a crowd have a price that returns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP, Net, Role, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Ledger, Parameters
from tests.ledger import memory
from tests.ledger.farm import MOST_GAS, network

LONGEST = {"endpoint": "x" * 255, "model": "m" * 255}


@pytest.mark.parametrize(
    "values", [{"endpoint": "x" * 256}, {"model": "m" * 256}, {"certificate": b"c" * 4097}, {"endpoint": "x" * 18_000}]
)
def test_more_than_may_be_said_is_refused(net: Net, values: dict[str, object]) -> None:
    id = net.join(Role.REQUESTER)
    own = net.clients[id].registry
    with pytest.raises(Reverted, match="TooLong"):
        own.register(Role.REQUESTER, key=secret(5), **values)  # type: ignore[arg-type]
    with pytest.raises(Reverted, match="TooLong"):
        if "model" in values:
            own.change_model(id, "m" * 256)
        else:
            own.move(id, str(values.get("endpoint", "")), bytes(values.get("certificate", b"")))  # type: ignore[call-overload]


def test_a_crowd_of_the_longest_registrations_is_read_by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    net.admin.rpc.request = quiet(net)  # type: ignore[method-assign]
    for n in range(300):
        key = secret(9000 + n)
        if n >= 250:
            net.admin.fund(key.address, tokens=10 * KLP)
        own = Ledger(net.admin.rpc, net.admin.deployment, key)
        own.registry.register(Role.REQUESTER, certificate=b"c" * 64, **LONGEST)
    monkeypatch.setattr(memory, "GAS", MOST_GAS)
    net.admin.rpc._answers.clear()  # type: ignore[attr-defined]
    everybody = net.admin.registry.all()
    assert [p.id for p in everybody] == list(range(1, 301))
    assert all(p.endpoint == LONGEST["endpoint"] for p in everybody)


def quiet(net: Net):  # type: ignore[no-untyped-def]
    """Certificates are in events, which memory need not keep for this."""
    ask = net.admin.rpc.request
    return lambda method, *p: [] if method == "eth_getLogs" else ask(method, *p)


def test_in_a_crowd_a_registration_costs_what_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    places = {v.label: int(v.slot) for v in ledger._abi.artifact("Registry").storage}
    net.admin.rpc.world.slots[bytes.fromhex(net.admin.registry.address[2:]), places["count"]] = 256  # type: ignore[attr-defined]
    poor = Ledger(net.admin.rpc, net.admin.deployment, secret(9))
    with pytest.raises((Reverted, LedgerError)):
        poor.registry.register(Role.REQUESTER)
    id = net.join(Role.REQUESTER)
    own = net.clients[id]
    assert net.admin.registry.deposit(id) == 10 * KLP == net.admin.token.balance(net.admin.registry.address)
    own.stake.stake(id, KLP)
    with pytest.raises(Reverted, match="StillAtStake"):
        own.registry.quit(id)
    own.stake.unstake(id, KLP)
    net.pass_time(7 * 24 * 3600)
    own.stake.withdraw(id)
    with pytest.raises(Reverted, match="NotOwner"):
        net.admin.registry.quit(id)
    own.registry.quit(id)
    assert net.admin.token.balance(own.me.address) == 10_000 * KLP
    with pytest.raises(Reverted, match="NotActor"):
        own.registry.quit(id)


@pytest.mark.parametrize("role", [Role.NEURON, Role.AUDITOR, Role.REQUESTER])
def test_nobody_is_kept_from_leaving_by_a_tiny_stake_of_somebody_elses(role: Role) -> None:
    """One unit of 1e-18 KLP, added again and again, kept a deposit of 10 KLP for ever."""
    net = network()
    id, other = net.join(role), net.join(Role.NEURON)
    own, client = net.clients[id], net.clients[other]
    if role is not Role.REQUESTER:
        with pytest.raises(Reverted, match="StillAtStake"):
            own.registry.quit(id)
        own.stake.unstake(id, 100 * KLP)
        net.pass_time(7 * 24 * 3600)
        own.stake.withdraw(id)
    client.stake.stake(id, KLP)
    with pytest.raises(Reverted, match="StillAtStake"):
        own.registry.quit(id)
    own.stake.unstake(id, 1)
    net.pass_time(7 * 24 * 3600)
    own.stake.withdraw(id)
    own.registry.quit(id)
    assert net.admin.registry.weight() == 100 * KLP
    client.stake.stake(id, 1)
    before = net.admin.token.balance(own.me.address)
    own.stake.unstake(id, KLP)
    net.pass_time(7 * 24 * 3600)
    own.stake.withdraw(id)
    assert net.admin.token.balance(own.me.address) == before + KLP, "a gift is the owner's"
    net.admin.clock.start()
    net.advance()
    net.advance()
    assert [str(d) for d in ledger.verify(net.admin, [])] == []


def test_who_still_speaks_cannot_leave_however_little_it_has() -> None:
    net = network(replace(Parameters(dispute_seconds=0), neuron_stake=1, auditor_stake=1))
    for role in (Role.NEURON, Role.AUDITOR):
        id = net.join(role, stake=5)
        with pytest.raises(Reverted, match="StillAtStake"):
            net.clients[id].registry.quit(id)
        net.clients[id].stake.unstake(id, 5)
        net.clients[id].registry.quit(id)


def test_no_number_of_neurons_keeps_another_from_joining() -> None:
    """At 65,536 a count of 16 bits was full: with a third of a per cent of all tokens nobody else could join."""
    net = network()
    ids = [net.join(Role.NEURON) for _ in range(3)]
    layout = {v.label: v for v in ledger._abi.artifact("Registry").storage}
    place = bytes.fromhex(net.admin.registry.address[2:])
    slots = net.admin.rpc.world.slots  # type: ignore[attr-defined]

    def put(label: str, offset: int, size: int, value: int) -> None:
        slot, at = int(layout[label].slot), 8 * (offset + layout[label].offset)
        kept = slots.get((place, slot), 0) & ~((2 ** (8 * size) - 1) << at)
        slots[place, slot] = kept | value << at

    put("_heads", 0, 4, 65_535)
    put("_bound", 30, 2, 65_535)
    late = net.join(Role.NEURON)
    net.admin.clock.start()
    assert net.admin.registry._read("bound", 1) == (400 * KLP, 65_535)
    for id in (late, *ids[:2]):
        net.clients[id].stake.unstake(id, 100 * KLP)
    net.advance()
    net.advance()
    assert net.admin.registry._read("bound", 2) == (100 * KLP, 65_533)


def test_whoever_left_is_out_and_its_money_is_not_lost(net: Net) -> None:
    id = net.join(Role.REQUESTER)
    own = net.clients[id]
    own.vouchers.deposit(id, 3 * KLP)
    own.registry.quit(id)
    p = net.admin.registry.get(id)
    assert (p.role, p.endpoint, p.model) == (Role.NONE, "", "")
    own.vouchers.withdraw(id, 3 * KLP)
    net.admin.clock.start()
    with pytest.raises(Reverted, match="NotAdmitted"):
        own.settlement.post(id, bytes(32), bytes(32))
    assert ledger.verify(net.admin, []) == []
